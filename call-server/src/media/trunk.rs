//! One trunk leg: a citizen's voice over RTP or SRTP on a port of its own. It knows where the far side is, what was agreed with it, and what
//! the citizen hears. Inside it is always A-law, whatever the far side speaks. Not here: sending packets on (`relay`).

use super::counters::Counters;
use super::guard::Guard;
use super::health::Reading;
use super::keys::{KeyRow, Pressed};
use super::negotiate::Equipment;
use super::net::{DATAGRAM_BYTES, OUTPUT_BYTES, Pair};
use super::player::Player;
use super::stream::OutgoingStream;
use super::wide::{OpusVoice, TICKS};
use shared::model::{LegId, RecordingId};
use sip_core::sdp::{Codec, OUR_OPUS, PayloadType};
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use voice::dtmf::DtmfDetector;
use voice::g711::{alaw_to_ulaw, decode_alaw, decode_ulaw, encode_alaw, ulaw_to_alaw};
use voice::rtcp::{self, Item, ReceptionStatistics, SenderInfo};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::telephone_event::KeyReader;
use voice::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// A key in the audio is over when nothing was heard of it for so long, in µs; until then a masked recording stays silent.
const KEY_FADES_US: u64 = 150_000;
/// A far side that sends from another port than it has announced is believed after so many packets in a row (200 ms), if meanwhile nothing
/// came from the announced one: it is permitted (RFC 3264 section 5.1), but so late is no packet of an older call.
const BELIEVED_AFTER: u8 = 10;
/// A talking leg that was not heard for so long may be heard from where it was announced again (I-35), in µs.
const LOST_AFTER_US: u64 = 500_000;

/// One trunk leg.
#[derive(Debug)]
pub(super) struct TrunkLeg {
    /// Its name.
    pub(super) id: LegId,
    /// Its own sockets.
    pub(super) sockets: Pair,
    /// What it hears.
    pub(super) role: Role,
    /// What is sent to it.
    pub(super) out: OutgoingStream,
    /// Where it is recorded while it is in no talk.
    pub(super) kept: Option<RecordingId>,
    /// Its keys are kept out of what is recorded, also while it is held.
    pub(super) masks_keys: bool,
    /// Keys that are being pressed towards it; voice is left out meanwhile.
    pub(super) pressing: Option<KeyRow>,
    /// Listens for tones.
    pub(super) tones: Option<Box<DtmfDetector>>,
    /// The key that was found in the newest packet's audio.
    pub(super) tone: Option<char>,
    /// Between it and its socket.
    pub(super) guard: Guard,
    opus: Option<Box<OpusVoice>>,
    path: Path,
    nat: bool,
    /// Who sends from another port of the announced host, and how many packets in a row.
    candidate: Option<(SocketAddr, u8)>,
    format: Format,
    telephone_events: [Option<u8>; 2],
    listens: bool,
    reports_to: Reports,
    /// Where its last description wants our voice.
    announced: Option<SocketAddr>,
    keys: KeyReader,
    heard_us: u64,
    key_us: Option<u64>,
    is_silent: bool,
    statistics: ReceptionStatistics,
    sent_packets: u32,
    reported_us: u64,
}

/// What the negotiation gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreement {
    /// Where the far side wants to be reached.
    pub(super) path: Path,
    /// There is address translation on the way: where it really is, the first packet shows.
    pub(super) nat: bool,
    /// Voice.
    pub(super) format: Format,
    /// Payload types of keys, on a clock of 8,000 and of 48,000 Hz.
    pub(super) telephone_events: [Option<u8>; 2],
    /// Whether the far side wants to hear us.
    pub(super) listens: bool,
    /// Where it wants reports.
    pub(super) reports: Reports,
}

/// Where a far side wants reports (RFC 3550 section 11, RFC 3605, RFC 5761).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// It has not told: at the port beside that of its voice.
    Unknown,
    /// At this port.
    Beside(u16),
    /// Where its voice is.
    Shared,
}

/// Where the far side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// It has not told: the first packet does.
    Unknown,
    /// As its session description says.
    Announced(SocketAddr),
    /// As its packets say; other sources are refused.
    Latched(SocketAddr),
    /// As its packets said; but none came for a while, so it is looked for where it was announced as well.
    Lost(SocketAddr),
}

impl Path {
    fn announced(self) -> Option<SocketAddr> {
        match self {
            Self::Announced(address) => Some(address),
            Self::Unknown | Self::Latched(_) | Self::Lost(_) => None,
        }
    }
}

/// Which voice is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One, under this payload type.
    Agreed(u8, Codec),
    /// Opus under this one, and a law that the far side may change to.
    Opus(u8, Option<PayloadType>),
    /// Both laws under their static types; the first packet decides.
    Open,
}

/// What a trunk leg hears.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// Nothing is sent.
    Silent,
    /// Music or prompts.
    Playing(Player),
    /// It takes part in this talk, at this place.
    Talking(u16, u8),
}

/// What a packet was.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// Nothing to act upon; counted if it was a fault.
    Nothing,
    /// A key, reported once.
    Key(char),
    /// Voice for the talk, from this place in it.
    Voice((u16, u8), Header, &'a [u8], Codec),
    /// Voice for a recording alone.
    Kept(RecordingId, Header, &'a [u8], Codec),
}

impl TrunkLeg {
    /// A leg whose negotiation is done and of which nothing was heard yet.
    pub(super) fn new(id: LegId, sockets: Pair, agreement: Agreement, (equipment, out): (Equipment, OutgoingStream)) -> Self {
        Self {
            id,
            sockets,
            role: Role::Silent,
            kept: None,
            masks_keys: false,
            out,
            pressing: None,
            tones: None,
            tone: None,
            guard: equipment.guard,
            opus: equipment.opus,
            path: agreement.path,
            nat: agreement.nat,
            candidate: None,
            format: agreement.format,
            telephone_events: agreement.telephone_events,
            listens: agreement.listens,
            reports_to: agreement.reports,
            announced: agreement.path.announced(),
            keys: KeyReader::default(),
            heard_us: 0,
            key_us: None,
            is_silent: false,
            statistics: ReceptionStatistics::new(8),
            sent_packets: 0,
            reported_us: 0,
        }
    }

    /// Reads a word here and there, so that all of it is near when a packet comes; gives the talk and the place in it.
    pub(super) fn read_ahead(&self) -> Option<(u16, u8)> {
        let words =
            (self.out.ssrc(), self.kept, self.statistics.packets().received(), matches!(self.guard, Guard::Plain), self.pressing.is_some());
        black_box((words, self.sent_packets, self.heard_us, self.announced.is_some()));
        match self.role {
            Role::Talking(talk, place) => Some((talk, place)),
            Role::Silent | Role::Playing(_) => None,
        }
    }

    /// A media thread serves it from now on.
    pub(super) fn begin(&mut self, now_us: u64) {
        (self.heard_us, self.reported_us) = (now_us, now_us);
    }

    /// Reads the next datagram, and whence it came.
    pub(super) fn receive(&self, buffer: &mut [u8; DATAGRAM_BYTES]) -> Option<(usize, SocketAddr)> {
        match self.path {
            Path::Latched(address) => self.sockets.voice.receive_connected(buffer).map(|length| (length, address)),
            Path::Unknown | Path::Announced(_) | Path::Lost(_) => self.sockets.voice.receive(buffer),
        }
    }

    /// What was agreed has changed. An address that only says again what was said before leaves the path as the packets showed it.
    pub(super) fn follow(&mut self, agreement: Agreement) {
        (self.listens, self.nat) = (agreement.listens, agreement.nat);
        self.telephone_events = agreement.telephone_events;
        self.reports_to = agreement.reports;
        match agreement.format {
            Format::Agreed(payload_type, _) | Format::Opus(payload_type, _) => {
                self.format = agreement.format;
                self.out.set_payload_type(payload_type);
            }
            Format::Open => {}
        }
        // "None at all" is how old phones hold: it is no address to go to.
        let moved = agreement.path.announced().filter(|address| !address.ip().is_unspecified() && self.announced != Some(*address));
        if let Some(address) = moved {
            self.announced = Some(address);
            if self.path != Path::Latched(address) && self.sockets.voice.disconnect().is_ok() {
                (self.path, self.candidate) = (Path::Announced(address), None);
            }
        }
    }

    /// Takes one datagram, the first `length` bytes of the buffer; what is decoded stands in it afterwards.
    pub(super) fn hear<'a>(
        &mut self,
        now_us: u64,
        from: SocketAddr,
        (buffer, length): (&'a mut [u8; DATAGRAM_BYTES], usize),
        counters: &Counters,
    ) -> Heard<'a> {
        if !self.may_come_from(from) {
            counters.strangers.bump();
            return Heard::Nothing;
        }
        if is_report(&buffer[..length]) {
            self.note_report(now_us, from, &mut buffer[..length], counters);
            return Heard::Nothing;
        }
        let Some(length) = self.guard.open(&mut buffer[..length], counters) else { return Heard::Nothing };
        let (Ok((_, start)), Ok(Packet { header, payload })) = (Header::read(&buffer[..length]), Packet::read(&buffer[..length])) else {
            counters.garbage.bump();
            return Heard::Nothing;
        };
        let end = start + payload.len();
        let is_key = self.telephone_events.contains(&Some(header.payload_type));
        let voice = self.voice(header.payload_type);
        if !is_key && voice.is_none() {
            counters.other_payloads.bump();
            return Heard::Nothing;
        }
        self.latch(from, header.payload_type, voice);
        self.heard_us = now_us;
        self.is_silent = false;
        let Some(voice) = voice else {
            self.key_us = Some(now_us);
            return self.keys.read(header.ssrc, header.timestamp, &buffer[start..end]).map_or(Heard::Nothing, Heard::Key);
        };
        if start == end {
            return Heard::Nothing;
        }
        match self.understand(voice, header, buffer, (start, end)) {
            Some((header, end, codec)) => self.heard(now_us, header, &buffer[start..end], codec),
            None => {
                counters.garbage.bump();
                Heard::Nothing
            }
        }
    }

    /// Voice as G.711: its header, its end in the buffer, its law. `None` for a packet that is too long, or broken.
    fn understand(
        &mut self,
        voice: Voice,
        header: Header,
        buffer: &mut [u8; DATAGRAM_BYTES],
        (start, end): (usize, usize),
    ) -> Option<(Header, usize, Codec)> {
        match voice {
            Voice::Law(codec) => (end - start <= MAX_PACKET_SAMPLES).then_some((header, end, codec)),
            Voice::Opus => {
                let mut alaw = [0; MAX_PACKET_SAMPLES];
                let (count, header) = self.opus.as_mut()?.hear(&header, &buffer[start..end], &mut alaw)?;
                buffer.get_mut(start..start + count)?.copy_from_slice(&alaw[..count]);
                Some((header, start + count, Codec::Pcma))
            }
        }
    }

    fn heard<'a>(&mut self, now_us: u64, header: Header, payload: &'a [u8], codec: Codec) -> Heard<'a> {
        self.statistics.note_packet(now_us, &header);
        self.tone = self.hear_tones(now_us, codec, payload);
        match self.role {
            Role::Talking(talk, place) => Heard::Voice((talk, place), header, payload, codec),
            Role::Silent | Role::Playing(_) => self.kept.map_or(Heard::Nothing, |recording| Heard::Kept(recording, header, payload, codec)),
        }
    }

    /// Sends the finished packet in `buffer[..length]`, if the far side wants to hear anything. Whether it was sent.
    fn send(&mut self, buffer: &mut [u8; OUTPUT_BYTES], length: usize, counters: &Counters) -> bool {
        if !self.listens || self.path == Path::Unknown {
            return false;
        }
        let Some(length) = self.guard.seal(buffer, length) else { return false };
        let taken = match self.path {
            Path::Announced(address) | Path::Lost(address) => self.sockets.voice.send_to(&buffer[..length], address),
            Path::Latched(_) => self.sockets.voice.send(&buffer[..length]),
            Path::Unknown => false,
        };
        if taken {
            self.sent_packets = self.sent_packets.wrapping_add(1);
        } else {
            counters.send_failures.bump();
        }
        taken
    }

    /// The next 20 ms of keys that are pressed; false when all are.
    pub(super) fn press(&mut self, due_us: u64, counters: &Counters) -> bool {
        let (event, scale) = match (self.telephone_events, self.format) {
            ([_, Some(wide)], Format::Opus(..)) => (Some(wide), TICKS),
            ([narrow, _], _) => (narrow, 1),
        };
        let mut samples = [0; FRAME_SAMPLES];
        let Some(pressed) = self.pressing.as_mut().map(|row| row.next(event.is_some(), &mut samples)) else { return false };
        let mut output = [0; OUTPUT_BYTES];
        match (pressed, event) {
            (Pressed::Event(packet), Some(payload_type)) => {
                let [code, volume, high, low] = packet.payload;
                let duration = u16::from_be_bytes([high, low]);
                let mut header = self.out.event(due_us, payload_type, packet.marker, duration);
                header.timestamp = header.timestamp.wrapping_mul(scale);
                let [high, low] = u16::try_from(u32::from(duration) * scale).unwrap_or(u16::MAX).to_be_bytes();
                let payload = [code, volume, high, low];
                let length = HEADER_BYTES + payload.len();
                output[HEADER_BYTES..length].copy_from_slice(&payload);
                if header.write(&mut output).is_ok() {
                    self.send(&mut output, length, counters);
                }
            }
            (Pressed::Sound, _) => {
                encode_alaw(&samples, &mut output[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES]);
                let header = self.out.proceed(due_us, FRAME_SAMPLES);
                self.send_alaw(&header, &mut output, FRAME_SAMPLES, counters);
            }
            (Pressed::Event(_), None) => {}
            (Pressed::Over, _) => return false,
        }
        true
    }

    /// The law of what is sent.
    pub(super) fn law(&self) -> Codec {
        match self.format {
            Format::Agreed(_, codec) => codec,
            // Opus is made of it.
            Format::Opus(..) | Format::Open => Codec::Pcma,
        }
    }

    /// Whether what is heard now stays out of the recording: a key sounds, or has just sounded, and keys are masked. Tones are known only when they have begun, so a trunk
    /// that is listened to for tones is left out altogether.
    pub(super) fn is_masked(&self, now_us: u64) -> bool {
        let fades = |at_us: u64| now_us.saturating_sub(at_us) < KEY_FADES_US;
        self.masks_keys && (self.tones.is_some() || self.key_us.is_some_and(fades))
    }

    fn hear_tones(&mut self, now_us: u64, codec: Codec, payload: &[u8]) -> Option<char> {
        let tones = self.tones.as_mut()?;
        let mut samples = [0; MAX_PACKET_SAMPLES];
        let count = match codec {
            Codec::Pcma => decode_alaw(payload, &mut samples),
            Codec::Pcmu => decode_ulaw(payload, &mut samples),
        };
        let key = tones.hear(&samples[..count]);
        if tones.sounding().is_some() {
            self.key_us = Some(now_us);
        }
        key
    }

    /// The reports' own socket has one of the far side.
    pub(super) fn hear_report(&mut self, now_us: u64, counters: &Counters) {
        let mut buffer = [0; DATAGRAM_BYTES];
        let Some((length, from)) = self.sockets.reports.as_ref().and_then(|socket| socket.receive(&mut buffer)) else { return };
        self.note_report(now_us, from, &mut buffer[..length], counters);
    }

    fn note_report(&mut self, now_us: u64, from: SocketAddr, report: &mut [u8], counters: &Counters) {
        let is_known = match self.path {
            Path::Latched(address) | Path::Lost(address) => from.ip() == address.ip(),
            Path::Unknown | Path::Announced(_) => false,
        };
        if !is_known {
            return counters.garbage.bump();
        }
        let Some(length) = self.guard.open_report(report, counters) else { return };
        let Ok(items) = rtcp::read(&report[..length]) else { return counters.garbage.bump() };
        counters.reports.bump();
        for item in items {
            match item {
                Item::Report(report) => self.statistics.note_report(now_us, self.out.ssrc(), &report),
                Item::Goodbye { .. } => {}
            }
        }
    }

    /// Sends a report if one is due.
    pub(super) fn report(&mut self, now_us: u64, every_us: u64, counters: &Counters) {
        let Path::Latched(address) = self.path else { return };
        if now_us.saturating_sub(self.reported_us) < every_us {
            return;
        }
        self.reported_us = now_us;
        let packets = self.sent_packets;
        let payload_bytes = packets.wrapping_mul(FRAME_SAMPLES as u32);
        let sender = SenderInfo { ntp: rtcp::ntp(now_us), timestamp: self.out.end(), packets, payload_bytes };
        let block = self.statistics.block(now_us);
        let mut buffer = [0; OUTPUT_BYTES];
        let written = rtcp::write(&mut buffer, self.out.ssrc(), Some(&sender), Some(&block), "server").ok();
        let Some(length) = written.and_then(|length| self.guard.seal_report(&mut buffer, length)) else { return };
        if self.send_report(&buffer[..length], address) {
            counters.reports.bump();
        }
    }

    fn send_report(&self, report: &[u8], address: SocketAddr) -> bool {
        let port = match self.reports_to {
            Reports::Shared => return self.sockets.voice.send(report),
            // What it said holds only where it said it would be.
            Reports::Beside(port) if self.announced == Some(address) => Some(port),
            Reports::Beside(_) | Reports::Unknown => address.port().checked_add(1),
        };
        let to = port.map(|port| SocketAddr::new(address.ip(), port));
        to.zip(self.sockets.reports.as_ref()).is_some_and(|(to, socket)| socket.send_to(report, to))
    }

    /// What the stream's counters say.
    pub(super) fn reading(&self) -> Reading {
        let packets = self.statistics.packets();
        Reading {
            expected: packets.expected(),
            received: packets.received(),
            jitter_us: packets.jitter_us(),
            round_trip_us: self.statistics.round_trip_us(),
            lost_there: self.statistics.far().map(|block| block.fraction_lost),
            concealed: 0,
            opus: false,
        }
    }

    /// Sends the A-law that stands behind the header's place in `buffer`, in the leg's own codec. Whether it was sent.
    pub(super) fn send_alaw(&mut self, header: &Header, buffer: &mut [u8; OUTPUT_BYTES], samples: usize, counters: &Counters) -> bool {
        if self.law() == Codec::Pcmu {
            buffer[HEADER_BYTES..HEADER_BYTES + samples].iter_mut().for_each(|byte| *byte = alaw_to_ulaw(*byte));
        }
        self.send_law(header, buffer, samples, counters)
    }

    /// The same for samples that are in the leg's own law already.
    pub(super) fn send_law(&mut self, header: &Header, buffer: &mut [u8; OUTPUT_BYTES], samples: usize, counters: &Counters) -> bool {
        let (mut header, mut length) = (*header, HEADER_BYTES + samples);
        if let (Format::Opus(..), Some(opus)) = (self.format, &mut self.opus) {
            let mut alaw = [0; MAX_PACKET_SAMPLES];
            alaw[..samples].copy_from_slice(&buffer[HEADER_BYTES..length]);
            let Some(bytes) = opus.say(&alaw[..samples], &mut buffer[HEADER_BYTES..HEADER_BYTES + MAX_PACKET_SAMPLES]) else {
                return false;
            };
            counters.opus_frames.bump();
            length = HEADER_BYTES + bytes;
            header.timestamp = header.timestamp.wrapping_mul(TICKS);
        }
        header.write(buffer).is_ok() && self.send(buffer, length, counters)
    }

    /// Whether a talking leg has just become silent for longer than the limit; told once for each silence.
    pub(super) fn became_silent(&mut self, now_us: u64, limit_us: u64) -> bool {
        let is_talking = matches!(self.role, Role::Talking(..));
        let is_silent = is_talking && now_us.saturating_sub(self.heard_us) >= limit_us;
        let has_become = is_silent && !self.is_silent;
        self.is_silent = is_silent;
        has_become
    }

    /// A talking leg that is not heard any more, or not yet, is looked for where it was announced again (I-35); whether it is from now on.
    pub(super) fn re_anchor(&mut self, now_us: u64) -> bool {
        let Path::Latched(address) = self.path else { return false };
        let is_lost = matches!(self.role, Role::Talking(..)) && now_us.saturating_sub(self.heard_us) >= LOST_AFTER_US;
        if !is_lost || self.announced.is_none() || self.sockets.voice.disconnect().is_err() {
            return false;
        }
        (self.path, self.candidate) = (Path::Lost(address), None);
        true
    }

    fn may_come_from(&mut self, from: SocketAddr) -> bool {
        match self.path {
            Path::Unknown => true,
            Path::Latched(address) => from == address,
            Path::Announced(address) => from == address || self.is_believed(from),
            Path::Lost(address) => from == address || self.announced == Some(from) || self.is_believed(from),
        }
    }

    /// Who is not where the far side was announced.
    fn is_believed(&mut self, from: SocketAddr) -> bool {
        let Some(announced) = self.announced else { return false };
        let is_its_host = from.ip() == announced.ip();
        if self.nat || !is_its_host {
            return self.nat && (is_its_host || may_be_behind_nat(announced.ip()));
        }
        let before = self.candidate.filter(|(candidate, _)| *candidate == from).map_or(0, |(_, packets)| packets);
        self.candidate = Some((from, before.saturating_add(1)));
        before >= BELIEVED_AFTER
    }

    fn voice(&self, payload_type: u8) -> Option<Voice> {
        match self.format {
            Format::Agreed(agreed, codec) => (agreed == payload_type).then_some(Voice::Law(codec)),
            Format::Opus(agreed, _) if agreed == payload_type => Some(Voice::Opus),
            Format::Opus(_, law) => law.filter(|law| law.number == payload_type).map(|law| Voice::Law(law.codec)),
            Format::Open if self.opus.is_some() && payload_type == OUR_OPUS => Some(Voice::Opus),
            Format::Open => {
                let law = [Codec::Pcma, Codec::Pcmu].into_iter().find(|codec| codec.static_payload_type() == payload_type);
                law.map(Voice::Law)
            }
        }
    }

    fn latch(&mut self, from: SocketAddr, payload_type: u8, voice: Option<Voice>) {
        if let (Format::Open, Some(voice)) = (self.format, voice) {
            self.format = match voice {
                Voice::Law(codec) => Format::Agreed(payload_type, codec),
                Voice::Opus => Format::Opus(payload_type, None),
            };
            self.out.set_payload_type(payload_type);
        }
        match self.path {
            Path::Latched(_) => {}
            Path::Unknown | Path::Announced(_) | Path::Lost(_) => {
                if self.sockets.voice.connect(from).is_ok() {
                    self.path = Path::Latched(from);
                }
            }
        }
    }
}

/// What a voice packet's payload is.
#[derive(Debug, Clone, Copy)]
enum Voice {
    Law(Codec),
    Opus,
}

/// RFC 5761 section 4: RTCP by its second byte.
fn is_report(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// The codec's samples as A-law.
pub(super) fn to_alaw(codec: Codec, payload: &[u8], out: &mut [u8]) {
    match codec {
        Codec::Pcma => out.iter_mut().zip(payload).for_each(|(byte, sample)| *byte = *sample),
        Codec::Pcmu => out.iter_mut().zip(payload).for_each(|(byte, sample)| *byte = ulaw_to_alaw(*sample)),
    }
}

/// Addresses that mean nothing outside the far side's own network (RFC 1918, RFC 6598, RFC 4193, RFC 3927), and "none".
fn may_be_behind_nat(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0xC0 == 64;
            v4.is_private() || v4.is_link_local() || v4.is_unspecified() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::guard::Keys;
    use crate::media::net::VoiceSocket;
    use shared::model::LegId;
    use voice::srtp::{MasterKey, SrtpSender, Suite};

    const FAR: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_000);

    fn talking_leg() -> TrunkLeg {
        let voice = VoiceSocket::bind(SocketAddr::new(FAR.ip(), 0)).expect("a free port");
        let agreement = Agreement {
            path: Path::Announced(FAR),
            nat: false,
            format: Format::Agreed(8, Codec::Pcma),
            telephone_events: [None; 2],
            listens: true,
            reports: Reports::Unknown,
        };
        let equipment = Equipment { guard: Guard::Plain, opus: None };
        let mut leg =
            TrunkLeg::new(LegId(1), Pair { address: FAR, voice, reports: None }, agreement, (equipment, OutgoingStream::new(1, 8, 0)));
        leg.role = Role::Talking(2, 0);
        leg
    }

    fn hears(leg: &mut TrunkLeg, now_us: u64, port: u16) -> bool {
        let mut packet = [0; DATAGRAM_BYTES];
        Header { marker: false, payload_type: 8, sequence: 1, timestamp: 1, ssrc: 1 }.write(&mut packet).expect("room for it");
        let heard = leg.hear(now_us, SocketAddr::new(FAR.ip(), port), (&mut packet, 20), &Counters::default());
        matches!(heard, Heard::Voice(..))
    }

    #[test]
    fn another_port_of_the_announced_host_is_believed_only_after_many_packets_in_a_row_and_then_alone() {
        let mut leg = talking_leg();
        assert!((0..100).all(|n| !hears(&mut leg, 0, 4_002 + 2 * (n % 2))), "two by turns");
        assert!((0..BELIEVED_AFTER).all(|_| !hears(&mut leg, 0, 4_006)));
        assert!(hears(&mut leg, 0, 4_006));
        assert!(!hears(&mut leg, 0, 4_002) && !hears(&mut leg, 0, FAR.port()));
        let mut leg = talking_leg();
        assert!((0..BELIEVED_AFTER).all(|_| !hears(&mut leg, 0, 4_006)));
        assert!(hears(&mut leg, 0, FAR.port()), "the announced one at once");
        assert!(!hears(&mut leg, 0, 4_006));
    }

    #[test]
    fn behind_address_translation_the_first_packet_of_the_host_tells_its_port() {
        let mut leg = talking_leg();
        leg.nat = true;
        assert!(hears(&mut leg, 0, 4_002));
        assert!(!hears(&mut leg, 0, 4_004) && !hears(&mut leg, 0, FAR.port()));
    }

    #[test]
    fn i_35_who_is_not_heard_for_half_a_second_is_heard_from_where_it_was_announced_again() {
        let mut leg = talking_leg();
        leg.nat = true;
        assert!(hears(&mut leg, 0, 4_002));
        leg.nat = false;
        assert!(!leg.re_anchor(LOST_AFTER_US - 1) && leg.re_anchor(LOST_AFTER_US) && !leg.re_anchor(LOST_AFTER_US));
        assert!(!hears(&mut leg, LOST_AFTER_US, 4_004));
        assert!(hears(&mut leg, LOST_AFTER_US, FAR.port()));
        assert!(!hears(&mut leg, LOST_AFTER_US, 4_002), "now it is there");
        assert!(leg.re_anchor(2 * LOST_AFTER_US));
        assert!(hears(&mut leg, 2 * LOST_AFTER_US, FAR.port()), "after a pause it goes on from where it was");
    }

    #[test]
    fn silence_is_measured_from_the_newest_packet() {
        let mut leg = talking_leg();
        assert!(hears(&mut leg, 900, 4_000));
        assert!(!leg.became_silent(1_899, 1_000));
        assert!(leg.became_silent(1_900, 1_000) && !leg.became_silent(1_901, 1_000));
        leg.role = Role::Silent;
        assert!(!leg.became_silent(9_000, 1_000));
    }

    #[test]
    fn encryption_and_opus_cost_no_allocation_on_a_packets_way() {
        let [ours, theirs] = [7, 8].map(|byte| MasterKey([byte; 30]));
        let suite = Suite::Aes128Gcm;
        let mut leg = talking_leg();
        leg.nat = true;
        leg.guard = Guard::Keyed(Box::new(Keys::new(suite, &ours, &theirs)));
        leg.opus = Some(Box::new(OpusVoice::new().expect("libopus is there")));
        leg.format = Format::Opus(96, None);
        // Somebody has to be there: what nobody takes comes back as a failure of the next packet.
        let far = std::net::UdpSocket::bind((FAR.ip(), 0)).expect("a free port");
        let address = far.local_addr().expect("bound");
        let mut sender = SrtpSender::with_suite(suite, &theirs);
        let mut encoder = voice::codec::Codec::Opus { expected_loss_percent: 0 }.encoder().expect("libopus is there");
        let mut packet = |number: u16| {
            let mut bytes = [0; DATAGRAM_BYTES];
            let samples: [i16; FRAME_SAMPLES] = std::array::from_fn(|n| (n as i16) * 50);
            let length = HEADER_BYTES + encoder.encode(&samples, &mut bytes[HEADER_BYTES..HEADER_BYTES + 480]).expect("20 ms");
            let header = Header { marker: false, payload_type: 96, sequence: number, timestamp: u32::from(number) * 960, ssrc: 1 };
            header.write(&mut bytes).expect("room for it");
            let length = sender.protect(&mut bytes, length).expect("room for it");
            (bytes, length)
        };
        let mut packets: Vec<_> = (1..50).map(&mut packet).collect();
        let (counters, mut voices, mut sent) = (Counters::default(), 0, 0);
        let measured = allocation_counter::measure(|| {
            for (now, (bytes, length)) in (0..).zip(&mut packets) {
                let heard = leg.hear(now * 20_000, address, (bytes, *length), &counters);
                voices += usize::from(matches!(heard, Heard::Voice(_, _, payload, Codec::Pcma) if payload.len() == FRAME_SAMPLES));
                let mut output = [0x55; OUTPUT_BYTES];
                let header = leg.out.proceed(now * 20_000, FRAME_SAMPLES);
                sent += usize::from(leg.send_alaw(&header, &mut output, FRAME_SAMPLES, &counters));
            }
        });
        assert_eq!((voices, sent, measured.count_total), (49, 49, 0));
    }

    #[test]
    fn only_addresses_of_closed_networks_may_be_behind_nat() {
        let is = |text: &str| may_be_behind_nat(text.parse().expect("an address"));
        assert!(
            ["10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.9.9", "0.0.0.0", "fd00::1", "fe80::1", "::"]
                .into_iter()
                .all(is)
        );
        assert!(!["127.0.0.1", "172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1", "::1"].into_iter().any(is));
    }
}

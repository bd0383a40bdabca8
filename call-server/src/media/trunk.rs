//! One trunk leg: a citizen's voice over plain RTP on a port of its own. It knows where the far side is, what was agreed with it, and what
//! the citizen hears. Not here: sending packets on (`relay`).

use super::counters::Counters;
use super::health::Reading;
use super::keys::KeyRow;
use super::net::{DATAGRAM_BYTES, OUTPUT_BYTES, VoiceSocket};
use super::player::Player;
use super::stream::OutgoingStream;
use shared::model::{LegId, RecordingId};
use sip_core::sdp::Codec;
use std::net::{IpAddr, SocketAddr};
use voice::MAX_PACKET_SAMPLES;
use voice::dtmf::DtmfDetector;
use voice::g711::{alaw_to_ulaw, decode_alaw, decode_ulaw, ulaw_to_alaw};
use voice::rtcp::{self, Item, ReceptionStatistics, SenderInfo};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::telephone_event::KeyReader;

/// A key in the audio is over when nothing was heard of it for so long, in µs; until then a masked recording stays silent.
const KEY_FADES_US: u64 = 150_000;

/// One trunk leg.
#[derive(Debug)]
pub(super) struct TrunkLeg {
    /// Its name.
    pub(super) id: LegId,
    /// Its own socket.
    pub(super) socket: VoiceSocket,
    /// Its own socket for reports, if the port beside was free.
    pub(super) reports: Option<VoiceSocket>,
    /// The port of that socket.
    pub(super) port: u16,
    /// What it hears.
    pub(super) role: Role,
    /// What is sent to it.
    pub(super) out: OutgoingStream,
    /// Where it is recorded while it is in no talk.
    pub(super) kept: Option<RecordingId>,
    /// Keys that are being pressed towards it; voice is left out meanwhile.
    pub(super) pressing: Option<KeyRow>,
    /// Listens for tones.
    pub(super) tones: Option<Box<DtmfDetector>>,
    /// The key that was found in the newest packet's audio.
    pub(super) tone: Option<char>,
    path: Path,
    format: Format,
    telephone_event: Option<u8>,
    listens: bool,
    /// Where its last description wants our voice.
    announced: Option<SocketAddr>,
    keys: KeyReader,
    heard_us: u64,
    key_us: Option<u64>,
    is_silent: bool,
    statistics: ReceptionStatistics,
    sent_packets: std::cell::Cell<u32>,
    reported_us: u64,
}

/// What the negotiation gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreement {
    /// Where the far side wants to be reached.
    pub(super) path: Path,
    /// Voice.
    pub(super) format: Format,
    /// Payload type of keys.
    pub(super) telephone_event: Option<u8>,
    /// Whether the far side wants to hear us.
    pub(super) listens: bool,
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
}

impl Path {
    fn announced(self) -> Option<SocketAddr> {
        match self {
            Self::Announced(address) => Some(address),
            Self::Unknown | Self::Latched(_) => None,
        }
    }
}

/// Which voice is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One, under this payload type.
    Agreed(u8, Codec),
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
    pub(super) fn new(
        id: LegId,
        (socket, reports): (VoiceSocket, Option<VoiceSocket>),
        port: u16,
        agreement: Agreement,
        out: OutgoingStream,
    ) -> Self {
        Self {
            id,
            socket,
            reports,
            port,
            role: Role::Silent,
            kept: None,
            out,
            pressing: None,
            tones: None,
            tone: None,
            path: agreement.path,
            format: agreement.format,
            telephone_event: agreement.telephone_event,
            listens: agreement.listens,
            announced: agreement.path.announced(),
            keys: KeyReader::default(),
            heard_us: 0,
            key_us: None,
            is_silent: false,
            statistics: ReceptionStatistics::new(8),
            sent_packets: std::cell::Cell::new(0),
            reported_us: 0,
        }
    }

    /// A media thread serves it from now on.
    pub(super) fn begin(&mut self, now_us: u64) {
        (self.heard_us, self.reported_us) = (now_us, now_us);
    }

    /// Reads the next datagram, and whence it came.
    pub(super) fn receive(&self, buffer: &mut [u8; DATAGRAM_BYTES]) -> Option<(usize, SocketAddr)> {
        match self.path {
            Path::Latched(address) => self.socket.receive_connected(buffer).map(|length| (length, address)),
            Path::Unknown | Path::Announced(_) => self.socket.receive(buffer),
        }
    }

    /// What was agreed has changed. An address that only says again what was said before leaves the path as the packets showed it.
    pub(super) fn follow(&mut self, agreement: Agreement) {
        self.listens = agreement.listens;
        self.telephone_event = agreement.telephone_event;
        if let Format::Agreed(payload_type, _) = agreement.format {
            self.format = agreement.format;
            self.out.set_payload_type(payload_type);
        }
        // "None at all" is how old phones hold: it is no address to go to.
        let moved = agreement.path.announced().filter(|address| !address.ip().is_unspecified() && self.announced != Some(*address));
        if let Some(address) = moved {
            self.announced = Some(address);
            if self.path != Path::Latched(address) && self.socket.disconnect().is_ok() {
                self.path = Path::Announced(address);
            }
        }
    }

    /// Takes one datagram.
    pub(super) fn hear<'a>(&mut self, now_us: u64, from: SocketAddr, datagram: &'a [u8], counters: &Counters) -> Heard<'a> {
        if !self.may_come_from(from) {
            counters.strangers.bump();
            return Heard::Nothing;
        }
        let Ok(Packet { header, payload }) = Packet::read(datagram) else {
            counters.garbage.bump();
            return Heard::Nothing;
        };
        let is_key = self.telephone_event == Some(header.payload_type);
        let codec = self.codec(header.payload_type);
        if !is_key && codec.is_none() {
            counters.other_payloads.bump();
            return Heard::Nothing;
        }
        self.latch(from, header.payload_type, codec);
        self.heard_us = now_us;
        self.is_silent = false;
        match (codec, self.role) {
            (None, _) => {
                self.key_us = Some(now_us);
                self.keys.read(header.ssrc, header.timestamp, payload).map_or(Heard::Nothing, Heard::Key)
            }
            (Some(_), _) if payload.len() > MAX_PACKET_SAMPLES => {
                counters.garbage.bump();
                Heard::Nothing
            }
            (Some(codec), role) if !payload.is_empty() => {
                self.statistics.note_packet(now_us, &header);
                self.tone = self.hear_tones(now_us, codec, payload);
                match role {
                    Role::Talking(talk, place) => Heard::Voice((talk, place), header, payload, codec),
                    Role::Silent | Role::Playing(_) => {
                        self.kept.map_or(Heard::Nothing, |recording| Heard::Kept(recording, header, payload, codec))
                    }
                }
            }
            (Some(_), Role::Talking(..) | Role::Silent | Role::Playing(_)) => Heard::Nothing,
        }
    }

    /// Sends a finished packet, if the far side wants to hear anything. Whether it was sent.
    pub(super) fn send(&self, packet: &[u8], counters: &Counters) -> bool {
        let taken = match self.path {
            Path::Announced(address) if self.listens => self.socket.send_to(packet, address),
            Path::Latched(_) if self.listens => self.socket.send(packet),
            Path::Unknown | Path::Announced(_) | Path::Latched(_) => return false,
        };
        if taken {
            self.sent_packets.set(self.sent_packets.get().wrapping_add(1));
        } else {
            counters.send_failures.bump();
        }
        taken
    }

    /// Whether the far side takes telephone events, and as which payload type.
    pub(super) fn telephone_event(&self) -> Option<u8> {
        self.telephone_event
    }

    /// The law of what is sent.
    pub(super) fn law(&self) -> Codec {
        match self.format {
            Format::Agreed(_, codec) => codec,
            Format::Open => Codec::Pcma,
        }
    }

    /// Whether a key sounds, or has just sounded: what a masked recording leaves out. Tones are known only when they have begun, so a trunk
    /// that is listened to for tones is left out altogether.
    pub(super) fn key_sounds(&self, now_us: u64) -> bool {
        self.tones.is_some() || self.key_us.is_some_and(|at_us| now_us.saturating_sub(at_us) < KEY_FADES_US)
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

    /// A report of the far side.
    pub(super) fn hear_report(&mut self, now_us: u64, counters: &Counters) {
        let mut buffer = [0; DATAGRAM_BYTES];
        let Some((length, from)) = self.reports.as_ref().and_then(|socket| socket.receive(&mut buffer)) else { return };
        let is_known = match self.path {
            Path::Latched(address) => from.ip() == address.ip(),
            Path::Unknown | Path::Announced(_) => false,
        };
        let Some(items) = is_known.then(|| rtcp::read(&buffer[..length]).ok()).flatten() else {
            counters.garbage.bump();
            return;
        };
        counters.reports.bump();
        for item in items {
            match item {
                Item::Report(report) => self.statistics.note_report(now_us, self.out.ssrc(), &report),
                Item::Goodbye { .. } => {}
            }
        }
    }

    /// Sends a report if one is due: to the port beside that of the voice (RFC 3550 section 11).
    pub(super) fn report(&mut self, now_us: u64, every_us: u64, counters: &Counters) {
        let (Some(socket), Path::Latched(address)) = (&self.reports, self.path) else { return };
        let Some(port) = address.port().checked_add(1).filter(|_| now_us.saturating_sub(self.reported_us) >= every_us) else { return };
        self.reported_us = now_us;
        let packets = self.sent_packets.get();
        let payload_bytes = packets.wrapping_mul(voice::FRAME_SAMPLES as u32);
        let sender = SenderInfo { ntp: rtcp::ntp(now_us), timestamp: self.out.end(), packets, payload_bytes };
        let block = self.statistics.block(now_us);
        let mut buffer = [0; OUTPUT_BYTES];
        let written = rtcp::write(&mut buffer, self.out.ssrc(), Some(&sender), Some(&block), "server");
        if written.is_ok_and(|length| socket.send_to(&buffer[..length], SocketAddr::new(address.ip(), port))) {
            counters.reports.bump();
        }
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

    /// Sends the A-law that stands behind the header's place in `buffer`, in the leg's own law. Whether it was sent.
    pub(super) fn send_alaw(&self, header: &Header, buffer: &mut [u8; OUTPUT_BYTES], samples: usize, counters: &Counters) -> bool {
        let length = HEADER_BYTES + samples;
        if self.law() == Codec::Pcmu {
            buffer[HEADER_BYTES..length].iter_mut().for_each(|byte| *byte = alaw_to_ulaw(*byte));
        }
        header.write(buffer).is_ok() && self.send(&buffer[..length], counters)
    }

    /// Whether a talking leg has just become silent for longer than the limit; told once for each silence.
    pub(super) fn became_silent(&mut self, now_us: u64, limit_us: u64) -> bool {
        let is_talking = matches!(self.role, Role::Talking(..));
        let is_silent = is_talking && now_us.saturating_sub(self.heard_us) >= limit_us;
        let has_become = is_silent && !self.is_silent;
        self.is_silent = is_silent;
        has_become
    }

    fn may_come_from(&self, from: SocketAddr) -> bool {
        match self.path {
            Path::Unknown => true,
            Path::Announced(address) => from.ip() == address.ip() || may_be_behind_nat(address.ip()),
            Path::Latched(address) => from == address,
        }
    }

    fn codec(&self, payload_type: u8) -> Option<Codec> {
        match self.format {
            Format::Agreed(agreed, codec) => (agreed == payload_type).then_some(codec),
            Format::Open => [Codec::Pcma, Codec::Pcmu].into_iter().find(|codec| codec.static_payload_type() == payload_type),
        }
    }

    fn latch(&mut self, from: SocketAddr, payload_type: u8, codec: Option<Codec>) {
        if let (Format::Open, Some(codec)) = (self.format, codec) {
            self.format = Format::Agreed(payload_type, codec);
            self.out.set_payload_type(payload_type);
        }
        match self.path {
            Path::Latched(_) => {}
            Path::Unknown | Path::Announced(_) => {
                if self.socket.connect(from).is_ok() {
                    self.path = Path::Latched(from);
                }
            }
        }
    }
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
    use shared::model::LegId;

    const FAR: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_000);

    fn talking_leg() -> TrunkLeg {
        let socket = VoiceSocket::bind(SocketAddr::new(FAR.ip(), 0)).expect("a free port");
        let agreement =
            Agreement { path: Path::Announced(FAR), format: Format::Agreed(8, Codec::Pcma), telephone_event: None, listens: true };
        let mut leg = TrunkLeg::new(LegId(1), (socket, None), 0, agreement, OutgoingStream::new(1, 8, 0));
        leg.role = Role::Talking(2, 0);
        leg
    }

    fn hears(leg: &mut TrunkLeg, now_us: u64, port: u16) -> bool {
        let mut packet = [0; 20];
        Header { marker: false, payload_type: 8, sequence: 1, timestamp: 1, ssrc: 1 }.write(&mut packet).expect("room for it");
        let heard = leg.hear(now_us, SocketAddr::new(FAR.ip(), port), &packet, &Counters::default());
        matches!(heard, Heard::Voice(..))
    }

    #[test]
    fn after_the_first_packet_even_the_same_host_is_heard_from_one_port_only() {
        let mut leg = talking_leg();
        assert!(hears(&mut leg, 0, 4_002));
        assert!(!hears(&mut leg, 0, 4_004) && !hears(&mut leg, 0, FAR.port()));
        assert!(hears(&mut leg, 0, 4_002));
    }

    #[test]
    fn silence_is_measured_from_the_newest_packet() {
        let mut leg = talking_leg();
        hears(&mut leg, 900, 4_000);
        assert!(!leg.became_silent(1_899, 1_000));
        assert!(leg.became_silent(1_900, 1_000) && !leg.became_silent(1_901, 1_000));
        leg.role = Role::Silent;
        assert!(!leg.became_silent(9_000, 1_000));
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

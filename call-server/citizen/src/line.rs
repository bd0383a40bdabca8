//! The citizen's voice: what is said leaves every 20 ms, what is heard is placed by RTP timestamp (RFC 3550), or,
//! where the plan wishes it, played through a jitter buffer. No SIP.

use crate::codec;
use crate::plan::Speech;
use crate::sdp::{FarAudio, Law};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use voice::jitter::JitterBuffer;
use voice::telephone_event::KeySender;

/// Samples of one packet: 20 ms at 8 kHz.
const FRAME_SAMPLES: usize = 160;
/// How long a key is pressed: 100 ms.
const KEY_FRAMES: u16 = 5;
/// Samples per millisecond.
const SAMPLES_PER_MS: usize = 8;
/// A timestamp that disagrees with the moment of arrival by more than this, in samples, begins a new placement.
const PLACEMENT_TOLERANCE: i64 = 16_000;

/// One voice path.
#[derive(Debug)]
pub(crate) struct Line {
    socket: UdpSocket,
    speech: Speech,
    far: Option<FarAudio>,
    sender: Sender,
    ear: Ear,
    player: Option<Player>,
}

impl Line {
    /// A path that neither sends nor hears yet. `seed` makes SSRC, first sequence number and first timestamp.
    pub(crate) fn new(socket: UdpSocket, speech: Speech, played: bool, seed: u64) -> Self {
        let player = played.then(Player::default);
        Self { socket, speech, far: None, sender: Sender::new(seed), ear: Ear::default(), player }
    }

    /// Own RTP address.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The far end's audio is known: hearing begins. Called again for early media, answer and re-INVITE.
    pub(crate) fn open(&mut self, far: FarAudio, now: Instant) {
        self.far = Some(far);
        self.ear.opened.get_or_insert(now);
    }

    /// Presses keys, one after another, as named events; what is said meanwhile is not heard (RFC 4733 section 2.5.1.2).
    pub(crate) fn press(&mut self, keys: &str) {
        self.sender.keys.extend(keys.chars().filter_map(|key| KeySender::new(key, KEY_FRAMES)));
    }

    /// Says the next 20 ms, and plays what is to be heard with them. A full socket buffer loses the packet, as a network would.
    pub(crate) fn speak(&mut self, now: Instant) {
        if let Some(player) = &mut self.player {
            player.play(now);
        }
        let Some(far) = self.far else { return };
        let packet = self.sender.next(&self.speech, far);
        if self.socket.try_send_to(&packet, far.address).is_ok() {
            self.sender.sent += 1;
        }
    }

    /// Waits for a packet; to be given to [`Self::hear`]. Cancelling loses nothing.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.socket.recv_from(buffer).await.map(|(length, _)| length)
    }

    /// Takes one packet.
    pub(crate) fn hear(&mut self, packet: &[u8], now: Instant) {
        self.ear.take(packet, now);
        if let Some(player) = &mut self.player {
            player.take(packet, now);
        }
    }

    /// Packets sent, packets received, samples heard.
    pub(crate) fn finish(self) -> Finished {
        Finished {
            packets_sent: self.sender.sent,
            packets_received: self.ear.received,
            packets_lost: self.ear.arrivals.lost(),
            jitter_ms: self.ear.arrivals.jitter / SAMPLES_PER_MS as f32,
            heard: self.player.map_or(self.ear.samples, |player| player.samples),
        }
    }
}

#[derive(Debug)]
struct Sender {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    position: usize,
    sent: u64,
    keys: VecDeque<KeySender>,
    /// Timestamp at which the key that is pressed began.
    pressed: Option<u32>,
}

impl Sender {
    fn new(seed: u64) -> Self {
        let [a, b, c, d, e, f, ..] = seed.to_be_bytes();
        Self {
            ssrc: (seed >> 7) as u32,
            sequence: u16::from_be_bytes([a, b]),
            timestamp: u32::from_be_bytes([c, d, e, f]),
            position: 0,
            sent: 0,
            keys: VecDeque::new(),
            pressed: None,
        }
    }

    fn next(&mut self, speech: &Speech, far: FarAudio) -> Vec<u8> {
        let key = far.events.and_then(|payload_type| self.next_key(payload_type));
        let packet = key.unwrap_or_else(|| self.next_voice(speech, far.law));
        self.position += FRAME_SAMPLES;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        packet
    }

    /// The next packet of a pressed key; all packets of one key carry the timestamp at which it began.
    fn next_key(&mut self, payload_type: u8) -> Option<Vec<u8>> {
        loop {
            let Some(event) = self.keys.front_mut()?.next() else {
                self.keys.pop_front();
                self.pressed = None;
                continue;
            };
            let timestamp = *self.pressed.get_or_insert(self.timestamp);
            let header = codec::Header { payload_type, marker: event.marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
            return Some(codec::event(header, &event.payload));
        }
    }

    fn next_voice(&mut self, speech: &Speech, law: Law) -> Vec<u8> {
        let samples: Vec<i16> = (self.position..self.position + FRAME_SAMPLES).map(|at| speech.sample(at)).collect();
        let header = codec::Header {
            payload_type: law.payload_type(),
            marker: self.position == 0,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        codec::packet(header, law, &samples)
    }
}

/// Plays what arrives. It knows A-law only, which is what the bench offers.
#[derive(Debug)]
struct Player {
    began: Instant,
    buffer: JitterBuffer,
    samples: Vec<i16>,
}

impl Default for Player {
    fn default() -> Self {
        Self { began: Instant::now(), buffer: JitterBuffer::new(), samples: Vec::new() }
    }
}

impl Player {
    fn now_us(&self, now: Instant) -> u64 {
        now.duration_since(self.began).as_micros() as u64
    }

    fn take(&mut self, packet: &[u8], now: Instant) {
        if let Some((header, payload)) = codec::read(packet)
            && Law::of(header.payload_type) == Some(Law::A)
        {
            self.buffer.insert_payload(self.now_us(now), &header, payload);
        }
    }

    fn play(&mut self, now: Instant) {
        let frame = self.buffer.pull(self.now_us(now));
        self.samples.extend(frame);
    }
}

/// What is left of a voice path.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) packets_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) packets_lost: u64,
    pub(crate) jitter_ms: f32,
    pub(crate) heard: Vec<i16>,
}

/// How packets of one source arrive (RFC 3550 appendix A.3 and A.8).
#[derive(Debug, Default)]
struct Arrivals {
    source: Option<u32>,
    first: u64,
    highest: u64,
    received: u64,
    /// Losses of earlier sources.
    lost_before: u64,
    transit: i64,
    /// In samples.
    jitter: f32,
}

impl Arrivals {
    /// `arrived` in samples.
    fn note(&mut self, header: &codec::Header, arrived: i64) {
        let transit = arrived - i64::from(header.timestamp);
        if self.source != Some(header.ssrc) {
            let number = u64::from(header.sequence) + (1 << 32);
            *self = Self {
                source: Some(header.ssrc),
                first: number,
                highest: number,
                received: 1,
                lost_before: self.lost(),
                transit,
                jitter: self.jitter,
            };
            return;
        }
        let ahead = header.sequence.wrapping_sub(self.highest as u16).cast_signed();
        if ahead > 0 {
            self.highest += u64::from(ahead.unsigned_abs());
        }
        self.received += 1;
        let deviation = (transit - self.transit).unsigned_abs() as f32;
        self.transit = transit;
        self.jitter += (deviation - self.jitter) / 16.0;
    }

    fn lost(&self) -> u64 {
        let expected = if self.source.is_some() { self.highest + 1 - self.first } else { 0 };
        self.lost_before + expected.saturating_sub(self.received)
    }
}

/// Places what arrives.
#[derive(Debug, Default)]
struct Ear {
    opened: Option<Instant>,
    received: u64,
    placement: Option<Placement>,
    arrivals: Arrivals,
    samples: Vec<i16>,
}

/// Timestamp `timestamp` of source `ssrc` belongs at sample `at`.
#[derive(Debug, Clone, Copy)]
struct Placement {
    ssrc: u32,
    timestamp: u32,
    at: i64,
}

impl Ear {
    fn take(&mut self, packet: &[u8], now: Instant) {
        let (Some(opened), Some((header, payload))) = (self.opened, codec::read(packet)) else { return };
        let Some(law) = Law::of(header.payload_type) else { return };
        self.received += 1;
        let arrived = now.duration_since(opened).as_millis() as i64 * SAMPLES_PER_MS as i64;
        self.arrivals.note(&header, arrived);
        let at = self.place(&header, arrived);
        if let Ok(at) = usize::try_from(at) {
            self.write(at, &codec::decode(law, payload));
        }
    }

    /// Where a packet's first sample belongs. A new source, or one whose clock jumped, is placed by its arrival.
    fn place(&mut self, header: &codec::Header, arrived: i64) -> i64 {
        if let Some(base) = self.placement.filter(|base| base.ssrc == header.ssrc) {
            let at = base.at + i64::from(header.timestamp.wrapping_sub(base.timestamp).cast_signed());
            if (at - arrived).abs() <= PLACEMENT_TOLERANCE {
                return at;
            }
        }
        self.placement = Some(Placement { ssrc: header.ssrc, timestamp: header.timestamp, at: arrived });
        arrived
    }

    fn write(&mut self, at: usize, samples: &[i16]) {
        let end = at + samples.len();
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        self.samples[at..end].copy_from_slice(samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn packet(ssrc: u32, timestamp: u32, value: i16) -> Vec<u8> {
        let header = codec::Header { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc };
        codec::packet(header, Law::A, &[value; FRAME_SAMPLES])
    }

    fn loud(ear: &Ear) -> Vec<bool> {
        ear.samples.chunks(FRAME_SAMPLES).map(|frame| frame[80].unsigned_abs() > 1000).collect()
    }

    #[test]
    fn missing_packets_are_counted_over_the_end_of_the_count_and_late_ones_are_not_missing() {
        let mut arrivals = Arrivals::default();
        for (place, sequence) in [65_534_u16, 65_535, 1, 0, 4].into_iter().enumerate() {
            let header = codec::Header { payload_type: 8, marker: false, sequence, timestamp: 160 * place as u32, ssrc: 1 };
            arrivals.note(&header, 160 * place as i64);
        }
        assert_eq!((arrivals.lost(), arrivals.jitter), (2, 0.0), "2 and 3 are missing");
        arrivals.note(&codec::Header { payload_type: 8, marker: false, sequence: 9, timestamp: 0, ssrc: 2 }, 0);
        assert_eq!(arrivals.lost(), 2, "another source begins its own count");
    }

    #[test]
    fn packets_are_placed_by_timestamp_and_not_by_arrival() {
        let start = Instant::now();
        let mut ear = Ear { opened: Some(start), ..Ear::default() };
        ear.take(&packet(1, u32::MAX - 159, 8000), start);
        ear.take(&packet(1, 320, 8000), start + Duration::from_millis(20));
        assert_eq!(loud(&ear), [true, false, false, true]);
        ear.take(&packet(1, 160, 8000), start + Duration::from_millis(21));
        assert_eq!(loud(&ear), [true, false, true, true]);
        assert_eq!(ear.received, 3);
    }

    #[test]
    fn what_is_played_comes_beat_by_beat_and_hides_a_lost_packet() {
        let start = Instant::now();
        let mut player = Player::default();
        for beat in 0..20_u32 {
            let now = start + Duration::from_millis(20 * u64::from(beat));
            if beat != 10 {
                player.take(&packet(1, 160 * beat, 8000), now);
            }
            player.play(now);
        }
        assert_eq!(player.samples.len(), 20 * FRAME_SAMPLES);
        let quiet = player.samples.chunks(FRAME_SAMPLES).skip_while(|frame| frame[80] == 0).filter(|frame| frame[80] < 6000).count();
        assert_eq!(quiet, 0, "nothing is silent from the first sound on");
    }

    #[test]
    fn another_source_and_a_jumped_clock_are_placed_by_arrival() {
        let start = Instant::now();
        let mut ear = Ear { opened: Some(start), ..Ear::default() };
        ear.take(&packet(1, 0, 8000), start);
        ear.take(&packet(2, 77_000, 8000), start + Duration::from_millis(40));
        assert_eq!(loud(&ear), [true, false, true]);
        ear.take(&packet(2, 9_000_000, 8000), start + Duration::from_millis(80));
        assert_eq!(loud(&ear), [true, false, true, false, true]);
    }

    #[test]
    fn what_is_no_voice_is_not_heard() {
        let start = Instant::now();
        let mut ear = Ear { opened: Some(start), ..Ear::default() };
        ear.take(b"hello", start);
        let header = codec::Header { payload_type: 101, marker: false, sequence: 0, timestamp: 0, ssrc: 1 };
        ear.take(&codec::packet(header, Law::A, &[8000; 4]), start);
        assert_eq!((ear.received, ear.samples.len()), (0, 0));
    }
}

//! What a leg hears, measured. Relayed packets carry the moment of sending. Mixed and transcoded voices cannot: their packets are held
//! against the pace of their own timestamps, and in some calls a ping, a loud frame in silence, tells how long a voice is under way.

use crate::leg::read_stamp;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use voice::codec::{Codec, Decoder, Encoder};
use voice::rtp::{Packet, SequenceExtender};

/// A ping every half second.
const PING_FRAMES: u64 = 25;
/// A ping's amplitude, and from where on it is heard.
const LOUD: i16 = 12_000;
const HEARD: u16 = 1_500;
/// A ping that needs longer is none of ours.
const LONGEST_US: u64 = 450_000;
/// A-law samples of 20 ms.
const FRAME: usize = 160;

/// How a leg measures what it hears.
pub(crate) enum Ear {
    /// Delays in µs of packets that carry their moment.
    Stamps(Vec<u64>),
    /// How packets keep their own pace.
    Pace(Pace),
    /// The same, and the pings of the other side.
    Pings(Pace, PingEar),
}

impl Ear {
    /// Whether the payload must be decrypted.
    pub(crate) fn needs_payload(&self) -> bool {
        match self {
            Self::Stamps(_) | Self::Pings(..) => true,
            Self::Pace(_) => false,
        }
    }

    /// One packet.
    pub(crate) fn hear(&mut self, now_us: u64, packet: &Packet<'_>, window: &Range<u64>) {
        match self {
            Self::Stamps(delays) => {
                if let Some(sent_us) = read_stamp(packet.payload).filter(|sent_us| window.contains(sent_us)) {
                    delays.push(now_us.saturating_sub(sent_us));
                }
            }
            Self::Pace(pace) => pace.hear(now_us, packet, window),
            Self::Pings(pace, pings) => {
                pace.hear(now_us, packet, window);
                pings.hear(now_us, packet, window);
            }
        }
    }
}

/// Arrival of packets against their own timestamps.
#[derive(Default)]
pub(crate) struct Pace {
    sequence: SequenceExtender,
    first: Option<u64>,
    last: u64,
    /// Arrival less timestamp of each packet in the window, in µs, against that of the first.
    transits: Vec<i64>,
    /// Arrival and timestamp that the others are held against, and their payload type: each codec counts for itself.
    start: Option<(u64, u32, u8)>,
}

impl Pace {
    fn hear(&mut self, now_us: u64, packet: &Packet<'_>, window: &Range<u64>) {
        let number = self.sequence.extend(packet.header.sequence);
        if !window.contains(&now_us) {
            return;
        }
        self.first.get_or_insert(number);
        self.last = self.last.max(number);
        let (payload_type, here) = (packet.header.payload_type, (now_us, packet.header.timestamp, packet.header.payload_type));
        let (arrival_us, timestamp, _) = *match &mut self.start {
            Some(start) if start.2 == payload_type => start,
            other => other.insert(here),
        };
        let ticks_per_ms = if payload_type == 8 { 8 } else { 48 };
        let media_us = i64::from(packet.header.timestamp.wrapping_sub(timestamp).cast_signed()) * 1_000 / ticks_per_ms;
        self.transits.push((now_us - arrival_us).cast_signed() - media_us);
    }

    /// How much later than the quickest each packet was, in µs; and how many did not come.
    pub(crate) fn take(&mut self) -> (Vec<u64>, u64) {
        let transits = std::mem::take(&mut self.transits);
        let quickest = transits.iter().copied().min().unwrap_or(0);
        let sent = self.first.take().map_or(0, |first| self.last + 1 - first);
        self.start = None;
        let lost = sent.saturating_sub(transits.len() as u64);
        (transits.into_iter().map(|transit| (transit - quickest).cast_unsigned()).collect(), lost)
    }
}

/// One side's pings.
pub(crate) struct Pings {
    last: Arc<AtomicU64>,
    /// Not shared; the lock is only because the library's pointer says nothing about threads.
    encoder: Mutex<Encoder>,
}

impl Pings {
    /// A side that pings, and the ear of the other.
    pub(crate) fn new() -> anyhow::Result<(Self, PingEar)> {
        let last: Arc<AtomicU64> = Arc::default();
        let opus = Codec::Opus { expected_loss_percent: 0 };
        let ear = PingEar { last: Arc::clone(&last), decoder: opus.decoder()?, found: Vec::new() };
        Ok((Self { last, encoder: Mutex::new(opus.encoder()?) }, ear))
    }

    /// The payload of this frame.
    pub(crate) fn say(&mut self, now_us: u64, frame: u64, opus: bool, room: &mut [u8]) -> usize {
        let pings = frame.is_multiple_of(PING_FRAMES);
        if pings {
            self.last.store(now_us, Ordering::Relaxed);
        }
        let samples: [i16; FRAME] = std::array::from_fn(|n| {
            if !pings {
                0
            } else if n % 8 < 4 {
                LOUD
            } else {
                -LOUD
            }
        });
        if opus {
            let encoder = self.encoder.get_mut().unwrap_or_else(PoisonError::into_inner);
            return encoder.encode(&samples, room).unwrap_or(0);
        }
        voice::g711::encode_alaw(&samples, room)
    }
}

/// The other side's ear.
pub(crate) struct PingEar {
    last: Arc<AtomicU64>,
    decoder: Decoder,
    found: Vec<u64>,
}

impl PingEar {
    fn hear(&mut self, now_us: u64, packet: &Packet<'_>, window: &Range<u64>) {
        let mut samples = [0; 960];
        let count = match packet.header.payload_type {
            8 => voice::g711::decode_alaw(packet.payload, &mut samples),
            _ => self.decoder.decode(packet.payload, &mut samples).unwrap_or(0),
        };
        let Some(place) = samples[..count].iter().position(|sample| sample.unsigned_abs() >= HEARD) else { return };
        // Heard once: its rest and its echo come later.
        let sent_us = self.last.swap(0, Ordering::Relaxed);
        let delay_us = (now_us + place as u64 * 125).saturating_sub(sent_us);
        if sent_us > 0 && window.contains(&sent_us) && delay_us < LONGEST_US {
            self.found.push(delay_us);
        }
    }

    /// The delays found, in µs.
    pub(crate) fn take(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.found)
    }
}

//! Payloads that wait in order until they are to be heard, for codecs that remember what came before (Opus).
//!
//! They are decoded at the last moment: what the packet before one has lost is then taken from it, if it came. Not here: time.

use super::ring::Ring;
use crate::codec::{Decoder, MAX_PAYLOAD_BYTES};
use crate::{FRAME_SAMPLES, MAX_PACKET_SAMPLES};

/// Most payloads that wait: 640 ms in packets of 20 ms. One more is dropped.
const PAYLOADS: usize = 32;
/// A longer gap is no lost packet: nothing of it is invented by the codec.
const LONGEST_GAP: u64 = 960;

#[derive(Debug)]
pub(super) struct Shelf {
    decoder: Decoder,
    payloads: Box<[Payload; PAYLOADS]>,
    /// Of each payload. Apart, because every frame looks through all payloads and at the bytes of one.
    bytes: Box<[[u8; MAX_PAYLOAD_BYTES]; PAYLOADS]>,
    /// End of what was decoded.
    decoded: u64,
    pub(super) recovered: u64,
    pub(super) concealed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Payload {
    start: u64,
    samples: u64,
    /// 0: this place is free.
    length: usize,
}

impl Shelf {
    pub(super) fn new(decoder: Decoder) -> Self {
        let free = Payload { start: 0, samples: 0, length: 0 };
        let bytes = Box::new([[0; MAX_PAYLOAD_BYTES]; PAYLOADS]);
        Self { decoder, payloads: Box::new([free; PAYLOADS]), bytes, decoded: 0, recovered: 0, concealed: 0 }
    }

    /// How long a payload sounds; `None` if it is not valid or longer than any packet may be.
    pub(super) fn samples_in(&self, payload: &[u8]) -> Option<usize> {
        let valid = !payload.is_empty() && payload.len() <= MAX_PAYLOAD_BYTES;
        valid.then(|| self.decoder.samples_in(payload)).flatten().filter(|samples| (1..=MAX_PACKET_SAMPLES).contains(samples))
    }

    pub(super) fn clear(&mut self) {
        self.payloads.iter_mut().for_each(|payload| payload.length = 0);
        self.decoded = 0;
    }

    pub(super) fn put(&mut self, start: u64, samples: usize, bytes: &[u8]) {
        if start < self.decoded || self.payloads.iter().any(|payload| payload.length > 0 && payload.start == start) {
            return;
        }
        if let Some(place) = self.payloads.iter().position(|payload| payload.length == 0) {
            self.payloads[place] = Payload { start, samples: samples as u64, length: bytes.len() };
            self.bytes[place][..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Decodes until the ring has all that can be had up to `until`; `next` is what will be heard next. Only in the coming frame a gap is
    /// bridged: what is missing behind it may still come.
    pub(super) fn prepare(&mut self, ring: &mut Ring, next: u64, until: u64) {
        while self.decoded.max(next) < until {
            let from = self.decoded.max(next);
            let Some(place) = self.first(next) else { return };
            let start = self.payloads[place].start;
            let missing = start.saturating_sub(from);
            // Before the first payload nothing is lost.
            let is_first = self.decoded == 0;
            if is_first && start >= until {
                return;
            } else if missing == 0 || is_first {
                self.decode(ring, next, place);
            } else if missing > LONGEST_GAP || from >= next + FRAME_SAMPLES as u64 || !self.bridge(ring, from, missing, place) {
                return;
            }
        }
    }

    /// Payloads that are over before this make room.
    pub(super) fn drop_before(&mut self, next: u64) {
        for payload in self.payloads.iter_mut().filter(|payload| payload.start + payload.samples <= next) {
            payload.length = 0;
        }
    }

    /// The first payload that is not over yet; earlier ones make room.
    fn first(&mut self, next: u64) -> Option<usize> {
        self.drop_before(next);
        let waiting = self.payloads.iter().enumerate().filter(|(_, payload)| payload.length > 0);
        waiting.min_by_key(|(_, payload)| payload.start).map(|(place, _)| place)
    }

    fn decode(&mut self, ring: &mut Ring, next: u64, place: usize) {
        let payload = &mut self.payloads[place];
        let mut samples = [0; MAX_PACKET_SAMPLES];
        let made = self.decoder.decode(&self.bytes[place][..payload.length], &mut samples).unwrap_or(0);
        payload.length = 0;
        self.decoded = payload.start + payload.samples;
        ring.store(next, payload.start, &samples[..made]);
    }

    /// Fills a frame of the gap before a payload: the last from the payload itself, others by the codec's invention.
    fn bridge(&mut self, ring: &mut Ring, from: u64, missing: u64, place: usize) -> bool {
        let frame = FRAME_SAMPLES as u64;
        let length = if missing > frame { (missing - frame).min(frame) } else { missing };
        let mut samples = [0; FRAME_SAMPLES];
        let samples = &mut samples[..length as usize];
        let (bridged, count) = if missing <= frame {
            (self.decoder.recover(&self.bytes[place][..self.payloads[place].length], samples), &mut self.recovered)
        } else {
            (self.decoder.conceal(samples), &mut self.concealed)
        };
        if bridged {
            *count += length;
            ring.store(from, from, samples);
            self.decoded = from + length;
        }
        bridged
    }
}

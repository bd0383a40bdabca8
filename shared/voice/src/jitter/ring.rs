//! The jitter buffer's memory: samples by position, and timestamps of other clocks made into positions. Not here: time, delay.

use super::FURTHEST_AHEAD;
use std::ops::Range;

/// Room for samples; more than the furthest ahead and a packet.
const RING: usize = 4_096;
const _: () = assert!(RING as u64 > FURTHEST_AHEAD + crate::MAX_PACKET_SAMPLES as u64);

/// Samples by position, as far as they are there.
#[derive(Debug)]
pub(super) struct Ring {
    samples: Box<[i16; RING]>,
    present: Box<[bool; RING]>,
}

impl Ring {
    /// The only place that allocates.
    pub(super) fn new() -> Self {
        Self { samples: Box::new([0; RING]), present: Box::new([false; RING]) }
    }

    pub(super) fn clear(&mut self) {
        self.present.fill(false);
    }

    pub(super) fn has(&self, position: u64) -> bool {
        self.present[slot(position)]
    }

    /// Stores what is not over yet: `next` is what will be heard next.
    pub(super) fn store(&mut self, next: u64, start: u64, samples: &[i16]) {
        let gone = usize::try_from(next.saturating_sub(start)).unwrap_or(usize::MAX);
        let mut left = samples.get(gone..).unwrap_or_default();
        for slots in slots(start + gone as u64, left.len()) {
            let (now, later) = left.split_at(slots.len());
            self.samples[slots.clone()].copy_from_slice(now);
            self.present[slots].fill(true);
            left = later;
        }
    }

    /// The samples from here on, if all of them are there.
    pub(super) fn peek<const N: usize>(&self, next: u64) -> Option<[i16; N]> {
        let mut samples = [0; N];
        (self.copy(next, &mut samples) == N).then_some(samples)
    }

    /// How many samples from here on are alike in being there or not; at most `most`.
    pub(super) fn run(&self, next: u64, most: usize) -> usize {
        self.alike(next, most, self.has(next))
    }

    fn alike(&self, from: u64, most: usize, there: bool) -> usize {
        slots(from, most).into_iter().flat_map(|slots| &self.present[slots]).take_while(|present| **present == there).count()
    }

    /// Copies what is there from here on, up to the first that is not; gives how many.
    pub(super) fn copy(&self, from: u64, samples: &mut [i16]) -> usize {
        let count = self.alike(from, samples.len(), true);
        let mut left = &mut samples[..count];
        for slots in slots(from, count) {
            let (now, later) = left.split_at_mut(slots.len());
            now.copy_from_slice(&self.samples[slots]);
            left = later;
        }
        count
    }

    pub(super) fn drop_samples(&mut self, next: u64, count: usize) {
        slots(next, count).into_iter().for_each(|slots| self.present[slots].fill(false));
    }
}

fn slot(position: u64) -> usize {
    (position % RING as u64) as usize
}

/// Where so many samples from a position on lie: up to the ring's end, and from its beginning on. At most the whole ring.
fn slots(from: u64, count: usize) -> [Range<usize>; 2] {
    let (first, count) = (slot(from), count.min(RING));
    let before_end = count.min(RING - first);
    [first..first + before_end, 0..count - before_end]
}

/// Makes timestamps of another clock into those of samples, over the wrap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticks {
    pub(super) per_sample: u32,
    pub(super) newest: Option<u64>,
}

impl Ticks {
    pub(super) fn samples(&mut self, timestamp: u32) -> u32 {
        if self.per_sample == 1 {
            return timestamp;
        }
        let newest = self.newest.unwrap_or((1 << 40) | u64::from(timestamp));
        let step = i64::from(timestamp.wrapping_sub(newest as u32).cast_signed());
        let extended = newest.saturating_add_signed(step);
        self.newest = Some(extended);
        (extended / u64::from(self.per_sample)) as u32
    }
}

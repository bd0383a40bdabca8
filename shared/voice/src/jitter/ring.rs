//! The jitter buffer's memory: samples by position, and timestamps of other clocks made into positions. Not here: time, delay.

use super::FURTHEST_AHEAD;

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
        for (offset, sample) in samples.iter().enumerate().skip(gone) {
            let slot = slot(start + offset as u64);
            self.samples[slot] = *sample;
            self.present[slot] = true;
        }
    }

    /// The samples from here on, if all of them are there.
    pub(super) fn peek<const N: usize>(&self, next: u64) -> Option<[i16; N]> {
        let mut samples = [0; N];
        for (position, sample) in (next..).zip(&mut samples) {
            if !self.has(position) {
                return None;
            }
            *sample = self.samples[slot(position)];
        }
        Some(samples)
    }

    /// How many samples from here on are alike in being there or not; at most `most`.
    pub(super) fn run(&self, next: u64, most: usize) -> usize {
        let here = self.has(next);
        (next..).take(most).take_while(|position| self.has(*position) == here).count()
    }

    /// Copies what is there from here on, up to the first that is not; gives how many.
    pub(super) fn copy(&self, from: u64, samples: &mut [i16]) -> usize {
        let there = (from..).zip(samples).take_while(|(position, _)| self.has(*position));
        there.map(|(position, sample)| *sample = self.samples[slot(position)]).count()
    }

    pub(super) fn drop_samples(&mut self, next: u64, count: usize) {
        (next..).take(count).for_each(|position| self.present[slot(position)] = false);
    }
}

fn slot(position: u64) -> usize {
    (position % RING as u64) as usize
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

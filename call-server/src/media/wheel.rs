//! The pace of music: each leg has its turn every 20 ms, in the millisecond of the wheel in which it was put there.

use shared::model::LegId;

const SLOTS: usize = 20;
const US_PER_MS: u64 = 1_000;
/// A thread that was held up for longer does not play what it missed, in ms.
const MOST_BEHIND_MS: u64 = 100;

/// Twenty groups of legs, one for each millisecond.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: [Vec<LegId>; SLOTS],
    /// The last millisecond whose legs had their turn.
    done_ms: u64,
}

impl Wheel {
    /// An empty wheel.
    pub(super) fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Vec::new()), done_ms: 0 }
    }

    /// Adds a leg; its first turn is the next millisecond.
    pub(super) fn add(&mut self, now_us: u64, leg: LegId) {
        let now_ms = now_us / US_PER_MS;
        if self.slots.iter().all(Vec::is_empty) {
            // An empty wheel stands still; the leg must not be given turns from before it came.
            self.done_ms = now_ms;
        }
        self.slots[slot(self.done_ms.max(now_ms) + 1)].push(leg);
    }

    /// Takes a leg out, if it is there.
    pub(super) fn remove(&mut self, leg: LegId) {
        self.slots.iter_mut().for_each(|slot| slot.retain(|other| *other != leg));
    }

    /// When the next leg has its turn.
    pub(super) fn next_us(&self) -> Option<u64> {
        let coming = self.done_ms + 1..=self.done_ms + SLOTS as u64;
        coming.into_iter().find(|ms| !self.slots[slot(*ms)].is_empty()).map(|ms| ms * US_PER_MS)
    }

    /// The next millisecond that is due and has legs, in µs.
    pub(super) fn advance(&mut self, now_us: u64) -> Option<u64> {
        let now_ms = now_us / US_PER_MS;
        self.done_ms = self.done_ms.max(now_ms.saturating_sub(MOST_BEHIND_MS));
        while self.done_ms < now_ms {
            self.done_ms += 1;
            if !self.slots[slot(self.done_ms)].is_empty() {
                return Some(self.done_ms * US_PER_MS);
            }
        }
        None
    }

    /// The legs whose turn it is at `due_us`, as given by [`Wheel::advance`].
    pub(super) fn legs(&self, due_us: u64) -> &[LegId] {
        &self.slots[slot(due_us / US_PER_MS)]
    }
}

fn slot(ms: u64) -> usize {
    (ms % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leg_has_its_turn_every_twenty_milliseconds_in_its_own_phase() {
        let mut wheel = Wheel::new();
        wheel.add(5_400_000, LegId(1));
        wheel.add(5_407_900, LegId(2));
        assert_eq!(wheel.advance(5_400_999), None);
        assert_eq!(wheel.next_us(), Some(5_401_000));
        let mut turns = Vec::new();
        for now in (5_400_000..5_450_000).step_by(500) {
            while let Some(due) = wheel.advance(now) {
                turns.extend(wheel.legs(due).iter().map(|leg| (due / 1_000, leg.0)));
            }
        }
        assert_eq!(turns, [(5_401, 1), (5_408, 2), (5_421, 1), (5_428, 2), (5_441, 1), (5_448, 2)]);
        wheel.remove(LegId(1));
        wheel.remove(LegId(2));
        assert_eq!(wheel.next_us(), None);
    }

    #[test]
    fn what_was_missed_for_long_is_not_made_up_for() {
        let mut wheel = Wheel::new();
        wheel.add(0, LegId(1));
        let mut turns = 0;
        while wheel.advance(60_000_000).is_some() {
            turns += 1;
        }
        assert_eq!(turns, 5);
    }
}

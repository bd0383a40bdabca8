//! The pace of what the server itself says: music, prompts, mixed and transcoded voices. Each has its turn every 20 ms, in one of twenty
//! groups, one for each millisecond. A few share a group, because to wake up costs more than a turn; more are spread evenly.

const SLOTS: usize = 20;
const US_PER_MS: u64 = 1_000;
/// A thread that was held up for longer does not make up for what it missed, in ms.
const MOST_BEHIND_MS: u64 = 100;
/// So many share a group before they are spread.
const SHARED: usize = 8;
/// Room in a group. Groups are filled evenly, so that this is reached only at twenty times as many turns.
const GROUP: usize = 512;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A trunk leg that hears a sound.
    Trunk(u16),
    /// An agent's leg that hears a sound.
    Agent(u16),
    /// A talk that is mixed.
    Talk(u16),
}

/// Twenty groups.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: [Vec<Turn>; SLOTS],
    /// The last millisecond whose group had its turn.
    done_ms: u64,
}

impl Wheel {
    /// An empty wheel.
    pub(super) fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Vec::with_capacity(GROUP)), done_ms: 0 }
    }

    /// Adds a turn, if it is not there: within the next 20 ms, and every 20 ms from then on. Does not allocate.
    pub(super) fn add(&mut self, now_us: u64, turn: Turn) {
        if self.slots.iter().any(|group| group.contains(&turn)) {
            return;
        }
        let now_ms = now_us / US_PER_MS;
        if self.slots.iter().all(Vec::is_empty) {
            // An empty wheel stands still; nobody must be given turns from before it came.
            self.done_ms = now_ms;
        }
        let next = self.done_ms.max(now_ms) + 1;
        // Those that have begun and are not full yet come first, then the emptiest.
        let best = (next..next + SLOTS as u64).min_by_key(|ms| {
            let turns = self.slots[slot(*ms)].len();
            (!(1..SHARED).contains(&turns), turns)
        });
        let group = &mut self.slots[slot(best.unwrap_or(next))];
        if group.len() < GROUP {
            group.push(turn);
        }
    }

    /// Takes a turn out, if it is there.
    pub(super) fn remove(&mut self, turn: Turn) {
        self.slots.iter_mut().for_each(|slot| slot.retain(|other| *other != turn));
    }

    /// When the next group has its turn.
    pub(super) fn next_us(&self) -> Option<u64> {
        let coming = self.done_ms + 1..=self.done_ms + SLOTS as u64;
        coming.into_iter().find(|ms| !self.slots[slot(*ms)].is_empty()).map(|ms| ms * US_PER_MS)
    }

    /// The next millisecond that is due and whose group is not empty, in µs.
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

    /// The turn at `place` of the group that is due at `due_us`, as given by [`Wheel::advance`]. A turn that removes itself makes the next
    /// one wait for 20 ms: nothing that anybody hears.
    pub(super) fn turn(&self, due_us: u64, place: usize) -> Option<Turn> {
        self.slots[slot(due_us / US_PER_MS)].get(place).copied()
    }
}

fn slot(ms: u64) -> usize {
    (ms % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(wheel: &mut Wheel, from_us: u64, to_us: u64) -> Vec<(u64, Turn)> {
        let mut turns = Vec::new();
        for now in (from_us..to_us).step_by(500) {
            while let Some(due) = wheel.advance(now) {
                turns.extend((0..).map_while(|place| wheel.turn(due, place)).map(|turn| (due / 1_000, turn)));
            }
        }
        turns
    }

    #[test]
    fn each_has_its_turn_every_twenty_milliseconds_and_a_few_have_it_together() {
        let mut wheel = Wheel::new();
        wheel.add(5_400_000, Turn::Trunk(1));
        wheel.add(5_407_900, Turn::Talk(2));
        wheel.add(5_407_900, Turn::Talk(2));
        assert_eq!(wheel.advance(5_400_999), None);
        assert_eq!(wheel.next_us(), Some(5_401_000));
        let (a, b) = (Turn::Trunk(1), Turn::Talk(2));
        assert_eq!(turns(&mut wheel, 5_400_000, 5_450_000), [(5_401, a), (5_401, b), (5_421, a), (5_421, b), (5_441, a), (5_441, b)]);
        (3..10).for_each(|number| wheel.add(5_451_000, Turn::Trunk(number)));
        let next = turns(&mut wheel, 5_450_000, 5_471_500);
        assert_eq!(next.iter().map(|(due, _)| *due).collect::<Vec<_>>(), [[5_452].as_slice(), &[5_461; 8]].concat());
        (0..10).for_each(|number| wheel.remove(Turn::Trunk(number)));
        wheel.remove(b);
        assert_eq!(wheel.next_us(), None);
    }

    #[test]
    fn many_are_spread_over_the_twenty_milliseconds() {
        let mut wheel = Wheel::new();
        (0..400).for_each(|number| wheel.add(1_000_000, Turn::Trunk(number)));
        let turns = turns(&mut wheel, 1_000_000, 1_020_500);
        assert_eq!(turns.len(), 400);
        for ms in 1_001..=1_020 {
            assert_eq!(turns.iter().filter(|(due, _)| *due == ms).count(), 20);
        }
    }

    #[test]
    fn what_was_missed_for_long_is_not_made_up_for() {
        let mut wheel = Wheel::new();
        wheel.add(0, Turn::Trunk(1));
        let mut turns = 0;
        while wheel.advance(60_000_000).is_some() {
            turns += 1;
        }
        assert_eq!(turns, 5);
    }
}

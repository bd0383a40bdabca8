//! How many calls came in a short while ago, for the limits of a storm and of blocked numbers. Live calls are counted by `calls`.

use crate::plan::StormRule;
use crate::time::Time;
use std::collections::{BTreeMap, VecDeque};

/// Most calls that one limit remembers, whatever the plan says.
const REMEMBERED: usize = 10_000;
/// Fewest calls that one limit remembers: a new plan with a higher limit counts what the old one let in.
const KEPT: usize = 64;

/// Times of calls that were let in.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    all: Recent,
    /// By the entry of the list of blocked numbers.
    rated: BTreeMap<u32, Recent>,
}

impl Storm {
    /// Whether this second has had all the calls it may have.
    pub(crate) fn is_full(&self, now: Time, rule: &StormRule) -> bool {
        rule.per_second > 0 && self.all.within(now, 1_000) >= rule.per_second as usize
    }

    /// A call was let in.
    pub(crate) fn let_in(&mut self, now: Time, rule: &StormRule) {
        self.all.add(now, rule.per_second as usize);
    }

    /// Whether another call of a rated entry may come in; if so it counts.
    pub(crate) fn rate(&mut self, entry: u32, now: Time, calls: u32, within_ms: u64) -> bool {
        let recent = self.rated.entry(entry).or_default();
        let room = recent.within(now, within_ms) < calls as usize;
        if room {
            recent.add(now, calls as usize);
        }
        room
    }

    /// The plan changed: entries that are gone need no memory.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.rated.retain(|entry, _| keep(*entry));
    }
}

/// The latest times of something, the newest last.
#[derive(Debug, Default)]
struct Recent(VecDeque<Time>);

impl Recent {
    fn within(&self, now: Time, span_ms: u64) -> usize {
        self.0.iter().rev().take_while(|time| now.since(**time) < span_ms).count()
    }

    fn add(&mut self, now: Time, most: usize) {
        self.0.push_back(now);
        while self.0.len() > most.clamp(KEPT, REMEMBERED) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Storm;
    use crate::plan::StormRule;
    use crate::time::Time;

    #[test]
    fn a_second_takes_so_many_calls_and_the_next_one_as_many() {
        let rule = StormRule { per_second: 2, ..StormRule::default() };
        let mut storm = Storm::default();
        let mut comes = |ms| {
            let full = storm.is_full(Time(ms), &rule);
            if !full {
                storm.let_in(Time(ms), &rule);
            }
            !full
        };
        let let_in: Vec<bool> = [0, 400, 999, 1_000, 1_399, 1_400, 1_401].map(&mut comes).into();
        assert_eq!(let_in, [true, true, false, true, false, true, false]);
        assert!(!storm.is_full(Time(1_401), &StormRule::default()), "no limit is no limit");
    }

    #[test]
    fn a_rated_entry_counts_only_calls_that_were_let_in() {
        let mut storm = Storm::default();
        let let_in: Vec<bool> = [0, 10, 20, 59_999, 60_000, 60_010].map(|ms| storm.rate(7, Time(ms), 2, 60_000)).into();
        assert_eq!(let_in, [true, true, false, false, true, true]);
        assert!(storm.rate(8, Time(60_011), 1, 60_000), "another entry has a count of its own");
        assert!(!storm.rate(7, Time(60_011), 4, 120_000), "a new rule counts what the old one let in");
        storm.retain(|entry| entry == 8);
        assert!(storm.rate(7, Time(60_012), 1, 60_000), "forgotten with its entry");
    }
}

//! Who wants to be woken when: at most one deadline for each owner.

use std::collections::BTreeSet;

/// Base of all retransmissions: estimated round trip, in ms (RFC 3261 section 17.1.1.1).
pub const T1_MS: u64 = 500;
/// Longest interval between retransmissions, in ms.
pub const T2_MS: u64 = 4_000;
/// Longest time a packet stays in the network, in ms.
pub const T4_MS: u64 = 5_000;
/// How long an answer is waited for, in ms: timers F, H, J, L and the wait for the ACK of a 200.
pub const PATIENCE_MS: u64 = 64 * T1_MS;

/// What is only to be forgotten is forgotten together with all else of this time, in ms: to be woken for each costs more than to forget it.
const FORGET_STEP_MS: u64 = 250;

/// When to forget what is kept for `wait_ms` at least; without a wait at once.
pub(crate) fn forget_at(now: u64, wait_ms: u64) -> u64 {
    let until = now.saturating_add(wait_ms);
    if wait_ms == 0 { until } else { until.checked_next_multiple_of(FORGET_STEP_MS).unwrap_or(until) }
}

/// Deadlines in their order. Time is milliseconds of whatever clock the owner of the endpoint reads.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    order: BTreeSet<(u64, K)>,
}

impl<K: Ord + Clone> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { order: BTreeSet::new() }
    }

    pub(crate) fn arm(&mut self, deadline: Option<u64>, owner: &K) {
        self.order.extend(deadline.map(|deadline| (deadline, owner.clone())));
    }

    /// `deadline` must be the one that `owner` was armed with.
    pub(crate) fn disarm(&mut self, deadline: Option<u64>, owner: &K) {
        if let Some(deadline) = deadline {
            self.order.remove(&(deadline, owner.clone()));
        }
    }

    /// From one deadline to another, which is nearly always the same one. `before` as in [`Timers::disarm`].
    pub(crate) fn rearm(&mut self, before: Option<u64>, after: Option<u64>, owner: &K) {
        if before != after {
            self.disarm(before, owner);
            self.arm(after, owner);
        }
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// The owner whose deadline is the earliest that has come. It stays armed.
    pub(crate) fn due(&self, now: u64) -> Option<K> {
        self.order.first().filter(|(deadline, _)| *deadline <= now).map(|(_, owner)| owner.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

/// A packet that is sent again until somebody answers: first after T1, then after twice the time, at most T2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    at: u64,
    interval: u64,
    longest: u64,
    give_up_at: u64,
}

/// What a due [`Repeat`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    NotYet,
    Resend,
    GiveUp,
}

impl Repeat {
    pub(crate) fn new(now: u64) -> Self {
        Self { at: now.saturating_add(T1_MS), interval: T1_MS, longest: T2_MS, give_up_at: now.saturating_add(PATIENCE_MS) }
    }

    /// Without a longest interval (timer A; a provisional response that waits for its PRACK).
    pub(crate) fn doubling(now: u64) -> Self {
        Self { longest: PATIENCE_MS, ..Self::new(now) }
    }

    /// Never sent again, only given up: the transport repeats.
    pub(crate) fn never(now: u64) -> Self {
        let repeat = Self::new(now);
        Self { at: repeat.give_up_at, ..repeat }
    }

    /// From now on at the longest interval (timer E in Proceeding).
    pub(crate) fn slowed(self) -> Self {
        Self { interval: T2_MS, ..self }
    }

    pub(crate) fn deadline(&self) -> u64 {
        self.at.min(self.give_up_at)
    }

    pub(crate) fn step(&mut self, now: u64) -> Due {
        if now >= self.give_up_at {
            Due::GiveUp
        } else if now >= self.at {
            self.interval = self.interval.saturating_mul(2).min(self.longest);
            self.at = now.saturating_add(self.interval);
            Due::Resend
        } else {
            Due::NotYet
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_double_up_to_the_longest_interval_and_end() {
        let mut repeat = Repeat::new(0);
        let mut sent = Vec::new();
        loop {
            let now = repeat.deadline();
            match repeat.step(now) {
                Due::Resend => sent.push(now),
                Due::GiveUp => break assert_eq!(now, 32_000),
                Due::NotYet => panic!("a due deadline always does something"),
            }
        }
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    }

    #[test]
    fn what_is_forgotten_is_kept_long_enough_and_forgotten_together() {
        assert_eq!([1, 249, 250].map(|now| forget_at(now, 5_000)), [5_250; 3]);
        assert_eq!(forget_at(251, 5_000), 5_500);
        assert_eq!(forget_at(251, 0), 251, "a stream repeats nothing");
        assert_eq!(forget_at(u64::MAX, 5_000), u64::MAX);
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_a_disarmed_one_never() {
        let mut timers = Timers::new();
        timers.arm(Some(20), &"late");
        timers.arm(Some(10), &"early");
        timers.arm(None, &"never");
        assert_eq!((timers.next(), timers.due(9), timers.due(10)), (Some(10), None, Some("early")));
        timers.rearm(Some(10), Some(10), &"early");
        assert_eq!(timers.due(10), Some("early"));
        timers.rearm(Some(10), Some(12), &"early");
        assert_eq!((timers.due(11), timers.due(12), timers.len()), (None, Some("early"), 2));
        timers.rearm(Some(12), None, &"early");
        assert_eq!((timers.due(15), timers.due(20)), (None, Some("late")));
    }
}

//! What a media thread has promised to do, and what that costs: each call from the moment when it is admitted, each voice that comes to a
//! talk, each that changes to Opus. Judged by this and not by what the thread is measured to do now: whoever was admitted in the same
//! moment, or rings, or will be answered by an agent who speaks Opus, does not show there yet.
//!
//! A cost is what the work took where it was calibrated (`bench media`); the thread itself measures by how much its own work is dearer
//! or cheaper ([`Gauge::price`]). Not here: what is refused, and how.

use super::counters::MediaCounters;
use super::strain::{Gauge, PRICE_ONE};

/// Work in a second, in µs of the thread on which costs were calibrated.
pub(super) type Cost = u32;

/// A packet that comes, in ns: read, checked, placed.
const HEARD_NS: u64 = 2_000;
/// A packet that goes out, in ns; with the packet that came the way through a relay.
const SENT_NS: u64 = 3_500;
/// A party's part of one turn of a mixed talk, in ns: jitter buffer, mixing, recording.
const MIXED_NS: u64 = 8_000;
/// A frame encoded with Opus and one decoded, in ns.
const OPUS_NS: u64 = 55_000;
/// Packets of a voice in a second.
const PACKETS: u64 = 50;

/// One voice that comes and another that goes: a leg.
const LEG: Cost = of(HEARD_NS + SENT_NS);
/// A call: the citizen's leg and the agent's, relayed and recorded.
pub(super) const CALL: Cost = 2 * LEG;
/// What a leg that is mixed costs more.
const MIXED: Cost = of(MIXED_NS);
/// What a leg that speaks Opus costs more.
pub(super) const OPUS: Cost = of(OPUS_NS);

/// What was done since the start, by the book, in ns.
pub(super) fn work_ns(done: &MediaCounters) -> u64 {
    let heard = done.from_trunks + done.from_agents;
    let sent = done.to_trunks + done.to_agents + done.music + done.prompts + done.mixed + done.keep_alives;
    heard * HEARD_NS + sent * SENT_NS + done.mixed * MIXED_NS + done.opus_frames * OPUS_NS
}

const fn of(ns: u64) -> Cost {
    (ns * PACKETS / 1_000) as Cost
}

/// Up to this share of its time a thread takes new calls, in 1/1,000; the rest is for those that run, for bursts, and for work that turns out
/// to be a tenth dearer than by the book.
const CALLS_PERMILLE: u32 = 740;
/// Up to this one another voice may come to a talk. Beyond it is what emergencies have, which are never refused.
const VOICES_PERMILLE: u32 = 790;
/// Once there was no room, there is room again below this.
const ROOM_AGAIN_PERMILLE: u32 = 760;

/// What a talk costs beyond what its legs were admitted for: of so many legs, `admitted` of them with a cost of their own for two, if they
/// are mixed.
pub(super) fn talk(legs: usize, admitted: usize, mixed: bool) -> Cost {
    let (legs, admitted) = (legs as Cost, admitted as Cost);
    legs.saturating_sub(2 * admitted) * LEG + if mixed { legs * MIXED } else { 0 }
}

/// Whether there is no room for another voice at this share of what can be done: with a gap, so that it does not come and go.
fn is_crowded(before: bool, permille: u32) -> bool {
    permille > if before { ROOM_AGAIN_PERMILLE } else { VOICES_PERMILLE }
}

/// The site's own limit for all threads together, below what the machine can do: as much work as so many plain calls are by the book. Calls
/// are admitted up to it; what voices may have beyond it, and what is left for emergencies, is in proportion to that of a thread.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    of_calls: Option<u64>,
    is_crowded: bool,
}

impl Ceiling {
    /// For so many plain calls; `None` is no limit.
    pub(super) fn of(calls: Option<u32>) -> Self {
        Self { of_calls: calls.map(|calls| u64::from(calls) * u64::from(CALL)), is_crowded: false }
    }

    /// Whether this may be promised beside what was promised by all threads.
    pub(super) fn has_time(&self, promised: u64, cost: Cost) -> bool {
        self.share_permille(promised, cost) <= CALLS_PERMILLE
    }

    /// Whether another voice may come to a talk.
    pub(super) fn has_room(&mut self, promised: u64) -> bool {
        self.is_crowded = is_crowded(self.is_crowded, self.share_permille(promised, LEG + MIXED));
        !self.is_crowded
    }

    fn share_permille(&self, promised: u64, cost: Cost) -> u32 {
        let all = (promised + u64::from(cost)) * u64::from(CALLS_PERMILLE);
        self.of_calls.map_or(0, |limit| u32::try_from(all.div_ceil(limit.max(1))).unwrap_or(u32::MAX))
    }
}

/// One thread's promises.
#[derive(Debug, Default)]
pub(super) struct Budget {
    promised: u64,
    /// Whether another voice may come: told to the core when it changes.
    is_crowded: bool,
}

impl Budget {
    /// Something is promised in the place of something else.
    pub(super) fn change(&mut self, before: Cost, after: Cost) {
        self.promised = (self.promised + u64::from(after)).saturating_sub(u64::from(before));
    }

    /// How much of its time the thread will work once all talk that it was promised, in 1/1,000, and at least what it does already.
    pub(super) fn load_permille(&self, gauge: &Gauge) -> u32 {
        self.with(0, gauge)
    }

    /// Everything, in µs a second.
    pub(super) fn promised(&self) -> u64 {
        self.promised
    }

    fn with(&self, cost: Cost, gauge: &Gauge) -> u32 {
        let priced = |cost: u64| u32::try_from(cost * u64::from(gauge.price()) / u64::from(PRICE_ONE) / 1_000).unwrap_or(u32::MAX);
        let cost = u64::from(cost);
        priced(self.promised + cost).max(gauge.load_permille().saturating_add(priced(cost)))
    }

    /// Whether there is time for a call, or for what is worth as much as one.
    pub(super) fn has_time(&self, cost: Cost, gauge: &Gauge) -> bool {
        !gauge.is_late() && self.with(cost, gauge) <= CALLS_PERMILLE
    }

    /// Whether another voice may come to a talk.
    pub(super) fn has_room(&mut self, gauge: &Gauge) -> bool {
        self.is_crowded = gauge.is_late() || is_crowded(self.is_crowded, self.with(LEG + MIXED, gauge));
        !self.is_crowded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are admitted one after the other, all in the same moment.
    fn admitted(budget: &mut Budget, gauge: &Gauge, cost: Cost) -> u32 {
        let mut count = 0;
        while budget.has_time(cost, gauge) {
            budget.change(0, cost);
            count += 1;
        }
        count
    }

    #[test]
    fn a_thousand_calls_fit_into_a_thread_that_is_still_at_rest_and_not_two_thousand() {
        let (mut budget, gauge) = (Budget::default(), Gauge::default());
        let calls = admitted(&mut budget, &gauge, CALL);
        assert!((1_000..1_700).contains(&calls), "{calls}");
        budget.change(CALL, 0);
        assert!(budget.has_time(CALL, &gauge), "whoever has gone makes room");
    }

    #[test]
    fn a_call_that_becomes_a_conference_takes_the_room_of_new_ones_at_once() {
        let (mut budget, gauge) = (Budget::default(), Gauge::default());
        admitted(&mut budget, &gauge, CALL);
        let mut conferences = 0;
        while budget.has_room(&gauge) {
            budget.change(0, talk(3, 1, true));
            conferences += 1;
        }
        assert!((20..90).contains(&conferences), "{conferences}");
        assert!(!budget.has_time(CALL, &gauge), "new calls come last");
        (0..3).for_each(|_| budget.change(talk(3, 1, true), 0));
        assert!(!budget.has_room(&gauge), "no to and fro");
        (3..conferences).for_each(|_| budget.change(talk(3, 1, true), 0));
        assert!(budget.has_room(&gauge) && !budget.has_time(CALL, &gauge));
    }

    #[test]
    fn costs_are_those_of_the_thread_at_hand() {
        let at = |price_permille: u32| {
            let (mut budget, gauge) = (Budget::default(), Gauge::default());
            gauge.set_for_test(0, price_permille);
            admitted(&mut budget, &gauge, CALL)
        };
        let (cheap, one, dear) = (at(500), at(1_000), at(2_000));
        assert!(cheap.abs_diff(2 * one) <= 2 && one.abs_diff(2 * dear) <= 2, "{cheap} {one} {dear}");
    }

    #[test]
    fn what_is_measured_counts_if_it_is_more_than_what_was_promised() {
        let (mut budget, gauge) = (Budget::default(), Gauge::default());
        gauge.set_for_test(730, 1_000);
        let calls = admitted(&mut budget, &gauge, CALL);
        assert!(calls > 0, "there is room");
        gauge.set_for_test(741, 1_000);
        assert!(!Budget::default().has_time(CALL, &gauge), "and there is none");
        assert!(Budget::default().has_room(&gauge));
        gauge.set_for_test(795, 1_000);
        assert!(!Budget::default().has_room(&gauge));
    }

    #[test]
    fn a_thread_that_works_nearly_always_or_comes_late_takes_nobody_however_little_it_has_promised() {
        let gauge = Gauge::default();
        gauge.set_for_test(950, 1_000);
        assert!(!Budget::default().has_time(CALL, &gauge) && !Budget::default().has_room(&gauge), "no time");
        gauge.set_for_test(0, 1_000);
        assert!(Budget::default().has_time(CALL, &gauge) && Budget::default().has_room(&gauge));
        gauge.late_for_test();
        assert!(!Budget::default().has_time(CALL, &gauge) && !Budget::default().has_room(&gauge), "late");
    }

    #[test]
    fn a_site_has_as_many_calls_as_it_says_and_voices_like_a_thread_whose_limit_that_is() {
        let unlimited = Ceiling::of(None);
        assert!(unlimited.has_time(u64::MAX / 1_000, CALL));
        for calls in [1, 4, 300, 20_000] {
            let (ceiling, promised) = (Ceiling::of(Some(calls)), |calls: u32| u64::from(calls) * u64::from(CALL));
            assert!(ceiling.has_time(promised(calls - 1), CALL), "the last of {calls}");
            assert!(!ceiling.has_time(promised(calls), CALL), "one more than {calls}");
        }
        let mut ceiling = Ceiling::of(Some(100));
        let mut promised = u64::from(100 * CALL);
        while ceiling.has_room(promised) {
            promised += u64::from(talk(3, 1, true));
        }
        assert!(promised > u64::from(100 * CALL), "calls leave room for some voices");
        assert!(promised < u64::from(110 * CALL), "but not for many");
        promised -= u64::from(talk(3, 1, true));
        assert!(!ceiling.has_room(promised), "no to and fro");
        assert!(ceiling.has_room(u64::from(100 * CALL)) && !ceiling.has_time(u64::from(100 * CALL), CALL), "voices come before new calls");
    }

    #[test]
    fn a_talk_costs_what_its_legs_were_not_admitted_for() {
        assert_eq!(talk(2, 1, false), 0, "a call");
        assert_eq!(talk(2, 1, true), 2 * MIXED, "of which one speaks Opus");
        assert_eq!(talk(3, 1, true), LEG + 3 * MIXED, "of three");
        assert_eq!(talk(2, 0, true), 2 * (LEG + MIXED), "a consultation");
        assert_eq!(talk(2, 2, true), 2 * MIXED, "two calls");
    }
}

//! Which call is served next: one order over all queues (2.1, priority and aging; I-41).

use crate::plan::Priority;
use crate::time::Time;
use shared::model::InteractionId;
use std::cmp::Reverse;

/// A call's place among all calls at one instant; the smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Waits for so long that points count no more: in order of entry.
    Guarded(Time, InteractionId),
    /// By points in thousandths, then in order of entry.
    Scored(Reverse<i128>, Time, InteractionId),
}

/// The rank of a call that entered at a time, with these points besides those of its queue.
pub(crate) fn rank(priority: Priority, bonus: i32, (entered, interaction): (Time, InteractionId), now: Time) -> Rank {
    if priority.guards(entered, now) {
        return Rank::Guarded(entered, interaction);
    }
    Rank::Scored(Reverse(score(priority, bonus, now.since(entered))), entered, interaction)
}

/// Points in thousandths.
pub(crate) fn score(priority: Priority, bonus: i32, waited_ms: u64) -> i128 {
    let points = i128::from(priority.weight) + i128::from(bonus);
    points * 1_000 + i128::from(waited_ms) * i128::from(priority.slope)
}

#[cfg(test)]
mod tests {
    use super::{Rank, rank};
    use crate::plan::Priority;
    use crate::time::Time;
    use shared::model::InteractionId;

    const PLAIN: Priority = Priority { weight: 0, slope: 1, returned: 0, guard_ms: 0 };

    fn at(priority: Priority, bonus: i32, entered: u64, now: u64) -> Rank {
        rank(priority, bonus, (Time(entered), InteractionId(entered)), Time(now))
    }

    #[test]
    fn plain_calls_go_in_order_of_entry() {
        assert!(at(PLAIN, 0, 1_000, 9_000) < at(PLAIN, 0, 1_001, 9_000));
    }

    #[test]
    fn points_overtake_and_age_catches_up() {
        let important = Priority { weight: 60, ..PLAIN };
        assert!(at(important, 0, 50_000, 50_000) < at(PLAIN, 0, 0, 50_000));
        assert!(at(PLAIN, 0, 0, 70_000) < at(important, 0, 60_001, 70_000), "60 points are a minute at slope 1");
        assert!(at(PLAIN, 10, 5_000, 9_000) < at(PLAIN, 0, 0, 9_000), "a bonus counts like a weight");
    }

    #[test]
    fn a_steeper_queue_goes_first_after_the_same_wait() {
        let steep = Priority { slope: 3, ..PLAIN };
        assert!(at(steep, 0, 7_000, 10_000) < at(PLAIN, 0, 1_001, 10_000));
        assert!(at(PLAIN, 0, 999, 10_000) < at(steep, 0, 7_000, 10_000));
    }

    #[test]
    fn whoever_waits_too_long_goes_first_whatever_the_points() {
        let low = Priority { weight: -1_000, guard_ms: 60_000, ..PLAIN };
        let high = Priority { weight: 1_000, ..PLAIN };
        assert!(at(high, 0, 59_999, 59_999) < at(low, 0, 0, 59_999));
        assert!(at(low, 0, 0, 60_000) < at(high, 0, 1, 60_000));
        let high = Priority { guard_ms: 60_000, ..high };
        assert!(at(low, 0, 0, 90_000) < at(high, 0, 1, 90_000), "among them the entry alone counts");
    }
}

//! What an agent's rank rests on: time spent Ready and time spent for citizens. Only handling a contact changes it for the better (I-40).

use crate::plan::{Day, NoAnswer};
use crate::time::Time;

/// Sums of finished intervals, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Ready since the last handled call, over breaks and missed offers.
    idle_ms: u64,
    /// Ready in this shift.
    ready_ms: u64,
    /// Talk and wrap-up in this shift.
    busy_ms: u64,
    /// Offers missed in a row.
    misses: u32,
    /// Calls accepted on the last day that had one.
    today: Option<(Day, u32)>,
}

impl Standing {
    /// An interval of Ready is over, or still runs.
    #[must_use]
    pub(crate) fn and_ready(self, length_ms: u64) -> Self {
        Self { idle_ms: self.idle_ms.saturating_add(length_ms), ready_ms: self.ready_ms.saturating_add(length_ms), ..self }
    }

    /// An interval of talk or wrap-up is over.
    #[must_use]
    pub(crate) fn and_busy(self, length_ms: u64) -> Self {
        Self { busy_ms: self.busy_ms.saturating_add(length_ms), ..self }
    }

    /// A call was accepted on a local day.
    #[must_use]
    pub(crate) fn handled(self, day: Day) -> Self {
        let calls = self.calls_on(day).saturating_add(1);
        Self { idle_ms: 0, misses: 0, today: Some((day, calls)), ..self }
    }

    /// Calls accepted on a local day.
    pub(crate) fn calls_on(self, day: Day) -> u32 {
        self.today.filter(|(last, _)| *last == day).map_or(0, |(_, calls)| calls)
    }

    /// The agent signed out and signs in again in the same shift.
    #[must_use]
    pub(crate) fn signed_out(self) -> Self {
        Self { idle_ms: 0, ..self }
    }

    /// An offer was missed: the new standing, and whether the rule wants the agent to be Ready no longer.
    #[must_use]
    pub(crate) fn missed(self, rule: NoAnswer) -> (Self, bool) {
        let misses = self.misses.saturating_add(1);
        let over = match rule {
            NoAnswer::NotReady => true,
            NoAnswer::SkipOnly => false,
            NoAnswer::NotReadyAfter { misses: limit } => misses >= limit,
        };
        (Self { misses: if over { 0 } else { misses }, ..self }, over)
    }

    /// Ready time since the last handled call, in ms.
    pub(crate) fn idle_ms(self) -> u64 {
        self.idle_ms
    }

    /// The occupancy of somebody who is free since a time, as of another; of that time itself if the other is earlier.
    pub(crate) fn occupancy_at(self, since: Time, at: Time) -> u64 {
        self.and_ready(at.since(since)).occupancy()
    }

    /// (Talk + wrap-up) ÷ (talk + wrap-up + Ready), in millionths; 0 for who has only just come.
    pub(crate) fn occupancy(self) -> u64 {
        let (busy, all) = (u128::from(self.busy_ms), u128::from(self.busy_ms) + u128::from(self.ready_ms));
        (busy * 1_000_000).checked_div(all).and_then(|part| u64::try_from(part).ok()).unwrap_or(0)
    }
}

/// The standings of those who are signed out, until their shift counts as over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) standing: Standing,
    pub(crate) at: Time,
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use crate::plan::Day;

    #[test]
    fn occupancy_is_a_ratio_so_that_who_comes_late_is_not_flooded() {
        let early = Standing::default().and_ready(7_000_000).and_busy(3_000_000);
        let late = Standing::default().and_ready(10_000).and_busy(10_000);
        assert_eq!((early.occupancy(), late.occupancy()), (300_000, 500_000));
        assert_eq!(Standing::default().occupancy(), 0);
        assert_eq!(early.signed_out().occupancy(), 300_000, "signing out changes no rank");
    }

    #[test]
    fn handling_a_call_ends_the_idle_time_and_nothing_else_does() {
        let standing = Standing::default().and_ready(500).and_busy(80).and_ready(20);
        assert_eq!(standing.idle_ms(), 520);
        let (today, tomorrow) = (Day::parse("2026-11-23").expect("a day"), Day::parse("2026-11-24").expect("a day"));
        assert_eq!(standing.handled(today).idle_ms(), 0);
        assert_eq!(standing.handled(today).occupancy(), standing.occupancy());
        let twice = standing.handled(today).handled(today);
        assert_eq!((twice.calls_on(today), twice.calls_on(tomorrow), twice.handled(tomorrow).calls_on(tomorrow)), (2, 0, 1));
    }
}

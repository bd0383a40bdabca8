//! Every reason to wake up, and when. Cancelling is exact: a deadline that no longer matters is gone, so nothing fires for nothing (I-2).
//!
//! Not a clock: it is told the time.

use crate::time::Time;
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, InteractionId, LegId, OfferId};
use std::collections::{BTreeMap, BTreeSet};

/// Why the core wants to be woken. At one instant they fire in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// Media has not answered for a citizen's leg.
    MediaOpenOverdue(InteractionId),
    /// Media has not answered for a call of ours, or it has rung long enough.
    LegOverdue(LegId),
    /// The citizen has been held for very long (1-10).
    HeldLong(InteractionId),
    /// The citizen has been held for as long as that may be.
    HeldTooLong(InteractionId),
    /// The recording has been paused for as long as it may be.
    PauseOver(InteractionId),
    /// A talk without an agent has gone on for long (1-5).
    ResidualLong(InteractionId),
    /// A talk without an agent reached its limit (1-5).
    ResidualOver(InteractionId),
    /// A probe call reached its planned end.
    ProbeOver(InteractionId),
    /// The queue's limit of waiting time is reached.
    WaitOver(InteractionId),
    /// The agent may be offered this call again (I-28).
    ExclusionOver(InteractionId, AgentId),
    /// More agents may be asked for this call (2.1, progressive).
    ReachGrows(InteractionId),
    /// The agent who is waited for did not become free in time (1-8).
    HoldOver(InteractionId),
    /// A waiting citizen is to be told something.
    AnnouncementDue(InteractionId),
    /// A citizen who was asked about a callback has pressed nothing.
    KeyOverdue(InteractionId),
    /// A citizen in a voice menu or a survey has pressed nothing.
    NodeOverdue(InteractionId),
    /// A callback may be tried, or must rest, or is out of time.
    CallbackDue(InteractionId),
    /// A text at the door or on the way out did not end.
    FarewellOver(InteractionId),
    /// The recording has not been closed; the record is saved without waiting longer.
    SaveOverdue(InteractionId),
    /// Media has not answered for an agent who signs in.
    SignInOverdue(AgentId),
    /// The call is accepted by itself.
    AutoAnswer(AgentId, OfferId),
    /// The desk rang long enough.
    OfferOver(AgentId, OfferId),
    /// Wrap-up ran out.
    WrapUpOver(AgentId),
    /// 示忙 lasts longer than its reason allows.
    BreakOver(AgentId),
    /// A disconnected desktop becomes lost.
    GraceOver(AgentId),
    /// The citizen of a disconnected agent goes back to the line.
    LostCallOver(AgentId),
    /// A lost agent is signed out.
    LostOver(AgentId),
    /// A desktop came back, its voice path did not.
    MediaReturnOver(AgentId),
    /// A minute begins: whoever is free by occupancy is put in order before anybody calls (2.1).
    MinuteBegins,
}

/// Deadlines by time; at most one per reason.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, Reason)>,
    by_reason: BTreeMap<Reason, Time>,
}

impl Timers {
    /// Arms a deadline; an older one of the same reason is replaced.
    pub(crate) fn set(&mut self, time: Time, reason: Reason) {
        self.cancel(reason);
        self.by_time.insert((time, reason));
        self.by_reason.insert(reason, time);
    }

    /// Forgets a deadline, if it is armed.
    pub(crate) fn cancel(&mut self, reason: Reason) {
        if let Some(time) = self.by_reason.remove(&reason) {
            self.by_time.remove(&(time, reason));
        }
    }

    /// Whether a deadline is armed.
    pub(crate) fn is_set(&self, reason: Reason) -> bool {
        self.by_reason.contains_key(&reason)
    }

    /// The nearest deadline.
    pub(crate) fn next(&self) -> Option<(Time, Reason)> {
        self.by_time.first().copied()
    }

    /// Takes the nearest deadline that is not later than `now`.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Reason> {
        let (_, reason) = self.next().filter(|(time, _)| *time <= now)?;
        self.cancel(reason);
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, Timers};
    use crate::time::Time;
    use shared::model::AgentId;

    const FIRST: Reason = Reason::WrapUpOver(AgentId(1));
    const SECOND: Reason = Reason::GraceOver(AgentId(1));

    #[test]
    fn deadlines_come_out_in_order_of_time_and_not_before_it() {
        let mut timers = Timers::default();
        timers.set(Time(20), FIRST);
        timers.set(Time(10), SECOND);
        assert_eq!(timers.next(), Some((Time(10), SECOND)));
        assert_eq!(timers.take_due(Time(9)), None);
        assert_eq!(timers.take_due(Time(20)), Some(SECOND));
        assert_eq!(timers.take_due(Time(20)), Some(FIRST));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn setting_again_replaces_and_cancelling_leaves_nothing() {
        let mut timers = Timers::default();
        timers.set(Time(10), FIRST);
        timers.set(Time(30), FIRST);
        assert_eq!(timers.take_due(Time(29)), None);
        timers.cancel(FIRST);
        assert_eq!(timers.next(), None);
        timers.cancel(FIRST);
    }

    #[test]
    fn at_one_instant_the_order_of_the_reasons_decides() {
        let mut timers = Timers::default();
        timers.set(Time(5), SECOND);
        timers.set(Time(5), FIRST);
        assert_eq!(timers.take_due(Time(5)), Some(FIRST));
    }
}

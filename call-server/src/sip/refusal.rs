//! The one table from our reasons to what the far side hears: status code before the answer, Reason header in refusal and BYE
//! (RFC 3261 section 21, RFC 3326, ITU-T Q.850), ordered by who is to blame, because that decides what the far side can do about it.
//!
//! Not here: what a broken message gets, which is `sip-core`'s (400, 405, 415, 416, 420, 481, 482, 500, 505), and requests that get no answer
//! at all: those of ignored sources and those beyond a rate.

use call_core::input::LegEnd;
use shared::model::{DialResult, EndReason};
use sip_core::{Ending, Farewell};

/// Why a call is refused or ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The core says so.
    Core(EndReason),
    /// A phone of the house called somebody who was not reached.
    NotReached(DialResult),
    /// The INVITE names no number that could be looked up.
    NoNumber,
    /// Too many calls from there were answered and never acknowledged.
    Unacknowledged,
}

/// What ends a call for this reason.
pub(super) fn farewell(reason: Reason) -> Farewell {
    let (status, header) = match reason {
        Reason::NotReached(result) => of_a_dial(result),
        Reason::NoNumber => (404, UNALLOCATED),
        Reason::Unacknowledged => (486, "Q.850;cause=42;text=\"Switching equipment congestion\""),
        Reason::Core(reason) => of_core(reason),
    };
    Farewell { status, reason: Some(header) }
}

/// A phone hears of whom it called what the network told us, so that it plays the tone that people know. There is no 503: a phone would take
/// the server itself for gone.
fn of_a_dial(result: DialResult) -> (u16, &'static str) {
    match result {
        // Nobody's blame.
        DialResult::Answered | DialResult::Cancelled => (487, NORMAL),
        // The called person's.
        DialResult::Busy => (486, BUSY),
        DialResult::NoAnswer => (480, NO_ANSWER),
        DialResult::Rejected => (603, REJECTED),
        // The caller's.
        DialResult::Invalid => (404, UNALLOCATED),
        // Ours or the carrier's.
        DialResult::NoLine => (480, NO_CHANNEL),
    }
}

fn of_core(reason: EndReason) -> (u16, &'static str) {
    match reason {
        // Nobody's blame: the call is simply over.
        EndReason::CallerHungUp | EndReason::Abandoned | EndReason::CancelledBeforeAnswer => (487, NORMAL),
        EndReason::AgentHungUp
        | EndReason::PartyHungUp
        | EndReason::NotReached
        | EndReason::ResidualLimit
        | EndReason::Released
        | EndReason::ProbeDone
        | EndReason::CallbackPromised
        | EndReason::CallbackWithdrawn
        | EndReason::MenuEnded
        | EndReason::SurveyEnded => (480, NORMAL),
        // The caller's or the carrier's: the same call will be refused again.
        EndReason::UnknownNumber => (404, UNALLOCATED),
        EndReason::UnknownSource | EndReason::NotPermitted => (403, REJECTED),
        EndReason::NoCommonCodec => (488, "Q.850;cause=88;text=\"Incompatible destination\""),
        EndReason::Blocked => (603, REJECTED),
        EndReason::SignallingTimeout => (480, "Q.850;cause=102;text=\"Recovery on timer expiry\""),
        // Ours, and it passes: busy, not 503. A 503 makes the carrier's proxy take us out of service for every citizen, while one who hears
        // the busy tone knows to try again.
        EndReason::NoResources | EndReason::QueueFull | EndReason::TooManyCalls => (486, BUSY),
        // The same for the person; the cause tells the carrier that the order of channels is too small.
        EndReason::ChannelLimit => (486, NO_CHANNEL),
        EndReason::QueueTimeout | EndReason::NobodySignedIn | EndReason::AllNotReady | EndReason::Closed => (480, NO_ANSWER),
        // Ours, and a fault.
        EndReason::AgentLost => (480, FAILURE),
        EndReason::MediaFailed | EndReason::ServerCrashed => (500, FAILURE),
        // Here 503 is the truth: the carrier shall try its next route at once.
        EndReason::ServerStopping => (503, FAILURE),
    }
}

/// How the core hears of a leg's end.
pub(super) fn leg_end(ending: Ending) -> LegEnd {
    match ending {
        Ending::ByeReceived => LegEnd::ByeReceived,
        Ending::CancelReceived => LegEnd::CancelReceived,
        Ending::AsCommanded => LegEnd::AsCommanded,
        Ending::NoAck | Ending::NotAnswered => LegEnd::Timeout,
        Ending::Unreachable => LegEnd::Unreachable,
        Ending::Expired => LegEnd::Expired,
        Ending::Refused(status) => LegEnd::Refused { status },
    }
}

const NORMAL: &str = "Q.850;cause=16;text=\"Normal call clearing\"";
const UNALLOCATED: &str = "Q.850;cause=1;text=\"Unallocated number\"";
const BUSY: &str = "Q.850;cause=17;text=\"User busy\"";
const NO_ANSWER: &str = "Q.850;cause=19;text=\"No answer from user\"";
const NO_CHANNEL: &str = "Q.850;cause=34;text=\"No circuit/channel available\"";
const REJECTED: &str = "Q.850;cause=21;text=\"Call rejected\"";
const FAILURE: &str = "Q.850;cause=41;text=\"Temporary failure\"";

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reason of the core with what is said. A reason that is missing here is found by [`all_reasons_are_in_the_table`].
    const TABLE: [(EndReason, u16, u8); 31] = [
        (EndReason::MenuEnded, 480, 16),
        (EndReason::SurveyEnded, 480, 16),
        (EndReason::CallerHungUp, 487, 16),
        (EndReason::AgentHungUp, 480, 16),
        (EndReason::PartyHungUp, 480, 16),
        (EndReason::NotReached, 480, 16),
        (EndReason::ResidualLimit, 480, 16),
        (EndReason::Released, 480, 16),
        (EndReason::Abandoned, 487, 16),
        (EndReason::CancelledBeforeAnswer, 487, 16),
        (EndReason::UnknownNumber, 404, 1),
        (EndReason::UnknownSource, 403, 21),
        (EndReason::NotPermitted, 403, 21),
        (EndReason::NoCommonCodec, 488, 88),
        (EndReason::NoResources, 486, 17),
        (EndReason::ChannelLimit, 486, 34),
        (EndReason::MediaFailed, 500, 41),
        (EndReason::SignallingTimeout, 480, 102),
        (EndReason::QueueTimeout, 480, 19),
        (EndReason::QueueFull, 486, 17),
        (EndReason::NobodySignedIn, 480, 19),
        (EndReason::AllNotReady, 480, 19),
        (EndReason::Blocked, 603, 21),
        (EndReason::Closed, 480, 19),
        (EndReason::TooManyCalls, 486, 17),
        (EndReason::CallbackPromised, 480, 16),
        (EndReason::CallbackWithdrawn, 480, 16),
        (EndReason::AgentLost, 480, 41),
        (EndReason::ServerStopping, 503, 41),
        (EndReason::ProbeDone, 480, 16),
        (EndReason::ServerCrashed, 500, 41),
    ];

    #[test]
    fn each_side_hears_what_it_can_act_on() {
        for (reason, status, cause) in TABLE {
            let said = farewell(Reason::Core(reason));
            assert_eq!(said.status, status, "{reason:?}");
            let header = said.reason.unwrap_or_else(|| panic!("{reason:?} has no Reason header"));
            assert!(header.starts_with(&format!("Q.850;cause={cause};text=\"")) && header.ends_with('"'), "{reason:?}: {header}");
        }
        assert_eq!((farewell(Reason::NoNumber).status, farewell(Reason::Unacknowledged).status), (404, 486));
    }

    #[test]
    fn a_phone_hears_what_came_of_its_call() {
        for (result, status, cause) in [
            (DialResult::Busy, 486, 17),
            (DialResult::NoAnswer, 480, 19),
            (DialResult::Rejected, 603, 21),
            (DialResult::Invalid, 404, 1),
            (DialResult::NoLine, 480, 34),
            (DialResult::Cancelled, 487, 16),
            (DialResult::Answered, 487, 16),
        ] {
            let said = farewell(Reason::NotReached(result));
            let header = said.reason.expect("a Reason header");
            assert!(said.status == status && header.starts_with(&format!("Q.850;cause={cause};")), "{result:?}: {said:?}");
        }
    }

    #[test]
    fn all_reasons_are_in_the_table() {
        let mut codes: Vec<_> = TABLE.iter().map(|(reason, ..)| reason.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len(), "one of them stands twice");
        // A serialised reason that the table does not hold would be a new one; the names come from the model itself.
        let error = serde_json::from_str::<EndReason>("\"no_such_reason\"").expect_err("there is none").to_string();
        let known = error.matches('`').count() / 2 - 1;
        assert_eq!(known, TABLE.len(), "{error}");
    }

    #[test]
    fn only_a_server_that_stops_sends_the_carrier_away_from_all_of_us() {
        let away: Vec<_> = TABLE.iter().filter(|(reason, ..)| farewell(Reason::Core(*reason)).status == 503).collect();
        assert_eq!(away.len(), 1);
    }

    #[test]
    fn every_end_of_a_leg_is_told_by_its_own_name() {
        let endings = [
            (Ending::ByeReceived, LegEnd::ByeReceived),
            (Ending::CancelReceived, LegEnd::CancelReceived),
            (Ending::AsCommanded, LegEnd::AsCommanded),
            (Ending::NoAck, LegEnd::Timeout),
            (Ending::NotAnswered, LegEnd::Timeout),
            (Ending::Unreachable, LegEnd::Unreachable),
            (Ending::Expired, LegEnd::Expired),
            (Ending::Refused(486), LegEnd::Refused { status: 486 }),
        ];
        for (ending, told) in endings {
            assert_eq!(leg_end(ending), told);
        }
    }
}

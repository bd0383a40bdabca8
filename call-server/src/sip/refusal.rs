//! The one table from our reasons to what a trunk hears: status code before the answer, Reason header in refusal and BYE
//! (RFC 3261 section 21, RFC 3326, ITU-T Q.850).

use shared::model::EndReason;
use sip_core::Farewell;

/// What ends a call for this reason.
pub(super) fn farewell(reason: EndReason) -> Farewell {
    let (status, header) = match reason {
        EndReason::CallerHungUp | EndReason::Abandoned | EndReason::CancelledBeforeAnswer => (487, NORMAL),
        EndReason::AgentHungUp | EndReason::ProbeDone | EndReason::CallbackPromised => (480, NORMAL),
        EndReason::UnknownNumber => (404, "Q.850;cause=1;text=\"Unallocated number\""),
        EndReason::UnknownSource => (403, "Q.850;cause=21;text=\"Call rejected\""),
        EndReason::NoCommonCodec => (488, "Q.850;cause=88;text=\"Incompatible destination\""),
        // Busy, not 503: a 503 makes the carrier's proxy take us out of service for every citizen, while one who hears the busy tone
        // knows to try again.
        EndReason::NoResources | EndReason::QueueFull | EndReason::TooManyCalls => (486, "Q.850;cause=17;text=\"User busy\""),
        // The same for the person; the cause tells the carrier that the order of channels is too small.
        EndReason::ChannelLimit => (486, "Q.850;cause=34;text=\"No circuit/channel available\""),
        EndReason::MediaFailed | EndReason::ServerCrashed => (500, FAILURE),
        EndReason::SignallingTimeout => (480, "Q.850;cause=102;text=\"Recovery on timer expiry\""),
        EndReason::Blocked => (603, "Q.850;cause=21;text=\"Call rejected\""),
        EndReason::QueueTimeout | EndReason::NobodySignedIn | EndReason::AllNotReady | EndReason::Closed => {
            (480, "Q.850;cause=19;text=\"No answer from user\"")
        }
        EndReason::AgentLost => (480, FAILURE),
        // Here 503 is the truth: the carrier shall try its next route at once.
        EndReason::ServerStopping => (503, FAILURE),
    };
    Farewell { status, reason: Some(header) }
}

const NORMAL: &str = "Q.850;cause=16;text=\"Normal call clearing\"";
const FAILURE: &str = "Q.850;cause=41;text=\"Temporary failure\"";

#[cfg(test)]
mod tests {
    use super::farewell;
    use shared::model::EndReason;

    #[test]
    fn each_side_hears_what_it_can_act_on() {
        for (reason, status, cause) in [
            (EndReason::UnknownNumber, 404, "cause=1;"),
            (EndReason::NoCommonCodec, 488, "cause=88;"),
            (EndReason::NoResources, 486, "cause=17;"),
            (EndReason::ChannelLimit, 486, "cause=34;"),
            (EndReason::MediaFailed, 500, "cause=41;"),
            (EndReason::ServerStopping, 503, "cause=41;"),
            (EndReason::AgentHungUp, 480, "cause=16;"),
        ] {
            let said = farewell(reason);
            assert_eq!(said.status, status, "{reason:?}");
            assert!(said.reason.is_some_and(|header| header.contains(cause)), "{reason:?}: {said:?}");
        }
    }
}

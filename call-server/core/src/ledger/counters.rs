//! Totals since the start, counted from finished records and from nothing else (I-9). Probe calls count nowhere (5.1).

use super::InteractionRecord;
use serde::{Deserialize, Serialize};
use shared::model::{DialResult, Direction, EndReason};

/// Finished interactions by outcome. `finished` = `refused` + `queued`; `queued` = `answered` + `abandoned` + `timed_out` +
/// `turned_away` + `promised` + `lost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// All finished interactions but probe calls.
    pub finished: u64,
    /// Ended before a waiting line was entered: refused, cancelled, or without media. Blocked ones are among them.
    pub refused: u64,
    /// Refused because the number is blocked 拦截.
    pub blocked: u64,
    /// Entered a waiting line 转人工量.
    pub queued: u64,
    /// Two-way audio with an agent began 人工接听量.
    pub answered: u64,
    /// The citizen left while waiting or ringing 放弃.
    pub abandoned: u64,
    /// The queue's limit of waiting time was reached.
    pub timed_out: u64,
    /// Nobody was there to answer, and the queue does not let citizens wait then.
    pub turned_away: u64,
    /// Gave up the line and not the place: they are called back 排队回呼.
    #[serde(default)]
    pub promised: u64,
    /// Left the line unanswered for any other cause.
    pub lost: u64,
    /// Attempts to call somebody back; in no other of these numbers but `called_back`.
    #[serde(default)]
    pub callbacks: u64,
    /// Those of them that were answered.
    #[serde(default)]
    pub called_back: u64,
    /// Calls that agents 外拨 and phones of the house dialled; in no other of these numbers but `reached`.
    #[serde(default)]
    pub outbound: u64,
    /// Those of them that were answered.
    #[serde(default)]
    pub reached: u64,
}

impl Counters {
    /// Counts one finished interaction.
    pub(crate) fn add(&mut self, record: &InteractionRecord) {
        if record.probe {
            return;
        }
        if record.callback.is_some() {
            self.callbacks += 1;
            self.called_back += u64::from(record.answered_by_agent);
            return;
        }
        if record.direction == Direction::Outbound {
            self.outbound += 1;
            self.reached += u64::from(record.dial_result == Some(DialResult::Answered));
            return;
        }
        self.finished += 1;
        if record.queue.is_none() {
            self.refused += 1;
            self.blocked += u64::from(record.reason == EndReason::Blocked);
            return;
        }
        self.queued += 1;
        let outcome = if record.answered_by_agent {
            &mut self.answered
        } else if record.reason == EndReason::Abandoned {
            &mut self.abandoned
        } else if record.reason == EndReason::QueueTimeout {
            &mut self.timed_out
        } else if record.reason == EndReason::CallbackPromised {
            &mut self.promised
        } else if matches!(record.reason, EndReason::NobodySignedIn | EndReason::AllNotReady) {
            &mut self.turned_away
        } else {
            &mut self.lost
        };
        *outcome += 1;
    }
}

//! What is on record about a citizen who is to be called back 排队回呼.

use serde::{Deserialize, Serialize};
use shared::model::{DialResult, InteractionId, PhoneNumber, QueueId, UnixMillis};
use shared::pii::Pii;

/// One callback, as it stands; told to the store after each change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackRecord {
    /// The call in which it was promised; names the callback.
    pub callback: InteractionId,
    /// Whom to call: as the citizen confirmed it, or as the call came.
    pub number: Pii<PhoneNumber>,
    /// In which line.
    pub queue: QueueId,
    /// The first entry into the line: the place that is kept.
    pub entered: UnixMillis,
    /// When it was promised.
    pub asked: UnixMillis,
    /// Attempts in vain.
    pub attempts: u32,
    /// What came of the last one.
    pub last_result: Option<DialResult>,
    /// No attempt before this.
    pub due: UnixMillis,
    /// How far it is.
    pub state: CallbackState,
    /// The call in which the citizen was reached.
    pub reached_in: Option<InteractionId>,
    /// When this was so.
    pub changed: UnixMillis,
}

/// How far a callback is: one code each for the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// The citizen is to be called.
    Open,
    /// 已接通: an agent talked with the citizen.
    Reached,
    /// 未接通: as many attempts as may be were in vain. Somebody has to see to it.
    Missed,
    /// 过期: its time ran out before an agent was free. Somebody has to see to it.
    Expired,
    /// 取消: taken back by hand.
    Cancelled,
    /// The citizen called again and got through.
    GotThrough,
}

impl CallbackState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Open, Self::Reached, Self::Missed, Self::Expired, Self::Cancelled, Self::GotThrough];

    /// Stable code for records and reports, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reached => "reached",
            Self::Missed => "missed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::GotThrough => "got_through",
        }
    }
}

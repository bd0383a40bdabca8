//! One agent's desk as the server sees it: the whole truth for the agent's screen in one value.
//!
//! The server sends the whole desk after each change, so a message lost in a reconnect cannot leave a stale button:
//! the next desk replaces everything. Times are the server's wall clock; `now` lets the client count on from it.

use super::{AgentState, Caller, CallerCard, InteractionId, OfferId, Side, UnixMillis};
use serde::{Deserialize, Serialize};

/// Everything an agent's screen shows about the agent and the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Grows by one with each change of this agent's desk; a client ignores what is not newer.
    pub revision: u64,
    /// The server's clock when this was made.
    pub now: UnixMillis,
    /// The agent's state.
    pub state: AgentState,
    /// Since when.
    pub since: UnixMillis,
    /// Set exactly in `Offered`.
    pub offer: Option<OfferView>,
    /// Set exactly while a citizen is connected.
    pub call: Option<CallView>,
    /// Set exactly in `WrapUp`.
    pub wrap_up: Option<WrapUpView>,
    /// A change that the agent did not ask for, to be shown and sounded (I-29); cleared by the agent's next own change.
    pub notice: Option<Notice>,
}

/// A call that rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// Names this ringing, for accept and reject.
    pub offer: OfferId,
    /// The call itself.
    pub call: CallView,
    /// When the ringing ends unanswered.
    pub expires: UnixMillis,
}

/// A citizen's call as its agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// The interaction.
    pub interaction: InteractionId,
    /// Number, or withheld.
    pub caller: Caller,
    /// Name and address once the store has found them; the ring does not wait for it.
    pub card: Option<CallerCard>,
    /// The queue's name.
    pub queue: String,
    /// How long the citizen waited until this offer, in ms.
    pub waited_ms: u64,
    /// Where the call stands.
    pub phase: CallPhase,
    /// Since when it stands there.
    pub since: UnixMillis,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// Rings at this desk.
    Ringing,
    /// Two-way audio.
    Talking,
}

/// The time after a call in which its summary is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUpView {
    /// The call it belongs to.
    pub interaction: InteractionId,
    /// When it ends by itself.
    pub expires: UnixMillis,
    /// Who hung up.
    pub ended_by: Side,
}

/// A change that the server made by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The ringing ended unanswered; the agent is NotReady now.
    OfferMissed,
    /// The citizen hung up before the answer.
    CallerLeft,
    /// The voice path to this desk stopped; no offers until it works again.
    MediaLost,
}

/// Why a request was not carried out. The client has one text per language for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The offer has ended: the citizen left, it expired, or another took it.
    OfferGone,
    /// There is no such call at this desk.
    NoSuchCall,
    /// Not possible in the present state.
    WrongState,
    /// The voice path to this desk does not work yet.
    NoMedia,
    /// A reason that only the server may set.
    ReasonNotAllowed,
}

//! One agent's desk as the server sees it: the whole truth for the agent's screen in one value.
//!
//! The server sends the whole desk after each change, so a message lost in a reconnect cannot leave a stale button:
//! the next desk replaces everything. Times are the server's wall clock; `now` lets the client count on from it.

use super::{
    AgentId, AgentState, CallNews, Caller, CallerCard, DialResult, InteractionId, NotReadyReason, OfferId, Side, TalkView, UnixMillis,
    VoiceView, WatchMode,
};
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
    /// What the agent chose to follow the call or the wrap-up, if it is not Ready (I-31); 示闲 cancels it.
    #[serde(default)]
    pub next: Option<NextState>,
    /// When the longest time for the present reason of 示忙 is over; may have passed. `None` if the reason has no limit.
    #[serde(default)]
    pub limit: Option<UnixMillis>,
    /// The agent waits for a place in a reason that has too many already; any other choice of a state cancels it.
    #[serde(default)]
    pub awaits: Option<AwaitedBreak>,
    /// Whom this supervisor listens to, and how.
    #[serde(default)]
    pub watches: Option<WatchView>,
    /// By what this agent speaks.
    #[serde(default)]
    pub voice: VoiceView,
}

/// A supervisor takes part in the calls of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchView {
    /// Whose.
    pub agent: AgentId,
    /// How.
    pub mode: WatchMode,
    /// There is something to hear now.
    pub connected: bool,
}

/// What follows a call or its wrap-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum NextState {
    /// 示忙
    NotReady(NotReadyReason),
    /// 签出, without wrap-up.
    SignOut,
}

/// A place in the waiting line for a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedBreak {
    /// For which reason.
    pub reason: NotReadyReason,
    /// How many go before.
    pub ahead: u32,
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
    /// When the server accepts it by itself 自动应答; `None` if the agent has to.
    #[serde(default)]
    pub auto_answer: Option<UnixMillis>,
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
    /// What the hotline remembers about this number.
    #[serde(default)]
    pub known: KnownCaller,
    /// What goes on in the call beyond the citizen.
    #[serde(default)]
    pub talk: TalkView,
}

/// What the hotline remembers about a number when it calls (1-8, 2.2); all empty for a withheld one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct KnownCaller {
    /// Earlier contacts within 24 hours 重复来电.
    pub contacts_in_a_day: u32,
    /// Earlier contacts within 7 days.
    pub contacts_in_a_week: u32,
    /// The agent who is looked at served this number last 首问负责.
    pub served_by_you: bool,
    /// On the list of callers in favour: VIP, 特殊人群.
    pub care: Option<CareMark>,
}

/// Why a caller is in favour, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareMark {
    /// The group.
    pub class: CareClass,
    /// The list's own words.
    pub reason: String,
}

/// Groups of callers in favour 特殊人群 (2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CareClass {
    /// 贵宾
    Vip,
    /// 老年人
    Elderly,
    /// 听障
    Hearing,
    /// 方言
    Dialect,
    /// 残障
    Disabled,
    /// 代表委员
    Deputy,
    /// 媒体
    Media,
    /// 应急联动
    Emergency,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// Rings at this desk.
    Ringing,
    /// Two-way audio.
    Talking,
    /// 外拨: nobody has answered yet.
    Dialling,
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
    /// How often it may still be extended.
    #[serde(default)]
    pub extensions: u8,
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
    /// 示忙 has lasted longer than its reason allows.
    BreakOver,
    /// A place for the break that was waited for is free: it has begun.
    BreakBegun,
    /// The agent's own phone did not answer, and for a call or an offer that was the end of it.
    PhoneFailed(DialResult),
    /// Something of a call that the agent has to know.
    Call(CallNews),
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
    /// The call is taken by lifting the receiver of the agent's phone.
    LiftReceiver,
    /// There is no phone for this agent.
    NoPhone,
    /// A reason that only the server may set.
    ReasonNotAllowed,
    /// As many agents as may have this reason of 示忙 already.
    ReasonFull,
    /// The seat is locked, or the password that should unlock it is wrong.
    Locked,
    /// It could not be put on record.
    NotSaved,
    /// That colleague takes no calls now, or nobody of that queue does.
    NotAvailable,
    /// That number must not be dialled from here, or is none.
    MayNotDial,
    /// The call was handed over as often as may be.
    TooManyTransfers,
    /// As many take part as may.
    TooManyParties,
    /// The server's voice threads are at their limit: one voice more would spoil the talks that run.
    NoCapacity,
    /// There is no such agent, queue or party.
    NoSuchTarget,
    /// This needs the rights of a supervisor over that team.
    NotAllowed,
    /// A summary lacks what its code asks for, or names what does not exist.
    Incomplete,
    /// First the initial password must be changed.
    PasswordFirst,
    /// The present password is wrong.
    WrongPassword,
    /// The new password breaks the rules.
    WeakPassword,
    /// The new password was used before.
    UsedPassword,
    /// Too many messages in a short time.
    TooManyMessages,
    /// The message is empty, or longer than it may be.
    MessageLength,
    /// The message was sent too long ago to be recalled.
    TooLate,
}

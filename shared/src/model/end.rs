//! Why things end: one catalogue with stable codes, used alike by record, log, report and screen.

use serde::{Deserialize, Serialize};

/// How one interaction ended. Set once, by its defining event (I-11, I-37).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The citizen hung up after talking with an agent.
    CallerHungUp,
    /// The agent hung up.
    AgentHungUp,
    /// Who went on with the citizen when the agent had left hung up.
    PartyHungUp,
    /// A call that an agent or a phone of the house dialled was not answered; the record says what came of it.
    NotReached,
    /// A talk without an agent reached its limit.
    ResidualLimit,
    /// 强拆: a supervisor ended it.
    Released,
    /// The citizen left while waiting or ringing: abandoned 放弃.
    Abandoned,
    /// The citizen cancelled before the call was answered at all.
    CancelledBeforeAnswer,
    /// The dialled number is not served here.
    UnknownNumber,
    /// The source is no trunk of ours.
    UnknownSource,
    /// A phone of the house dialled what its class does not allow.
    NotPermitted,
    /// The offer in the INVITE names no codec that we have.
    NoCommonCodec,
    /// No media port or no channel was free: loss for a system cause 呼损 (K-2).
    NoResources,
    /// As many calls came in over the trunk as may: the carrier sends more than was ordered.
    ChannelLimit,
    /// The media path failed: loss for a system cause (K-2).
    MediaFailed,
    /// The far side stopped answering SIP.
    SignallingTimeout,
    /// The queue's limit of waiting time was reached.
    QueueTimeout,
    /// As many citizens waited as the queue may hold.
    QueueFull,
    /// Nobody who serves the queue was signed in 无座席.
    NobodySignedIn,
    /// Everybody who serves the queue and was signed in took no calls 全部示忙.
    AllNotReady,
    /// The caller's number is on the list of blocked numbers 拦截 (1-11).
    Blocked,
    /// Called outside the hours of the dialled number 非工作时间.
    Closed,
    /// More calls than may come in at once or in a second, from everybody, one trunk or one caller: turned away politely.
    TooManyCalls,
    /// The citizen chose to be called back and gave up the line, not the place 排队回呼.
    CallbackPromised,
    /// A callback was taken out of the line before anybody was called: taken back, put off, or no longer needed.
    CallbackWithdrawn,
    /// The agent's desktop was gone for too long in mid-call and nobody could take over.
    AgentLost,
    /// A voice menu 语音菜单 hung up, as it is set to.
    MenuEnded,
    /// A survey 满意度调查 was over, answered or not.
    SurveyEnded,
    /// The server was told to stop.
    ServerStopping,
    /// A probe call reached its planned end.
    ProbeDone,
    /// The server stopped without warning while the call ran; noted at the next start: loss for a system cause (K-2).
    ServerCrashed,
}

impl EndReason {
    /// Stable code for records and reports, equal to the serialised form.
    pub fn code(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller_hung_up",
            Self::AgentHungUp => "agent_hung_up",
            Self::PartyHungUp => "party_hung_up",
            Self::NotReached => "not_reached",
            Self::ResidualLimit => "residual_limit",
            Self::Released => "released",
            Self::Abandoned => "abandoned",
            Self::CancelledBeforeAnswer => "cancelled_before_answer",
            Self::UnknownNumber => "unknown_number",
            Self::UnknownSource => "unknown_source",
            Self::NotPermitted => "not_permitted",
            Self::NoCommonCodec => "no_common_codec",
            Self::NoResources => "no_resources",
            Self::ChannelLimit => "channel_limit",
            Self::MediaFailed => "media_failed",
            Self::SignallingTimeout => "signalling_timeout",
            Self::QueueTimeout => "queue_timeout",
            Self::QueueFull => "queue_full",
            Self::NobodySignedIn => "nobody_signed_in",
            Self::AllNotReady => "all_not_ready",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
            Self::TooManyCalls => "too_many_calls",
            Self::CallbackPromised => "callback_promised",
            Self::CallbackWithdrawn => "callback_withdrawn",
            Self::AgentLost => "agent_lost",
            Self::MenuEnded => "menu_ended",
            Self::SurveyEnded => "survey_ended",
            Self::ServerStopping => "server_stopping",
            Self::ProbeDone => "probe_done",
            Self::ServerCrashed => "server_crashed",
        }
    }
}

/// Which side did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The citizen's leg.
    Caller,
    /// The agent's leg.
    Agent,
    /// Our own rule or fault.
    Server,
}

impl Side {
    /// Stable code for records and reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
            Self::Server => "server",
        }
    }
}

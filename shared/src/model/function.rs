//! What an agent can do with a call, and what a desk shows of it: hold, consult, transfer, three-way (1-3, 1-4, 1-5, 1-10).

use super::{AgentId, DialResult, NodeId, PartyId, PhoneNumber, QueueId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// Most keys that are pressed at once.
pub const MAX_KEYS: usize = 32;

/// What an agent can do with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "function", rename_all = "snake_case")]
pub enum CallFunction {
    /// 保持: the citizen hears music. In a three-way talk the agent steps out and the others go on.
    Hold,
    /// 拾回
    Retrieve,
    /// 咨询: the citizen is held, and somebody else is called.
    Consult {
        /// Whom.
        to: Target,
    },
    /// 三方: somebody else is called while the talk goes on, and takes part as soon as there.
    Invite {
        /// Whom.
        to: Target,
    },
    /// 盲转: the citizen is handed over as soon as somebody answers there; to a queue at once.
    Transfer {
        /// Whom.
        to: Target,
    },
    /// 切换: from the citizen to whom is consulted, and back.
    Swap,
    /// 会议: citizen, agent and whom is consulted talk with each other.
    Merge,
    /// 转接: the citizen is handed over to whom is consulted.
    Complete,
    /// 取消: who is called or consulted is let go; the citizen is with the agent again.
    Cancel,
    /// 退出: the agent leaves a three-way talk, and the others go on.
    Leave,
    /// Somebody in the three-way talk is hung up.
    DropParty {
        /// Who.
        party: PartyId,
    },
    /// Somebody in the three-way talk hears the others and is not heard, or is heard again.
    MuteParty {
        /// Who.
        party: PartyId,
        /// Whether.
        muted: bool,
    },
    /// Keys are pressed towards who is consulted, else towards the citizen (RFC 4733).
    PressKeys {
        /// Of `0-9*#ABCD`, at most [`MAX_KEYS`].
        keys: String,
    },
    /// 暂停录音: what is said is left out of the recording while card data or passwords are asked for. It goes on by itself.
    PauseRecording,
    /// 恢复录音
    ResumeRecording,
}

/// Who is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Target {
    /// A colleague, who must be Ready.
    Agent(AgentId),
    /// Whoever of this queue is Ready; of a transfer the waiting line itself.
    Queue(QueueId),
    /// A number outside, or a phone of the house.
    Number(Pii<PhoneNumber>),
    /// A voice menu 语音菜单 or a survey 满意度调查; only of a transfer, which goes over at once.
    Node(NodeId),
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// 呼入
    #[default]
    Inbound,
    /// 外拨
    Outbound,
}

impl Direction {
    /// Stable code for records and reports, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// What a desk shows of a call beyond the citizen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct TalkView {
    /// Who called.
    pub direction: Direction,
    /// Since when the citizen is held by the agent.
    pub held: Option<UnixMillis>,
    /// Who is called or consulted.
    pub aside: Option<AsideView>,
    /// Who else takes part in the talk.
    pub others: Vec<PartyView>,
    /// Whose call it is, if it is not this desk's own: this agent is consulted, or takes part.
    pub guest_of: Option<PartyName>,
    /// Who hands the call over, or asks, and as what; while it rings here.
    pub asked_by: Option<AskedBy>,
    /// The recording is paused, and goes on by itself then.
    pub paused_until: Option<UnixMillis>,
    /// 排队回呼: the citizen has given up the line, and is called as soon as the agent accepts.
    pub callback: Option<CallbackView>,
}

/// A citizen who is called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackView {
    /// When the callback was promised.
    pub asked: UnixMillis,
    /// Which attempt this is: 1, 2, 3…
    pub attempt: u32,
}

/// Somebody who is called or consulted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideView {
    /// Who.
    pub name: PartyName,
    /// For what.
    pub kind: AsideKind,
    /// How far it is.
    pub stage: AsideStage,
    /// Since when.
    pub since: UnixMillis,
}

/// For what somebody is called beside the citizen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsideKind {
    /// 咨询
    Consult,
    /// 三方
    Invite,
    /// 盲转
    Transfer,
}

/// How far that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsideStage {
    /// Nobody has answered.
    Rings,
    /// Somebody is there.
    There,
}

/// Somebody in the talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyView {
    /// For [`CallFunction::DropParty`] and [`CallFunction::MuteParty`].
    pub party: PartyId,
    /// Who.
    pub name: PartyName,
    /// Is not heard.
    pub muted: bool,
    /// Since when.
    pub since: UnixMillis,
}

/// How somebody in a call is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyName {
    /// A colleague.
    Agent {
        /// Who.
        agent: AgentId,
        /// Staff number.
        number: String,
        /// Name.
        name: String,
    },
    /// Somebody outside.
    Number(Pii<PhoneNumber>),
}

/// Who asks an agent to take a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedBy {
    /// Who.
    pub name: PartyName,
    /// As what.
    pub kind: AsideKind,
}

/// What became of calling somebody, told to the agent who wished it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "result", rename_all = "snake_case")]
pub enum CallNews {
    /// 外拨未接通
    DialFailed(DialResult),
    /// Who was called for a consultation, a three-way talk or a transfer did not answer: the citizen is back.
    AsideFailed(DialResult),
    /// Who was consulted has hung up.
    AsideLeft,
    /// Somebody left the three-way talk.
    PartyLeft,
    /// The citizen hung up while held.
    LeftOnHold,
    /// The citizen has been held for very long.
    HeldLong,
    /// The citizen was held for as long as that may be, and is with the agent again.
    HeldTooLong,
    /// To a supervisor: a talk without an agent 无座席通话, which this one has left, goes on for long.
    TeamResidual(AgentId),
    /// To a supervisor: somebody of the team has held a citizen for very long.
    TeamHeldLong(AgentId),
    /// To a supervisor: somebody of the team calls an emergency number.
    TeamEmergency(AgentId),
    /// A supervisor has set the state.
    Forced,
    /// A supervisor has taken or ended the call.
    Taken,
}

//! What happened where in a recording (1-12).

use super::{AgentId, AsideKind, DialResult, NodeId, PartyId, PartyName, QueueId, WatchMode};
use serde::{Deserialize, Serialize};

/// One place in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// From the beginning of the main recording, in ms; the switchboard's clock, which is a few ms off the media's.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub kind: MarkKind,
}

/// What happened there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum MarkKind {
    /// An agent and the citizen hear each other from here.
    Talk {
        /// Who.
        agent: AgentId,
    },
    /// And do not any more.
    TalkEnd {
        /// Who.
        agent: AgentId,
    },
    /// 保持: only the citizen is heard.
    Hold {
        /// By whom.
        agent: AgentId,
    },
    /// 拾回
    Retrieve {
        /// By whom.
        agent: AgentId,
    },
    /// Somebody is called for a consultation, a three-way talk or a transfer.
    Called {
        /// Numbered within the interaction.
        party: PartyId,
        /// For what.
        as_what: AsideKind,
        /// Whom.
        name: PartyName,
    },
    /// What came of it.
    CalledEnd {
        /// Who.
        party: PartyId,
        /// The result.
        result: DialResult,
    },
    /// 三方: somebody takes part from here.
    Joined {
        /// Who.
        party: PartyId,
    },
    /// And does not any more.
    Left {
        /// Who.
        party: PartyId,
    },
    /// 转接
    Transfer {
        /// Whose the call was.
        from: AgentId,
        /// Whose it is; none is a talk without an agent.
        to: Option<AgentId>,
    },
    /// 盲转 to a waiting line.
    ToQueue {
        /// By whom.
        from: AgentId,
        /// Which.
        queue: QueueId,
    },
    /// 盲转 to a voice menu or a survey.
    ToNode {
        /// By whom.
        from: AgentId,
        /// Which.
        node: NodeId,
    },
    /// 监听, 耳语 (on its own track) or 插话 from here.
    Watched {
        /// Who.
        supervisor: AgentId,
        /// How.
        mode: WatchMode,
    },
    /// And not any more.
    Unwatched {
        /// Who.
        supervisor: AgentId,
    },
    /// 暂停录音: silence from here, as an agent wished it.
    Pause {
        /// By whom.
        agent: AgentId,
    },
    /// The recording goes on.
    PauseEnd,
    /// The citizen's keys are left out from here, as the queue wishes it.
    KeysMasked,
    /// An emergency number was called.
    Emergency {
        /// By whom.
        agent: AgentId,
    },
}

impl MarkKind {
    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Talk { .. } => "talk",
            Self::TalkEnd { .. } => "talk_end",
            Self::Hold { .. } => "hold",
            Self::Retrieve { .. } => "retrieve",
            Self::Called { .. } => "called",
            Self::CalledEnd { .. } => "called_end",
            Self::Joined { .. } => "joined",
            Self::Left { .. } => "left",
            Self::Transfer { .. } => "transfer",
            Self::ToQueue { .. } => "to_queue",
            Self::ToNode { .. } => "to_node",
            Self::Watched { .. } => "watched",
            Self::Unwatched { .. } => "unwatched",
            Self::Pause { .. } => "pause",
            Self::PauseEnd => "pause_end",
            Self::KeysMasked => "keys_masked",
            Self::Emergency { .. } => "emergency",
        }
    }
}

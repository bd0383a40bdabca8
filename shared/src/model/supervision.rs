//! What a supervisor does: hears and talks into calls, takes and ends them, sets states (1-14, 2.4).

use super::{AgentId, InteractionId, NotReadyReason, QueueId};
use serde::{Deserialize, Serialize};

/// Longest reason, in characters.
pub const MAX_REASON: usize = 200;

/// What a supervisor does. Each act needs a reason and leaves an audit row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum SupervisorAct {
    /// 监听, 耳语, 插话: from now on, or in this other way from now on; with the agent's next calls, too, until [`Self::Unwatch`].
    Watch {
        /// Whom.
        agent: AgentId,
        /// How.
        mode: WatchMode,
    },
    /// No longer.
    Unwatch,
    /// 强接: the citizen is with the supervisor from now on.
    TakeOver {
        /// Whose call.
        agent: AgentId,
    },
    /// 强拆: the call ends.
    Release {
        /// Whose call.
        agent: AgentId,
    },
    /// 强制示闲
    ForceReady {
        /// Whom.
        agent: AgentId,
    },
    /// 强制示忙: at once, or after the call.
    ForceNotReady {
        /// Whom.
        agent: AgentId,
        /// As what.
        #[serde(rename = "as")]
        reason: NotReadyReason,
    },
    /// 强制签出: at once, or after the call.
    ForceSignOut {
        /// Whom.
        agent: AgentId,
    },
    /// A citizen who waits goes to another queue, with the time of entry.
    Move {
        /// Who.
        interaction: InteractionId,
        /// Where.
        queue: QueueId,
    },
    /// 代答: a citizen who waits is with the supervisor.
    PickUp {
        /// Who.
        interaction: InteractionId,
    },
}

/// How a supervisor takes part in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchMode {
    /// 监听: is heard by nobody.
    Listen,
    /// 耳语: is heard by the agent alone.
    Whisper,
    /// 插话: talks with all.
    Barge,
}

impl SupervisorAct {
    /// Stable code for the audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Watch { mode: WatchMode::Listen, .. } => "listen",
            Self::Watch { mode: WatchMode::Whisper, .. } => "whisper",
            Self::Watch { mode: WatchMode::Barge, .. } => "barge",
            Self::Unwatch => "unwatch",
            Self::TakeOver { .. } => "take_over",
            Self::Release { .. } => "release",
            Self::ForceReady { .. } => "force_ready",
            Self::ForceNotReady { .. } => "force_not_ready",
            Self::ForceSignOut { .. } => "force_sign_out",
            Self::Move { .. } => "move",
            Self::PickUp { .. } => "pick_up",
        }
    }

    /// The call that it names.
    #[must_use]
    pub fn interaction(self) -> Option<InteractionId> {
        match self {
            Self::Move { interaction, .. } | Self::PickUp { interaction } => Some(interaction),
            Self::Watch { .. }
            | Self::Unwatch
            | Self::TakeOver { .. }
            | Self::Release { .. }
            | Self::ForceReady { .. }
            | Self::ForceNotReady { .. }
            | Self::ForceSignOut { .. } => None,
        }
    }

    /// Whom it concerns.
    #[must_use]
    pub fn agent(self) -> Option<AgentId> {
        match self {
            Self::Watch { agent, .. }
            | Self::TakeOver { agent }
            | Self::Release { agent }
            | Self::ForceReady { agent }
            | Self::ForceNotReady { agent, .. }
            | Self::ForceSignOut { agent } => Some(agent),
            Self::Unwatch | Self::Move { .. } | Self::PickUp { .. } => None,
        }
    }
}

//! One routing decision as it is kept: who could have been asked, by which figures, and why the others could not.
//!
//! A record for people; nothing is decided by it.

use serde::{Deserialize, Serialize};
use shared::model::{AgentId, QueueId};

/// Why this agent, or why nobody yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// In which queue the citizen waits.
    pub queue: QueueId,
    /// Since the first entry, in ms.
    pub waited_ms: u64,
    /// Points of the call among all calls, in thousandths; see `plan::Priority`.
    pub score: i64,
    /// Who is asked; `None` if the citizen has to wait.
    pub asked: Option<AgentId>,
    /// Nobody but this agent is asked for now, who served the citizen last (1-8).
    #[serde(default)]
    pub held_for: Option<AgentId>,
    /// Who could be asked, the one who is first; at most [`Decision::MOST`].
    pub candidates: Vec<Weighed>,
    /// Who is signed in for the queue and could not be asked; at most [`Decision::MOST`].
    pub passed_over: Vec<PassedOver>,
    /// How many more candidates and others there were.
    pub left_out: usize,
}

impl Decision {
    /// Longest list that is kept.
    pub const MOST: usize = 16;
}

/// Somebody who could be asked, with the figures that the strategies compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighed {
    /// Who.
    pub agent: AgentId,
    /// Ready time since the last handled call, in ms.
    pub idle_ms: u64,
    /// Part of the shift spent with talk and wrap-up, in millionths.
    pub occupancy: u64,
    /// Sum of the levels of the skills that the queue asks for.
    pub levels: u32,
}

/// Somebody who could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Who.
    pub agent: AgentId,
    /// Why.
    pub why: WhyNot,
}

/// Why somebody who is signed in could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// 示忙
    NotReady,
    /// The desk rings, for this call or another.
    Rings,
    /// In a call.
    Talks,
    /// Writes up a call.
    WrapsUp,
    /// The desktop is gone.
    Gone,
    /// The voice path does not work.
    NoVoice,
    /// The tier is not open yet.
    TierClosed,
    /// A skill is missing or below the level asked for.
    SkillMissing,
    /// Rejected or missed this very call a short while ago (I-28).
    Declined,
}

/// What came of asking the agent first who served a number last (1-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastAgentOutcome {
    /// The citizen talks with that agent.
    Hit,
    /// Many people call from this number.
    SharedNumber,
    /// The last contact was rated bad, or the matter is a complaint about the agent.
    Avoided,
    /// Not signed in.
    SignedOut,
    /// 示忙, or the desktop is gone.
    NotReady,
    /// Does not serve this queue, or not with the skills asked for.
    NotInReach,
    /// Busy with another call for longer than the citizen should wait.
    Busy,
    /// Was waited for, and did not become free in time.
    HoldOver,
    /// Rejected or missed the call.
    Declined,
    /// Somebody else answered.
    AnsweredByOther,
    /// The citizen left before.
    CallerLeft,
}

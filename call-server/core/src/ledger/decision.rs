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

    /// The fact of this decision as it is put on record, to be read back as [`super::FactKind`]: its lists, the longest of all facts, stand
    /// there without the names of their fields.
    pub fn in_brief(&self) -> impl Serialize {
        let Self { queue, waited_ms, score, asked, held_for, candidates, passed_over, left_out } = self;
        Brief {
            queue: *queue,
            waited_ms: *waited_ms,
            score: *score,
            asked: *asked,
            held_for: *held_for,
            candidates: candidates
                .iter()
                .map(|Weighed { agent, idle_ms, occupancy, levels }| (*agent, *idle_ms, *occupancy, *levels))
                .collect(),
            passed_over: passed_over.iter().map(|PassedOver { agent, why }| (*agent, *why)).collect(),
            left_out: *left_out,
        }
    }
}

/// See [`Decision::in_brief`]; fields as there.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "decided")]
struct Brief {
    queue: QueueId,
    waited_ms: u64,
    score: i64,
    asked: Option<AgentId>,
    held_for: Option<AgentId>,
    candidates: Vec<(AgentId, u64, u64, u32)>,
    passed_over: Vec<(AgentId, WhyNot)>,
    left_out: usize,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::FactKind;

    #[test]
    fn what_is_on_record_in_brief_and_at_length_is_read_as_the_same_decision_and_the_longest_is_short() {
        let agents = || (1..=Decision::MOST as u32).map(|agent| AgentId(agent * 1_000));
        let decision = Decision {
            queue: QueueId(3),
            waited_ms: 61_250,
            score: -7,
            asked: Some(AgentId(1_000)),
            held_for: Some(AgentId(2_000)),
            candidates: agents().map(|agent| Weighed { agent, idle_ms: 999_999, occupancy: 765_432, levels: 12 }).collect(),
            passed_over: agents().map(|agent| PassedOver { agent, why: WhyNot::Talks }).collect(),
            left_out: 180,
        };
        let fact = FactKind::Decided(Box::new(decision.clone()));
        let (brief, long) = (serde_json::to_string(&decision.in_brief()), serde_json::to_string(&fact));
        let (brief, long) = (brief.expect("it is plain"), long.expect("it is plain"));
        for text in [&brief, &long] {
            assert_eq!(serde_json::from_str::<FactKind>(text).expect("a fact"), fact, "{text}");
        }
        // More does not fit into a row of the books without a page of its own.
        assert!(brief.len() < 950, "{} bytes: {brief}", brief.len());
    }
}

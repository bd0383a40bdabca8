//! Who takes part in a call beside the citizen and the agent: a colleague, an expert outside. Somebody who is called or consulted, or
//! takes part in the talk.

use super::outgoing::Outgoing;
use crate::command::CallTo;
use crate::time::Now;
use crate::turn::Turn;
use shared::model::{AgentId, AsideKind, AsideStage, AsideView, EndReason, LegId, PartyId, PartyName, PartyView};

/// Somebody in a call.
#[derive(Debug, Clone)]
pub(crate) struct Party {
    pub(crate) id: PartyId,
    pub(crate) who: Member,
    pub(crate) muted: bool,
    pub(crate) since: Now,
}

/// Who that is.
#[derive(Debug, Clone)]
pub(crate) enum Member {
    /// Over a leg of ours.
    Outside(Outgoing),
    /// A signed-in agent; the voice path is known from the moment of acceptance.
    Colleague { agent: AgentId, leg: Option<LegId> },
}

/// Somebody who is called or consulted, and does not take part in the talk with the citizen.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
    pub(crate) party: Party,
    pub(crate) kind: AsideKind,
}

impl Party {
    /// The leg by which media knows the party, once there is one.
    pub(crate) fn leg(&self) -> Option<LegId> {
        match &self.who {
            Member::Outside(outgoing) => Some(outgoing.leg),
            Member::Colleague { leg, .. } => *leg,
        }
    }

    /// The colleague, if it is one.
    pub(crate) fn agent(&self) -> Option<AgentId> {
        match &self.who {
            Member::Outside(_) => None,
            Member::Colleague { agent, .. } => Some(*agent),
        }
    }

    /// Where a leg of ours leads.
    pub(crate) fn calls(&self) -> Option<&CallTo> {
        match &self.who {
            Member::Outside(outgoing) => Some(&outgoing.to),
            Member::Colleague { .. } => None,
        }
    }

    /// Whether somebody has answered.
    pub(crate) fn is_there(&self) -> bool {
        match &self.who {
            Member::Outside(outgoing) => outgoing.is_answered(),
            Member::Colleague { leg, .. } => leg.is_some(),
        }
    }

    /// Whether anything can be heard of the party.
    pub(crate) fn is_audible(&self) -> bool {
        match &self.who {
            Member::Outside(outgoing) => outgoing.is_audible(),
            Member::Colleague { leg, .. } => leg.is_some(),
        }
    }

    /// Whether the party's phone rings and nothing of that can be heard; a colleague's desk rings for nobody else either.
    pub(crate) fn rings_silently(&self) -> bool {
        match &self.who {
            Member::Outside(outgoing) => outgoing.rings_silently(),
            Member::Colleague { leg, .. } => leg.is_none(),
        }
    }

    /// Ends a leg of ours; a colleague's voice path lives on.
    pub(crate) fn hang_up(&self, turn: &mut Turn) {
        match &self.who {
            Member::Outside(outgoing) => outgoing.hang_up(turn, EndReason::AgentHungUp),
            Member::Colleague { .. } => {}
        }
    }

    /// The far side has ended a leg of ours.
    pub(crate) fn free(&self, turn: &mut Turn) {
        match &self.who {
            Member::Outside(outgoing) => outgoing.free(turn),
            Member::Colleague { .. } => {}
        }
    }

    /// As a desk shows it.
    pub(crate) fn name(&self, turn: &Turn) -> PartyName {
        match &self.who {
            Member::Outside(outgoing) => PartyName::Number(outgoing.to.number().clone().into()),
            Member::Colleague { agent, .. } => agent_name(turn, *agent),
        }
    }

    pub(crate) fn view(&self, turn: &Turn) -> PartyView {
        PartyView { party: self.id, name: self.name(turn), muted: self.muted, since: self.since.utc }
    }
}

impl Aside {
    pub(crate) fn view(&self, turn: &Turn) -> AsideView {
        let stage = if self.party.is_there() { AsideStage::There } else { AsideStage::Rings };
        AsideView { name: self.party.name(turn), kind: self.kind, stage, since: self.party.since.utc }
    }
}

/// A colleague's number and name; empty once the plan no longer names the agent.
pub(crate) fn agent_name(turn: &Turn, agent: AgentId) -> PartyName {
    let plan = turn.plan.agents.get(&agent);
    PartyName::Agent {
        agent,
        number: plan.map(|plan| plan.number.clone()).unwrap_or_default(),
        name: plan.map(|plan| plan.name.clone()).unwrap_or_default(),
    }
}

//! The reference for what agents do with calls: which wish is possible in which stage, and what is true afterwards, written down as plainly
//! as the manual says it (1-3, 1-5, 1-10).

use crate::parties::Aside;
use crate::watch::Watch;
use call_core::input::AgentAction;
use shared::model::{AgentId, AsideKind, CallFunction, InteractionId, Refusal, Target};

/// A wish about a call, and how the call was before.
#[derive(Debug, Clone)]
pub(crate) struct Wished {
    interaction: InteractionId,
    agent: AgentId,
    function: CallFunction,
    /// What it must meet; `None` where scenarios say it.
    meets: Option<Result<(), Refusal>>,
    held: bool,
    aside: Option<Aside>,
}

impl Watch {
    /// A wish that a living session has about a call.
    pub(crate) fn wish_about_call(&self, agent: AgentId, interaction: InteractionId, function: &CallFunction) -> Wished {
        let (meets, function) = (self.meets(agent, interaction, function), function.clone());
        let parties = self.calls.get(&interaction).map(|call| &call.parties);
        let (held, aside) = (parties.is_some_and(|parties| parties.held), parties.and_then(|parties| parties.aside));
        Wished { interaction, agent, function, meets, held, aside }
    }

    fn meets(&self, agent: AgentId, interaction: InteractionId, function: &CallFunction) -> Option<Result<(), Refusal>> {
        let owned = self.calls.get(&interaction).filter(|call| call.lives() && call.agent() == Some(agent));
        let Some(call) = owned else { return Some(Err(Refusal::NoSuchCall)) };
        let (parties, limits) = (&call.parties, self.plan.limits.functions);
        let there = parties.aside.is_some_and(|aside| aside.there);
        let allowed = |may: bool| if may { Ok(()) } else { Err(Refusal::WrongState) };
        let talks = parties.owner.is_some();
        let beside = |kind: AsideKind| match kind {
            _ if !talks || parties.aside.is_some() => Err(Refusal::WrongState),
            AsideKind::Transfer if parties.transfers >= limits.max_transfers => Err(Refusal::TooManyTransfers),
            AsideKind::Invite if parties.others.len() >= limits.max_others => Err(Refusal::TooManyParties),
            AsideKind::Consult | AsideKind::Invite | AsideKind::Transfer => Ok(()),
        };
        Some(match function {
            CallFunction::Hold => allowed(talks && (parties.aside.is_none() || parties.held)),
            CallFunction::Retrieve => allowed(talks && !(parties.aside.is_some() && parties.held)),
            CallFunction::Swap => allowed(there),
            CallFunction::Merge if parties.others.len() >= limits.max_others => Err(Refusal::TooManyParties),
            CallFunction::Merge => allowed(there),
            CallFunction::Complete if parties.transfers >= limits.max_transfers => Err(Refusal::TooManyTransfers),
            CallFunction::Complete => allowed(there),
            CallFunction::Cancel => allowed(parties.aside.is_some()),
            CallFunction::Leave => allowed(talks && !parties.others.is_empty()),
            CallFunction::DropParty { party } | CallFunction::MuteParty { party, .. } => {
                parties.others.get(party).map(|_| ()).ok_or(Refusal::NoSuchTarget)
            }
            CallFunction::Transfer { to: Target::Queue(queue) } if !self.plan.queues.contains_key(queue) => Err(Refusal::NoSuchTarget),
            CallFunction::Transfer { to: Target::Node(node) } if !self.plan.nodes.contains_key(node) => Err(Refusal::NoSuchTarget),
            CallFunction::Transfer { to: Target::Queue(_) | Target::Node(_) } => beside(AsideKind::Transfer),
            CallFunction::Transfer { to } => beside(AsideKind::Transfer).and_then(|()| self.can_be_called(agent, to)),
            CallFunction::Consult { to } => beside(AsideKind::Consult).and_then(|()| self.can_be_called(agent, to)),
            CallFunction::Invite { to } => beside(AsideKind::Invite).and_then(|()| self.can_be_called(agent, to)),
            CallFunction::PressKeys { .. } | CallFunction::PauseRecording | CallFunction::ResumeRecording => return None,
        })
    }

    /// Only who is ready can be called by default (1-3).
    fn can_be_called(&self, agent: AgentId, to: &Target) -> Result<(), Refusal> {
        let free = |one: AgentId| one != agent && self.agents.get(&one).is_some_and(|seen| seen.eligible());
        match to {
            Target::Agent(other) if *other == agent || !self.plan.agents.contains_key(other) => Err(Refusal::NoSuchTarget),
            Target::Agent(other) => free(*other).then_some(()).ok_or(Refusal::NotAvailable),
            Target::Queue(queue) if !self.plan.queues.contains_key(queue) => Err(Refusal::NoSuchTarget),
            Target::Queue(queue) => {
                let found = self.agents.keys().any(|one| free(*one) && self.serves(*one, *queue));
                found.then_some(()).ok_or(Refusal::NotAvailable)
            }
            Target::Number(_) if !self.plan.agents.contains_key(&agent) => Err(Refusal::MayNotDial),
            Target::Number(_) => Ok(()),
            // A menu or a survey cannot be asked anything.
            Target::Node(_) => Err(Refusal::NoSuchTarget),
        }
    }

    /// Whether the input is a wish of somebody.
    pub(crate) fn acted(&self) -> bool {
        matches!(self.step.input, Some(call_core::Input::AgentAsked { .. }))
    }

    /// 1-3, 1-5, 1-10: a wish is done or refused as the stage of the call says, and does what it is called.
    pub(crate) fn wishes_about_calls_do_what_they_say(&mut self) {
        if !self.alone {
            return;
        }
        let refusal = self.step.refused.map_or(Ok(()), Err);
        if let Some(meets) = self.step.act {
            assert_eq!(refusal, meets, "2.4: an act of a supervisor: {:?}", self.step.input);
        }
        let Some(wished) = self.step.wished.take() else { return };
        if let Some(meets) = wished.meets {
            assert_eq!(refusal, meets, "1-3, 1-5, 1-10: a wish about {}: {:?}", wished.interaction, wished.function);
        }
        if refusal.is_ok() {
            self.is_as_wished(&wished);
            self.tally("a wish about a call was done");
        }
    }

    fn is_as_wished(&self, wished: &Wished) {
        let call = &self.calls[&wished.interaction];
        let (parties, mine) = (&call.parties, call.owner() == Some(wished.agent));
        let consulted = wished.aside.and_then(|aside| aside.who.agent());
        let party = wished.aside.map(|aside| aside.party);
        let right = match &wished.function {
            CallFunction::Hold => mine && parties.held,
            CallFunction::Retrieve => mine && !parties.held,
            CallFunction::Swap => mine && parties.held != wished.held,
            CallFunction::Merge => {
                mine && !parties.held && parties.aside.is_none() && party.is_some_and(|party| parties.others.contains_key(&party))
            }
            // Somebody outside has no desk: a colleague who takes part inherits the call.
            CallFunction::Complete => {
                let goes_on = call.owner().is_some() || parties.residual();
                goes_on && !call.has(wished.agent) && (consulted.is_none() || call.owner() == consulted)
            }
            CallFunction::Cancel => mine && !parties.held && parties.aside.is_none(),
            CallFunction::Leave => !call.has(wished.agent) && (call.owner().is_some() || parties.residual()),
            CallFunction::DropParty { party } => mine && !parties.others.contains_key(party),
            CallFunction::MuteParty { party, muted } => mine && parties.muted.contains(party) == *muted,
            CallFunction::Transfer { to: Target::Queue(_) | Target::Node(_) } => !call.has(wished.agent),
            CallFunction::Consult { .. } | CallFunction::Transfer { .. } => mine && parties.held && parties.aside.is_some(),
            CallFunction::Invite { .. } => mine && parties.held == wished.held && parties.aside.is_some(),
            CallFunction::PressKeys { .. } | CallFunction::PauseRecording | CallFunction::ResumeRecording => true,
        };
        assert!(right, "1-3, 1-5, 1-10: {:?} of {} did something else", wished.function, wished.interaction);
    }

    /// Done: what only the wish tells.
    pub(crate) fn wish_done(&mut self, agent: AgentId, action: &AgentAction) {
        self.step.done = true;
        match action {
            AgentAction::Call(interaction, CallFunction::MuteParty { party, muted }) => {
                let (party, muted) = (*party, *muted);
                self.with_call(*interaction, |call| {
                    if muted {
                        call.parties.muted.insert(party);
                    } else {
                        call.parties.muted.remove(&party);
                    }
                });
                self.tally("somebody is muted");
            }
            AgentAction::Call(interaction, CallFunction::Complete) => {
                self.with_call(*interaction, |call| call.parties.transfers += 1);
                self.tally("a consultation is completed");
            }
            AgentAction::Supervise(act, _) => self.act_done(agent, *act),
            AgentAction::GoReady | AgentAction::Lock | AgentAction::Dial(_) => _ = self.watches.remove(&agent),
            _ => {}
        }
    }
}

//! What supervisors do, and what must be true of it: who takes part in whose talk and as what, which acts may be done, and that each that was
//! done is written down (1-14, 2.4).

use crate::agents::Choice;
use crate::calls::CallSeen;
use crate::watch::Watch;
use call_core::Input;
use call_core::command::Part;
use call_core::input::AgentAction;
use shared::model::{AgentId, AgentState, InteractionId, LegId, NotReadyReason, QueueId, Refusal, SupervisorAct, WatchMode};
use std::collections::BTreeMap;

impl Watch {
    /// An act was done.
    pub(crate) fn act_done(&mut self, supervisor: AgentId, act: SupervisorAct) {
        match act {
            SupervisorAct::Watch { agent, mode } => {
                self.watches.insert(supervisor, (agent, mode));
                self.tally(match mode {
                    WatchMode::Listen => "a supervisor listens",
                    WatchMode::Whisper => "a supervisor whispers",
                    WatchMode::Barge => "a supervisor barges in",
                });
            }
            SupervisorAct::Unwatch => _ = self.watches.remove(&supervisor),
            SupervisorAct::TakeOver { .. } => self.tally("a call is taken over"),
            SupervisorAct::Release { .. } => self.tally("a call is released"),
            SupervisorAct::ForceReady { agent } => {
                self.watches.remove(&agent);
                self.is_forced(agent, AgentAction::GoReady);
            }
            SupervisorAct::ForceNotReady { agent, reason } => self.is_forced(agent, AgentAction::GoNotReady(reason)),
            SupervisorAct::ForceSignOut { agent } => self.is_forced(agent, AgentAction::SignOut),
            SupervisorAct::Move { .. } => self.tally("a waiting call is moved"),
            SupervisorAct::PickUp { .. } => self.tally("a waiting call is picked up"),
        }
    }

    fn is_forced(&mut self, agent: AgentId, action: AgentAction) {
        if let Some(seen) = self.agents.get_mut(&agent) {
            seen.chose(action);
        }
        self.tally("a state is forced");
    }

    /// A supervisor has a call that was an agent's, or waited.
    pub(crate) fn taken_by(&mut self, supervisor: AgentId) {
        self.watches.remove(&supervisor);
        let Some(seen) = self.agents.get_mut(&supervisor) else { return };
        let before = seen.state();
        seen.handled();
        if let AgentState::NotReady(reason) = before {
            seen.choice = Choice::NotReady(reason);
        }
    }

    /// Supervisors are where their agent is.
    pub(crate) fn add_supervisors(&self, call: &CallSeen, wanted: &mut BTreeMap<LegId, Part>) {
        for (supervisor, (agent, mode)) in &self.watches {
            let here = call.parties.agents().any(|one| one == *agent);
            let is_with = self.leg_of_agent(*agent).filter(|leg| here && wanted.contains_key(leg));
            let part = match mode {
                WatchMode::Listen => Part::Listen,
                WatchMode::Whisper => Part::Whisper,
                WatchMode::Barge => Part::Talk,
            };
            let own = self.agents.get(supervisor).map(|seen| seen.leg);
            wanted.extend(is_with.and(own).map(|leg| (leg, part)));
        }
        // Whoever is consulted is who the talk beside the citizen is named by.
        let aside = call.parties.aside.and_then(|aside| aside.who.agent());
        let own = call.owner().and_then(|owner| self.leg_of_agent(owner));
        let beside = own.is_some_and(|own| wanted.contains_key(&own)) && call.parties.held;
        for (supervisor, (_, mode)) in self.watches.iter().filter(|(_, (agent, _))| beside && Some(*agent) == aside) {
            let part = match mode {
                WatchMode::Listen => Part::Listen,
                WatchMode::Whisper => Part::Whisper,
                WatchMode::Barge => Part::Talk,
            };
            wanted.extend(self.agents.get(supervisor).map(|seen| (seen.leg, part)));
        }
    }

    /// A supervisor whose own voice, or whose agent's, is moving from desk to desk.
    pub(crate) fn watched_by_who_moves(&self, call: &CallSeen) -> bool {
        let moving = |agent: &AgentId| self.arriving.contains_key(agent);
        let of_call = |agent: &AgentId| call.parties.agents().any(|one| one == *agent);
        self.watches.iter().any(|(supervisor, (agent, _))| of_call(agent) && (moving(supervisor) || moving(agent)))
    }

    /// 1-14: who listens takes no calls meanwhile, and is heard by nobody but in the way that was chosen.
    pub(crate) fn who_supervises_takes_no_calls(&self) {
        for (supervisor, (agent, mode)) in &self.watches {
            let Some(seen) = self.agents.get(supervisor) else { continue };
            let heard = self.unsaved().any(|call| call.ended.is_none() && call.has(*agent));
            let view = seen.desk.as_ref().and_then(|desk| desk.watches.as_ref()).map(|view| (view.agent, view.mode, view.connected));
            let stale = seen.connected && !self.arriving.contains_key(agent) && view != Some((*agent, *mode, heard));
            assert!(!stale, "1-14: the desk of {supervisor} shows {view:?}");
            let free = matches!(seen.state(), AgentState::NotReady(_) | AgentState::Lost);
            assert!(free, "1-14: {supervisor} takes part in a talk and is {:?}", seen.state());
        }
        for (name, members) in &self.wires.talks {
            for (leg, part) in members.iter().filter(|(_, part)| **part == Part::Whisper) {
                let supervisor = self.legs_of_agents.get(leg);
                let whispers = supervisor.and_then(|supervisor| self.watches.get(supervisor));
                assert!(whispers.is_some_and(|(_, mode)| *mode == WatchMode::Whisper), "1-14: {leg} is {part:?} in {name} unasked");
            }
        }
    }

    /// 2.4: what was done is written down once, and nothing else is.
    pub(crate) fn every_act_leaves_one_audit_row(&self) {
        let Some(Input::AgentAsked { action, .. }) = &self.step.input else {
            return assert_eq!(self.step.audited, 0, "2.4: an audit row for nobody's act");
        };
        let done = matches!(action, AgentAction::Supervise(..)) && self.step.done;
        assert_eq!(self.step.audited, u32::from(done), "2.4: audit rows of an act, done: {done}");
    }

    /// What an act must meet; `None` where scenarios say it.
    pub(crate) fn act_meets(&self, supervisor: AgentId, act: SupervisorAct, reason: &str) -> Option<Result<(), Refusal>> {
        let own = self.agents.get(&supervisor)?;
        if reason.trim().is_empty() || !self.supervises(supervisor, act.agent()) {
            return Some(Err(Refusal::NotAllowed));
        }
        let target = act.agent().and_then(|agent| self.agents.get(&agent));
        let with = |agent: AgentId| self.unsaved().find(|call| call.ended.is_none() && call.has(agent));
        Some(match act {
            SupervisorAct::Watch { .. } => match (own.state(), target) {
                (AgentState::NotReady(NotReadyReason::Locked), _) => Err(Refusal::Locked),
                (AgentState::NotReady(_), _) if !own.reachable => Err(Refusal::NoMedia),
                (AgentState::NotReady(_), None) => Err(Refusal::NoSuchTarget),
                (AgentState::NotReady(_), Some(_)) => Ok(()),
                _ => Err(Refusal::WrongState),
            },
            SupervisorAct::Unwatch if self.watches.contains_key(&supervisor) => Ok(()),
            SupervisorAct::Unwatch => Err(Refusal::WrongState),
            SupervisorAct::TakeOver { agent } if target.is_some() => match with(agent) {
                Some(call) if call.dialling == Some(agent) => Err(Refusal::WrongState),
                Some(call) if call.owner() == Some(agent) => self.may_take(supervisor),
                Some(_) | None => Err(Refusal::NoSuchCall),
            },
            SupervisorAct::Release { agent } if target.is_some() => with(agent).map(|_| ()).ok_or(Refusal::NoSuchCall),
            SupervisorAct::ForceSignOut { .. } => target.map(|_| ()).ok_or(Refusal::NoSuchTarget),
            SupervisorAct::PickUp { interaction } => self.waits_for(supervisor, interaction).and_then(|()| self.may_take(supervisor)),
            SupervisorAct::Move { interaction, queue } => self.may_move(supervisor, interaction, queue),
            // Somebody may be moving from desk to desk.
            SupervisorAct::TakeOver { .. } | SupervisorAct::Release { .. } => return None,
            SupervisorAct::ForceReady { .. } | SupervisorAct::ForceNotReady { .. } => return None,
        })
    }

    fn supervises(&self, supervisor: AgentId, agent: Option<AgentId>) -> bool {
        let Some(own) = self.plan.agents.get(&supervisor).filter(|own| own.supervisor) else { return false };
        let Some(agent) = agent else { return true };
        let of_team = |queue: &QueueId| self.serves(agent, *queue);
        agent != supervisor && (own.queues.is_empty() || own.queues.iter().any(of_team))
    }

    fn may_take(&self, supervisor: AgentId) -> Result<(), Refusal> {
        let own = &self.agents[&supervisor];
        match own.state() {
            AgentState::NotReady(NotReadyReason::Locked) => Err(Refusal::Locked),
            AgentState::NotReady(_) | AgentState::Ready if own.reachable => Ok(()),
            AgentState::NotReady(_) | AgentState::Ready => Err(Refusal::NoMedia),
            _ => Err(Refusal::WrongState),
        }
    }

    fn waits_for(&self, supervisor: AgentId, interaction: InteractionId) -> Result<(), Refusal> {
        let lives = |call: &&CallSeen| call.lives() && !call.probe && call.turned.is_none();
        let call = self.calls.get(&interaction).filter(lives).ok_or(Refusal::NoSuchCall)?;
        let queue = call.queue.filter(|_| call.waiting_since.is_some() && !call.absent).ok_or(Refusal::WrongState)?;
        let own = self.plan.agents.get(&supervisor).is_some_and(|own| own.queues.is_empty() || own.queues.contains(&queue));
        if own { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    fn may_move(&self, supervisor: AgentId, interaction: InteractionId, to: QueueId) -> Result<(), Refusal> {
        match self.waits_for(supervisor, interaction) {
            Err(refusal @ (Refusal::NoSuchCall | Refusal::WrongState)) => Err(refusal),
            _ if !self.plan.queues.contains_key(&to) => Err(Refusal::NoSuchTarget),
            Err(refusal) => Err(refusal),
            Ok(()) if self.calls[&interaction].ringing.is_empty() => Ok(()),
            Ok(()) => Err(Refusal::WrongState),
        }
    }
}

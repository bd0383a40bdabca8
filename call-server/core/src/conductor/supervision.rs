//! What supervisors do (1-14, 2.4): they take part in calls, take and end them, and set states. Only those of one's team; each act has a
//! reason and leaves an audit row.

use crate::Core;
use crate::acd::{Activity, Agent, Asked};
use crate::calls::{Call, Ending, Move, Stage, Watcher};
use crate::command::{SessionEnd, StoreCommand};
use crate::ledger::{OverflowCause, SupervisionNote};
use crate::turn::Turn;
use shared::model::{
    AgentId, CallNews, EndReason, InteractionId, MAX_REASON, NotReadyReason, QueueId, Refusal, Side, SupervisorAct, WatchMode, WatchView,
};
use std::collections::BTreeMap;

/// Who listens to whom, and how.
pub(crate) type Watches = BTreeMap<AgentId, (AgentId, WatchMode)>;

impl Core {
    /// An act of a supervisor. What is refused leaves no audit row: nothing happened.
    pub(super) fn supervise(&mut self, supervisor: AgentId, act: SupervisorAct, reason: String) -> Result<(), Refusal> {
        let reason_fits = !reason.trim().is_empty() && reason.chars().count() <= MAX_REASON;
        if !reason_fits || !self.supervises(supervisor, act.agent()) {
            return Err(Refusal::NotAllowed);
        }
        let watched = self.watches.get(&supervisor).map(|(agent, _)| *agent);
        if let SupervisorAct::Watch { agent, .. } = act
            && watched != Some(agent)
        {
            let call = self.call_of(agent).and_then(|interaction| self.calls.get(interaction));
            self.turn.room_for_a_voice(call.map(|call| call.thread))?;
        }
        let interaction = act.interaction().or(act.agent().or(watched).and_then(|agent| self.call_of(agent)));
        if self.act_waits_for_phone(supervisor, act, &reason)? {
            return Ok(());
        }
        self.carry_out_act(supervisor, act)?;
        let at = self.turn.now.utc;
        self.turn.store(StoreCommand::Supervised(Box::new(SupervisionNote { supervisor, at, act, interaction, reason })));
        Ok(())
    }

    fn carry_out_act(&mut self, supervisor: AgentId, act: SupervisorAct) -> Result<(), Refusal> {
        match act {
            SupervisorAct::Watch { agent, mode } => self.watch(supervisor, agent, mode),
            SupervisorAct::Unwatch => self.unwatch(supervisor).then_some(()).ok_or(Refusal::WrongState),
            SupervisorAct::TakeOver { agent } => self.take_over(supervisor, agent),
            SupervisorAct::Release { agent } => self.release(agent),
            SupervisorAct::ForceReady { agent } => {
                self.force(agent, |agent, turn| agent.force(turn, None))?;
                self.unwatch(agent);
                Ok(())
            }
            SupervisorAct::ForceNotReady { agent, reason } => self.force(agent, |agent, turn| agent.force(turn, Some(reason))),
            SupervisorAct::ForceSignOut { agent } => self.force_sign_out(agent),
            SupervisorAct::Move { interaction, queue } => self.move_waiting(supervisor, interaction, queue),
            SupervisorAct::PickUp { interaction } => self.pick_up(supervisor, interaction),
        }
    }

    /// Whether somebody may supervise this agent, or anybody: both serve a queue, or the supervisor none in particular.
    fn supervises(&self, supervisor: AgentId, agent: Option<AgentId>) -> bool {
        let plan = &self.turn.plan;
        let Some(own) = plan.agents.get(&supervisor).filter(|own| own.supervisor) else { return false };
        let Some(agent) = agent else { return true };
        let theirs = plan.agents.get(&agent).map(|theirs| theirs.queues.as_slice()).unwrap_or_default();
        agent != supervisor && (own.queues.is_empty() || own.queues.iter().any(|queue| theirs.contains(queue)))
    }

    /// Whoever supervises this agent and is signed in has to know something.
    pub(super) fn tell_supervisors(&mut self, agent: AgentId, news: CallNews) {
        let signed_in: Vec<AgentId> = self.acd.signed_in().map(|found| found.agent).collect();
        for supervisor in signed_in.into_iter().filter(|supervisor| self.supervises(*supervisor, Some(agent))).collect::<Vec<_>>() {
            self.tell_agent(supervisor, news);
        }
    }

    fn supervises_queue(&self, supervisor: AgentId, queue: QueueId) -> bool {
        let own = self.turn.plan.agents.get(&supervisor).filter(|own| own.supervisor);
        own.is_some_and(|own| own.queues.is_empty() || own.queues.contains(&queue))
    }

    fn call_of(&self, agent: AgentId) -> Option<InteractionId> {
        self.acd.agent(agent)?.talk().map(|talk| talk.interaction)
    }

    /// 监听, 耳语, 插话: who listens takes no calls meanwhile.
    fn watch(&mut self, supervisor: AgentId, agent: AgentId, mode: WatchMode) -> Result<(), Refusal> {
        let own = self.acd.agent(supervisor).ok_or(Refusal::WrongState)?;
        match own.activity {
            Activity::NotReady(NotReadyReason::Locked) => return Err(Refusal::Locked),
            Activity::NotReady(_) if !own.has_voice() => return Err(Refusal::NoMedia),
            Activity::NotReady(_) => {}
            Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => {
                return Err(Refusal::WrongState);
            }
        }
        if self.acd.agent(agent).is_none() {
            return Err(Refusal::NoSuchTarget);
        }
        let before = self.watches.insert(supervisor, (agent, mode)).map(|(before, _)| before);
        for agent in before.into_iter().chain([agent]) {
            self.refresh_watchers(agent);
        }
        self.acd.touch(supervisor);
        Ok(())
    }

    /// Nobody is listened to any more. `false` if nobody was.
    pub(super) fn unwatch(&mut self, supervisor: AgentId) -> bool {
        let waited = self.phones.forget_act(supervisor);
        let Some((agent, _)) = self.watches.remove(&supervisor) else { return waited };
        self.refresh_watchers(agent);
        self.acd.touch(supervisor);
        true
    }

    /// Whoever listens to this agent is in the agent's call.
    fn refresh_watchers(&mut self, agent: AgentId) {
        if let Some(interaction) = self.call_of(agent) {
            self.refresh_call_watchers(interaction);
        }
    }

    /// Whom this supervisor listens to is heard by what the supervisor speaks by now.
    pub(super) fn refresh_watched_by(&mut self, supervisor: AgentId) {
        if let Some((agent, _)) = self.watches.get(&supervisor).copied() {
            self.refresh_watchers(agent);
        }
    }

    /// Whoever listens to somebody of this call is in it, and nobody else.
    pub(super) fn refresh_call_watchers(&mut self, interaction: InteractionId) {
        let Some(call) = self.calls.get(interaction) else { return };
        if self.watches.is_empty() && call.watchers.is_empty() {
            return;
        }
        let of_call = self.watches.iter().filter(|(_, (agent, _))| call.leg_of(*agent).is_some());
        let watchers = of_call.filter_map(|(supervisor, (agent, mode))| {
            let leg = self.acd.agent(*supervisor).filter(|own| !own.needs_phone())?.voice();
            Some(Watcher { supervisor: *supervisor, leg, agent: *agent, mode: *mode })
        });
        let watchers: Vec<Watcher> = watchers.collect();
        self.calls.watch(&mut self.turn, interaction, watchers);
        let supervisors: Vec<AgentId> = self.watches.keys().copied().collect();
        supervisors.into_iter().for_each(|supervisor| self.acd.touch(supervisor));
    }

    /// There is something to be heard of this agent, or is no more: the desks of who listens say so.
    pub(super) fn touch_watchers_of(&mut self, agent: AgentId) {
        let listens = self.watches.iter().filter(|(_, (watched, _))| *watched == agent).map(|(supervisor, _)| *supervisor);
        listens.collect::<Vec<_>>().into_iter().for_each(|supervisor| self.acd.touch(supervisor));
    }

    /// As a supervisor's desk shows it.
    pub(super) fn watch_view(&self, supervisor: AgentId) -> Option<WatchView> {
        let (agent, mode) = *self.watches.get(&supervisor)?;
        Some(WatchView { agent, mode, connected: self.call_of(agent).is_some() })
    }

    /// 强接
    fn take_over(&mut self, supervisor: AgentId, agent: AgentId) -> Result<(), Refusal> {
        let interaction = self.call_of(agent).ok_or(Refusal::NoSuchCall)?;
        let call = self.calls.get(interaction).filter(|call| call.owner() == Some(agent)).ok_or(Refusal::NoSuchCall)?;
        if !matches!(call.stage, Stage::Talking(_)) {
            return Err(Refusal::WrongState);
        }
        let queue = call.queue;
        let own = self.acd.agent(supervisor).ok_or(Refusal::WrongState)?;
        own.may_dial()?;
        let leg = own.voice();
        self.unwatch(supervisor);
        let (over, aside) = self.calls.take_over(&mut self.turn, interaction, supervisor, leg)?;
        aside.iter().for_each(|gone| self.party_leaves((interaction, queue), gone));
        self.with_agent(supervisor, |agent, turn| agent.take(turn, interaction, queue));
        self.segment_over(over.from, (interaction, queue), Side::Agent, true);
        self.tell_agent(over.from, CallNews::Taken);
        self.follow_call(interaction);
        Ok(())
    }

    /// 强拆
    fn release(&mut self, agent: AgentId) -> Result<(), Refusal> {
        let interaction = self.call_of(agent).ok_or(Refusal::NoSuchCall)?;
        self.end_call(interaction, Ending { reason: EndReason::Released, by: Side::Server, leg_gone: false });
        self.tell_agent(agent, CallNews::Taken);
        Ok(())
    }

    fn force(&mut self, agent: AgentId, step: impl FnOnce(&mut Agent, &mut Turn) -> Asked) -> Result<(), Refusal> {
        let found = self.acd.agent_mut(agent).ok_or(Refusal::NoSuchTarget)?;
        let over = step(found, &mut self.turn)?;
        self.acd.stop_awaiting(agent);
        self.offer_over(over);
        Ok(())
    }

    fn force_sign_out(&mut self, agent: AgentId) -> Result<(), Refusal> {
        let after_call = self.acd.agent_mut(agent).ok_or(Refusal::NoSuchTarget)?.sign_out_after_call();
        if after_call {
            self.tell_agent(agent, CallNews::Forced);
        } else {
            self.sign_out(agent, SessionEnd::Forced);
        }
        Ok(())
    }

    fn move_waiting(&mut self, supervisor: AgentId, interaction: InteractionId, to: QueueId) -> Result<(), Refusal> {
        let from = self.waiting(interaction)?;
        if !self.turn.plan.queues.contains_key(&to) {
            return Err(Refusal::NoSuchTarget);
        }
        if !self.supervises_queue(supervisor, from) {
            return Err(Refusal::NotAllowed);
        }
        // A desk that rings goes on: the citizen is about to be served.
        if !self.acd.waits_unserved(interaction) {
            return Err(Refusal::WrongState);
        }
        self.stop_asking(interaction);
        self.calls.change_queue(&mut self.turn, interaction, Move { from, to, cause: OverflowCause::Supervisor });
        let moves_on = self.calls.get(interaction).is_some_and(Call::moves_on);
        self.acd.change_queue(&mut self.turn, interaction, to, moves_on);
        Ok(())
    }

    fn pick_up(&mut self, supervisor: AgentId, interaction: InteractionId) -> Result<(), Refusal> {
        let queue = self.waiting(interaction)?;
        if !self.supervises_queue(supervisor, queue) {
            return Err(Refusal::NotAllowed);
        }
        let own = self.acd.agent(supervisor).ok_or(Refusal::WrongState)?;
        own.may_dial()?;
        let leg = own.voice();
        self.unwatch(supervisor);
        for over in self.acd.taken(&mut self.turn, interaction) {
            self.note_offer_over(over);
        }
        self.note_last_agents();
        self.stop_asking(interaction);
        self.calls.pick_up(&mut self.turn, interaction, supervisor, leg);
        self.got_through(interaction);
        self.with_agent(supervisor, |agent, turn| agent.take(turn, interaction, queue));
        self.follow_call(interaction);
        Ok(())
    }

    /// The queue in which a citizen waits.
    fn waiting(&self, interaction: InteractionId) -> Result<QueueId, Refusal> {
        let call = self.calls.get(interaction).filter(|call| !call.probe).ok_or(Refusal::NoSuchCall)?;
        match call.stage {
            Stage::Waiting(_) => Ok(call.queue),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Talking(_) | Stage::Guided(_) | Stage::Residual(_) => {
                Err(Refusal::WrongState)
            }
        }
    }
}

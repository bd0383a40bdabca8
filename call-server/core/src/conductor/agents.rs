//! What agents and their desktops do, translated: a wish becomes a step in `acd`, and what follows from it a step in `calls`.

use crate::Core;
use crate::acd::{Accepted, Activity, Agent, Asked};
use crate::calls::Ending;
use crate::command::{AgentCommand, MediaAccess, SessionEnd};
use crate::input::{AgentAction, AnnouncementEnd};
use crate::ledger::IntervalCause;
use crate::turn::Turn;
use shared::model::{
    AgentId, DialResult, EndReason, InteractionId, LegId, NotReadyReason, OfferId, Refusal, RequestId, SessionId, Side, VoiceDevice,
};

impl Core {
    /// A step of one agent alone.
    pub(super) fn with_agent(&mut self, agent: AgentId, step: impl FnOnce(&mut Agent, &mut Turn)) {
        if let Some(agent) = self.acd.agent_mut(agent) {
            step(agent, &mut self.turn);
        }
    }

    pub(super) fn agent_arrived(&mut self, (agent, session): (AgentId, SessionId), voice: Option<VoiceDevice>) {
        if self.stopping {
            self.turn.agent(AgentCommand::SignInFailed { agent, session });
            return;
        }
        self.unwatch(agent);
        if let Some(remains) = self.acd.arrive(&mut self.turn, (agent, session), voice) {
            self.offer_over(remains.offer);
        }
    }

    pub(super) fn agent_media_opened(&mut self, agent: AgentId, leg: LegId, access: MediaAccess) {
        if let Some((interaction, headset)) = self.acd.media_opened(&mut self.turn, agent, leg, access) {
            let leg = self.leg_of_phone(agent).unwrap_or(headset);
            if let Some(call) = self.calls.get_mut(interaction) {
                call.rejoin(&mut self.turn, agent, leg);
                self.follow_call(interaction);
            }
        }
        self.look_for_phones();
    }

    pub(super) fn agent_media_reachable(&mut self, leg: LegId, reachable: bool) {
        if let Some((agent, _)) = self.acd.of_leg(leg)
            && let Some(agent) = self.acd.agent_mut(agent)
        {
            let over = agent.media_reachable(&mut self.turn, reachable);
            self.offer_over(over);
        }
    }

    /// While signing in that is the end of the attempt; later it is a voice path that stopped.
    pub(super) fn agent_media_failed(&mut self, leg: LegId) {
        match self.acd.of_leg(leg) {
            Some((agent, false)) => self.sign_out(agent, SessionEnd::Lost),
            Some((_, true)) => self.agent_media_reachable(leg, false),
            None => {}
        }
    }

    pub(super) fn agent_disconnected(&mut self, agent: AgentId, session: SessionId) {
        if self.acd.is_arriving(agent, session) {
            self.sign_out(agent, SessionEnd::Lost);
        } else if let Some(agent) = self.acd.in_session(agent, session) {
            let over = agent.disconnected(&mut self.turn);
            self.offer_over(over);
        }
    }

    pub(super) fn agent_resumed(&mut self, agent: AgentId, session: SessionId) {
        if let Some(agent) = self.acd.in_session(agent, session) {
            agent.resumed(&mut self.turn);
        } else if !self.acd.is_arriving(agent, session) {
            self.turn.agent(AgentCommand::SignedOut { agent, session, why: SessionEnd::Lost });
        }
    }

    /// Exactly one answer per wish of a living session.
    pub(super) fn agent_asked(&mut self, agent: AgentId, session: SessionId, request: RequestId, action: AgentAction) {
        if self.acd.in_session(agent, session).is_none() {
            return;
        }
        let signs_out = action == AgentAction::SignOut;
        let answer = match self.carry_out(agent, action) {
            Ok(()) => AgentCommand::Done { agent, session, request },
            Err(reason) => AgentCommand::Refuse { agent, session, request, reason },
        };
        self.turn.agent(answer);
        if signs_out {
            self.sign_out_if_free(agent);
        }
    }

    fn carry_out(&mut self, agent: AgentId, action: AgentAction) -> Result<(), Refusal> {
        match action {
            AgentAction::GoReady => {
                self.choose(agent, |agent, turn| agent.go_ready(turn))?;
                self.unwatch(agent);
                Ok(())
            }
            AgentAction::GoNotReady(reason) if !self.acd.has_place(&self.turn, reason, agent) => Err(Refusal::ReasonFull),
            AgentAction::GoNotReady(reason) => self.choose(agent, |agent, turn| agent.go_not_ready(turn, reason)),
            AgentAction::AwaitNotReady(reason) => self.await_break(agent, reason),
            AgentAction::Lock => {
                self.choose(agent, |agent, turn| agent.lock(turn))?;
                self.unwatch(agent);
                Ok(())
            }
            AgentAction::Unlock => self.choose(agent, |agent, turn| agent.unlock(turn)),
            AgentAction::Accept(offer) => {
                if self.acd.agent(agent).is_some_and(|found| found.needs_phone()) {
                    return Err(Refusal::LiftReceiver);
                }
                self.accept(agent, offer, IntervalCause::Accept)
            }
            AgentAction::Reject(offer) => self.ask(agent, |agent, turn| agent.reject(turn, offer)),
            AgentAction::HangUp(interaction) => self.hang_up(agent, interaction),
            AgentAction::EndWrapUp => self.ask(agent, |agent, turn| agent.end_wrap_up(turn)),
            AgentAction::ExtendWrapUp => self.ask(agent, |agent, turn| agent.extend_wrap_up(turn)),
            AgentAction::Dial(number) => self.dial(agent, number.reveal()),
            AgentAction::Call(interaction, function) => self.function(agent, interaction, function),
            AgentAction::Supervise(act, reason) => self.supervise(agent, act, reason),
            AgentAction::UseVoice(device) => self.use_voice(agent, device),
            AgentAction::SignOut => Ok(()),
        }
    }

    /// An explicit choice of a state: it goes before a break that is waited for (I-31).
    fn choose(&mut self, agent: AgentId, step: impl FnOnce(&mut Agent, &mut Turn) -> Asked) -> Result<(), Refusal> {
        self.ask(agent, step)?;
        self.acd.stop_awaiting(agent);
        Ok(())
    }

    fn await_break(&mut self, agent: AgentId, reason: NotReadyReason) -> Result<(), Refusal> {
        if !NotReadyReason::CHOOSABLE.contains(&reason) {
            return Err(Refusal::ReasonNotAllowed);
        }
        match self.acd.agent(agent).map(|found| found.activity) {
            Some(Activity::NotReady(NotReadyReason::Locked)) => Err(Refusal::Locked),
            Some(Activity::Lost(_)) | None => Err(Refusal::WrongState),
            Some(_) if self.acd.has_place(&self.turn, reason, agent) => self.choose(agent, |agent, turn| agent.go_not_ready(turn, reason)),
            Some(_) => {
                self.acd.await_break(agent, reason);
                Ok(())
            }
        }
    }

    /// The time has come in which the call is accepted by itself (2.1): the agent hears of it first, if the queue wants that.
    pub(super) fn auto_answer(&mut self, agent: AgentId, offer: OfferId) {
        if !self.acd.agent_mut(agent).is_some_and(|agent| agent.whisper(&mut self.turn)) {
            // The deadline is gone with the offer, so it is live; a refusal would change nothing.
            let _ = self.accept(agent, offer, IntervalCause::AutoAnswer);
        }
    }

    /// What an agent was to hear is over; that of a call that is accepted by itself makes way for the citizen.
    pub(super) fn whisper_over(&mut self, leg: LegId, end: AnnouncementEnd) {
        let Some((agent, _)) = self.acd.of_leg(leg) else { return };
        // What was heard before the whisper is cut by it; whoever cut the whisper itself has ended the offer, or its limit ends it.
        if end != AnnouncementEnd::Cut
            && let Some(offer) = self.acd.agent(agent).and_then(Agent::whispered)
        {
            let _ = self.accept(agent, offer, IntervalCause::AutoAnswer);
        }
    }

    fn ask(&mut self, agent: AgentId, step: impl FnOnce(&mut Agent, &mut Turn) -> Asked) -> Result<(), Refusal> {
        let agent = self.acd.agent_mut(agent).ok_or(Refusal::WrongState)?;
        let over = step(agent, &mut self.turn)?;
        self.offer_over(over);
        Ok(())
    }

    pub(super) fn accept(&mut self, agent: AgentId, offer: OfferId, cause: IntervalCause) -> Result<(), Refusal> {
        let Accepted { offered, leg, losers } = self.acd.accept(&mut self.turn, agent, offer, cause)?;
        self.note_last_agents();
        for loser in losers {
            self.note_offer_over(loser);
        }
        self.stop_asking(offered.interaction);
        if offered.asked.is_some() {
            self.colleague_accepted(offered.interaction, agent, leg);
        } else if !self.call_back(offered.interaction, (agent, leg), offered.began) {
            self.calls.connect(&mut self.turn, offered.interaction, agent, leg, offered.began);
            self.refresh_call_watchers(offered.interaction);
            self.got_through(offered.interaction);
        }
        Ok(())
    }

    /// 挂断: of one's own call for everybody, of another's only for oneself.
    pub(super) fn hang_up(&mut self, agent: AgentId, interaction: InteractionId) -> Result<(), Refusal> {
        let call = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?;
        if call.owner() == Some(agent) {
            self.calls.dial_ended(&mut self.turn, interaction, DialResult::Cancelled);
            self.end_call(interaction, Ending { reason: EndReason::AgentHungUp, by: Side::Agent, leg_gone: false });
            return Ok(());
        }
        if self.guest_leaves(agent, interaction) { Ok(()) } else { Err(Refusal::NoSuchCall) }
    }

    fn sign_out_if_free(&mut self, agent: AgentId) {
        let after_call = self.acd.agent_mut(agent).is_some_and(Agent::sign_out_after_call);
        if !after_call {
            self.sign_out(agent, SessionEnd::Asked);
        }
    }
}

//! 2.1: calls that are accepted by themselves, and what the agent hears before.

use crate::watch::Watch;
use call_core::command::BUSY_TONE;
use call_core::plan::PromptName;
use shared::model::{AgentId, InteractionId, LegId, SessionId};

/// How long an agent is whispered to at most, in ms.
const WHISPER_MOST_MS: u64 = 10_000;

impl Watch {
    /// An agent's desk rings: the call is accepted by itself only if somebody sits there.
    pub(crate) fn may_accept_itself(&mut self, interaction: InteractionId, agent: AgentId) {
        let delay_ms = self.plan.agents.get(&agent).and_then(|plan| plan.auto_answer_ms);
        if let Some(delay_ms) = delay_ms.filter(|_| self.agents[&agent].attentive) {
            let due = self.now.plus(delay_ms.max(1));
            self.with_call(interaction, |call| _ = call.accepts_itself.insert(agent, due));
        }
    }

    /// Somebody sits there, or not.
    pub(crate) fn attentive(&mut self, agent: AgentId, session: SessionId, attentive: bool) {
        let Some(seen) = self.agents.get_mut(&agent).filter(|seen| seen.session == session) else { return };
        seen.attentive = attentive && seen.connected;
        if seen.attentive {
            return;
        }
        // What is due by now is accepted, or told, first.
        for call in self.calls.values_mut().filter(|call| call.accepts_itself.get(&agent).is_some_and(|due| *due > self.now)) {
            call.accepts_itself.remove(&agent);
            self.step.to_be_quiet.extend(call.whispered.remove(&agent));
        }
    }

    /// An agent in no talk hears something: the tone of a refusal, or what comes before a call that is accepted by itself.
    pub(crate) fn whispers(&mut self, leg: LegId, prompts: &[PromptName]) {
        if prompts.iter().any(|prompt| &*prompt.0 == BUSY_TONE) {
            return;
        }
        let agent =
            *self.agent_legs.iter().find(|(_, other)| **other == leg).expect("2.1: whispered to a leg that is not an agent's any more").0;
        let rings = self.unsaved().find(|call| call.accepts_itself.contains_key(&agent));
        let call = rings.expect("2.1: whispered although no call is accepted by itself");
        let (interaction, queue) = (call.interaction, call.queue.expect("rings while it waits"));
        assert!(call.accepts_itself[&agent] <= self.now, "2.1: {interaction} is whispered to {agent} before its time");
        assert!(!call.whispered.contains_key(&agent), "2.1: {interaction} is whispered to {agent} twice");
        assert_eq!(self.plan.queues[&queue].whisper, prompts, "2.1: {interaction}: not what {queue} whispers");
        let limit = self.now.plus(WHISPER_MOST_MS);
        // Who gets up in the same moment is told no more.
        let stays = self.agents[&agent].attentive;
        self.with_call(interaction, |call| {
            call.accepts_itself.remove(&agent);
            if stays {
                call.accepts_itself.insert(agent, limit);
                call.whispered.insert(agent, leg);
            }
        });
        self.step.to_be_quiet.extend((!stays).then_some(leg));
        self.tally("whispered");
    }

    /// What an agent was whispered is over: now is the time.
    pub(crate) fn whisper_over(&mut self, leg: LegId) {
        let now = self.now;
        let agent = self.agent_legs.iter().find(|(_, other)| **other == leg).map(|(agent, _)| *agent);
        let Some(agent) = agent.filter(|_| self.alone) else { return };
        let whispered = self.unsaved().find(|call| call.whispered.contains_key(&agent)).map(|call| call.interaction);
        if let Some(interaction) = whispered {
            self.with_call(interaction, |call| _ = call.accepts_itself.insert(agent, now));
        }
    }

    /// An offer ended without a talk: nothing more is heard of it, and its call is not accepted by itself any more.
    pub(crate) fn waits_for_nobody(&mut self, interaction: InteractionId, agent: AgentId, missed: bool) {
        let mut whispered = None;
        self.with_call(interaction, |call| {
            call.accepts_itself.remove(&agent);
            whispered = call.whispered.remove(&agent);
        });
        assert!(whispered.is_none() || !missed, "I-24: {interaction} rang too long at {agent} who was being told of it");
        self.step.to_be_quiet.extend(whispered);
    }

    /// An agent has the call now, by hand or by itself.
    pub(crate) fn accepted(&mut self, interaction: InteractionId, agent: AgentId) {
        let mut due = None;
        self.with_call(interaction, |call| {
            due = std::mem::take(&mut call.accepts_itself).remove(&agent);
            call.whispered.clear();
        });
        if due.is_some_and(|due| due <= self.now) {
            self.tally("accepted by itself");
        }
    }

    /// 2.1: a call is accepted by itself when the time has come, and only for somebody who sits there; who is left alone hears no more of it.
    pub(crate) fn calls_are_accepted_by_themselves_in_time(&self) {
        for call in self.unsaved() {
            for (agent, due) in &call.accepts_itself {
                assert!(self.now < *due, "2.1: {} should have been accepted by itself at {agent}", call.interaction);
            }
        }
        let loud: Vec<_> = self.step.to_be_quiet.difference(&self.step.quiet).collect();
        assert!(loud.is_empty(), "2.1: {loud:?} hear on of a call that is gone");
    }
}

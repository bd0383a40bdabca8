//! 首问负责 (1-8): who served a number last is asked first, and waited for a little while. One outcome per wait, whatever happens.

use super::agent::Activity;
use super::{Acd, Agent};
use crate::ledger::LastAgentOutcome;
use crate::plan::LastAgentRule;
use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId};

/// Whom a call asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) agent: AgentId,
    /// Until then nobody else is asked; the present instant if the agent is free now.
    pub(crate) until: Time,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoughtOver {
    pub(crate) interaction: InteractionId,
    pub(crate) agent: AgentId,
    pub(crate) outcome: LastAgentOutcome,
}

impl Acd {
    /// A call that has just begun to wait asks for this agent first, if there is hope.
    pub(crate) fn seek(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId, rule: LastAgentRule) {
        match self.hope(turn, interaction, agent, rule) {
            Ok(until) => {
                if until > turn.now.time {
                    turn.timers.set(until, Reason::HoldOver(interaction));
                }
                self.line.seek(turn, interaction, Sought { agent, until });
                self.unsettled.insert(agent);
            }
            Err(outcome) => self.sought_over.push(SoughtOver { interaction, agent, outcome }),
        }
    }

    fn hope(&self, turn: &Turn, interaction: InteractionId, agent: AgentId, rule: LastAgentRule) -> Result<Time, LastAgentOutcome> {
        let found = self.agent(agent).ok_or(LastAgentOutcome::SignedOut)?;
        let entry = self.line.get(interaction).ok_or(LastAgentOutcome::CallerLeft)?;
        if !found.at_work() {
            return Err(LastAgentOutcome::NotReady);
        }
        if !turn.serves(agent, entry.queue) || entry.fit(turn, agent).is_err() {
            return Err(LastAgentOutcome::NotInReach);
        }
        if found.eligible() {
            return Ok(turn.now.time);
        }
        let free = self.expected_free(turn, found).ok_or(LastAgentOutcome::Busy)?;
        let latest = turn.now.time.plus(rule.hold_ms);
        if free <= latest && rule.hold_ms > 0 { Ok(latest) } else { Err(LastAgentOutcome::Busy) }
    }

    /// When a busy agent will probably be free; `None` if nothing is known about it.
    fn expected_free(&self, turn: &Turn, agent: &Agent) -> Option<Time> {
        match agent.activity {
            Activity::WrapUp(wrap_up) => Some(wrap_up.expires.time),
            Activity::Talking(talk) => Some(talk.since.plus(self.pace.mean_ms(talk.queue)?).max(turn.now.time)),
            Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::Lost(_) => None,
        }
    }

    /// The time is over.
    pub(crate) fn hold_over(&mut self, turn: &mut Turn, interaction: InteractionId) {
        self.stop_seeking(turn, interaction, LastAgentOutcome::HoldOver);
    }

    /// The call goes on like any other, or is over; the outcome is kept for its record.
    pub(super) fn stop_seeking(&mut self, turn: &mut Turn, interaction: InteractionId, outcome: LastAgentOutcome) {
        if let Some(sought) = self.line.stop_seeking(turn, interaction) {
            turn.timers.cancel(Reason::HoldOver(interaction));
            self.unsettled.insert(sought.agent);
            self.sought_over.push(SoughtOver { interaction, agent: sought.agent, outcome });
        }
    }

    /// Calls whose agent went away are released, before anybody is asked for a younger one (I-41).
    pub(crate) fn release_forsaken(&mut self, turn: &mut Turn) {
        self.settle(turn);
        let mut forsaken = Vec::new();
        for agent in &self.sought_gone {
            let outcome = if self.agent(*agent).is_none() { LastAgentOutcome::SignedOut } else { LastAgentOutcome::NotReady };
            let waits = |call: &InteractionId| self.line.get(*call).is_some_and(|entry| entry.ringing.is_empty());
            forsaken.extend(self.line.seeking(*agent).filter(waits).map(|call| (call, outcome)));
        }
        for (interaction, outcome) in forsaken {
            self.stop_seeking(turn, interaction, outcome);
        }
    }

    /// Calls whose agent was free and was taken by another call are released. Returns whether any was.
    pub(crate) fn release_hopeless(&mut self, turn: &mut Turn) -> bool {
        let hopeless = self.line.impatient();
        for interaction in &hopeless {
            self.stop_seeking(turn, *interaction, LastAgentOutcome::Busy);
        }
        !hopeless.is_empty()
    }

    /// Takes what came of it since the last time.
    pub(crate) fn take_sought_over(&mut self) -> Vec<SoughtOver> {
        std::mem::take(&mut self.sought_over)
    }
}

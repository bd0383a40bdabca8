//! Places in the reasons of 示忙: how many agents may have one at once, and who is next in line for it (1-7).

use super::{Acd, Seat, Talk};
use crate::turn::Turn;
use shared::model::{AgentId, AwaitedBreak, NotReadyReason};

impl Acd {
    /// Whether one more agent may have this reason; who has it already may keep it.
    pub(crate) fn has_place(&self, turn: &Turn, reason: NotReadyReason, agent: AgentId) -> bool {
        let most = turn.plan.reasons.get(&reason).map_or(0, |rule| rule.max_agents);
        let reason_of = |seat: &Seat| match seat {
            // A talk that moves from desk to desk keeps the place of what is to follow it.
            Seat::Arriving(arrival) => arrival.talk.and_then(Talk::reason),
            Seat::SignedIn(found) => found.reason(),
        };
        let others = self.seats.iter().filter(|(who, seat)| **who != agent && reason_of(seat) == Some(reason));
        most == 0 || others.count() < most
    }

    /// The agent stands in line for a place; the last explicit choice wins (I-31).
    pub(crate) fn await_break(&mut self, agent: AgentId, reason: NotReadyReason) {
        self.stop_awaiting(agent);
        self.next_ticket += 1;
        self.awaiting.insert(self.next_ticket, (agent, reason));
        self.touched.insert(agent);
    }

    /// Another choice, or the end of the session.
    pub(crate) fn stop_awaiting(&mut self, agent: AgentId) {
        if self.awaiting.values().any(|(who, _)| *who == agent) {
            self.touched.extend(self.awaiting.values().map(|(who, _)| *who));
            self.awaiting.retain(|_, (who, _)| *who != agent);
        }
    }

    /// Free places go to those who wait for them, in order; who cannot take one yet lets the next one go first.
    pub(crate) fn grant_breaks(&mut self, turn: &mut Turn) {
        let waiting: Vec<(AgentId, NotReadyReason)> = self.awaiting.values().copied().collect();
        for (agent, reason) in waiting {
            if self.has_place(turn, reason, agent) && self.agent_mut(agent).is_some_and(|found| found.break_free(turn, reason)) {
                self.stop_awaiting(agent);
            }
        }
    }

    /// What an agent waits for.
    pub(crate) fn awaited(&self, agent: AgentId) -> Option<AwaitedBreak> {
        let (ticket, (_, reason)) = self.awaiting.iter().find(|(_, (who, _))| *who == agent)?;
        let ahead = self.awaiting.range(..ticket).filter(|(_, (_, other))| other == reason).count();
        Some(AwaitedBreak { reason: *reason, ahead: u32::try_from(ahead).unwrap_or(u32::MAX) })
    }
}

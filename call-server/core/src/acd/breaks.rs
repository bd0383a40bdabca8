//! Places in the reasons of 示忙: how many agents may have one at once, and who is next in line for it (1-7).

use super::{Acd, Seat, Talk};
use crate::turn::Turn;
use shared::model::{AgentId, AwaitedBreak, NotReadyReason};
use std::collections::BTreeMap;

/// A place in the line for a break: by reason, then in order of the wishes.
type Ticket = (NotReadyReason, u64);

/// Who has a place, kept as seats change, and who waits for one.
#[derive(Debug, Default)]
pub(crate) struct Breaks {
    held: BTreeMap<AgentId, NotReadyReason>,
    taken: BTreeMap<NotReadyReason, usize>,
    line: BTreeMap<Ticket, AgentId>,
    tickets: BTreeMap<AgentId, Ticket>,
    next_ticket: u64,
}

impl Breaks {
    /// The reason whose place an agent has now.
    fn file(&mut self, agent: AgentId, reason: Option<NotReadyReason>) {
        let before = match reason {
            Some(reason) => self.held.insert(agent, reason),
            None => self.held.remove(&agent),
        };
        if let Some(count) = before.and_then(|before| self.taken.get_mut(&before)) {
            *count -= 1;
        }
        if let Some(reason) = reason {
            *self.taken.entry(reason).or_insert(0) += 1;
        }
    }

    /// How many others have a place in a reason.
    fn beside(&self, reason: NotReadyReason, agent: AgentId) -> usize {
        let all = self.taken.get(&reason).copied().unwrap_or(0);
        all - usize::from(self.held.get(&agent) == Some(&reason))
    }

    /// Those who wait for a reason, in order.
    fn waiting_for(&self, reason: NotReadyReason) -> Vec<AgentId> {
        self.line.range((reason, 0)..=(reason, u64::MAX)).map(|(_, agent)| *agent).collect()
    }
}

impl Acd {
    /// Files what a seat means for the places of the reasons.
    pub(super) fn file_break(&mut self, agent: AgentId) {
        let reason = self.seats.get(&agent).and_then(|seat| match seat {
            // A talk that moves from desk to desk keeps the place of what is to follow it.
            Seat::Arriving(arrival) => arrival.talk.and_then(Talk::reason),
            Seat::SignedIn(found) => found.reason(),
        });
        self.breaks.file(agent, reason);
    }

    /// Whether one more agent may have this reason; who has it already may keep it.
    pub(crate) fn has_place(&mut self, turn: &Turn, reason: NotReadyReason, agent: AgentId) -> bool {
        let most = turn.plan.reasons.get(&reason).map_or(0, |rule| rule.max_agents);
        if most == 0 {
            return true;
        }
        self.settle(turn);
        self.breaks.beside(reason, agent) < most
    }

    /// The agent stands in line for a place; the last explicit choice wins (I-31).
    pub(crate) fn await_break(&mut self, agent: AgentId, reason: NotReadyReason) {
        self.stop_awaiting(agent);
        self.breaks.next_ticket += 1;
        let ticket = (reason, self.breaks.next_ticket);
        self.breaks.line.insert(ticket, agent);
        self.breaks.tickets.insert(agent, ticket);
        self.touched.insert(agent);
    }

    /// Another choice, or the end of the session: those behind move up.
    pub(crate) fn stop_awaiting(&mut self, agent: AgentId) {
        if let Some(ticket) = self.breaks.tickets.remove(&agent) {
            self.breaks.line.remove(&ticket);
            self.touched.insert(agent);
            self.touched.extend(self.breaks.waiting_for(ticket.0));
        }
    }

    /// Free places go to those who wait for them, in order; who cannot take one yet lets the next one go first.
    pub(crate) fn grant_breaks(&mut self, turn: &mut Turn) {
        loop {
            let waiting = self.breaks.line.len();
            let mut next = self.breaks.line.first_key_value().map(|((reason, _), _)| *reason);
            while let Some(reason) = next {
                next = self.breaks.line.range((reason, u64::MAX)..).next().map(|((reason, _), _)| *reason);
                self.grant(turn, reason);
            }
            // Who begins one break may have given up the place of another.
            if self.breaks.line.len() == waiting {
                return;
            }
        }
    }

    fn grant(&mut self, turn: &mut Turn, reason: NotReadyReason) {
        // Nobody is looked at while all places are taken; who waits has none of them.
        let first = self.breaks.line.range((reason, 0)..).next().map(|(_, agent)| *agent);
        if !first.is_some_and(|agent| self.has_place(turn, reason, agent)) {
            return;
        }
        for agent in self.breaks.waiting_for(reason) {
            if self.has_place(turn, reason, agent) && self.agent_mut(agent).is_some_and(|found| found.break_free(turn, reason)) {
                self.stop_awaiting(agent);
            }
        }
    }

    /// What an agent waits for.
    pub(crate) fn awaited(&self, agent: AgentId) -> Option<AwaitedBreak> {
        let (reason, ticket) = *self.breaks.tickets.get(&agent)?;
        let ahead = self.breaks.line.range((reason, 0)..(reason, ticket)).count();
        Some(AwaitedBreak { reason, ahead: u32::try_from(ahead).unwrap_or(u32::MAX) })
    }
}

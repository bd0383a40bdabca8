//! The waiting line: one global order by entry time over all queues, so that an agent of several queues takes the oldest call (I-41).

use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId, QueueId};
use std::collections::BTreeMap;

/// A place in the line: entry time, then the order of the INVITEs.
type Place = (Time, InteractionId);

/// One waiting citizen.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) interaction: InteractionId,
    pub(crate) queue: QueueId,
    /// First entry; decides the place.
    pub(crate) entered: Time,
    /// When the queue's limit of waiting is reached.
    pub(crate) limit: Option<Time>,
    /// The agent whose desk rings for this call.
    pub(crate) ringing: Option<AgentId>,
    /// Agents who rejected or missed this call, and until when they are not asked again.
    excluded: BTreeMap<AgentId, Time>,
}

impl Entry {
    /// Whether an agent is not to be asked now.
    pub(crate) fn excludes(&self, agent: AgentId, now: Time) -> bool {
        self.excluded.get(&agent).is_some_and(|until| now < *until)
    }

    /// Whether anybody is not to be asked.
    pub(crate) fn has_exclusions(&self) -> bool {
        !self.excluded.is_empty()
    }
}

/// All waiting citizens.
#[derive(Debug, Default)]
pub(crate) struct Line {
    entries: BTreeMap<Place, Entry>,
    places: BTreeMap<InteractionId, Place>,
}

impl Line {
    /// Adds a citizen in the place of the entry time. The limit counts from now: time spent talking is no waiting.
    pub(crate) fn join(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId, entered: Time) {
        let max_wait_ms = turn.queue(queue).max_wait_ms;
        let limit = (max_wait_ms > 0).then(|| turn.now.time.plus(max_wait_ms));
        if let Some(limit) = limit {
            turn.timers.set(limit, Reason::WaitOver(interaction));
        }
        let place = (entered, interaction);
        self.places.insert(interaction, place);
        self.entries.insert(place, Entry { interaction, queue, entered, limit, ringing: None, excluded: BTreeMap::new() });
    }

    /// Takes a citizen out, with all deadlines of the wait.
    pub(crate) fn leave(&mut self, turn: &mut Turn, interaction: InteractionId) -> Option<Entry> {
        let entry = self.entries.remove(&self.places.remove(&interaction)?)?;
        turn.timers.cancel(Reason::WaitOver(interaction));
        for agent in entry.excluded.keys() {
            turn.timers.cancel(Reason::ExclusionOver(interaction, *agent));
        }
        Some(entry)
    }

    /// Does not ask this agent again for a while (I-28).
    pub(crate) fn exclude(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        let until = turn.now.time.plus(turn.plan.limits.exclude_ms);
        if until == turn.now.time {
            return;
        }
        if let Some(entry) = self.get_mut(interaction) {
            entry.excluded.insert(agent, until);
            turn.timers.set(until, Reason::ExclusionOver(interaction, agent));
        }
    }

    /// Forgets an exclusion that is over.
    pub(crate) fn readmit(&mut self, interaction: InteractionId, agent: AgentId) {
        if let Some(entry) = self.get_mut(interaction) {
            entry.excluded.remove(&agent);
        }
    }

    /// Notes that a desk rings for this call, or no longer.
    pub(crate) fn ring(&mut self, interaction: InteractionId, agent: Option<AgentId>) {
        if let Some(entry) = self.get_mut(interaction) {
            entry.ringing = agent;
        }
    }

    /// Whether the limit of waiting is reached and no desk rings (I-24).
    pub(crate) fn overdue(&self, interaction: InteractionId, now: Time) -> bool {
        let entry = self.places.get(&interaction).and_then(|place| self.entries.get(place));
        entry.is_some_and(|entry| entry.ringing.is_none() && entry.limit.is_some_and(|limit| limit <= now))
    }

    /// In order of entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    fn get_mut(&mut self, interaction: InteractionId) -> Option<&mut Entry> {
        self.entries.get_mut(self.places.get(&interaction)?)
    }
}

//! The waiting line of all queues, and for each call who may be asked. In which order calls are served is the business of `rank`.

use super::choose::Fit;
use super::last_agent::Sought;
use super::rank::{Rank, rank, score};
use crate::ledger::WhyNot;
use crate::plan::{SkillId, SkillNeed, Strategy};
use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId, QueueId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
    /// The agents whose desks ring for this call.
    pub(crate) ringing: BTreeSet<AgentId>,
    /// The desks that rang or ring since the last time that none did.
    round: Option<Round>,
    /// The highest tier that was ever open for this call.
    open_tier: u8,
    /// Points from the lists of callers.
    listed: i32,
    /// Has talked with an agent who is lost.
    returned: bool,
    /// Nothing was written down yet about why it waits as it does.
    unexplained: bool,
    /// Who is asked first.
    pub(crate) sought: Option<Sought>,
    /// Agents who rejected or missed this call, and until when they are not asked again.
    excluded: BTreeMap<AgentId, Time>,
}

/// A citizen who begins to wait, or waits again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joins {
    pub(crate) interaction: InteractionId,
    pub(crate) queue: QueueId,
    /// First entry; decides the place.
    pub(crate) entered: Time,
    /// Points from the lists of callers.
    pub(crate) listed: i32,
    /// Has talked with an agent who is lost.
    pub(crate) returned: bool,
}

/// One round of ringing.
#[derive(Debug, Clone, Copy)]
struct Round {
    began: Time,
    desks: u64,
}

impl Entry {
    /// Whether another desk may ring beside those that ring already.
    pub(crate) fn wants_more(&self, turn: &Turn) -> bool {
        let Some(round) = self.round else { return false };
        match turn.queue(self.queue).strategy {
            Strategy::RingAll => true,
            Strategy::Progressive { more, every_ms } => {
                let steps = turn.now.time.since(round.began) / every_ms.max(1);
                round.desks < u64::from(more.max(1)).saturating_mul(steps.saturating_add(1))
            }
            Strategy::LongestIdle
            | Strategy::LeastOccupied
            | Strategy::RoundRobin
            | Strategy::Linear
            | Strategy::Random
            | Strategy::WeightedRandom => false,
        }
    }

    /// When more agents may be asked without anybody's doing.
    fn grows_at(&self, turn: &Turn) -> Option<Time> {
        let rules = turn.queue(self.queue);
        let relaxed = rules.needs.iter().flat_map(|need| need.relaxed.iter().map(|step| step.after_ms));
        let waits = relaxed.chain(rules.tiers.values().copied());
        let steps = waits.map(|wait_ms| self.entered.plus(wait_ms)).filter(|time| *time > turn.now.time);
        steps.chain(self.rings_more_at(turn)).min()
    }

    fn rings_more_at(&self, turn: &Turn) -> Option<Time> {
        let round = self.round?;
        match turn.queue(self.queue).strategy {
            Strategy::Progressive { every_ms, .. } => {
                let every_ms = every_ms.max(1);
                let steps = turn.now.time.since(round.began) / every_ms;
                Some(round.began.plus(every_ms.saturating_mul(steps.saturating_add(1))))
            }
            Strategy::LongestIdle
            | Strategy::LeastOccupied
            | Strategy::RoundRobin
            | Strategy::Linear
            | Strategy::Random
            | Strategy::WeightedRandom
            | Strategy::RingAll => None,
        }
    }

    /// The place among all who wait.
    pub(crate) fn rank(&self, turn: &Turn) -> Rank {
        rank(turn.queue(self.queue).priority, self.bonus(turn), (self.entered, self.interaction), turn.now.time)
    }

    /// Points besides those that every call of the queue has.
    fn bonus(&self, turn: &Turn) -> i32 {
        let returned = if self.returned { turn.queue(self.queue).priority.returned } else { 0 };
        self.listed.saturating_add(returned)
    }

    /// Points among all who wait, in thousandths.
    pub(crate) fn score(&self, turn: &Turn) -> i64 {
        let score = score(turn.queue(self.queue).priority, self.bonus(turn), self.waited_ms(turn));
        i64::try_from(score).unwrap_or(i64::MAX)
    }

    /// Since the first entry, in ms.
    pub(crate) fn waited_ms(&self, turn: &Turn) -> u64 {
        turn.now.time.since(self.entered)
    }

    /// How well an agent who serves the queue fits, or why not at all.
    pub(crate) fn fit(&self, turn: &Turn, agent: AgentId) -> Result<Fit, WhyNot> {
        let rules = turn.queue(self.queue);
        let tier = turn.membership(agent, self.queue).tier;
        if rules.tiers.contains_key(&tier) && tier > self.open_tier {
            return Err(WhyNot::TierClosed);
        }
        if rules.needs.is_empty() {
            return Ok(Fit::default());
        }
        let waited_ms = turn.now.time.since(self.entered);
        let skills = &turn.plan.agents.get(&agent).ok_or(WhyNot::SkillMissing)?.skills;
        let level = |need: &SkillNeed| skills.get(&need.skill).copied().unwrap_or(0);
        if rules.needs.iter().any(|need| level(need) < need.minimum_after(waited_ms)) {
            return Err(WhyNot::SkillMissing);
        }
        let asked = |skill: &SkillId| rules.needs.iter().any(|need| need.skill == *skill);
        let levels = rules.needs.iter().map(|need| u32::from(level(need))).sum();
        Ok(Fit { levels, others: Reverse(skills.keys().filter(|skill| !asked(skill)).count()) })
    }

    /// Opens the tiers whose time has come, or below which nobody is signed in: `lowest` is the lowest tier with somebody.
    pub(crate) fn open_tiers(&mut self, turn: &Turn, lowest: u8) {
        let waited_ms = turn.now.time.since(self.entered);
        let open = |tier: u8, opens_ms: u64| waited_ms >= opens_ms || tier <= lowest;
        let opened = turn.queue(self.queue).tiers.iter().filter(|(tier, opens_ms)| open(**tier, **opens_ms));
        self.open_tier = opened.map(|(tier, _)| *tier).fold(self.open_tier, u8::max);
    }

    /// The agent for whom alone the call waits now.
    pub(crate) fn held_for(&self, now: Time) -> Option<AgentId> {
        self.sought.filter(|sought| now < sought.until).map(|sought| sought.agent)
    }

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
    /// Calls that ask for somebody first.
    seeking: BTreeMap<InteractionId, Sought>,
}

impl Line {
    /// Adds a citizen in the place of the entry time. The limit counts from now: time spent talking is no waiting.
    pub(crate) fn join(&mut self, turn: &mut Turn, joins: Joins) {
        let Joins { interaction, queue, entered, listed, returned } = joins;
        let limit = wait_limit(turn, interaction, queue);
        let place = (entered, interaction);
        self.places.insert(interaction, place);
        let (ringing, round, open_tier, excluded) = (BTreeSet::new(), None, 0, BTreeMap::new());
        self.entries.insert(
            place,
            Entry {
                interaction,
                queue,
                entered,
                limit,
                ringing,
                round,
                open_tier,
                listed,
                returned,
                unexplained: true,
                sought: None,
                excluded,
            },
        );
        self.watch_reach(turn, interaction);
    }

    /// To another queue: the place and the exclusions stay, limit and tiers are those of the new queue.
    pub(crate) fn change_queue(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId) {
        let limit = wait_limit(turn, interaction, queue);
        if let Some(entry) = self.get_mut(interaction) {
            (entry.queue, entry.limit, entry.open_tier, entry.unexplained) = (queue, limit, 0, true);
        }
        self.watch_reach(turn, interaction);
    }

    /// Takes a citizen out, with all deadlines of the wait.
    pub(crate) fn leave(&mut self, turn: &mut Turn, interaction: InteractionId) -> Option<Entry> {
        let entry = self.entries.remove(&self.places.remove(&interaction)?)?;
        turn.timers.cancel(Reason::WaitOver(interaction));
        turn.timers.cancel(Reason::ReachGrows(interaction));
        for agent in entry.excluded.keys() {
            turn.timers.cancel(Reason::ExclusionOver(interaction, *agent));
        }
        Some(entry)
    }

    /// A call asks for somebody first.
    pub(crate) fn seek(&mut self, interaction: InteractionId, sought: Sought) {
        if let Some(entry) = self.get_mut(interaction) {
            entry.sought = Some(sought);
            self.seeking.insert(interaction, sought);
        }
    }

    /// A call asks for nobody first any more; returns for whom it did.
    pub(crate) fn stop_seeking(&mut self, interaction: InteractionId) -> Option<Sought> {
        let sought = self.seeking.remove(&interaction)?;
        if let Some(entry) = self.get_mut(interaction) {
            (entry.sought, entry.unexplained) = (None, true);
        }
        Some(sought)
    }

    /// The calls that ask for somebody first.
    pub(crate) fn seeking(&self) -> Vec<(InteractionId, Sought)> {
        self.seeking.iter().map(|(interaction, sought)| (*interaction, *sought)).collect()
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

    /// A desk begins to ring for this call.
    pub(crate) fn ring(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        if let Some(entry) = self.get_mut(interaction) {
            entry.ringing.insert(agent);
            entry.unexplained = false;
            let round = entry.round.get_or_insert(Round { began: turn.now.time, desks: 0 });
            round.desks += 1;
        }
        self.watch_reach(turn, interaction);
    }

    /// A desk no longer rings for this call; with the last one the round is over.
    pub(crate) fn silence(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        if let Some(entry) = self.get_mut(interaction)
            && entry.ringing.remove(&agent)
            && entry.ringing.is_empty()
        {
            entry.round = None;
        }
        self.watch_reach(turn, interaction);
    }

    /// Arms the deadline at which more agents may be asked.
    pub(crate) fn watch_reach(&self, turn: &mut Turn, interaction: InteractionId) {
        match self.get(interaction).and_then(|entry| entry.grows_at(turn)) {
            Some(time) => turn.timers.set(time, Reason::ReachGrows(interaction)),
            None => turn.timers.cancel(Reason::ReachGrows(interaction)),
        }
    }

    /// Whether the limit of waiting is reached and no desk rings (I-24).
    pub(crate) fn overdue(&self, interaction: InteractionId, now: Time) -> bool {
        self.get(interaction).is_some_and(|entry| entry.ringing.is_empty() && entry.limit.is_some_and(|limit| limit <= now))
    }

    /// In order of entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// A waiting citizen.
    pub(crate) fn get(&self, interaction: InteractionId) -> Option<&Entry> {
        self.entries.get(self.places.get(&interaction)?)
    }

    /// The reach of a call grew: if it still waits then, that is worth a word.
    pub(crate) fn explain_again(&mut self, interaction: InteractionId) {
        if let Some(entry) = self.get_mut(interaction) {
            entry.unexplained = true;
        }
    }

    /// Takes the calls of which nobody knows yet why they wait.
    pub(crate) fn take_unexplained(&mut self) -> Vec<InteractionId> {
        let unexplained = self.entries.values_mut().filter(|entry| entry.unexplained && entry.ringing.is_empty());
        let taken = unexplained.map(|entry| {
            entry.unexplained = false;
            entry.interaction
        });
        taken.collect()
    }

    /// All of one queue, to be changed in what does not move them.
    pub(crate) fn of_queue_mut(&mut self, queue: QueueId) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut().filter(move |entry| entry.queue == queue)
    }

    fn get_mut(&mut self, interaction: InteractionId) -> Option<&mut Entry> {
        self.entries.get_mut(self.places.get(&interaction)?)
    }
}

/// Arms the limit of waiting in a queue from now on, or disarms it.
fn wait_limit(turn: &mut Turn, interaction: InteractionId, queue: QueueId) -> Option<Time> {
    turn.timers.cancel(Reason::WaitOver(interaction));
    let max_wait_ms = turn.queue(queue).max_wait_ms;
    let limit = (max_wait_ms > 0).then(|| turn.now.time.plus(max_wait_ms))?;
    turn.timers.set(limit, Reason::WaitOver(interaction));
    Some(limit)
}

//! The waiting line of all queues, and for each call who may be asked. In which order calls are served is the business of `rank`.

use super::choose::Fit;
use super::foretell::Telling;
use super::last_agent::Sought;
use super::order::{Filing, Phase, Place, QueueLine, Stage};
use super::pool::Reach;
use super::rank::{Rank, rank, score};
use crate::ledger::WhyNot;
use crate::plan::{SkillNeed, Strategy};
use crate::time::Time;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId, QueueId};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Nobody is on the line: the citizen is called when the turn comes.
    pub(crate) absent: bool,
    /// Was not yet sent from queue to queue as often as a call may be.
    moves_on: bool,
    /// Where it is found among the others of its queue.
    filed: Option<Filing>,
    /// Who is asked first.
    pub(crate) sought: Option<Sought>,
    /// What the citizen was told.
    pub(crate) telling: Telling,
    /// Nothing was written down yet about why it waits as it does.
    unexplained: bool,
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
    /// Nobody is on the line: the citizen is called when the turn comes.
    pub(crate) absent: bool,
    /// Was not yet sent from queue to queue as often as a call may be.
    pub(crate) moves_on: bool,
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
        let skills = &turn.plan.agents.get(&agent).ok_or(WhyNot::SkillMissing)?.skills;
        let waited_ms = self.waited_ms(turn);
        let level = |need: &SkillNeed| skills.get(&need.skill).copied().unwrap_or(0);
        if rules.needs.iter().any(|need| level(need) < need.minimum_after(waited_ms)) {
            return Err(WhyNot::SkillMissing);
        }
        Ok(Fit::of(rules, skills))
    }

    /// Whom it may ask now, but for exclusions.
    pub(crate) fn reach<'t>(&self, turn: &'t Turn) -> Reach<'t> {
        let (rules, waited_ms) = (turn.queue(self.queue), self.waited_ms(turn));
        let minimums = rules.needs.iter().map(|need| need.minimum_after(waited_ms)).collect();
        Reach { rules, open_tier: self.open_tier, minimums }
    }

    /// Where it belongs now.
    fn filing(&self, turn: &Turn) -> Filing {
        let rules = turn.queue(self.queue);
        let waited_ms = self.waited_ms(turn);
        let relaxed = rules.needs.iter().flat_map(|need| &need.relaxed).filter(|step| step.after_ms <= waited_ms).count();
        let slope = i128::from(rules.priority.slope);
        Filing {
            phase: self.phase(turn),
            stage: Stage { open_tier: self.open_tier, relaxed },
            rejecters: self.excluded.keys().copied().collect(),
            points: (i128::from(rules.priority.weight) + i128::from(self.bonus(turn))) * 1_000 - i128::from(self.entered.0) * slope,
            present: !self.absent,
            moves_on: self.moves_on,
            guarded: rules.priority.guards(self.entered, turn.now.time),
        }
    }

    fn phase(&self, turn: &Turn) -> Phase {
        match self.held_for(turn.now.time) {
            Some(agent) if self.ringing.is_empty() => Phase::HeldFor(agent),
            None if self.ringing.is_empty() => Phase::Unserved,
            None if self.wants_more(turn) => Phase::WantsMore,
            Some(_) | None => Phase::Rings,
        }
    }

    fn place(&self) -> Place {
        (self.entered, self.interaction)
    }

    /// Agents who are not to be asked now.
    pub(crate) fn barred(&self, now: Time) -> BTreeSet<AgentId> {
        self.excluded.iter().filter(|(_, until)| now < **until).map(|(agent, _)| *agent).collect()
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

    /// Whether anybody is not to be asked.
    pub(crate) fn has_exclusions(&self) -> bool {
        !self.excluded.is_empty()
    }
}

/// All waiting citizens.
#[derive(Debug, Default)]
pub(crate) struct Line {
    entries: BTreeMap<InteractionId, Entry>,
    queues: BTreeMap<QueueId, QueueLine>,
    /// The lowest tier with somebody signed in, as it was when tiers were opened last.
    lowest: BTreeMap<QueueId, u8>,
    /// Calls whose place may be another now.
    stale: BTreeSet<InteractionId>,
    /// Calls for which no desk rings and of which nothing was written down yet about why they wait as they do.
    unexplained: BTreeSet<InteractionId>,
    /// Calls for which no desk rings and that ask for somebody first without waiting for that agent.
    impatient: BTreeSet<InteractionId>,
    /// Who is asked first, and by which calls.
    sought: BTreeMap<AgentId, BTreeSet<InteractionId>>,
    /// When which agent is asked for which call again.
    readmitted: BTreeSet<(Time, InteractionId, AgentId)>,
}

impl Line {
    /// Adds a citizen in the place of the entry time. The limit counts from now: time spent talking is no waiting.
    pub(crate) fn join(&mut self, turn: &mut Turn, joins: Joins) {
        let Joins { interaction, queue, entered, listed, returned, absent, moves_on } = joins;
        let limit = if absent { None } else { wait_limit(turn, interaction, queue) };
        let entry = Entry {
            interaction,
            queue,
            entered,
            limit,
            ringing: BTreeSet::new(),
            round: None,
            open_tier: 0,
            listed,
            returned,
            absent,
            moves_on,
            filed: None,
            sought: None,
            telling: Telling::default(),
            unexplained: true,
            excluded: BTreeMap::new(),
        };
        self.entries.insert(interaction, entry);
        self.file(turn, interaction);
        self.watch_reach(turn, interaction);
        self.watch_telling(turn, interaction);
    }

    /// To another queue: the place and the exclusions stay, limit and tiers are those of the new queue.
    pub(crate) fn change_queue(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId, moves_on: bool) {
        let limit = wait_limit(turn, interaction, queue);
        self.take_out(interaction);
        if let Some(entry) = self.entries.get_mut(&interaction) {
            (entry.queue, entry.limit, entry.open_tier, entry.moves_on) = (queue, limit, 0, moves_on);
            entry.telling.moved();
            entry.unexplained = true;
        }
        self.file(turn, interaction);
        self.watch_reach(turn, interaction);
        self.watch_telling(turn, interaction);
    }

    /// Takes a citizen out, with all deadlines of the wait.
    pub(crate) fn leave(&mut self, turn: &mut Turn, interaction: InteractionId) -> Option<Entry> {
        self.take_out(interaction);
        let entry = self.entries.remove(&interaction)?;
        self.stale.remove(&interaction);
        turn.timers.cancel(Reason::WaitOver(interaction));
        turn.timers.cancel(Reason::ReachGrows(interaction));
        turn.timers.cancel(Reason::AnnouncementDue(interaction));
        for (agent, until) in &entry.excluded {
            turn.timers.cancel(Reason::ExclusionOver(interaction, *agent));
            self.readmitted.remove(&(*until, interaction, *agent));
        }
        Some(entry)
    }

    /// Puts a call where it belongs now; its tiers are opened with the next matching.
    fn file(&mut self, turn: &Turn, interaction: InteractionId) {
        let Some(entry) = self.entries.get(&interaction) else { return };
        let (filing, filed) = (entry.filing(turn), entry.filed.as_ref());
        if filed == Some(&filing) {
            self.forget_wishes(interaction);
        } else {
            self.take_out(interaction);
        }
        if let Some(entry) = self.entries.get_mut(&interaction) {
            if !filing.phase.rings() && entry.unexplained {
                self.unexplained.insert(interaction);
            }
            if filing.phase == Phase::Unserved && entry.sought.is_some() {
                self.impatient.insert(interaction);
            }
            if entry.filed.is_none() {
                self.queues.entry(entry.queue).or_default().put_in(entry.place(), &filing);
                entry.filed = Some(filing);
            }
            self.stale.insert(interaction);
        }
    }

    fn take_out(&mut self, interaction: InteractionId) {
        self.forget_wishes(interaction);
        if let Some(entry) = self.entries.get_mut(&interaction)
            && let Some(filing) = entry.filed.take()
            && let Some(queue) = self.queues.get_mut(&entry.queue)
        {
            queue.take_out(entry.place(), &filing);
        }
    }

    /// Whether nobody waits, with or without a desk that rings.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget_wishes(&mut self, interaction: InteractionId) {
        self.unexplained.remove(&interaction);
        self.impatient.remove(&interaction);
    }

    /// Opens the tiers of those who wait, where time or staff has changed that, and puts every call where it belongs.
    pub(crate) fn settle(&mut self, turn: &Turn, lowest_tier: impl Fn(QueueId) -> u8) {
        self.readmit(turn);
        for (queue, rules) in &turn.plan.queues {
            let lowest = if rules.tiers.is_empty() { 0 } else { lowest_tier(*queue) };
            if self.lowest.insert(*queue, lowest) != Some(lowest)
                && let Some(line) = self.queues.get(queue)
                && let Some((tier, _)) = rules.tiers.range(..=lowest).next_back()
            {
                self.stale.extend(line.below(*tier).map(|(_, interaction)| interaction));
            }
        }
        for interaction in std::mem::take(&mut self.stale) {
            if let Some(entry) = self.entries.get_mut(&interaction) {
                entry.open_tiers(turn, self.lowest.get(&entry.queue).copied().unwrap_or(0));
                self.file(turn, interaction);
            }
        }
        self.stale.clear();
    }

    /// The plan changed: every place may be another.
    pub(crate) fn plan_changed(&mut self, turn: &mut Turn) {
        let all: Vec<InteractionId> = self.entries.keys().copied().collect();
        for interaction in all {
            self.file(turn, interaction);
            self.watch_reach(turn, interaction);
            self.watch_telling(turn, interaction);
        }
    }

    /// Arms the next text, or disarms it.
    fn watch_telling(&self, turn: &mut Turn, interaction: InteractionId) {
        let listens = self.get(interaction).filter(|entry| !entry.absent);
        match listens.and_then(|entry| entry.telling.next(turn, entry.queue)) {
            Some(time) => turn.timers.set(time, Reason::AnnouncementDue(interaction)),
            None => turn.timers.cancel(Reason::AnnouncementDue(interaction)),
        }
    }

    /// What a citizen was told so far.
    pub(crate) fn remember_telling(&mut self, interaction: InteractionId, telling: Telling) {
        if let Some(entry) = self.entries.get_mut(&interaction) {
            entry.telling = telling;
        }
    }

    /// A call asks for somebody first.
    pub(crate) fn seek(&mut self, turn: &Turn, interaction: InteractionId, sought: Sought) {
        if let Some(entry) = self.entries.get_mut(&interaction) {
            entry.sought = Some(sought);
            self.sought.entry(sought.agent).or_default().insert(interaction);
            self.file(turn, interaction);
        }
    }

    /// A call asks for nobody first any more; returns for whom it did.
    pub(crate) fn stop_seeking(&mut self, turn: &Turn, interaction: InteractionId) -> Option<Sought> {
        let entry = self.entries.get_mut(&interaction)?;
        let sought = entry.sought.take()?;
        entry.unexplained = true;
        if let Some(calls) = self.sought.get_mut(&sought.agent) {
            calls.remove(&interaction);
            if calls.is_empty() {
                self.sought.remove(&sought.agent);
            }
        }
        self.file(turn, interaction);
        Some(sought)
    }

    /// The calls that ask for somebody first without waiting, and for which no desk rings.
    pub(crate) fn impatient(&self) -> Vec<InteractionId> {
        self.impatient.iter().copied().collect()
    }

    /// The calls that ask for an agent first.
    pub(crate) fn seeking(&self, agent: AgentId) -> impl Iterator<Item = InteractionId> {
        self.sought.get(&agent).into_iter().flatten().copied()
    }

    /// Does not ask this agent again for a while (I-28).
    pub(crate) fn exclude(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        let until = turn.now.time.plus(turn.plan.limits.exclude_ms);
        if until == turn.now.time {
            return;
        }
        if let Some(entry) = self.entries.get_mut(&interaction) {
            if let Some(before) = entry.excluded.insert(agent, until) {
                self.readmitted.remove(&(before, interaction, agent));
            }
            self.readmitted.insert((until, interaction, agent));
            turn.timers.set(until, Reason::ExclusionOver(interaction, agent));
            self.file(turn, interaction);
        }
    }

    /// Forgets the exclusions that are over.
    fn readmit(&mut self, turn: &Turn) {
        while let Some((until, interaction, agent)) = self.readmitted.first().copied().filter(|(until, ..)| *until <= turn.now.time) {
            self.readmitted.remove(&(until, interaction, agent));
            if let Some(entry) = self.entries.get_mut(&interaction) {
                entry.excluded.remove(&agent);
                self.file(turn, interaction);
            }
        }
    }

    /// A desk begins to ring for this call.
    pub(crate) fn ring(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        if let Some(entry) = self.entries.get_mut(&interaction) {
            entry.ringing.insert(agent);
            let round = entry.round.get_or_insert(Round { began: turn.now.time, desks: 0 });
            round.desks += 1;
            entry.unexplained = false;
        }
        self.file(turn, interaction);
        self.watch_reach(turn, interaction);
    }

    /// A desk no longer rings for this call; with the last one the round is over.
    pub(crate) fn silence(&mut self, turn: &mut Turn, interaction: InteractionId, agent: AgentId) {
        if let Some(entry) = self.entries.get_mut(&interaction)
            && entry.ringing.remove(&agent)
            && entry.ringing.is_empty()
        {
            entry.round = None;
        }
        self.file(turn, interaction);
        self.watch_reach(turn, interaction);
    }

    /// Arms the deadline at which more agents may be asked.
    fn watch_reach(&self, turn: &mut Turn, interaction: InteractionId) {
        match self.get(interaction).and_then(|entry| entry.grows_at(turn)) {
            Some(time) => turn.timers.set(time, Reason::ReachGrows(interaction)),
            None => turn.timers.cancel(Reason::ReachGrows(interaction)),
        }
    }

    /// More agents may be asked for a call: if it still waits then, that is worth a word.
    pub(crate) fn reach_grows(&mut self, turn: &mut Turn, interaction: InteractionId) {
        if let Some(entry) = self.entries.get_mut(&interaction) {
            entry.unexplained = true;
            self.stale.insert(interaction);
        }
        self.watch_reach(turn, interaction);
    }

    /// Whether the limit of waiting is reached and no desk rings (I-24).
    pub(crate) fn overdue(&self, interaction: InteractionId, now: Time) -> bool {
        self.get(interaction).is_some_and(|entry| entry.ringing.is_empty() && entry.limit.is_some_and(|limit| limit <= now))
    }

    /// The lines of all queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (QueueId, &QueueLine)> {
        self.queues.iter().map(|(queue, line)| (*queue, line))
    }

    /// Those who wait in a queue, in order of entry.
    pub(crate) fn in_queue(&self, queue: QueueId) -> impl Iterator<Item = &Entry> {
        let all = self.queues.get(&queue).into_iter().flat_map(QueueLine::all);
        all.filter_map(|(_, interaction)| self.get(interaction))
    }

    /// Of those of a queue who are on the line and for whom no desk rings, the one who came first; of those who may go to another queue only,
    /// if so asked.
    pub(crate) fn first_unserved(&self, queue: QueueId, moves_on: bool) -> Option<InteractionId> {
        self.queues.get(&queue)?.first_unserved(moves_on).map(|(_, interaction)| interaction)
    }

    /// How many in these queues are served before a call of this rank.
    pub(crate) fn ahead_of(&mut self, turn: &Turn, queues: &BTreeSet<QueueId>, rank: Rank) -> usize {
        let lines = self.queues.iter_mut().filter(|(queue, _)| queues.contains(queue));
        lines.map(|(queue, line)| line.ahead_of(rank, turn.queue(*queue).priority, turn.now.time)).sum()
    }

    /// A waiting citizen.
    pub(crate) fn get(&self, interaction: InteractionId) -> Option<&Entry> {
        self.entries.get(&interaction)
    }

    /// Takes the calls of which nobody knows yet why they wait.
    pub(crate) fn take_unexplained(&mut self) -> BTreeSet<InteractionId> {
        let taken = std::mem::take(&mut self.unexplained);
        for interaction in &taken {
            if let Some(entry) = self.entries.get_mut(interaction) {
                entry.unexplained = false;
            }
        }
        taken
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

//! Brings waiting calls and free agents together: which call is next over all queues, whom it asks, and what is written down of it.

use super::agent::{Agent, Offered, TalkMode};
use super::choose::Rule;
use super::line::Entry;
use super::order::{Group, Phase};
use super::pool::{Reach, Seated, last_minute, next_minute};
use super::rank::Rank;
use super::{Acd, Match, Seat};
use crate::ledger::{Decision, PassedOver, Weighed, WhyNot};
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{AgentId, InteractionId, OfferId, QueueId};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The next call and whom it asks.
type Pair = (InteractionId, AgentId);

impl Acd {
    /// Files every seat that may mean something else now; what follows sees the queues as they are.
    pub(crate) fn settle(&mut self, turn: &Turn) {
        for agent in std::mem::take(&mut self.unsettled) {
            let seated = self.seats.get(&agent).map(|seat| match seat {
                Seat::Arriving(_) => Seated { willing: true, signed_in: false, at_work: false, stays: false, free: None },
                Seat::SignedIn(signed_in) => signed_in.seated(),
            });
            self.pools.file(agent, seated);
            self.file_sought(agent, seated);
            self.file_break(agent);
        }
        self.pools.refresh(turn.now.time);
    }

    /// Wakes at the next full minute while anybody is free by occupancy: the sorting is done then, and no decision has to wait for it.
    pub(crate) fn await_minute(&self, turn: &mut Turn) {
        match (self.pools.any_free_by_occupancy(), turn.timers.is_set(Reason::MinuteBegins)) {
            (true, false) => turn.timers.set(next_minute(turn.now.time), Reason::MinuteBegins),
            (false, true) => turn.timers.cancel(Reason::MinuteBegins),
            (true, true) | (false, false) => {}
        }
    }

    /// Whether calls ask for an agent first who is free now, or gone.
    fn file_sought(&mut self, agent: AgentId, seated: Option<Seated>) {
        self.sought_free.remove(&agent);
        self.sought_gone.remove(&agent);
        if self.line.seeking(agent).next().is_some() {
            match seated {
                Some(Seated { free: Some(_), .. }) => _ = self.sought_free.insert(agent),
                Some(Seated { at_work: true, .. }) => {}
                Some(_) | None => _ = self.sought_gone.insert(agent),
            }
        }
    }

    /// Whether there is nobody for whom a match could be made, as for most inputs of a call; the queues are as they are all the same.
    pub(crate) fn nobody_waits(&mut self, turn: &Turn) -> bool {
        self.settle(turn);
        self.line.is_empty()
    }

    /// Makes the next match, if one can be made: calls for which no desk rings in order of rank, then those that want more desks.
    pub(crate) fn next_match(&mut self, turn: &mut Turn) -> Option<Match> {
        self.settle(turn);
        self.line.settle(turn, |queue| self.pools.lowest_tier(queue));
        let (interaction, agent) = self.next_unserved(turn).or_else(|| self.next_ringing(turn))?;
        let entry = self.line.get(interaction)?;
        let (queue, decision) = (entry.queue, self.explain(turn, entry, Some(agent)));
        self.offer(turn, agent, interaction, queue);
        Some(Match { agent, interaction, decision })
    }

    /// The first call over all queues that somebody free can take.
    fn next_unserved(&self, turn: &Turn) -> Option<Pair> {
        let held = self.sought_free.iter().flat_map(|agent| self.firsts(turn, Phase::HeldFor(*agent)));
        self.firsts(turn, Phase::Unserved).chain(held).min().map(|(_, pair)| pair)
    }

    /// The first call that rings already and wants one more desk.
    fn next_ringing(&self, turn: &Turn) -> Option<Pair> {
        self.firsts(turn, Phase::WantsMore).min().map(|(_, pair)| pair)
    }

    /// Of each group of a phase the first call that somebody free can take.
    fn firsts(&self, turn: &Turn, phase: Phase) -> impl Iterator<Item = (Rank, Pair)> {
        let queues = self.line.queues().filter(|(queue, _)| self.pools.any_free(*queue));
        queues.flat_map(move |(_, line)| line.groups(phase)).filter_map(|group| self.first_of(turn, group))
    }

    /// The first call of a group that can be served: all of them may ask the same agents, but for those who rejected them.
    fn first_of(&self, turn: &Turn, group: &Group) -> Option<(Rank, Pair)> {
        let anybody = self.line.get(group.anybody()?)?;
        let (queue, reach) = (anybody.queue, anybody.reach(turn));
        if !self.pools.any_in_reach(queue, &reach) {
            return None;
        }
        let (priority, now) = (turn.queue(queue).priority, turn.now.time);
        // A rejection counts unless nobody else is at work (I-28).
        let first = match self.pools.at_work_in_reach(queue, &reach) {
            1 => group.first(priority, now),
            _ => group.first_for(self.pools.candidates(queue, &reach), priority, now),
        };
        self.ask(turn, self.line.get(first?)?)
    }

    fn ask(&self, turn: &Turn, entry: &Entry) -> Option<(Rank, Pair)> {
        let agent = self.choose(turn, entry)?;
        Some((entry.rank(turn), (entry.interaction, agent)))
    }

    /// Whom a call asks: the agent who served the citizen last if that one is free, else by the queue's strategy.
    fn choose(&self, turn: &Turn, entry: &Entry) -> Option<AgentId> {
        let reach = entry.reach(turn);
        let barred = self.barred(turn, entry);
        if let Some(sought) = entry.sought.map(|sought| sought.agent) {
            let may = self.pools.is_free(sought) && !barred.contains(&sought);
            if may && turn.serves(sought, entry.queue) && entry.fit(turn, sought).is_ok() {
                return Some(sought);
            }
        }
        if entry.held_for(turn.now.time).is_some() {
            return None;
        }
        self.pools.choose(entry.queue, &reach, &barred, self.rule(turn, entry.queue))
    }

    /// Who is not asked for a call because of an earlier no. That does not count if nobody else is at work within its reach (I-28).
    fn barred(&self, turn: &Turn, entry: &Entry) -> BTreeSet<AgentId> {
        if !entry.has_exclusions() || self.pools.at_work_in_reach(entry.queue, &entry.reach(turn)) == 1 {
            return BTreeSet::new();
        }
        entry.barred(turn.now.time)
    }

    fn offer(&mut self, turn: &mut Turn, agent: AgentId, interaction: InteractionId, queue: QueueId) {
        let offer = self.next_offer;
        self.next_offer = OfferId(offer.0 + 1);
        self.random.advance();
        self.last_offered.insert(queue, (turn.membership(agent, queue).order, agent));
        self.line.ring(turn, interaction, agent);
        let expires = turn.now.plus(turn.queue(queue).ring_ms);
        let offered = Offered { offer, interaction, queue, began: turn.now, expires, accepts_itself: None, whispered: false, asked: None };
        if let Some(agent) = self.agent_mut(agent) {
            agent.offer(turn, offered);
        }
    }

    /// A colleague's call rings at this desk, for `ring_ms`: the agent is Ready, and nothing else rings there.
    pub(crate) fn ring_for_colleague(
        &mut self,
        turn: &mut Turn,
        agent: AgentId,
        (interaction, queue): (InteractionId, QueueId),
        mode: TalkMode,
        ring_ms: u64,
    ) {
        let offer = self.next_offer;
        self.next_offer = OfferId(offer.0 + 1);
        let (began, expires) = (turn.now, turn.now.plus(ring_ms));
        if let Some(agent) = self.agent_mut(agent) {
            let asked = Some(mode);
            agent.offer(turn, Offered { offer, interaction, queue, began, expires, accepts_itself: None, whispered: false, asked });
        }
    }

    /// Somebody of a queue whom a colleague may ask now, whatever tier and skills: by the queue's strategy.
    pub(crate) fn free_in(&self, turn: &Turn, queue: QueueId, but: AgentId) -> Option<AgentId> {
        self.pools.choose(queue, &Reach::whole(turn.queue(queue)), &BTreeSet::from([but]), self.rule(turn, queue))
    }

    fn rule(&self, turn: &Turn, queue: QueueId) -> Rule {
        let last = self.last_offered.get(&queue).copied();
        Rule { strategy: turn.queue(queue).strategy, last, draw: self.random.peek() }
    }

    /// What is to be said about calls that began to wait, or wait on although more agents may be asked now.
    pub(crate) fn explain_waits(&mut self, turn: &Turn) -> Vec<(InteractionId, Decision)> {
        let waiting = self.line.take_unexplained();
        let entries = waiting.into_iter().filter_map(|interaction| self.line.get(interaction));
        entries.map(|entry| (entry.interaction, self.explain(turn, entry, None))).collect()
    }

    fn explain(&self, turn: &Turn, entry: &Entry, asked: Option<AgentId>) -> Decision {
        let (reach, barred) = (entry.reach(turn), self.barred(turn, entry));
        let free = self.pools.candidates(entry.queue, &reach).filter(|agent| Some(*agent) != asked && !barred.contains(agent));
        let free = asked.into_iter().chain(free).take(Decision::MOST);
        let mut candidates: Vec<Weighed> = free.filter_map(|agent| Some(weighed(turn, self.agent(agent)?, entry))).collect();
        let declined = barred.iter().copied().filter(|agent| self.pools.is_free(*agent) && turn.serves(*agent, entry.queue));
        let declined = declined.filter(|agent| entry.fit(turn, *agent).is_ok()).map(|agent| PassedOver { agent, why: WhyNot::Declined });
        let others = self.pools.others(entry.queue, &reach).filter_map(|agent| {
            let why = self.agent(agent)?.why_not().or_else(|| entry.fit(turn, agent).err());
            Some(PassedOver { agent, why: why? })
        });
        let mut passed_over: Vec<PassedOver> = declined.chain(others).take(Decision::MOST).collect();
        let (_, _, signed_in) = self.pools.staff(entry.queue);
        let left_out = signed_in.saturating_sub(candidates.len() + passed_over.len());
        candidates.sort_by_key(|one| (Some(one.agent) != asked, Reverse(one.levels), Reverse(one.idle_ms), one.agent));
        passed_over.sort_by_key(|one| one.agent);
        let (queue, waited_ms, score) = (entry.queue, entry.waited_ms(turn), entry.score(turn));
        let held_for = entry.held_for(turn.now.time);
        Decision { queue, waited_ms, score, asked, held_for, candidates, passed_over, left_out }
    }
}

/// The figures by which a free agent is compared.
fn weighed(turn: &Turn, agent: &Agent, entry: &Entry) -> Weighed {
    let now = turn.now.time;
    let idle_ms = agent.standing(now).idle_ms();
    let occupancy = agent.standing(last_minute(now).max(agent.since().time)).occupancy();
    let levels = entry.fit(turn, agent.agent).map_or(0, |fit| fit.levels);
    Weighed { agent: agent.agent, idle_ms, occupancy, levels }
}

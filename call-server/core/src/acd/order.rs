//! The waiting calls of one queue in order of service. Calls that stand alike towards the agents and may ask the same ones are in one group,
//! and within it those that the same agents have rejected in one party, so that one look at a party's head tells whether any of it can be
//! served. Within a queue the order by points does not change with time.

use super::rank::Rank;
use super::ranked::Ranked;
use crate::plan::Priority;
use crate::time::Time;
use shared::model::{AgentId, InteractionId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A place in the line: entry time, then the order of the INVITEs.
pub(crate) type Place = (Time, InteractionId);

/// How a call stands towards the agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No desk rings.
    Unserved,
    /// No desk rings, and it waits for one agent alone.
    HeldFor(AgentId),
    /// A desk rings, and one more may.
    WantsMore,
    /// A desk rings.
    Rings,
}

impl Phase {
    /// Whether a desk rings.
    pub(crate) fn rings(self) -> bool {
        match self {
            Self::Unserved | Self::HeldFor(_) => false,
            Self::WantsMore | Self::Rings => true,
        }
    }
}

/// What widens whom a call may ask: the tier that is open for it, and how many steps its needs are relaxed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stage {
    pub(crate) open_tier: u8,
    pub(crate) relaxed: usize,
}

impl Stage {
    const FIRST: Self = Self { open_tier: 0, relaxed: 0 };
    const LAST: Self = Self { open_tier: u8::MAX, relaxed: usize::MAX };
}

/// Agents whom a call does not ask for a while (I-28), in order of their ids.
pub(crate) type Rejecters = Arc<[AgentId]>;

/// Where a call is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filing {
    pub(crate) phase: Phase,
    pub(crate) stage: Stage,
    /// Who has rejected it.
    pub(crate) rejecters: Rejecters,
    /// Points at the clock's beginning, in thousandths.
    pub(crate) points: i128,
    /// Somebody is on the line.
    pub(crate) present: bool,
    /// May be sent to another queue.
    pub(crate) moves_on: bool,
    /// Has waited so long that the entry alone counts.
    pub(crate) guarded: bool,
}

/// One queue's waiting calls.
#[derive(Debug, Default)]
pub(crate) struct QueueLine {
    all: Ranked<Place>,
    groups: BTreeMap<(Phase, Stage), Group>,
    /// Those on the line for whom no desk rings.
    unserved: BTreeSet<Place>,
    /// Those of them who may be sent to another queue.
    unserved_moves_on: BTreeSet<Place>,
    /// Those for whom points count, in both orders.
    scored: BTreeSet<(Place, i128)>,
    by_points: Ranked<Points>,
}

/// Calls that may ask the same agents but for those who rejected them.
#[derive(Debug, Default)]
pub(crate) struct Group {
    parties: BTreeMap<Rejecters, Party>,
    firsts: Firsts<(Place, Rejecters), (Points, Rejecters)>,
    /// Of the parties that somebody has rejected.
    rejected: BTreeMap<AgentId, Firsts<Place, Points>>,
}

/// The first of each party, in both orders.
#[derive(Debug)]
struct Firsts<E, P> {
    by_entry: Ranked<E>,
    by_points: Ranked<P>,
}

impl<E, P> Default for Firsts<E, P> {
    fn default() -> Self {
        Self { by_entry: Ranked::default(), by_points: Ranked::default() }
    }
}

/// Most points first, then in order of entry.
type Points = (Reverse<i128>, Place);

/// Calls that the same agents have rejected.
#[derive(Debug, Default)]
struct Party {
    by_entry: BTreeSet<Place>,
    by_points: BTreeSet<Points>,
}

/// A call's place within its group; the smallest goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    /// Past the guard: by entry.
    Guarded(Place),
    Scored(Points),
}

impl Spot {
    fn interaction(&self) -> InteractionId {
        match self {
            Self::Guarded((_, interaction)) | Self::Scored((_, (_, interaction))) => *interaction,
        }
    }
}

impl Group {
    /// Changes a party and keeps its firsts in order; `false` once nobody is left in the group.
    fn change(&mut self, rejecters: &Rejecters, change: impl FnOnce(&mut Party)) -> bool {
        let party = self.parties.entry(Arc::clone(rejecters)).or_default();
        let before = party.firsts();
        change(party);
        let after = party.firsts();
        if after.is_none() {
            self.parties.remove(rejecters);
        }
        if before != after {
            if let Some(before) = before {
                self.forget(before, rejecters);
            }
            if let Some(after) = after {
                self.note(after, rejecters);
            }
        }
        !self.parties.is_empty()
    }

    fn note(&mut self, (place, points): (Place, Points), rejecters: &Rejecters) {
        self.firsts.by_entry.insert((place, Arc::clone(rejecters)));
        self.firsts.by_points.insert((points, Arc::clone(rejecters)));
        for agent in rejecters.iter() {
            let theirs = self.rejected.entry(*agent).or_default();
            theirs.by_entry.insert(place);
            theirs.by_points.insert(points);
        }
    }

    fn forget(&mut self, (place, points): (Place, Points), rejecters: &Rejecters) {
        self.firsts.by_entry.remove(&(place, Arc::clone(rejecters)));
        self.firsts.by_points.remove(&(points, Arc::clone(rejecters)));
        for agent in rejecters.iter() {
            if let Some(theirs) = self.rejected.get_mut(agent) {
                theirs.by_entry.remove(&place);
                theirs.by_points.remove(&points);
                if theirs.by_entry.len() == 0 {
                    self.rejected.remove(agent);
                }
            }
        }
    }

    /// Any of the calls.
    pub(crate) fn anybody(&self) -> Option<InteractionId> {
        self.firsts.by_entry.get(0).map(|((_, interaction), _)| *interaction)
    }

    /// The first call in order of service: who is past the guard by entry, then by points.
    pub(crate) fn first(&self, priority: Priority, now: Time) -> Option<InteractionId> {
        self.at((0, 0), priority, now).map(|(spot, _)| spot.interaction())
    }

    /// The first call in order of service that one of these agents has not rejected.
    pub(crate) fn first_for(&self, agents: impl Iterator<Item = AgentId>, priority: Priority, now: Time) -> Option<InteractionId> {
        let (first, rejecters) = self.at((0, 0), priority, now)?;
        let mut best = None;
        for agent in agents {
            if rejecters.binary_search(&agent).is_err() {
                return Some(first.interaction());
            }
            let spot = self.first_not_rejected(agent, priority, now);
            best = best.into_iter().chain(spot).min();
        }
        best.map(|spot: Spot| spot.interaction())
    }

    fn first_not_rejected(&self, agent: AgentId, priority: Priority, now: Time) -> Option<Spot> {
        let Some(theirs) = self.rejected.get(&agent) else { return self.at((0, 0), priority, now).map(|(spot, _)| spot) };
        // Theirs are some of all in the same order, so both are the same up to the first that is not theirs.
        let by_entry = self.firsts.by_entry.differs(&theirs.by_entry, |(place, _)| place);
        let by_points = self.firsts.by_points.differs(&theirs.by_points, |(points, _)| points);
        self.at((by_entry, by_points), priority, now).map(|(spot, _)| spot)
    }

    /// Of the parties at these places by entry and by points, the one that is served first.
    fn at(&self, (by_entry, by_points): (usize, usize), priority: Priority, now: Time) -> Option<(Spot, &Rejecters)> {
        let oldest = self.firsts.by_entry.get(by_entry).filter(|((entered, _), _)| priority.guards(*entered, now));
        let guarded = oldest.map(|(place, rejecters)| (Spot::Guarded(*place), rejecters));
        guarded.or_else(|| self.firsts.by_points.get(by_points).map(|(points, rejecters)| (Spot::Scored(*points), rejecters)))
    }
}

impl Party {
    fn firsts(&self) -> Option<(Place, Points)> {
        Some((*self.by_entry.first()?, *self.by_points.first()?))
    }
}

impl QueueLine {
    pub(crate) fn put_in(&mut self, place: Place, filing: &Filing) {
        let Filing { phase, stage, rejecters, points, present, moves_on, guarded } = filing;
        self.all.insert(place);
        self.groups.entry((*phase, *stage)).or_default().change(rejecters, |party| {
            party.by_entry.insert(place);
            party.by_points.insert((Reverse(*points), place));
        });
        if *present && !phase.rings() {
            self.unserved.insert(place);
            if *moves_on {
                self.unserved_moves_on.insert(place);
            }
        }
        if !guarded {
            self.scored.insert((place, *points));
            self.by_points.insert((Reverse(*points), place));
        }
    }

    pub(crate) fn take_out(&mut self, place: Place, filing: &Filing) {
        let Filing { phase, stage, rejecters, points, .. } = filing;
        self.all.remove(&place);
        self.unserved.remove(&place);
        self.unserved_moves_on.remove(&place);
        if self.scored.remove(&(place, *points)) {
            self.by_points.remove(&(Reverse(*points), place));
        }
        let is_left = self.groups.get_mut(&(*phase, *stage)).is_some_and(|group| {
            group.change(rejecters, |party| {
                party.by_entry.remove(&place);
                party.by_points.remove(&(Reverse(*points), place));
            })
        });
        if !is_left {
            self.groups.remove(&(*phase, *stage));
        }
    }

    /// Everybody, in order of entry.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place> {
        self.all.iter().copied()
    }

    /// Of those on the line for whom no desk rings, the one who came first; of those who may be sent to another queue only, if so asked.
    pub(crate) fn first_unserved(&self, moves_on: bool) -> Option<Place> {
        if moves_on { self.unserved_moves_on.first() } else { self.unserved.first() }.copied()
    }

    /// Those for whom no tier above this one is open.
    pub(crate) fn below(&self, tier: u8) -> impl Iterator<Item = Place> {
        let groups = self.groups.iter().filter(move |((_, stage), _)| stage.open_tier < tier);
        groups.flat_map(|(_, group)| group.parties.values()).flat_map(|party| party.by_entry.iter().copied())
    }

    /// The groups of a phase.
    pub(crate) fn groups(&self, phase: Phase) -> impl Iterator<Item = &Group> {
        self.groups.range((phase, Stage::FIRST)..=(phase, Stage::LAST)).map(|(_, group)| group)
    }

    /// How many are served before a call of this rank, by the queue's own priority.
    pub(crate) fn ahead_of(&mut self, rank: Rank, priority: Priority, now: Time) -> usize {
        while let Some((place, points)) = self.scored.first().copied().filter(|((entered, _), _)| priority.guards(*entered, now)) {
            self.scored.remove(&(place, points));
            self.by_points.remove(&(Reverse(points), place));
        }
        let guarded = self.all.len() - self.by_points.len();
        match rank {
            Rank::Guarded(entered, interaction) => self.all.before(&(entered, interaction)).min(guarded),
            Rank::Scored(Reverse(score), entered, interaction) => {
                let points = score - i128::from(now.0) * i128::from(priority.slope);
                guarded + self.by_points.before(&(Reverse(points), (entered, interaction)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filing, Phase, Place, QueueLine, Rejecters, Stage};
    use crate::acd::random::Random;
    use crate::acd::rank::Rank;
    use crate::plan::Priority;
    use crate::time::Time;
    use shared::model::{AgentId, InteractionId};
    use std::cmp::Reverse;

    const PRIORITY: Priority = Priority { weight: 0, slope: 2, returned: 0, guard_ms: 4_000 };

    /// The same line, looked through from end to end.
    #[derive(Default)]
    struct Plain(Vec<(Place, Filing)>);

    impl Plain {
        fn rank(&self, (place, filing): &(Place, Filing), now: Time) -> Rank {
            let (entered, interaction) = *place;
            if PRIORITY.guards(entered, now) {
                return Rank::Guarded(entered, interaction);
            }
            Rank::Scored(Reverse(filing.points + i128::from(now.0) * i128::from(PRIORITY.slope)), entered, interaction)
        }

        fn first_for(&self, phase: Phase, agents: &[AgentId], now: Time) -> Option<InteractionId> {
            let asks = |filing: &Filing| filing.phase == phase && agents.iter().any(|agent| !filing.rejecters.contains(agent));
            let asking = self.0.iter().filter(|(_, filing)| asks(filing));
            asking.min_by_key(|one| self.rank(one, now)).map(|((_, interaction), _)| *interaction)
        }

        fn ahead_of(&self, rank: Rank, now: Time) -> usize {
            self.0.iter().filter(|one| self.rank(one, now) < rank).count()
        }
    }

    fn some(random: &mut Random, below: u64) -> u64 {
        let drawn = random.peek() % below;
        random.advance();
        drawn
    }

    fn filing(random: &mut Random, entered: Time, now: Time) -> Filing {
        let rejecters: Rejecters = (1..=4).map(AgentId).filter(|_| some(random, 3) == 0).collect();
        let points = i128::from(some(random, 5)) * 1_000 - i128::from(entered.0) * i128::from(PRIORITY.slope);
        let phase = [Phase::Unserved, Phase::WantsMore][usize::from(some(random, 2) == 0)];
        let stage = Stage { open_tier: 0, relaxed: 0 };
        Filing { phase, stage, rejecters, points, present: true, moves_on: true, guarded: PRIORITY.guards(entered, now) }
    }

    #[test]
    fn the_first_call_for_whoever_is_free_and_those_ahead_are_found_as_by_looking_at_all() {
        let (mut random, mut line, mut plain) = (Random::new(11), QueueLine::default(), Plain::default());
        for round in 0..4_000_u64 {
            let now = Time(round * 5);
            if plain.0.is_empty() || some(&mut random, 100) < 52 {
                let entered = Time(now.0.saturating_sub(some(&mut random, 6_000)));
                let (place, filing) = ((entered, InteractionId(round)), filing(&mut random, entered, now));
                line.put_in(place, &filing);
                plain.0.push((place, filing));
            } else {
                let index = usize::try_from(some(&mut random, 1_000)).unwrap_or(0) % plain.0.len();
                let (place, filing) = plain.0.swap_remove(index);
                line.take_out(place, &filing);
            }
            let free: Vec<AgentId> = (1..=4).map(AgentId).filter(|_| some(&mut random, 2) == 0).collect();
            for phase in [Phase::Unserved, Phase::WantsMore] {
                let found = line.groups(phase).next().and_then(|group| group.first_for(free.iter().copied(), PRIORITY, now));
                assert_eq!(found, plain.first_for(phase, &free, now), "round {round}");
                let first = line.groups(phase).next().and_then(|group| group.first(PRIORITY, now));
                assert_eq!(first, plain.first_for(phase, &[AgentId(9)], now), "round {round}");
            }
            if let Some(one) = plain.0.get(usize::try_from(round).unwrap_or(0) % plain.0.len().max(1)) {
                let rank = plain.rank(one, now);
                assert_eq!(line.ahead_of(rank, PRIORITY, now), plain.ahead_of(rank, now), "round {round}");
            }
        }
    }
}

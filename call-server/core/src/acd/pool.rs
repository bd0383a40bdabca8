//! Who may be asked, kept in the order of each queue's strategy: a choice looks at the first ones and never at all of them.
//!
//! Agents who are alike in all that a call may ask for, tier and skills, share a class. Which class a call may ask is its reach.

use super::chance::Chance;
use super::choose::{Fit, Key, Place, Rule};
use super::standing::Standing;
use crate::plan::{Membership, Plan, QueuePlan, Strategy};
use crate::time::Time;
use shared::model::{AgentId, QueueId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Occupancy is looked at as of the last full minute of the clock, so that the order of the free ones holds in between.
const MINUTE_MS: u64 = 60_000;

/// The free agents of all queues.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    queues: BTreeMap<QueueId, Pool>,
    parts: BTreeMap<AgentId, Vec<Part>>,
    seats: BTreeMap<AgentId, Seated>,
    teams: Vec<Team>,
}

/// Agents who serve the same queues.
#[derive(Debug)]
struct Team {
    queues: BTreeSet<QueueId>,
    /// How many of them are at work, and will be after the present call.
    stays: usize,
}

/// A place among the teams.
type TeamId = usize;

/// What a seat means for its queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seated {
    /// Signs in just now, or takes calls.
    pub(crate) willing: bool,
    /// The session has begun.
    pub(crate) signed_in: bool,
    /// Takes calls, and the desktop is connected.
    pub(crate) at_work: bool,
    /// At work, and will be after the present call.
    pub(crate) stays: bool,
    /// A call may be offered now.
    pub(crate) free: Option<Free>,
}

/// Since when somebody is free, and what the rank rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Free {
    pub(crate) since: Time,
    /// Without the present interval.
    pub(crate) standing: Standing,
}

/// An agent's place in one queue.
#[derive(Debug, Clone, Copy)]
struct Part {
    queue: QueueId,
    class: usize,
    slot: usize,
    order: u32,
    team: TeamId,
}

/// One queue.
#[derive(Debug)]
struct Pool {
    strategy: Strategy,
    /// The best fit first.
    classes: Vec<Class>,
    seated: usize,
    willing: usize,
    signed_in: usize,
    free: usize,
    /// Signed in, and no call may be offered.
    busy: BTreeSet<AgentId>,
    /// The minute whose occupancy the order shows.
    minute: u64,
}

/// Agents who are alike for every call of the queue.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) fit: Fit,
    pub(crate) tier: u8,
    /// By the queue's needs, in their order.
    pub(crate) levels: Vec<u8>,
    /// In order of their ids, with their weights.
    pub(crate) members: Vec<(AgentId, u32)>,
    signed_in: usize,
    at_work: usize,
    /// How many of each team are at work, and will be after the present call.
    stays: BTreeMap<TeamId, usize>,
    /// The free ones, who is next first.
    pub(crate) order: BTreeSet<(Key, AgentId)>,
    /// The free ones by slot, for the random strategies.
    pub(crate) chance: Chance,
}

/// In which order the classes of a queue stand: best fit first, then tier and levels.
type ClassKey = (Reverse<Fit>, u8, Vec<u8>);

/// Which classes a call may ask.
#[derive(Debug)]
pub(crate) struct Reach<'p> {
    pub(crate) rules: &'p QueuePlan,
    pub(crate) open_tier: u8,
    /// By the queue's needs, in their order.
    pub(crate) minimums: Vec<u8>,
}

impl<'p> Reach<'p> {
    /// Everybody of a queue.
    pub(crate) fn whole(rules: &'p QueuePlan) -> Self {
        Self { rules, open_tier: u8::MAX, minimums: vec![0; rules.needs.len()] }
    }

    fn holds(&self, class: &Class) -> bool {
        let closed = self.rules.tiers.contains_key(&class.tier) && class.tier > self.open_tier;
        !closed && class.levels.iter().zip(&self.minimums).all(|(level, minimum)| level >= minimum)
    }
}

impl Pools {
    /// A new plan: every class is made anew, everybody is filed again.
    pub(crate) fn rebuild(&mut self, plan: &Plan, now: Time) {
        let mut queues: BTreeMap<QueueId, BTreeMap<ClassKey, Vec<(AgentId, Membership)>>> = BTreeMap::new();
        self.teams = Vec::new();
        let mut teams: BTreeMap<BTreeSet<QueueId>, TeamId> = BTreeMap::new();
        let mut team_of: BTreeMap<AgentId, TeamId> = BTreeMap::new();
        for (agent, skilled) in &plan.agents {
            let served: BTreeSet<QueueId> = skilled.queues.iter().copied().filter(|queue| plan.queues.contains_key(queue)).collect();
            let team = *teams.entry(served.clone()).or_insert_with(|| {
                self.teams.push(Team { queues: served.clone(), stays: 0 });
                self.teams.len() - 1
            });
            team_of.insert(*agent, team);
            for (queue, rules) in served.iter().filter_map(|queue| Some((queue, plan.queues.get(queue)?))) {
                let membership = skilled.memberships.get(queue).copied().unwrap_or_default();
                let levels: Vec<u8> = rules.needs.iter().map(|need| skilled.skills.get(&need.skill).copied().unwrap_or(0)).collect();
                let key = (Reverse(Fit::of(rules, &skilled.skills)), membership.tier, levels);
                queues.entry(*queue).or_default().entry(key).or_default().push((*agent, membership));
            }
        }
        let seats = std::mem::take(&mut self.seats);
        (self.queues, self.parts) = (BTreeMap::new(), BTreeMap::new());
        for (queue, classes) in queues {
            let strategy = plan.queues[&queue].strategy;
            let mut pool = Pool::new(strategy, now);
            for (class, ((fit, tier, levels), members)) in classes.into_iter().enumerate() {
                for (slot, (agent, membership)) in members.iter().enumerate() {
                    let team = team_of[agent];
                    self.parts.entry(*agent).or_default().push(Part { queue, class, slot, order: membership.order, team });
                }
                let members = members.into_iter().map(|(agent, membership)| (agent, membership.weight)).collect();
                pool.classes.push(Class::new(fit.0, tier, levels, members, strategy));
            }
            self.queues.insert(queue, pool);
        }
        for (agent, seated) in seats {
            self.file(agent, Some(seated));
        }
    }

    /// A seat is as it is now; `None` is empty.
    pub(crate) fn file(&mut self, agent: AgentId, seated: Option<Seated>) {
        let before = match seated {
            Some(seated) => self.seats.insert(agent, seated),
            None => self.seats.remove(&agent),
        };
        if before == seated {
            return;
        }
        if let Some(part) = self.parts.get(&agent).and_then(|parts| parts.first()) {
            let team = &mut self.teams[part.team];
            team.stays -= usize::from(before.is_some_and(|seated| seated.stays));
            team.stays += usize::from(seated.is_some_and(|seated| seated.stays));
        }
        for part in self.parts.get(&agent).into_iter().flatten() {
            let Some(pool) = self.queues.get_mut(&part.queue) else { continue };
            if let Some(before) = before {
                pool.take_out(agent, *part, before);
            }
            if let Some(seated) = seated {
                pool.put_in(agent, *part, seated);
            }
        }
    }

    /// Brings the order by occupancy up to the minute.
    pub(crate) fn refresh(&mut self, now: Time) {
        let minute = minute_of(now);
        for (queue, pool) in &mut self.queues {
            if pool.strategy == Strategy::LeastOccupied && pool.minute != minute && pool.free > 0 {
                pool.minute = minute;
                for class in &mut pool.classes {
                    let free: Vec<AgentId> = class.order.iter().map(|(_, agent)| *agent).collect();
                    class.order.clear();
                    for agent in free {
                        let part = self.parts[&agent].iter().find(|part| part.queue == *queue);
                        if let (Some(part), Some(free)) = (part, self.seats[&agent].free) {
                            class.order.insert((key(pool.strategy, free, part.order, minute), agent));
                        }
                    }
                }
            }
        }
    }

    /// The agent whom a call asks, but for those who are barred from it.
    pub(crate) fn choose(&self, queue: QueueId, reach: &Reach<'_>, barred: &BTreeSet<AgentId>, rule: Rule) -> Option<AgentId> {
        let mut classes = self.free_in_reach(queue, reach).peekable();
        while let Some(best) = classes.next() {
            let mut alike = vec![best];
            while let Some(class) = classes.next_if(|class| class.fit == best.fit) {
                alike.push(class);
            }
            if let Some(agent) = super::choose::choose(rule, &alike, barred) {
                return Some(agent);
            }
        }
        None
    }

    fn free_in_reach(&self, queue: QueueId, reach: &Reach<'_>) -> impl Iterator<Item = &Class> {
        let classes = self.queues.get(&queue).map_or(&[][..], |pool| &pool.classes);
        classes.iter().filter(|class| !class.order.is_empty() && reach.holds(class))
    }

    /// Whether anybody whom such a call may ask is free.
    pub(crate) fn any_in_reach(&self, queue: QueueId, reach: &Reach<'_>) -> bool {
        self.free_in_reach(queue, reach).next().is_some()
    }

    /// Whether anybody of a queue is free.
    pub(crate) fn any_free(&self, queue: QueueId) -> bool {
        self.queues.get(&queue).is_some_and(|pool| pool.free > 0)
    }

    /// Whether anybody is free whose rank changes while they are.
    pub(crate) fn any_free_by_occupancy(&self) -> bool {
        self.queues.values().any(|pool| pool.strategy == Strategy::LeastOccupied && pool.free > 0)
    }

    /// Whether a call may be offered to somebody.
    pub(crate) fn is_free(&self, agent: AgentId) -> bool {
        self.seats.get(&agent).is_some_and(|seated| seated.free.is_some())
    }

    /// How many at work such a call may ask, but for exclusions.
    pub(crate) fn at_work_in_reach(&self, queue: QueueId, reach: &Reach<'_>) -> usize {
        let classes = self.queues.get(&queue).map_or(&[][..], |pool| &pool.classes);
        classes.iter().filter(|class| reach.holds(class)).map(|class| class.at_work).sum()
    }

    /// The queues that everybody serves whom such a call may ask and who stays at work, and how many who stay serve any of them.
    pub(crate) fn shared_by_all_in_reach(&self, queue: QueueId, reach: &Reach<'_>) -> (BTreeSet<QueueId>, usize) {
        let classes = self.queues.get(&queue).map_or(&[][..], |pool| &pool.classes);
        let staying: BTreeSet<TeamId> =
            classes.iter().filter(|class| reach.holds(class)).flat_map(|class| class.stays.keys().copied()).collect();
        let served = staying.into_iter().map(|team| &self.teams[team].queues);
        let shared = served.fold(None, |shared: Option<BTreeSet<QueueId>>, served| {
            Some(shared.map_or_else(|| served.clone(), |shared| shared.intersection(served).copied().collect()))
        });
        let Some(shared) = shared else { return (BTreeSet::from([queue]), 0) };
        let serving = if shared.len() > 1 {
            self.teams.iter().filter(|team| !team.queues.is_disjoint(&shared)).map(|team| team.stays).sum()
        } else {
            classes.iter().filter(|class| reach.holds(class)).flat_map(|class| class.stays.values()).sum()
        };
        (shared, serving)
    }

    /// Free agents whom such a call may ask, the best classes first.
    pub(crate) fn candidates(&self, queue: QueueId, reach: &Reach<'_>) -> impl Iterator<Item = AgentId> {
        self.free_in_reach(queue, reach).flat_map(|class| class.order.iter().map(|(_, agent)| *agent))
    }

    /// Members who are signed in and whom such a call cannot ask: those beyond its reach, then those who are busy.
    pub(crate) fn others<'s>(&'s self, queue: QueueId, reach: &'s Reach<'_>) -> impl Iterator<Item = AgentId> + 's {
        let pool = self.queues.get(&queue);
        let beyond = pool.into_iter().flat_map(|pool| &pool.classes).filter(|class| !reach.holds(class));
        let beyond = beyond.flat_map(|class| class.order.iter().map(|(_, agent)| *agent));
        beyond.chain(pool.into_iter().flat_map(|pool| pool.busy.iter().copied()))
    }

    /// Members with a seat; those who sign in or take calls; those whose session has begun.
    pub(crate) fn staff(&self, queue: QueueId) -> (usize, usize, usize) {
        self.queues.get(&queue).map_or((0, 0, 0), |pool| (pool.seated, pool.willing, pool.signed_in))
    }

    /// The lowest tier in which anybody is signed in.
    pub(crate) fn lowest_tier(&self, queue: QueueId) -> u8 {
        let staffed = self.queues.get(&queue).into_iter().flat_map(|pool| &pool.classes).filter(|class| class.signed_in > 0);
        staffed.map(|class| class.tier).min().unwrap_or(u8::MAX)
    }
}

impl Pool {
    fn new(strategy: Strategy, now: Time) -> Self {
        let minute = minute_of(now);
        Self { strategy, classes: Vec::new(), seated: 0, willing: 0, signed_in: 0, free: 0, busy: BTreeSet::new(), minute }
    }

    fn put_in(&mut self, agent: AgentId, part: Part, seated: Seated) {
        let Seated { willing, signed_in, at_work, stays, free } = seated;
        let class = &mut self.classes[part.class];
        if stays {
            *class.stays.entry(part.team).or_default() += 1;
        }
        self.seated += 1;
        self.willing += usize::from(willing);
        self.signed_in += usize::from(signed_in);
        class.signed_in += usize::from(signed_in);
        class.at_work += usize::from(at_work);
        if let Some(free) = free {
            self.free += 1;
            class.order.insert((key(self.strategy, free, part.order, self.minute), agent));
            class.chance.set(part.slot, class.members[part.slot].1, true);
        } else if signed_in {
            self.busy.insert(agent);
        }
    }

    fn take_out(&mut self, agent: AgentId, part: Part, seated: Seated) {
        let Seated { willing, signed_in, at_work, stays, free } = seated;
        let class = &mut self.classes[part.class];
        if stays && let Some(count) = class.stays.get_mut(&part.team) {
            *count -= 1;
            if *count == 0 {
                class.stays.remove(&part.team);
            }
        }
        self.seated -= 1;
        self.willing -= usize::from(willing);
        self.signed_in -= usize::from(signed_in);
        class.signed_in -= usize::from(signed_in);
        class.at_work -= usize::from(at_work);
        if let Some(free) = free {
            self.free -= 1;
            class.order.remove(&(key(self.strategy, free, part.order, self.minute), agent));
            class.chance.set(part.slot, class.members[part.slot].1, false);
        } else if signed_in {
            self.busy.remove(&agent);
        }
    }
}

impl Class {
    fn new(fit: Fit, tier: u8, levels: Vec<u8>, members: Vec<(AgentId, u32)>, strategy: Strategy) -> Self {
        let slots = if matches!(strategy, Strategy::Random | Strategy::WeightedRandom) { members.len() } else { 0 };
        Self {
            fit,
            tier,
            levels,
            members,
            signed_in: 0,
            at_work: 0,
            stays: BTreeMap::new(),
            order: BTreeSet::new(),
            chance: Chance::new(slots),
        }
    }
}

/// What the order of the free ones rests on; the smaller is next. It does not change while they are free and the minute lasts.
fn key(strategy: Strategy, free: Free, order: u32, minute: u64) -> Key {
    let Free { since, standing } = free;
    // Who was Ready for longest would have begun earliest, had there been no interruption.
    let began = i128::from(since.0) - i128::from(standing.idle_ms());
    match strategy {
        Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive { .. } => Key(began, 0),
        Strategy::LeastOccupied => Key(i128::from(standing.occupancy_at(since, Time(minute * MINUTE_MS))), began),
        Strategy::RoundRobin | Strategy::Linear => Key(i128::from(order), 0),
        Strategy::Random | Strategy::WeightedRandom => Key(0, 0),
    }
}

fn minute_of(now: Time) -> u64 {
    now.0 / MINUTE_MS
}

/// The last full minute of the clock.
pub(crate) fn last_minute(now: Time) -> Time {
    Time(minute_of(now) * MINUTE_MS)
}

/// The next full minute of the clock.
pub(crate) fn next_minute(now: Time) -> Time {
    Time((minute_of(now) + 1) * MINUTE_MS)
}

/// The place of a member as the strategies by order see it.
pub(crate) fn key_of_place((order, agent): Place) -> (Key, AgentId) {
    (Key(i128::from(order), 0), agent)
}

#[cfg(test)]
mod tests {
    use super::{Pools, Reach, Seated};
    use crate::plan::{AgentPlan, Plan, QueuePlan};
    use crate::time::Time;
    use shared::model::{AgentId, QueueId};
    use std::collections::{BTreeMap, BTreeSet};

    /// The shared queues of a line, and how many serve them, if these agents stay at work.
    fn shared(served: &[&[u32]], staying: &[u32], queue: u32) -> (BTreeSet<QueueId>, usize) {
        let queues = (1..=3).map(|queue| (QueueId(queue), QueuePlan::default()));
        let agents = (1..).map(AgentId).zip(served).map(|(agent, queues)| {
            let queues = queues.iter().map(|queue| QueueId(*queue)).collect();
            (agent, AgentPlan { queues, ..AgentPlan::default() })
        });
        let plan = Plan { queues: queues.collect::<BTreeMap<_, _>>(), agents: agents.collect(), ..Plan::default() };
        let mut pools = Pools::default();
        pools.rebuild(&plan, Time(0));
        for agent in staying {
            // Whoever takes a break and comes back counts once.
            for stays in [true, false, true] {
                pools.file(AgentId(*agent), Some(Seated { willing: true, signed_in: true, at_work: true, stays, free: None }));
            }
        }
        pools.shared_by_all_in_reach(QueueId(queue), &Reach::whole(&plan.queues[&QueueId(queue)]))
    }

    #[test]
    fn a_line_shares_the_queues_that_all_of_its_agents_serve_and_counts_all_who_serve_any_of_them() {
        let queues = |numbers: &[u32]| numbers.iter().map(|number| QueueId(*number)).collect::<BTreeSet<_>>();
        let served: [&[u32]; 4] = [&[1, 2], &[1, 2, 3], &[2], &[3]];
        assert_eq!(shared(&served, &[1, 2, 3, 4], 1), (queues(&[1, 2]), 3), "the fourth serves neither");
        assert_eq!(shared(&served, &[1, 2, 4], 1), (queues(&[1, 2]), 2));
        assert_eq!(shared(&served, &[1, 2, 3, 4], 2), (queues(&[2]), 3), "one of them serves nothing else");
        assert_eq!(shared(&served, &[2], 3), (queues(&[1, 2, 3]), 1));
        assert_eq!(shared(&served, &[3], 1), (queues(&[1]), 0), "nobody stays who could be asked");
    }
}

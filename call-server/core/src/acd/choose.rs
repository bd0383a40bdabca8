//! Who gets the next call: one pure function over the free agents of a queue (2.1).
//!
//! Who is free, and which call is next, is decided before it is asked.

use super::pool::{Class, key_of_place};
use crate::plan::{QueuePlan, SkillId, Strategy};
use shared::model::AgentId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

/// Place in the stable order of a queue's members.
pub(crate) type Place = (u32, AgentId);

/// What a strategy orders the free agents by; the smallest is next, ties go to the smaller id. It rests on Ready time since the last
/// handled call, on occupancy or on the order of the members: a break adds nothing, a missed offer takes nothing away (I-40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) i128, pub(crate) i128);

/// How well an agent fits a call, better is larger: levels of the skills asked for, then the fewest others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Fit {
    pub(crate) levels: u32,
    pub(crate) others: Reverse<usize>,
}

impl Fit {
    /// Of an agent with these skills in a queue; equal for all if the queue asks for none.
    pub(crate) fn of(rules: &QueuePlan, skills: &BTreeMap<SkillId, u8>) -> Self {
        if rules.needs.is_empty() {
            return Self::default();
        }
        let asked = |skill: &SkillId| rules.needs.iter().any(|need| need.skill == *skill);
        let levels = rules.needs.iter().map(|need| u32::from(skills.get(&need.skill).copied().unwrap_or(0))).sum();
        Self { levels, others: Reverse(skills.keys().filter(|skill| !asked(skill)).count()) }
    }
}

/// What the choice depends on besides the agents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) strategy: Strategy,
    /// The member of this queue who was offered a call last.
    pub(crate) last: Option<Place>,
    /// A random number, used by the random strategies alone.
    pub(crate) draw: u64,
}

/// The free agent of these classes who is offered the call, but for those barred from it. The order of the classes does not matter,
/// except to chance.
pub(crate) fn choose(rule: Rule, classes: &[&Class], barred: &BTreeSet<AgentId>) -> Option<AgentId> {
    match rule.strategy {
        Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive { .. } | Strategy::LeastOccupied | Strategy::Linear => {
            first(classes, barred, None)
        }
        // Members behind the last one come first, then the circle closes. The last one need not be a member any more.
        Strategy::RoundRobin => first(classes, barred, rule.last).or_else(|| first(classes, barred, None)),
        Strategy::Random => drawn(rule.draw, classes, barred, false),
        Strategy::WeightedRandom => drawn(rule.draw, classes, barred, true).or_else(|| drawn(rule.draw, classes, barred, false)),
    }
}

/// The smallest key of all classes, behind a place if one is given.
fn first(classes: &[&Class], barred: &BTreeSet<AgentId>, behind: Option<Place>) -> Option<AgentId> {
    let from = behind.map_or(Unbounded, |place| Excluded(key_of_place(place)));
    let firsts = classes.iter().filter_map(|class| class.order.range((from, Unbounded)).find(|(_, agent)| !barred.contains(agent)));
    firsts.min().map(|(_, agent)| *agent)
}

/// Lays all who are free end to end and takes the one that the draw falls on; `None` if they weigh nothing.
fn drawn(draw: u64, classes: &[&Class], barred: &BTreeSet<AgentId>, by_weight: bool) -> Option<AgentId> {
    let lots: Vec<Lots<'_>> = classes.iter().map(|class| Lots::new(class, barred, by_weight)).collect();
    let mut point = draw.checked_rem(lots.iter().map(|lots| lots.total).sum())?;
    for lots in lots {
        if point < lots.total {
            return lots.at(point);
        }
        point -= lots.total;
    }
    None
}

/// The lots of one class, without those of the barred.
struct Lots<'c> {
    class: &'c Class,
    by_weight: bool,
    /// Slots of the barred, in order.
    barred: Vec<usize>,
    total: u64,
}

impl<'c> Lots<'c> {
    fn new(class: &'c Class, barred: &BTreeSet<AgentId>, by_weight: bool) -> Self {
        let slot = |agent: &AgentId| class.members.binary_search_by_key(agent, |(member, _)| *member).ok();
        let barred: Vec<usize> = barred.iter().filter_map(slot).collect();
        let sums = class.chance.sums(by_weight);
        let theirs: u64 = barred.iter().map(|slot| sums.of(*slot)).sum();
        Self { class, by_weight, barred, total: sums.total() - theirs }
    }

    fn at(&self, mut point: u64) -> Option<AgentId> {
        let sums = self.class.chance.sums(self.by_weight);
        for slot in &self.barred {
            if sums.before(*slot) <= point {
                point += sums.of(*slot);
            }
        }
        self.class.members.get(sums.find(point)).map(|(agent, _)| *agent)
    }
}

#[cfg(test)]
mod tests {
    use super::Fit;
    use crate::acd::pool::{Free, Pools, Reach, Seated};
    use crate::acd::random::Random;
    use crate::acd::standing::Standing;
    use crate::plan::{AgentPlan, Membership, Plan, QueuePlan, SkillId, SkillNeed, Strategy};
    use crate::time::Time;
    use shared::model::{AgentId, QueueId};
    use std::cmp::Reverse;
    use std::collections::{BTreeMap, BTreeSet};

    const QUEUE: QueueId = QueueId(1);
    const NOW: Time = Time(10_000_000);

    /// A free agent: id, idle time, order, weight, Ready and busy time of the shift.
    #[derive(Clone)]
    struct Who {
        id: u32,
        idle_ms: u64,
        membership: Membership,
        busy_ms: u64,
        skills: BTreeMap<SkillId, u8>,
    }

    fn who(id: u32, idle_ms: u64) -> Who {
        Who { id, idle_ms, membership: Membership::default(), busy_ms: 0, skills: BTreeMap::new() }
    }

    fn pools(strategy: Strategy, needs: &[SkillNeed], people: &[Who]) -> (Plan, Pools) {
        let rules = QueuePlan { strategy, needs: needs.to_vec(), ..QueuePlan::default() };
        let agents = people.iter().map(|who| {
            let memberships = BTreeMap::from([(QUEUE, who.membership)]);
            let (queues, skills) = (vec![QUEUE], who.skills.clone());
            (AgentId(who.id), AgentPlan { queues, memberships, skills, ..AgentPlan::default() })
        });
        let plan = Plan { queues: BTreeMap::from([(QUEUE, rules)]), agents: agents.collect(), ..Plan::default() };
        let mut pools = Pools::default();
        pools.rebuild(&plan, NOW);
        for who in people {
            let standing = Standing::default().and_ready(who.idle_ms).and_busy(who.busy_ms);
            let free = Some(Free { since: NOW, standing });
            pools.file(AgentId(who.id), Some(Seated { willing: true, signed_in: true, at_work: true, stays: true, free }));
        }
        (plan, pools)
    }

    fn asked(strategy: Strategy, needs: &[SkillNeed], people: &[Who], last: Option<(u32, u32)>, barred: &[u32], draw: u64) -> Option<u32> {
        let (plan, pools) = pools(strategy, needs, people);
        let rules = &plan.queues[&QUEUE];
        let reach = Reach { rules, open_tier: 0, minimums: needs.iter().map(|need| need.minimum).collect() };
        let last = last.map(|(order, id)| (order, AgentId(id)));
        let barred: BTreeSet<AgentId> = barred.iter().map(|id| AgentId(*id)).collect();
        pools.choose(QUEUE, &reach, &barred, super::Rule { strategy, last, draw }).map(|agent| agent.0)
    }

    fn by(strategy: Strategy, people: &[Who]) -> Option<u32> {
        asked(strategy, &[], people, None, &[], 0)
    }

    fn after(last: u32, people: &[u32]) -> Option<u32> {
        let people: Vec<Who> = people.iter().map(|id| who(*id, 0)).collect();
        asked(Strategy::RoundRobin, &[], &people, Some((0, last)), &[], 0)
    }

    fn draws(strategy: Strategy, people: &[Who], barred: &[u32], times: u32) -> [u32; 5] {
        let (mut random, mut counts) = (Random::new(7), [0; 5]);
        for _ in 0..times {
            counts[asked(strategy, &[], people, None, barred, random.peek()).expect("somebody is free") as usize] += 1;
            random.advance();
        }
        counts
    }

    #[test]
    fn the_longest_idle_agent_gets_the_call_and_a_tie_goes_to_the_smaller_id() {
        let mut four = [who(1, 5), who(7, 9), who(4, 9), who(3, 8)];
        assert_eq!(by(Strategy::LongestIdle, &four), Some(4));
        four.reverse();
        assert_eq!(by(Strategy::LongestIdle, &four), Some(4));
        assert_eq!(asked(Strategy::LongestIdle, &[], &four, None, &[4, 7], 0), Some(3), "but for those barred");
    }

    #[test]
    fn the_least_occupied_agent_gets_the_call_even_with_more_calls_behind() {
        let busy = Who { busy_ms: 60_001, ..who(1, 90_000) };
        let calm = Who { busy_ms: 6, ..who(2, 10) };
        assert_eq!(by(Strategy::LeastOccupied, &[busy.clone(), calm]), Some(2));
        let equal = Who { busy_ms: 60_001 * 2, ..who(3, 180_000) };
        assert_eq!(by(Strategy::LeastOccupied, &[busy, equal]), Some(3), "then the longer idle one");
    }

    #[test]
    fn round_robin_goes_on_from_the_last_one_though_the_free_ones_change() {
        assert_eq!(after(1, &[1, 2, 3]), Some(2));
        assert_eq!(after(1, &[2, 3]), Some(2), "a counter over the free ones would say 3");
        assert_eq!(after(2, &[1, 3]), Some(3));
        assert_eq!(after(3, &[1, 2]), Some(1), "the circle closes");
        assert_eq!(after(2, &[2]), Some(2), "the same one if nobody else is free");
        assert_eq!(after(2, &[1, 4]), Some(4), "also if the last one is gone for good");
    }

    #[test]
    fn round_robin_and_linear_go_by_the_order_of_the_members() {
        let first = Who { membership: Membership { order: 1, ..Membership::default() }, ..who(9, 0) };
        let second = Who { membership: Membership { order: 2, ..Membership::default() }, ..who(3, 50) };
        assert_eq!(by(Strategy::Linear, &[second.clone(), first.clone()]), Some(9));
        assert_eq!(asked(Strategy::RoundRobin, &[], &[first, second], Some((1, 9)), &[], 0), Some(3));
    }

    #[test]
    fn random_is_even_and_weighted_random_keeps_its_weights() {
        let even = [who(1, 0), who(2, 900), who(3, 5)];
        let counts = draws(Strategy::Random, &even, &[], 3_000);
        assert!(counts[1..4].iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        let weigh = |id, weight| Who { membership: Membership { weight, ..Membership::default() }, ..who(id, 0) };
        let weighted = [weigh(1, 0), weigh(2, 1), weigh(3, 2), weigh(4, 9)];
        let counts = draws(Strategy::WeightedRandom, &weighted, &[4], 3_000);
        assert!(counts[1] == 0 && (850..1_150).contains(&counts[2]) && (1_850..2_150).contains(&counts[3]) && counts[4] == 0, "{counts:?}");
        let unwanted = [weigh(1, 0), weigh(2, 0)];
        let counts = draws(Strategy::WeightedRandom, &unwanted, &[], 1_000);
        assert!(counts[1] > 400 && counts[2] > 400, "{counts:?}");
    }

    #[test]
    fn the_best_fit_goes_before_every_strategy() {
        let needs = [SkillNeed { skill: SkillId(1), minimum: 3, relaxed: Vec::new() }];
        let skilled = |id, idle_ms, skills: &[(u32, u8)]| Who {
            skills: skills.iter().map(|(skill, level)| (SkillId(*skill), *level)).collect(),
            ..who(id, idle_ms)
        };
        let generalist = skilled(1, 900, &[(1, 9), (2, 5), (3, 5), (4, 5)]);
        let specialist = skilled(2, 5, &[(1, 9)]);
        let beginner = skilled(3, 9_000, &[(1, 4)]);
        let stranger = skilled(5, 90_000, &[(2, 9)]);
        for strategy in [Strategy::LongestIdle, Strategy::LeastOccupied, Strategy::RoundRobin, Strategy::Linear, Strategy::Random] {
            let people = [generalist.clone(), specialist.clone(), beginner.clone(), stranger.clone()];
            assert_eq!(asked(strategy, &needs, &people, None, &[], 1), Some(2), "{strategy:?}");
            assert_eq!(asked(strategy, &needs, &people, None, &[1, 2], 1), Some(3), "{strategy:?}");
            assert_eq!(asked(strategy, &needs, &people, None, &[1, 2, 3], 1), None, "{strategy:?}: below the minimum");
        }
        let other = skilled(4, 6, &[(1, 9)]);
        assert_eq!(asked(Strategy::LongestIdle, &needs, &[generalist, specialist, other], None, &[], 0), Some(4), "then idle decides");
        assert!(Fit { levels: 9, others: Reverse(0) } > Fit { levels: 9, others: Reverse(3) });
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        for strategy in [Strategy::LongestIdle, Strategy::RoundRobin, Strategy::Random, Strategy::WeightedRandom] {
            assert_eq!(by(strategy, &[]), None);
            assert_eq!(asked(strategy, &[], &[who(1, 0)], None, &[1], 0), None);
        }
    }

    #[test]
    fn who_is_free_no_more_is_out_of_every_order() {
        for strategy in [Strategy::LongestIdle, Strategy::LeastOccupied, Strategy::RoundRobin, Strategy::WeightedRandom] {
            let (plan, mut pools) = pools(strategy, &[], &[who(1, 7), who(2, 5)]);
            let seated = Seated { willing: true, signed_in: true, at_work: true, stays: true, free: None };
            pools.file(AgentId(1), Some(seated));
            let reach = Reach { rules: &plan.queues[&QUEUE], open_tier: 0, minimums: Vec::new() };
            let rule = super::Rule { strategy, last: None, draw: 0 };
            assert_eq!(pools.choose(QUEUE, &reach, &BTreeSet::new(), rule), Some(AgentId(2)), "{strategy:?}");
            pools.file(AgentId(2), None);
            assert_eq!(pools.choose(QUEUE, &reach, &BTreeSet::new(), rule), None, "{strategy:?}");
            assert_eq!((pools.staff(QUEUE), pools.at_work_in_reach(QUEUE, &reach)), ((1, 1, 1), 1));
        }
    }
}

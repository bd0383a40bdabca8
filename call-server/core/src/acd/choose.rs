//! Who gets the next call: one pure function over the free agents of a queue (2.1).
//!
//! Who is free, and which call is next, is decided before it is asked.

use crate::plan::Strategy;
use shared::model::AgentId;
use std::cmp::Reverse;

/// Place in the stable order of a queue's members.
pub(crate) type Place = (u32, AgentId);

/// An agent who may be offered the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Who.
    pub(crate) agent: AgentId,
    /// Ready time since the last handled call, in ms. A break adds nothing, a missed offer takes nothing away (I-40).
    pub(crate) idle_ms: u64,
    /// Talk and wrap-up as part of these and Ready, over the shift, in millionths.
    pub(crate) occupancy: u64,
    /// Order among the members of the queue.
    pub(crate) order: u32,
    /// Chance relative to the others'.
    pub(crate) weight: u32,
    /// How well the skills fit; equal for all if the queue asks for none.
    pub(crate) fit: Fit,
}

/// How well an agent fits a call, better is larger: levels of the skills asked for, then the fewest others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Fit {
    pub(crate) levels: u32,
    pub(crate) others: Reverse<usize>,
}

impl Candidate {
    fn place(&self) -> Place {
        (self.order, self.agent)
    }

    /// Larger is better: the last word of every strategy.
    fn idle(&self) -> (u64, Reverse<AgentId>) {
        (self.idle_ms, Reverse(self.agent))
    }
}

/// What the choice depends on besides the candidates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) strategy: Strategy,
    /// The member of this queue who was offered a call last.
    pub(crate) last: Option<Place>,
    /// A random number, used by the random strategies alone.
    pub(crate) draw: u64,
}

/// The candidate who is offered the call; the order of the candidates does not matter.
pub(crate) fn choose(rule: Rule, candidates: &[Candidate]) -> Option<AgentId> {
    let best = candidates.iter().map(|one| one.fit).max()?;
    let candidates: Vec<&Candidate> = candidates.iter().filter(|one| one.fit == best).collect();
    let chosen = match rule.strategy {
        Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive { .. } => candidates.into_iter().max_by_key(|one| one.idle()),
        Strategy::LeastOccupied => candidates.into_iter().max_by_key(|one| (Reverse(one.occupancy), one.idle())),
        Strategy::RoundRobin => {
            // Members behind the last one come first, then the circle closes. The last one need not be a member any more.
            let behind = |one: &&Candidate| rule.last.is_some_and(|last| one.place() <= last);
            candidates.into_iter().min_by_key(|one| (behind(one), one.place()))
        }
        Strategy::Linear => candidates.into_iter().min_by_key(|one| one.place()),
        Strategy::Random => drawn(rule.draw, &candidates, |_| 1),
        Strategy::WeightedRandom if candidates.iter().all(|one| one.weight == 0) => drawn(rule.draw, &candidates, |_| 1),
        Strategy::WeightedRandom => drawn(rule.draw, &candidates, |one| u64::from(one.weight)),
    };
    chosen.map(|one| one.agent)
}

/// Lays the weights end to end in order of the ids and takes the one that the draw falls on.
fn drawn<'a>(draw: u64, candidates: &[&'a Candidate], weight: impl Fn(&Candidate) -> u64) -> Option<&'a Candidate> {
    let mut ordered = candidates.to_vec();
    ordered.sort_by_key(|one| one.agent);
    let total: u64 = ordered.iter().map(|one| weight(one)).sum();
    let mut left = draw.checked_rem(total)?;
    ordered.into_iter().find(|one| {
        let hit = left < weight(one);
        left = left.saturating_sub(weight(one));
        hit
    })
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Fit, Rule, choose};
    use crate::acd::random::Random;
    use crate::plan::Strategy;
    use shared::model::AgentId;
    use std::cmp::Reverse;

    fn candidate(agent: u32, idle_ms: u64) -> Candidate {
        Candidate { agent: AgentId(agent), idle_ms, occupancy: 0, order: 0, weight: 1, fit: Fit::default() }
    }

    fn by(strategy: Strategy, candidates: &[Candidate]) -> Option<u32> {
        choose(Rule { strategy, last: None, draw: 0 }, candidates).map(|agent| agent.0)
    }

    fn after(last: u32, candidates: &[u32]) -> Option<u32> {
        let candidates: Vec<Candidate> = candidates.iter().map(|agent| candidate(*agent, 0)).collect();
        choose(Rule { strategy: Strategy::RoundRobin, last: Some((0, AgentId(last))), draw: 0 }, &candidates).map(|agent| agent.0)
    }

    fn draws(strategy: Strategy, candidates: &[Candidate], times: u32) -> [u32; 4] {
        let (mut random, mut counts) = (Random::new(7), [0; 4]);
        for _ in 0..times {
            let chosen = choose(Rule { strategy, last: None, draw: random.peek() }, candidates).expect("somebody is free");
            counts[chosen.0 as usize] += 1;
            random.advance();
        }
        counts
    }

    #[test]
    fn the_longest_idle_agent_gets_the_call_and_a_tie_goes_to_the_smaller_id() {
        let mut four = [candidate(1, 5), candidate(7, 9), candidate(4, 9), candidate(3, 8)];
        assert_eq!(by(Strategy::LongestIdle, &four), Some(4));
        four.reverse();
        assert_eq!(by(Strategy::LongestIdle, &four), Some(4));
    }

    #[test]
    fn the_least_occupied_agent_gets_the_call_even_with_more_calls_behind() {
        let busy = Candidate { occupancy: 400_000, ..candidate(1, 90_000) };
        let calm = Candidate { occupancy: 399_999, ..candidate(2, 10) };
        assert_eq!(by(Strategy::LeastOccupied, &[busy, calm]), Some(2));
        let equal = Candidate { occupancy: 400_000, ..candidate(3, 90_001) };
        assert_eq!(by(Strategy::LeastOccupied, &[busy, equal]), Some(3));
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
        let first = Candidate { order: 1, ..candidate(9, 0) };
        let second = Candidate { order: 2, ..candidate(3, 50) };
        assert_eq!(by(Strategy::Linear, &[second, first]), Some(9));
        let rule = Rule { strategy: Strategy::RoundRobin, last: Some((1, AgentId(9))), draw: 0 };
        assert_eq!(choose(rule, &[first, second]), Some(AgentId(3)));
    }

    #[test]
    fn random_is_even_and_weighted_random_keeps_its_weights() {
        let even = [candidate(1, 0), candidate(2, 900), candidate(3, 5)];
        let counts = draws(Strategy::Random, &even, 3_000);
        assert!(counts[1..].iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        let weighted = [1_u32, 2, 0].map(|weight| Candidate { weight, ..candidate(weight + 1, 0) });
        let counts = draws(Strategy::WeightedRandom, &weighted, 3_000);
        assert!(counts[1] == 0 && (850..1_150).contains(&counts[2]) && (1_850..2_150).contains(&counts[3]), "{counts:?}");
        let unwanted = [Candidate { weight: 0, ..candidate(1, 0) }, Candidate { weight: 0, ..candidate(2, 0) }];
        let counts = draws(Strategy::WeightedRandom, &unwanted, 1_000);
        assert!(counts[1] > 400 && counts[2] > 400, "{counts:?}");
    }

    #[test]
    fn the_best_fit_goes_before_every_strategy() {
        let fit = |levels, others| Fit { levels, others: Reverse(others) };
        let generalist = Candidate { fit: fit(9, 3), ..candidate(1, 900) };
        let specialist = Candidate { fit: fit(9, 0), ..candidate(2, 5) };
        let beginner = Candidate { fit: fit(4, 0), ..candidate(3, 9_000) };
        for strategy in [Strategy::LongestIdle, Strategy::LeastOccupied, Strategy::RoundRobin, Strategy::Linear, Strategy::Random] {
            assert_eq!(by(strategy, &[generalist, specialist, beginner]), Some(2), "{strategy:?}");
        }
        let other = Candidate { agent: AgentId(4), idle_ms: 6, ..specialist };
        assert_eq!(by(Strategy::LongestIdle, &[generalist, specialist, other]), Some(4), "then idle decides");
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        for strategy in [Strategy::LongestIdle, Strategy::RoundRobin, Strategy::Random, Strategy::WeightedRandom] {
            assert_eq!(by(strategy, &[]), None);
        }
    }
}

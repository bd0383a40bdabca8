//! The reference for the strategies: whom a queue may ask next, written down as plainly as the manual says it.

use call_core::plan::{Membership, Strategy};
use shared::model::AgentId;
use std::collections::BTreeSet;

/// Somebody who could have been asked.
pub(crate) struct Rival {
    pub(crate) agent: AgentId,
    pub(crate) idle_ms: u64,
    pub(crate) occupancy: u64,
    pub(crate) membership: Membership,
}

/// Those among whom the choice is right: one, but for chance.
pub(crate) fn lawful(strategy: Strategy, last: Option<(u32, AgentId)>, rivals: &[Rival]) -> BTreeSet<AgentId> {
    let longest_idle = |among: Vec<&Rival>| {
        let most = among.iter().map(|rival| rival.idle_ms).max();
        among.into_iter().filter(|rival| Some(rival.idle_ms) == most).map(|rival| rival.agent).min().into_iter().collect()
    };
    let mut ring: Vec<(u32, AgentId)> = rivals.iter().map(|rival| (rival.membership.order, rival.agent)).collect();
    ring.sort_unstable();
    match strategy {
        Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive { .. } => longest_idle(rivals.iter().collect()),
        Strategy::LeastOccupied => {
            let least = rivals.iter().map(|rival| rival.occupancy).min();
            longest_idle(rivals.iter().filter(|rival| Some(rival.occupancy) == least).collect())
        }
        Strategy::Linear => ring.first().map(|(_, agent)| *agent).into_iter().collect(),
        Strategy::RoundRobin => {
            let next = ring.iter().find(|place| last.is_none_or(|last| **place > last)).or(ring.first());
            next.map(|(_, agent)| *agent).into_iter().collect()
        }
        Strategy::Random => rivals.iter().map(|rival| rival.agent).collect(),
        Strategy::WeightedRandom => {
            let none = rivals.iter().all(|rival| rival.membership.weight == 0);
            rivals.iter().filter(|rival| none || rival.membership.weight > 0).map(|rival| rival.agent).collect()
        }
    }
}

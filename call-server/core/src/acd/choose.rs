//! Who gets the next call: longest idle, by accumulated Ready time since the last handled call (2.1, I-40).

use shared::model::AgentId;
use std::cmp::Reverse;

/// An agent who is Ready, reachable and serves the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Who.
    pub(crate) agent: AgentId,
    /// Ready time since the last handled call, in ms. A break adds nothing, a missed offer takes nothing away.
    pub(crate) idle_ms: u64,
    /// Rejected or missed this very call a short while ago (I-28).
    pub(crate) excluded: bool,
}

/// The candidate with the largest idle time, ties to the smaller id. Excluded ones count only if they are `sole`:
/// nobody else is at work in this queue.
pub(crate) fn choose(sole: bool, candidates: impl Iterator<Item = Candidate>) -> Option<AgentId> {
    let eligible = candidates.filter(|candidate| sole || !candidate.excluded);
    eligible.max_by_key(|candidate| (candidate.idle_ms, Reverse(candidate.agent))).map(|candidate| candidate.agent)
}

#[cfg(test)]
mod tests {
    use super::{Candidate, choose};
    use shared::model::AgentId;

    fn candidate(agent: u32, idle_ms: u64, excluded: bool) -> Candidate {
        Candidate { agent: AgentId(agent), idle_ms, excluded }
    }

    #[test]
    fn the_longest_idle_agent_gets_the_call() {
        let three = [candidate(1, 5, false), candidate(2, 9, false), candidate(3, 8, false)];
        assert_eq!(choose(false, three.into_iter()), Some(AgentId(2)));
    }

    #[test]
    fn a_tie_goes_to_the_smaller_id_whatever_the_order() {
        let two = [candidate(7, 5, false), candidate(4, 5, false)];
        assert_eq!(choose(false, two.into_iter()), Some(AgentId(4)));
        assert_eq!(choose(false, two.into_iter().rev()), Some(AgentId(4)));
    }

    #[test]
    fn an_excluded_agent_is_passed_over_unless_sole() {
        let two = [candidate(1, 50, true), candidate(2, 1, false)];
        assert_eq!(choose(false, two.into_iter()), Some(AgentId(2)));
        assert_eq!(choose(false, [candidate(1, 50, true)].into_iter()), None);
        assert_eq!(choose(true, [candidate(1, 50, true)].into_iter()), Some(AgentId(1)));
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        assert_eq!(choose(true, std::iter::empty()), None);
    }
}

//! How many calls there are of each trunk and caller, and how many wait in each queue: counted as they come and go.

use super::Calls;
use crate::input::CallOffered;
use crate::plan::StormRule;
use shared::model::{InteractionId, LegId, QueueId, TrunkId};
use std::collections::BTreeMap;

/// Counts of live calls; an entry at zero is gone.
#[derive(Debug, Default)]
pub(super) struct Load {
    of_leg: BTreeMap<LegId, (TrunkId, Option<Box<str>>)>,
    trunks: BTreeMap<TrunkId, u32>,
    callers: BTreeMap<Box<str>, u32>,
    queues: BTreeMap<QueueId, usize>,
}

impl Load {
    /// A call was let in. A probe takes nobody's place.
    pub(super) fn came(&mut self, leg: LegId, offered: &CallOffered) {
        if offered.probe {
            return;
        }
        let caller: Option<Box<str>> = subscriber(offered).map(Into::into);
        *self.trunks.entry(offered.trunk).or_insert(0) += 1;
        if let Some(caller) = &caller {
            *self.callers.entry(caller.clone()).or_insert(0) += 1;
        }
        self.of_leg.insert(leg, (offered.trunk, caller));
    }

    fn gone(&mut self, leg: LegId) {
        let Some((trunk, caller)) = self.of_leg.remove(&leg) else { return };
        less(&mut self.trunks, &trunk);
        if let Some(caller) = caller {
            less(&mut self.callers, &caller);
        }
    }

    /// A citizen begins to wait in a queue, or to be let in there, or does so no longer.
    pub(super) fn waiting(&mut self, queue: QueueId, waits: bool) {
        if waits {
            *self.queues.entry(queue).or_insert(0) += 1;
        } else if let Some(count) = self.queues.get_mut(&queue) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Calls {
    /// Citizens who wait or are about to, for the limit of a queue.
    pub(crate) fn waiting_in(&self, queue: QueueId) -> usize {
        self.load.queues.get(&queue).copied().unwrap_or(0)
    }

    /// Live calls that came in over a trunk, for its channels.
    pub(crate) fn live_over(&self, trunk: TrunkId) -> u32 {
        self.load.trunks.get(&trunk).copied().unwrap_or(0)
    }

    /// Whether this trunk or this caller has as many live calls as it may.
    pub(crate) fn too_many_of(&self, offered: &CallOffered, rule: &StormRule) -> bool {
        let limit = rule.per_trunk.get(&offered.trunk).copied().unwrap_or(0);
        let trunk = self.load.trunks.get(&offered.trunk).copied().unwrap_or(0);
        let caller = subscriber(offered).and_then(|number| self.load.callers.get(number)).copied().unwrap_or(0);
        (limit > 0 && trunk >= limit) || (rule.per_caller > 0 && caller >= rule.per_caller)
    }

    pub(super) fn forget_leg(&mut self, leg: LegId, id: InteractionId) {
        if self.legs.get(&leg) == Some(&id) {
            self.legs.remove(&leg);
        }
        self.load.gone(leg);
    }
}

fn less<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn subscriber(offered: &CallOffered) -> Option<&str> {
    offered.caller.number.as_ref().map(|number| number.reveal().subscriber())
}

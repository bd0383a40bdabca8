//! Which leg of the core is which call of which path.

use shared::model::LegId;
use sip_core::CallKey;
use std::collections::BTreeMap;

/// A call of one path's endpoint.
pub(super) type PathCall = (usize, CallKey);

/// Both directions; a leg is here from the moment the core hears of it until it hears of its end.
#[derive(Debug, Default)]
pub(super) struct Legs {
    by_leg: BTreeMap<LegId, PathCall>,
    by_call: BTreeMap<PathCall, LegId>,
    last: u64,
}

impl Legs {
    /// A new leg for a call; counted from 1, never used twice.
    pub(super) fn enter(&mut self, call: PathCall) -> LegId {
        self.last = self.last.saturating_add(1);
        let leg = LegId(self.last);
        self.answered(leg, call);
        leg
    }

    /// A call of ours under the core's own id is answered.
    pub(super) fn answered(&mut self, leg: LegId, call: PathCall) {
        self.by_leg.insert(leg, call);
        self.by_call.insert(call, leg);
    }

    /// The call of a leg; `None` once it is over.
    pub(super) fn call(&self, leg: LegId) -> Option<PathCall> {
        self.by_leg.get(&leg).copied()
    }

    /// The leg of a call.
    pub(super) fn leg(&self, call: PathCall) -> Option<LegId> {
        self.by_call.get(&call).copied()
    }

    /// Forgets a call that is over.
    pub(super) fn leave(&mut self, call: PathCall) -> Option<LegId> {
        let leg = self.by_call.remove(&call)?;
        self.by_leg.remove(&leg);
        Some(leg)
    }
}

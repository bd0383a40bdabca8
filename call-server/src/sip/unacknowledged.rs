//! Answered calls whose ACK has not come, by the address that brought them. A carrier acknowledges within a moment, so there are few; whoever
//! never acknowledges would otherwise have music played and a line kept for each INVITE until 64*T1 are over (RFC 3261 section 13.3.1.4).
//!
//! Pure. There are never more entries than calls.

use super::legs::PathCall;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// See the module.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    /// Where each unfinished call came from, and whether it was answered.
    calls: BTreeMap<PathCall, (IpAddr, bool)>,
    answered: BTreeMap<IpAddr, usize>,
    most: usize,
}

impl Unacknowledged {
    /// At most `most` of one address.
    pub(super) fn new(most: usize) -> Self {
        Self { calls: BTreeMap::new(), answered: BTreeMap::new(), most }
    }

    /// A call came in. `false`, and it is not kept, if too many of its address wait for an ACK.
    pub(super) fn enter(&mut self, call: PathCall, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let has_room = self.answered.get(&source).is_none_or(|count| *count < self.most);
        if has_room {
            self.calls.insert(call, (source, false));
        }
        has_room
    }

    /// It is answered.
    pub(super) fn answer(&mut self, call: PathCall) {
        if let Some((source, is_answered @ false)) = self.calls.get_mut(&call) {
            *is_answered = true;
            *self.answered.entry(*source).or_insert(0) += 1;
        }
    }

    /// Its ACK has come, or it is over.
    pub(super) fn settle(&mut self, call: PathCall) {
        let Some((source, true)) = self.calls.remove(&call) else { return };
        if let Some(count) = self.answered.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.answered.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::CallKey;

    #[test]
    fn only_answered_calls_of_the_same_address_count_and_each_ack_makes_room() {
        let mut watched = Unacknowledged::new(2);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().expect("an address"));
        let call = |number| (0, CallKey(number));
        assert!((0..5).all(|number| watched.enter(call(number), one)), "ringing calls are not counted");
        (0..2).for_each(|number| watched.answer(call(number)));
        watched.answer(call(1));
        assert!(!watched.enter(call(5), one) && watched.enter(call(6), two));
        watched.settle(call(1));
        watched.settle(call(1));
        watched.settle(call(4));
        assert!(watched.enter(call(7), one));
        (0..8).for_each(|number| watched.settle(call(number)));
        assert!(watched.calls.is_empty() && watched.answered.is_empty());
    }
}

//! Answers to sources that are no trunk: all alike, late, never more than a few.
//!
//! The delay depends on how often a source asked, never on what: a scanner learns nothing from it and gets little of it.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A refusal and its way.
type Refusal = (usize, SocketAddr, Bytes);

/// Refusals that wait for their time.
#[derive(Debug)]
pub(super) struct Refusals {
    limit: usize,
    /// By their time, and by their order among those of one time.
    pending: BTreeMap<(u64, u64), Refusal>,
    count: u64,
}

impl Refusals {
    /// At most `limit` at once.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, pending: BTreeMap::new(), count: 0 }
    }

    /// Takes a refusal to be sent at `due` (ms). `false` if there are too many.
    pub(super) fn later(&mut self, due: u64, path: usize, target: SocketAddr, refusal: Bytes) -> bool {
        let has_room = self.pending.len() < self.limit;
        if has_room {
            self.count = self.count.saturating_add(1);
            self.pending.insert((due, self.count), (path, target, refusal));
        }
        has_room
    }

    /// When the next one is due, in ms.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.pending.first_key_value().map(|((due, _), _)| *due)
    }

    /// The next one that is due.
    pub(super) fn poll(&mut self, now: u64) -> Option<Refusal> {
        if self.next_deadline()? > now {
            return None;
        }
        self.pending.pop_first().map(|(_, refusal)| refusal)
    }
}

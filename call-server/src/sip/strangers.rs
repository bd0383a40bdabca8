//! Answers to sources that are no trunk: all alike, all equally late, never more than a few.
//!
//! The delay is the same whatever was asked, so that a scanner learns nothing from it and gets little of it.

use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long after its arrival a stranger's request is refused, in ms.
pub(super) const REFUSAL_DELAY_MS: u64 = 200;
/// Most refusals that wait to be sent; further requests are dropped.
pub(super) const PENDING_LIMIT: usize = 256;

/// Refusals that wait for their time.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    pending: VecDeque<(u64, SocketAddr, Bytes)>,
}

impl Strangers {
    /// Takes the refusal of a request that arrived now. `false` if there are too many.
    pub(super) fn refuse_later(&mut self, now: u64, target: SocketAddr, refusal: Bytes) -> bool {
        let has_room = self.pending.len() < PENDING_LIMIT;
        if has_room {
            self.pending.push_back((now.saturating_add(REFUSAL_DELAY_MS), target, refusal));
        }
        has_room
    }

    /// When the next one is due, in ms.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.pending.front().map(|(due, _, _)| *due)
    }

    /// The next one that is due.
    pub(super) fn poll(&mut self, now: u64) -> Option<(SocketAddr, Bytes)> {
        if self.next_deadline()? > now {
            return None;
        }
        self.pending.pop_front().map(|(_, target, refusal)| (target, refusal))
    }
}

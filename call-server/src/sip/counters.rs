//! What the edge counts, for the status page and for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// One thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Received,
    Malformed,
    RefusedStranger,
    DroppedStranger,
    Call,
    Overloaded,
    Unsent,
    LostCommand,
}

/// The edge's own counters; written by its task, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Counters {
    received: AtomicU64,
    malformed: AtomicU64,
    refused_strangers: AtomicU64,
    dropped_strangers: AtomicU64,
    calls: AtomicU64,
    overloaded: AtomicU64,
    unsent: AtomicU64,
    lost_commands: AtomicU64,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(crate) struct SipCounts {
    /// Datagrams, whatever they held.
    pub(crate) received: u64,
    /// Datagrams that were no sound SIP message, from trunks and strangers.
    pub(crate) malformed: u64,
    /// Requests of unknown sources that get 403.
    pub(crate) refused_strangers: u64,
    /// Requests of unknown sources beyond what is answered.
    pub(crate) dropped_strangers: u64,
    /// INVITEs of trunks that became calls.
    pub(crate) calls: u64,
    /// Requests of trunks dropped because there were too many transactions.
    pub(crate) overloaded: u64,
    /// Packets that the kernel did not take; SIP repeats what matters.
    pub(crate) unsent: u64,
    /// Commands of the core that found the edge overloaded or gone.
    pub(crate) lost_commands: u64,
}

impl Counters {
    /// Counts one.
    pub(super) fn add(&self, counter: Counter) {
        let cell = match counter {
            Counter::Received => &self.received,
            Counter::Malformed => &self.malformed,
            Counter::RefusedStranger => &self.refused_strangers,
            Counter::DroppedStranger => &self.dropped_strangers,
            Counter::Call => &self.calls,
            Counter::Overloaded => &self.overloaded,
            Counter::Unsent => &self.unsent,
            Counter::LostCommand => &self.lost_commands,
        };
        cell.fetch_add(1, Ordering::Relaxed);
    }

    /// All of them, each as it is at this moment.
    pub(super) fn snapshot(&self) -> SipCounts {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        SipCounts {
            received: read(&self.received),
            malformed: read(&self.malformed),
            refused_strangers: read(&self.refused_strangers),
            dropped_strangers: read(&self.dropped_strangers),
            calls: read(&self.calls),
            overloaded: read(&self.overloaded),
            unsent: read(&self.unsent),
            lost_commands: read(&self.lost_commands),
        }
    }
}

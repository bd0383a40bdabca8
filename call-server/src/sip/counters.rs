//! What the edge counts, for the status page and for tests.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// One thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Received,
    Malformed,
    RefusedStranger,
    DroppedStranger,
    IgnoredStranger,
    Call,
    TooManyRequests,
    Overloaded,
    Unacknowledged,
    Unsent,
    LostCommand,
    Connection,
    RefusedConnection,
    Disconnection,
    FailedHandshake,
    SlowConnection,
    SlowPeer,
    DeniedPhone,
}

/// How many kinds there are.
const KINDS: usize = Counter::DeniedPhone as usize + 1;

/// The edge's own counters; written by its task, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Counters {
    cells: [AtomicU64; KINDS],
    open: AtomicUsize,
    open_strangers: AtomicUsize,
    open_calls: AtomicUsize,
    open_transactions: AtomicUsize,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(crate) struct SipCounts {
    /// Datagrams, whatever they held, and messages of connections.
    pub(crate) received: u64,
    /// Those that were no sound SIP message, from trunks and strangers.
    pub(crate) malformed: u64,
    /// Requests of unknown sources that get 403.
    pub(crate) refused_strangers: u64,
    /// Messages of unknown sources that are not answered: no requests, too small, or beyond what is answered.
    pub(crate) dropped_strangers: u64,
    /// Packets and connections of sources that are ignored for a time.
    pub(crate) ignored_strangers: u64,
    /// INVITEs of trunks that became calls.
    pub(crate) calls: u64,
    /// Requests of trunks dropped because one address sent too many.
    pub(crate) too_many_requests: u64,
    /// Requests of trunks dropped because there were too many transactions.
    pub(crate) overloaded: u64,
    /// INVITEs of trunks that heard busy because too many calls from there wait for their ACK.
    pub(crate) refused_unacknowledged: u64,
    /// Packets that found no way out; over UDP, SIP repeats what matters.
    pub(crate) unsent: u64,
    /// Commands of the core that found the edge overloaded or gone.
    pub(crate) lost_commands: u64,
    /// Connections that are open now.
    pub(crate) open_connections: usize,
    /// Those of unknown sources among them.
    pub(crate) open_stranger_connections: usize,
    /// Calls that SIP holds now, either way, with those that are only about to be forgotten.
    pub(crate) open_calls: usize,
    /// Transactions that SIP holds now; over UDP one stays up to 32 s for repetitions.
    pub(crate) open_transactions: usize,
    /// Connections accepted or made.
    pub(crate) connections: u64,
    /// Connections beyond a limit, closed at once.
    pub(crate) refused_connections: u64,
    /// Connections that ended in order, could not be made, or brought what is no SIP.
    pub(crate) disconnections: u64,
    /// TLS handshakes that failed or took too long.
    pub(crate) failed_handshakes: u64,
    /// Connections closed because a message took too long or nothing came.
    pub(crate) slow_connections: u64,
    /// Connections closed because the far side did not read.
    pub(crate) slow_peers: u64,
    /// Wrong secrets of phones, and wishes for another's number.
    pub(crate) denied_phones: u64,
}

impl Counters {
    /// Counts one.
    pub(super) fn add(&self, counter: Counter) {
        if let Some(cell) = self.cells.get(counter as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes how many connections there are, and how many of them are strangers'.
    pub(super) fn set_open(&self, open: usize, of_strangers: usize) {
        self.open.store(open, Ordering::Relaxed);
        self.open_strangers.store(of_strangers, Ordering::Relaxed);
    }

    /// Notes how many calls and transactions there are.
    pub(super) fn set_held(&self, calls: usize, transactions: usize) {
        self.open_calls.store(calls, Ordering::Relaxed);
        self.open_transactions.store(transactions, Ordering::Relaxed);
    }

    /// All of them, each as it is at this moment.
    pub(super) fn snapshot(&self) -> SipCounts {
        let read = |counter: Counter| self.cells.get(counter as usize).map_or(0, |cell| cell.load(Ordering::Relaxed));
        SipCounts {
            received: read(Counter::Received),
            malformed: read(Counter::Malformed),
            refused_strangers: read(Counter::RefusedStranger),
            dropped_strangers: read(Counter::DroppedStranger),
            ignored_strangers: read(Counter::IgnoredStranger),
            calls: read(Counter::Call),
            too_many_requests: read(Counter::TooManyRequests),
            overloaded: read(Counter::Overloaded),
            refused_unacknowledged: read(Counter::Unacknowledged),
            unsent: read(Counter::Unsent),
            lost_commands: read(Counter::LostCommand),
            open_connections: self.open.load(Ordering::Relaxed),
            open_stranger_connections: self.open_strangers.load(Ordering::Relaxed),
            open_calls: self.open_calls.load(Ordering::Relaxed),
            open_transactions: self.open_transactions.load(Ordering::Relaxed),
            connections: read(Counter::Connection),
            refused_connections: read(Counter::RefusedConnection),
            disconnections: read(Counter::Disconnection),
            failed_handshakes: read(Counter::FailedHandshake),
            slow_connections: read(Counter::SlowConnection),
            slow_peers: read(Counter::SlowPeer),
            denied_phones: read(Counter::DeniedPhone),
        }
    }
}

//! Every limit of the skin, in one place; `config check` shows them.
//!
//! What a single SIP call or transaction may cost is `sip-core`'s business ([`sip_core::Limits`]); how much the machine gives to one source,
//! one connection or all of them together is said here.

use serde::Serialize;

/// The limits. Times in ms, sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SkinLimits {
    /// Connections at once, whoever opened them.
    pub(crate) connections: usize,
    /// Of these, connections of sources that are no trunk; the rest is kept for trunks.
    pub(crate) stranger_connections: usize,
    /// Connections of one stranger.
    pub(crate) connections_per_stranger: usize,
    /// Connections of one address of a trunk.
    pub(crate) connections_per_trunk_address: usize,
    /// How long a TLS handshake may take.
    pub(crate) handshake_ms: u64,
    /// How long making a connection of ours may take, without the handshake.
    pub(crate) connect_ms: u64,
    /// How long a message may take from its first byte to its last; also the wait for the first message of a stranger.
    pub(crate) message_ms: u64,
    /// After so long without a message a stranger's connection is closed; pings do not count.
    pub(crate) stranger_idle_ms: u64,
    /// After so long without a byte a trunk's connection is closed.
    pub(crate) trunk_idle_ms: u64,
    /// How long the far side may take to accept one message of ours.
    pub(crate) write_ms: u64,
    /// How often we ping on a connection that we opened.
    pub(crate) keep_alive_ms: u64,
    /// Messages that may wait for one connection; one more, and it is closed: a far side that does not read costs only itself.
    pub(crate) waiting_messages: usize,
    /// Bytes that may wait for one connection.
    pub(crate) waiting_bytes: usize,
    /// Messages of all connections together that may wait for the edge; beyond it connections are not read.
    pub(crate) arriving_messages: usize,
    /// A call whose far side has said nothing in its dialog for so long is over, in s (RFC 4028): half of it passes before we ask.
    pub(crate) session_s: u32,
    /// Requests a second that begin something, from one address of a trunk; more are dropped.
    pub(crate) trunk_requests_per_s: u32,
    /// So many of these at once.
    pub(crate) trunk_burst: u32,
    /// Answered calls of one address of a trunk whose ACK has not come; the next one hears busy.
    pub(crate) unacknowledged_per_address: usize,
    /// Bytes a second that all connections of one address of a trunk may bring; more are read later.
    pub(crate) trunk_bytes_per_s: u32,
    /// So many of these at once.
    pub(crate) trunk_burst_bytes: u32,
    /// The same for all connections of one stranger.
    pub(crate) stranger_bytes_per_s: u32,
    /// So many of these at once: one longest message.
    pub(crate) stranger_burst_bytes: u32,
    /// Requests of one stranger that are refused at the usual pace.
    pub(crate) stranger_requests: u32,
    /// Further ones that are refused slowly; after them the source is ignored.
    pub(crate) stranger_slow_requests: u32,
    /// The usual pace: so long after its arrival a stranger's request is refused, whatever it asked.
    pub(crate) refusal_delay_ms: u64,
    /// The slow pace.
    pub(crate) slow_refusal_delay_ms: u64,
    /// Refusals that may wait for their time; further requests of strangers are dropped.
    pub(crate) waiting_refusals: usize,
    /// After so long without a request a stranger's count begins anew.
    pub(crate) forget_ms: u64,
    /// How long a source is ignored the first time; twice as long each further time.
    pub(crate) ignore_ms: u64,
    /// The longest time that a source is ignored.
    pub(crate) longest_ignore_ms: u64,
    /// Strangers that are counted, and as many that are ignored, at once; then the oldest is forgotten.
    pub(crate) watched_sources: usize,
}

impl Default for SkinLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            stranger_connections: 256,
            connections_per_stranger: 8,
            connections_per_trunk_address: 64,
            handshake_ms: 5_000,
            connect_ms: 5_000,
            message_ms: 10_000,
            stranger_idle_ms: 30_000,
            trunk_idle_ms: 600_000,
            write_ms: 10_000,
            keep_alive_ms: 90_000,
            waiting_messages: 256,
            waiting_bytes: 512 * 1024,
            arriving_messages: 256,
            session_s: 1_800,
            trunk_requests_per_s: 500,
            trunk_burst: 1_000,
            unacknowledged_per_address: 256,
            trunk_bytes_per_s: 8 * 1024 * 1024,
            trunk_burst_bytes: 8 * 1024 * 1024,
            stranger_bytes_per_s: 16 * 1024,
            stranger_burst_bytes: 64 * 1024,
            stranger_requests: 10,
            stranger_slow_requests: 20,
            refusal_delay_ms: 200,
            slow_refusal_delay_ms: 2_000,
            waiting_refusals: 1_024,
            forget_ms: 600_000,
            ignore_ms: 600_000,
            longest_ignore_ms: 24 * 3_600_000,
            watched_sources: 4_096,
        }
    }
}

//! What happened to packets, counted by the media thread and read by anybody.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Numbers since the start.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
        pub(crate) struct MediaCounters {
            $($(#[$doc])* pub(crate) $name: u64,)*
        }

        /// The counters themselves; only the media thread writes.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $($(#[$doc])* pub(super) $name: Counter,)*
        }

        impl Counters {
            /// All numbers as they are now.
            pub(super) fn snapshot(&self) -> MediaCounters {
                MediaCounters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Packets read from trunks.
    from_trunks,
    /// Packets read from agents.
    from_agents,
    /// Voice packets sent on to trunks.
    to_trunks,
    /// Voice packets sent on to agents.
    to_agents,
    /// Packets of music sent to trunks.
    music,
    /// Silent packets sent to agents to keep their path open.
    keep_alives,
    /// What was neither RTP nor of a usable length.
    garbage,
    /// Packets to a trunk port from another source than the call's.
    strangers,
    /// Packets to the agents' port whose SSRC belongs to no session.
    unknown_sources,
    /// Packets of agents that were not protected with their key.
    not_authentic,
    /// Packets that came twice, or from before what was sent on already.
    repeated,
    /// Packets of a payload type that was not agreed.
    other_payloads,
    /// Frames the recorder did not get because its ring was full.
    taps_lost,
    /// Packets the system did not take.
    send_failures,
    /// Connected trunk legs that became silent for longer than the limit.
    silent_trunks,
    /// 1 if the media thread runs without real-time priority.
    without_priority,
}

/// One number with one writer.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Counts one. With a single writer a load and a store do, and are cheaper than an atomic addition.
    pub(super) fn bump(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

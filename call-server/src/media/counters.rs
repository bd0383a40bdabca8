//! What happened to packets, counted by each media thread on its own and read by anybody as a sum.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Numbers since the start.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
        pub(crate) struct MediaCounters {
            $($(#[$doc])* pub(crate) $name: u64,)*
        }

        /// The counters of one thread; only that thread writes.
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

        impl std::ops::Add for MediaCounters {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name.wrapping_add(other.$name),)* }
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
    /// Connected trunk legs of which nothing came for half a second, so that they are looked for where they were announced again.
    re_anchored,
    /// Media threads that run without real-time priority.
    without_priority,
    /// Packets of agents that came through their WebSocket.
    through_tunnel,
    /// Packets of agents that another media thread had to read.
    carried_over,
    /// Reports sent and received (RTCP).
    reports,
    /// Packets sent that were mixed or transcoded.
    mixed,
    /// Frames encoded with Opus.
    opus_frames,
    /// Packets of prompts sent to trunks.
    prompts,
    /// Orders that control gave to media threads.
    orders_given,
    /// Orders that media threads have carried out.
    orders_taken,
    /// News that control did not get because its ring was full.
    news_lost,
    /// Times that packets had waited for longer than 5 ms before the thread came to them.
    late_turns,
    /// Calls that were refused because the media threads were at their limit.
    refused_calls,
    /// Agents' voices that were not changed to Opus because the media threads were at their limit.
    refused_opus,
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

//! How a connection proves that it lives, and when a broken one is tried again. Plain arithmetic on the skin's clock.
//!
//! Not here: what to do about it; [`crate::Session`] decides that.

use crate::Millis;
use shared::wire::{HEARTBEAT_MS, SILENCE_LIMIT_MS};

/// First wait after a cut, in ms.
const FIRST_WAIT_MS: u64 = 250;
/// Longest wait between two tries, in ms; a signed-in desktop never gives up.
const LONGEST_WAIT_MS: u64 = 4_000;

/// Pings and silence of one open connection.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    heard_at: Millis,
    next_ping_at: Millis,
    nonce: u64,
    sent_at: Millis,
}

impl Heartbeat {
    /// A connection that has just opened; the first ping is due at once, so that the clock offset is known early.
    pub(crate) fn new(now: Millis) -> Self {
        Self { heard_at: now, next_ping_at: now, nonce: 0, sent_at: now }
    }

    /// Any frame of the server.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.heard_at = now;
    }

    /// The nonce of a ping that is due now.
    pub(crate) fn ping_due(&mut self, now: Millis) -> Option<u64> {
        if now < self.next_ping_at {
            return None;
        }
        self.next_ping_at = now + HEARTBEAT_MS;
        self.nonce += 1;
        self.sent_at = now;
        Some(self.nonce)
    }

    /// The round trip in ms, if this answers the newest ping.
    pub(crate) fn round_trip(&self, now: Millis, nonce: u64) -> Option<u64> {
        (nonce == self.nonce && nonce > 0).then(|| now.saturating_sub(self.sent_at))
    }

    pub(crate) fn silent(&self, now: Millis) -> bool {
        now >= self.heard_at + SILENCE_LIMIT_MS
    }

    pub(crate) fn deadline(&self) -> Millis {
        self.next_ping_at.min(self.heard_at + SILENCE_LIMIT_MS)
    }
}

/// The waits between tries: 250 ms, doubling to 4 s.
#[derive(Debug)]
pub(crate) struct BackOff {
    wait_ms: u64,
}

impl BackOff {
    pub(crate) fn new() -> Self {
        Self { wait_ms: FIRST_WAIT_MS }
    }

    /// The next wait in ms.
    pub(crate) fn next(&mut self) -> u64 {
        let wait = self.wait_ms;
        self.wait_ms = (wait * 2).min(LONGEST_WAIT_MS);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::{BackOff, Heartbeat};

    #[test]
    fn waits_double_up_to_four_seconds_and_stay_there() {
        let mut back_off = BackOff::new();
        let waits: Vec<u64> = (0..7).map(|_| back_off.next()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
    }

    #[test]
    fn only_the_answer_to_the_newest_ping_measures_the_round_trip() {
        let mut heartbeat = Heartbeat::new(1_000);
        assert_eq!(heartbeat.round_trip(1_000, 0), None);
        assert_eq!(heartbeat.ping_due(1_000), Some(1));
        assert_eq!(heartbeat.ping_due(2_999), None);
        assert_eq!(heartbeat.ping_due(3_000), Some(2));
        assert_eq!(heartbeat.round_trip(3_040, 1), None);
        assert_eq!(heartbeat.round_trip(3_040, 2), Some(40));
    }
}

//! Which way voice packets take: UDP, or through the WebSocket when nothing authentic comes back by UDP. Pure: time is passed in.
//!
//! The server answers by the way of the newest authentic packet. So one voice packet now and then is sent both ways, UDP first: if UDP
//! gets through, the server answers by UDP until the next packet comes, and what is heard of that brings UDP back. The copy that comes
//! second is a repetition to the server, and ignored.

use desktop_core::VoiceWay;

/// In a talk nothing was heard for so long: UDP does not get through.
const PATIENCE_US: u64 = 1_500_000;
/// The same outside talks, where one packet comes each second and is looked at each second.
const RESTING_PATIENCE_US: u64 = 3_500_000;
/// The same after opening, before anything was heard.
const OPENING_PATIENCE_US: u64 = 1_500_000;
/// UDP is tried again after so long, doubling up to the most.
const FIRST_PROBE_US: u64 = 2_000_000;
const MOST_PROBE_US: u64 = 30_000_000;

#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    way: VoiceWay,
    /// Something was heard since the line was opened.
    heard: bool,
    /// The last time when something was heard, or hearing was expected to begin.
    since_us: u64,
    probe_at_us: u64,
    probe_wait_us: u64,
}

impl Ways {
    /// Of a line that is opened now.
    pub(super) fn new(now_us: u64) -> Self {
        Self { way: VoiceWay::Udp, heard: false, since_us: now_us, probe_at_us: 0, probe_wait_us: FIRST_PROBE_US }
    }

    pub(super) fn way(&self) -> VoiceWay {
        self.way
    }

    /// Patience begins anew: a talk begins, or the line was not looked after for a while.
    pub(super) fn begin(&mut self, now_us: u64) {
        self.since_us = now_us;
    }

    /// An authentic packet came.
    pub(super) fn note_heard(&mut self, now_us: u64, by: VoiceWay) {
        self.heard = true;
        self.since_us = now_us;
        if by == VoiceWay::Udp && self.way == VoiceWay::Tunnel {
            self.way = VoiceWay::Udp;
        }
    }

    /// Looks whether the way must be changed.
    pub(super) fn look(&mut self, now_us: u64, talking: bool, tunnel_is_open: bool) {
        let patience = match (self.heard, talking) {
            (true, true) => PATIENCE_US,
            (true, false) => RESTING_PATIENCE_US,
            (false, _) => OPENING_PATIENCE_US,
        };
        match self.way {
            VoiceWay::Udp if tunnel_is_open && now_us.saturating_sub(self.since_us) > patience => {
                self.way = VoiceWay::Tunnel;
                self.probe_wait_us = FIRST_PROBE_US;
                self.probe_at_us = now_us + FIRST_PROBE_US;
            }
            VoiceWay::Tunnel if !tunnel_is_open => {
                self.way = VoiceWay::Udp;
                self.since_us = now_us;
            }
            VoiceWay::Udp | VoiceWay::Tunnel => {}
        }
    }

    /// Whether the packet that is sent now shall go by UDP too.
    pub(super) fn probes(&mut self, now_us: u64) -> bool {
        let due = self.way == VoiceWay::Tunnel && now_us >= self.probe_at_us;
        if due {
            self.probe_wait_us = (self.probe_wait_us * 2).min(MOST_PROBE_US);
            self.probe_at_us = now_us + self.probe_wait_us;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn what_is_not_answered_by_udp_goes_through_the_socket_if_that_is_open() {
        let mut ways = Ways::new(0);
        ways.look(1_400_000, false, true);
        assert_eq!(ways.way(), VoiceWay::Udp);
        ways.look(2 * SECOND, false, false);
        assert_eq!(ways.way(), VoiceWay::Udp, "there is no other way");
        ways.look(2 * SECOND, false, true);
        assert_eq!(ways.way(), VoiceWay::Tunnel);
        ways.note_heard(3 * SECOND, VoiceWay::Tunnel);
        assert_eq!(ways.way(), VoiceWay::Tunnel);
        ways.look(3 * SECOND, false, false);
        assert_eq!(ways.way(), VoiceWay::Udp, "the connection is cut");
    }

    #[test]
    fn patience_is_shorter_in_a_talk_and_begins_with_it() {
        let mut ways = Ways::new(0);
        ways.note_heard(SECOND, VoiceWay::Udp);
        ways.look(4 * SECOND, false, true);
        assert_eq!(ways.way(), VoiceWay::Udp);
        ways.begin(4 * SECOND);
        ways.look(5 * SECOND, true, true);
        assert_eq!(ways.way(), VoiceWay::Udp);
        ways.look(5_600_000, true, true);
        assert_eq!(ways.way(), VoiceWay::Tunnel);
    }

    #[test]
    fn udp_is_tried_again_less_and_less_often_and_taken_when_it_answers() {
        let mut ways = Ways::new(0);
        assert!(!ways.probes(2 * SECOND), "UDP needs no copy");
        ways.look(2 * SECOND, true, true);
        let probes: Vec<u64> = (2_000..120_000).filter(|ms| ways.probes(ms * 1_000)).map(|ms| ms / 1_000).collect();
        assert_eq!(probes, [4, 8, 16, 32, 62, 92]);
        ways.note_heard(120 * SECOND, VoiceWay::Udp);
        assert_eq!(ways.way(), VoiceWay::Udp);
        ways.look(122 * SECOND, true, true);
        assert!(ways.way() == VoiceWay::Tunnel && !ways.probes(123 * SECOND) && ways.probes(124 * SECOND), "and soon when it fails anew");
    }
}

//! Which codec an agent's link deserves: PCMA while it is good, Opus with in-band correction when it loses packets, with hysteresis so that
//! nobody hears it swing. Pure: fed every 2 s with what was measured.

use shared::model::VoiceCodec;

/// From this loss on, in 1/1,000, a window is bad: PCMA with concealment begins to be noticed (PESQ 3.9 at 1 %, 3.6 at 3 %).
const BAD_PERMILLE: u16 = 20;
/// The same for a remote link, whose packets cannot be had again.
const BAD_REMOTE_PERMILLE: u16 = 5;
/// A link is remote from this round trip on, in ms.
const REMOTE_MS: u16 = 150;
/// Below this loss, in 1/1,000, a window is good.
const GOOD_PERMILLE: u16 = 5;
/// So many bad windows in a row bring Opus: 4 s.
const BAD_WINDOWS: u8 = 2;
/// So many good ones in a row bring PCMA back: 30 s.
const GOOD_WINDOWS: u8 = 15;
/// What correction is prepared for, in percent, by the loss from which on it is needed, in 1/1,000.
const CLASSES: [(u16, u8); 4] = [(150, 20), (80, 12), (30, 6), (1, 3)];

/// How an agent and the server should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// By which codec, both ways.
    pub(super) codec: VoiceCodec,
    /// How much loss the agent's encoder prepares for, in percent.
    pub(super) from_agent_percent: u8,
}

/// What was measured in a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// Lost on the way from the agent, in 1/1,000.
    pub(super) from_agent_permille: u16,
    /// Lost on the way to the agent by the client's report, in 1/1,000.
    pub(super) to_agent_permille: u16,
    /// There and back, in ms.
    pub(super) round_trip_ms: Option<u16>,
}

/// What is known of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    wish: Wish,
    to_agent_percent: u8,
    bad: u8,
    good: u8,
}

impl Default for Link {
    fn default() -> Self {
        Self { wish: Wish { codec: VoiceCodec::Pcma, from_agent_percent: 0 }, to_agent_percent: 0, bad: 0, good: 0 }
    }
}

impl Link {
    /// How is to be sent now.
    pub(super) fn wish(&self) -> Wish {
        self.wish
    }

    /// How much loss the server's encoder prepares for, in percent.
    pub(super) fn to_agent_percent(self) -> u8 {
        self.to_agent_percent
    }

    /// Takes note of a window; gives the wish if it has changed.
    pub(super) fn note(&mut self, window: Window) -> Option<Wish> {
        let worst = window.from_agent_permille.max(window.to_agent_permille);
        let remote = window.round_trip_ms.is_some_and(|ms| ms >= REMOTE_MS);
        let bad = worst >= if remote { BAD_REMOTE_PERMILLE } else { BAD_PERMILLE };
        let good = worst < GOOD_PERMILLE;
        self.bad = if bad { self.bad.saturating_add(1) } else { 0 };
        self.good = if good { self.good.saturating_add(1) } else { 0 };
        let before = self.wish;
        match self.wish.codec {
            VoiceCodec::Pcma if self.bad >= BAD_WINDOWS => self.wish.codec = VoiceCodec::Opus,
            VoiceCodec::Opus if self.good >= GOOD_WINDOWS => self.wish.codec = VoiceCodec::Pcma,
            VoiceCodec::Pcma | VoiceCodec::Opus | VoiceCodec::Unknown => {}
        }
        (self.wish.from_agent_percent, self.to_agent_percent) = match self.wish.codec {
            // Taken back only with the codec: loss comes in waves.
            VoiceCodec::Opus => (
                correction(window.from_agent_permille).max(self.wish.from_agent_percent),
                correction(window.to_agent_permille).max(self.to_agent_percent),
            ),
            VoiceCodec::Pcma | VoiceCodec::Unknown => (0, 0),
        };
        (self.wish != before).then_some(self.wish)
    }
}

/// What an encoder prepares for, in percent, at this loss: nothing in a direction that loses nothing, for correction costs as much again as
/// the voice.
fn correction(permille: u16) -> u8 {
    CLASSES.iter().find(|(from, _)| permille >= *from).map_or(0, |(_, percent)| *percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(permille: u16) -> Window {
        Window { from_agent_permille: permille, ..Window::default() }
    }

    #[test]
    fn loss_that_lasts_brings_opus_and_only_a_long_calm_takes_it_back() {
        let mut link = Link::default();
        assert_eq!(link.note(lossy(60)), None);
        assert_eq!(link.note(lossy(0)), None, "a burst is not enough");
        assert_eq!(link.note(lossy(60)), None);
        assert_eq!(link.note(lossy(60)), Some(Wish { codec: VoiceCodec::Opus, from_agent_percent: 6 }));
        assert_eq!(link.note(lossy(100)), Some(Wish { codec: VoiceCodec::Opus, from_agent_percent: 12 }));
        for _ in 0..14 {
            assert_eq!(link.note(lossy(4)), None);
        }
        assert_eq!(link.note(lossy(10)), None, "a single loss begins the calm anew");
        let calm = (0..15).filter_map(|_| link.note(lossy(0))).collect::<Vec<_>>();
        assert_eq!(calm, [Wish { codec: VoiceCodec::Pcma, from_agent_percent: 0 }]);
    }

    #[test]
    fn loss_on_the_way_to_the_agent_counts_too_and_a_remote_link_is_helped_earlier() {
        let mut link = Link::default();
        let window = Window { to_agent_permille: 30, ..Window::default() };
        assert_eq!((link.note(window), link.note(window)), (None, Some(Wish { codec: VoiceCodec::Opus, from_agent_percent: 0 })));
        assert_eq!(link.to_agent_percent(), 6, "and only the way that loses gets correction");
        assert_eq!((link.note(lossy(0)), link.to_agent_percent()), (None, 6), "loss comes in waves");
        let mut link = Link::default();
        let near = Window { from_agent_permille: 8, round_trip_ms: Some(20), ..Window::default() };
        assert!((0..10).all(|_| link.note(near).is_none()));
        let far = Window { round_trip_ms: Some(220), ..near };
        assert_eq!((link.note(far), link.note(far).map(|wish| wish.codec)), (None, Some(VoiceCodec::Opus)));
    }
}

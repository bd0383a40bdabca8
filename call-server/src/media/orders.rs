//! What passes between control and a media thread, by single-producer single-consumer rings. Whatever an order needs is made
//! before it is given, and whatever a media thread no longer needs is given back to be freed: it neither allocates nor frees.

use super::agent::AgentLeg;
use super::guard::Keys;
use super::health::{Figures, Totals};
use super::keys::KeyRow;
use super::mix::{Mix, Seat};
use super::player::Player;
use super::talk::Talk;
use super::trunk::{Agreement, TrunkLeg};
use call_core::command::Part;
use call_core::input::AnnouncementEnd;
use shared::model::{LegId, RecordingId};
use voice::codec::Encoder;
use voice::dtmf::DtmfDetector;

/// Orders that may wait for a media thread: far more than there are calls.
pub(super) const ORDERS: usize = 8_192;
/// News that may wait for control: what a thousand talks say in ten seconds.
pub(super) const NEWS: usize = 8_192;

/// A leg's place in its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A trunk leg.
    Trunk(u16),
    /// An agent's leg.
    Agent(u16),
}

/// To a media thread.
#[derive(Debug)]
pub(super) enum Order {
    /// A leg to be served.
    AddTrunk(u16, Box<TrunkLeg>),
    /// It comes back by [`News::Trunk`].
    RemoveTrunk(u16),
    /// A leg to be served.
    AddAgent(u16, Box<AgentLeg>),
    /// It comes back by [`News::Agent`].
    RemoveAgent(u16),
    /// To the first thread: whose agent that is from now on.
    Owner(u16, u8),
    /// What was agreed with a trunk has changed.
    Follow(u16, Agreement),
    /// The far side of a trunk has new keys.
    Rekey(u16, Box<Keys>),
    /// What a trunk leg hears until something else is to be heard.
    Play(u16, Player),
    /// What an agent's leg in no talk hears until something else is to be heard.
    PlayAgent(u16, Player),
    /// Say something into a mixed talk.
    Speak(u16, Player),
    /// What a trunk leg says while it is in no talk is recorded on the left, or is not any more.
    Keep(u16, Option<RecordingId>),
    /// A talk begins.
    Begin(u16, Box<Talk>),
    /// It ends, and comes back by [`News::Talk`].
    End(u16),
    /// From now on the talk is mixed.
    Mix(u16, Box<Mix>),
    /// Two parties are left who need no mixing: the talk goes back to relaying as soon as nothing is lost by it.
    Unmix(u16),
    /// Somebody sits down in a mixed talk.
    Sit(u16, u8, Slot, Box<Seat>),
    /// What somebody does in a mixed talk.
    Role(u16, u8, Part),
    /// What somebody hears in a mixed talk is coded otherwise.
    Recode(u16, u8, Option<Encoder>),
    /// Somebody leaves a mixed talk.
    Rise(u16, u8),
    /// The agent has muted the microphone, or not.
    Muted(u16, bool),
    /// The agent can speak Opus.
    SpeaksOpus(u16, bool),
    /// There is no time for Opus: the agent's link goes on in PCMA.
    StayPcma(u16),
    /// Keys towards a trunk.
    Press(u16, KeyRow),
    /// Listen for tones on a trunk.
    HearTones(u16, Box<DtmfDetector>),
    /// Keep the citizen's keys out of the recording.
    MaskKeys(u16, bool),
}

/// From a media thread.
#[derive(Debug)]
pub(super) enum News {
    /// An agent's packets arrive, or have stopped.
    Reachable(LegId, bool),
    /// A key was pressed.
    Key(LegId, char),
    /// An announcement ended.
    Announced(LegId, AnnouncementEnd),
    /// An agent's link asks for another way of sending; the codec is wanted only if it differs from the one before.
    Link(LegId, super::link::Wish),
    /// How a talk sounds.
    Health(LegId, Figures),
    /// How a talk sounded.
    Measured(RecordingId, Totals),
    /// No longer needed: to be freed, and its port to be given back.
    Trunk(u16, Box<TrunkLeg>),
    /// No longer served by this thread.
    Agent(u16, Box<AgentLeg>),
    /// To be freed.
    Talk(u16, Box<Talk>),
    /// To be freed.
    Mix(Box<Mix>),
    /// To be freed.
    Seat(Box<Seat>),
    /// To be freed.
    Tones(Box<DtmfDetector>),
    /// To be freed.
    Coder(Encoder),
    /// To be freed.
    Keys(Box<Keys>),
}

impl News {
    /// Whether somebody waits for it. What is only to be freed or written down waits for the next turn of control, which is a second away at
    /// most: to wake it costs more.
    pub(super) fn is_awaited(&self) -> bool {
        match self {
            Self::Reachable(..) | Self::Key(..) | Self::Announced(..) | Self::Link(..) | Self::Health(..) | Self::Agent(..) => true,
            Self::Measured(..) | Self::Trunk(..) | Self::Talk(..) => false,
            Self::Mix(_) | Self::Seat(_) | Self::Tones(_) | Self::Coder(_) | Self::Keys(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::counters::Counters;
    use super::super::net::Bell;
    use super::super::worker::Teller;
    use super::*;
    use std::sync::Arc;

    #[test]
    fn control_is_woken_for_what_somebody_waits_for_and_hears_of_all_the_same_what_is_only_to_be_freed() {
        let (ring, mut news) = rtrb::RingBuffer::new(8);
        let (bell, waker) = Bell::new().expect("an eventfd");
        let strokes = bell.share().expect("another handle");
        let has_rung = || rustix::io::read(&strokes, &mut [0; 8]).is_ok();
        let mut teller = Teller::new(ring, waker, Arc::new(Counters::default()));
        teller.tell(News::Tones(Box::default()));
        teller.call();
        assert!(!has_rung(), "nobody waits for that");
        teller.tell(News::Key(LegId(1), '5'));
        teller.tell(News::Tones(Box::default()));
        teller.call();
        assert!(has_rung(), "a citizen has pressed a key");
        assert_eq!(std::iter::from_fn(|| news.pop().ok()).count(), 3);
    }
}

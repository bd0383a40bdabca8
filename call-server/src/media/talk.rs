//! One talk: who takes part, how voices pass between them, where they are recorded, and how they sound.

use super::health::Watch;
use super::mix::Mix;
use super::orders::Slot;
use super::player::Player;
use shared::model::{LegId, RecordingId, Track};

/// Most parties of a talk: citizen, agent, colleagues, supervisors.
pub(super) const MAX_MEMBERS: usize = 6;
/// The citizen's place.
pub(super) const CITIZEN: u8 = 0;
/// The agent's place.
pub(super) const AGENT: u8 = 1;

/// A talk.
#[derive(Debug)]
pub(super) struct Talk {
    /// Where it is recorded: left the citizen, right what the citizen hears of the others.
    pub(super) recording: RecordingId,
    /// What of it is recorded.
    pub(super) taps: Taps,
    /// The source of what is recorded of a mix; another one for each talk, so that the recorder does not take it for a jump.
    pub(super) source: u32,
    /// The agent's leg by its name.
    pub(super) agent: LegId,
    /// Who sits where.
    pub(super) members: [Option<Slot>; MAX_MEMBERS],
    /// How voices pass.
    pub(super) mode: Mode,
    /// How they sound.
    pub(super) watch: Watch,
    /// Samples of the mix recorded so far.
    pub(super) recorded: u32,
    /// Where whispers are recorded, while somebody may whisper.
    pub(super) whispers: Option<RecordingId>,
    /// Samples of whispers recorded so far.
    pub(super) whispered: u32,
    /// Said to everybody in it, above the voices.
    pub(super) spoken: Option<Player>,
}

/// What of a talk is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taps {
    /// Left the citizen, right what the citizen hears.
    Both,
    /// A talk apart from the citizen: right, all of it.
    Right,
    /// Nothing.
    Nothing,
}

/// How voices pass.
#[derive(Debug)]
pub(super) enum Mode {
    /// Each packet of one goes to the other when it comes.
    Relay,
    /// All are pulled and mixed every 20 ms.
    Mixed(Box<Mix>),
}

impl Talk {
    /// Of two, relayed.
    pub(super) fn new(recording: RecordingId, citizen: Slot, (agent, agent_leg): (Slot, LegId)) -> Self {
        let mut members = [None; MAX_MEMBERS];
        (members[0], members[1]) = (Some(citizen), Some(agent));
        Self {
            recording,
            taps: Taps::Both,
            source: 0,
            agent: agent_leg,
            members,
            mode: Mode::Relay,
            watch: Watch::new(0),
            recorded: 0,
            whispers: None,
            whispered: 0,
            spoken: None,
        }
    }

    /// Where whispers in it belong now, if anybody may whisper and it is recorded.
    pub(super) fn wants_whispers(&self) -> Option<RecordingId> {
        match &self.mode {
            Mode::Mixed(mix) if self.taps != Taps::Nothing && mix.has_whisperer() => {
                Some(RecordingId::of(self.recording.interaction(), Track::Whisper))
            }
            Mode::Mixed(_) | Mode::Relay => None,
        }
    }

    /// To whom a relayed packet goes.
    pub(super) fn peer(&self, member: u8) -> Option<Slot> {
        match member {
            CITIZEN => self.members[usize::from(AGENT)],
            AGENT => self.members[usize::from(CITIZEN)],
            _ => None,
        }
    }
}

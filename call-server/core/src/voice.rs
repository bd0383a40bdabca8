//! What the media edge tells about voices and is told about them. Carried and kept for the record;
//! what is said of a talk's sound is never weighed here.

use serde::{Deserialize, Serialize};
use shared::model::{AgentId, LegHealth, LegId, RecordingId, SessionId, TalkHealth, VoiceCodec, VoiceTrouble};

/// News of voices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoiceInput {
    /// `gateway`: what the desktop's voice can, and whether it is muted.
    Abilities {
        /// Whose.
        agent: AgentId,
        /// Which session; an old one is ignored.
        session: SessionId,
        /// It can send and receive Opus.
        opus: bool,
        /// The agent has muted the microphone.
        muted: bool,
    },
    /// `media`: the desktop shall send so from now on.
    SendAs {
        /// Whose leg.
        leg: LegId,
        /// By which codec.
        codec: VoiceCodec,
        /// How much loss correction is to be prepared for.
        expected_loss_percent: u8,
    },
    /// `media`: how a talk sounds, every 2 s and when a trouble begins or ends.
    Health {
        /// The agent's leg.
        agent: LegId,
        /// The figures.
        health: TalkHealth,
    },
    /// `media`: a talk is over; how it sounded as a whole.
    Measured(TalkMeasured),
    /// `media`: whether one of its threads has time for another voice in a talk that runs. It has until this is told; told again when it
    /// changes.
    RoomForVoices {
        /// Which, counted from 0.
        thread: u8,
        /// It has.
        has_room: bool,
    },
    /// `media`: on which of its threads a leg is from its opening on, and so is the talk; not told of those on the first.
    ThreadOf {
        /// A trunk's.
        leg: LegId,
        /// Counted from 0.
        thread: u8,
    },
}

/// How a whole talk sounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TalkMeasured {
    /// The talk's recording; an interaction with several agents has several talks in it, measured one after the other.
    pub recording: RecordingId,
    /// From the joining to the parting.
    pub talk_ms: u64,
    /// The citizen's leg.
    pub citizen: LegMeasured,
    /// The agent's leg.
    pub agent: LegMeasured,
    /// What troubled it at any time, in order, each once.
    pub troubles: Vec<VoiceTrouble>,
}

/// One leg over a whole talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LegMeasured {
    /// Means over the talk; packets are summed up.
    pub mean: LegHealth,
    /// The worst score of any two seconds, in 1/100; that of `mean` for a shorter talk.
    pub worst_score_hundredths: u16,
}

//! The recordings of one interaction: the main one, and beside it what the citizen never hears. Which is which stands in the number.

use super::{InteractionId, RecordingId};
use serde::{Deserialize, Serialize};

/// The track stands above the interaction's number: 2^60 interactions are more than there will be, and what SQLite counts is not passed.
const TRACK_BIT: u32 = 60;

/// One of an interaction's recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Left the citizen, right whom the citizen hears.
    #[default]
    Main,
    /// 耳语: what supervisors whisper to an agent. It is in no other recording (1-14).
    Whisper,
    /// 咨询: what an agent and whom the agent consults say while others go on with the citizen.
    Consultation,
}

impl Track {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Main, Self::Whisper, Self::Consultation];

    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Whisper => "whisper",
            Self::Consultation => "consultation",
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Main => 0,
            Self::Whisper => 1,
            Self::Consultation => 2,
        }
    }
}

impl RecordingId {
    /// That recording of this interaction; the main one has the interaction's own number.
    #[must_use]
    pub fn of(interaction: InteractionId, track: Track) -> Self {
        Self(interaction.0 | track.number() << TRACK_BIT)
    }

    /// Whose it is.
    #[must_use]
    pub fn interaction(self) -> InteractionId {
        InteractionId(self.0 & ((1 << TRACK_BIT) - 1))
    }

    /// Which of them it is.
    #[must_use]
    pub fn track(self) -> Track {
        Track::ALL.into_iter().find(|track| track.number() == self.0 >> TRACK_BIT).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_track_has_a_number_of_its_own_that_leads_back() {
        let interaction = InteractionId(1_234_567);
        for track in Track::ALL {
            let recording = RecordingId::of(interaction, track);
            assert_eq!((recording.interaction(), recording.track()), (interaction, track));
            assert!(i64::try_from(recording.0).is_ok(), "a database counts so far");
        }
        assert_eq!(RecordingId::of(interaction, Track::Main), RecordingId(interaction.0));
    }
}

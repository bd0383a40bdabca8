//! The recording edge: takes tapped frames, writes append-only files, reads and exports them.
//!
//! Two threads: the collector ([`collector`]) drains the ring and places audio, the writer ([`writer`]) touches the disk. What a killed
//! process loses is at most the last second: 500 ms that wait for late packets, a block of 400 ms, and one pass. The file's layout
//! stands in [`format`]. Rows of the database are not its business.

mod collector;
mod export;
mod file;
mod format;
mod placement;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use export::{ExportError, export_wav, levels};
pub(crate) use reader::{Ending, Inspection, ReadError, inspect};

use crate::media::frame::TapFrame;
use crate::switchboard::Inbox;
use call_core::command::RecordingCommand;
use collector::{Collector, Message};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Most commands that may wait for the collector, which looks at least every 25 ms.
const COMMAND_LIMIT: usize = 16_384;

/// What the edge needs to know.
#[derive(Debug, Clone)]
pub(crate) struct RecordingSettings {
    /// Where recordings live.
    pub(crate) folder: PathBuf,
}

/// The way to the running edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RecordingHandle {
    messages: SyncSender<Message>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl RecordingHandle {
    /// Hands a command over; never blocks. Finding no room means that the collector has died: the next start attaches what is on disk.
    pub(crate) fn send(&self, command: RecordingCommand) {
        match self.messages.try_send(Message::Command(command)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                tracing::error!("the recorder takes no commands; calls are not recorded");
            }
        }
    }

    /// Closes every recording, tells what became of it, and ends the threads.
    pub(crate) fn stop(&self) {
        // Failing means that the collector is gone already.
        let _ = self.messages.send(Message::Stop);
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            if thread.join().is_err() {
                tracing::error!("a thread of the recorder ended by a panic");
            }
        }
    }
}

/// Starts the recorder's threads.
///
/// # Errors
/// The folder cannot be made or written; the text names it.
pub(crate) fn start(settings: RecordingSettings, taps: rtrb::Consumer<TapFrame>, inbox: Inbox) -> io::Result<RecordingHandle> {
    let folder = settings.folder;
    check_writable(&folder)?;
    let (messages, commands) = sync_channel(COMMAND_LIMIT);
    let (jobs, work) = sync_channel(writer::JOB_LIMIT);
    let collector = Collector::new(jobs);
    let threads = vec![
        std::thread::Builder::new().name("recording-writer".into()).spawn(move || writer::run(&work, &folder, &inbox))?,
        std::thread::Builder::new().name("recording-collector".into()).spawn(move || collector::run(collector, &commands, taps))?,
    ];
    Ok(RecordingHandle { messages, threads: Arc::new(Mutex::new(threads)) })
}

/// Every file in the recordings folder, relative to it, in order; none if there is no folder yet.
///
/// # Errors
/// A folder cannot be listed.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    if !folder.try_exists()? {
        return Ok(found);
    }
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if let Ok(relative) = entry.path().strip_prefix(folder) {
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn check_writable(folder: &Path) -> io::Result<()> {
    let probe = folder.join(".writable");
    let tried = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b"")).and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|error| io::Error::new(error.kind(), format!("the recordings folder {} cannot be written: {error}", folder.display())))
}

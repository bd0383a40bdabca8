//! The recording edge: takes tapped frames, writes append-only files, reads and exports them.
//!
//! Two threads: the collector ([`collector`]) drains the ring and places audio, the writer ([`writer`]) seals it and writes; a third
//! brings it to the disk itself ([`sync`]), a fourth looks how full the disk is ([`disk`]). What a killed
//! process loses is at most the last second: a block of 400 ms and one pass, and 500 ms more where packets are missing that may still come. The file's layout
//! stands in [`mod@format`]. Rows of the database are not its business.

mod collector;
mod compact;
mod cues;
mod disk;
mod export;
mod figures;
mod file;
mod format;
mod hash;
#[cfg(any(test, feature = "fuzz"))]
mod hostile;
mod keys;
mod placement;
mod range;
mod reader;
mod salvage;
mod sync;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use compact::{CompactError, compact, is_compact};
pub(crate) use cues::add_cues;
pub(crate) use disk::used_percent;
pub(crate) use export::{ExportError, export_part, export_wav, levels};
pub(crate) use figures::RecordingFigures;
pub(crate) use keys::{Envelope, KeyError, KeyId, KeyRing, file_with_new_key};
pub(crate) use reader::{Ending, Inspection, ReadError, envelope, inspect, replace_envelope, rewrap};
pub(crate) use salvage::{Spare, salvage};

use crate::media::frame::TapFrame;
use crate::switchboard::Inbox;
use call_core::command::RecordingCommand;
use collector::{Collector, Message};
use figures::Figures;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use sync::{Disk, Syncer, SystemDisk};

/// Most commands that may wait for the collector, which looks at least every 25 ms.
const COMMAND_LIMIT: usize = 16_384;

/// What the edge needs to know.
#[derive(Debug, Clone)]
pub(crate) struct RecordingSettings {
    /// Where recordings live.
    pub(crate) folder: PathBuf,
    /// The file of the master keys.
    pub(crate) key: PathBuf,
    /// From how full a disk, in percent, the alarm is raised.
    pub(crate) alarm_percent: u8,
    /// From how full a disk, in percent, recordings older than `keep_days` are deleted.
    pub(crate) expire_percent: u8,
    /// How many days a recording is kept at least; `None`: nothing is ever deleted.
    pub(crate) keep_days: Option<u32>,
    /// After how many days a recording is made small, at night; `None`: never.
    pub(crate) compact_after_days: Option<u32>,
}

/// The way to the running edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RecordingHandle {
    messages: SyncSender<Message>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    figures: Arc<Figures>,
    /// Dropped, it ends the watch over the disk.
    watch: Arc<Mutex<Option<SyncSender<()>>>>,
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

    /// What the recorder does, in figures.
    pub(crate) fn figures(&self) -> RecordingFigures {
        self.figures.read()
    }

    /// Closes every recording, tells what became of it, and ends the threads.
    pub(crate) fn stop(&self) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Failing means that the collector is gone already.
        let _ = self.messages.send(Message::Stop);
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            if thread.join().is_err() {
                tracing::error!("a thread of the recorder ended by a panic");
            }
        }
    }
}

#[cfg(test)]
impl RecordingSettings {
    /// Settings for a test: no alarm, nothing expires, no key file.
    pub(crate) fn for_test(folder: PathBuf) -> Self {
        Self { key: folder.with_extension("key"), folder, alarm_percent: 99, expire_percent: 99, keep_days: None, compact_after_days: None }
    }
}

/// Writes a whole recording without the threads: `blocks` records of 10 ms, the samples of each its number; `end` says whether it
/// gets its end mark. For tests.
#[cfg(test)]
pub(crate) fn write_for_test(path: &Path, recording: shared::model::RecordingId, keys: Option<&KeyRing>, blocks: u64, end: bool) {
    let head = format::Head { recording, interaction: shared::model::InteractionId(recording.0), started: shared::model::UnixMillis(9) };
    let seal = keys.map(|keys| keys.new_data_key(recording).expect("random"));
    let mut file = file::RecordingFile::create(path, head, seal).expect("scratch is writable");
    for number in 0..blocks {
        let payload = vec![number as u8 + 1; 160];
        file.append(&format::Block { first_frame: number * 80, frames: 80, payload }).expect("scratch is writable");
    }
    if end {
        file.finish(blocks * 80).expect("scratch is writable");
    }
}

/// The same with a talk in tones, sealed: the citizen's for 9 s, silence of both, then one on each side; 25.2 s in blocks of 400 ms.
#[cfg(test)]
pub(crate) fn write_tones_for_test(path: &Path, recording: shared::model::RecordingId, keys: &KeyRing, end: bool) {
    use std::f64::consts::TAU;
    let tone = |frame: u64, hz: f64| voice::g711::linear_to_alaw((9_000.0 * (frame as f64 * hz * TAU / 8_000.0).sin()) as i16);
    let sides = |frame: u64| match frame {
        0..72_000 => [tone(frame, 400.0), format::SILENCE],
        72_000..168_000 => [format::SILENCE; 2],
        _ => [tone(frame, 300.0), tone(frame, 700.0)],
    };
    let head = format::Head { recording, interaction: shared::model::InteractionId(recording.0), started: shared::model::UnixMillis(9) };
    let seal = keys.new_data_key(recording).expect("random");
    let mut file = file::RecordingFile::create(path, head, Some(seal)).expect("scratch is writable");
    for first_frame in (0..63).map(|number| number * 3_200) {
        let payload: Vec<u8> = (first_frame..first_frame + 3_200).flat_map(sides).collect();
        let payload = if payload.iter().all(|sample| *sample == format::SILENCE) { Vec::new() } else { payload };
        file.append(&format::Block { first_frame, frames: 3_200, payload }).expect("scratch is writable");
    }
    if end {
        file.finish(63 * 3_200).expect("scratch is writable");
    }
}

/// For libFuzzer: see [`hostile`].
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz_target(data: &[u8]) {
    hostile::target(data);
}

/// Starts the recorder's threads.
///
/// # Errors
/// The folder cannot be made or written; the text names it.
pub(crate) fn start(
    settings: RecordingSettings,
    keys: Arc<KeyRing>,
    taps: Vec<rtrb::Consumer<TapFrame>>,
    inbox: Inbox,
) -> io::Result<RecordingHandle> {
    start_on((Box::new(SystemDisk), writer::SYNC_EVERY), settings, keys, taps, inbox)
}

/// The same on any disk, to which each file is brought so often.
fn start_on(
    (disk, sync_every): (Box<dyn Disk>, Duration),
    settings: RecordingSettings,
    keys: Arc<KeyRing>,
    taps: Vec<rtrb::Consumer<TapFrame>>,
    inbox: Inbox,
) -> io::Result<RecordingHandle> {
    let folder = settings.folder;
    check_writable(&folder)?;
    let (messages, commands) = sync_channel(COMMAND_LIMIT);
    let (jobs, work) = sync_channel(writer::JOB_LIMIT);
    let collector = Collector::new(jobs);
    let figures = Arc::new(Figures::default());
    let (syncer, syncing) = Syncer::new(folder.clone(), disk, Arc::clone(&figures), inbox.clone());
    let place = writer::Place { folder: folder.clone(), keys, figures: Arc::clone(&figures), syncer, sync_every };
    let (watch, watch_end) = sync_channel(1);
    let watched = Arc::clone(&figures);
    let alarm_percent = settings.alarm_percent;
    let threads = vec![
        std::thread::Builder::new().name("recording-writer".into()).spawn(move || writer::run(&work, &place, &inbox))?,
        std::thread::Builder::new().name("recording-sync".into()).spawn(syncing)?,
        std::thread::Builder::new().name("recording-collector".into()).spawn(move || collector::run(collector, &commands, taps))?,
        std::thread::Builder::new()
            .name("recording-watch".into())
            .spawn(move || disk::watch(&folder, alarm_percent, &watched, &watch_end))?,
    ];
    Ok(RecordingHandle { messages, threads: Arc::new(Mutex::new(threads)), figures, watch: Arc::new(Mutex::new(Some(watch))) })
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

//! The thread that brings recordings to the disk itself (fsync), so that the writer never waits for it: a disk on which that takes
//! seconds delays what a loss of power would spare, and nothing else.
//!
//! Everything that waits is brought there together: file by file while there are few, with one call for the whole file system
//! while there are many. Not here: writing, and when it is time.

use super::figures::Figures;
use super::file::sync_folders;
use crate::switchboard::Inbox;
use call_core::Input;
use call_core::input::RecordingOutcome;
use shared::model::RecordingId;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Most wishes that wait; each recording has at most two.
const WISH_LIMIT: usize = 32_768;
/// Most wishes carried out together.
const GROUP_LIMIT: usize = 4_096;
/// How long the first wish waits for others: recordings that end one behind the other are brought to the disk together.
const GATHER: Duration = Duration::from_millis(250);
/// How much less of a busy processor it gets than whoever sets calls up.
const LESS_URGENT: i32 = 5;
/// From so many files on, one call for the whole file system is cheaper.
const MANY_FILES: usize = 4;

/// Brings things to the disk. The system does it; tests make it slow or let it fail.
pub(super) trait Disk: Send {
    /// The content of one file.
    fn sync_file(&self, file: &File) -> io::Result<()>;
    /// Everything on the file system of this folder.
    fn sync_all(&self, folder: &Path) -> io::Result<()>;
}

/// The system's disk.
#[derive(Debug)]
pub(super) struct SystemDisk;

impl Disk for SystemDisk {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_all(&self, folder: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(folder)?)?)
    }
}

/// What went wrong first with a recording on its way to the disk itself.
pub(super) type SyncFault = Arc<OnceLock<String>>;

/// Something to be brought to the disk.
#[derive(Debug)]
pub(super) struct Wish {
    /// Which recording.
    pub(super) recording: RecordingId,
    /// Its file.
    pub(super) file: Arc<File>,
    /// Where a failure is noted.
    pub(super) fault: SyncFault,
    /// What follows.
    pub(super) then: Then,
}

/// What follows when it is there.
#[derive(Debug)]
pub(super) enum Then {
    /// The recording goes on.
    Nothing,
    /// It is closed, and this is told.
    Report {
        /// Its file; the names on the way to it are brought to the disk too.
        path: PathBuf,
        /// If it succeeds.
        outcome: RecordingOutcome,
    },
}

/// The way to the thread; dropped, the thread ends behind the last wish.
#[derive(Debug)]
pub(super) struct Syncer {
    wishes: SyncSender<Wish>,
}

impl Syncer {
    /// The syncer, and the work of its thread.
    pub(super) fn new(folder: PathBuf, disk: Box<dyn Disk>, figures: Arc<Figures>, inbox: Inbox) -> (Self, impl FnOnce() + Send) {
        let (wishes, queue) = sync_channel(WISH_LIMIT);
        let work = Work { folder, disk, figures, inbox };
        (Self { wishes }, move || work.run(&queue))
    }

    /// Hands a wish over; never waits. What finds no room is not brought to the disk by us, but by the system within half a minute.
    pub(super) fn wish(&self, wish: Wish, inbox: &Inbox) {
        match self.wishes.try_send(wish) {
            Ok(()) => {}
            Err(TrySendError::Full(wish) | TrySendError::Disconnected(wish)) => {
                tracing::error!(recording = %wish.recording, "the disk does not keep up: a recording waits in the system's memory");
                wish.then.report(wish.recording, None, inbox);
            }
        }
    }
}

impl Then {
    fn report(self, recording: RecordingId, fault: Option<&str>, inbox: &Inbox) {
        match (self, fault) {
            (Self::Nothing, _) => {}
            (Self::Report { outcome, .. }, None) => inbox.send(Input::RecordingFinished { recording, outcome }),
            (Self::Report { .. }, Some(fault)) => {
                let reason = format!("the disk did not take it: {fault}");
                inbox.send(Input::RecordingFinished { recording, outcome: RecordingOutcome::Failed { reason } });
            }
        }
    }
}

struct Work {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    figures: Arc<Figures>,
    inbox: Inbox,
}

impl Work {
    fn run(self, queue: &Receiver<Wish>) {
        // Nobody waits for it; it is no harm if the system does not permit it.
        let _ = rustix::process::nice(LESS_URGENT);
        while let Ok(first) = queue.recv() {
            std::thread::sleep(GATHER);
            let waiting = std::iter::from_fn(|| queue.try_recv().ok()).take(GROUP_LIMIT - 1);
            let group: Vec<Wish> = std::iter::once(first).chain(waiting).collect();
            let began = Instant::now();
            self.figures.sync_begins();
            self.carry_out(group);
            self.figures.sync_ends(began.elapsed());
        }
    }

    fn carry_out(&self, group: Vec<Wish>) {
        let together = (group.len() >= MANY_FILES).then(|| self.disk.sync_all(&self.folder));
        for wish in group {
            let done = match &together {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => Err(error.to_string()),
                None => self.one(&wish).map_err(|error| error.to_string()),
            };
            if let Err(error) = done
                && wish.fault.set(error).is_ok()
            {
                let fault = wish.fault.get().map(String::as_str).unwrap_or_default();
                tracing::error!(recording = %wish.recording, fault, "a recording could not be brought to the disk");
            }
            wish.then.report(wish.recording, wish.fault.get().map(String::as_str), &self.inbox);
        }
    }

    fn one(&self, wish: &Wish) -> io::Result<()> {
        self.disk.sync_file(&wish.file)?;
        match &wish.then {
            Then::Nothing => Ok(()),
            Then::Report { path, .. } => sync_folders(&self.folder, path),
        }
    }
}

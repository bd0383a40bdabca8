//! The thread that touches the disk for all recordings. When the disk stands still, this thread waits and the collector does not.

use super::figures::Figures;
use super::file::{Closed, RecordingFile};
use super::format::{Block, Head, length_ms};
use super::keys::KeyRing;
use super::sync::{SyncFault, Syncer, Then, Wish};
use crate::switchboard::Inbox;
use call_core::Input;
use call_core::input::RecordingOutcome;
use shared::model::RecordingId;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Most jobs between collector and writer, 26 MB at worst; what finds it full stays with the collector, which has a limit of its own.
pub(super) const JOB_LIMIT: usize = 4_096;

/// How often each file is brought to the disk itself; the files' turns lie apart by when they began.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(10);

/// What comes within this time after a job wakes nobody: to be woken for each costs as much as to write it.
const GATHER: Duration = Duration::from_millis(25);

/// Where files are made, and under which keys.
#[derive(Debug)]
pub(super) struct Place {
    /// The recordings folder.
    pub(super) folder: PathBuf,
    /// Not empty: every new file is sealed.
    pub(super) keys: Arc<KeyRing>,
    /// What is told about it.
    pub(super) figures: Arc<Figures>,
    /// Who brings it to the disk itself.
    pub(super) syncer: Syncer,
    /// How often each file is: [`SYNC_EVERY`], but for tests.
    pub(super) sync_every: Duration,
}

/// What the collector hands over. Of one recording: `Begin`, blocks in order, `Finish`.
#[derive(Debug)]
pub(super) enum Job {
    /// A file is to be made with its first block.
    Begin {
        /// For the file's head.
        head: Head,
        /// Where, relative to the recordings folder.
        path: Arc<str>,
    },
    /// A record.
    Append {
        /// Of which recording.
        recording: RecordingId,
        /// What.
        block: Block,
    },
    /// The end.
    Finish {
        /// Of which recording.
        recording: RecordingId,
        /// Length of the whole.
        total_frames: u64,
        /// What the collector had to leave out.
        lost_frames: u64,
    },
    /// No audio was ever connected: no file is made (I-17).
    NothingHeard {
        /// Of which recording.
        recording: RecordingId,
    },
}

impl Job {
    /// Whether nothing of this recording comes after it.
    pub(super) fn is_last(&self) -> bool {
        match self {
            Self::Begin { .. } | Self::Append { .. } => false,
            Self::Finish { .. } | Self::NothingHeard { .. } => true,
        }
    }
}

/// One recording on its way to the disk.
#[derive(Debug)]
struct Writing {
    head: Head,
    /// `None` for a path that leaves the recordings folder.
    path: Option<PathBuf>,
    file: Option<RecordingFile>,
    lost_frames: u64,
    /// The first error; the recording goes on, but is reported as failed.
    failure: Option<String>,
    /// The first error on the way to the disk itself.
    fault: SyncFault,
}

/// Carries jobs out until the collector is gone.
pub(super) fn run(jobs: &Receiver<Job>, place: &Place, inbox: &Inbox) {
    let mut open: BTreeMap<RecordingId, Writing> = BTreeMap::new();
    // All turns are equally long, so they come in the order in which they were given out.
    let mut turns: VecDeque<(Instant, RecordingId)> = VecDeque::new();
    loop {
        let patience = turns.front().map_or(place.sync_every, |(at, _)| at.saturating_duration_since(Instant::now()));
        match jobs.recv_timeout(patience) {
            Ok(first) => {
                std::thread::sleep(GATHER);
                for job in std::iter::once(first).chain(jobs.try_iter()) {
                    if let Job::Begin { head, .. } = &job {
                        turns.push_back((Instant::now() + place.sync_every, head.recording));
                    }
                    carry_out(job, &mut open, place, inbox);
                }
                place.figures.set_open(open.len());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while let Some((_, recording)) = turns.pop_front_if(|(at, _)| *at <= now) {
            // One that has ended has no turns any more.
            if let Some(writing) = open.get(&recording) {
                writing.sync(&place.syncer, inbox);
                turns.push_back((now + place.sync_every, recording));
            }
        }
    }
}

fn carry_out(job: Job, open: &mut BTreeMap<RecordingId, Writing>, place: &Place, inbox: &Inbox) {
    match job {
        Job::Begin { head, path } => {
            open.insert(head.recording, Writing::new(head, stays_inside(&path).then(|| place.folder.join(&*path))));
        }
        Job::Append { recording, block } => {
            if let Some(writing) = open.get_mut(&recording) {
                writing.append(&block, place);
            }
        }
        Job::Finish { recording, total_frames, lost_frames } => {
            if let Some(writing) = open.remove(&recording) {
                place.figures.add_lost(lost_frames);
                writing.finish(total_frames, lost_frames, &place.syncer, inbox);
            }
        }
        Job::NothingHeard { recording } => {
            let outcome = RecordingOutcome::Failed { reason: "no audio was connected, so there is no file".to_owned() };
            inbox.send(Input::RecordingFinished { recording, outcome });
        }
    }
}

impl Writing {
    fn new(head: Head, path: Option<PathBuf>) -> Self {
        Self { head, path, file: None, lost_frames: 0, failure: None, fault: SyncFault::default() }
    }

    /// A block that the disk refuses is lost; the next one is tried again, so that a disk that was full for a while costs only that while.
    fn append(&mut self, block: &Block, place: &Place) {
        match self.try_append(block, &place.keys) {
            Ok(()) => {
                place.figures.add_bytes(block.payload.len() as u64);
                if place.figures.note_write(true) {
                    tracing::info!("the disk takes recordings again");
                }
            }
            Err(error) => {
                if place.figures.note_write(false) {
                    tracing::error!(%error, folder = %place.folder.display(), "the disk refuses recordings; calls go on without them");
                }
                self.lost_frames += u64::from(block.frames);
                place.figures.add_lost(u64::from(block.frames));
                self.fail(&error);
            }
        }
    }

    fn try_append(&mut self, block: &Block, keys: &KeyRing) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = self.path.as_deref().ok_or_else(|| io::Error::other("the path leaves the recordings folder"))?;
                none.insert(RecordingFile::create(path, self.head, Some(keys.new_data_key(self.head.recording)?))?)
            }
        };
        file.append(block)
    }

    fn sync(&self, syncer: &Syncer, inbox: &Inbox) {
        if let Some(file) = &self.file {
            syncer.wish(self.wish(file, Then::Nothing), inbox);
        }
    }

    fn wish(&self, file: &RecordingFile, then: Then) -> Wish {
        Wish { recording: self.head.recording, file: file.handle(), fault: Arc::clone(&self.fault), then }
    }

    fn fail(&mut self, error: &io::Error) {
        if self.failure.is_none() {
            tracing::error!(recording = %self.head.recording, %error, "a recording cannot be written; it is tried again with each block");
            self.failure = Some(error.to_string());
        }
    }

    /// Ends the file. A whole one is reported when it is on the disk itself.
    fn finish(mut self, total_frames: u64, left_out: u64, syncer: &Syncer, inbox: &Inbox) {
        let recording = self.head.recording;
        let wish = self.file.take().map(|file| (self.wish(&file, Then::Nothing), file.finish(total_frames)));
        let lost_ms = length_ms(self.lost_frames + left_out);
        let outcome = match (&wish, self.failure) {
            (Some((_, Ok(Closed { bytes, digest }))), None) if lost_ms == 0 => {
                RecordingOutcome::Complete { length_ms: length_ms(total_frames), bytes: *bytes, digest: digest.clone() }
            }
            (Some((_, Err(error))), None) => {
                tracing::error!(%recording, %error, "a recording could not be closed");
                RecordingOutcome::Failed { reason: format!("{lost_ms} ms are missing: {error}") }
            }
            (_, Some(reason)) => RecordingOutcome::Failed { reason: format!("{lost_ms} ms are missing: {reason}") },
            (Some((_, Ok(_))), None) => RecordingOutcome::Failed { reason: format!("{lost_ms} ms are missing: the disk did not keep up") },
            (None, None) => RecordingOutcome::Failed { reason: format!("{lost_ms} ms are missing: there is no file") },
        };
        match (wish, self.path) {
            (Some((wish, _)), Some(path)) => syncer.wish(Wish { then: Then::Report { path, outcome }, ..wish }, inbox),
            (_, _) => inbox.send(Input::RecordingFinished { recording, outcome }),
        }
    }
}

/// Whether a path stays inside the recordings folder.
fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

//! The collector: drains the tap ring, places what it finds and hands whole blocks to the writer. It never waits for the disk.

use super::format::{Block, Head};
use super::placement::Timeline;
use super::writer::Job;
use crate::media::frame::{TapFrame, TapKind};
use call_core::command::RecordingCommand;
use shared::model::{InteractionId, RecordingId, UnixMillis};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Time between two looks at the rings and the commands; a ring holds 0.65 s of a thousand calls.
const PASS: Duration = Duration::from_millis(25);

/// Most blocks of one recording that wait for its row or for the disk: one minute of talk, 1 MB. What comes on top is left out.
const HELD_LIMIT: usize = 150;

/// How long after `Finish` the mark of the parting may still be under way through the ring.
const PARTING_LIMIT: Duration = Duration::from_secs(1);

/// Real-time priority, below the media threads: the ring does not hold more than a busy machine may keep an ordinary thread waiting.
const PRIORITY: u8 = 5;

/// What the collector is told.
#[derive(Debug)]
pub(super) enum Message {
    /// By the core.
    Command(RecordingCommand),
    /// The server stops: close everything.
    Stop,
}

/// Where one recording stands.
#[derive(Debug)]
enum Stage {
    /// Frames come.
    Collecting,
    /// `Finish` came; the parting mark may be under way.
    Parting {
        /// Not waited for beyond this.
        until: Instant,
    },
    /// All blocks are made.
    Closing {
        /// Length of the whole.
        total_frames: u64,
    },
}

/// One recording between the ring and the writer.
#[derive(Debug)]
struct Collected {
    interaction: InteractionId,
    path: Arc<str>,
    timeline: Timeline,
    started: UnixMillis,
    row_stored: bool,
    announced: bool,
    held: VecDeque<Block>,
    lost_frames: u64,
    /// What is heard is left out.
    paused: bool,
    /// The pause is over, but for what was heard until now.
    resumes: bool,
    stage: Stage,
}

/// All recordings that are not yet with the writer.
pub(super) struct Collector {
    jobs: SyncSender<Job>,
    open: BTreeMap<RecordingId, Collected>,
    /// Frames that belong to no recording here.
    strays: u64,
}

/// Runs until told to stop.
pub(super) fn run(mut collector: Collector, messages: &Receiver<Message>, mut taps: Vec<rtrb::Consumer<TapFrame>>) {
    make_urgent();
    let mut stopping = false;
    while !stopping {
        // By the clock alone: nobody waits for what a command asks for, and to be woken for each costs more than to carry it out.
        std::thread::sleep(PASS);
        // The counts are taken before the commands: a frame that is in a ring now belongs to a command that is in the queue now.
        let frames: Vec<usize> = taps.iter().map(rtrb::Consumer::slots).collect();
        loop {
            match messages.try_recv() {
                Ok(Message::Command(command)) => collector.command(command, Instant::now()),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    stopping = true;
                    break;
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        for (ring, frames) in taps.iter_mut().zip(frames) {
            collector.empty(ring, frames);
        }
        collector.pass(Instant::now());
    }
    // What was said between the last count and the word to stop.
    for ring in &mut taps {
        let frames = ring.slots();
        collector.empty(ring, frames);
    }
    collector.close_all();
}

/// Where it is not permitted the media threads have said so already.
fn make_urgent() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    if let Ok(priority) = ThreadPriorityValue::try_from(PRIORITY)
        && let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy)
    {
        tracing::debug!(%error, "the recorder's collector runs without real-time priority");
    }
}

impl Collector {
    /// A collector that hands its jobs to the other end of `jobs`.
    pub(super) fn new(jobs: SyncSender<Job>) -> Self {
        Self { jobs, open: BTreeMap::new(), strays: 0 }
    }

    fn command(&mut self, command: RecordingCommand, now: Instant) {
        match command {
            RecordingCommand::Prepare { recording, interaction, path } => self.prepare(recording, interaction, path),
            RecordingCommand::Write { recording } => self.with(recording, |collected| collected.row_stored = true),
            RecordingCommand::Pause { recording } => {
                self.with(recording, |collected| (collected.paused, collected.resumes) = (true, false))
            }
            RecordingCommand::Resume { recording } => self.with(recording, |collected| collected.resumes = true),
            RecordingCommand::Finish { recording } => {
                self.with(recording, |collected| {
                    if matches!(collected.stage, Stage::Collecting) {
                        collected.stage = Stage::Parting { until: now + PARTING_LIMIT };
                    }
                });
            }
        }
    }

    fn prepare(&mut self, recording: RecordingId, interaction: InteractionId, path: Arc<str>) {
        if self.open.contains_key(&recording) {
            tracing::error!(%recording, "a recording was prepared twice; the second is ignored");
            return;
        }
        let collected = Collected {
            interaction,
            path,
            timeline: Timeline::default(),
            started: UnixMillis::default(),
            row_stored: false,
            announced: false,
            held: VecDeque::new(),
            lost_frames: 0,
            paused: false,
            resumes: false,
            stage: Stage::Collecting,
        };
        self.open.insert(recording, collected);
    }

    fn with(&mut self, recording: RecordingId, act: impl FnOnce(&mut Collected)) {
        match self.open.get_mut(&recording) {
            Some(collected) => act(collected),
            None => tracing::error!(%recording, "a command names a recording that is not open; it is ignored"),
        }
    }

    /// Takes so many frames out of a ring, or as many as there are.
    fn empty(&mut self, ring: &mut rtrb::Consumer<TapFrame>, frames: usize) {
        (0..frames).map_while(|_| ring.pop().ok()).for_each(|frame| self.tap(&frame));
    }

    fn tap(&mut self, frame: &TapFrame) {
        let Some(collected) = self.open.get_mut(&frame.recording) else {
            self.strays += 1;
            return;
        };
        match &frame.kind {
            TapKind::Begin => {
                if !collected.timeline.has_begun() {
                    collected.started = wall_clock();
                }
                collected.timeline.begin(frame.arrival_us);
            }
            // Its time goes on by the marks.
            TapKind::Audio(_) if collected.paused => {}
            TapKind::Audio(audio) => collected.timeline.audio(frame.arrival_us, audio),
            TapKind::End => collected.timeline.end(frame.arrival_us),
        }
    }

    /// Makes blocks, hands over what may be written, and lets go of what is finished.
    fn pass(&mut self, now: Instant) {
        let jobs = &self.jobs;
        self.open.retain(|recording, collected| {
            // What was in the ring when the pause ended was said within it.
            collected.paused &= !std::mem::take(&mut collected.resumes);
            collected.make_blocks(now, *recording);
            !(collected.row_stored && collected.hand_over(*recording, jobs))
        });
    }

    /// The end of the server: everything with a row is closed now; here alone the collector waits for the writer.
    fn close_all(mut self) {
        for (recording, mut collected) in std::mem::take(&mut self.open) {
            collected.close(recording);
            if !collected.row_stored {
                tracing::error!(%recording, "the server stops before the row of a recording was stored; the recording is lost");
                continue;
            }
            while let Some(job) = collected.next_job(recording) {
                let last = job.is_last();
                if self.jobs.send(job).is_err() {
                    tracing::error!(%recording, "the writer of recordings is gone; the recording is cut");
                    break;
                }
                if last {
                    break;
                }
            }
        }
        if self.strays > 0 {
            tracing::info!(frames = self.strays, "frames came for recordings that were not open");
        }
    }
}

impl Collected {
    fn make_blocks(&mut self, now: Instant, recording: RecordingId) {
        let ready = self.timeline.take_ready();
        self.hold(ready, recording);
        if let Stage::Parting { until } = self.stage
            && (now >= until || (self.timeline.has_begun() && !self.timeline.is_joined()))
        {
            self.close(recording);
        }
    }

    fn close(&mut self, recording: RecordingId) {
        if matches!(self.stage, Stage::Closing { .. }) {
            return;
        }
        let (rest, total_frames) = self.timeline.finish();
        self.hold(rest, recording);
        self.stage = Stage::Closing { total_frames };
        let counts = self.timeline.counts();
        tracing::debug!(%recording, total_frames, late = counts.late, jumps = counts.jumps, stray = counts.stray, "a recording ends");
    }

    fn hold(&mut self, blocks: Vec<Block>, recording: RecordingId) {
        for block in blocks {
            if self.held.len() < HELD_LIMIT {
                self.held.push_back(block);
                continue;
            }
            if self.lost_frames == 0 {
                tracing::error!(%recording, limit = HELD_LIMIT, row_stored = self.row_stored, "a recording has waited too long for its row or the disk; audio is lost");
            }
            self.lost_frames += u64::from(block.frames);
        }
    }

    /// Hands over as much as the writer takes; says whether that was the last of it.
    fn hand_over(&mut self, recording: RecordingId, jobs: &SyncSender<Job>) -> bool {
        while let Some(job) = self.next_job(recording) {
            let last = job.is_last();
            match jobs.try_send(job) {
                Ok(()) if last => return true,
                Ok(()) => {}
                Err(TrySendError::Full(job)) => {
                    self.take_back(job);
                    return false;
                }
                Err(TrySendError::Disconnected(_)) => {
                    tracing::error!(%recording, "the writer of recordings is gone; the call is not recorded");
                    return last;
                }
            }
        }
        false
    }

    /// The next thing for the writer, if there is one.
    fn next_job(&mut self, recording: RecordingId) -> Option<Job> {
        if !self.announced && self.timeline.has_begun() {
            self.announced = true;
            let head = Head { recording, interaction: self.interaction, started: self.started };
            return Some(Job::Begin { head, path: Arc::clone(&self.path) });
        }
        if let Some(block) = self.held.pop_front() {
            return Some(Job::Append { recording, block });
        }
        match self.stage {
            Stage::Collecting | Stage::Parting { .. } => None,
            Stage::Closing { .. } if !self.timeline.has_begun() => Some(Job::NothingHeard { recording }),
            Stage::Closing { total_frames } => Some(Job::Finish { recording, total_frames, lost_frames: self.lost_frames }),
        }
    }

    fn take_back(&mut self, job: Job) {
        match job {
            Job::Begin { .. } => self.announced = false,
            Job::Append { block, .. } => self.held.push_front(block),
            // Made anew from the stage.
            Job::Finish { .. } | Job::NothingHeard { .. } => {}
        }
    }
}

fn wall_clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

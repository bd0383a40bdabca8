//! What the recorder tells about itself: counters that its threads write and anybody may read.

use super::format::length_ms;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bringing recordings to the disk takes longer than this: the disk is slow.
const SLOW: Duration = Duration::from_secs(1);
/// And is not slow any more when it takes less than this.
const FAST_AGAIN: Duration = Duration::from_millis(500);

/// Not looked at yet.
const UNKNOWN: u64 = u64::MAX;

/// The counters.
#[derive(Debug)]
pub(crate) struct Figures {
    open: AtomicU64,
    bytes: AtomicU64,
    bytes_per_s: AtomicU64,
    lost_frames: AtomicU64,
    free_permille: AtomicU64,
    nearly_full: AtomicBool,
    refused: AtomicBool,
    write_errors: AtomicU64,
    slow: AtomicBool,
    sync_ms: AtomicU64,
    sync_began: Mutex<Option<Instant>>,
    alarms: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self {
            open: zero(),
            bytes: zero(),
            bytes_per_s: zero(),
            lost_frames: zero(),
            free_permille: AtomicU64::new(UNKNOWN),
            nearly_full: AtomicBool::default(),
            refused: AtomicBool::default(),
            write_errors: zero(),
            slow: AtomicBool::default(),
            sync_ms: zero(),
            sync_began: Mutex::default(),
            alarms: zero(),
        }
    }
}

/// The counters at one moment, for `status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RecordingFigures {
    /// Recordings being written.
    pub(crate) open: u64,
    /// Written since the start.
    pub(crate) bytes: u64,
    /// Over the last ten seconds.
    pub(crate) bytes_per_s: u64,
    /// Audio that could not be written since the start, in ms.
    pub(crate) lost_ms: u64,
    /// Of the disk; none if the system does not tell.
    pub(crate) free_percent: Option<f64>,
    /// Something below is true and somebody should come.
    pub(crate) alarm: bool,
    /// The disk is above `alarm_percent`.
    pub(crate) disk_nearly_full: bool,
    /// The last thing that was to be written was refused: the disk is full, read-only, or gone. Calls go on without their recordings.
    pub(crate) disk_refuses: bool,
    /// Bringing recordings to the disk itself takes longer than a second.
    pub(crate) disk_slow: bool,
    /// How long that takes: the last time, or the present one if that is longer already, in ms.
    pub(crate) sync_ms: u64,
    /// Refused writes since the start.
    pub(crate) write_errors: u64,
    /// How often an alarm was raised since the start.
    pub(crate) alarms: u64,
}

impl Figures {
    pub(super) fn set_open(&self, open: usize) {
        self.open.store(open as u64, Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(super) fn add_lost(&self, frames: u64) {
        self.lost_frames.fetch_add(frames, Relaxed);
    }

    pub(super) fn set_rate(&self, bytes: u64, within: Duration) {
        self.bytes_per_s.store((bytes as f64 / within.as_secs_f64().max(0.001)) as u64, Relaxed);
    }

    pub(super) fn set_disk(&self, used_percent: f64, alarm: bool, newly: bool) {
        self.free_permille.store(((100.0 - used_percent) * 10.0) as u64, Relaxed);
        self.nearly_full.store(alarm, Relaxed);
        self.alarms.fetch_add(u64::from(newly), Relaxed);
    }

    /// The disk took something, or refused it; says whether this is news.
    pub(super) fn note_write(&self, taken: bool) -> bool {
        self.write_errors.fetch_add(u64::from(!taken), Relaxed);
        let news = self.refused.swap(!taken, Relaxed) == taken;
        self.alarms.fetch_add(u64::from(news && !taken), Relaxed);
        news
    }

    pub(super) fn sync_begins(&self) {
        *self.sync_began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn sync_ends(&self, took: Duration) {
        *self.sync_began.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.sync_ms.store(took.as_millis() as u64, Relaxed);
        self.judge_disk(took);
    }

    /// Also a sync that never ends is noticed.
    pub(super) fn look_at_sync(&self) {
        if let Some(running) = self.sync_running().filter(|running| *running >= SLOW) {
            self.judge_disk(running);
        }
    }

    fn sync_running(&self) -> Option<Duration> {
        self.sync_began.lock().unwrap_or_else(PoisonError::into_inner).map(|began| began.elapsed())
    }

    fn judge_disk(&self, took: Duration) {
        let slow = if self.slow.load(Relaxed) { took >= FAST_AGAIN } else { took >= SLOW };
        if slow == self.slow.swap(slow, Relaxed) {
            return;
        }
        let took_ms = took.as_millis() as u64;
        if slow {
            self.alarms.fetch_add(1, Relaxed);
            tracing::warn!(took_ms, "the disk of the recordings is slow; what was written last would not survive a loss of power");
        } else {
            tracing::info!(took_ms, "the disk of the recordings is fast again");
        }
    }

    /// The counters now.
    pub(crate) fn read(&self) -> RecordingFigures {
        self.look_at_sync();
        let free = self.free_permille.load(Relaxed);
        let [nearly_full, refuses, slow] = [&self.nearly_full, &self.refused, &self.slow].map(|alarm| alarm.load(Relaxed));
        RecordingFigures {
            open: self.open.load(Relaxed),
            bytes: self.bytes(),
            bytes_per_s: self.bytes_per_s.load(Relaxed),
            lost_ms: length_ms(self.lost_frames.load(Relaxed)),
            free_percent: (free != UNKNOWN).then(|| free as f64 / 10.0),
            alarm: nearly_full || refuses || slow,
            disk_nearly_full: nearly_full,
            disk_refuses: refuses,
            disk_slow: slow,
            sync_ms: self.sync_running().map_or(0, |running| running.as_millis() as u64).max(self.sync_ms.load(Relaxed)),
            write_errors: self.write_errors.load(Relaxed),
            alarms: self.alarms.load(Relaxed),
        }
    }
}

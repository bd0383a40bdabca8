//! What the recorder tells about itself: counters that its threads write and anybody may read.

use super::format::length_ms;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

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
    alarm: AtomicBool,
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
            alarm: AtomicBool::default(),
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
    /// The disk is above `alarm_percent`.
    pub(crate) alarm: bool,
    /// How often it came above it since the start.
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
        self.alarm.store(alarm, Relaxed);
        self.alarms.fetch_add(u64::from(newly), Relaxed);
    }

    /// The counters now.
    pub(crate) fn read(&self) -> RecordingFigures {
        let free = self.free_permille.load(Relaxed);
        RecordingFigures {
            open: self.open.load(Relaxed),
            bytes: self.bytes(),
            bytes_per_s: self.bytes_per_s.load(Relaxed),
            lost_ms: length_ms(self.lost_frames.load(Relaxed)),
            free_percent: (free != UNKNOWN).then(|| free as f64 / 10.0),
            alarm: self.alarm.load(Relaxed),
            alarms: self.alarms.load(Relaxed),
        }
    }
}

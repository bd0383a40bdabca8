//! How full the disk of the recordings is, and when that is worth waking somebody. It never stops a recording.

use super::figures::Figures;
use rustix::fs::statvfs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How far below the mark the disk must come before the alarm may ring again, in percentage points.
const HYSTERESIS: f64 = 2.0;

/// How much of the disk under a folder is used, in percent of what the server's user may use, as `df` says it.
///
/// # Errors
/// The system does not tell.
pub(crate) fn used_percent(folder: &Path) -> io::Result<f64> {
    let disk = statvfs(folder)?;
    let used = disk.f_blocks.saturating_sub(disk.f_bfree) as f64;
    let whole = used + disk.f_bavail as f64;
    Ok(if whole > 0.0 { 100.0 * used / whole } else { 100.0 })
}

/// A mark with a memory.
#[derive(Debug)]
struct Watermark {
    percent: f64,
    above: bool,
}

/// Passing the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crossing {
    Up,
    Down,
}

impl Watermark {
    fn look(&mut self, used_percent: f64) -> Option<Crossing> {
        let above = used_percent >= if self.above { self.percent - HYSTERESIS } else { self.percent };
        if above == self.above {
            return None;
        }
        self.above = above;
        Some(if above { Crossing::Up } else { Crossing::Down })
    }
}

/// Looks every ten seconds until the other end of `stopped` is dropped.
pub(super) fn watch(folder: &Path, alarm_percent: u8, figures: &Figures, stopped: &Receiver<()>) {
    let mut mark = Watermark { percent: f64::from(alarm_percent), above: false };
    let mut last = (Instant::now(), figures.bytes());
    loop {
        look(folder, &mut mark, figures);
        figures.look_at_sync();
        match stopped.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = (Instant::now(), figures.bytes());
        figures.set_rate(now.1 - last.1, now.0 - last.0);
        last = now;
    }
}

fn look(folder: &Path, mark: &mut Watermark, figures: &Figures) {
    let used = match used_percent(folder) {
        Ok(used) => used,
        Err(error) => return tracing::error!(%error, "the free space for recordings cannot be seen"),
    };
    let crossing = mark.look(used);
    figures.set_disk(used, mark.above, crossing == Some(Crossing::Up));
    match crossing {
        Some(Crossing::Up) => {
            tracing::error!(used_percent = used.round(), alarm_percent = mark.percent, "the disk of the recordings fills up; make room");
        }
        Some(Crossing::Down) => tracing::info!(used_percent = used.round(), "the disk of the recordings has room again"),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Crossing, Watermark, look, used_percent};
    use crate::recording::figures::Figures;
    use crate::scratch::Scratch;

    #[test]
    fn the_alarm_rings_once_per_crossing_and_not_again_until_there_is_room() {
        let mut mark = Watermark { percent: 85.0, above: false };
        let seen = [84.9, 85.0, 85.1, 84.0, 85.0, 83.1, 82.9, 84.9, 85.0].map(|used| mark.look(used));
        let (up, down) = (Some(Crossing::Up), Some(Crossing::Down));
        assert_eq!(seen, [None, up, None, None, None, None, down, None, up]);
    }

    #[test]
    fn the_figures_tell_the_alarm_and_count_it() {
        let scratch = Scratch::new();
        let used = used_percent(scratch.folder()).expect("a folder");
        assert!((0.0..=100.0).contains(&used), "{used}");
        let figures = Figures::default();
        let mut low = Watermark { percent: 0.0, above: false };
        look(scratch.folder(), &mut low, &figures);
        look(scratch.folder(), &mut low, &figures);
        let told = figures.read();
        assert_eq!((told.alarm, told.disk_nearly_full, told.alarms), (true, true, 1));
        assert!((told.free_percent.expect("looked") - (100.0 - used)).abs() < 1.0, "{told:?}");
        assert!(used_percent(&scratch.path("nowhere")).is_err());
    }
}

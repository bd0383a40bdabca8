//! Deletes recordings by rule: older than `keep_days`, only while the disk is above `expire_percent`, oldest first. The row stays and
//! says so. Without `keep_days` nothing is ever deleted.

use crate::recording::RecordingSettings;
use crate::store::{Store, StoreError};
use shared::model::UnixMillis;
use std::io::{self, ErrorKind};

/// Most files deleted in one round, so that a round ends.
const AT_ONCE: usize = 1_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// One round; `used_percent` tells how full the disk is now.
pub(super) fn expire(
    store: &Store,
    settings: &RecordingSettings,
    now: UnixMillis,
    used_percent: impl Fn() -> io::Result<f64>,
) -> Result<(), StoreError> {
    let full = || used_percent().is_ok_and(|used| used >= f64::from(settings.expire_percent));
    let Some(keep_days) = settings.keep_days.filter(|_| full()) else { return Ok(()) };
    let eldest = UnixMillis(now.0.saturating_sub(i64::from(keep_days) * DAY_MS));
    let mut deleted = 0_u64;
    for place in store.recordings_before(eldest)?.into_iter().take(AT_ONCE) {
        if !full() {
            break;
        }
        match std::fs::remove_file(settings.folder.join(&place.path)) {
            // Gone already: a round that was interrupted between file and row.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::error!(recording = %place.recording, %error, "an expired recording cannot be deleted");
            }
            Ok(()) | Err(_) => {
                store.mark_expired(place.recording, now)?;
                deleted += 1;
            }
        }
    }
    if deleted > 0 {
        tracing::info!(deleted, keep_days, "the disk is nearly full: recordings older than keep_days were deleted");
    }
    Ok(())
}

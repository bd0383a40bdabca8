//! The daily chain: each day's recordings are bound together and to the day before, so that a recording that is removed or
//! exchanged together with its row is found even if somebody holds every key. Whoever keeps a root elsewhere can prove all before it.
//!
//! A day is one of UTC. Its root is SHA-256 over: the root before (32 bytes; zeros for the first), then for each recording in order
//! of its number: the number (8 bytes, little-endian) and the digest of its file (32 bytes). A recording that is found after its day
//! was closed stands in the next day that is closed. A day without recordings has no root.

use crate::store::{RecordingDay, Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use shared::model::{RecordingId, UnixMillis};

/// The root before the first day.
const NO_ROOT: [u8; 32] = [0; 32];

/// Closes every past day in which no recording is open any more; returns how many.
pub(super) fn close_past(store: &Store, now: UnixMillis) -> Result<usize, StoreError> {
    let mut closed = 0;
    while let Some(day) = next_day(store, now)? {
        let Some(recordings) = day.tomorrow().ok().and_then(midnight).map(|end| store.recordings_without_day(end)).transpose()?.flatten()
        else {
            return Ok(closed);
        };
        let previous = store.last_recording_day()?.map_or_else(|| hex(&NO_ROOT), |last| last.root);
        let root = root(&previous, recordings.iter().map(|(id, digest)| (*id, digest.as_str())));
        let new = RecordingDay { day: day.to_string(), previous, root, recordings: recordings.len() as u64 };
        store.close_recording_day(&new, &recordings, now)?;
        tracing::info!(day = new.day, root = new.root, recordings = new.recordings, "a day of recordings is closed");
        closed += 1;
    }
    Ok(closed)
}

/// The next day to close: of the oldest recording without one, but behind every closed day, and past.
fn next_day(store: &Store, now: UnixMillis) -> Result<Option<Date>, StoreError> {
    let Some(own) = store.first_recording_without_day()?.and_then(date) else { return Ok(None) };
    let last = store.last_recording_day()?.and_then(|last| last.day.parse::<Date>().ok());
    let day = last.and_then(|last| last.tomorrow().ok()).map_or(own, |next| own.max(next));
    Ok(date(now).filter(|today| day < *today).map(|_| day))
}

/// The root of a day, lower-case hex.
pub(super) fn root<'a>(previous: &str, recordings: impl Iterator<Item = (RecordingId, &'a str)>) -> String {
    let mut hash = Sha256::new_with_prefix(unhex(previous));
    for (recording, digest) in recordings {
        hash.update(recording.0.to_le_bytes());
        hash.update(unhex(digest));
    }
    hex(&hash.finalize().into())
}

/// The root before the first day, as text.
pub(super) fn no_root() -> String {
    hex(&NO_ROOT)
}

fn date(at: UnixMillis) -> Option<Date> {
    Timestamp::from_millisecond(at.0).ok().map(|at| TimeZone::UTC.to_datetime(at).date())
}

fn midnight(date: Date) -> Option<UnixMillis> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(|at| UnixMillis(at.as_millisecond()))
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is no hex digest counts as its text: the root then differs from every honest one, which is what matters.
fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect();
    bytes.unwrap_or_else(|| text.as_bytes().to_vec())
}

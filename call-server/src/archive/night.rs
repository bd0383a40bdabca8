//! The night job: recordings older than `compact_after_days` are made small, one after the other, in the hours in which the machine has
//! nothing else to do and by a thread that runs only then. The row keeps its digest: a small file carries that of the file it was made from.

use super::key_text;
use crate::recording::{self, CompactError, Envelope, KeyRing, RecordingSettings};
use crate::store::{RecordingReport, RecordingState, Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::model::{RecordingId, UnixMillis};
use std::path::Path;
use std::time::{Duration, Instant};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id};

/// Local hours in which recordings are made small.
const HOURS: std::ops::Range<i8> = 1..5;
/// What a round of the archive gives to it; then the rest of the archive has its turn.
const ROUND: Duration = Duration::from_secs(40);
const DAY_MS: i64 = 24 * 3_600_000;

/// How far this night's work has come.
#[derive(Debug, Default)]
pub(super) struct Night {
    date: Option<Date>,
    last: Option<RecordingId>,
    made: u64,
    saved_bytes: u64,
    is_over: bool,
}

impl Night {
    /// Goes on with the night's work if it is night.
    pub(super) fn go_on(&mut self, store: &Store, settings: &RecordingSettings, now: UnixMillis) -> Result<(), StoreError> {
        let Some(days) = settings.compact_after_days else { return Ok(()) };
        let Some(date) = night(now) else { return Ok(()) };
        if self.date != Some(date) {
            *self = Self { date: Some(date), ..Self::default() };
        }
        if self.is_over {
            return Ok(());
        }
        let keys = match KeyRing::load(&settings.key) {
            Ok(keys) => keys,
            Err(error) => {
                tracing::error!(%error, "recordings are not made small tonight");
                self.is_over = true;
                return Ok(());
            }
        };
        let eldest = UnixMillis(now.0.saturating_sub(i64::from(days) * DAY_MS));
        self.work(store, settings, (&keys, eldest), Instant::now() + ROUND)
    }

    /// Makes recordings small until all are, or the time is over.
    fn work(
        &mut self,
        store: &Store,
        settings: &RecordingSettings,
        (keys, eldest): (&KeyRing, UnixMillis),
        until: Instant,
    ) -> Result<(), StoreError> {
        loop {
            let rows = store.recordings_after(self.last.unwrap_or(RecordingId(0)))?;
            if rows.is_empty() {
                self.is_over = true;
                if self.made > 0 {
                    tracing::info!(recordings = self.made, saved_bytes = self.saved_bytes, "old recordings were made small");
                }
                return Ok(());
            }
            for row in rows {
                if Instant::now() >= until {
                    return Ok(());
                }
                self.last = Some(row.recording);
                if row.state == RecordingState::Complete && row.expired.is_none() && row.held.is_none() && row.started < eldest {
                    self.one(store, settings, keys, &row)?;
                }
            }
        }
    }

    fn one(&mut self, store: &Store, settings: &RecordingSettings, keys: &KeyRing, row: &RecordingReport) -> Result<(), StoreError> {
        let path = settings.folder.join(&row.path);
        // One that cannot be read is told by `verify`.
        if recording::is_compact(&path).unwrap_or(true) {
            return Ok(());
        }
        match idly(&path, keys) {
            Ok((envelope, bytes)) => {
                store.set_envelope(row.recording, key_text(envelope))?;
                self.made += 1;
                self.saved_bytes += row.bytes.unwrap_or(bytes).saturating_sub(bytes);
            }
            Err(error) => tracing::error!(recording = %row.recording, %error, "a recording was not made small and stays as it is"),
        }
        Ok(())
    }
}

/// The work itself, on a thread that gets only what nobody else wants. It holds nothing that others wait for.
fn idly(path: &Path, keys: &KeyRing) -> Result<(Envelope, u64), CompactError> {
    std::thread::scope(|scope| {
        let work = || {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle) {
                tracing::debug!(%error, "recordings are made small at the usual priority");
            }
            recording::compact(path, keys)
        };
        scope.spawn(work).join().unwrap_or(Err(CompactError::Codec))
    })
}

/// The local day, in its early hours.
fn night(now: UnixMillis) -> Option<Date> {
    let local = TimeZone::system().to_datetime(Timestamp::from_millisecond(now.0).ok()?);
    HOURS.contains(&local.hour()).then(|| local.date())
}

#[cfg(test)]
impl Night {
    /// All of it at once, at any hour.
    pub(super) fn whole_for_test(store: &Store, settings: &RecordingSettings, keys: &KeyRing, eldest: UnixMillis) -> u64 {
        let mut night = Self::default();
        night.work(store, settings, (keys, eldest), Instant::now() + 10 * ROUND).expect("writable");
        assert!(night.is_over);
        night.made
    }
}

//! Proves that recordings are as they were written: every byte, the end, the row, and the days that bind them together.

use super::days;
use crate::recording::{self, Ending, Inspection, KeyRing, ReadError};
use crate::store::{RecordingDay, RecordingReport, RecordingState, Store, StoreError};
use serde::Serialize;
use shared::model::RecordingId;
use std::collections::BTreeSet;
use std::path::Path;

/// What is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One recording.
    One(RecordingId),
    /// A closed day: its root and its recordings.
    Day(String),
    /// Everything.
    All,
}

/// What was verified.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verified {
    /// Files read.
    pub(crate) recordings: u64,
    /// Rows without a file by rule or by a failure that was reported when it happened.
    pub(crate) without_file: u64,
    /// Roots computed anew.
    pub(crate) days: u64,
    /// Root of the last of these days: worth keeping elsewhere.
    pub(crate) root: Option<String>,
    /// Everything that is wrong; empty is good.
    pub(crate) faults: Vec<VerifyFault>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct VerifyFault {
    /// In which recording.
    pub(crate) recording: Option<RecordingId>,
    /// In which day's root.
    pub(crate) day: Option<String>,
    /// In which file, relative to the recordings folder.
    pub(crate) path: Option<String>,
    /// Everything in the file before this byte is as it was written.
    pub(crate) at_byte: Option<u64>,
    /// And everything before this time of the recording.
    pub(crate) at_ms: Option<u64>,
    /// What, in English.
    pub(crate) what: String,
}

/// Verifies. `None` if the recording or the closed day does not exist.
///
/// # Errors
/// The database cannot be read. What is wrong with a file is no error but a fault.
pub(crate) fn verify(store: &Store, folder: &Path, keys: &KeyRing, choice: &Choice) -> Result<Option<Verified>, StoreError> {
    let mut check = Check { store, folder, keys, done: Verified::default() };
    let found = match choice {
        Choice::One(id) => store.recording(*id)?.map(|row| check.recording(&row)).is_some(),
        Choice::Day(day) => check.one_day(day)?,
        Choice::All => {
            check.all()?;
            true
        }
    };
    Ok(found.then_some(check.done))
}

struct Check<'a> {
    store: &'a Store,
    folder: &'a Path,
    keys: &'a KeyRing,
    done: Verified,
}

impl Check<'_> {
    fn all(&mut self) -> Result<(), StoreError> {
        let known = self.days(None)?;
        let mut last = RecordingId(0);
        loop {
            let rows = self.store.recordings_after(last)?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = end.recording;
            for row in &rows {
                self.recording(row);
                if let Some(day) = row.day.as_ref().filter(|day| !known.contains(*day)) {
                    self.day_fault(day, format!("its root is gone, but recording {} stands in it", row.recording));
                }
            }
        }
    }

    fn one_day(&mut self, day: &str) -> Result<bool, StoreError> {
        if !self.days(Some(day))?.contains(day) {
            return Ok(false);
        }
        self.store.recordings_of_day(day)?.iter().for_each(|row| self.recording(row));
        Ok(true)
    }

    /// Computes roots anew; returns the days there are.
    fn days(&mut self, only: Option<&str>) -> Result<BTreeSet<String>, StoreError> {
        let days = self.store.recording_days()?;
        let mut previous = days::no_root();
        for day in &days {
            if only.is_none_or(|only| only == day.day) {
                self.day(day, &previous)?;
            }
            previous.clone_from(&day.root);
        }
        Ok(days.into_iter().map(|day| day.day).collect())
    }

    fn day(&mut self, day: &RecordingDay, previous: &str) -> Result<(), StoreError> {
        let rows = self.store.recordings_of_day(&day.day)?;
        let digests = rows.iter().map(|row| (row.recording, row.digest.as_deref().unwrap_or_default()));
        let root = days::root(previous, digests);
        self.done.days += 1;
        if day.previous != previous {
            self.day_fault(&day.day, "it does not continue the closed day before it: a day was removed or changed".to_owned());
        } else if root != day.root {
            let (found, closed) = (rows.len(), day.recordings);
            self.day_fault(&day.day, format!("its recordings are not those it was closed over: {found} rows now, {closed} then"));
        }
        self.done.root = Some(root);
        Ok(())
    }

    fn recording(&mut self, row: &RecordingReport) {
        let path = self.folder.join(&row.path);
        let is_known_loss = row.state == RecordingState::Failed && row.digest.is_none();
        if row.expired.is_some() || (is_known_loss && !path.exists()) {
            self.done.without_file += 1;
            return;
        }
        self.done.recordings += 1;
        let wrong = match recording::inspect(&path, self.keys) {
            Ok(found) => compare(row, &found),
            // Still waiting for its first record.
            Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && row.state == RecordingState::Open => None,
            Err(error @ (ReadError::Io { .. } | ReadError::Head { .. } | ReadError::Seal { .. })) => {
                Some(Wrong::at(0, 0, error.to_string()))
            }
        };
        if let Some(Wrong { at_byte, at_ms, what }) = wrong {
            self.done.faults.push(VerifyFault {
                recording: Some(row.recording),
                day: None,
                path: Some(row.path.clone()),
                at_byte: Some(at_byte),
                at_ms: Some(at_ms),
                what,
            });
        }
    }

    fn day_fault(&mut self, day: &str, what: String) {
        let day = Some(day.to_owned());
        self.done.faults.push(VerifyFault { recording: None, day, path: None, at_byte: None, at_ms: None, what });
    }
}

struct Wrong {
    at_byte: u64,
    at_ms: u64,
    what: String,
}

impl Wrong {
    fn at(at_byte: u64, at_ms: u64, what: impl Into<String>) -> Self {
        Self { at_byte, at_ms, what: what.into() }
    }
}

fn compare(row: &RecordingReport, found: &Inspection) -> Option<Wrong> {
    let (bytes, length) = (found.sound_bytes, found.length_ms);
    if found.head.recording != row.recording {
        return Some(Wrong::at(0, 0, format!("the file holds recording {}", found.head.recording)));
    }
    match found.ending {
        Ending::Damaged { at_ms } => return Some(Wrong::at(bytes, at_ms, "from here on the file is not as it was written")),
        Ending::Cut { at_ms } => match row.state {
            RecordingState::Complete => return Some(Wrong::at(bytes, at_ms, "the file was cut: its end is missing")),
            RecordingState::Cut if row.bytes.is_some_and(|then| found.bytes < then) => {
                return Some(Wrong::at(bytes, at_ms, "the file was cut: it was longer when the server found it"));
            }
            RecordingState::Cut | RecordingState::Open | RecordingState::Failed => {}
        },
        Ending::Complete => {}
    }
    let differs = row.digest.as_ref().is_some_and(|digest| *digest != found.digest);
    differs.then(|| Wrong::at(bytes, length, "the file is whole, but not the one that its row was closed with"))
}

//! Rows of recordings over the years: their wrapped keys, the days they are chained in, and what has expired. Not their files.

use super::calls::{RecordingReport, recording_columns, select_recordings};
use super::holds::NOT_HELD;
use super::{Store, StoreError, int, uint};
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use shared::model::{RecordingId, UnixMillis};

/// Most rows of one look-up here; what is left is found by the next.
const BATCH: i64 = 10_000;

/// A closed day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RecordingDay {
    /// In UTC, such as 2026-11-23.
    pub(crate) day: String,
    /// Root of the closed day before it; 64 zeros for the first.
    pub(crate) previous: String,
    /// SHA-256 over the root before and the digests of the day's recordings, lower-case hex.
    pub(crate) root: String,
    /// How many recordings it covers.
    pub(crate) recordings: u64,
}

/// A recording's place on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordingPlace {
    /// Which.
    pub(crate) recording: RecordingId,
    /// Relative to the recordings folder.
    pub(crate) path: String,
    /// The wrapped key as text; `None` if the file has not been looked at, or is not sealed.
    pub(crate) envelope: Option<String>,
}

/// A wrapped key as it stands in a recording's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyText {
    /// Id of the master key that it is wrapped by.
    pub(crate) key: String,
    /// The wrapped data key, as in the file's head.
    pub(crate) envelope: String,
}

impl Store {
    /// Closed recordings whose wrapped key is not in their row yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_without_envelope(&self) -> Result<Vec<RecordingPlace>, StoreError> {
        self.places("envelope IS NULL AND state != 'open' AND expired_utc_ms IS NULL ORDER BY id", UnixMillis(i64::MAX))
    }

    /// All sealed recordings that are still there, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn sealed_recordings(&self) -> Result<Vec<RecordingPlace>, StoreError> {
        self.places("(envelope IS NULL OR envelope != '') AND expired_utc_ms IS NULL ORDER BY id", UnixMillis(i64::MAX))
    }

    /// Recordings that ended, began before the moment, are still there and are not held as evidence, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_before(&self, moment: UnixMillis) -> Result<Vec<RecordingPlace>, StoreError> {
        self.places(&format!("state != 'open' AND expired_utc_ms IS NULL AND {NOT_HELD} ORDER BY started_utc_ms, id"), moment)
    }

    /// The place of the recording with this path.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recording_place(&self, path: &str) -> Result<Option<RecordingPlace>, StoreError> {
        let sql = "SELECT id, path, envelope FROM recordings WHERE path = ?1";
        self.connection().query_row(sql, [path], read_place).optional().map_err(|error| self.error(error))
    }

    /// Puts a wrapped key into the recording's row.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn set_envelope(&self, recording: RecordingId, envelope: KeyText) -> Result<(), StoreError> {
        self.set_envelopes(&[(recording, Some(envelope))])
    }

    /// Puts the wrapped keys of many recordings into their rows, all or nothing: one wait for the disk, not one for each. `None` says that
    /// a file is not sealed.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn set_envelopes(&self, envelopes: &[(RecordingId, Option<KeyText>)]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let done = (|| -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut update = transaction.prepare("UPDATE recordings SET key_id = ?2, envelope = ?3 WHERE id = ?1")?;
            for (recording, found) in envelopes {
                let (key, envelope) = found.as_ref().map_or((None, ""), |found| (Some(&found.key), &found.envelope));
                update.execute(params![int(recording.0), key, envelope])?;
            }
            drop(update);
            transaction.commit()
        })();
        done.map_err(|error| self.error(error))
    }

    /// Marks a recording whose file was deleted by rule. The row stays.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn mark_expired(&self, recording: RecordingId, now: UnixMillis) -> Result<(), StoreError> {
        let sql = "UPDATE recordings SET expired_utc_ms = ?2 WHERE id = ?1";
        self.connection().execute(sql, params![int(recording.0), now.0]).map_err(|error| self.error(error))?;
        Ok(())
    }

    /// Every closed day, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recording_days(&self) -> Result<Vec<RecordingDay>, StoreError> {
        let connection = self.connection();
        let days = (|| -> rusqlite::Result<Vec<_>> {
            let mut select = connection.prepare("SELECT day, previous, root, recordings FROM recording_days ORDER BY day")?;
            select.query_map([], read_day)?.collect()
        })();
        days.map_err(|error| self.error(error))
    }

    /// The newest closed day.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn last_recording_day(&self) -> Result<Option<RecordingDay>, StoreError> {
        let sql = "SELECT day, previous, root, recordings FROM recording_days ORDER BY day DESC LIMIT 1";
        self.connection().query_row(sql, [], read_day).optional().map_err(|error| self.error(error))
    }

    /// Start of the oldest recording that has a digest and no day yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn first_recording_without_day(&self) -> Result<Option<UnixMillis>, StoreError> {
        let sql = "SELECT min(started_utc_ms) FROM recordings WHERE day IS NULL AND digest IS NOT NULL";
        let found: Option<i64> = self.connection().query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(error))?;
        Ok(found.map(UnixMillis))
    }

    /// Recordings that began before the moment, have a digest and no day yet, in order of their ids; `None` while one that began
    /// before it is still open.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_without_day(&self, before: UnixMillis) -> Result<Option<Vec<(RecordingId, String)>>, StoreError> {
        let connection = self.connection();
        let found = (|| -> rusqlite::Result<_> {
            let open = "SELECT count(*) FROM recordings WHERE state = 'open' AND started_utc_ms < ?1";
            if connection.query_row(open, [before.0], |row| row.get::<_, i64>(0))? > 0 {
                return Ok(None);
            }
            let mut select = connection.prepare(
                "SELECT id, digest FROM recordings WHERE day IS NULL AND digest IS NOT NULL AND started_utc_ms < ?1 ORDER BY id",
            )?;
            let rows = select.query_map([before.0], |row| Ok((RecordingId(uint(row.get(0)?)), row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map(Some)
        })();
        found.map_err(|error| self.error(error))
    }

    /// Closes a day over these recordings, all or nothing.
    ///
    /// # Errors
    /// The database cannot be written, or the day is closed already.
    pub(crate) fn close_recording_day(
        &self,
        day: &RecordingDay,
        recordings: &[(RecordingId, String)],
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let done = (|| -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let insert = "INSERT INTO recording_days (day, previous, root, recordings, closed_utc_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.execute(insert, params![day.day, day.previous, day.root, int(day.recordings), now.0])?;
            for (recording, _) in recordings {
                transaction.execute("UPDATE recordings SET day = ?2 WHERE id = ?1", params![int(recording.0), day.day])?;
            }
            transaction.commit()
        })();
        done.map_err(|error| self.error(error))
    }

    /// The recordings that a closed day covers, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_of_day(&self, day: &str) -> Result<Vec<RecordingReport>, StoreError> {
        let sql = format!("SELECT {} FROM recordings WHERE day = ?1 ORDER BY id", recording_columns());
        select_recordings(&self.connection(), &sql, day).map_err(|error| self.error(error))
    }

    /// Up to some thousand recordings behind the given one, in order of their ids.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_after(&self, last: RecordingId) -> Result<Vec<RecordingReport>, StoreError> {
        let sql = format!("SELECT {} FROM recordings WHERE id > ?1 ORDER BY id LIMIT {BATCH}", recording_columns());
        select_recordings(&self.connection(), &sql, int(last.0)).map_err(|error| self.error(error))
    }

    /// The rows that a condition and order choose, of those that began before the moment.
    fn places(&self, filter: &str, before: UnixMillis) -> Result<Vec<RecordingPlace>, StoreError> {
        let connection = self.connection();
        let places = (|| -> rusqlite::Result<Vec<_>> {
            let sql = format!("SELECT id, path, envelope FROM recordings WHERE started_utc_ms < ?1 AND {filter}");
            let mut select = connection.prepare(&sql)?;
            select.query_map([before.0], read_place)?.collect()
        })();
        places.map_err(|error| self.error(error))
    }
}

fn read_place(row: &rusqlite::Row<'_>) -> rusqlite::Result<RecordingPlace> {
    let envelope: Option<String> = row.get(2)?;
    let envelope = envelope.filter(|text| !text.is_empty());
    Ok(RecordingPlace { recording: RecordingId(uint(row.get(0)?)), path: row.get(1)?, envelope })
}

fn read_day(row: &rusqlite::Row<'_>) -> rusqlite::Result<RecordingDay> {
    Ok(RecordingDay { day: row.get(0)?, previous: row.get(1)?, root: row.get(2)?, recordings: uint(row.get(3)?) })
}

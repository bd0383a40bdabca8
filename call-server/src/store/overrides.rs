//! Hours overridden by hand 应急模式, with author, reason and expiry; never deleted. What they mean is worked out by the core.

use super::{Store, StoreError};
use call_core::plan::{Mode, Override, Scope};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use shared::model::UnixMillis;

/// An override to be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewOverride {
    /// For what.
    pub(crate) scope: Scope,
    /// Open, or closed and what follows.
    pub(crate) mode: Mode,
    /// Why.
    pub(crate) reason: String,
    /// Staff number of who orders it.
    pub(crate) author: String,
    /// From when on it counts no more.
    pub(crate) expires: UnixMillis,
}

/// An override as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OverrideEntry {
    /// Its own number.
    pub(crate) entry: u32,
    /// What was ordered.
    #[serde(flatten)]
    pub(crate) ordered: NewOverride,
    /// When.
    pub(crate) created: UnixMillis,
    /// When it was lifted before its expiry.
    pub(crate) removed: Option<UnixMillis>,
    /// By whom.
    pub(crate) removed_by: Option<String>,
}

impl Store {
    /// Puts an override on record and returns its number.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn add_override(&self, new: &NewOverride, now: UnixMillis) -> Result<u32, StoreError> {
        let sql = "INSERT INTO calendar_overrides (scope, mode, reason, author, created_utc_ms, expires_utc_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
        let (scope, mode) = (json(&new.scope), json(&new.mode));
        let values = params![scope, mode, new.reason, new.author, now.0, new.expires.0];
        self.connection().query_row(sql, values, |row| row.get(0)).map_err(|error| self.error(error))
    }

    /// Lifts an override; it stays on record. False if none of that number is in force.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn remove_override(&self, entry: u32, by: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let sql = "UPDATE calendar_overrides SET removed_utc_ms = ?2, removed_by = ?3
             WHERE id = ?1 AND removed_utc_ms IS NULL AND expires_utc_ms > ?2";
        let changed = self.connection().execute(sql, params![entry, now.0, by]);
        changed.map(|changed| changed == 1).map_err(|error| self.error(error))
    }

    /// The overrides in force at `now`, or all that ever were; oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn overrides(&self, in_force_at: Option<UnixMillis>) -> Result<Vec<OverrideEntry>, StoreError> {
        select(&self.connection(), in_force_at).map_err(|error| self.error(error))
    }
}

impl OverrideEntry {
    /// The core's own form.
    pub(crate) fn into_core(self) -> Override {
        let NewOverride { scope, mode, reason, author, expires } = self.ordered;
        Override { scope, mode, author, reason, expires }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("scope and mode have string keys and no failing serializers")
}

fn select(connection: &Connection, in_force_at: Option<UnixMillis>) -> rusqlite::Result<Vec<OverrideEntry>> {
    let mut select = connection.prepare(
        "SELECT id, scope, mode, reason, author, created_utc_ms, expires_utc_ms, removed_utc_ms, removed_by FROM calendar_overrides
         WHERE ?1 IS NULL OR (removed_utc_ms IS NULL AND expires_utc_ms > ?1) ORDER BY id",
    )?;
    let entries = select.query_map([in_force_at.map(|now| now.0)], |row| {
        Ok(OverrideEntry {
            entry: row.get(0)?,
            ordered: NewOverride {
                scope: parsed(row, 1)?,
                mode: parsed(row, 2)?,
                reason: row.get(3)?,
                author: row.get(4)?,
                expires: UnixMillis(row.get(6)?),
            },
            created: UnixMillis(row.get(5)?),
            removed: row.get::<_, Option<i64>>(7)?.map(UnixMillis),
            removed_by: row.get(8)?,
        })
    })?;
    entries.collect()
}

fn parsed<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use call_core::plan::{Exit, PromptName};
    use shared::model::QueueId;

    #[test]
    fn an_override_counts_until_it_expires_or_is_lifted_and_stays_on_record() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let new = NewOverride {
            scope: Scope::Queue(QueueId(3)),
            mode: Mode::Closed(Exit::Announce(PromptName::from("typhoon"))),
            reason: "台风".to_owned(),
            author: "2001".to_owned(),
            expires: UnixMillis(1_000),
        };
        let one = store.add_override(&new, UnixMillis(5)).expect("written");
        store.add_override(&NewOverride { scope: Scope::Everything, mode: Mode::Open, ..new.clone() }, UnixMillis(6)).expect("written");
        let in_force = store.overrides(Some(UnixMillis(10))).expect("readable");
        assert_eq!((in_force.len(), &in_force[0].ordered), (2, &new));
        assert!(store.remove_override(one, "2001", UnixMillis(20)).expect("written"));
        assert!(!store.remove_override(one, "2001", UnixMillis(21)).expect("written"), "once");
        assert_eq!(store.overrides(Some(UnixMillis(30))).expect("readable").len(), 1);
        assert_eq!(store.overrides(Some(UnixMillis(1_000))).expect("readable").len(), 0, "expired");
        assert_eq!(store.overrides(None).expect("readable").len(), 2);
    }
}

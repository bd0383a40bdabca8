//! Recordings that are evidence 证据保全: no rule deletes or changes them until a person lifts the hold. What was held and lifted stays on
//! record.

use super::{Store, StoreError, int, uint};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use shared::model::{InteractionId, UnixMillis};

/// For a WHERE over `recordings`: the recording may be changed by rule.
pub(super) const NOT_HELD: &str =
    "NOT EXISTS (SELECT 1 FROM legal_holds h WHERE h.interaction_id = recordings.interaction_id AND h.lifted_utc_ms IS NULL)";

/// A column of `recordings`: why it is held, if it is.
pub(super) const HELD_COLUMN: &str = "(SELECT h.reason FROM legal_holds h WHERE h.interaction_id = recordings.interaction_id \
     AND h.lifted_utc_ms IS NULL ORDER BY h.id LIMIT 1) AS held";

/// One hold, in force or lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hold {
    /// Whose recordings.
    pub(crate) interaction: InteractionId,
    /// Since when.
    pub(crate) since: UnixMillis,
    /// Why: a stable code of the server, or a person's words.
    pub(crate) reason: String,
    /// Staff number; empty is the server.
    pub(crate) author: String,
    /// When it was lifted.
    pub(crate) lifted: Option<UnixMillis>,
    /// By whom.
    pub(crate) lifted_by: Option<String>,
    /// Why.
    pub(crate) lifted_reason: Option<String>,
}

/// Holds the recordings of an interaction; one hold for the same reason is enough.
pub(super) fn hold(
    connection: &Connection,
    interaction: InteractionId,
    (reason, author): (&str, &str),
    now: UnixMillis,
) -> rusqlite::Result<()> {
    let held = "SELECT 1 FROM legal_holds WHERE interaction_id = ?1 AND reason = ?2 AND lifted_utc_ms IS NULL";
    if connection.query_row(held, params![int(interaction.0), reason], |_| Ok(())).optional()?.is_none() {
        let insert = "INSERT INTO legal_holds (interaction_id, since_utc_ms, reason, author) VALUES (?1, ?2, ?3, ?4)";
        connection.execute(insert, params![int(interaction.0), now.0, reason, author])?;
    }
    Ok(())
}

impl Store {
    /// Holds the recordings of an interaction by a person's wish; `false` if there is no such interaction.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn hold_recordings(
        &self,
        interaction: InteractionId,
        (reason, by): (&str, &str),
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let connection = self.connection();
        let done = (|| -> rusqlite::Result<bool> {
            let known = "SELECT 1 FROM interactions WHERE id = ?1";
            if connection.query_row(known, [int(interaction.0)], |_| Ok(())).optional()?.is_none() {
                return Ok(false);
            }
            hold(&connection, interaction, (reason, by), now).map(|()| true)
        })();
        done.map_err(|error| self.error(error))
    }

    /// Lifts every hold of an interaction; returns how many there were.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn lift_holds(&self, interaction: InteractionId, (reason, by): (&str, &str), now: UnixMillis) -> Result<usize, StoreError> {
        let sql = "UPDATE legal_holds SET lifted_utc_ms = ?2, lifted_by = ?3, lifted_reason = ?4
                   WHERE interaction_id = ?1 AND lifted_utc_ms IS NULL";
        self.connection().execute(sql, params![int(interaction.0), now.0, by, reason]).map_err(|error| self.error(error))
    }

    /// Every hold of an interaction, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn holds(&self, interaction: InteractionId) -> Result<Vec<Hold>, StoreError> {
        select(&self.connection(), interaction).map_err(|error| self.error(error))
    }
}

/// Every hold of an interaction, in order.
pub(super) fn select(connection: &Connection, interaction: InteractionId) -> rusqlite::Result<Vec<Hold>> {
    let mut select = connection.prepare_cached(
        "SELECT interaction_id, since_utc_ms, reason, author, lifted_utc_ms, lifted_by, lifted_reason
         FROM legal_holds WHERE interaction_id = ?1 ORDER BY id",
    )?;
    let holds = select.query_map([int(interaction.0)], |row| {
        Ok(Hold {
            interaction: InteractionId(uint(row.get(0)?)),
            since: UnixMillis(row.get(1)?),
            reason: row.get(2)?,
            author: row.get(3)?,
            lifted: row.get::<_, Option<i64>>(4)?.map(UnixMillis),
            lifted_by: row.get(5)?,
            lifted_reason: row.get(6)?,
        })
    })?;
    holds.collect()
}

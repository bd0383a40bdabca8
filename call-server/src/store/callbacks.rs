//! Callbacks on record 排队回呼: what the core says of them, and what people do about those that nobody answered.

use super::{Store, StoreError, int, uint};
use call_core::ledger::{CallbackRecord, CallbackState};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use shared::model::{DialResult, InteractionId, PhoneNumber, QueueId, UnixMillis};

/// Most callbacks that are listed, or open at a start.
const MOST: u64 = 10_000;

/// A callback as it stands on record. Serialised it shows the number: for those who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CallbackEntry {
    /// What the core said of it last.
    #[serde(flatten)]
    pub(crate) record: CallbackRecord,
    /// When somebody has seen to it, or has taken it back.
    pub(crate) settled: Option<UnixMillis>,
    /// Staff number of who did.
    pub(crate) settled_by: Option<String>,
}

/// Which callbacks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackList {
    /// Those that the hotline will try.
    Open,
    /// Those that people have to see to: missed or expired, and nobody has yet.
    Unsettled,
    /// All, the newest.
    All,
}

impl Store {
    /// Callbacks in order of their places in the line.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn callbacks(&self, which: CallbackList) -> Result<Vec<CallbackEntry>, StoreError> {
        select(&self.connection(), which).map_err(|error| self.error(error))
    }

    /// Puts down who has taken an open callback back; what the hotline still does about it is the core's. `false` if it is not open.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn cancel_callback(&self, callback: InteractionId, by: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let sql = "UPDATE callbacks SET state = 'cancelled', changed_utc_ms = ?2, settled_utc_ms = ?2, settled_by = ?3
             WHERE interaction_id = ?1 AND state = 'open'";
        self.change_callback(sql, callback, by, now)
    }

    /// Puts down who has seen to a callback that nobody answered. `false` if it waits for nobody.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn settle_callback(&self, callback: InteractionId, by: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let sql = "UPDATE callbacks SET settled_utc_ms = ?2, settled_by = ?3
             WHERE interaction_id = ?1 AND state IN ('missed', 'expired') AND settled_utc_ms IS NULL";
        self.change_callback(sql, callback, by, now)
    }

    fn change_callback(&self, sql: &str, callback: InteractionId, by: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let changed = self.connection().execute(sql, params![int(callback.0), now.0, by]);
        changed.map(|changed| changed == 1).map_err(|error| self.error(error))
    }
}

/// The core's word about a callback; the first word makes the row.
pub(super) fn put(connection: &Connection, record: &CallbackRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO callbacks (interaction_id, number, queue_id, entered_utc_ms, asked_utc_ms, attempts, last_result, due_utc_ms,
                 state, reached_in, changed_utc_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (interaction_id) DO UPDATE SET attempts = ?6, last_result = ?7, due_utc_ms = ?8, state = ?9, reached_in = ?10,
                 changed_utc_ms = ?11",
        )?
        .execute(params![
            int(record.callback.0),
            record.number.reveal().as_str(),
            record.queue.0,
            record.entered.0,
            record.asked.0,
            record.attempts,
            record.last_result.map(DialResult::code),
            record.due.0,
            record.state.code(),
            record.reached_in.map(|interaction| int(interaction.0)),
            record.changed.0,
        ])?;
    Ok(())
}

fn select(connection: &Connection, which: CallbackList) -> rusqlite::Result<Vec<CallbackEntry>> {
    let wanted = match which {
        CallbackList::Open => "state = 'open'",
        CallbackList::Unsettled => "state IN ('missed', 'expired') AND settled_utc_ms IS NULL",
        CallbackList::All => "1",
    };
    let sql = format!(
        "SELECT * FROM (SELECT * FROM callbacks WHERE {wanted} ORDER BY interaction_id DESC LIMIT ?1) ORDER BY entered_utc_ms, interaction_id"
    );
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map([int(MOST)], entry)?;
    rows.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<CallbackEntry> {
    let number: String = row.get("number")?;
    let unreadable = |column, why: String| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into());
    let number = PhoneNumber::parse(&number).map_err(|error| unreadable(1, error.to_string()))?;
    let state: String = row.get("state")?;
    let state = CallbackState::ALL.into_iter().find(|known| known.code() == state).ok_or_else(|| unreadable(8, state))?;
    let last_result: Option<String> = row.get("last_result")?;
    let last_result = last_result
        .map(|code| serde_json::from_value::<DialResult>(code.into()).map_err(|error| unreadable(6, error.to_string())))
        .transpose()?;
    let record = CallbackRecord {
        callback: InteractionId(uint(row.get("interaction_id")?)),
        number: number.into(),
        queue: QueueId(row.get("queue_id")?),
        entered: UnixMillis(row.get("entered_utc_ms")?),
        asked: UnixMillis(row.get("asked_utc_ms")?),
        attempts: row.get("attempts")?,
        last_result,
        due: UnixMillis(row.get("due_utc_ms")?),
        state,
        reached_in: row.get::<_, Option<i64>>("reached_in")?.map(|interaction| InteractionId(uint(interaction))),
        changed: UnixMillis(row.get("changed_utc_ms")?),
    };
    let settled = row.get::<_, Option<i64>>("settled_utc_ms")?.map(UnixMillis);
    Ok(CallbackEntry { record, settled, settled_by: row.get("settled_by")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_callback_is_written_anew_after_each_change_and_who_saw_to_it_stays() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let sql = "INSERT INTO interactions (id, started_utc_ms, dialled, probe, state) VALUES (7, 1, '12345', 0, 'open'), (8, 1, '12345', 0, 'open')";
        store.connection().execute_batch(sql).expect("two calls");
        let first = CallbackRecord {
            callback: InteractionId(7),
            number: PhoneNumber::parse("13900000001").expect("a number").into(),
            queue: QueueId(3),
            entered: UnixMillis(50),
            asked: UnixMillis(60),
            attempts: 0,
            last_result: None,
            due: UnixMillis(60),
            state: CallbackState::Open,
            reached_in: None,
            changed: UnixMillis(60),
        };
        let second = CallbackRecord { callback: InteractionId(8), entered: UnixMillis(40), ..first.clone() };
        let put = |record: &CallbackRecord| super::put(&store.connection(), record).expect("written");
        put(&first);
        put(&second);
        let listed = |which| store.callbacks(which).expect("readable").into_iter().map(|entry| entry.record).collect::<Vec<_>>();
        assert_eq!(listed(CallbackList::Open), [second.clone(), first.clone()], "in the order of their places");
        let missed = CallbackRecord {
            attempts: 3,
            last_result: Some(DialResult::NoAnswer),
            state: CallbackState::Missed,
            changed: UnixMillis(90),
            ..first.clone()
        };
        put(&missed);
        assert_eq!((listed(CallbackList::Open), listed(CallbackList::Unsettled)), (vec![second], vec![missed.clone()]));
        assert!(!store.cancel_callback(InteractionId(7), "2001", UnixMillis(95)).expect("written"), "it is open no more");
        assert!(store.settle_callback(InteractionId(7), "2001", UnixMillis(95)).expect("written"));
        assert!(!store.settle_callback(InteractionId(7), "2002", UnixMillis(96)).expect("written"), "once");
        assert!(store.cancel_callback(InteractionId(8), "2001", UnixMillis(97)).expect("written"));
        put(&missed);
        let all = store.callbacks(CallbackList::All).expect("readable");
        assert_eq!((listed(CallbackList::Unsettled).len(), all[1].settled_by.as_deref()), (0, Some("2001")));
        assert_eq!((all[0].record.state, all[0].settled), (CallbackState::Cancelled, Some(UnixMillis(97))));
    }
}

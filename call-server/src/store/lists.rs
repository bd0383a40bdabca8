//! Blocked numbers and numbers in favour as the database keeps them: with reason, evidence, author and expiry, and never deleted.
//!
//! What an entry does to a call is decided by the core, which gets only what decides ([`Store::callers_in_force`]).

use super::{Store, StoreError, int};
use call_core::plan::{BlockEntry, BlockLevel, Callers, FavourEntry, NumberPattern};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use shared::model::{CareClass, CareMark, PhoneNumber, UnixMillis};
use shared::pii::Pii;

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum List {
    /// 拦截
    Block,
    /// VIP, 特殊人群
    Favour,
}

impl List {
    /// Stable code, equal to the serialised form.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Favour => "favour",
        }
    }
}

/// An entry to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewListEntry {
    /// On which list.
    pub(crate) list: List,
    /// The number, or its beginning; kept in its subscriber form.
    pub(crate) number: Pii<PhoneNumber>,
    /// Whether more digits may follow.
    pub(crate) prefix: bool,
    /// Level of a block ([`REJECT`], [`LOW_PRIORITY`]), or class of people in favour.
    pub(crate) effect: String,
    /// Points taken or given.
    pub(crate) points: u32,
    /// With [`RATE`]: calls that are let in.
    pub(crate) rate_calls: u32,
    /// With [`RATE`]: within so many ms.
    pub(crate) rate_within_ms: u64,
    /// Why.
    pub(crate) reason: String,
    /// Calls or papers that prove it; may be empty.
    pub(crate) evidence: String,
    /// Staff number of who added it.
    pub(crate) author: String,
    /// From when on it counts no more.
    pub(crate) expires: UnixMillis,
}

/// An entry as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ListEntry {
    /// The entry's own number.
    pub(crate) entry: u32,
    /// What was added.
    #[serde(flatten)]
    pub(crate) added: NewListEntry,
    /// When.
    pub(crate) created: UnixMillis,
    /// When it was taken off before its expiry.
    pub(crate) removed: Option<UnixMillis>,
    /// By whom.
    pub(crate) removed_by: Option<String>,
    /// Why.
    pub(crate) removed_reason: Option<String>,
    /// Calls of which the fact is on record that the entry fitted, also those that it let in.
    pub(crate) hits: u64,
}

/// Level of a block: refused before any line is entered.
pub(crate) const REJECT: &str = "reject";
/// Level of a block: hears a text and is hung up.
pub(crate) const ANNOUNCE: &str = "announce";
/// Level of a block: so many calls in a time, and no more.
pub(crate) const RATE: &str = "rate";
/// Level of a block: waits behind others.
pub(crate) const LOW_PRIORITY: &str = "low_priority";

const COLUMNS: &str = "id, list, number, prefix, effect, points, reason, evidence, author, created_utc_ms, expires_utc_ms, \
     removed_utc_ms, removed_by, removed_reason, rate_calls, rate_within_ms";

impl Store {
    /// Adds an entry and returns its number.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn add_list_entry(&self, new: &NewListEntry, now: UnixMillis) -> Result<u32, StoreError> {
        let sql =
            "INSERT INTO list_entries (list, number, prefix, effect, points, reason, evidence, author, created_utc_ms, expires_utc_ms,
                 rate_calls, rate_within_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING id";
        let number = new.number.reveal().subscriber();
        let values = params![
            new.list.code(),
            number,
            new.prefix,
            new.effect,
            new.points,
            new.reason,
            new.evidence,
            new.author,
            now.0,
            new.expires.0,
            new.rate_calls,
            int(new.rate_within_ms)
        ];
        self.connection().query_row(sql, values, |row| row.get(0)).map_err(|error| self.error(error))
    }

    /// Takes an entry off; it stays on record. False if there is no such entry in force on that list.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn remove_list_entry(
        &self,
        list: List,
        entry: u32,
        (by, reason): (&str, &str),
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE list_entries SET removed_utc_ms = ?3, removed_by = ?4, removed_reason = ?5
             WHERE id = ?1 AND list = ?2 AND removed_utc_ms IS NULL";
        let changed = self.connection().execute(sql, params![entry, list.code(), now.0, by, reason]);
        changed.map(|changed| changed == 1).map_err(|error| self.error(error))
    }

    /// One list, oldest first: the entries in force at `now`, or all that ever were.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn list_entries(&self, list: List, in_force_at: Option<UnixMillis>) -> Result<Vec<ListEntry>, StoreError> {
        select(&self.connection(), list, in_force_at).map_err(|error| self.error(error))
    }

    /// Both lists as the core needs them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn callers_in_force(&self, now: UnixMillis) -> Result<Callers, StoreError> {
        let blocked = self.list_entries(List::Block, Some(now))?.into_iter().map(block).collect();
        let favoured = self.list_entries(List::Favour, Some(now))?.into_iter().map(favour).collect();
        Ok(Callers { blocked, favoured, ..Callers::default() })
    }
}

fn block(entry: ListEntry) -> BlockEntry {
    let (points, calls, within_ms) = (entry.added.points, entry.added.rate_calls, entry.added.rate_within_ms);
    let level = match entry.added.effect.as_str() {
        LOW_PRIORITY => BlockLevel::LowPriority(points),
        RATE => BlockLevel::Rate { calls, within_ms },
        ANNOUNCE => BlockLevel::Announce,
        // Whatever was meant: a block blocks.
        _ => BlockLevel::Reject,
    };
    let expires = Some(entry.added.expires);
    BlockEntry { entry: entry.entry, level, expires, callers: pattern(entry.added) }
}

fn favour(entry: ListEntry) -> FavourEntry {
    let (points, expires) = (entry.added.points, Some(entry.added.expires));
    let class = serde_json::from_value::<CareClass>(entry.added.effect.clone().into()).ok();
    let mark = class.map(|class| CareMark { class, reason: entry.added.reason.clone() });
    FavourEntry { entry: entry.entry, points, expires, mark, callers: pattern(entry.added) }
}

fn pattern(added: NewListEntry) -> NumberPattern {
    NumberPattern { number: added.number.into_inner(), prefix: added.prefix }
}

fn select(connection: &Connection, list: List, in_force_at: Option<UnixMillis>) -> rusqlite::Result<Vec<ListEntry>> {
    // The fact counts; the number only says where to look for it.
    let fact = match list {
        List::Block => "blocked",
        List::Favour => "favoured",
    };
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT count(*) FROM interactions i JOIN facts f ON f.interaction_id = i.id
             WHERE (i.caller_subscriber = e.number OR (e.prefix = 1 AND substr(i.caller_subscriber, 1, length(e.number)) = e.number))
                 AND i.started_utc_ms >= e.created_utc_ms AND i.probe = 0
                 AND f.kind = ?3 AND json_extract(f.detail, '$.entry') = e.id)
         FROM list_entries e
         WHERE list = ?1 AND (?2 IS NULL OR (removed_utc_ms IS NULL AND expires_utc_ms > ?2)) ORDER BY id"
    );
    let mut select = connection.prepare(&sql)?;
    let entries = select.query_map(params![list.code(), in_force_at.map(|now| now.0), fact], |row| read(list, row))?;
    entries.collect()
}

fn read(list: List, row: &Row<'_>) -> rusqlite::Result<ListEntry> {
    let number: String = row.get(2)?;
    let number = PhoneNumber::parse(&number)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, error.into()))?;
    let hits: i64 = row.get(16)?;
    Ok(ListEntry {
        entry: row.get(0)?,
        added: NewListEntry {
            list,
            number: Pii::new(number),
            prefix: row.get(3)?,
            effect: row.get(4)?,
            points: row.get(5)?,
            rate_calls: row.get(14)?,
            rate_within_ms: super::uint(row.get(15)?),
            reason: row.get(6)?,
            evidence: row.get(7)?,
            author: row.get(8)?,
            expires: UnixMillis(row.get(10)?),
        },
        created: UnixMillis(row.get(9)?),
        removed: row.get::<_, Option<i64>>(11)?.map(UnixMillis),
        removed_by: row.get(12)?,
        removed_reason: row.get(13)?,
        hits: super::uint(hits),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use shared::model::Caller;

    fn new(list: List, number: &str, effect: &str) -> NewListEntry {
        NewListEntry {
            list,
            number: PhoneNumber::parse(number).expect("a number").into(),
            prefix: false,
            effect: effect.to_owned(),
            points: 40,
            rate_calls: 0,
            rate_within_ms: 0,
            reason: "辱骂".to_owned(),
            evidence: "12, 15".to_owned(),
            author: "2001".to_owned(),
            expires: UnixMillis(1_000),
        }
    }

    fn caller(number: &str) -> Caller {
        Caller { number: Some(PhoneNumber::parse(number).expect("a number").into()) }
    }

    #[test]
    fn an_entry_reaches_the_core_until_it_expires_or_is_removed_and_stays_on_record() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let one = store.add_list_entry(&new(List::Block, "+86 13912345678", REJECT), UnixMillis(1)).expect("added");
        let other = store.add_list_entry(&new(List::Block, "13900000000", LOW_PRIORITY), UnixMillis(2)).expect("added");
        store.add_list_entry(&new(List::Favour, "051987654321", "elderly"), UnixMillis(3)).expect("added");

        let lists = store.callers_in_force(UnixMillis(10)).expect("readable");
        assert_eq!(
            lists.block(&caller("013912345678"), UnixMillis(10)).map(|entry| (entry.entry, entry.level)),
            Some((one, BlockLevel::Reject))
        );
        assert_eq!(lists.points(&caller("13900000000"), UnixMillis(10)), -40);
        assert_eq!(lists.points(&caller("+86051987654321"), UnixMillis(10)), 40);

        assert!(store.remove_list_entry(List::Block, one, ("2001", "误加"), UnixMillis(20)).expect("written"));
        assert!(!store.remove_list_entry(List::Block, one, ("2001", "误加"), UnixMillis(21)).expect("written"), "only once");
        assert!(!store.remove_list_entry(List::Favour, other, ("2001", "误加"), UnixMillis(21)).expect("written"), "on its own list only");
        let in_force: Vec<_> =
            store.list_entries(List::Block, Some(UnixMillis(30))).expect("readable").iter().map(|entry| entry.entry).collect();
        assert_eq!(in_force, [other]);
        assert!(store.callers_in_force(UnixMillis(1_000)).expect("readable").blocked.is_empty(), "expired");
        let all = store.list_entries(List::Block, None).expect("readable");
        assert_eq!((all.len(), all[0].removed_by.as_deref(), all[0].removed), (2, Some("2001"), Some(UnixMillis(20))));
    }
}

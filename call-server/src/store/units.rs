//! Member units 成员单位 with their duty phones. A unit that is no longer named is disabled, never deleted: matters point to it.

use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use shared::model::{MemberUnit, UnitId, UnitPhone};

/// A unit to be put into the book, known by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewUnit {
    /// Its name, unique.
    pub(crate) name: String,
    /// All its phones.
    pub(crate) phones: Vec<UnitPhone>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub(crate) struct UnitImport {
    /// Units that were new.
    pub(crate) added: u32,
    /// Units whose phones were replaced or that are in force again.
    pub(crate) changed: u32,
    /// Units that are not named and were taken out of the book.
    pub(crate) removed: u32,
}

impl Store {
    /// Brings the book to these units in one step: new ones are added, others get these phones; with `all`, those not named leave it.
    ///
    /// # Errors
    /// The database cannot be written; nothing has changed then.
    pub(crate) fn import_units(&self, units: &[NewUnit], all: bool) -> Result<UnitImport, StoreError> {
        import(&mut self.connection(), units, all).map_err(|error| self.error(error))
    }

    /// The units in force after one of them, by id; at most `limit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn units(&self, after: Option<UnitId>, limit: usize) -> Result<Vec<MemberUnit>, StoreError> {
        select(&self.connection(), after, limit).map_err(|error| self.error(error))
    }

    /// The name of a unit in force.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn unit_name(&self, unit: UnitId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT name FROM units WHERE id = ?1 AND disabled = 0";
        self.connection().query_row(sql, [unit.0], |row| row.get(0)).optional().map_err(|error| self.error(error))
    }
}

fn import(connection: &mut Connection, units: &[NewUnit], all: bool) -> rusqlite::Result<UnitImport> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = UnitImport::default();
    let mut named = Vec::new();
    for unit in units {
        let known = transaction.query_row("SELECT id FROM units WHERE name = ?1", [&unit.name], |row| row.get::<_, u32>(0)).optional()?;
        let id = match known {
            Some(id) => {
                transaction.execute("UPDATE units SET disabled = 0 WHERE id = ?1", [id])?;
                transaction.execute("DELETE FROM unit_phones WHERE unit_id = ?1", [id])?;
                done.changed += 1;
                id
            }
            None => {
                done.added += 1;
                transaction.query_row("INSERT INTO units (name) VALUES (?1) RETURNING id", [&unit.name], |row| row.get(0))?
            }
        };
        for (place, phone) in (1_u32..).zip(&unit.phones) {
            let sql = "INSERT INTO unit_phones (unit_id, place, number, note, from_minute, to_minute) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            transaction.execute(sql, params![id, place, phone.number, phone.note, phone.from_minute, phone.to_minute])?;
        }
        named.push(id);
    }
    if all {
        let kept = serde_json::to_string(&named).unwrap_or_else(|_| "[]".to_owned());
        let sql = "UPDATE units SET disabled = 1 WHERE disabled = 0 AND id NOT IN (SELECT value FROM json_each(?1))";
        done.removed = u32::try_from(transaction.execute(sql, [kept])?).unwrap_or(u32::MAX);
    }
    transaction.commit()?;
    Ok(done)
}

fn select(connection: &Connection, after: Option<UnitId>, limit: usize) -> rusqlite::Result<Vec<MemberUnit>> {
    let mut select = connection.prepare("SELECT id, name FROM units WHERE disabled = 0 AND id > ?1 ORDER BY id LIMIT ?2")?;
    let mut phones =
        connection.prepare("SELECT number, note, from_minute, to_minute FROM unit_phones WHERE unit_id = ?1 ORDER BY place")?;
    let after = after.map_or(0, |unit| unit.0);
    let rows = select.query_map(params![after, super::int(limit as u64)], |row| {
        let id: u32 = row.get(0)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(UnitPhone { number: row.get(0)?, note: row.get(1)?, from_minute: row.get(2)?, to_minute: row.get(3)? })
        };
        Ok(MemberUnit { unit: UnitId(id), name: row.get(1)?, phones: phones.query_map([id], read)?.collect::<Result<_, _>>()? })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn unit(name: &str, number: &str) -> NewUnit {
        let phone = UnitPhone { number: number.to_owned(), note: "值班".to_owned(), from_minute: 480, to_minute: 1080 };
        NewUnit { name: name.to_owned(), phones: vec![phone] }
    }

    #[test]
    fn an_import_keeps_a_units_identity_and_takes_out_who_is_not_named_only_when_told() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let first = store.import_units(&[unit("市水务公司", "87210001"), unit("市城管局", "87210002")], true).expect("written");
        assert_eq!(first, UnitImport { added: 2, changed: 0, removed: 0 });
        let water = store.units(None, 9).expect("readable")[0].unit;
        let second = store.import_units(&[unit("市水务公司", "87219999")], false).expect("written");
        assert_eq!(second, UnitImport { added: 0, changed: 1, removed: 0 });
        let third = store.import_units(&[unit("市水务公司", "87219999")], true).expect("written");
        assert_eq!(third.removed, 1);
        let left = store.units(None, 9).expect("readable");
        assert_eq!((left.len(), left[0].unit, left[0].phones[0].number.as_str()), (1, water, "87219999"));
        assert_eq!(store.unit_name(water).expect("readable").as_deref(), Some("市水务公司"));
        assert_eq!(store.unit_name(UnitId(2)).expect("readable"), None, "no longer in force");
        assert!(store.units(Some(water), 9).expect("readable").is_empty());
    }
}

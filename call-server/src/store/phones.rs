//! Phones of the house as the database knows them. Their secrets are not in it: only what digest needs to check one.
//!
//! That value opens the phone's number to whoever has it, within our realm alone; so a secret is always random and made here, never a
//! person's password (RFC 7616 section 5.13).

use super::{Store, StoreError};
use call_core::plan::PermissionClass;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use shared::model::{PhoneNumber, UnixMillis};
use shared::pii::Pii;

/// A phone to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewPhone {
    /// Its number, unique; also its user name.
    pub(crate) number: PhoneNumber,
    /// Whose it is, or where it stands.
    pub(crate) name: String,
    /// How far it may dial.
    pub(crate) class: PermissionClass,
    /// HA1 by MD5, lower case hexadecimal digits.
    pub(crate) proof_md5: Pii<String>,
    /// HA1 by SHA-256, likewise.
    pub(crate) proof_sha256: Pii<String>,
}

/// One phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PhoneEntry {
    /// Its number.
    pub(crate) number: PhoneNumber,
    /// Whose it is, or where it stands.
    pub(crate) name: String,
    /// How far it may dial.
    pub(crate) class: PermissionClass,
    /// When it was added.
    pub(crate) created: UnixMillis,
    /// HA1 by MD5 and by SHA-256; never shown.
    #[serde(skip)]
    pub(crate) proofs: [Pii<String>; 2],
}

impl Store {
    /// Adds a phone. `false` if the number is taken.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn add_phone(&self, new: &NewPhone, now: UnixMillis) -> Result<bool, StoreError> {
        let sql =
            "INSERT OR IGNORE INTO phones (number, name, class, proof_md5, proof_sha256, created_utc_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let proofs = (new.proof_md5.reveal(), new.proof_sha256.reveal());
        let row = params![new.number.as_str(), new.name, new.class.code(), proofs.0, proofs.1, now.0];
        self.connection().execute(sql, row).map(|rows| rows == 1).map_err(|error| self.error(error))
    }

    /// Removes a phone. `false` if there is none with this number.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn remove_phone(&self, number: &PhoneNumber) -> Result<bool, StoreError> {
        let removed = self.connection().execute("DELETE FROM phones WHERE number = ?1", [number.as_str()]);
        removed.map(|rows| rows == 1).map_err(|error| self.error(error))
    }

    /// Every phone, by number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn phones(&self) -> Result<Vec<PhoneEntry>, StoreError> {
        let connection = self.connection();
        let listed = (|| {
            let sql = "SELECT number, name, class, created_utc_ms, proof_md5, proof_sha256 FROM phones ORDER BY number";
            let mut select = connection.prepare(sql)?;
            let rows = select.query_map([], |row| {
                let (number, class): (String, String) = (row.get(0)?, row.get(2)?);
                let proofs = [Pii::new(row.get(4)?), Pii::new(row.get(5)?)];
                Ok((number, class, row.get(1)?, UnixMillis(row.get(3)?), proofs))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })();
        let rows = listed.map_err(|error| self.error(error))?;
        // The table allows no other class; what is no number was not written here.
        Ok(rows
            .into_iter()
            .filter_map(|(number, class, name, created, proofs)| {
                Some(PhoneEntry { number: PhoneNumber::parse(&number).ok()?, name, class: class.parse().ok()?, created, proofs })
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::NewPhone;
    use crate::scratch::Scratch;
    use crate::store::Store;
    use call_core::plan::PermissionClass;
    use shared::model::{PhoneNumber, UnixMillis};

    #[test]
    fn a_phone_is_added_once_listed_without_its_proofs_and_removed() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let number = PhoneNumber::parse("8001").expect("a number");
        let new = NewPhone {
            number: number.clone(),
            name: "值班室".to_owned(),
            class: PermissionClass::Local,
            proof_md5: "a".repeat(32).into(),
            proof_sha256: "b".repeat(64).into(),
        };
        assert!(store.add_phone(&new, UnixMillis(5)).expect("writable"));
        assert!(!store.add_phone(&new, UnixMillis(6)).expect("writable"), "the number is taken");
        let listed = store.phones().expect("readable");
        assert_eq!(
            (listed.len(), &listed[0].number, listed[0].class, listed[0].created),
            (1, &number, PermissionClass::Local, UnixMillis(5))
        );
        assert_eq!(listed[0].proofs[1].reveal(), &"b".repeat(64));
        assert!(!serde_json::to_string(&listed).expect("plain values").contains("bbbb"));
        assert!(store.remove_phone(&number).expect("writable") && !store.remove_phone(&number).expect("writable"));
        assert!(store.phones().expect("readable").is_empty());
    }
}

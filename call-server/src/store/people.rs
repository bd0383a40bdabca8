//! Agents as the database knows them. Passwords come and go as hashes only (5-2); checking them is not done here.

use super::{Store, StoreError};
use call_core::plan::{Membership, PermissionClass, SkillId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, QueueId, UnixMillis, VoiceDevice};
use shared::pii::Pii;
use std::collections::BTreeMap;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// 话务员
    Agent,
    /// 督办
    Supervisor,
}

impl Role {
    /// Stable code, equal to the serialised form.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
        }
    }

    /// The tables allow no third value.
    fn from_code(code: &str) -> Self {
        if code == Self::Supervisor.code() { Self::Supervisor } else { Self::Agent }
    }
}

/// What sign-in needs to know of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Identity.
    pub(crate) agent: AgentId,
    /// Staff number 工号.
    pub(crate) number: String,
    /// Name.
    pub(crate) name: String,
    /// What this person may do.
    pub(crate) role: Role,
    /// Argon2id in PHC form; wrapped so that it cannot reach a log.
    pub(crate) password_hash: Pii<String>,
    /// May not sign in.
    pub(crate) disabled: bool,
    /// Somebody else has given the password (5-3).
    pub(crate) password_is_initial: bool,
}

/// A person to be added.
#[derive(Debug, Clone)]
pub(crate) struct NewAgent {
    /// Staff number 工号, unique.
    pub(crate) number: String,
    /// Name.
    pub(crate) name: String,
    /// What this person may do.
    pub(crate) role: Role,
    /// Argon2id in PHC form.
    pub(crate) password_hash: Pii<String>,
    /// The person must change it before anything else.
    pub(crate) password_is_initial: bool,
    /// The queues this person serves.
    pub(crate) queues: Vec<QueueId>,
}

/// One line of the staff list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AgentEntry {
    /// Identity.
    pub(crate) agent: AgentId,
    /// Staff number 工号.
    pub(crate) number: String,
    /// Name.
    pub(crate) name: String,
    /// What this person may do.
    pub(crate) role: Role,
    /// May not sign in.
    pub(crate) disabled: bool,
    /// The queues this person serves, by id.
    pub(crate) queues: Vec<QueueId>,
    /// The person's part in each of them.
    pub(crate) memberships: BTreeMap<QueueId, Membership>,
    /// Levels from 1 to 9.
    pub(crate) skills: BTreeMap<SkillId, u8>,
    /// Calls are accepted by themselves after ringing for so long 自动应答, in ms.
    pub(crate) auto_answer_ms: Option<u64>,
    /// How far this person may dial.
    pub(crate) class: PermissionClass,
    /// The phone by which the person may speak 座席电话: a number, or a `sip:` URI.
    pub(crate) phone: Option<String>,
    /// By what the person speaks who chooses nothing at sign-in.
    pub(crate) voice: VoiceDevice,
}

impl Store {
    /// The person with this staff number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn credentials(&self, number: &str) -> Result<Option<Credentials>, StoreError> {
        let sql = "SELECT id, number, name, role, password_hash, disabled, password_is_initial FROM agents WHERE number = ?1";
        let read = |row: &Row<'_>| {
            Ok(Credentials {
                agent: AgentId(row.get(0)?),
                number: row.get(1)?,
                name: row.get(2)?,
                role: Role::from_code(&row.get::<_, String>(3)?),
                password_hash: Pii::new(row.get(4)?),
                disabled: row.get(5)?,
                password_is_initial: row.get(6)?,
            })
        };
        self.connection().query_row(sql, [number], read).optional().map_err(|error| self.error(error))
    }

    /// Adds a person.
    ///
    /// # Errors
    /// [`StoreError::NumberTaken`], or the database cannot be written.
    pub(crate) fn add_agent(&self, new: &NewAgent, now: UnixMillis) -> Result<AgentId, StoreError> {
        let mut connection = self.connection();
        insert_agent(&mut connection, new, now).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreError::NumberTaken { number: new.number.clone() },
            _ => self.error(error),
        })
    }

    /// The same password with more work: nothing else changes.
    ///
    /// # Errors
    /// [`StoreError::NoSuchAgent`], or the database cannot be written.
    pub(crate) fn set_password_hash(&self, agent: AgentId, hash: &Pii<String>) -> Result<(), StoreError> {
        let sql = "UPDATE agents SET password_hash = ?2 WHERE id = ?1";
        let changed = self.connection().execute(sql, params![agent.0, hash.reveal()]).map_err(|error| self.error(error))?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NoSuchAgent { agent }) }
    }

    /// Gives a person a new password; the old one is remembered as used.
    ///
    /// # Errors
    /// [`StoreError::NoSuchAgent`], or the database cannot be written; nothing has changed then.
    pub(crate) fn change_password(&self, agent: AgentId, hash: &Pii<String>, initial: bool, now: UnixMillis) -> Result<(), StoreError> {
        let changed = change(&mut self.connection(), agent, (hash, initial), now).map_err(|error| self.error(error))?;
        if changed { Ok(()) } else { Err(StoreError::NoSuchAgent { agent }) }
    }

    /// Hashes of the passwords that a person has used before, the newest first; at most [`USED_PASSWORDS`].
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn used_passwords(&self, agent: AgentId) -> Result<Vec<Pii<String>>, StoreError> {
        let connection = self.connection();
        let read = || -> rusqlite::Result<Vec<Pii<String>>> {
            let mut select = connection.prepare("SELECT password_hash FROM used_passwords WHERE agent_id = ?1 ORDER BY number DESC")?;
            let rows = select.query_map([agent.0], |row| row.get::<_, String>(0).map(Pii::new))?;
            rows.collect()
        };
        read().map_err(|error| self.error(error))
    }

    /// The rows of phones without a desktop, made if they are not there: their calls need somebody to belong to.
    ///
    /// # Errors
    /// [`StoreError::NumberTaken`] by a person, or the database cannot be written.
    pub(crate) fn unattended(&self, phones: &[(&str, &str)], now: UnixMillis) -> Result<Vec<AgentId>, StoreError> {
        let mut connection = self.connection();
        let made = (|| {
            let transaction = connection.transaction()?;
            let mut ids = Vec::with_capacity(phones.len());
            for (number, name) in phones {
                transaction.execute(
                    "INSERT INTO agents (number, name, role, password_hash, created_utc_ms, disabled, unattended)
                     VALUES (?1, ?2, 'agent', '', ?3, 1, 1)
                     ON CONFLICT (number) DO UPDATE SET name = excluded.name WHERE unattended",
                    params![number, name, now.0],
                )?;
                let sql = "SELECT id FROM agents WHERE number = ?1 AND unattended";
                ids.push(transaction.query_row(sql, [number], |row| row.get(0).map(AgentId)).optional()?.ok_or(*number));
            }
            transaction.commit()?;
            Ok(ids)
        })();
        let ids: Vec<Result<AgentId, &str>> = made.map_err(|error| self.error(error))?;
        ids.into_iter().map(|id| id.map_err(|number| StoreError::NumberTaken { number: number.to_owned() })).collect()
    }

    /// Everybody, by staff number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn agents(&self) -> Result<Vec<AgentEntry>, StoreError> {
        list_agents(&self.connection()).map_err(|error| self.error(error))
    }
}

/// Passwords before the present one that are not used again (5-3).
pub(crate) const USED_PASSWORDS: u32 = 4;

fn change(connection: &mut Connection, agent: AgentId, (hash, initial): (&Pii<String>, bool), now: UnixMillis) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let keep = "INSERT INTO used_passwords (agent_id, number, password_hash, until_utc_ms)
         SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM used_passwords WHERE agent_id = ?1), password_hash, ?2 FROM agents WHERE id = ?1";
    transaction.execute(keep, params![agent.0, now.0])?;
    let forget =
        "DELETE FROM used_passwords WHERE agent_id = ?1 AND number <= (SELECT max(number) FROM used_passwords WHERE agent_id = ?1) - ?2";
    transaction.execute(forget, params![agent.0, USED_PASSWORDS])?;
    let set = "UPDATE agents SET password_hash = ?2, password_is_initial = ?3 WHERE id = ?1";
    let changed = transaction.execute(set, params![agent.0, hash.reveal(), initial])? == 1;
    transaction.commit()?;
    Ok(changed)
}

fn insert_agent(connection: &mut Connection, new: &NewAgent, now: UnixMillis) -> rusqlite::Result<AgentId> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO agents (number, name, role, password_hash, created_utc_ms, password_is_initial) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![new.number, new.name, new.role.code(), new.password_hash.reveal(), now.0, new.password_is_initial],
    )?;
    let agent: u32 = transaction.query_row("SELECT last_insert_rowid()", [], |row| row.get(0))?;
    for queue in &new.queues {
        transaction.execute("INSERT OR IGNORE INTO agent_queues (agent_id, queue_id) VALUES (?1, ?2)", [agent, queue.0])?;
    }
    transaction.commit()?;
    Ok(AgentId(agent))
}

fn list_agents(connection: &Connection) -> rusqlite::Result<Vec<AgentEntry>> {
    let mut queues = connection.prepare("SELECT queue_id, place, weight, tier FROM agent_queues WHERE agent_id = ?1 ORDER BY queue_id")?;
    let mut skills = connection.prepare("SELECT skill_id, level FROM agent_skills WHERE agent_id = ?1")?;
    let mut select = connection.prepare(
        "SELECT id, number, name, role, disabled, auto_answer_ms, dial_class, phone, voice FROM agents
         WHERE NOT unattended ORDER BY number",
    )?;
    let people = select.query_map([], |row| {
        let id: u32 = row.get(0)?;
        let part = |row: &Row<'_>| Ok((QueueId(row.get(0)?), Membership { order: row.get(1)?, weight: row.get(2)?, tier: row.get(3)? }));
        let memberships: BTreeMap<QueueId, Membership> = queues.query_map([id], part)?.collect::<Result<_, _>>()?;
        Ok(AgentEntry {
            agent: AgentId(id),
            number: row.get(1)?,
            name: row.get(2)?,
            role: Role::from_code(&row.get::<_, String>(3)?),
            disabled: row.get(4)?,
            queues: memberships.keys().copied().collect(),
            memberships,
            auto_answer_ms: row.get::<_, Option<i64>>(5)?.map(super::uint),
            class: super::calls::from_code("dial_class", row.get(6)?)?,
            phone: row.get(7)?,
            voice: if row.get::<_, String>(8)? == VoiceDevice::Phone.code() { VoiceDevice::Phone } else { VoiceDevice::Headset },
            skills: skills.query_map([id], |row| Ok((SkillId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()?,
        })
    })?;
    people.collect()
}

#[cfg(test)]
mod tests {
    use super::{NewAgent, Role};
    use crate::scratch::Scratch;
    use crate::store::{Store, StoreError};
    use shared::model::{AgentId, QueueId, UnixMillis};
    use shared::pii::Pii;

    fn agent(number: &str) -> NewAgent {
        NewAgent {
            number: number.to_owned(),
            name: "王小明".to_owned(),
            role: Role::Agent,
            password_hash: Pii::new("$argon2id$x".to_owned()),
            password_is_initial: false,
            queues: vec![QueueId(2), QueueId(1)],
        }
    }

    #[test]
    fn an_added_agent_is_found_by_number_and_listed_with_queues() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let id = store.add_agent(&agent("8001"), UnixMillis(5)).expect("a free number");
        let found = store.credentials("8001").expect("readable").expect("just added");
        assert_eq!((found.agent, found.role, found.disabled), (id, Role::Agent, false));
        assert_eq!(found.password_hash.reveal(), "$argon2id$x");
        assert!(!format!("{found:?}").contains("argon2id"));
        assert_eq!(store.agents().expect("readable")[0].queues, [QueueId(1), QueueId(2)]);
        assert_eq!(store.credentials("8002").expect("readable"), None);
    }

    #[test]
    fn a_staff_number_is_given_once() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        store.add_agent(&agent("8001"), UnixMillis(5)).expect("a free number");
        let error = store.add_agent(&agent("8001"), UnixMillis(6)).expect_err("taken");
        assert!(matches!(&error, StoreError::NumberTaken { number } if number == "8001"), "{error:?}");
        assert_eq!(store.agents().expect("readable").len(), 1);
    }

    #[test]
    fn a_password_hash_can_be_replaced_for_somebody_who_exists() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let id = store.add_agent(&agent("8001"), UnixMillis(5)).expect("a free number");
        store.set_password_hash(id, &Pii::new("new".to_owned())).expect("exists");
        assert_eq!(store.credentials("8001").expect("readable").expect("exists").password_hash.reveal(), "new");
        let missing = store.set_password_hash(AgentId(99), &Pii::new("new".to_owned()));
        assert!(matches!(missing, Err(StoreError::NoSuchAgent { agent: AgentId(99) })));
    }
}

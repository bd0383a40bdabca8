//! Citizens known by their number: several persons may share one, and every correction is kept with what stood there before (1-2).

use super::{Store, StoreError, int, uint};
use call_core::input::PastContact;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, Caller, CallerCard, CallerPerson, CardChange, Contact, InteractionId, PersonId, PhoneNumber, UnixMillis};
use shared::pii::Pii;

/// A citizen to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewCaller {
    /// Stored in its subscriber form.
    pub(crate) number: Pii<PhoneNumber>,
    /// 姓名
    pub(crate) name: Pii<String>,
    /// 地址
    pub(crate) address: Pii<String>,
    /// Marks.
    pub(crate) tags: Vec<String>,
    /// Staff number of who registers the citizen.
    pub(crate) author: String,
}

/// What is to be corrected; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct CallerEdit {
    /// 姓名
    pub(crate) name: Option<Pii<String>>,
    /// 地址
    pub(crate) address: Option<Pii<String>>,
    /// All marks from now on.
    pub(crate) tags: Option<Vec<String>>,
}

/// One correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CallerChange {
    /// Of which person.
    pub(crate) person: PersonId,
    /// When.
    pub(crate) at: UnixMillis,
    /// Staff number of who made it.
    pub(crate) author: String,
    /// `name`, `address` or `tags`.
    pub(crate) field: String,
    /// What stood there.
    pub(crate) before: Pii<String>,
    /// What stands there since.
    pub(crate) after: Pii<String>,
}

/// Most contacts of earlier days that are told to the core: a busy month of a large city.
const MOST_PAST_CONTACTS: i64 = 500_000;
/// Between the tags of one change on record.
const BETWEEN_TAGS: &str = ", ";

impl Store {
    /// Registers a citizen. Several persons may share a number.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn add_caller(&self, new: &NewCaller, now: UnixMillis) -> Result<PersonId, StoreError> {
        insert(&mut self.connection(), new, now).map_err(|error| self.error(error))
    }

    /// Corrects a person and keeps what stood there. False if there is no such person.
    ///
    /// # Errors
    /// The database cannot be written; nothing has changed then.
    pub(crate) fn edit_caller(&self, person: PersonId, edit: &CallerEdit, author: &str, now: UnixMillis) -> Result<bool, StoreError> {
        correct(&mut self.connection(), person, edit, (author, now)).map_err(|error| self.error(error))
    }

    /// What is known about a number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn card(&self, number: &PhoneNumber) -> Result<CallerCard, StoreError> {
        let caller = Caller { number: Some(number.clone().into()) };
        let card = find_card(&self.connection(), &caller, None).map_err(|error| self.error(error))?;
        Ok(card.unwrap_or_default())
    }

    /// The card of a caller as the desk of this interaction shows it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn card_for(&self, caller: &Caller, interaction: InteractionId) -> Result<Option<CallerCard>, StoreError> {
        find_card(&self.connection(), caller, Some(interaction)).map_err(|error| self.error(error))
    }

    /// Who called in an interaction; withheld if there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn caller_of(&self, interaction: InteractionId) -> Result<Caller, StoreError> {
        let sql = "SELECT caller_number FROM interactions WHERE id = ?1";
        let found = self.connection().query_row(sql, [int(interaction.0)], |row| row.get::<_, Option<String>>(0)).optional();
        let number = found.map_err(|error| self.error(error))?.flatten();
        Ok(Caller { number: number.and_then(|number| PhoneNumber::parse(&number).ok()).map(Pii::new) })
    }

    /// Who called since a time and who talked with them last, also when called back, oldest first; at most [`MOST_PAST_CONTACTS`] of the newest.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn past_contacts(&self, since: UnixMillis) -> Result<Vec<PastContact>, StoreError> {
        select_past(&self.connection(), since).map_err(|error| self.error(error))
    }

    /// Every correction under a number, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn caller_changes(&self, number: &PhoneNumber) -> Result<Vec<CallerChange>, StoreError> {
        select_changes(&self.connection(), number).map_err(|error| self.error(error))
    }

    /// The newest corrections of one person under a number, the newest first, and at most `most`; what was registered as empty is none.
    /// `None` if there is no such person under it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn card_changes(&self, number: &PhoneNumber, person: PersonId, most: usize) -> Result<Option<Vec<CardChange>>, StoreError> {
        select_card_changes(&self.connection(), number, person, most).map_err(|error| self.error(error))
    }
}

fn select_past(connection: &Connection, since: UnixMillis) -> rusqlite::Result<Vec<PastContact>> {
    let mut select = connection.prepare(
        "SELECT number, started, agent FROM (
             SELECT i.id, i.caller_number AS number,
                 coalesce((SELECT o.started_utc_ms FROM interactions o WHERE o.id = i.callback_of), i.started_utc_ms) AS started,
                 (SELECT s.agent_id FROM segments s WHERE s.interaction_id = i.id ORDER BY s.segment DESC LIMIT 1) AS agent
             FROM interactions i
             WHERE i.started_utc_ms >= ?1 AND i.caller_number IS NOT NULL AND i.state = 'closed' AND i.probe = 0 AND i.queue_id IS NOT NULL
                 AND (i.direction = 'inbound' OR (i.callback_of IS NOT NULL AND i.answered_by_agent = 1))
             ORDER BY i.id DESC LIMIT ?2)
         ORDER BY id",
    )?;
    let rows = select.query_map(params![since.0, MOST_PAST_CONTACTS], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<u32>>(2)?))
    })?;
    let mut contacts = Vec::new();
    for row in rows {
        let (number, at, agent) = row?;
        let Ok(number) = PhoneNumber::parse(&number) else { continue };
        let caller = Caller { number: Some(number.into()) };
        contacts.push(PastContact { caller, at: UnixMillis(at), agent: agent.map(AgentId), avoid: false });
    }
    Ok(contacts)
}

/// The card of a caller, without the call it is looked up for; a withheld number has none, nor has one of which nothing is known.
pub(super) fn find_card(connection: &Connection, caller: &Caller, about: Option<InteractionId>) -> rusqlite::Result<Option<CallerCard>> {
    let Some(number) = &caller.number else { return Ok(None) };
    let subscriber = number.reveal().subscriber();
    let persons = select_persons(connection, subscriber)?;
    let contacts = select_contacts(connection, subscriber, about)?;
    let matters = super::summaries::open_matters(connection, subscriber)?;
    let known = !persons.is_empty() || !contacts.is_empty() || !matters.is_empty();
    Ok(known.then_some(CallerCard { persons, contacts, matters }))
}

fn select_persons(connection: &Connection, subscriber: &str) -> rusqlite::Result<Vec<CallerPerson>> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.name, c.address FROM callers c WHERE c.subscriber = ?1
         ORDER BY max(c.created_utc_ms, coalesce((SELECT max(at_utc_ms) FROM caller_changes WHERE caller_id = c.id), 0)) DESC, c.id DESC
         LIMIT ?2",
    )?;
    let mut tags = connection.prepare_cached("SELECT tag FROM caller_tags WHERE caller_id = ?1 ORDER BY tag")?;
    let persons = select.query_map(params![subscriber, int(CallerCard::MOST_PERSONS as u64)], |row| {
        let id: i64 = row.get(0)?;
        let tags = tags.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(CallerPerson { person: PersonId(uint(id)), name: Pii::new(row.get(1)?), address: Pii::new(row.get(2)?), tags })
    })?;
    persons.collect()
}

fn select_contacts(connection: &Connection, subscriber: &str, about: Option<InteractionId>) -> rusqlite::Result<Vec<Contact>> {
    let mut select = connection.prepare_cached(
        "SELECT i.id, i.started_utc_ms, i.talk_ms, i.reason,
             a.number, a.name, (SELECT label FROM summaries m WHERE m.interaction_id = i.id ORDER BY m.saved_utc_ms DESC LIMIT 1)
         FROM interactions i LEFT JOIN agents a ON a.id =
             (SELECT s.agent_id FROM segments s WHERE s.interaction_id = i.id ORDER BY s.segment DESC LIMIT 1)
         WHERE i.caller_subscriber = ?1 AND i.state = 'closed' AND i.probe = 0 AND i.id != ?2
         ORDER BY i.started_utc_ms DESC LIMIT ?3",
    )?;
    let about = about.map_or(-1, |about| int(about.0));
    let contacts = select.query_map(params![subscriber, about, int(CallerCard::MOST_CONTACTS as u64)], |row| {
        Ok(Contact {
            interaction: InteractionId(uint(row.get(0)?)),
            at: UnixMillis(row.get(1)?),
            talk_ms: uint(row.get(2)?),
            reason: super::calls::from_code("reason", row.get(3)?)?,
            agent: row.get(4)?,
            agent_name: row.get(5)?,
            about: row.get::<_, Option<String>>(6)?.as_deref().and_then(super::summaries::leaf).map(str::to_owned),
        })
    })?;
    contacts.collect()
}

fn insert(connection: &mut Connection, new: &NewCaller, now: UnixMillis) -> rusqlite::Result<PersonId> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO callers (subscriber, name, address, created_utc_ms) VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let values = params![new.number.reveal().subscriber(), new.name.reveal(), new.address.reveal(), now.0];
    let id: i64 = transaction.query_row(sql, values, |row| row.get(0))?;
    set_tags(&transaction, id, &new.tags)?;
    for (field, after) in [("name", new.name.reveal()), ("address", new.address.reveal())] {
        note(&transaction, id, (&new.author, now), (field, "", after))?;
    }
    if !new.tags.is_empty() {
        note(&transaction, id, (&new.author, now), ("tags", "", &new.tags.join(BETWEEN_TAGS)))?;
    }
    transaction.commit()?;
    Ok(PersonId(uint(id)))
}

fn correct(connection: &mut Connection, person: PersonId, edit: &CallerEdit, by: (&str, UnixMillis)) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = int(person.0);
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let found = transaction.query_row("SELECT name, address FROM callers WHERE id = ?1", [id], read).optional()?;
    let Some((name, address)) = found else { return Ok(false) };
    if let Some(new) = edit.name.as_ref().map(Pii::reveal).filter(|new| **new != name) {
        transaction.execute("UPDATE callers SET name = ?2 WHERE id = ?1", params![id, new])?;
        note(&transaction, id, by, ("name", &name, new))?;
    }
    if let Some(new) = edit.address.as_ref().map(Pii::reveal).filter(|new| **new != address) {
        transaction.execute("UPDATE callers SET address = ?2 WHERE id = ?1", params![id, new])?;
        note(&transaction, id, by, ("address", &address, new))?;
    }
    if let Some(new) = &edit.tags {
        let mut select = transaction.prepare("SELECT tag FROM caller_tags WHERE caller_id = ?1 ORDER BY tag")?;
        let old = select.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        drop(select);
        let mut new = new.clone();
        new.sort();
        new.dedup();
        if new != old {
            set_tags(&transaction, id, &new)?;
            note(&transaction, id, by, ("tags", &old.join(BETWEEN_TAGS), &new.join(BETWEEN_TAGS)))?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn set_tags(transaction: &Transaction<'_>, id: i64, tags: &[String]) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM caller_tags WHERE caller_id = ?1", [id])?;
    for tag in tags {
        transaction.execute("INSERT OR IGNORE INTO caller_tags (caller_id, tag) VALUES (?1, ?2)", params![id, tag])?;
    }
    Ok(())
}

fn note(
    transaction: &Transaction<'_>,
    id: i64,
    (author, now): (&str, UnixMillis),
    (field, before, after): (&str, &str, &str),
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO caller_changes (caller_id, at_utc_ms, author, field, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.execute(sql, params![id, now.0, author, field, before, after]).map(drop)
}

fn select_changes(connection: &Connection, number: &PhoneNumber) -> rusqlite::Result<Vec<CallerChange>> {
    let mut select = connection.prepare(
        "SELECT h.caller_id, h.at_utc_ms, h.author, h.field, h.before, h.after
         FROM caller_changes h JOIN callers c ON c.id = h.caller_id WHERE c.subscriber = ?1 ORDER BY h.id",
    )?;
    let changes = select.query_map([number.subscriber()], |row| {
        Ok(CallerChange {
            person: PersonId(uint(row.get(0)?)),
            at: UnixMillis(row.get(1)?),
            author: row.get(2)?,
            field: row.get(3)?,
            before: Pii::new(row.get(4)?),
            after: Pii::new(row.get(5)?),
        })
    })?;
    changes.collect()
}

fn select_card_changes(
    connection: &Connection,
    number: &PhoneNumber,
    person: PersonId,
    most: usize,
) -> rusqlite::Result<Option<Vec<CardChange>>> {
    let sql = "SELECT EXISTS (SELECT 1 FROM callers WHERE id = ?1 AND subscriber = ?2)";
    if !connection.query_row(sql, params![int(person.0), number.subscriber()], |row| row.get::<_, bool>(0))? {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(
        "SELECT h.at_utc_ms, h.author, a.name, h.field, h.before, h.after
         FROM caller_changes h LEFT JOIN agents a ON a.number = h.author
         WHERE h.caller_id = ?1 AND h.before != h.after ORDER BY h.id DESC LIMIT ?2",
    )?;
    let changes = select.query_map(params![int(person.0), int(most as u64)], |row| {
        Ok(CardChange {
            at: UnixMillis(row.get(0)?),
            by: row.get(1)?,
            by_name: row.get(2)?,
            field: super::calls::from_code("field", row.get(3)?)?,
            before: Pii::new(row.get(4)?),
            after: Pii::new(row.get(5)?),
        })
    })?;
    changes.collect::<rusqlite::Result<_>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use shared::model::CardField;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a number")
    }

    fn new(name: &str) -> NewCaller {
        NewCaller {
            number: number("0086 139 1234 5678").into(),
            name: name.to_owned().into(),
            address: "和平路1号".to_owned().into(),
            tags: vec!["听障".to_owned()],
            author: "1001".to_owned(),
        }
    }

    #[test]
    fn several_persons_share_a_number_and_whoever_was_touched_last_comes_first() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let li = store.add_caller(&new("李雷"), UnixMillis(1)).expect("added");
        let han = store.add_caller(&new("韩梅梅"), UnixMillis(2)).expect("added");
        let names = || -> Vec<PersonId> {
            store.card(&number("13912345678")).expect("readable").persons.iter().map(|person| person.person).collect()
        };
        assert_eq!(names(), [han, li]);
        let edit = CallerEdit { address: Some("人民路2号".to_owned().into()), tags: Some(vec![]), ..CallerEdit::default() };
        assert!(store.edit_caller(li, &edit, "1002", UnixMillis(9)).expect("written"));
        assert_eq!(names(), [li, han]);
        assert_eq!(store.card(&number("13912345679")).expect("readable"), CallerCard::default());
    }

    #[test]
    fn a_correction_keeps_what_stood_there_and_one_that_changes_nothing_leaves_no_trace() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let li = store.add_caller(&new("李雷"), UnixMillis(1)).expect("added");
        let edit = CallerEdit { name: Some("李蕾".to_owned().into()), tags: Some(vec!["方言".to_owned()]), address: None };
        for now in [5, 6] {
            assert!(store.edit_caller(li, &edit, "1002", UnixMillis(now)).expect("written"));
        }
        let changes = store.caller_changes(&number("+8613912345678")).expect("readable");
        let told: Vec<_> = changes.iter().map(|change| (change.at.0, change.field.as_str(), change.before.reveal().as_str())).collect();
        assert_eq!(told, [(1, "name", ""), (1, "address", ""), (1, "tags", ""), (5, "name", "李雷"), (5, "tags", "听障")]);
        assert!(!store.edit_caller(PersonId(99), &edit, "1002", UnixMillis(7)).expect("readable"), "nobody");
    }

    #[test]
    fn the_history_of_a_card_is_that_of_one_person_under_the_number_with_the_newest_first() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let li = store.add_caller(&NewCaller { address: String::new().into(), ..new("李雷") }, UnixMillis(1)).expect("added");
        let han = store.add_caller(&new("韩梅梅"), UnixMillis(2)).expect("added");
        let edit = CallerEdit { name: Some("李蕾".to_owned().into()), ..CallerEdit::default() };
        store.edit_caller(li, &edit, "1002", UnixMillis(5)).expect("written");
        let told = |number: &str, person, most| {
            let changes = store.card_changes(&super::tests::number(number), person, most).expect("readable");
            changes
                .map(|changes| changes.iter().map(|change| (change.at.0, change.field, change.before.reveal().clone())).collect::<Vec<_>>())
        };
        let newest = (5, CardField::Name, "李雷".to_owned());
        let empty = String::new;
        assert_eq!(
            told("13912345678", li, 9),
            Some(vec![newest.clone(), (1, CardField::Tags, empty()), (1, CardField::Name, empty())]),
            "no address was registered"
        );
        assert_eq!(told("13912345678", li, 1), Some(vec![newest]));
        assert_eq!(told("13912345678", han, 9).map(|changes| changes.len()), Some(3));
        assert_eq!(told("13912345679", li, 9), None, "under another number");
        assert_eq!(told("13912345678", PersonId(99), 9), None, "nobody");
    }
}

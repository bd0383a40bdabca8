//! 短消息 between agents: one row per message and a numbered copy in each mailbox, the sender's included. Nothing is ever changed but the
//! times of delivery and reading, and whether it is pinned or recalled: then nobody but the audit reads its words.

use super::{Store, StoreError, int, uint};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use shared::model::{AgentId, MessageId, Refusal, UnixMillis};
use shared::pii::Pii;
use shared::wire::{MOST_PINNED, MailboxPart, MessageChange, MessageFate, MessageLink, MessageRow, MessageTarget, RECALL_MS};

/// Whose copies of which messages have changed, by the senders.
pub(crate) type Fates = Vec<(AgentId, MessageId, MessageFate)>;

/// A mailbox with its row of a changed message, and all that is pinned there.
pub(crate) type Changed = Vec<(AgentId, MessageRow, Vec<MessageRow>)>;

/// One message for the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MessageReport {
    /// Which.
    pub(crate) message: MessageId,
    /// When it was sent.
    pub(crate) sent: UnixMillis,
    /// Staff number of who sent it.
    pub(crate) from: String,
    /// Whom it was for.
    pub(crate) to: MessageTarget,
    /// Staff number, for a message to one.
    pub(crate) to_number: Option<String>,
    /// What it says.
    pub(crate) text: String,
    /// What it refers to.
    pub(crate) link: Option<MessageLink>,
    /// When it was recalled by its sender.
    pub(crate) recalled: Option<UnixMillis>,
    /// Staff number of who has pinned it.
    pub(crate) pinned_by: Option<String>,
    /// How far it has come.
    pub(crate) fate: MessageFate,
}

/// Which messages to show.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageFilter {
    /// Only those that say this.
    pub(crate) text: Option<String>,
    /// Only those that this staff number has sent or got.
    pub(crate) number: Option<String>,
    /// How many at most.
    pub(crate) limit: u32,
}

impl Store {
    /// Puts a message on record, with its copies; returns each mailbox's row. Nobody is sent anything if there is nobody to be sent to.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn send_message(
        &self,
        from: AgentId,
        (to, link): (&MessageTarget, Option<MessageLink>),
        text: &str,
        now: UnixMillis,
    ) -> Result<Vec<(AgentId, MessageRow)>, StoreError> {
        let mut connection = self.connection();
        let done = (|| -> rusqlite::Result<Vec<(AgentId, MessageRow)>> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let recipients = recipients(&transaction, from, to)?;
            if recipients.is_empty() {
                return Ok(Vec::new());
            }
            let (target, link) = (json(to)?, link.as_ref().map(json).transpose()?);
            transaction.execute(
                "INSERT INTO messages (sent_utc_ms, sender_id, target, text, link) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![now.0, from.0, target, text, link],
            )?;
            let message = transaction.last_insert_rowid();
            for (agent, own) in recipients.iter().map(|agent| (*agent, false)).chain([(from, true)]) {
                let seen = own.then_some(now.0);
                transaction.execute(
                    "INSERT INTO message_copies (agent_id, number, message_id, delivered_utc_ms, read_utc_ms)
                     SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?3 FROM message_copies WHERE agent_id = ?1",
                    params![agent.0, message, seen],
                )?;
            }
            let mut rows = Vec::new();
            for agent in recipients.into_iter().chain([from]) {
                let found = select(&transaction, agent, "c.message_id = ?2 ORDER BY c.number", message, 1)?;
                rows.extend(found.into_iter().map(|row| (agent, row)));
            }
            transaction.commit()?;
            Ok(rows)
        })();
        done.map_err(|error| self.error(error))
    }

    /// Whether there is what a message is to refer to.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn has_linked(&self, link: MessageLink) -> Result<bool, StoreError> {
        let (sql, id) = match link {
            MessageLink::Call(call) => ("SELECT EXISTS (SELECT 1 FROM interactions WHERE id = ?1)", call.0),
            MessageLink::Matter(matter) => ("SELECT EXISTS (SELECT 1 FROM matters WHERE id = ?1)", matter.0),
        };
        self.connection().query_row(sql, [int(id)], |row| row.get(0)).map_err(|error| self.error(error))
    }

    /// A supervisor recalls or pins a message that is in the own mailbox.
    ///
    /// # Errors
    /// The database cannot be written. Within: the refusal to be shown.
    pub(crate) fn change_message(
        &self,
        by: AgentId,
        message: MessageId,
        change: MessageChange,
        now: UnixMillis,
    ) -> Result<Result<Changed, Refusal>, StoreError> {
        changed(&mut self.connection(), (by, message), change, now).map_err(|error| self.error(error))
    }

    /// All that is pinned in a mailbox, the newest last.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn pinned(&self, agent: AgentId) -> Result<Vec<MessageRow>, StoreError> {
        pinned(&self.connection(), agent).map_err(|error| self.error(error))
    }

    /// At most `limit` rows of a mailbox, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn mailbox(&self, agent: AgentId, part: MailboxPart, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        let connection = self.connection();
        let (rest, number) = match part {
            MailboxPart::After { number } => ("c.number > ?2 ORDER BY c.number", number),
            MailboxPart::Before { number } => ("c.number < ?2 ORDER BY c.number DESC", number),
            MailboxPart::Newest => ("c.number < ?2 ORDER BY c.number DESC", u64::MAX),
        };
        let found = select(&connection, agent, rest, int(number), limit).map(|mut rows| {
            rows.sort_by_key(|row| row.number);
            rows
        });
        found.map_err(|error| self.error(error))
    }

    /// A mailbox's rows up to a number are delivered, or read; returns what the senders are to know.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn mark_messages(&self, agent: AgentId, through: u64, read: bool, now: UnixMillis) -> Result<Fates, StoreError> {
        let mut connection = self.connection();
        let column = if read { "read_utc_ms" } else { "delivered_utc_ms" };
        let done = (|| -> rusqlite::Result<Fates> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let unmarked = format!(
                "SELECT m.id, m.sender_id FROM message_copies c JOIN messages m ON m.id = c.message_id
                 WHERE c.agent_id = ?1 AND c.number <= ?2 AND c.{column} IS NULL"
            );
            let changed: Vec<(i64, u32)> = {
                let mut statement = transaction.prepare(&unmarked)?;
                let rows = statement.query_map(params![agent.0, int(through)], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<rusqlite::Result<_>>()?
            };
            // Who has read it has it.
            let set = if read { "read_utc_ms = ?3, delivered_utc_ms = coalesce(delivered_utc_ms, ?3)" } else { "delivered_utc_ms = ?3" };
            let sql = format!("UPDATE message_copies SET {set} WHERE agent_id = ?1 AND number <= ?2 AND {column} IS NULL");
            transaction.execute(&sql, params![agent.0, int(through), now.0])?;
            let mut fates = Fates::new();
            for (message, sender) in changed {
                fates.push((AgentId(sender), MessageId(uint(message)), fate(&transaction, message, sender)?));
            }
            transaction.commit()?;
            Ok(fates)
        })();
        done.map_err(|error| self.error(error))
    }

    /// Messages for the audit, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn messages(&self, filter: &MessageFilter) -> Result<Vec<MessageReport>, StoreError> {
        report(&self.connection(), filter).map_err(|error| self.error(error))
    }
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn changed(
    connection: &mut Connection,
    (by, message): (AgentId, MessageId),
    change: MessageChange,
    now: UnixMillis,
) -> rusqlite::Result<Result<Changed, Refusal>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction
        .query_row(
            "SELECT m.sender_id, m.sent_utc_ms, m.recalled_utc_ms IS NOT NULL FROM messages m
             WHERE m.id = ?1 AND EXISTS (SELECT 1 FROM message_copies c WHERE c.message_id = m.id AND c.agent_id = ?2)",
            params![int(message.0), by.0],
            |row| Ok((AgentId(row.get(0)?), UnixMillis(row.get(1)?), row.get::<_, bool>(2)?)),
        )
        .optional()?;
    let Some((_, sent, recalled)) = found.filter(|(sender, ..)| change != MessageChange::Recall || *sender == by) else {
        return Ok(Err(Refusal::NoSuchTarget));
    };
    if recalled {
        return Ok(Err(Refusal::WrongState));
    }
    if change == MessageChange::Recall && now.since(sent) > RECALL_MS {
        return Ok(Err(Refusal::TooLate));
    }
    let sql = match change {
        MessageChange::Recall => "UPDATE messages SET recalled_utc_ms = ?2, pinned_utc_ms = NULL, pinned_by = NULL WHERE id = ?1",
        MessageChange::Pin => "UPDATE messages SET pinned_utc_ms = ?2, pinned_by = ?3 WHERE id = ?1",
        MessageChange::Unpin => "UPDATE messages SET pinned_utc_ms = NULL, pinned_by = NULL WHERE id = ?1 AND ?2 = ?2",
    };
    match change {
        MessageChange::Pin => transaction.execute(sql, params![int(message.0), now.0, by.0])?,
        MessageChange::Recall | MessageChange::Unpin => transaction.execute(sql, params![int(message.0), now.0])?,
    };
    let holders: Vec<AgentId> = {
        let mut statement = transaction.prepare("SELECT agent_id FROM message_copies WHERE message_id = ?1 ORDER BY agent_id")?;
        let rows = statement.query_map([int(message.0)], |row| row.get(0).map(AgentId))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut changed = Changed::new();
    for agent in holders {
        let row = select(&transaction, agent, "c.message_id = ?2 ORDER BY c.number", int(message.0), 1)?;
        let pinned = pinned(&transaction, agent)?;
        changed.extend(row.into_iter().map(|row| (agent, row, pinned.clone())));
    }
    transaction.commit()?;
    Ok(Ok(changed))
}

fn pinned(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<MessageRow>> {
    let mut rows = select(connection, agent, "m.pinned_utc_ms > ?2 ORDER BY m.pinned_utc_ms DESC", 0, MOST_PINNED)?;
    rows.reverse();
    Ok(rows)
}

/// Everybody but the sender whom it is for and who may sign in.
fn recipients(connection: &Connection, from: AgentId, to: &MessageTarget) -> rusqlite::Result<Vec<AgentId>> {
    let (filter, id) = match to {
        MessageTarget::Agent(agent) => ("id = ?2", agent.0),
        MessageTarget::Team(queue) => ("id IN (SELECT agent_id FROM agent_queues WHERE queue_id = ?2)", queue.0),
        MessageTarget::All => ("?2 = 0", 0),
    };
    let mut statement = connection.prepare(&format!("SELECT id FROM agents WHERE id != ?1 AND disabled = 0 AND {filter} ORDER BY id"))?;
    let rows = statement.query_map(params![from.0, id], |row| row.get(0).map(AgentId))?;
    rows.collect()
}

fn fate(connection: &Connection, message: i64, sender: u32) -> rusqlite::Result<MessageFate> {
    let sql = "SELECT count(*), count(delivered_utc_ms), count(read_utc_ms) FROM message_copies WHERE message_id = ?1 AND agent_id != ?2";
    connection
        .prepare_cached(sql)?
        .query_row(params![message, sender], |row| Ok(MessageFate { sent_to: row.get(0)?, delivered: row.get(1)?, read: row.get(2)? }))
}

fn select(connection: &Connection, agent: AgentId, rest: &str, value: i64, limit: usize) -> rusqlite::Result<Vec<MessageRow>> {
    let sql = format!(
        "SELECT c.number, m.id, m.sender_id, a.number, a.name, m.target, m.text, m.sent_utc_ms, c.read_utc_ms,
                m.recalled_utc_ms IS NOT NULL, m.link
         FROM message_copies c JOIN messages m ON m.id = c.message_id JOIN agents a ON a.id = m.sender_id
         WHERE c.agent_id = ?1 AND {rest} LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![agent.0, value, int(limit as u64)], |row| {
        let (from, number, name): (u32, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let recalled: bool = row.get(9)?;
        let link = row.get::<_, Option<String>>(10)?.map(from_json).transpose()?;
        Ok(MessageRow {
            number: uint(row.get(0)?),
            message: MessageId(uint(row.get(1)?)),
            from: AgentId(from),
            from_name: format!("{number} {name}"),
            to: from_json(row.get(5)?)?,
            to_name: String::new(),
            text: Pii::new(if recalled { String::new() } else { row.get(6)? }),
            sent: UnixMillis(row.get(7)?),
            read: row.get::<_, Option<i64>>(8)?.is_some(),
            recalled,
            link: link.filter(|_| !recalled),
            fate: None,
        })
    })?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for row in &mut rows {
        if row.from == agent {
            row.fate = Some(fate(connection, int(row.message.0), agent.0)?);
        }
        row.to_name = match row.to {
            MessageTarget::Agent(to) => number_of(connection, to)?.unwrap_or_default(),
            MessageTarget::Team(_) | MessageTarget::All => String::new(),
        };
    }
    Ok(rows)
}

fn number_of(connection: &Connection, agent: AgentId) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT number || ' ' || name FROM agents WHERE id = ?1")?;
    statement.query_row([agent.0], |row| row.get(0)).optional()
}

fn from_json<T: serde::de::DeserializeOwned>(text: String) -> rusqlite::Result<T> {
    serde_json::from_str(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into()))
}

fn report(connection: &Connection, filter: &MessageFilter) -> rusqlite::Result<Vec<MessageReport>> {
    let mut statement = connection.prepare(
        "SELECT m.id, m.sent_utc_ms, a.number, m.target, m.text, m.sender_id, m.link, m.recalled_utc_ms, p.number
         FROM messages m JOIN agents a ON a.id = m.sender_id LEFT JOIN agents p ON p.id = m.pinned_by
         WHERE (?1 IS NULL OR instr(m.text, ?1) > 0)
           AND (?2 IS NULL OR EXISTS (SELECT 1 FROM message_copies c JOIN agents p ON p.id = c.agent_id
                                      WHERE c.message_id = m.id AND p.number = ?2))
         ORDER BY m.id DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![filter.text, filter.number, filter.limit], |row| {
        let report = MessageReport {
            message: MessageId(uint(row.get(0)?)),
            sent: UnixMillis(row.get(1)?),
            from: row.get(2)?,
            to: from_json(row.get(3)?)?,
            to_number: None,
            text: row.get(4)?,
            link: row.get::<_, Option<String>>(6)?.map(from_json).transpose()?,
            recalled: row.get::<_, Option<i64>>(7)?.map(UnixMillis),
            pinned_by: row.get(8)?,
            fate: MessageFate::default(),
        };
        Ok((report, row.get::<_, u32>(5)?))
    })?;
    let mut reports = Vec::new();
    for row in rows {
        let (mut report, sender) = row?;
        report.to_number = match report.to {
            MessageTarget::Agent(agent) => number_of(connection, agent)?,
            MessageTarget::Team(_) | MessageTarget::All => None,
        };
        report.fate = fate(connection, int(report.message.0), sender)?;
        reports.push(report);
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{NewAgent, Role};
    use shared::model::QueueId;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn store_of_three(scratch: &Scratch) -> (Store, [AgentId; 3]) {
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let agents = [("1001", 1), ("1002", 1), ("1003", 2)].map(|(number, queue)| {
            let new = NewAgent {
                number: number.to_owned(),
                name: "王芳".to_owned(),
                role: Role::Agent,
                password_hash: Pii::new("x".to_owned()),
                password_is_initial: false,
                queues: vec![QueueId(queue)],
            };
            store.add_agent(&new, NOW).expect("a new person")
        });
        (store, agents)
    }

    #[test]
    fn each_mailbox_counts_without_a_gap_and_the_sender_sees_how_far_a_message_has_come() {
        let scratch = Scratch::new();
        let (store, [one, two, three]) = store_of_three(&scratch);
        let rows = store.send_message(one, (&MessageTarget::All, None), "开会", NOW).expect("writable");
        assert_eq!(rows.iter().map(|(agent, row)| (*agent, row.number)).collect::<Vec<_>>(), [(two, 1), (three, 1), (one, 1)]);
        assert_eq!(rows[2].1.fate, Some(MessageFate { sent_to: 2, delivered: 0, read: 0 }));
        store.send_message(two, (&MessageTarget::Agent(one), None), "好的", NOW).expect("writable");
        let rows = store.send_message(two, (&MessageTarget::Team(QueueId(1)), None), "一组", NOW).expect("writable");
        assert_eq!(rows.iter().map(|(agent, row)| (*agent, row.number)).collect::<Vec<_>>(), [(one, 3), (two, 3)]);
        let got = store.mark_messages(two, 1, false, NOW).expect("writable");
        assert_eq!(got, [(one, MessageId(1), MessageFate { sent_to: 2, delivered: 1, read: 0 })]);
        assert_eq!(store.mark_messages(two, 1, false, NOW).expect("writable"), [], "once");
        let read = store.mark_messages(three, 99, true, NOW).expect("writable");
        assert_eq!(read, [(one, MessageId(1), MessageFate { sent_to: 2, delivered: 2, read: 1 })], "who has read it has it");
        let numbers =
            |part, limit| -> Vec<u64> { store.mailbox(one, part, limit).expect("readable").iter().map(|row| row.number).collect() };
        let after = |number| MailboxPart::After { number };
        assert_eq!((numbers(after(1), 9), numbers(MailboxPart::Newest, 2), numbers(after(3), 9)), (vec![2, 3], vec![2, 3], vec![]));
        assert_eq!(numbers(MailboxPart::Before { number: 3 }, 1), [2]);
        let mine = store.mailbox(one, MailboxPart::Newest, 9).expect("readable");
        assert_eq!((mine[0].read, mine[1].read, mine[1].from_name.as_str()), (true, false, "1002 王芳"));
    }

    #[test]
    fn a_message_is_recalled_within_two_minutes_by_who_sent_it_and_the_audit_keeps_its_words() {
        let scratch = Scratch::new();
        let (store, [one, two, three]) = store_of_three(&scratch);
        let later = |ms: u64| UnixMillis(NOW.0 + ms.cast_signed());
        store.send_message(one, (&MessageTarget::Agent(two), None), "错了", NOW).expect("writable");
        store.send_message(one, (&MessageTarget::All, None), "停水通知", NOW).expect("writable");
        let change = |by, message, change, at| store.change_message(by, MessageId(message), change, at).expect("writable");
        assert_eq!(change(two, 1, MessageChange::Recall, later(1)), Err(Refusal::NoSuchTarget), "another's");
        assert_eq!(change(three, 1, MessageChange::Pin, later(1)), Err(Refusal::NoSuchTarget), "not in this mailbox");
        assert_eq!(change(one, 2, MessageChange::Recall, later(RECALL_MS + 1)), Err(Refusal::TooLate));
        let pinned = change(two, 2, MessageChange::Pin, later(5)).expect("it is in the mailbox");
        let tops: Vec<_> = pinned.iter().map(|(agent, row, pinned)| (*agent, row.number, pinned.len())).collect();
        assert_eq!(tops, [(one, 2, 1), (two, 2, 1), (three, 1, 1)]);
        let recalled = change(one, 1, MessageChange::Recall, later(RECALL_MS)).expect("in time");
        assert_eq!(
            recalled.iter().map(|(agent, row, _)| (*agent, row.recalled, row.text.reveal().as_str())).collect::<Vec<_>>(),
            [(one, true, ""), (two, true, "")]
        );
        assert_eq!(change(one, 1, MessageChange::Pin, later(9)), Err(Refusal::WrongState), "there is nothing to be read");
        assert_eq!(store.pinned(three).expect("readable").len(), 1);
        change(one, 2, MessageChange::Unpin, later(9)).expect("any supervisor who has it");
        assert_eq!(store.pinned(three).expect("readable"), []);
        let audit = store.messages(&MessageFilter { text: Some("错了".to_owned()), number: None, limit: 9 }).expect("readable");
        assert_eq!((audit.len(), audit[0].recalled), (1, Some(later(RECALL_MS))));
    }

    #[test]
    fn the_audit_finds_messages_by_word_and_by_person() {
        let scratch = Scratch::new();
        let (store, [one, two, three]) = store_of_three(&scratch);
        for (from, to, text) in [(one, two, "停水通知"), (two, three, "停电通知"), (one, three, "100% 确认")] {
            store.send_message(from, (&MessageTarget::Agent(to), None), text, NOW).expect("writable");
        }
        let found = |text: Option<&str>, number: Option<&str>| -> Vec<u64> {
            let filter = MessageFilter { text: text.map(str::to_owned), number: number.map(str::to_owned), limit: 10 };
            store.messages(&filter).expect("readable").iter().map(|report| report.message.0).collect()
        };
        assert_eq!(found(None, None), [3, 2, 1]);
        assert_eq!((found(Some("通知"), None), found(Some("100%"), None), found(Some("%"), None)), (vec![2, 1], vec![3], vec![3]));
        assert_eq!((found(None, Some("1002")), found(Some("停水"), Some("1003"))), (vec![2, 1], vec![]));
        assert_eq!(store.send_message(one, (&MessageTarget::Agent(AgentId(99)), None), "?", NOW).expect("writable").len(), 0);
    }
}

//! Changes of people who sign in: what they may do, which queues they serve with which part, what they can; and the record of sign-ins.

use super::{Role, Store, StoreError, int};
use call_core::plan::{Membership, PermissionClass, SkillId};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, QueueId, SessionId, UnixMillis, VoiceDevice};

/// What is to become of a person; `None` and empty lists leave things as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct AgentEdit {
    /// A new name.
    pub(crate) name: Option<String>,
    /// A new role.
    pub(crate) role: Option<Role>,
    /// Whether the person may sign in no longer.
    pub(crate) disabled: Option<bool>,
    /// Queues to serve from now on, each with the part there.
    pub(crate) serve: Vec<(QueueId, Membership)>,
    /// Queues to serve no longer.
    pub(crate) leave: Vec<QueueId>,
    /// Levels from 1 to 9; 0 takes the skill away.
    pub(crate) skills: Vec<(SkillId, u8)>,
    /// Whether calls are accepted by themselves.
    pub(crate) auto_answer: Option<AutoAnswer>,
    /// How far the person may dial.
    #[serde(default)]
    pub(crate) class: Option<PermissionClass>,
    /// The phone by which the person may speak; an empty text takes it away.
    #[serde(default)]
    pub(crate) phone: Option<String>,
    /// By what the person speaks who chooses nothing.
    #[serde(default)]
    pub(crate) voice: Option<VoiceDevice>,
}

/// 自动应答
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AutoAnswer {
    /// The agent answers.
    Off,
    /// After ringing for so long, in ms.
    AfterMs(u64),
}

/// One attempt to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignInNote {
    /// When.
    pub(crate) at: UnixMillis,
    /// The staff number as it was typed; cut to [`SignInNote::NUMBER_LIMIT`] characters.
    pub(crate) number: String,
    /// Who it was, if let in.
    pub(crate) agent: Option<AgentId>,
    /// The new session, if let in.
    pub(crate) session: Option<SessionId>,
    /// From which address.
    pub(crate) address: std::net::IpAddr,
    /// Stable code of what came of it.
    pub(crate) outcome: &'static str,
}

impl SignInNote {
    /// Longest number that is kept.
    pub(crate) const NUMBER_LIMIT: usize = 16;
}

/// One attempt to sign in, as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SignInReport {
    /// When.
    pub(crate) at: UnixMillis,
    /// The staff number as it was typed.
    pub(crate) number: String,
    /// The session, if let in.
    pub(crate) session: Option<SessionId>,
    /// From which address.
    pub(crate) address: String,
    /// What came of it.
    pub(crate) outcome: String,
    /// Why the session ended, once it has.
    pub(crate) ended: Option<String>,
    /// How long it lasted, once it has ended, in ms.
    pub(crate) length_ms: Option<u64>,
}

impl Store {
    /// Changes a person.
    ///
    /// # Errors
    /// [`StoreError::NoSuchAgent`], or the database cannot be written; nothing has changed then.
    pub(crate) fn edit_agent(&self, agent: AgentId, edit: &AgentEdit) -> Result<(), StoreError> {
        let found = apply(&mut self.connection(), agent, edit).map_err(|error| self.error(error))?;
        if found { Ok(()) } else { Err(StoreError::NoSuchAgent { agent }) }
    }

    /// Puts an attempt to sign in on record.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn note_sign_in(&self, note: &SignInNote) -> Result<(), StoreError> {
        let sql = "INSERT INTO sign_ins (at_utc_ms, number, agent_id, session_id, address, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let number: String = note.number.chars().filter(|character| !character.is_control()).take(SignInNote::NUMBER_LIMIT).collect();
        let (agent, session) = (note.agent.map(|agent| agent.0), note.session.map(|session| int(session.0)));
        let values = params![note.at.0, number, agent, session, note.address.to_string(), note.outcome];
        self.connection().execute(sql, values).map(drop).map_err(|error| self.error(error))
    }

    /// The newest attempts to sign in, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn sign_ins(&self, limit: u32) -> Result<Vec<SignInReport>, StoreError> {
        select_sign_ins(&self.connection(), limit).map_err(|error| self.error(error))
    }
}

/// One act of a supervisor, as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SupervisionReport {
    /// When.
    pub(crate) at: UnixMillis,
    /// The supervisor's staff number, if still on the list.
    pub(crate) supervisor: Option<String>,
    /// What.
    pub(crate) act: String,
    /// Whose staff number, if it concerned somebody on the list.
    pub(crate) agent: Option<String>,
    /// Which call, if it concerned one.
    pub(crate) interaction: Option<u64>,
    /// Why.
    pub(crate) reason: String,
}

impl Store {
    /// The newest acts of supervisors, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn supervision(&self, limit: u32) -> Result<Vec<SupervisionReport>, StoreError> {
        select_supervision(&self.connection(), limit).map_err(|error| self.error(error))
    }
}

fn select_supervision(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<SupervisionReport>> {
    let mut select = connection.prepare(
        "SELECT s.at_utc_ms, w.number, s.act, a.number, s.interaction_id, s.reason
         FROM supervision s LEFT JOIN agents w ON w.id = s.supervisor_id LEFT JOIN agents a ON a.id = s.agent_id
         ORDER BY s.id DESC LIMIT ?1",
    )?;
    let rows = select.query_map([limit], |row| {
        Ok(SupervisionReport {
            at: UnixMillis(row.get(0)?),
            supervisor: row.get(1)?,
            act: row.get(2)?,
            agent: row.get(3)?,
            interaction: row.get::<_, Option<i64>>(4)?.map(super::uint),
            reason: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn apply(connection: &mut Connection, agent: AgentId, edit: &AgentEdit) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let sql = "UPDATE agents SET name = coalesce(?2, name), role = coalesce(?3, role), disabled = coalesce(?4, disabled),
         dial_class = coalesce(?5, dial_class) WHERE id = ?1";
    if transaction
        .execute(sql, params![agent.0, edit.name, edit.role.map(Role::code), edit.disabled, edit.class.map(PermissionClass::code)])?
        != 1
    {
        return Ok(false);
    }
    let voice = edit.voice.map(VoiceDevice::code);
    transaction.execute(
        "UPDATE agents SET voice = coalesce(?2, voice), phone = nullif(coalesce(?3, phone), '') WHERE id = ?1",
        params![agent.0, voice, edit.phone],
    )?;
    if let Some(auto_answer) = edit.auto_answer {
        let after_ms = match auto_answer {
            AutoAnswer::Off => None,
            AutoAnswer::AfterMs(after_ms) => Some(int(after_ms)),
        };
        transaction.execute("UPDATE agents SET auto_answer_ms = ?2 WHERE id = ?1", params![agent.0, after_ms])?;
    }
    for queue in &edit.leave {
        transaction.execute("DELETE FROM agent_queues WHERE agent_id = ?1 AND queue_id = ?2", [agent.0, queue.0])?;
    }
    for (queue, Membership { order, weight, tier }) in &edit.serve {
        transaction.execute(
            "INSERT OR REPLACE INTO agent_queues (agent_id, queue_id, place, weight, tier) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![agent.0, queue.0, order, weight, tier],
        )?;
    }
    for (skill, level) in &edit.skills {
        transaction.execute("DELETE FROM agent_skills WHERE agent_id = ?1 AND skill_id = ?2", [agent.0, skill.0])?;
        if *level > 0 {
            transaction
                .execute("INSERT INTO agent_skills (agent_id, skill_id, level) VALUES (?1, ?2, ?3)", params![agent.0, skill.0, level])?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn select_sign_ins(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<SignInReport>> {
    let mut select = connection.prepare(
        "SELECT s.at_utc_ms, s.number, s.session_id, s.address, s.outcome, i.session_end, i.offset_ms + i.length_ms
         FROM sign_ins s LEFT JOIN agent_intervals i
             ON i.agent_id = s.agent_id AND i.session_id = s.session_id AND i.session_end IS NOT NULL
         ORDER BY s.id DESC LIMIT ?1",
    )?;
    let rows = select.query_map([limit], |row| {
        Ok(SignInReport {
            at: UnixMillis(row.get(0)?),
            number: row.get(1)?,
            session: row.get::<_, Option<i64>>(2)?.map(|session| SessionId(super::uint(session))),
            address: row.get(3)?,
            outcome: row.get(4)?,
            ended: row.get(5)?,
            length_ms: row.get::<_, Option<i64>>(6)?.map(super::uint),
        })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::NewAgent;
    use shared::pii::Pii;

    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let new = NewAgent {
            number: "1001".to_owned(),
            name: "陈静".to_owned(),
            role: Role::Agent,
            password_hash: Pii::new("x".to_owned()),
            password_is_initial: false,
            queues: vec![QueueId(1), QueueId(2)],
        };
        let agent = store.add_agent(&new, UnixMillis(0)).expect("added");
        let part = Membership { order: 3, weight: 5, tier: 2 };
        let edit = AgentEdit {
            serve: vec![(QueueId(7), part)],
            leave: vec![QueueId(1)],
            skills: vec![(SkillId(4), 6), (SkillId(5), 1)],
            auto_answer: Some(AutoAnswer::AfterMs(2_000)),
            phone: Some("8001".to_owned()),
            voice: Some(VoiceDevice::Phone),
            ..AgentEdit::default()
        };
        store.edit_agent(agent, &edit).expect("edited");
        let edit = AgentEdit { disabled: Some(true), skills: vec![(SkillId(5), 0), (SkillId(4), 7)], ..AgentEdit::default() };
        store.edit_agent(agent, &edit).expect("edited");
        let person = store.agents().expect("readable").remove(0);
        assert_eq!((person.name.as_str(), person.role, person.disabled), ("陈静", Role::Agent, true));
        assert_eq!(person.queues, [QueueId(2), QueueId(7)]);
        assert_eq!(person.memberships[&QueueId(7)], part);
        assert_eq!(person.memberships[&QueueId(2)], Membership::default());
        assert_eq!((person.skills, person.auto_answer_ms), ([(SkillId(4), 7)].into(), Some(2_000)));
        assert_eq!((person.phone.as_deref(), person.voice), (Some("8001"), VoiceDevice::Phone));
        store.edit_agent(agent, &AgentEdit { phone: Some(String::new()), ..AgentEdit::default() }).expect("edited");
        assert_eq!(store.agents().expect("readable").remove(0).phone, None);
        let missing = store.edit_agent(AgentId(99), &AgentEdit::default());
        assert!(matches!(missing, Err(StoreError::NoSuchAgent { agent: AgentId(99) })));
    }

    #[test]
    fn sign_ins_are_kept_with_what_came_of_them() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let note = |at, outcome, session: Option<SessionId>| SignInNote {
            at: UnixMillis(at),
            number: "1001".to_owned(),
            agent: session.map(|_| AgentId(1)),
            session,
            address: [127, 0, 0, 1].into(),
            outcome,
        };
        store.note_sign_in(&note(1, "wrong_credentials", None)).expect("written");
        store.note_sign_in(&note(2, "let_in", Some(SessionId(9)))).expect("written");
        let kept = store.sign_ins(10).expect("readable");
        let told: Vec<_> = kept.iter().map(|one| (one.outcome.as_str(), one.session, one.ended.as_deref())).collect();
        assert_eq!(told, [("let_in", Some(SessionId(9)), None), ("wrong_credentials", None, None)]);
    }
}

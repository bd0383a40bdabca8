//! Changes of people and callers: one set of words and one way to apply them, whether a server runs or not.

use super::Failure;
use crate::store::{AgentEdit, CallerEdit, List, NewAgent, NewCaller, NewListEntry, NewOverride, NewPhone, Role, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::model::{AgentId, InteractionId, PersonId, PhoneNumber, QueueId, UnixMillis};
use shared::pii::Pii;

/// One change. Passwords have been hashed where they were typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// A new person.
    AddAgent {
        /// Staff number 工号.
        number: String,
        /// Name.
        name: String,
        /// What the person may do.
        role: Role,
        /// Argon2id in PHC form.
        password_hash: Pii<String>,
        /// The queues the person serves.
        queues: Vec<QueueId>,
    },
    /// A new password.
    SetPassword {
        /// Staff number 工号.
        number: String,
        /// Argon2id in PHC form.
        password_hash: Pii<String>,
    },
    /// A citizen becomes known.
    AddCaller(NewCaller),
    /// A person's card is corrected.
    EditCaller {
        /// Which person.
        person: PersonId,
        /// What changes.
        edit: CallerEdit,
        /// Staff number of who corrects it.
        author: String,
    },
    /// A person's name, role, queues or skills, or whether the person may sign in.
    EditAgent {
        /// Staff number 工号.
        number: String,
        /// What changes.
        edit: AgentEdit,
    },
    /// A number is blocked or put in favour.
    AddListEntry(NewListEntry),
    /// The recordings of a call are held as evidence.
    HoldRecordings {
        /// Whose.
        interaction: InteractionId,
        /// Why.
        reason: String,
        /// Staff number of who wants it.
        by: String,
    },
    /// And are not any more.
    LiftHolds {
        /// Whose.
        interaction: InteractionId,
        /// Why.
        reason: String,
        /// Staff number of who wants it.
        by: String,
    },
    /// Hours are overridden by hand.
    AddOverride(NewOverride),
    /// An override is lifted.
    RemoveOverride {
        /// Which.
        entry: u32,
        /// Staff number of who wants it.
        by: String,
    },
    /// A phone of the house may register.
    AddPhone(NewPhone),
    /// A phone of the house may register no longer.
    RemovePhone {
        /// Its number.
        number: PhoneNumber,
    },
    /// A callback is taken back.
    CancelCallback {
        /// The call in which it was promised.
        callback: InteractionId,
        /// Staff number of who wants it.
        by: String,
    },
    /// Somebody has seen to a callback that nobody answered.
    SettleCallback {
        /// The call in which it was promised.
        callback: InteractionId,
        /// Staff number of who has.
        by: String,
    },
    /// An entry is taken off its list.
    RemoveListEntry {
        /// Which list.
        list: List,
        /// Which entry.
        entry: u32,
        /// Staff number of who wants it.
        by: String,
        /// Why.
        reason: String,
    },
}

impl Change {
    /// Whether the core's plan must be made anew after it.
    pub(crate) fn touches_plan(&self) -> bool {
        match self {
            Self::AddAgent { .. }
            | Self::EditAgent { .. }
            | Self::AddListEntry(_)
            | Self::RemoveListEntry { .. }
            | Self::AddOverride(_)
            | Self::AddPhone(_)
            | Self::RemovePhone { .. }
            | Self::RemoveOverride { .. } => true,
            Self::SetPassword { .. } | Self::AddCaller(_) | Self::EditCaller { .. } => false,
            Self::HoldRecordings { .. } | Self::LiftHolds { .. } => false,
            Self::CancelCallback { .. } | Self::SettleCallback { .. } => false,
        }
    }

    /// Whether the registrar must learn the phones anew after it.
    pub(crate) fn touches_phones(&self) -> bool {
        matches!(self, Self::AddPhone(_) | Self::RemovePhone { .. } | Self::EditAgent { .. })
    }

    /// Writes the change and returns what there is to tell about it.
    ///
    /// # Errors
    /// The store refuses; nothing has changed then.
    pub(crate) fn apply(&self, store: &Store, now: UnixMillis) -> Result<Value, Failure> {
        match self {
            Self::AddAgent { number, name, role, password_hash, queues } => {
                let new = NewAgent {
                    number: number.clone(),
                    name: name.clone(),
                    role: *role,
                    password_hash: password_hash.clone(),
                    queues: queues.clone(),
                };
                let agent = store.add_agent(&new, now)?;
                Ok(json!({"agent": agent, "number": number, "name": name, "role": role, "queues": queues}))
            }
            Self::SetPassword { number, password_hash } => {
                let agent = agent(store, number)?;
                store.set_password_hash(agent, password_hash)?;
                Ok(json!({"agent": agent, "number": number}))
            }
            Self::EditAgent { number, edit } => {
                let agent = agent(store, number)?;
                store.edit_agent(agent, edit)?;
                let person = store.agents()?.into_iter().find(|person| person.agent == agent);
                Ok(json!({"agent": person}))
            }
            Self::AddPhone(new) => add_phone(store, new, now),
            Self::RemovePhone { number } => {
                if store.remove_phone(number)? {
                    return Ok(json!({"number": number}));
                }
                let message = format!("no phone has the number {}", number.as_str());
                Err(Failure::new("no_such_phone", message, "`call-server phone list` shows every phone."))
            }
            Self::AddOverride(new) => Ok(json!({"entry": store.add_override(new, now)?, "ordered": new})),
            Self::RemoveOverride { entry, by } => {
                if store.remove_override(*entry, by, now)? {
                    return Ok(json!({"entry": entry}));
                }
                let message = format!("no override {entry} is in force");
                Err(Failure::new("no_such_entry", message, "`calendar override list` shows those in force."))
            }
            Self::HoldRecordings { interaction, reason, by } => hold(store, *interaction, (reason, by), now),
            Self::LiftHolds { interaction, reason, by } => lift(store, *interaction, (reason, by), now),
            Self::AddListEntry(entry) => Ok(json!({"entry": store.add_list_entry(entry, now)?, "added": entry})),
            Self::RemoveListEntry { list, entry, by, reason } => {
                if store.remove_list_entry(*list, *entry, (by, reason), now)? {
                    return Ok(json!({"entry": entry}));
                }
                let message = format!("there is no entry {entry} on this list, or it was removed before");
                Err(Failure::new("no_such_entry", message, "`block list` and `vip list` show the entries in force."))
            }
            Self::CancelCallback { callback, by } => {
                let done = store.cancel_callback(*callback, by, now)?;
                done.then(|| json!({"callback": callback})).ok_or_else(|| no_callback(*callback, "open", "callback list"))
            }
            Self::SettleCallback { callback, by } => {
                let done = store.settle_callback(*callback, by, now)?;
                done.then(|| json!({"callback": callback}))
                    .ok_or_else(|| no_callback(*callback, "left to people", "callback list --missed"))
            }
            Self::AddCaller(new) => Ok(json!({"person": store.add_caller(new, now)?, "number": new.number, "name": new.name})),
            Self::EditCaller { person, edit, author } => {
                if store.edit_caller(*person, edit, author, now)? {
                    return Ok(json!({"person": person}));
                }
                let message = format!("there is no person {person}");
                Err(Failure::new("no_such_person", message, "`call-server caller show NUMBER` tells the ids."))
            }
        }
    }
}

fn add_phone(store: &Store, new: &NewPhone, now: UnixMillis) -> Result<Value, Failure> {
    if store.add_phone(new, now)? {
        return Ok(json!({"number": new.number, "name": new.name, "class": new.class}));
    }
    let message = format!("the number {} belongs to a phone already", new.number.as_str());
    Err(Failure::new("number_taken", message, "Choose another, or remove that phone first; `call-server phone list` shows them."))
}

fn no_callback(callback: InteractionId, state: &str, list: &str) -> Failure {
    let message = format!("no callback is {state} that was promised in call {callback}");
    Failure::new("no_such_callback", message, format!("`call-server {list}` shows those."))
}

fn hold(store: &Store, interaction: InteractionId, why: (&str, &str), now: UnixMillis) -> Result<Value, Failure> {
    if store.hold_recordings(interaction, why, now)? {
        return Ok(json!({"holds": store.holds(interaction)?}));
    }
    let message = format!("there is no call {interaction}");
    Err(Failure::new("no_such_call", message, "`call-server call list` shows the newest."))
}

fn lift(store: &Store, interaction: InteractionId, why: (&str, &str), now: UnixMillis) -> Result<Value, Failure> {
    if store.lift_holds(interaction, why, now)? > 0 {
        return Ok(json!({"holds": store.holds(interaction)?}));
    }
    let message = format!("the recordings of call {interaction} are not held");
    Err(Failure::new("not_held", message, "`call-server recording list` shows which are."))
}

fn agent(store: &Store, number: &str) -> Result<AgentId, Failure> {
    let found = store.credentials(number)?;
    found.map(|found| found.agent).ok_or_else(|| {
        let message = format!("nobody has the staff number {number}");
        Failure::new("no_such_agent", message, "`call-server agent list` shows everybody.")
    })
}

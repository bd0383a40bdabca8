//! Changes of people and callers: one set of words and one way to apply them, whether a server runs or not.

use super::Failure;
use crate::store::{NewAgent, NewCaller, Role, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::model::{CallerCard, PhoneNumber, QueueId, UnixMillis};
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
    AddCaller {
        /// The citizen's number.
        number: Pii<PhoneNumber>,
        /// Name and address.
        card: CallerCard,
    },
}

impl Change {
    /// Whether the core's plan must be made anew after it.
    pub(crate) fn touches_plan(&self) -> bool {
        match self {
            Self::AddAgent { .. } => true,
            Self::SetPassword { .. } | Self::AddCaller { .. } => false,
        }
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
                let Some(found) = store.credentials(number)? else {
                    let message = format!("nobody has the staff number {number}");
                    return Err(Failure::new("no_such_agent", message, "`call-server agent list` shows everybody."));
                };
                store.set_password_hash(found.agent, password_hash)?;
                Ok(json!({"agent": found.agent, "number": number}))
            }
            Self::AddCaller { number, card } => {
                store.add_caller(&NewCaller { number: number.clone(), card: card.clone() }, now)?;
                Ok(json!({"number": number, "name": card.name, "address": card.address}))
            }
        }
    }
}

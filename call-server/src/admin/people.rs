//! `agent`: people who sign in.

use super::changes::Change;
use super::cli::{AddAgent, Agent, RoleName};
use super::control::{self, Request};
use super::lock::DataLock;
use super::{Failure, Outcome, load, open_store, staff};
use crate::accounts;
use crate::config::Site;
use crate::store::{AgentEntry, Role};
use serde_json::{Value, json};
use shared::model::{QueueId, UnixMillis};
use shared::pii::Pii;
use std::io::BufRead;
use std::path::Path;

/// Longest staff number, name and address, in characters.
const NUMBER_LIMIT: usize = 16;
const TEXT_LIMIT: usize = 200;

pub(super) fn agent(site: &Path, command: &Agent) -> Result<Outcome, Failure> {
    let site = load(site)?;
    match command {
        Agent::Add(wishes) => add(&site, wishes),
        Agent::List => list(&site),
        Agent::Passwd { number, password_stdin, must_change } => passwd(&site, number, *password_stdin, *must_change),
        Agent::Edit(wishes) => staff::edit(&site, wishes),
        Agent::Disable { number } => staff::disable(&site, number, true),
        Agent::Enable { number } => staff::disable(&site, number, false),
        Agent::Unlock { number } => staff::unlock(&site, number),
        Agent::SignIns { limit } => staff::sign_ins(&site, *limit),
        Agent::Supervision { limit } => staff::supervision(&site, *limit),
    }
}

/// Makes a change: through the running server if there is one, otherwise here under the lock.
pub(super) fn make(site: &Site, change: Change) -> Result<Value, Failure> {
    if let Some(told) = control::ask(&site.folder, &Request::Change(change.clone()))? {
        return Ok(told);
    }
    let _lock = DataLock::take(&site.folder)?;
    let store = open_store(site)?;
    change.apply(&store, UnixMillis(jiff::Timestamp::now().as_millisecond()))
}

fn add(site: &Site, wishes: &AddAgent) -> Result<Outcome, Failure> {
    let number = staff_number(&wishes.number)?;
    let name = text("name", &wishes.name)?;
    let role = match wishes.role {
        RoleName::Agent => Role::Agent,
        RoleName::Supervisor => Role::Supervisor,
    };
    let queues = queues(site, role, &wishes.queue)?;
    let password = Password::get(wishes.password_stdin)?;
    let password_hash = accounts::hash_new(password.text())?;
    let password_is_initial = wishes.must_change.unwrap_or(password.is_random());
    let change = Change::AddAgent { number: number.clone(), name: name.clone(), role, password_hash, password_is_initial, queues };
    let told = make(site, change)?;
    Ok(password.tell(format!("{number} {name} is added."), told))
}

fn passwd(site: &Site, number: &str, from_stdin: bool, must_change: Option<bool>) -> Result<Outcome, Failure> {
    let number = staff_number(number)?;
    let password = Password::get(from_stdin)?;
    let password_hash = accounts::hash_new(password.text())?;
    let password_is_initial = must_change.unwrap_or(password.is_random());
    let told = make(site, Change::SetPassword { number: number.clone(), password_hash, password_is_initial })?;
    Ok(password.tell(format!("{number} has a new password."), told))
}

fn list(site: &Site) -> Result<Outcome, Failure> {
    let people = open_store(site)?.agents()?;
    let rows: Vec<_> = people.iter().map(row).collect();
    let text = if rows.is_empty() { "Nobody may sign in yet; see `call-server agent add`.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"agents": people})))
}

fn row(person: &AgentEntry) -> String {
    let queues: Vec<_> = person.queues.iter().map(ToString::to_string).collect();
    let queues = if queues.is_empty() { "no queue".to_owned() } else { format!("queues {}", queues.join(", ")) };
    let skills: Vec<_> = person.skills.iter().map(|(skill, level)| format!("{}={level}", skill.0)).collect();
    let skills = if skills.is_empty() { String::new() } else { format!(", skills {}", skills.join(", ")) };
    let disabled = if person.disabled { ", disabled" } else { "" };
    format!("{:<8} {:<12} {} {queues}{skills}{disabled}", person.number, person.role.code(), person.name)
}

fn queues(site: &Site, role: Role, wished: &[u32]) -> Result<Vec<QueueId>, Failure> {
    let wished = wished.iter().map(|id| known_queue(site, *id)).collect::<Result<Vec<_>, _>>()?;
    Ok(match (role, wished.as_slice()) {
        (Role::Agent, []) => site.bare_plan().queues.keys().copied().collect(),
        (Role::Agent | Role::Supervisor, _) => wished,
    })
}

/// A queue of this site by its id.
pub(super) fn known_queue(site: &Site, id: u32) -> Result<QueueId, Failure> {
    let known = &site.bare_plan().queues;
    if known.contains_key(&QueueId(id)) {
        return Ok(QueueId(id));
    }
    let known: Vec<_> = known.iter().map(|(id, queue)| format!("{id} {}", queue.name)).collect();
    let remedy = format!("Queues of this site: {}.", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
    Err(Failure::new("no_such_queue", format!("there is no queue {id}"), remedy))
}

pub(super) fn staff_number(text: &str) -> Result<String, Failure> {
    if (1..=NUMBER_LIMIT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    Err(Failure::new("bad_number", "a staff number has 1 to 16 letters and digits", "Write it as 1001."))
}

pub(super) fn text(what: &str, text: &str) -> Result<String, Failure> {
    let trimmed = text.trim();
    if (1..=TEXT_LIMIT).contains(&trimmed.chars().count()) && !trimmed.chars().any(char::is_control) {
        return Ok(trimmed.to_owned());
    }
    Err(Failure::new(
        "bad_text",
        format!("the {what} is empty, has over 200 characters, or holds a control character"),
        "Correct it and try again.",
    ))
}

/// A password and whether its owner knows it already.
enum Password {
    Given(Pii<String>),
    Random(Pii<String>),
}

impl Password {
    fn get(from_stdin: bool) -> Result<Self, Failure> {
        if !from_stdin {
            return Ok(Self::Random(accounts::random_password()?));
        }
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Failure::new("no_password", format!("no password on standard input: {error}"), "Give it as one line."))?;
        Ok(Self::Given(line.trim_end_matches(['\r', '\n']).to_owned().into()))
    }

    fn is_random(&self) -> bool {
        matches!(self, Self::Random(_))
    }

    fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::Random(text) => text.reveal(),
        }
    }

    /// A random password is shown here and never again.
    fn tell(&self, text: String, mut json: Value) -> Outcome {
        match self {
            Self::Given(_) => Outcome::new(text, json),
            Self::Random(password) => {
                json["password"] = Value::String(password.reveal().clone());
                Outcome::new(format!("{text}\nPassword (shown once): {}", password.reveal()), json)
            }
        }
    }
}

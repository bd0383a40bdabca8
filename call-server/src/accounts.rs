//! Passwords: Argon2id (RFC 9106) hashes in the store, checks for the gateway, rules and random ones for the command line.
//!
//! A password never becomes a SIP secret and is never kept (T3, 5-2).

use crate::gateway::{Attempt, Person};
use crate::store::{Credentials, Role, SignInNote, Store, StoreError};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use shared::model::{AgentId, QueueId, UnixMillis};
use shared::pii::Pii;
use shared::wire::SignInRefusal;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

/// Fewest characters of a password.
const PASSWORD_MIN_CHARACTERS: usize = 8;
/// Most bytes of a password, as the gateway takes them.
const PASSWORD_MAX_BYTES: usize = 256;
/// Characters of a random password.
const RANDOM_CHARACTERS: usize = 10;
/// Letters and digits that cannot be taken for one another when read aloud or from paper; 32, so that a random byte picks evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// Breaks the rules; the text says which.
    #[error("the password {0}")]
    Rule(&'static str),
    /// The system has no random numbers or no memory.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    /// The thread that writes sign-ins down cannot be had.
    #[error("sign-ins cannot be put on record: {0}")]
    Clerk(String),
}

/// Checks sign-ins against the store. Nobody who signs in waits for a write: what is to be put on record goes to a thread of its own
/// with a connection of its own, so that a slow disk holds up neither a sign-in nor the check of the next one.
pub(crate) struct Accounts {
    store: Arc<Store>,
    /// Stands in for unknown numbers, so that they cost the same time (5-1).
    stand_in: Pii<String>,
    /// `None` once the last errand was handed over.
    errands: Option<SyncSender<Errand>>,
    clerk: Option<JoinHandle<()>>,
}

/// Most errands that may wait; beyond it an attempt is told to the log alone.
const MOST_ERRANDS: usize = 10_000;

/// How often the database is asked to take one.
const ATTEMPTS: u32 = 5;

/// Something to be put on record behind a sign-in.
enum Errand {
    Attempt(SignInNote),
    /// A password hash of more work than the one that was checked.
    Raised(AgentId, Pii<String>),
}

impl Errand {
    fn run(self, store: &Store) {
        match self {
            // A database that is busy for long is asked again; each time it is waited for as long as the store waits.
            Self::Attempt(note) => {
                for attempt in 1..=ATTEMPTS {
                    match store.note_sign_in(&note) {
                        Ok(()) => return,
                        Err(error) => {
                            tracing::error!(%error, attempt, outcome = note.outcome, "an attempt to sign in could not be put on record");
                        }
                    }
                }
            }
            Self::Raised(agent, hash) => match store.set_password_hash(agent, &hash) {
                Ok(_) => tracing::info!(agent = agent.0, "password hash raised to the present parameters"),
                Err(error) => tracing::warn!(%error, "the password hash keeps its old parameters"),
            },
        }
    }
}

impl Drop for Accounts {
    /// What was handed over is written before the end.
    fn drop(&mut self) {
        self.errands = None;
        if self.clerk.take().is_some_and(|clerk| clerk.join().is_err()) {
            tracing::error!("the thread that writes sign-ins down ended by a panic");
        }
    }
}

impl Accounts {
    /// Makes the stand-in for unknown numbers.
    ///
    /// # Errors
    /// See [`AccountError::Hash`].
    pub(crate) fn new(store: Arc<Store>) -> Result<Self, AccountError> {
        let stand_in = hash(random_password()?.reveal())?;
        let own = store.again().map_err(|error| AccountError::Clerk(error.to_string()))?;
        let (errands, waiting) = mpsc::sync_channel::<Errand>(MOST_ERRANDS);
        let work = move || waiting.into_iter().for_each(|errand| errand.run(&own));
        let clerk = std::thread::Builder::new().name("sign-ins".to_owned()).spawn(work);
        let clerk = Some(clerk.map_err(|error| AccountError::Clerk(error.to_string()))?);
        Ok(Self { store, stand_in, errands: Some(errands), clerk })
    }

    fn hand_over(&self, errand: Errand) {
        if self.errands.as_ref().is_none_or(|errands| errands.try_send(errand).is_err()) {
            tracing::error!(limit = MOST_ERRANDS, "the disk does not keep up with sign-ins: one is not put on record");
        }
    }

    /// Whose teams a supervisor has; everybody's if that cannot be read, as the core decides anew at each act.
    fn queues_of(&self, agent: AgentId) -> Vec<QueueId> {
        let people = self.store.agents().unwrap_or_else(|error| {
            tracing::warn!(%error, "a supervisor's queues cannot be read");
            Vec::new()
        });
        people.into_iter().find(|person| person.agent == agent).map(|person| person.queues).unwrap_or_default()
    }

    fn raise(&self, found: &Credentials, password: &str) {
        match hash(password) {
            Ok(hash) => self.hand_over(Errand::Raised(found.agent, hash)),
            Err(error) => tracing::warn!(%error, "the password hash keeps its old parameters"),
        }
    }
}

impl Accounts {
    /// Checks a number with its password; unknown number and wrong password look and time alike (5-1).
    ///
    /// # Errors
    /// The refusal to be shown.
    pub(crate) fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal> {
        let found = self.store.credentials(number).map_err(|error: StoreError| {
            tracing::error!(%error, "sign-in cannot be checked");
            SignInRefusal::NotNow
        })?;
        let stored = found.as_ref().map_or(&self.stand_in, |found| &found.password_hash);
        let fits = verify(password, stored.reveal());
        let found = found.filter(|found| fits && !found.disabled).ok_or(SignInRefusal::WrongCredentials)?;
        if is_weak(found.password_hash.reveal()) {
            self.raise(&found, password);
        }
        let is_supervisor = found.role == Role::Supervisor;
        let queues = if is_supervisor { self.queues_of(found.agent) } else { Vec::new() };
        let supervises = is_supervisor.then_some(queues);
        Ok(Person { agent: found.agent, number: found.number, name: found.name, sees_numbers: is_supervisor, supervises })
    }

    /// Puts an attempt to sign in on record; returns at once.
    pub(crate) fn note(&self, attempt: Attempt) {
        let Attempt { number, let_in, address, outcome } = attempt;
        let at = UnixMillis(jiff::Timestamp::now().as_millisecond());
        let (agent, session) = let_in.unzip();
        self.hand_over(Errand::Attempt(SignInNote { at, number, agent, session, address, outcome }));
    }
}

/// Checks the rules and hashes with a fresh salt.
///
/// # Errors
/// See [`AccountError`].
pub(crate) fn hash_new(password: &str) -> Result<Pii<String>, AccountError> {
    if password.chars().count() < PASSWORD_MIN_CHARACTERS {
        return Err(AccountError::Rule("has fewer than 8 characters"));
    }
    if password.len() > PASSWORD_MAX_BYTES {
        return Err(AccountError::Rule("has more than 256 bytes"));
    }
    if password.chars().any(char::is_control) {
        return Err(AccountError::Rule("holds a control character"));
    }
    hash(password)
}

/// A password of ten characters (50 bits), to be changed by its owner.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn random_password() -> Result<Pii<String>, AccountError> {
    let mut bytes = [0u8; RANDOM_CHARACTERS];
    getrandom::fill(&mut bytes).map_err(|error| AccountError::Hash(error.to_string()))?;
    Ok(Pii::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()))
}

fn hash(password: &str) -> Result<Pii<String>, AccountError> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| AccountError::Hash(error.to_string()))?;
    Ok(Pii::new(hash.to_string()))
}

/// Uses the parameters stored in the hash.
fn verify(password: &str, stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else {
        tracing::error!("a stored password hash is not in PHC form");
        return false;
    };
    Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
}

/// Whether the hash was made with less work than is asked today.
fn is_weak(stored: &str) -> bool {
    let today = Params::default();
    let made = PasswordHash::new(stored).ok().and_then(|stored| Params::try_from(&stored).ok());
    made.is_some_and(|made| made.m_cost() < today.m_cost() || made.t_cost() < today.t_cost())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::NewAgent;
    use argon2::{Algorithm, Version};
    use std::net::IpAddr;

    fn accounts(scratch: &Scratch, hash: Pii<String>) -> (Accounts, AgentId) {
        let store = Arc::new(Store::open(&scratch.path("hotline.db")).expect("a database"));
        let new = NewAgent { number: "1001".into(), name: "陈静".into(), role: Role::Agent, password_hash: hash, queues: Vec::new() };
        let agent = store.add_agent(&new, UnixMillis(0)).expect("added");
        (Accounts::new(store).expect("hashes"), agent)
    }

    #[test]
    fn only_the_right_password_of_a_known_number_is_let_in() {
        let scratch = Scratch::new();
        let (accounts, agent) = accounts(&scratch, hash_new("correct horse").expect("within the rules"));
        assert_eq!(accounts.check("1001", "correct horse").expect("let in").agent, agent);
        assert_eq!(accounts.check("1001", "correct hors").err(), Some(SignInRefusal::WrongCredentials));
        assert_eq!(accounts.check("1002", "correct horse").err(), Some(SignInRefusal::WrongCredentials));
    }

    #[test]
    fn a_hash_of_less_work_is_raised_at_sign_in() {
        let scratch = Scratch::new();
        let small = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).expect("allowed"));
        let old: PasswordHash = small.hash_password(b"correct horse").expect("hashes");
        let (accounts, _) = accounts(&scratch, Pii::new(old.to_string()));
        accounts.check("1001", "correct horse").expect("let in");
        let store = Arc::clone(&accounts.store);
        drop(accounts);
        let now = store.credentials("1001").expect("read").expect("there").password_hash;
        assert!(now.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "hash is still weak");
        Accounts::new(store).expect("hashes").check("1001", "correct horse").expect("let in with the raised hash");
    }

    #[test]
    fn nobody_who_signs_in_waits_for_a_disk_that_does_not_write() {
        let scratch = Scratch::new();
        let (accounts, agent) = accounts(&scratch, hash_new("correct horse").expect("within the rules"));
        let store = Arc::clone(&accounts.store);
        let slow = store.held_up();
        let attempt = |outcome| Attempt { number: "1001".into(), let_in: None, address: IpAddr::from([127, 0, 0, 1]), outcome };
        for _ in 0..3 {
            assert_eq!(accounts.check("1001", "correct horse").expect("let in").agent, agent);
            accounts.note(attempt("let_in"));
        }
        assert_eq!(store.sign_ins(10).expect("readable").len(), 0, "nothing can be written yet");
        drop(slow);
        drop(accounts);
        assert_eq!(store.sign_ins(10).expect("readable").len(), 3, "all of it is on record in the end");
    }

    #[test]
    fn weak_passwords_are_refused_with_the_rule_they_break() {
        assert_eq!(hash_new("1234567").err().map(|error| error.to_string()).as_deref(), Some("the password has fewer than 8 characters"));
        assert!(hash_new("一二三四五六七八").is_ok(), "characters count, not bytes");
        assert!(hash_new(&"x".repeat(257)).is_err());
        assert!(hash_new("12345678\n").is_err());
    }

    #[test]
    fn random_passwords_differ_and_keep_the_rules() {
        let (one, other) = (random_password().expect("random"), random_password().expect("random"));
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), RANDOM_CHARACTERS);
        assert!(hash_new(one.reveal()).is_ok());
    }
}

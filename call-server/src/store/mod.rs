//! The store: SQLite, one writer thread, numbered migrations. No SQL stands anywhere else.
//!
//! [`Store`] is opened first and serves the few questions of start-up, sign-in and the command line; [`start`] then runs the writer
//! that carries out the core's [`call_core::command::StoreCommand`]s in group commits. It decides nothing about calls.

mod archive;
mod callbacks;
mod callers;
mod calls;
mod holds;
mod lists;
mod messages;
mod overrides;
mod own_work;
mod people;
mod phones;
mod queue;
mod schema;
mod staff;
mod startup;
mod summaries;
mod surveys;
mod units;
mod voices;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use archive::{KeyText, RecordingDay, RecordingPlace};
pub(crate) use callbacks::{CallbackEntry, CallbackList};
pub(crate) use callers::{CallerEdit, NewCaller};
pub(crate) use calls::{CallReport, RecordingReport, RecordingState};
pub(crate) use lists::{ANNOUNCE, LOW_PRIORITY, List, ListEntry, NewListEntry, RATE, REJECT};
pub(crate) use messages::{Changed, Fates, MessageFilter, MessageReport};
pub(crate) use overrides::{NewOverride, OverrideEntry};
pub(crate) use people::{AgentEntry, Credentials, NewAgent, Role};
pub(crate) use phones::{NewPhone, PhoneEntry};
pub(crate) use staff::{AgentEdit, AutoAnswer, SignInNote, SignInReport, SupervisionReport};
pub(crate) use startup::{FileFigures, NewRecording, RecordingResult};
pub(crate) use summaries::{MissingSummary, Submitted};
pub(crate) use units::NewUnit;
pub(crate) use writer::{StoreHandle, start};

use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why the store could not do it. By blame: the place, the file, our own fault, the asker's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database's folder is missing and cannot be made.
    #[error("the folder {} cannot be used for the database: {reason}", folder.display())]
    FolderUnusable {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file cannot be opened or written.
    #[error("the database {} cannot be opened for writing: {reason}", path.display())]
    NotWritable {
        /// Which.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file holds something else, or is damaged.
    #[error("the file {} is not a database, or is damaged; restore it from a backup or name another file", path.display())]
    NotADatabase {
        /// Which.
        path: PathBuf,
    },
    /// A database, but another program's.
    #[error("the database {} belongs to another program; name another file", path.display())]
    NotOurDatabase {
        /// Which.
        path: PathBuf,
    },
    /// A newer server has been here.
    #[error("the database {} was written by a newer server (schema {found}, this server knows {known})", path.display())]
    NewerSchema {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// No space.
    #[error("the disk of the database {} is full", path.display())]
    DiskFull {
        /// Which.
        path: PathBuf,
    },
    /// Anything else that SQLite reports.
    #[error("the database {} reports: {reason}", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The staff number belongs to somebody.
    #[error("the staff number {number} is taken")]
    NumberTaken {
        /// Which.
        number: String,
    },
    /// Nobody has this id.
    #[error("there is no agent {agent}")]
    NoSuchAgent {
        /// Which.
        agent: shared::model::AgentId,
    },
}

/// Whose fault a database error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The file is something else, or damaged.
    NotADatabase,
    /// The file or its folder may not be written.
    NotWritable,
    /// No space.
    Full,
    /// The row breaks a rule of its table: trying again cannot help.
    Refused,
    /// Everything else.
    Other,
}

/// An open database with a connection for questions outside the calls' own path. May be shared between threads.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the database file, makes file and folder when they are missing, and brings the schema up to date.
    ///
    /// # Errors
    /// See [`StoreError`]; each is a sentence for the operator.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Mutex::new(schema::open_and_migrate(path)?);
        Ok(Self { path: path.to_path_buf(), connection })
    }

    /// The same database by a connection of its own: who writes there holds up nobody here.
    ///
    /// # Errors
    /// The database cannot be opened a second time.
    pub(crate) fn again(&self) -> Result<Self, StoreError> {
        Ok(Self { path: self.path.clone(), connection: Mutex::new(schema::open_again(&self.path)?) })
    }

    /// Nobody else can write while this lives: a stand-in for a disk that takes its time.
    #[cfg(test)]
    pub(crate) fn held_up(&self) -> Connection {
        let connection = schema::open_again(&self.path).expect("it exists");
        connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        connection
    }

    /// A panic in another reader leaves the connection usable, so a poisoned lock is taken as it is.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        schema::by_blame(error, &self.path)
    }
}

/// SQLite's integers are signed; ids and lengths never come near the difference.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back; a negative value in the file reads as 0.
fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

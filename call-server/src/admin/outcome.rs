//! What a command ends in.

use crate::accounts::AccountError;
use crate::archive::RotationError;
use crate::config::{Fault, Faults};
use crate::recording::KeyError;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// A command that did what was asked.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For people.
    pub(crate) text: String,
    /// For programs; `None` if the command has spoken for itself.
    pub(crate) json: Option<Value>,
    /// The command has looked, as asked, and what it found is bad: exit code 1.
    pub(crate) bad: bool,
}

impl Outcome {
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json: Some(json), bad: false }
    }

    /// Nothing left to say.
    pub(crate) fn silent() -> Self {
        Self { text: String::new(), json: None, bad: false }
    }
}

/// A command that was refused or failed: what happened, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Stable, for programs.
    pub(crate) code: String,
    /// What happened and why.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) remedy: String,
    /// Faults of the configuration, if these are the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<Fault>,
}

impl Failure {
    pub(crate) fn new(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.into(), faults: Vec::new() }
    }

    /// `{"error": {...}}`
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": self})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        write!(f, "{}", self.remedy)
    }
}

impl std::error::Error for Failure {}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        let count = faults.0.len();
        let message = if count == 1 { "the configuration has a fault".to_owned() } else { format!("the configuration has {count} faults") };
        Self {
            faults: faults.0,
            ..Self::new("config_faults", message, "Correct hotline.toml; `call-server config check` lists its faults again.")
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NumberTaken { .. } => {
                Self::new("number_taken", message, "Choose another; `call-server agent list` shows those in use.")
            }
            StoreError::NoSuchAgent { .. } => Self::new("no_such_agent", message, "`call-server agent list` shows everybody."),
            StoreError::FolderUnusable { .. } | StoreError::NotWritable { .. } => {
                Self::new("database_not_writable", message, "Check owner and permissions of the folder and the file.")
            }
            StoreError::NotADatabase { .. } | StoreError::NotOurDatabase { .. } => {
                Self::new("not_our_database", message, "Nothing was changed in it.")
            }
            StoreError::NewerSchema { .. } => Self::new("newer_database", message, "Use the newer call-server."),
            StoreError::DiskFull { .. } => Self::new("disk_full", message, "Free some space and try again."),
            StoreError::Database { .. } => {
                Self::new("database_failed", message, "Try again; if it stays, check the disk and the latest backup.")
            }
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::Missing { .. } => "no_recording_key",
            KeyError::Open { .. } | KeyError::Length { .. } | KeyError::Io { .. } => "bad_recording_key",
        };
        Self::new(code, error.to_string(), error.remedy())
    }
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Key(error) => error.into(),
            RotationError::Store(error) => error.into(),
            RotationError::Write(error) => Self::new(
                "key_not_written",
                format!("the key file cannot be written: {error}"),
                "Check [recording] key in hotline.toml, the folder's owner and permissions; the keys so far are untouched.",
            ),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let message = error.to_string();
        match error {
            AccountError::Rule(_) => Self::new("weak_password", message, "Choose one of 8 characters or more."),
            AccountError::Clerk(_) => Self::new("no_clerk", message, "Check the system's limits of threads and files and try again."),
            AccountError::Hash(_) => Self::new("no_hash", message, "Check the system's free memory and try again."),
        }
    }
}

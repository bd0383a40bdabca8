//! What a recorded run consists of: the plan it began with, then every input with its time. Fed to a fresh core it gives the same
//! commands. The lines are written and read by others; secrets never come into them.

use crate::command::{MediaAccess, SessionText};
use crate::plan::Plan;
use crate::time::Now;
use crate::{Command, Core, Input};
use serde::{Deserialize, Serialize};
use shared::model::InteractionId;

/// Version of the lines; a reader refuses any other.
pub const VERSION: u32 = 2;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalLine {
    /// A server began: a fresh core, whatever came before.
    Began {
        /// [`VERSION`].
        version: u32,
        /// The number of its first interaction.
        next: InteractionId,
        /// What it was configured to do.
        plan: Box<Plan>,
    },
    /// One input was handled.
    Handled {
        /// When.
        now: Now,
        /// What, without secrets; see [`without_secrets`].
        input: Input,
        /// How many commands followed.
        commands: usize,
    },
    /// Inputs are missing from here on: the journal could not keep up, or is as large as it may be. What follows cannot be replayed.
    Gap,
}

/// The input without session descriptions and media keys, which the core only carries and never looks at.
#[must_use]
pub fn without_secrets(input: &Input) -> Input {
    match input {
        Input::CallOffered(offered) => {
            let mut offered = offered.clone();
            offered.offer = offered.offer.map(|_| SessionText("".into()));
            Input::CallOffered(offered)
        }
        Input::MediaOpened { leg, .. } => Input::MediaOpened { leg: *leg, answer: SessionText("".into()) },
        Input::AgentMediaOpened { agent, leg, .. } => Input::AgentMediaOpened { agent: *agent, leg: *leg, access: MediaAccess("".into()) },
        other => other.clone(),
    }
}

/// Plays lines back, one after the other.
#[derive(Debug, Default)]
pub struct Replay {
    core: Option<Core>,
}

/// Why a line cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayFault {
    /// Written by another version.
    Version(u32),
    /// An input before any beginning, or behind a gap.
    NothingBegan,
    /// The run as recorded had so many commands, the replay has so many.
    Differs {
        /// Recorded.
        recorded: usize,
        /// Replayed.
        replayed: usize,
    },
}

impl std::fmt::Display for ReplayFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(found) => write!(f, "the journal has version {found}, this program reads version {VERSION}"),
            Self::NothingBegan => f.write_str("an input without a beginning: lines before it are missing"),
            Self::Differs { recorded, replayed } => {
                write!(f, "{recorded} commands were recorded, {replayed} follow now: another version of the core, or a changed file")
            }
        }
    }
}

impl std::error::Error for ReplayFault {}

impl Replay {
    /// Plays one line; returns the commands that follow.
    ///
    /// # Errors
    /// See [`ReplayFault`]; after a difference the replay goes on with the next line.
    pub fn play(&mut self, line: JournalLine) -> Result<Vec<Command>, ReplayFault> {
        match line {
            JournalLine::Began { version, .. } if version != VERSION => Err(ReplayFault::Version(version)),
            JournalLine::Began { next, plan, .. } => {
                self.core = Some(Core::new(*plan, next));
                Ok(Vec::new())
            }
            JournalLine::Gap => {
                self.core = None;
                Ok(Vec::new())
            }
            JournalLine::Handled { now, input, commands: recorded } => {
                let core = self.core.as_mut().ok_or(ReplayFault::NothingBegan)?;
                core.handle(now, input);
                let commands: Vec<Command> = std::iter::from_fn(|| core.poll()).collect();
                let replayed = commands.len();
                if replayed == recorded { Ok(commands) } else { Err(ReplayFault::Differs { recorded, replayed }) }
            }
        }
    }
}

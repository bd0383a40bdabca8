//! The call server's pure core: it decides everything and does nothing.
//!
//! Its face is [`Core::handle`], [`Core::poll`] and [`Core::next_deadline`]. The law: one input, then drain all commands, then
//! the next input. It has no clock, socket, thread, file, lock or random source; the same inputs give the same commands.

pub mod command;
pub mod input;
pub mod ledger;
pub mod plan;
mod time;

pub use command::Command;
pub use input::Input;
pub use time::{Now, Time};

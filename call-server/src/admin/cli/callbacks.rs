//! The words of `callback`: citizens who are to be called back.

use clap::{Args, Subcommand};

/// Commands about callbacks.
#[derive(Debug, Subcommand)]
pub(crate) enum Callback {
    /// Who is to be called back, in the order of their places in the line; with --missed whom people have to see to.
    #[command(after_help = "A callback is named by the call in which it was promised.\n\nExamples:\n  call-server callback list\n  \
                            call-server callback list --missed\n  call-server callback settle 4711 --by 1001")]
    List(ListCallbacks),
    /// Take an open callback back: the citizen is not called any more.
    Cancel(CallbackWish),
    /// Put down that somebody has seen to a callback which nobody answered: it leaves the list of missed ones.
    Settle(CallbackWish),
}

/// Which ones.
#[derive(Debug, Args)]
pub(crate) struct ListCallbacks {
    /// Those that nobody answered, or that ran out of time, and that nobody has seen to yet.
    #[arg(long, conflicts_with = "all")]
    pub(crate) missed: bool,
    /// Also those that are over.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Which callback, and who says so.
#[derive(Debug, Args)]
pub(crate) struct CallbackWish {
    /// The call in which it was promised, as `list` shows it.
    #[arg(value_name = "CALL")]
    pub(crate) call: u64,
    /// Staff number 工号 of who does it.
    #[arg(long, value_name = "STAFF")]
    pub(crate) by: String,
}

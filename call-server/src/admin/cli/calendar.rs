//! The words of `calendar`: when numbers and queues are open.

use clap::{Args, Subcommand};

/// Commands about hours.
#[derive(Debug, Subcommand)]
pub(crate) enum Calendar {
    /// What a call to a number would meet at a time: open or closed, why, where it leads, and when that changes.
    #[command(after_help = "Examples:\n  call-server calendar test 12345 now\n  call-server calendar test 12345 \"2026-10-01 09:30\"")]
    Test {
        /// The dialled number.
        #[arg(value_name = "NUMBER")]
        number: String,
        /// Local time (UTC+8) as "2026-10-01 09:30", or now.
        #[arg(value_name = "TIME", default_value = "now")]
        time: String,
    },
    /// Hours overridden by hand 应急模式.
    #[command(subcommand)]
    Override(Override),
}

/// Commands about overrides.
#[derive(Debug, Subcommand)]
pub(crate) enum Override {
    /// Open or close by hand. It counts at once for new calls, and ends by itself.
    #[command(
        after_help = "Examples:\n  call-server calendar override add --closed \"announce typhoon\" --hours 6 --reason 台风 --by 2001\n  \
                            call-server calendar override add --open --number 12345 --hours 2 --reason 应急值守 --by 2001"
    )]
    Add(AddOverride),
    /// The overrides in force.
    List {
        /// Also what has expired or was lifted.
        #[arg(long)]
        all: bool,
    },
    /// Lift an override before its end. It stays on record.
    Remove {
        /// The override's number, as `list` shows it.
        #[arg(value_name = "ENTRY")]
        entry: u32,
        /// Staff number 工号 of a supervisor.
        #[arg(long, value_name = "STAFF")]
        by: String,
    },
}

/// An override to be ordered.
#[derive(Debug, Args)]
pub(crate) struct AddOverride {
    /// Take calls, whatever the calendar says.
    #[arg(long, required_unless_present = "closed")]
    pub(crate) open: bool,
    /// Take none: "refuse", "queue ID", "announce NAME" or "callback".
    #[arg(long, value_name = "WHAT FOLLOWS", conflicts_with = "open")]
    pub(crate) closed: Option<String>,
    /// Only this dialled number [default: every number and queue].
    #[arg(long, value_name = "NUMBER", conflicts_with = "queue")]
    pub(crate) number: Option<String>,
    /// Only this queue.
    #[arg(long, value_name = "ID")]
    pub(crate) queue: Option<u32>,
    /// Hours until it ends by itself.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(crate) hours: u32,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Staff number 工号 of a supervisor.
    #[arg(long, value_name = "STAFF")]
    pub(crate) by: String,
}

//! The words of `unit`, `summary` and `matter`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Commands about member units 成员单位.
#[derive(Debug, Subcommand)]
pub(crate) enum Unit {
    /// Bring the phone book to a CSV file: name,number,from,to,note. Several lines of one name are several phones of it.
    #[command(
        after_help = "Example of a file:\n  name,number,from,to,note\n  市水务公司,0519-87210001,08:00,18:00,调度\n  市水务公司,13900000001,18:00,08:00,夜间值班\n\nWithout from and to somebody answers all day."
    )]
    Import {
        /// The file, in UTF-8.
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// Take units that the file does not name out of the book.
        #[arg(long)]
        all: bool,
        /// Only say what is wrong with the file.
        #[arg(long)]
        dry_run: bool,
    },
    /// Every unit in force with its phones.
    List,
}

/// Commands about summaries 小结.
#[derive(Debug, Subcommand)]
pub(crate) enum Summary {
    /// The newest summaries, newest first.
    List {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Instead the parts of calls whose summary is missing 未填.
        #[arg(long)]
        missing: bool,
    },
    /// Every agent's summary of one call.
    Show {
        /// The call's id, as `call list` shows it.
        #[arg(value_name = "ID")]
        id: u64,
    },
    /// Write summaries to a CSV file, newest first.
    Export {
        /// The file to write.
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        limit: u32,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
}

/// Commands about surveys 满意度调查.
#[derive(Debug, Subcommand)]
pub(crate) enum Survey {
    /// Who was asked and what was answered, the newest first.
    List {
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

/// Which matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatterScope {
    /// Those that are not closed 在办.
    Open,
    /// All of them.
    All,
}

/// Commands about matters that were sent to units.
#[derive(Debug, Subcommand)]
pub(crate) enum Matter {
    /// Matters, newest first.
    List {
        /// Which.
        #[arg(long, value_enum, default_value = "open")]
        which: MatterScope,
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// A unit has dealt with it.
    Close(CloseMatter),
}

/// A matter to be closed.
#[derive(Debug, Args)]
pub(crate) struct CloseMatter {
    /// Its number, as `matter list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// What came of it.
    #[arg(long)]
    pub(crate) result: String,
    /// Staff number 工号 of who closes it.
    #[arg(long, value_name = "STAFF", default_value = "console")]
    pub(crate) by: String,
}

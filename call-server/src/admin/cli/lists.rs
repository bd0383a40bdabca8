//! The words of `block` and `vip`: lists of callers.
#![allow(rustdoc::broken_intra_doc_links, reason = "these texts are the help of commands, where brackets are brackets")]

use clap::{Args, Subcommand, ValueEnum};

/// Commands about blocked numbers 拦截.
#[derive(Debug, Subcommand)]
pub(crate) enum Block {
    /// Block a number, or all numbers that begin alike. A withheld number cannot be blocked.
    #[command(after_help = "Examples:\n  call-server block add 13912345678 --reason 多次辱骂 --evidence 12,15 --by 2001\n  \
                            call-server block add 0086195 --prefix --level low-priority --reason 推销 --by 2001 --days 30")]
    Add(AddBlock),
    /// The entries in force, each with its number, expiry and hits.
    List(ListWishes),
    /// Take an entry off the list. It stays on record with who removed it and why.
    Remove(RemoveEntry),
}

/// Commands about numbers in favour: VIP and special care 特殊人群.
#[derive(Debug, Subcommand)]
pub(crate) enum Vip {
    /// Put a number in favour: its calls get more points than others.
    #[command(after_help = "Example:\n  call-server vip add 13861234567 --class elderly --reason 独居老人 --by 2001")]
    Add(AddVip),
    /// The entries in force.
    List(ListWishes),
    /// Take an entry off the list. It stays on record with who removed it and why.
    Remove(RemoveEntry),
}

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BlockLevelName {
    /// The call is refused before it enters any line.
    Reject,
    /// The call hears the text of [lists] block_text and is hung up.
    Announce,
    /// So many calls are let in within a time, and no more.
    Rate,
    /// The call waits behind others.
    LowPriority,
}

/// Groups of callers in favour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CareClassName {
    /// 贵宾
    Vip,
    /// 老年人
    Elderly,
    /// 听障
    Hearing,
    /// 方言
    Dialect,
    /// 残障
    Disabled,
    /// 代表委员
    Deputy,
    /// 媒体
    Media,
    /// 应急联动
    Emergency,
}

impl CareClassName {
    /// Stable code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Vip => "vip",
            Self::Elderly => "elderly",
            Self::Hearing => "hearing",
            Self::Dialect => "dialect",
            Self::Disabled => "disabled",
            Self::Deputy => "deputy",
            Self::Media => "media",
            Self::Emergency => "emergency",
        }
    }
}

/// An entry of the blocked list.
#[derive(Debug, Args)]
pub(crate) struct AddBlock {
    /// The number, however it is written.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// Every number that begins so.
    #[arg(long)]
    pub(crate) prefix: bool,
    /// What follows for its calls.
    #[arg(long, value_enum, default_value = "reject")]
    pub(crate) level: BlockLevelName,
    /// With low-priority: points that its calls have less than others.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) points: u32,
    /// With rate: calls that are let in.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) calls: u32,
    /// With rate: within so many minutes.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub(crate) within_minutes: u32,
    /// Calls or papers that prove it, such as the ids of calls.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) evidence: String,
    /// What the two lists have in common.
    #[command(flatten)]
    pub(crate) entry: EntryWishes,
    /// Days until the entry ends by itself.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
}

/// An entry of the list of numbers in favour.
#[derive(Debug, Args)]
pub(crate) struct AddVip {
    /// The number, however it is written.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// Every number that begins so.
    #[arg(long)]
    pub(crate) prefix: bool,
    /// Which group; shown to the agent.
    #[arg(long, value_enum, default_value = "vip")]
    pub(crate) class: CareClassName,
    /// Points that its calls have more than others.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) points: u32,
    /// What the two lists have in common.
    #[command(flatten)]
    pub(crate) entry: EntryWishes,
    /// Days until the entry ends by itself.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
}

/// What every entry needs.
#[derive(Debug, Args)]
pub(crate) struct EntryWishes {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Staff number 工号 of who wants it; the site's [lists] section says which roles may.
    #[arg(long, value_name = "STAFF")]
    pub(crate) by: String,
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct ListWishes {
    /// Also what has expired or was removed.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only what ends within so many days: for the weekly review.
    #[arg(long, value_name = "DAYS")]
    pub(crate) expiring: Option<u32>,
}

/// Which entry to take off.
#[derive(Debug, Args)]
pub(crate) struct RemoveEntry {
    /// The entry's number, as `list` shows it.
    #[arg(value_name = "ENTRY")]
    pub(crate) entry: u32,
    /// Why, and who wants it.
    #[command(flatten)]
    pub(crate) wishes: EntryWishes,
}

//! The words of the command line about trunks and the paths of calls.

use super::cli_class::Class;
use clap::{Args, Subcommand};

/// Commands about trunks.
#[derive(Debug, Subcommand)]
pub(crate) enum Trunk {
    /// Every trunk to a carrier: state, registration, targets with their latency, channels in use, last error.
    List,
    /// Ask every target of a trunk with OPTIONS, register anew if the trunk registers, and place a call if one is wished. Exit code 1 if
    /// anything fails.
    #[command(after_help = "Examples:\n  call-server trunk test carrier\n  call-server trunk test carrier --dial 13912345678 --json")]
    Test {
        /// The trunk's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Call this number over it, trying one target after the other. Nothing is said, and it is hung up as soon as somebody answers.
        #[arg(long, value_name = "NUMBER")]
        dial: Option<String>,
    },
}

/// Commands about the paths of calls.
#[derive(Debug, Subcommand)]
pub(crate) enum Route {
    /// Print the path that a call would take, step by step. It reads the configuration alone and calls nobody.
    #[command(
        after_help = "Examples:\n  call-server route test 13912345678 12345 now\n  call-server route test 8001 13912345678 2026-11-24T09:00:00+08:00 --class national"
    )]
    Test(RouteTest),
}

/// A call whose path is wanted.
#[derive(Debug, Args)]
pub(crate) struct RouteTest {
    /// The calling number; "-" if it is withheld.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// The dialled number.
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    /// When: "now", or a moment such as 2026-11-24T09:00:00+08:00.
    #[arg(value_name = "TIME")]
    pub(crate) time: String,
    /// The trunk that it comes in over [default: the first one, if TO is a number of ours].
    #[arg(long, value_name = "NAME", conflicts_with = "class")]
    pub(crate) trunk: Option<String>,
    /// It is dialled by a phone of the house with this permission class [default: the widest, if TO is no number of ours].
    #[arg(long, value_enum)]
    pub(crate) class: Option<Class>,
}

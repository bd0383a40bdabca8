//! The words of `caller`: citizens known by their number.

use clap::{Args, Subcommand};

/// Commands about citizens.
#[derive(Debug, Subcommand)]
pub(crate) enum Caller {
    /// Register a citizen, so that name and address pop up with the call. Several persons may share a number.
    #[command(
        after_help = "Example:\n  call-server caller add 13912345678 --name 王秀英 --address 溧阳市昆仑街道燕山南路88号 --tag 方言 --by 1001"
    )]
    Add(AddCaller),
    /// Correct a person's card. What stood there is kept.
    #[command(after_help = "Example:\n  call-server caller edit 7 --address 溧阳市溧城街道平陵中路201号 --by 1001")]
    Edit(EditCaller),
    /// Everybody registered under a number, and the number's last calls.
    Show {
        /// The number, however it is written.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
    /// Every correction under a number: who, when, what stood there and what stands there since.
    History {
        /// The number, however it is written.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
}

/// A citizen to be registered.
#[derive(Debug, Args)]
pub(crate) struct AddCaller {
    /// The citizen's number.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// 姓名
    #[arg(long)]
    pub(crate) name: String,
    /// 地址
    #[arg(long)]
    pub(crate) address: String,
    /// A mark, such as 方言. May be given several times.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Staff number 工号 of who registers the citizen.
    #[arg(long, value_name = "STAFF", default_value = "console")]
    pub(crate) by: String,
}

/// What is to be corrected.
#[derive(Debug, Args)]
pub(crate) struct EditCaller {
    /// The person's id, as `caller show` tells it.
    #[arg(value_name = "PERSON")]
    pub(crate) person: u64,
    /// 姓名
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// 地址
    #[arg(long)]
    pub(crate) address: Option<String>,
    /// A mark; those that are given are all from now on. May be given several times.
    #[arg(long, value_name = "TAG", conflicts_with = "no_tags")]
    pub(crate) tag: Vec<String>,
    /// Take all marks away.
    #[arg(long)]
    pub(crate) no_tags: bool,
    /// Staff number 工号 of who corrects it.
    #[arg(long, value_name = "STAFF", default_value = "console")]
    pub(crate) by: String,
}

//! The words of `agent edit` and of `queue`.
#![allow(rustdoc::broken_intra_doc_links, reason = "these texts are the help of commands, where brackets are brackets")]

use clap::{Args, Subcommand};

/// What is to change about a person.
#[derive(Debug, Args)]
pub(crate) struct EditAgent {
    /// Staff number 工号.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// A new name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A new role.
    #[arg(long, value_enum)]
    pub(crate) role: Option<super::RoleName>,
    /// A queue to serve, with the part in it: ID[,tier=1][,place=0][,weight=1]. May be given several times.
    #[arg(long, value_name = "QUEUE")]
    pub(crate) serve: Vec<String>,
    /// Id of a queue to serve no longer. May be given several times.
    #[arg(long, value_name = "ID")]
    pub(crate) leave: Vec<u32>,
    /// Accept calls by themselves after ringing for so many seconds, 0 to 5, or "off" 自动应答. Only while the desktop says that somebody
    /// sits there.
    #[arg(long, value_name = "SECONDS|off")]
    pub(crate) auto_answer: Option<String>,
    /// How far this person may dial 外拨权限: internal, local, national or international.
    #[arg(long, value_name = "CLASS")]
    pub(crate) dials: Option<String>,
    /// The phone by which this person may speak 座席电话: the number of a phone that registers here, sip:8001@192.0.2.9:5060, or "off".
    #[arg(long, value_name = "PHONE|off")]
    pub(crate) phone: Option<String>,
    /// By what this person speaks who chooses nothing at sign-in: headset or phone.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) voice: Option<String>,
    /// A skill and its level: NAME=LEVEL, from 1 to 9; 0 takes it away. May be given several times.
    #[arg(long, value_name = "SKILL")]
    pub(crate) skill: Vec<String>,
}

/// Commands about waiting lines.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Queue {
    /// Every waiting line as it is now: who waits, for how long, and what its agents do.
    List,
}

/// Which decision to explain.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Explain {
    /// The call's id, as `call list` shows it.
    #[arg(value_name = "INTERACTION")]
    pub(crate) interaction: u64,
}

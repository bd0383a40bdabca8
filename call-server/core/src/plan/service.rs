//! How citizens and agents are treated beside the choice of an agent: breaks, the agent who served last, texts, keys, storms.

use super::{Exit, Hours};
use serde::{Deserialize, Serialize};
use shared::model::{PromptName, TrunkId};
use std::collections::BTreeMap;

/// Limits of one reason of 示忙 (1-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct ReasonRule {
    /// After this the agent is told that it lasts too long, in ms; 0 is without limit. Nobody is made Ready by it.
    pub max_ms: u64,
    /// Most agents at once, those who chose it to follow their call included; 0 is without limit.
    pub max_agents: usize,
}

/// 首问负责 (1-8): who served this number last is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastAgentRule {
    /// Only a contact of so many days counts; bounded by `Limits::remembered_days`.
    pub within_days: u32,
    /// A call waits so long for that agent alone if the agent is expected to be free by then, in ms; 0 does not wait.
    pub hold_ms: u64,
}

impl Default for LastAgentRule {
    fn default() -> Self {
        Self { within_days: 30, hold_ms: 20_000 }
    }
}

/// What waiting citizens are told, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Announcements {
    /// The first one after so much waiting, in ms; 0 is none at all.
    pub first_ms: u64,
    /// Then one each so many ms; 0 is no further one.
    pub every_ms: u64,
    /// How many are served before.
    pub position: bool,
    /// How long it will probably take, as a range; nothing is said if that is not known well enough.
    pub waiting_time: bool,
    /// One of these each time, in turn.
    pub comfort: Vec<PromptName>,
    /// In which language position and waiting time are told.
    pub language: SpokenLanguage,
}

impl Announcements {
    /// The text for who gives up the line and is called back.
    #[must_use]
    pub fn callback_promised(&self) -> PromptName {
        PromptName::from(format!("{}.callback_promised", self.language.code()).as_str())
    }
}

/// A language in which the house speaks: the first part of the names of its prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum SpokenLanguage {
    /// 普通话
    #[default]
    #[serde(rename = "zh-CN")]
    Chinese,
    /// English
    #[serde(rename = "en")]
    English,
}

impl SpokenLanguage {
    /// The first part of a prompt's name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }
}

/// What a key does while a citizen waits (I-23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAction {
    /// The citizen is called back in the place of the first entry 排队回呼.
    CallBack,
    /// The call goes elsewhere.
    Leave(Exit),
}

/// How citizens are called back who give up the line and not the place 排队回呼 (2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallbackRule {
    /// Most open callbacks of the queue; a citizen who asks for one more waits on.
    pub max_open: usize,
    /// So many attempts are made; then somebody has to see to it. At least 1.
    pub attempts: u32,
    /// Between two attempts, in ms.
    pub retry_ms: u64,
    /// The citizen's phone rings for so long, in ms.
    pub ring_ms: u64,
    /// Whose turn has not come after this is called no more, and somebody has to see to it, in ms.
    pub keep_ms: u64,
    /// Nobody is rung up outside of these hours of the local day.
    pub hours: Hours,
    /// The citizen may give another number than the one the call came from.
    pub any_number: bool,
    /// Citizens who are told something while they wait are told of the key as well.
    pub offered: bool,
    /// Who hangs up after waiting for so long is called back unasked, in ms; 0 is never.
    pub abandoned_after_ms: u64,
}

impl Default for CallbackRule {
    fn default() -> Self {
        Self {
            max_open: 50,
            attempts: 3,
            retry_ms: 300_000,
            ring_ms: 30_000,
            keep_ms: 24 * 3_600_000,
            hours: Hours { from_minute: 8 * 60, to_minute: 21 * 60 },
            any_number: true,
            offered: true,
            abandoned_after_ms: 0,
        }
    }
}

/// How many calls may come in: above it they hear a text, or are refused (2.4, storm control). 0 is without limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct StormRule {
    /// New calls within one second.
    pub per_second: u32,
    /// Live calls of one trunk; one without an entry has no limit.
    pub per_trunk: BTreeMap<TrunkId, u32>,
    /// Live calls of one caller; a withheld number has no limit.
    pub per_caller: u32,
    /// What is heard above a limit; `None` is refused at once.
    pub text: Option<PromptName>,
    /// Most calls that may hear a text at the door at once; more are refused. 0 is 50.
    pub most_texts: u32,
}

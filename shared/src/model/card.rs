//! What the hotline knows about a number that calls (1-2): the persons behind it and what there was before.

use super::{EndReason, InteractionId, OpenMatter, PersonId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// The card of a number 来电人资料.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct CallerCard {
    /// Everybody registered under the number, whoever was entered or corrected last first; at most [`CallerCard::MOST_PERSONS`].
    pub persons: Vec<CallerPerson>,
    /// The last calls of the number, the newest first; at most [`CallerCard::MOST_CONTACTS`].
    pub contacts: Vec<Contact>,
    /// What units still have to do for the number 在办, the newest first; at most [`CallerCard::MOST_MATTERS`].
    pub matters: Vec<OpenMatter>,
}

impl CallerCard {
    /// Most persons that are shown.
    pub const MOST_PERSONS: usize = 8;
    /// Most contacts that are shown.
    pub const MOST_CONTACTS: usize = 5;
    /// Most open matters that are shown.
    pub const MOST_MATTERS: usize = 5;
    /// Most corrections of one person that are told; fewer if they are so long that a frame holds no more.
    pub const MOST_CHANGES: usize = 100;

    /// The person to be shown first.
    #[must_use]
    pub fn first(&self) -> Option<&CallerPerson> {
        self.persons.first()
    }
}

/// One registered person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerPerson {
    /// Which.
    pub person: PersonId,
    /// 姓名
    pub name: Pii<String>,
    /// 地址
    pub address: Pii<String>,
    /// Marks, such as a dialect; at most [`CallerPerson::MOST_TAGS`].
    #[serde(default)]
    pub tags: Vec<String>,
}

impl CallerPerson {
    /// Most tags of one person.
    pub const MOST_TAGS: usize = 8;
    /// Longest name, address and tag, in characters.
    pub const TEXT_LIMIT: usize = 200;
}

/// A field of a person's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardField {
    /// 姓名
    Name,
    /// 地址
    Address,
    /// Marks.
    Tags,
}

/// One correction of a person's card (1-2), or what the person was registered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardChange {
    /// When.
    pub at: UnixMillis,
    /// Staff number 工号 of who made it; `console` is whoever sits at the server.
    pub by: String,
    /// That person's name, if it is a person.
    #[serde(default)]
    pub by_name: Option<String>,
    /// What was changed.
    pub field: CardField,
    /// What stood there; marks are separated by commas. Empty if nothing did.
    pub before: Pii<String>,
    /// What stands there since, likewise.
    pub after: Pii<String>,
}

/// One earlier call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Which.
    pub interaction: InteractionId,
    /// INVITE.
    pub at: UnixMillis,
    /// Staff number of who talked last with the citizen, if anybody did.
    pub agent: Option<String>,
    /// That person's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// What it was about, if a summary says so.
    #[serde(default)]
    pub about: Option<String>,
    /// How long they talked, in ms.
    pub talk_ms: u64,
    /// Why it ended.
    pub reason: EndReason,
}

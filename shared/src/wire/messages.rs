//! 短消息 between agents (1-6). Each agent has a mailbox of what came and what was sent, numbered 1, 2, 3… without a gap: a client that
//! misses a number asks for what follows the last one it has.

use crate::model::{AgentId, InteractionId, MatterId, MessageId, QueueId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// Longest message, in characters.
pub const MAX_MESSAGE: usize = 500;
/// How long after it was sent a message can be recalled, in ms.
pub const RECALL_MS: u64 = 2 * 60_000;
/// Most pinned messages that are shown; the newest ones.
pub const MOST_PINNED: usize = 5;
/// Most rows of one frame: with the longest messages far below the limit of a frame's size.
pub const MESSAGES_PER_FRAME: usize = 20;

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum MessageTarget {
    /// One.
    Agent(AgentId),
    /// Everybody who serves a queue.
    Team(QueueId),
    /// Everybody.
    All,
}

/// What a message refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum MessageLink {
    /// A call with its recording 录音.
    Call(InteractionId),
    /// A matter 工单.
    Matter(MatterId),
}

/// What a supervisor does with a message that is sent already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageChange {
    /// 撤回: one's own, within [`RECALL_MS`]. Nobody sees its words any more; the audit does.
    Recall,
    /// 置顶: it stays above the others for everybody who has it.
    Pin,
    /// And does not any more.
    Unpin,
}

impl MessageChange {
    /// Stable code, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
        }
    }
}

/// One row of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRow {
    /// In this mailbox.
    pub number: u64,
    /// The same in every mailbox.
    pub message: MessageId,
    /// Who sent it.
    pub from: AgentId,
    /// The sender's staff number and name.
    pub from_name: String,
    /// Whom it is for.
    pub to: MessageTarget,
    /// Name of the one or of the team that it is for; empty for all.
    pub to_name: String,
    /// What it says.
    pub text: Pii<String>,
    /// When it was sent.
    pub sent: UnixMillis,
    /// It was read here.
    pub read: bool,
    /// 已撤回: there are no words any more.
    #[serde(default)]
    pub recalled: bool,
    /// What it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<MessageLink>,
    /// How far it has come; only of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<MessageFate>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct MessageFate {
    /// To how many it was sent, without the sender.
    pub sent_to: u32,
    /// How many desktops have it.
    pub delivered: u32,
    /// How many have read it.
    pub read: u32,
}

/// Which rows of a mailbox; at most [`MESSAGES_PER_FRAME`] at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum MailboxPart {
    /// The newest.
    Newest,
    /// What follows the last number that the client has without a gap.
    After {
        /// Which.
        number: u64,
    },
    /// The newest of those before.
    Before {
        /// Which.
        number: u64,
    },
}

/// A question for the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum MessagesAsked {
    /// Rows. From the first of these on the client is told of new ones.
    Rows(MailboxPart),
    /// The desktop has everything up to this number.
    Got {
        /// Which.
        number: u64,
    },
    /// The person has read everything up to this number.
    Read {
        /// Which.
        number: u64,
    },
}

/// News of the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct MessagesNews {
    /// Rows, by their numbers.
    pub rows: Vec<MessageRow>,
    /// Rows that have changed; a client that does not have them need not ask.
    pub changed: Vec<MessageRow>,
    /// All pinned ones of the mailbox, at most [`MOST_PINNED`]; absent if nothing of that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Vec<MessageRow>>,
    /// More follow if they are asked for.
    pub more: bool,
    /// How far one's own messages have come now.
    pub fates: Vec<(MessageId, MessageFate)>,
}

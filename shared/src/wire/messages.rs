//! 短消息 between agents (1-6). Each agent has a mailbox of what came and what was sent, numbered 1, 2, 3… without a gap: a client that
//! misses a number asks for what follows the last one it has.

use crate::model::{AgentId, MessageId, QueueId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// Longest message, in characters.
pub const MAX_MESSAGE: usize = 500;
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
    /// More follow if they are asked for.
    pub more: bool,
    /// How far one's own messages have come now.
    pub fates: Vec<(MessageId, MessageFate)>,
}

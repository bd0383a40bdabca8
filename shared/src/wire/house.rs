//! Messages about the house around a desk: rules of breaks, the list of all agents, corrections of a caller's card.

use crate::model::{AgentId, Caller, FloorRow, InteractionId, NotReadyReason, PersonId, QueueId, UnixMillis};
use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// What the site rules for this desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct DeskRules {
    /// Reasons for 示忙 that have limits.
    pub reasons: Vec<(NotReadyReason, ReasonLimit)>,
    /// The password was given by somebody else: nothing is possible until it is changed (5-3).
    pub password_is_initial: bool,
    /// The server answers questions about papers, keeps drafts and takes summaries.
    pub papers: bool,
    /// Whose teams this person supervises, by their queues, no queue being everybody; none for who supervises nobody.
    pub supervises: Option<Vec<QueueId>>,
    /// All waiting lines with their names.
    pub queues: Vec<(QueueId, String)>,
    /// The server keeps messages; an older one knows nothing of them and must not be asked.
    pub messages: bool,
    /// The server tells how a card came to be as it is; an older one knows no such question and must not be asked.
    pub card_history: bool,
    /// Under this key the desktop keeps this person's drafts on its disk: 32 bytes in base64; empty: it keeps none there.
    pub drafts_key: Pii<String>,
}

/// A citizen who waits, as supervisors see it (2.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// Which.
    pub interaction: InteractionId,
    /// Where.
    pub queue: QueueId,
    /// Since when; a move keeps it.
    pub since: UnixMillis,
    /// A desk rings for it.
    pub rings: bool,
    /// Who.
    pub caller: Caller,
}

/// Most waiting citizens that one supervisor is shown: those who wait longest.
pub const MOST_WAITING: usize = 200;

/// Limits of one reason for 示忙 (1-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct ReasonLimit {
    /// After this it lasts too long, in ms; 0 is without limit.
    pub max_ms: u64,
    /// Most agents at once; 0 is without limit.
    pub max_agents: u32,
}

/// News of the list of all agents 全部座席 (1-9). A list of many rows comes in several of these, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsNews {
    /// The version that these news follow; `None` begins the whole list anew. Who has another version asks for the whole list.
    pub since: Option<u64>,
    /// The version after them.
    pub version: u64,
    /// New and changed rows.
    pub rows: Vec<(AgentId, FloorRow)>,
    /// Who is signed in no longer.
    pub gone: Vec<AgentId>,
}

impl AgentsNews {
    /// Most rows of one frame: far below the limit of a frame's size.
    pub const MOST_ROWS: usize = 100;
}

/// A correction of a caller's card (1-2). What stood there is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The call whose card it is; it must be at the agent's desk.
    pub interaction: InteractionId,
    /// Which person; `None` registers somebody new under the number.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// 姓名
    pub name: Pii<String>,
    /// 地址
    pub address: Pii<String>,
    /// All marks from now on.
    #[serde(default)]
    pub tags: Vec<String>,
}

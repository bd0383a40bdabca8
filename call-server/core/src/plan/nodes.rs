//! Voice menus 语音菜单 and surveys 满意度调查: one question each, what its keys do, and what follows if none is pressed.

use super::PromptName;
use serde::{Deserialize, Serialize};
use shared::model::{NodeId, PhoneNumber, QueueId};
use std::collections::BTreeMap;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// As agents and reports see it.
    pub name: String,
    /// What the citizen hears, one behind the other.
    pub prompts: Vec<PromptName>,
    /// What is said before the question is repeated, to who pressed a key that does nothing.
    #[serde(default)]
    pub wrong_key: Option<PromptName>,
    /// What it asks for.
    pub kind: NodeKind,
    /// How long a key is waited for when the question was heard, in ms.
    pub wait_ms: u64,
    /// How often the question is asked, at least once.
    pub tries: u32,
    /// What follows when nothing of use was pressed. It never leads to a number: somebody must take the citizen.
    pub otherwise: NodeExit,
}

/// What a node asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeKind {
    /// A way. Without keys it is a text, and `otherwise` follows at once.
    Menu {
        /// Where each key leads.
        keys: BTreeMap<char, NodeExit>,
    },
    /// An opinion, stored with the interaction.
    Survey {
        /// What each key means.
        answers: BTreeMap<char, String>,
        /// What follows the answer.
        then: NodeExit,
    },
}

/// Where a citizen goes from a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeExit {
    /// Into a waiting line, with the time of the first entry.
    Queue(QueueId),
    /// To another node.
    Node(NodeId),
    /// Somebody is called, and talks with the citizen.
    Number(PhoneNumber),
    /// The call is hung up, after a text if there is one.
    HangUp(Option<PromptName>),
}

impl NodePlan {
    /// Whether it is a survey.
    #[must_use]
    pub fn is_survey(&self) -> bool {
        matches!(self.kind, NodeKind::Survey { .. })
    }

    /// Every way out of it.
    pub fn exits(&self) -> impl Iterator<Item = &NodeExit> {
        let (keys, then) = match &self.kind {
            NodeKind::Menu { keys } => (Some(keys), None),
            NodeKind::Survey { then, .. } => (None, Some(then)),
        };
        keys.into_iter().flat_map(BTreeMap::values).chain(then).chain([&self.otherwise])
    }
}

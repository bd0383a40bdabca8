//! The house's papers: what a desktop may look up beside its desk. Each question has one answer, and none changes anything.

use crate::model::{
    CallEntry, CannedText, CardChange, Disposition, DraftCopy, InteractionId, MemberUnit, NodeId, OwnFigures, PersonId, QueueId,
    TargetBand, UnitId,
};
use serde::{Deserialize, Serialize};

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// Queues, canned texts, bands.
    House,
    /// The tree of dispositions.
    Dispositions,
    /// One page of the phone book of member units.
    Units {
        /// After this one; `None` is the first page.
        #[serde(default)]
        after: Option<UnitId>,
    },
    /// My drafts that are not submitted.
    Drafts,
    /// A list of calls.
    Calls {
        /// Which.
        page: CallsPage,
    },
    /// My figures of today.
    Figures,
    /// How the card of a caller came to be as it is (1-2); only where [`DeskRules::card_history`](super::DeskRules::card_history) says so.
    CardHistory {
        /// The call whose card it is; it must be at the agent's desk.
        interaction: InteractionId,
        /// Of the persons behind its number, which.
        person: PersonId,
    },
}

/// Lists of calls, each the newest first and at most [`CallsPage::MOST`] long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallsPage {
    /// 我的通话: those that I took part in, in and out.
    Mine,
    /// 未接: those that rang here and were not answered here, of the last week.
    Missed,
    /// 待回拨: citizens of my queues who gave up waiting within the last two days, and were not talked with since.
    Callbacks,
}

impl CallsPage {
    /// Most rows.
    pub const MOST: usize = 100;
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Question::House`].
    House(HousePapers),
    /// To [`Question::Dispositions`].
    Dispositions {
        /// In the order of the configuration.
        tree: Vec<Disposition>,
    },
    /// To [`Question::Units`].
    Units {
        /// In the order of their ids.
        units: Vec<MemberUnit>,
        /// There are more after the last one.
        more: bool,
    },
    /// To [`Question::Drafts`].
    Drafts {
        /// The newest first.
        drafts: Vec<DraftCopy>,
    },
    /// To [`Question::Calls`].
    Calls {
        /// Which list.
        page: CallsPage,
        /// Its rows.
        calls: Vec<CallEntry>,
    },
    /// To [`Question::Figures`].
    Figures(OwnFigures),
    /// To [`Question::CardHistory`].
    CardHistory {
        /// Of whom.
        person: PersonId,
        /// The newest first; at most [`CallerCard::MOST_CHANGES`](crate::model::CallerCard::MOST_CHANGES).
        changes: Vec<CardChange>,
        /// There are older ones.
        more: bool,
    },
}

/// A voice menu or a survey, as a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Which.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// It is a survey 满意度调查, not a menu 语音菜单.
    pub survey: bool,
}

/// What a desk needs to know of its house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HousePapers {
    /// Queues by name, for hand-overs.
    pub queues: Vec<(QueueId, String)>,
    /// Voice menus and surveys, for hand-overs.
    #[serde(default)]
    pub nodes: Vec<NodeRow>,
    /// 常用语
    pub canned: Vec<CannedText>,
    /// For the mean handling.
    pub handling: TargetBand,
    /// For the mean talk.
    pub talk: TargetBand,
}

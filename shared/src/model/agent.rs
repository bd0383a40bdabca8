//! An agent's state as everybody sees it.

use serde::{Deserialize, Serialize};

/// What a signed-in agent is doing. Exactly one at any instant; the intervals tile the sign-in time (1-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum AgentState {
    /// 示忙: no offers.
    NotReady(NotReadyReason),
    /// 空闲: an offer may come at any moment.
    Ready,
    /// 振铃: reserved for one call that rings.
    Offered,
    /// 通话中: two-way audio with a citizen.
    Talking,
    /// 保持: the citizen hears music.
    Holding,
    /// 咨询: the citizen hears music, and the agent calls or talks with somebody else; or the agent is asked so.
    Consulting,
    /// 外拨: a call that the agent has dialled, from the click to its end.
    Outbound,
    /// 话后处理: the call is over, its summary is being written.
    WrapUp,
    /// 断线: the desktop is gone; a live call is kept, no offers.
    Lost,
}

impl AgentState {
    /// Stable code for records and reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotReady(_) => "not_ready",
            Self::Ready => "ready",
            Self::Offered => "offered",
            Self::Talking => "talking",
            Self::Holding => "holding",
            Self::Consulting => "consulting",
            Self::Outbound => "outbound",
            Self::WrapUp => "wrap_up",
            Self::Lost => "lost",
        }
    }
}

/// Why an agent takes no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReadyReason {
    /// 签入后未示闲: the state after sign-in; never straight to Ready (1-1).
    SignedIn,
    /// 小休
    Break,
    /// 用餐
    Meal,
    /// 培训
    Training,
    /// 会议
    Meeting,
    /// 工单处理
    TicketWork,
    /// 未应答: an offer was not answered; set by the server.
    NoAnswer,
    /// 锁定: the seat is locked and wants its password back (5-4).
    Locked,
    /// 系统: set by the server for a cause of its own, such as lost media.
    System,
}

impl NotReadyReason {
    /// Stable code for records and reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Break => "break",
            Self::Meal => "meal",
            Self::Training => "training",
            Self::Meeting => "meeting",
            Self::TicketWork => "ticket_work",
            Self::NoAnswer => "no_answer",
            Self::Locked => "locked",
            Self::System => "system",
        }
    }

    /// The reasons a person may choose; the others are set by the server.
    pub const CHOOSABLE: [Self; 5] = [Self::Break, Self::Meal, Self::Training, Self::Meeting, Self::TicketWork];
}

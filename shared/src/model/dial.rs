//! Calls of ours: what became of them.

use serde::{Deserialize, Serialize};

/// What became of a call of ours (1-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialResult {
    /// 接通
    Answered,
    /// 忙
    Busy,
    /// 无人接听
    NoAnswer,
    /// 拒接
    Rejected,
    /// 空号
    Invalid,
    /// 无可用线路: no trunk took it, or the way failed.
    NoLine,
    /// 取消: taken back by whoever dialled.
    Cancelled,
}

impl DialResult {
    /// Stable code for records and reports, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Rejected => "rejected",
            Self::Invalid => "invalid",
            Self::NoLine => "no_line",
            Self::Cancelled => "cancelled",
        }
    }
}

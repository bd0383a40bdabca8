//! What the hotline knows about a caller (1-2).

use crate::pii::Pii;
use serde::{Deserialize, Serialize};

/// A registered caller's card 来电人资料.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct CallerCard {
    /// 姓名
    pub name: Pii<String>,
    /// 地址
    pub address: Pii<String>,
}

//! By what an agent speaks: the headset at the computer, or a telephone 座席电话.

use serde::{Deserialize, Serialize};

/// By what an agent speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum VoiceDevice {
    /// 耳机: the voice path between desktop and server.
    #[default]
    Headset,
    /// 座席电话: the server calls the agent's phone for each call; lifting the receiver accepts it.
    Phone,
}

impl VoiceDevice {
    /// Stable code for records, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Headset => "headset",
            Self::Phone => "phone",
        }
    }
}

/// By what an agent speaks, as the desk shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct VoiceView {
    /// What was chosen.
    pub device: VoiceDevice,
    /// The agent's phone, as it is called in the house; `None` if there is none to choose.
    pub phone: Option<String>,
    /// What that phone does.
    pub line: PhoneLine,
}

/// What an agent's phone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum PhoneLine {
    /// 挂机
    #[default]
    OnHook,
    /// 振铃: the server calls it.
    Ringing,
    /// 摘机: the agent speaks by it.
    OffHook,
}

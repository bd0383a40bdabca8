//! Telephones by which agents speak 座席电话.

use serde::{Deserialize, Serialize};
use shared::model::{PhoneNumber, VoiceDevice};

/// An agent's telephone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPhone {
    /// How it is reached.
    pub place: PhonePlace,
    /// By what the agent speaks who chooses nothing at sign-in.
    #[serde(default)]
    pub first: VoiceDevice,
    /// There is no desktop: signed in and Ready as long as the server runs (a duty phone at night).
    #[serde(default)]
    pub unattended: Option<Unattended>,
}

/// How a phone is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhonePlace {
    /// Where it has registered.
    Registered(PhoneNumber),
    /// Always at the same place, known in the house by this number.
    Fixed {
        /// Its number.
        number: PhoneNumber,
        /// A `sip:` URI whose host is an address: a call does not wait for a name.
        contact: String,
    },
}

impl PhonePlace {
    /// The number by which it is known.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        match self {
            Self::Registered(number) | Self::Fixed { number, .. } => number,
        }
    }
}

/// What an agent without a desktop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unattended {
    /// After a call that the phone did not take it is left alone for so long, in ms; at least 1.
    pub rest_ms: u64,
}

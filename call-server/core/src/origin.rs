//! Where a call comes from, beyond who calls whom: how its signalling travels, and over which numbers it was diverted to us.

use serde::{Deserialize, Serialize};
use shared::model::PhoneNumber;
use shared::pii::Pii;

/// Most diversions of one call that are kept; a longer chain is a loop.
pub const MAX_DIVERSIONS: usize = 8;

/// What else an INVITE says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Nobody on the way can read the signalling.
    pub encrypted: bool,
    /// It came over IPv6.
    pub ipv6: bool,
    /// The numbers that it was diverted from, the first one first; at most [`MAX_DIVERSIONS`].
    pub diversions: Vec<Diversion>,
    /// A phone of the house calls, and has shown the secret of the number that the caller is.
    pub of_a_phone: bool,
}

/// One diversion (RFC 5806, RFC 7044).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversion {
    /// The number that the citizen wanted; `None` if it is withheld, or none.
    pub number: Option<Pii<PhoneNumber>>,
    /// Why it does not answer itself.
    pub reason: DiversionReason,
}

/// Why a call was diverted (RFC 5806 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiversionReason {
    /// 无条件转移
    Unconditional,
    /// 遇忙转移
    Busy,
    /// 无应答转移
    NoAnswer,
    /// 不可及转移
    Unavailable,
    /// By whom it rang at.
    Deflection,
    /// At this time of day, do not disturb, follow me, away, and all others.
    Other,
}

impl DiversionReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [Self::Unconditional, Self::Busy, Self::NoAnswer, Self::Unavailable, Self::Deflection, Self::Other];

    /// Stable code for the store, equal to the serialised form.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unavailable => "unavailable",
            Self::Deflection => "deflection",
            Self::Other => "other",
        }
    }
}

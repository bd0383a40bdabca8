//! How voice and keys travel over a trunk, as its carrier wants them. What is then agreed for a call is the media edge's business.

use serde::{Deserialize, Serialize};

/// The voice of one trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrunkVoice {
    /// Codecs that may be spoken, the liked one first; at least one of G.711, which Opus does not replace.
    pub codecs: Vec<TrunkCodec>,
    /// How keys are told, both ways.
    pub keys: KeyMode,
    /// Whether voice is encrypted; only where the signalling is, because the keys stand in it.
    pub srtp: Srtp,
    /// There is address translation on the way: voice may come from elsewhere than the session description says.
    pub nat: bool,
}

impl TrunkVoice {
    /// A phone of the house has no wishes, and may be in a home behind address translation.
    #[must_use]
    pub fn of_a_phone() -> Self {
        Self { nat: true, ..Self::default() }
    }

    /// As it is offered first over signalling that nobody on the way can read, or that others can: where encryption is optional, with keys
    /// in the first case and plainly in the second. No offer leaves the choice open: RFC 3264 has no stream that is both.
    #[must_use]
    pub fn offered(&self, encrypted: bool) -> Self {
        let srtp = match (self.srtp, encrypted) {
            (Srtp::Optional, true) => Srtp::Required,
            (Srtp::Optional, false) | (Srtp::Off, _) => Srtp::Off,
            (Srtp::Required, _) => Srtp::Required,
        };
        Self { srtp, ..self.clone() }
    }
}

impl Default for TrunkVoice {
    /// A-law needs no change on its way to the agent, so it goes first.
    fn default() -> Self {
        Self { codecs: vec![TrunkCodec::Pcma, TrunkCodec::Pcmu], keys: KeyMode::default(), srtp: Srtp::default(), nat: false }
    }
}

/// A codec of a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrunkCodec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// Opus, spoken in narrow band.
    Opus,
}

/// How keys are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// Telephone events beside the voice (RFC 4733); tones where the far side knows none.
    #[default]
    Rfc4733,
    /// Requests of the signalling (INFO with `application/dtmf-relay` or `application/dtmf`).
    Info,
    /// Tones in the voice (Q.23).
    InBand,
}

/// Whether a trunk's voice is encrypted (RFC 3711), by keys in the session description (RFC 4568).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Srtp {
    /// Never.
    #[default]
    Off,
    /// Where both can: an offer of ours has keys, and a plain one follows if that is refused.
    Optional,
    /// Always, or there is no call.
    Required,
}

//! What desktop and server agree upon about the voice path beside its packets. Each item is new to version 1 peers that do not have it:
//! the server offers [`VoiceOptions`], a client that understands them answers with [`VoiceAbilities`], and only then the server says
//! [`VoiceOrder`] and [`crate::model::TalkHealth`]. So either side may be older.

use crate::model::VoiceCodec;
use serde::{Deserialize, Serialize};

/// What the server's voice path can beyond AES-CM and PCMA; part of `MediaAccess`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceOptions {
    /// AEAD_AES_128_GCM (RFC 7714): master key and salt of the client's direction, 28 bytes, base64. The suite in which the client's first
    /// authentic packet comes is that of both directions from then on, RTCP included.
    pub gcm_client_key: String,
    /// The same of the server's direction.
    pub gcm_server_key: String,
    /// RTP payload type of Opus (48 kHz clock, mono, 20 ms) in both directions.
    pub opus_payload_type: u8,
    /// The same SRTP and SRTCP packets may come and go as binary frames of the WebSocket, one packet each, when UDP does not get through.
    /// The server answers by the way on which the client's newest authentic packet came.
    pub tunnel: bool,
}

impl std::fmt::Debug for VoiceOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceOptions").field("keys", &"<secret>").field("tunnel", &self.tunnel).finish_non_exhaustive()
    }
}

/// What the client's voice can; said after each `SignedIn` whose media has [`VoiceOptions`], and again when it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceAbilities {
    /// What it can send, and receive at any time without a word before.
    pub codecs: Vec<VoiceCodec>,
    /// The agent has muted the microphone: digital silence is meant.
    #[serde(default)]
    pub muted: bool,
}

/// How the client shall send from its next packet on. The payload type of what it receives tells how the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceOrder {
    /// By which codec.
    pub codec: VoiceCodec,
    /// Packets that the server is expected to miss, in percent: how much correction Opus is to send along.
    pub expected_loss_percent: u8,
}

//! How a talk sounds: the figures of each leg over two seconds, the troubles found in it, and the one light that sums them up.
//!
//! Not here: how they are measured (`voice::quality`, `voice::detect`), what anybody does about them.

use serde::{Deserialize, Serialize};

/// One leg over the last two seconds, or over a whole talk: what came from its far side, and how its far side heard us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LegHealth {
    /// Packets that came.
    pub received: u32,
    /// Packets that never came, in 1/1,000 of those sent.
    pub lost_permille: u16,
    /// Packets of ours that the far side missed by its own report, in 1/1,000; `None` if it does not report.
    pub lost_there_permille: Option<u16>,
    /// Smoothed difference of transit times (RFC 3550), in ms.
    pub jitter_ms: u16,
    /// There and back, in ms; `None` if the far side does not report.
    pub round_trip_ms: Option<u16>,
    /// Audio that had to be invented, in 1/1,000; only legs that are mixed or transcoded know.
    pub concealed_permille: u16,
    /// Loudness of what came, in dB below full scale: -96 is nothing at all.
    pub level_dbfs: i8,
    /// Mean opinion score by the E-model (ITU-T G.107), in 1/100: 100 (bad) to 441.
    pub score_hundredths: u16,
}

impl LegHealth {
    /// The light for this leg.
    #[must_use]
    pub fn light(&self) -> VoiceLight {
        VoiceLight::of_score(self.score_hundredths)
    }
}

/// One glance at a talk's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiceLight {
    /// Users are satisfied or better (R of 80 and more, G.107 annex B).
    Good,
    /// Some are dissatisfied (R of 60 and more).
    Fair,
    /// Nearly all are.
    Poor,
}

impl VoiceLight {
    /// By a score in 1/100.
    #[must_use]
    pub fn of_score(score_hundredths: u16) -> Self {
        match score_hundredths {
            403.. => Self::Good,
            310..=402 => Self::Fair,
            _ => Self::Poor,
        }
    }
}

/// Something that spoils a talk while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiceTrouble {
    /// Nothing is heard from the citizen, who hears the agent (I-35).
    CitizenUnheard,
    /// Nothing is heard from the agent, who hears the citizen.
    AgentUnheard,
    /// The agent's microphone gives digital silence although it is not muted.
    AgentMicrophoneDead,
    /// The citizen's voice breaks at the line's limits.
    CitizenClips,
    /// The agent's voice does.
    AgentClips,
    /// Nobody has said anything for long.
    LongSilence,
    /// The agent's voice comes back from the citizen's side.
    EchoFromCitizen,
    /// The citizen's voice comes back from the agent's side: speaker into microphone.
    EchoFromAgent,
    /// A newer server knows troubles that this program does not.
    #[serde(other)]
    Unknown,
}

/// A talk as its agent and supervisor see it, each two seconds and at once when a trouble begins or ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TalkHealth {
    /// The citizen's leg.
    pub citizen: LegHealth,
    /// The agent's leg.
    pub agent: LegHealth,
    /// What spoils it now, in order.
    pub troubles: Vec<VoiceTrouble>,
}

impl TalkHealth {
    /// The worse of both legs' lights; a trouble makes it at best fair, an unheard side poor.
    #[must_use]
    pub fn light(&self) -> VoiceLight {
        let of_trouble = |trouble: &VoiceTrouble| match trouble {
            VoiceTrouble::CitizenUnheard | VoiceTrouble::AgentUnheard | VoiceTrouble::AgentMicrophoneDead => VoiceLight::Poor,
            VoiceTrouble::CitizenClips
            | VoiceTrouble::AgentClips
            | VoiceTrouble::LongSilence
            | VoiceTrouble::EchoFromCitizen
            | VoiceTrouble::EchoFromAgent
            | VoiceTrouble::Unknown => VoiceLight::Fair,
        };
        let troubled = self.troubles.iter().map(of_trouble).max().unwrap_or(VoiceLight::Good);
        self.citizen.light().max(self.agent.light()).max(troubled)
    }
}

/// How voice is carried between desktop and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiceCodec {
    /// G.711 A-law, payload type 8: good links.
    #[default]
    Pcma,
    /// Opus with in-band error correction, for lossy or remote links.
    Opus,
    /// A newer program knows codecs that this one does not.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(citizen: u16, agent: u16, troubles: &[VoiceTrouble]) -> TalkHealth {
        let leg = |score_hundredths| LegHealth { score_hundredths, ..LegHealth::default() };
        TalkHealth { citizen: leg(citizen), agent: leg(agent), troubles: troubles.to_vec() }
    }

    #[test]
    fn the_light_is_that_of_the_worse_leg_and_of_the_worst_trouble() {
        assert_eq!(health(441, 403, &[]).light(), VoiceLight::Good);
        assert_eq!(health(402, 441, &[]).light(), VoiceLight::Fair);
        assert_eq!(health(441, 309, &[]).light(), VoiceLight::Poor);
        assert_eq!(health(441, 441, &[VoiceTrouble::CitizenClips]).light(), VoiceLight::Fair);
        assert_eq!(health(441, 441, &[VoiceTrouble::LongSilence, VoiceTrouble::AgentUnheard]).light(), VoiceLight::Poor);
    }
}

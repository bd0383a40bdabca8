//! How a talk sounds, in words: the light's word, the cause behind it, and what to do about a trouble.

use super::advice::Advice;
use super::{HealthTexts, Texts};
use desktop_core::VoiceWay;
use shared::model::{LegHealth, TalkHealth, VoiceLight, VoiceTrouble};

/// Loss from here on is named as a cause, in 1/1,000.
const LOSS_PERMILLE: u16 = 10;
/// A round trip from here on, in ms.
const ROUND_TRIP_MS: u16 = 300;
/// Jitter from here on, in ms.
const JITTER_MS: u16 = 30;

impl Texts {
    /// The light's word.
    pub(crate) fn light(&self, light: VoiceLight) -> &'static str {
        match light {
            VoiceLight::Good => self.health.good,
            VoiceLight::Fair => self.health.fair,
            VoiceLight::Poor => self.health.poor,
        }
    }

    /// What happened, why, and what the agent can do.
    pub(crate) fn trouble(&self, trouble: VoiceTrouble) -> Advice {
        let texts = &self.health;
        match trouble {
            VoiceTrouble::CitizenUnheard => texts.citizen_unheard,
            VoiceTrouble::AgentUnheard => texts.agent_unheard,
            VoiceTrouble::AgentMicrophoneDead => texts.microphone_dead,
            VoiceTrouble::CitizenClips => texts.citizen_clips,
            VoiceTrouble::AgentClips => texts.agent_clips,
            VoiceTrouble::LongSilence => texts.long_silence,
            VoiceTrouble::EchoFromCitizen => texts.echo_from_citizen,
            VoiceTrouble::EchoFromAgent => texts.echo_from_agent,
            VoiceTrouble::Unknown => texts.unknown,
        }
    }

    /// The words for a way that is not the usual one.
    pub(crate) fn way(&self, way: VoiceWay) -> Option<&'static str> {
        match way {
            VoiceWay::Udp => None,
            VoiceWay::Tunnel => Some(self.health.over_tunnel),
        }
    }

    /// Why the light is not green, as short as possible: a trouble, else the worst figure of the worse leg.
    pub(crate) fn cause(&self, health: &TalkHealth) -> Option<String> {
        if let Some(trouble) = health.troubles.first() {
            return Some(self.trouble(*trouble).what.to_owned());
        }
        let agent_is_worse = health.agent.score_hundredths <= health.citizen.score_hundredths;
        let (side, leg) = if agent_is_worse { (self.health.your_side, &health.agent) } else { (self.health.citizen_side, &health.citizen) };
        (leg.light() != VoiceLight::Good).then(|| figure(&self.health, side, leg)).flatten()
    }
}

fn figure(texts: &HealthTexts, side: &str, leg: &LegHealth) -> Option<String> {
    let lost = leg.lost_permille.max(leg.lost_there_permille.unwrap_or(0));
    match leg.round_trip_ms {
        _ if lost >= LOSS_PERMILLE => Some((texts.loss)(side, lost)),
        Some(delay) if delay >= ROUND_TRIP_MS => Some((texts.delay)(side, delay)),
        Some(_) | None if leg.jitter_ms >= JITTER_MS => Some((texts.jitter)(side, leg.jitter_ms)),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::{LegHealth, TalkHealth, VoiceTrouble};

    #[test]
    fn the_cause_is_the_first_trouble_else_the_worst_figure_of_the_worse_side() {
        let texts = Language::Chinese.texts();
        let good = LegHealth { score_hundredths: 440, ..LegHealth::default() };
        let lossy = LegHealth { score_hundredths: 330, lost_there_permille: Some(52), ..LegHealth::default() };
        let far = LegHealth { score_hundredths: 390, round_trip_ms: Some(420), ..LegHealth::default() };
        let cause = |citizen, agent, troubles: &[VoiceTrouble]| texts.cause(&TalkHealth { citizen, agent, troubles: troubles.to_vec() });
        assert_eq!(cause(good, good, &[]), None);
        assert_eq!(cause(good, lossy, &[]).as_deref(), Some("本机侧丢包 5.2%"));
        assert_eq!(cause(far, good, &[]).as_deref(), Some("来电侧往返 420 ms"));
        assert_eq!(cause(good, lossy, &[VoiceTrouble::AgentMicrophoneDead]).as_deref(), Some("麦克风没有声音"));
    }
}

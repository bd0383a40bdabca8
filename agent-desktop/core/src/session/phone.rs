//! The agent's phone: chosen at sign-in or later, and called for by itself when the computer's sound fails in mid-call, so that the citizen
//! is not left in silence.

use super::Session;
use crate::{DeviceProblem, Effect, HeadsetButton, LinkState, Millis};
use shared::model::{CallFunction, Desk, PhoneLine, RequestId, VoiceDevice};
use shared::wire::{Action, FromClient};

/// How long the sound may be gone in a talk before the phone is called for, in ms: a headset that is plugged in again is back by then.
const SOUND_BACK_MS: Millis = 3_000;

/// Sound that is gone in a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SoundLoss {
    /// It is there, or there is no talk, or no phone.
    #[default]
    None,
    /// The phone is called for then.
    Until(Millis),
    /// The phone was called for; once in a talk.
    Told,
}

impl Session {
    /// A button of a headset means what its key in the window means, and nothing where that one is dimmed.
    pub(super) fn pressed(&mut self, button: HeadsetButton) {
        match button {
            HeadsetButton::OffHook => self.ask(self.offered(|offer| Action::Accept { offer })),
            HeadsetButton::OnHook => self.ask(self.hang_up()),
            HeadsetButton::Drop => self.ask(self.offered(|offer| Action::Reject { offer }).or(self.hang_up())),
            HeadsetButton::Flash => self.ask(self.call_function(CallFunction::Hold).or(self.call_function(CallFunction::Retrieve))),
            HeadsetButton::Mute => self.mute(!self.view.muted),
        }
    }

    /// To speak by this from now on, or from the next sign-in on.
    pub(super) fn use_voice(&mut self, device: VoiceDevice) {
        if self.view.desk.is_none() {
            self.chosen_voice = Some(device);
        } else {
            self.ask((self.view.link == LinkState::Online && !self.view.asked).then_some(Action::UseVoice { device }));
        }
    }

    pub(super) fn fall_back_at(&self) -> Option<Millis> {
        match self.sound_loss {
            SoundLoss::Until(at) => Some(at),
            SoundLoss::None | SoundLoss::Told => None,
        }
    }

    /// Watches the sound of a talk.
    pub(super) fn fall_back(&mut self, now: Millis) {
        let talks = |desk: &Desk| desk.call.is_some() && desk.voice.device == VoiceDevice::Headset && desk.voice.phone.is_some();
        let in_talk = self.view.desk.as_ref().is_some_and(talks);
        let lost = in_talk && self.view.voice.device_problem.as_ref().is_some_and(is_silent);
        self.sound_loss = match self.sound_loss {
            _ if !in_talk => SoundLoss::None,
            SoundLoss::Told => SoundLoss::Told,
            SoundLoss::None | SoundLoss::Until(_) if !lost => SoundLoss::None,
            SoundLoss::None => SoundLoss::Until(now + SOUND_BACK_MS),
            SoundLoss::Until(at) if now < at || self.view.link != LinkState::Online => SoundLoss::Until(at),
            SoundLoss::Until(_) => {
                // Beside what the agent asks for just now: its answer is not waited for.
                let request = RequestId(self.next_request);
                self.next_request += 1;
                let action = Action::UseVoice { device: VoiceDevice::Phone };
                self.effects.push_back(Effect::Send(FromClient::Do { request, action }));
                SoundLoss::Told
            }
        };
    }
}

/// Whether somebody is really not heard or hears nothing.
fn is_silent(problem: &DeviceProblem) -> bool {
    match problem {
        DeviceProblem::Missing | DeviceProblem::NoFormat | DeviceProblem::Stopped | DeviceProblem::Hanging | DeviceProblem::Failed(_) => {
            true
        }
        DeviceProblem::Opening | DeviceProblem::Replaced | DeviceProblem::NotChosen => false,
    }
}

/// Whether this desk's microphone and loudspeaker are those that are talked by.
pub(super) fn speaks_here(desk: &Desk) -> bool {
    desk.voice.line != PhoneLine::OffHook
}

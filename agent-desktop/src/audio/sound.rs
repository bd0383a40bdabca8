//! Where voice comes from and goes to: two small traits, and what the person chose for them.
//!
//! One frame is 20 ms of 8 kHz mono. Implementations are in `file` and `device`; neither ever blocks.

use desktop_core::DeviceProblem;
use std::path::PathBuf;
use voice::FRAME_SAMPLES;

/// 20 ms of voice.
pub(crate) type Frame = [i16; FRAME_SAMPLES];
/// Nothing to be heard.
pub(crate) const SILENCE: Frame = [0; FRAME_SAMPLES];

/// Where the agent's voice comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum MicrophoneChoice {
    /// A sound device by its name, or the system's choice.
    Device(Option<String>),
    /// A WAV file, from its beginning in each call.
    File {
        /// 16 bit, mono, 8, 16 or 48 kHz.
        path: PathBuf,
        /// Again and again instead of once.
        looped: bool,
    },
    /// Silence.
    #[default]
    Nothing,
}

/// Where the citizen's voice goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum LoudspeakerChoice {
    /// A sound device by its name, or the system's choice.
    Device(Option<String>),
    /// A WAV file that gets everything heard in calls.
    File(PathBuf),
    /// Nowhere.
    #[default]
    Nothing,
}

/// Both choices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SoundChoice {
    /// Where the agent's voice comes from.
    pub(crate) microphone: MicrophoneChoice,
    /// Where the citizen's voice goes.
    pub(crate) loudspeaker: LoudspeakerChoice,
}

/// A chosen file cannot be used. A device that cannot be used is no error: it may be plugged in later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SoundError {
    /// The file for the microphone.
    #[error("the microphone file {path} cannot be used: {reason}")]
    Microphone {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file for the loudspeaker.
    #[error("the loudspeaker file {path} cannot be written: {reason}")]
    Loudspeaker {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether a source or sink works now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Its name.
    Works(String),
    /// The chosen one does not; the name of the one that stands in.
    StandsIn(String),
    /// Why not.
    Broken(DeviceProblem),
}

/// A source of voice. `Send`, because it is made before the voice thread begins.
pub(crate) trait Microphone: Send {
    /// A call begins: what was captured before is nobody's business.
    fn begin_call(&mut self);
    /// The next 20 ms; silence where there is nothing.
    fn read(&mut self, frame: &mut Frame);
    /// Looks after the source; called at least each second of a session.
    fn condition(&mut self) -> Condition;
    /// Its sound is wanted from now on.
    fn wake(&mut self) {}
    /// It is woken and not there yet: what is said now is lost.
    fn opens(&self) -> bool {
        false
    }
    /// Its sound is wanted no longer: the device is free for others and costs nothing.
    fn rest(&mut self) {}
    /// Another device from now on; a source that is none takes no notice.
    fn choose(&mut self, _device: Option<&str>) {}
}

/// A sink of voice.
pub(crate) trait Loudspeaker: Send {
    /// A call begins.
    fn begin_call(&mut self);
    /// A call ended.
    fn end_call(&mut self);
    /// The next 20 ms, in and outside of calls.
    fn play(&mut self, frame: &Frame);
    /// Looks after the sink; called at least each second of a session.
    fn condition(&mut self) -> Condition;
    /// Its sound is wanted from now on.
    fn wake(&mut self) {}
    /// It is woken and not there yet: what is played now is lost.
    fn opens(&self) -> bool {
        false
    }
    /// Its sound is wanted no longer: the device is free for others and costs nothing.
    fn rest(&mut self) {}
    /// Another device from now on; false for a sink that is none.
    fn choose(&mut self, _device: Option<&str>) -> bool {
        false
    }
}

/// No source and no sink.
pub(crate) struct Nothing;

impl Microphone for Nothing {
    fn begin_call(&mut self) {}

    fn read(&mut self, frame: &mut Frame) {
        *frame = SILENCE;
    }

    fn condition(&mut self) -> Condition {
        Condition::Broken(DeviceProblem::NotChosen)
    }
}

impl Loudspeaker for Nothing {
    fn begin_call(&mut self) {}

    fn end_call(&mut self) {}

    fn play(&mut self, _frame: &Frame) {}

    fn condition(&mut self) -> Condition {
        Condition::Broken(DeviceProblem::NotChosen)
    }
}

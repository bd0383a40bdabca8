//! What is tried out before 示闲: three seconds of one's own voice, kept and played back, and the ring. And whether somebody speaks into
//! a muted microphone. Pure: frames in, frames out.

use super::sound::{Frame, SILENCE};
use super::tone::Bell;
use desktop_core::SoundTest;
use voice::level::rms_dbfs;

/// What is kept of one's voice: three seconds.
const KEPT_FRAMES: usize = 150;
/// The ring is sounded for a second and a half.
const RING_FRAMES: usize = 75;
/// Louder is speech, in dBFS.
const SPEECH_DBFS: f32 = -40.0;
/// So many frames of speech within [`WINDOW_FRAMES`] are somebody speaking.
const SPEECH_FRAMES: u32 = 75;
/// Three seconds.
const WINDOW_FRAMES: u32 = 150;

/// The sound test.
#[derive(Debug, Default)]
pub(super) struct Trial {
    test: SoundTest,
    kept: Vec<Frame>,
    place: usize,
    bell: Option<Bell>,
}

impl Trial {
    /// Goes on with this.
    pub(super) fn set(&mut self, test: SoundTest) {
        self.place = 0;
        self.bell = (test == SoundTest::Ring).then(Bell::default);
        if test == SoundTest::Record {
            self.kept.clear();
        }
        self.test = if test == SoundTest::Play && self.kept.is_empty() { SoundTest::Off } else { test };
        if self.test == SoundTest::Off {
            self.kept.clear();
        }
    }

    pub(super) fn test(&self) -> SoundTest {
        self.test
    }

    pub(super) fn runs(&self) -> bool {
        self.test != SoundTest::Off
    }

    /// 20 ms of the microphone while it records. When three seconds are kept, they are played.
    pub(super) fn say(&mut self, frame: &Frame) {
        if self.test == SoundTest::Record {
            self.kept.push(*frame);
            if self.kept.len() >= KEPT_FRAMES {
                self.test = SoundTest::Play;
                self.place = 0;
            }
        }
    }

    /// 20 ms for the loudspeaker, and for where the bell sounds.
    pub(super) fn hear(&mut self) -> (Frame, Frame) {
        let (mut voice, mut ring) = (SILENCE, SILENCE);
        match self.test {
            SoundTest::Off | SoundTest::Record => {}
            SoundTest::Play => match self.kept.get(self.place) {
                Some(frame) => voice = *frame,
                None => self.set(SoundTest::Off),
            },
            SoundTest::Ring if self.place >= RING_FRAMES => self.set(SoundTest::Off),
            SoundTest::Ring => {
                if let Some(bell) = &mut self.bell {
                    bell.mix(&mut ring);
                }
            }
        }
        self.place += 1;
        (voice, ring)
    }
}

/// Notices who speaks into a muted microphone, within three seconds.
#[derive(Debug, Default)]
pub(super) struct MutedSpeech {
    frames: u32,
    loud: u32,
}

impl MutedSpeech {
    /// 20 ms of the muted microphone; true once somebody has spoken for most of the window.
    pub(super) fn notice(&mut self, frame: &Frame) -> bool {
        self.loud += u32::from(rms_dbfs(frame) > SPEECH_DBFS);
        self.frames += 1;
        let speaks = self.loud >= SPEECH_FRAMES;
        if self.frames >= WINDOW_FRAMES {
            (self.frames, self.loud) = (0, 0);
        }
        speaks
    }
}

/// A frame at so many percent of its loudness.
pub(super) fn louder(frame: &mut Frame, percent: u16) {
    if percent != 100 {
        for sample in frame.iter_mut() {
            let scaled = i32::from(*sample) * i32::from(percent) / 100;
            *sample = scaled.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_FRAMES, MutedSpeech, RING_FRAMES, Trial, louder};
    use crate::audio::sound::{Frame, SILENCE};
    use desktop_core::SoundTest;

    fn tone(amplitude: i16) -> Frame {
        std::array::from_fn(|place| if place % 8 < 4 { amplitude } else { -amplitude })
    }

    #[test]
    fn three_seconds_of_ones_voice_come_back_and_are_forgotten() {
        let mut trial = Trial::default();
        trial.set(SoundTest::Record);
        for _ in 0..KEPT_FRAMES {
            assert_eq!(trial.hear().0, SILENCE);
            trial.say(&tone(900));
        }
        assert_eq!(trial.test(), SoundTest::Play);
        let heard = (0..KEPT_FRAMES).filter(|_| trial.hear().0 == tone(900)).count();
        assert_eq!(heard, KEPT_FRAMES);
        trial.hear();
        assert_eq!((trial.test(), trial.kept.len()), (SoundTest::Off, 0));
        trial.set(SoundTest::Play);
        assert!(!trial.runs(), "nothing is kept");
    }

    #[test]
    fn the_ring_sounds_where_the_bell_sounds_and_ends_by_itself() {
        let mut trial = Trial::default();
        trial.set(SoundTest::Ring);
        let loud = (0..=RING_FRAMES).filter(|_| trial.hear().1 != SILENCE).count();
        assert!((45..=51).contains(&loud), "{loud}");
        assert!(!trial.runs());
    }

    #[test]
    fn who_speaks_for_three_seconds_into_a_muted_microphone_is_noticed_and_who_coughs_is_not() {
        let mut speech = MutedSpeech::default();
        assert!((0..150).any(|_| speech.notice(&tone(3_000))));
        let mut cough = MutedSpeech::default();
        assert!(!(0..600).any(|place| cough.notice(&if place % 150 < 20 { tone(3_000) } else { SILENCE })));
    }

    #[test]
    fn a_louder_frame_never_wraps_around() {
        let mut frame = tone(30_000);
        louder(&mut frame, 200);
        assert_eq!((frame[0], frame[4]), (i16::MAX, i16::MIN));
        louder(&mut frame, 0);
        assert_eq!(frame, SILENCE);
    }
}

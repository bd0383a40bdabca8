//! What the microphone picks up besides the person: the citizen's voice out of the loudspeaker (echo), noise, and a voice that is too
//! soft. WebRTC's echo canceller 3, noise suppressor and gain controller 2, in their Rust port sonora. All of it is off unless it was
//! switched on: a headset needs none, and the echo canceller spoils a talk in which both speak at once (measured, see DEPENDENCIES.md).
//!
//! Not here: which device plays and which one listens; their delay is found by the canceller itself.

use super::sound::Frame;
use desktop_core::SoundSettings;
use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression, NoiseSuppressionLevel};
use sonora::{AudioProcessing, Config, StreamConfig};
use voice::FRAME_SAMPLES;

/// The line's rate in Hz.
const RATE: u32 = 8_000;
/// 10 ms, in which the library works.
const STEP: usize = FRAME_SAMPLES / 2;
/// Most that a soft voice is raised, in dB: more would raise the room.
const MOST_GAIN_DB: f32 = 20.0;

/// Cleans the microphone's voice, as far as it is wanted.
#[derive(Default)]
pub(super) struct Cleaner {
    wanted: Wanted,
    processing: Option<Box<AudioProcessing>>,
}

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wanted {
    echo: bool,
    noise: bool,
    level: bool,
}

impl Cleaner {
    /// Takes effect with the next frame; what was learned of the room is kept where nothing changes.
    pub(super) fn choose(&mut self, settings: &SoundSettings) {
        let wanted = Wanted { echo: settings.cancel_echo, noise: settings.reduce_noise, level: settings.even_level };
        if self.wanted != wanted {
            self.wanted = wanted;
            self.processing = (wanted != Wanted::default()).then(|| Box::new(processing(wanted)));
        }
    }

    /// A call begins: another room, perhaps.
    pub(super) fn begin_call(&mut self) {
        if let Some(processing) = &mut self.processing {
            **processing = self::processing(self.wanted);
        }
    }

    /// What the loudspeaker plays in this beat.
    pub(super) fn played(&mut self, heard: &Frame) {
        let Some(processing) = self.processing.as_mut().filter(|_| self.wanted.echo) else { return };
        let mut unused = [0; STEP];
        for step in heard.chunks_exact(STEP) {
            if let Err(error) = processing.process_render_i16(step, &mut unused) {
                tracing::debug!(%error, "the echo canceller does not hear the loudspeaker");
            }
        }
    }

    /// Cleans what the microphone gave in this beat; a frame that cannot be cleaned stays as it is.
    pub(super) fn clean(&mut self, said: &mut Frame) {
        let Some(processing) = &mut self.processing else { return };
        let mut cleaned = [0; FRAME_SAMPLES];
        let done = said.chunks_exact(STEP).zip(cleaned.chunks_exact_mut(STEP)).try_for_each(|(from, to)| {
            // The delay is estimated; this call only says that it is not known.
            let _ = processing.set_stream_delay_ms(0);
            processing.process_capture_i16(from, to)
        });
        match done {
            Ok(()) => *said = cleaned,
            Err(error) => tracing::debug!(%error, "the voice is not cleaned"),
        }
    }
}

fn processing(wanted: Wanted) -> AudioProcessing {
    let noise = NoiseSuppression { level: NoiseSuppressionLevel::Moderate, ..NoiseSuppression::default() };
    let adaptive = AdaptiveDigital { max_gain_db: MOST_GAIN_DB, initial_gain_db: 0.0, ..AdaptiveDigital::default() };
    let level = GainController2 { adaptive_digital: Some(adaptive), ..GainController2::default() };
    let config = Config {
        high_pass_filter: Some(HighPassFilter::default()),
        echo_canceller: wanted.echo.then(EchoCanceller::default),
        noise_suppression: wanted.noise.then_some(noise),
        gain_controller2: wanted.level.then_some(level),
        ..Config::default()
    };
    let line = StreamConfig::new(RATE, 1);
    AudioProcessing::builder().config(config).capture_config(line).render_config(line).build()
}

#[cfg(test)]
mod tests {
    use super::{Cleaner, STEP};
    use crate::audio::sound::Frame;
    use desktop_core::SoundSettings;
    use voice::FRAME_SAMPLES;

    /// The voices of the project, 8 kHz.
    fn speech(name: &str) -> Vec<i16> {
        let path = format!("{}/../assets/prompts/{name}.zh.wav", env!("CARGO_MANIFEST_DIR"));
        let mut reader = hound::WavReader::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let every = usize::try_from(reader.spec().sample_rate / super::RATE).expect("a small factor");
        reader.samples::<i16>().step_by(every).map(|sample| sample.expect("a sample")).collect()
    }

    fn frames(samples: &[i16]) -> impl Iterator<Item = Frame> + '_ {
        samples.chunks_exact(FRAME_SAMPLES).map(|chunk| chunk.try_into().expect("a whole frame"))
    }

    fn energy(samples: &[i16]) -> f64 {
        samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() + 1.0
    }

    fn decibels(one: f64, other: f64) -> f64 {
        10.0 * (one / other).log10()
    }

    fn cleaner(settings: SoundSettings) -> Cleaner {
        let mut cleaner = Cleaner::default();
        cleaner.choose(&settings);
        cleaner
    }

    /// The citizen speaks through the loudspeaker, again and again.
    fn far(seconds: usize) -> Vec<i16> {
        speech("citizen").into_iter().cycle().take(seconds * 8_000).collect()
    }

    /// What a microphone at the loudspeaker hears: 60 ms later, half as loud, with one reflection.
    fn echo_of(far: &[i16]) -> Vec<i16> {
        let at = |index: usize, delay: usize| index.checked_sub(delay).map_or(0.0, |index| f64::from(far[index]));
        (0..far.len()).map(|index| (0.5 * at(index, 480) + 0.15 * at(index, 700)) as i16).collect()
    }

    fn run(cleaner: &mut Cleaner, far: &[i16], near: &[i16]) -> Vec<i16> {
        let mut all = Vec::new();
        for (far, mut near) in frames(far).zip(frames(near)) {
            cleaner.played(&far);
            cleaner.clean(&mut near);
            all.extend_from_slice(&near);
        }
        all
    }

    #[test]
    fn without_a_wish_the_voice_is_untouched() {
        let voice = speech("agent");
        let whole = voice.len() / FRAME_SAMPLES * FRAME_SAMPLES;
        assert_eq!(
            run(&mut cleaner(SoundSettings::default()), &far(5), &voice[..whole.min(30_000)]),
            voice[..whole.min(30_000) / 160 * 160]
        );
        assert_eq!(FRAME_SAMPLES % STEP, 0);
    }

    #[test]
    fn the_canceller_takes_the_citizens_echo_away_and_leaves_the_agents_voice() {
        let far = far(16);
        let echo = echo_of(&far);
        let settings = SoundSettings { cancel_echo: true, ..SoundSettings::default() };
        let left = run(&mut cleaner(settings.clone()), &far, &echo);
        // It has learned the room after a while.
        let half = 8 * 8_000;
        let loss = decibels(energy(&echo[half..]), energy(&left[half..]));
        assert!(loss > 25.0, "the echo is only {loss:.1} dB softer");

        // The citizen is silent at last, and the agent speaks.
        let voice = speech("agent");
        let mut silence_and_echo = far.clone();
        silence_and_echo.extend(vec![0; voice.len()]);
        let mut near = echo;
        near.extend_from_slice(&voice);
        let cleaned = run(&mut cleaner(settings), &silence_and_echo, &near);
        let kept = decibels(energy(&cleaned[far.len() + 4_000..]), energy(&voice[4_000..]));
        assert!(kept > -3.0 && kept < 3.0, "the agent's voice changed by {kept:.1} dB");
    }

    #[test]
    fn the_suppressor_lowers_noise_and_leaves_the_voice() {
        let mut seed = 1_u32;
        let mut hiss = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 64
        };
        let noise: Vec<i16> = (0..8 * 8_000).map(|_| hiss()).collect();
        let voice = speech("agent");
        let mut near = noise.clone();
        near.extend(voice.iter().map(|sample| sample.saturating_add(hiss())));
        let settings = SoundSettings { reduce_noise: true, ..SoundSettings::default() };
        let cleaned = run(&mut cleaner(settings), &vec![0; near.len()], &near);
        let quieter = decibels(energy(&noise[4 * 8_000..]), energy(&cleaned[4 * 8_000..noise.len()]));
        assert!(quieter > 8.0, "the noise is only {quieter:.1} dB softer");
        let kept = decibels(energy(&cleaned[noise.len()..]), energy(&near[noise.len()..noise.len() + cleaned.len() - noise.len()]));
        assert!(kept > -3.0, "the voice is {kept:.1} dB softer");
    }

    #[test]
    fn a_soft_voice_is_raised_and_a_loud_one_is_not_cut() {
        let voice: Vec<i16> = speech("agent").into_iter().cycle().take(20 * 8_000).collect();
        let soft: Vec<i16> = voice.iter().map(|sample| sample / 10).collect();
        let settings = SoundSettings { even_level: true, ..SoundSettings::default() };
        let half = 10 * 8_000;
        let raised = run(&mut cleaner(settings.clone()), &vec![0; soft.len()], &soft);
        let gain = decibels(energy(&raised[half..]), energy(&soft[half..]));
        assert!(gain > 6.0, "a soft voice is raised by {gain:.1} dB only");
        let loud = run(&mut cleaner(settings), &vec![0; voice.len()], &voice);
        let change = decibels(energy(&loud[half..]), energy(&voice[half..]));
        assert!(change > -3.0 && change < 9.0, "a voice of usual loudness changed by {change:.1} dB");
    }
}

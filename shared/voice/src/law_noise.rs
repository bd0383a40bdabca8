//! Takes out of a voice what G.711's steps have put into it: each sample that came through a telephone network lies up to half a step beside
//! what was said, and how long a step is can be read off the sample itself. Where a part of the spectrum holds hardly more than the noise of
//! those steps, it is made quieter (a Wiener filter whose noise is known instead of guessed; its gain follows Ephraim and Malah 1984, the
//! "decision-directed" estimate).
//!
//! A voice that never was G.711 loses little: of it, too, only what lies below the noise that G.711 would have made.
//! Not here: noise of the room, which is the microphone's side's matter.

use crate::FRAME_SAMPLES;
use std::f32::consts::TAU;
use std::sync::LazyLock;

/// So many samples later than it came is a voice heard: 5 ms.
pub const DELAY_SAMPLES: usize = HOP;

const HOP: usize = 40;
/// Long enough to tell the harmonics of a voice apart where it matters, short enough not to smear a plosive. Longer ones sound no better.
const WINDOW: usize = 2 * HOP;
const BINS: usize = WINDOW / 2 + 1;
/// How much of an estimate is what was left of the piece before: little shows the filter at work as tinkling, much drags.
const MEMORY: f32 = 0.9;
/// Noise counts for more than it is: what is left of it disturbs more than what is lost of the voice.
const CAUTION: f32 = 2.0;
/// -10 dB: a line that falls entirely silent between words sounds dead.
const LEAST_GAIN: f32 = 0.3;

/// A half of a window, or of a spectrum.
type Half = [f32; BINS];

/// What the discrete Fourier transform of a window needs. It is done by its definition: a window's even part alone makes the real half, its odd
/// part the imaginary one, and sums of that length, which the compiler makes wide, need no faster way.
struct Tables {
    window: [f32; WINDOW],
    /// By sample and by bin, which is the same.
    cosines: [Half; BINS],
    sines: [Half; BINS],
}

static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
    let turn = |bin: usize, sample: usize| TAU * ((bin * sample) % WINDOW) as f32 / WINDOW as f32;
    let table = |wave: fn(f32) -> f32| std::array::from_fn(|sample| std::array::from_fn(|bin| wave(turn(bin, sample))));
    // Once before and once behind: together a Hann window, whose halves add up to one.
    let window = std::array::from_fn(|sample| (0.5 - 0.5 * turn(1, sample).cos()).max(0.0).sqrt());
    Box::new(Tables { window, cosines: table(f32::cos), sines: table(f32::sin) })
});

/// The filter for one voice.
#[derive(Debug, Clone)]
pub struct LawNoiseFilter {
    /// The newest samples that came.
    newest: [f32; HOP],
    /// What the piece before adds to the next samples.
    tail: [f32; HOP],
    /// Power of the voice in the piece before, by bin.
    voice: Half,
}

impl Default for LawNoiseFilter {
    fn default() -> Self {
        Self { newest: [0.0; HOP], tail: [0.0; HOP], voice: [0.0; BINS] }
    }
}

impl LawNoiseFilter {
    /// Filters the next 20 ms; what comes out is [`DELAY_SAMPLES`] older. Allocates in the first filter of the process only.
    pub fn filter(&mut self, frame: &mut [i16; FRAME_SAMPLES]) {
        for samples in frame.as_chunks_mut::<HOP>().0 {
            let incoming = samples.map(f32::from);
            let heard = self.piece(&incoming);
            self.newest = incoming;
            for (sample, heard) in samples.iter_mut().zip(heard) {
                // The cast saturates.
                *sample = heard.round() as i16;
            }
        }
    }

    fn piece(&mut self, incoming: &[f32; HOP]) -> [f32; HOP] {
        let tables = &**TABLES;
        let mut samples = [0.0; WINDOW];
        samples[..HOP].copy_from_slice(&self.newest);
        samples[HOP..].copy_from_slice(incoming);
        let mut noise = 0.0;
        for (sample, window) in samples.iter_mut().zip(&tables.window) {
            noise += step_noise(*sample) * window * window;
            *sample *= window;
        }
        let (mut real, mut imaginary) = transform(tables, &samples);
        self.quieten(noise * CAUTION, &mut real, &mut imaginary);
        let mut all = back(tables, real, imaginary);
        all.iter_mut().zip(&tables.window).for_each(|(sample, window)| *sample *= window);
        let heard = std::array::from_fn(|place| self.tail[place] + all[place]);
        self.tail.copy_from_slice(&all[HOP..]);
        heard
    }

    /// `noise`: its power in each bin, which is the same in all, for steps know nothing of each other.
    fn quieten(&mut self, noise: f32, real: &mut Half, imaginary: &mut Half) {
        for (bin, voice) in self.voice.iter_mut().enumerate() {
            let power = real[bin] * real[bin] + imaginary[bin] * imaginary[bin];
            let above = MEMORY * *voice + (1.0 - MEMORY) * (power - noise).max(0.0);
            let gain = (above / (above + noise)).max(LEAST_GAIN);
            *voice = gain * gain * power;
            real[bin] *= gain;
            imaginary[bin] *= gain;
        }
    }
}

/// Mean square of the distance between a sample and what G.711 made of it: a twelfth of the step's square.
fn step_noise(sample: f32) -> f32 {
    // 13 bits: 32 steps of one (in 16 bits: 16), then twice as long ones in each octave.
    let size = (sample.abs() as u32) >> 4;
    let octave = size.max(16).ilog2() - 4;
    let step = (16_u32 << octave) as f32;
    step * step / 12.0
}

fn transform(tables: &Tables, samples: &[f32; WINDOW]) -> (Half, Half) {
    let mirrored = |place: usize| samples[(WINDOW - place) % WINDOW];
    let mut even: Half = std::array::from_fn(|place| samples[place] + mirrored(place));
    // The first and the middle one are their own mirror images.
    even[0] /= 2.0;
    even[BINS - 1] /= 2.0;
    let odd = std::array::from_fn(|place| samples[place] - mirrored(place));
    (product(&tables.cosines, &even), product(&tables.sines, &odd))
}

/// The way back.
fn back(tables: &Tables, mut real: Half, imaginary: Half) -> [f32; WINDOW] {
    // All bins but the first and the last stand for two.
    real[0] /= 2.0;
    real[BINS - 1] /= 2.0;
    let (even, odd) = (product(&tables.cosines, &real), product(&tables.sines, &imaginary));
    let scale = 2.0 / WINDOW as f32;
    std::array::from_fn(|place| match place {
        first if first < BINS => (even[first] + odd[first]) * scale,
        second => (even[WINDOW - second] - odd[WINDOW - second]) * scale,
    })
}

fn product(table: &[Half; BINS], by: &Half) -> Half {
    let mut sums = [0.0; BINS];
    for (factor, row) in by.iter().zip(table) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += factor * value;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711::{alaw_to_linear, linear_to_alaw};

    /// A vowel of these many harmonics of 150 Hz, each half as loud as the one before.
    fn vowel(loudest: f64, harmonics: u32, length: usize) -> Vec<i16> {
        let sample = |n: usize| {
            let turn = std::f64::consts::TAU * 150.0 * n as f64 / 8_000.0;
            (0..harmonics).map(|k| loudest / f64::from(1 << k) * (turn * f64::from(k + 1)).sin()).sum::<f64>().round() as i16
        };
        (0..length).map(sample).collect()
    }

    fn through_alaw(samples: &[i16]) -> Vec<i16> {
        samples.iter().map(|sample| alaw_to_linear(linear_to_alaw(*sample))).collect()
    }

    fn filtered(samples: &[i16]) -> Vec<i16> {
        let mut filter = LawNoiseFilter::default();
        let mut all = samples.to_vec();
        all.as_chunks_mut().0.iter_mut().for_each(|frame| filter.filter(frame));
        all
    }

    fn power(samples: impl Iterator<Item = f64>) -> f64 {
        samples.map(|sample| sample * sample).sum()
    }

    /// How far the voice is above what is not of it, in dB, after the first frames.
    fn distance_db(said: &[i16], heard: &[i16], delay: usize) -> f64 {
        let pairs = || said.iter().zip(&heard[delay..]).skip(800).map(|(said, heard)| (f64::from(*said), f64::from(*heard)));
        10.0 * (power(pairs().map(|(said, _)| said)) / power(pairs().map(|(said, heard)| said - heard))).log10()
    }

    #[test]
    fn the_noise_of_steps_goes_and_the_voice_stays() {
        for loudest in [60.0, 500.0, 4_000.0, 20_000.0] {
            let said = vowel(loudest, 5, 16_000);
            let coded = through_alaw(&said);
            let (before, after) = (distance_db(&said, &coded, 0), distance_db(&said, &filtered(&coded), DELAY_SAMPLES));
            assert!(after > before + 3.0, "at {loudest}: {before:.1} dB, filtered {after:.1} dB");
        }
    }

    #[test]
    fn a_voice_without_steps_is_left_as_it_is() {
        let said = vowel(4_000.0, 5, 16_000);
        let after = distance_db(&said, &filtered(&said), DELAY_SAMPLES);
        assert!(after > 40.0, "{after:.1} dB");
    }

    #[test]
    fn the_rattle_of_an_idle_line_becomes_quieter() {
        // A-law has no zero: an idle line rattles between its two smallest values.
        let mut random = fastrand::Rng::with_seed(1);
        let rattle: Vec<i16> = (0..8_000).map(|_| if random.bool() { 8 } else { -8 }).collect();
        let loudness = |samples: &[i16]| power(samples[800..].iter().map(|sample| f64::from(*sample)));
        let gain = loudness(&filtered(&rattle)) / loudness(&rattle);
        assert!(gain < 0.2, "{gain:.3} of its power is left");
    }

    #[test]
    fn silence_stays_silent_and_the_loudest_does_not_turn_over() {
        assert!(filtered(&[0; 1_600]).iter().all(|sample| *sample == 0));
        let loudest: Vec<i16> = (0..8_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let turned = loudest.iter().zip(&filtered(&loudest)[DELAY_SAMPLES..]).filter(|(said, heard)| (**said < 0) != (**heard < 0)).count();
        assert_eq!(turned, 0);
    }
}

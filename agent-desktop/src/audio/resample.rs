//! From the 48 kHz of sound devices to the 8 kHz of the line and back, and small corrections between two clocks.
//!
//! Whole factors only: one windowed-sinc low-pass serves both directions.

use std::f32::consts::PI;

/// Taps on each side of the centre, in samples of the lower rate.
const HALF_TAPS: usize = 8;
/// Pass band as a part of the lower rate: 3.6 kHz of 8 kHz.
const CUT_OFF: f32 = 0.45;

/// Low-pass for a rate change by `factor`, unity gain at the higher rate; Hann window.
fn low_pass(factor: usize) -> Vec<f32> {
    let half = HALF_TAPS * factor;
    let cut_off = CUT_OFF / factor as f32;
    let tap = |index: usize| {
        let x = index as f32 - half as f32;
        let sinc = if x == 0.0 { 2.0 * cut_off } else { (2.0 * PI * cut_off * x).sin() / (PI * x) };
        sinc * (0.5 + 0.5 * (PI * x / half as f32).cos())
    };
    let taps: Vec<f32> = (0..=2 * half).map(tap).collect();
    let gain: f32 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / gain).collect()
}

/// The newest samples, oldest first when read from `next`.
#[derive(Debug)]
struct History {
    samples: Vec<f32>,
    next: usize,
}

impl History {
    fn new(length: usize) -> Self {
        Self { samples: vec![0.0; length], next: 0 }
    }

    fn push(&mut self, sample: f32) {
        self.samples[self.next] = sample;
        self.next = (self.next + 1) % self.samples.len();
    }

    fn oldest_first(&self) -> impl Iterator<Item = f32> + '_ {
        self.samples[self.next..].iter().chain(&self.samples[..self.next]).copied()
    }
}

/// From a higher rate to a lower one, sample by sample.
#[derive(Debug)]
pub(crate) struct Decimator {
    taps: Vec<f32>,
    history: History,
    factor: usize,
    phase: usize,
}

impl Decimator {
    /// `factor` input samples become one.
    pub(crate) fn new(factor: usize) -> Self {
        let taps = low_pass(factor);
        Self { history: History::new(taps.len()), taps, factor, phase: 0 }
    }

    /// Takes one sample; gives one each `factor` calls.
    pub(crate) fn push(&mut self, sample: f32) -> Option<f32> {
        self.history.push(sample);
        self.phase = (self.phase + 1) % self.factor;
        (self.phase == 0).then(|| self.history.oldest_first().zip(&self.taps).map(|(sample, tap)| sample * tap).sum())
    }
}

/// From a lower rate to a higher one.
#[derive(Debug)]
pub(crate) struct Interpolator {
    taps: Vec<f32>,
    history: History,
    factor: usize,
}

impl Interpolator {
    /// One input sample becomes `factor`.
    pub(crate) fn new(factor: usize) -> Self {
        Self { taps: low_pass(factor), history: History::new(2 * HALF_TAPS + 1), factor }
    }

    /// Takes one sample and gives `factor` to `out`.
    pub(crate) fn push(&mut self, sample: f32, mut out: impl FnMut(f32)) {
        self.history.push(sample);
        let length = self.taps.len();
        for phase in 0..self.factor {
            // The newest sample meets the tap of its phase, each older one a tap `factor` further on.
            let place = |age: usize| phase + age * self.factor;
            let ages = (0..=2 * HALF_TAPS).rev();
            let sum: f32 = self
                .history
                .oldest_first()
                .zip(ages)
                .filter(|(_, age)| place(*age) < length)
                .map(|(s, age)| s * self.taps[place(age)])
                .sum();
            out(sum * self.factor as f32);
        }
    }
}

/// Plays `from` in the time of `to` by linear interpolation; meant for lengths that differ by a sample, to follow another clock.
pub(crate) fn slip(from: &[i16], to: &mut [i16]) {
    let (Some(last), Some(steps)) = (from.len().checked_sub(1), to.len().checked_sub(1).filter(|steps| *steps > 0)) else { return };
    for (index, sample) in to.iter_mut().enumerate() {
        let place = index * last;
        let (before, rest) = (place / steps, place % steps);
        let (low, high) = (f32::from(from[before]), f32::from(from[(before + 1).min(last)]));
        *sample = (low + (high - low) * rest as f32 / steps as f32) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimator, Interpolator, slip};
    use std::f32::consts::PI;

    fn tone(hertz: f32, rate: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (2.0 * PI * hertz * n as f32 / rate).sin()).collect()
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn a_tone_of_speech_passes_down_and_what_would_alias_does_not() {
        for (hertz, low, high) in [(1_000.0, 0.69, 0.72), (3_000.0, 0.6, 0.72), (5_000.0, 0.0, 0.02), (12_000.0, 0.0, 0.01)] {
            let mut decimator = Decimator::new(6);
            let out: Vec<f32> = tone(hertz, 48_000.0, 24_000).into_iter().filter_map(|sample| decimator.push(sample)).collect();
            assert_eq!(out.len(), 4_000);
            let level = rms(&out[100..]);
            assert!((low..=high).contains(&level), "{hertz} Hz: {level}");
        }
    }

    #[test]
    fn a_tone_goes_up_without_an_image() {
        let mut interpolator = Interpolator::new(6);
        let mut out = Vec::new();
        for sample in tone(1_000.0, 8_000.0, 4_000) {
            interpolator.push(sample, |sample| out.push(sample));
        }
        assert_eq!(out.len(), 24_000);
        // The filter delays by 8 samples of 8 kHz: the same tone, 48 samples later.
        let expected = tone(1_000.0, 48_000.0, 24_000);
        let error: Vec<f32> = out[1_000..].iter().zip(&expected[1_000 - 48..]).map(|(a, b)| a - b).collect();
        assert!(rms(&error) < 0.01, "{}", rms(&error));
    }

    #[test]
    fn a_slip_keeps_the_ends_and_the_shape() {
        let ramp: Vec<i16> = (0..161).map(|n| n * 100).collect();
        let mut out = [0; 160];
        slip(&ramp, &mut out);
        assert_eq!((out[0], out[159]), (0, 16_000));
        assert!(out.windows(2).all(|pair| (100..=102).contains(&(pair[1] - pair[0]))));
    }
}

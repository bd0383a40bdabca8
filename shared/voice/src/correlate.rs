//! Finding a known signal in a recording: how tests and probe calls know that what was played arrived.
//!
//! The loudness over time is compared first, at every place; then the samples near the best places. Gain does not matter, codecs, some
//! noise and short gaps hardly do. Meant for signals of some seconds: the work grows with signal times recording.

/// Samples in one value of the coarse comparison: 4 ms.
const COARSE: usize = 32;
/// Places that the coarse comparison proposes.
const CANDIDATES: usize = 8;

/// Where a signal was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Place of the signal's first sample in the recording.
    pub delay_samples: usize,
    /// Likeness of the samples there, -1 to 1; above 0.9 it is the same signal, and a jitter buffer that changed its delay on the way
    /// lowers it.
    pub correlation: f64,
    /// Likeness of the loudness over time there, -1 to 1; hardly sensitive to what a jitter buffer does.
    pub envelope: f64,
}

/// The place in `recording` that is most like `signal`. `None` if the recording is shorter than the signal, or either is silent.
#[must_use]
pub fn find(signal: &[i16], recording: &[i16]) -> Option<Match> {
    if signal.len() < COARSE || recording.len() < signal.len() {
        return None;
    }
    let (signal_envelope, recording_envelope) = (envelope(signal), envelope(recording));
    let likeness = likeness_at_each_place(&signal_envelope, &recording_envelope);
    candidates(&likeness)
        .into_iter()
        .filter_map(|place| {
            let (delay_samples, correlation) = best_near(signal, recording, place * COARSE)?;
            Some(Match { delay_samples, correlation, envelope: likeness[place] })
        })
        .max_by(|a, b| a.correlation.total_cmp(&b.correlation))
}

/// Mean magnitude of each [`COARSE`] samples.
fn envelope(samples: &[i16]) -> Vec<f64> {
    let mean = |piece: &[i16]| piece.iter().map(|sample| f64::from(sample.unsigned_abs())).sum::<f64>() / COARSE as f64;
    samples.chunks_exact(COARSE).map(mean).collect()
}

fn likeness_at_each_place(short: &[f64], long: &[f64]) -> Vec<f64> {
    let short = without_mean(short);
    long.windows(short.len()).map(|window| normalised(&short, &without_mean(window))).collect()
}

fn without_mean(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| value - mean).collect()
}

fn normalised(a: &[f64], b: &[f64]) -> f64 {
    let (mut product, mut energy_a, mut energy_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        product += x * y;
        energy_a += x * x;
        energy_b += y * y;
    }
    let energy: f64 = energy_a * energy_b;
    if energy > 0.0 { product / energy.sqrt() } else { 0.0 }
}

/// The best places, each better than its neighbours.
fn candidates(likeness: &[f64]) -> Vec<usize> {
    let at = |place: Option<usize>| place.and_then(|place| likeness.get(place)).copied().unwrap_or(f64::NEG_INFINITY);
    let is_peak = |place: usize| likeness[place] >= at(place.checked_sub(1)) && likeness[place] >= at(place.checked_add(1));
    let mut places: Vec<usize> = (0..likeness.len()).filter(|place| is_peak(*place)).collect();
    places.sort_by(|a, b| likeness[*b].total_cmp(&likeness[*a]));
    places.truncate(CANDIDATES);
    places
}

/// The best place within two coarse values of `place`, with its likeness.
fn best_near(signal: &[i16], recording: &[i16], place: usize) -> Option<(usize, f64)> {
    let signal: Vec<f64> = signal.iter().map(|sample| f64::from(*sample)).collect();
    let last = (recording.len() - signal.len()).min(place + 2 * COARSE);
    let first = place.saturating_sub(2 * COARSE).min(last);
    let heard: Vec<f64> = recording[first..last + signal.len()].iter().map(|sample| f64::from(*sample)).collect();
    heard
        .windows(signal.len())
        .zip(first..)
        .map(|(window, delay)| (delay, normalised(&signal, window)))
        .filter(|(_, likeness)| *likeness != 0.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711::{alaw_to_linear, linear_to_alaw};

    /// Syllables of noise of changing loudness: as unlike itself at other places as speech.
    fn speech(seed: u64, length: usize) -> Vec<i16> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut loudness = 0;
        let mut samples = Vec::new();
        while samples.len() < length {
            loudness = if random.bool() { random.i32(500..12_000) } else { loudness / 8 };
            samples.extend((0..random.usize(300..1_500)).map(|_| random.i32(-loudness..=loudness) as i16));
        }
        samples.truncate(length);
        samples
    }

    #[test]
    fn a_signal_is_found_in_noise_after_a_codec_and_with_another_gain() {
        let signal = speech(1, 16_000);
        let mut random = fastrand::Rng::with_seed(2);
        let mut recording = speech(3, 48_000);
        for (place, sample) in signal.iter().enumerate() {
            recording[12_345 + place] = alaw_to_linear(linear_to_alaw(sample / 5)) + random.i16(-40..=40);
        }
        let found = find(&signal, &recording).expect("it is there");
        assert_eq!(found.delay_samples, 12_345);
        assert!(found.correlation > 0.95 && found.envelope > 0.95, "{found:?}");
    }

    #[test]
    fn a_signal_that_is_not_there_is_not_like_anything() {
        let found = find(&speech(1, 16_000), &speech(4, 48_000)).expect("some place is the best");
        assert!(found.correlation < 0.3, "{found:?}");
    }

    #[test]
    fn a_signal_is_found_at_both_ends() {
        let signal = speech(1, 8_000);
        for place in [0, 12_007] {
            let mut recording = vec![0; 20_007];
            recording[place..place + 8_000].copy_from_slice(&signal);
            assert_eq!(find(&signal, &recording).map(|found| found.delay_samples), Some(place));
        }
    }

    #[test]
    fn silence_and_short_recordings_hold_nothing() {
        let signal = speech(1, 8_000);
        assert_eq!(find(&signal, &[0; 20_000]), None);
        assert_eq!(find(&signal, &signal[..7_999]), None);
        assert_eq!(find(&[], &signal), None);
    }
}

//! Making a frame of speech shorter or longer by one pitch period, so that the delay changes without being heard.
//!
//! A piece is taken out, or put in, where the voice resembles itself at that distance, or where it is quiet; both ends are cross-faded.
//! Not here: when to do it (`jitter`), inventing what is missing (`conceal`).

use crate::FRAME_SAMPLES;
use crate::level::rms_dbfs;

/// Longest piece, in samples: 15 ms.
pub const MAX_PIECE: usize = 120;
/// Samples that [`shorten`] looks at.
pub const SHORTEN_SAMPLES: usize = FRAME_SAMPLES + MAX_PIECE;

/// Shortest piece: 2.5 ms.
const MIN_PIECE: usize = 20;
/// The piece where it is quiet: 10 ms.
const QUIET_PIECE: usize = 80;
/// Samples compared: 15 ms.
const COMPARED: usize = 120;
/// Below this nothing is heard of a cross-fade.
const QUIET_DBFS: f32 = -45.0;
/// Correlation from which on the voice repeats itself.
const ALIKE: f32 = 0.85;

/// Makes a frame of more than a frame's samples; gives how many of them it took in addition. `None`: here it would be heard.
#[must_use]
pub fn shorten(samples: &[i16; SHORTEN_SAMPLES]) -> Option<([i16; FRAME_SAMPLES], usize)> {
    let piece = best_piece(&samples[..FRAME_SAMPLES], |piece| (&samples[..COMPARED], &samples[piece..piece + COMPARED]))?;
    let frame = std::array::from_fn(|place| {
        let behind = samples[place + piece];
        if place < piece { fade(samples[place], behind, place, piece) } else { behind }
    });
    Some((frame, piece))
}

/// Makes a frame of less than a frame's samples, with the help of the [`MAX_PIECE`] that were heard before; gives how many are left over at
/// the frame's end. `None`: here it would be heard.
#[must_use]
pub fn lengthen(before: &[i16; MAX_PIECE], samples: &[i16; FRAME_SAMPLES]) -> Option<([i16; FRAME_SAMPLES], usize)> {
    let mut all = [0; MAX_PIECE + FRAME_SAMPLES];
    all[..MAX_PIECE].copy_from_slice(before);
    all[MAX_PIECE..].copy_from_slice(samples);
    let compare = |piece: usize| (&all[MAX_PIECE - piece..][..COMPARED], &all[MAX_PIECE..][..COMPARED]);
    let piece = best_piece(samples, compare)?;
    let frame = std::array::from_fn(|place| {
        let earlier = all[MAX_PIECE + place - piece];
        if place < piece { fade(samples[place], earlier, place, piece) } else { earlier }
    });
    Some((frame, piece))
}

fn fade(from: i16, to: i16, done: usize, total: usize) -> i16 {
    let (done, total) = (done as i32, total as i32);
    ((i32::from(from) * (total - done) + i32::from(to) * done) / total) as i16
}

fn best_piece<'a>(frame: &[i16], pair: impl Fn(usize) -> (&'a [i16], &'a [i16])) -> Option<usize> {
    if rms_dbfs(frame) < QUIET_DBFS {
        return Some(QUIET_PIECE);
    }
    let likeness_at = |piece: usize| {
        let (a, b) = pair(piece);
        (likeness(a, b), piece)
    };
    let (likeness, piece) = (MIN_PIECE..=MAX_PIECE).map(likeness_at).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > ALIKE).then_some(piece)
}

fn likeness(a: &[i16], b: &[i16]) -> f32 {
    let (mut product, mut energy_a, mut energy_b) = (0.0, 1.0, 1.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f32::from(*x), f32::from(*y));
        product += x * y;
        energy_a += x * x;
        energy_b += y * y;
    }
    product / (energy_a * energy_b).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(period: f64, length: usize) -> Vec<i16> {
        let wave = |n: usize, harmonic: f64| (std::f64::consts::TAU * harmonic * n as f64 / period).sin() / harmonic;
        (0..length).map(|n| (6_000.0 * (wave(n, 1.0) + wave(n, 2.0) + wave(n, 3.0))) as i16).collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_voice_becomes_shorter_by_whole_periods_without_a_click() {
        for period in [25.0, 41.3, 80.0, 113.7] {
            let whole = voice(period, 800);
            let samples = whole[200..].first_chunk().expect("long enough");
            let (frame, taken) = shorten(samples).expect("a voice");
            let periods = taken as f64 / period;
            assert!((periods - periods.round()).abs() < 0.03 && taken > 0, "{taken} of {period}");
            let joined = [&whole[..200], &frame, &whole[200 + FRAME_SAMPLES + taken..]].concat();
            assert!(largest_step(&joined) <= largest_step(&whole) * 11 / 10, "{period}");
        }
    }

    #[test]
    fn a_voice_becomes_longer_by_whole_periods_without_a_click() {
        for period in [25.0, 41.3, 80.0, 113.7] {
            let whole = voice(period, 800);
            let (before, samples) = (whole[80..].first_chunk().expect("long enough"), whole[200..].first_chunk().expect("long enough"));
            let (frame, left) = lengthen(before, samples).expect("a voice");
            let periods = left as f64 / period;
            assert!((periods - periods.round()).abs() < 0.03 && left > 0, "{left} of {period}");
            let joined = [&whole[..200], &frame, &whole[200 + FRAME_SAMPLES - left..]].concat();
            assert!(largest_step(&joined) <= largest_step(&whole) * 11 / 10, "{period}");
        }
    }

    #[test]
    fn silence_is_changed_and_noise_and_onsets_are_not() {
        let quiet = [20; SHORTEN_SAMPLES];
        assert_eq!(shorten(&quiet), Some(([20; FRAME_SAMPLES], QUIET_PIECE)));
        assert_eq!(lengthen(&[20; MAX_PIECE], &[20; FRAME_SAMPLES]), Some(([20; FRAME_SAMPLES], QUIET_PIECE)));
        let mut random = fastrand::Rng::with_seed(15);
        for _ in 0..100 {
            let noise = [(); SHORTEN_SAMPLES].map(|()| random.i16(-9_000..9_000));
            assert_eq!(shorten(&noise), None);
            assert_eq!(lengthen(noise.first_chunk().expect("shorter"), noise[120..].first_chunk().expect("shorter")), None);
        }
    }
}

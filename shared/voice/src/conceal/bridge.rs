//! Bridges a gap whose far side is already known: the voice before it is continued, the voice behind it is continued backwards, and the
//! two are drawn together so that their periods meet. A jitter buffer nearly always knows the far side: it waits at least one packet.
//!
//! Not here: gaps without a far side (`conceal`), deciding what is missing (`jitter`).

/// Longest gap that is bridged: 60 ms.
pub const MAX_GAP: usize = 480;
/// Fewest samples behind the gap that tell how the voice goes on: 10 ms.
pub const MIN_AFTER: usize = 80;
/// More than these samples behind the gap are not looked at: 30 ms.
pub const MAX_AFTER: usize = MAX_PERIOD + COMPARED;

/// Longest pitch period: 15 ms.
const MAX_PERIOD: usize = 120;
/// Shortest: 3.75 ms; a higher voice is repeated by several of its periods.
const MIN_PERIOD: usize = 30;
/// Samples compared in the search for the period, where there are so many: 15 ms.
const COMPARED: usize = 120;
/// Samples compared at least: 5 ms.
const LEAST_COMPARED: usize = 40;
/// The two voices may be drawn together by this share of the gap at most: more would be heard as another pitch.
const MOST_DRAWN: f32 = 0.08;
/// The same of the longest gap, in samples.
const MAX_DRAWN: usize = 40;
/// Likeness below which there is no common period to draw together.
const ALIKE: f32 = 0.4;
/// Room for one side, continued over the gap and what it may be drawn.
const SIDE: usize = MAX_GAP + 2 * MAX_DRAWN + 2;

/// One side of the gap, continued through it. Place 0 is the sample next to what is known.
struct Side {
    samples: [f32; SIDE],
}

/// The samples of a gap between `before` and `after`; `gap` is at most [`MAX_GAP`] long and is filled.
pub(super) fn bridge(before: &[i16], after: &[i16], gap: &mut [i16]) {
    let length = gap.len().min(MAX_GAP);
    let near = Side::continued(before.iter().rev().map(|sample| f32::from(*sample)));
    let far = Side::continued(after.iter().map(|sample| f32::from(*sample)));
    let (drawn, alike) = near.meeting(&far, length);
    for (place, sample) in gap[..length].iter_mut().enumerate() {
        let way = (place as f32 + 0.5) / length as f32;
        let one = near.at(place as f32 + drawn * way);
        let other = far.at((length - 1 - place) as f32 + drawn * (1.0 - way));
        let (weight, other_weight) = (1.0 - smooth(way), smooth(way));
        // Voices that are not alike would grow softer in the midst.
        let loss = (weight * weight + other_weight * other_weight + 2.0 * alike * weight * other_weight).sqrt();
        *sample = ((one * weight + other * other_weight) / loss).clamp(-32_768.0, 32_767.0) as i16;
    }
}

/// From 0 to 1 without a corner.
fn smooth(way: f32) -> f32 {
    way * way * (3.0 - 2.0 * way)
}

impl Side {
    /// Continues what is given from the gap outwards, period by period, into the gap.
    fn continued(outwards: impl Iterator<Item = f32>) -> Self {
        let mut known = [0.0; MAX_PERIOD + COMPARED];
        let mut count = 0;
        for (place, sample) in known.iter_mut().zip(outwards) {
            *place = sample;
            count += 1;
        }
        let known = &known[..count];
        let period = period(known);
        let quarter = period / 4;
        // What would have to be added so that the first sample follows the last known one.
        let jump = known.get(period).map_or(0.0, |earlier| known[0] - earlier);
        let mut samples = [0.0; SIDE];
        for (place, sample) in samples.iter_mut().enumerate() {
            // Into the gap one walks the nearest period from its far end; its near end is led over to what lies before its far end.
            let outward = period - 1 - place % period;
            let repeated = match known.get(outward + period).filter(|_| outward < quarter) {
                Some(earlier) => mix(*earlier, known[outward], (outward + 1) as f32 / (quarter + 1) as f32),
                None => known[outward],
            };
            *sample = repeated + if place < quarter { mix(jump, 0.0, (place + 1) as f32 / (quarter + 1) as f32) } else { 0.0 };
        }
        Self { samples }
    }

    fn at(&self, place: f32) -> f32 {
        let whole = place.floor().clamp(0.0, (SIDE - 2) as f32);
        let part = (place - whole).clamp(0.0, 1.0);
        let whole = whole as usize;
        self.samples[whole] * (1.0 - part) + self.samples[whole + 1] * part
    }

    /// By how much the two must be drawn together over a gap so that their periods meet, and how alike they then are.
    fn meeting(&self, other: &Self, length: usize) -> (f32, f32) {
        let most = ((length as f32 * MOST_DRAWN) as i32).min(MAX_DRAWN as i32);
        let likeness = |drawn: i32| {
            let there = |place: usize| usize::try_from(place as i32 + drawn).ok();
            likeness((0..length).filter_map(|place| Some((self.samples[there(place)?], other.samples[length - 1 - place]))))
        };
        let best = (-most..=most).map(|drawn| (likeness(drawn), drawn)).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((alike, drawn)) if alike > ALIKE => (drawn as f32, alike),
            Some(_) | None => (0.0, 0.0),
        }
    }
}

fn mix(from: f32, to: f32, way: f32) -> f32 {
    from * (1.0 - way) + to * way
}

/// The distance at which what lies next to the gap resembles what lies further out.
fn period(known: &[f32]) -> usize {
    let longest = MAX_PERIOD.min(known.len().saturating_sub(LEAST_COMPARED)).max(1);
    let likeness = |period: usize| {
        let compared = COMPARED.min(known.len() - period);
        likeness((0..compared).map(|place| (known[place], known[place + period])))
    };
    let best = (MIN_PERIOD.min(longest)..=longest).map(|period| (likeness(period), period)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(longest, |(_, period)| period)
}

/// Normalised correlation, -1 to 1.
fn likeness(pairs: impl Iterator<Item = (f32, f32)>) -> f32 {
    let (mut product, mut energy, mut other_energy) = (0.0_f32, 1.0_f32, 1.0_f32);
    for (one, other) in pairs {
        product += one * other;
        energy += one * one;
        other_energy += other * other;
    }
    product / (energy * other_energy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{MAX_AFTER, MAX_GAP, MIN_AFTER, bridge};
    use crate::conceal::Concealer;
    use crate::level::rms_dbfs;

    /// A voice whose period goes from one length to another over `length` samples.
    fn voice(from: f64, to: f64, length: usize) -> Vec<i16> {
        let mut phase = 0.0_f64;
        let wave = |n: usize| {
            phase += std::f64::consts::TAU / (from + (to - from) * n as f64 / length as f64);
            6_000.0 * (phase.sin() + (2.0 * phase).sin() / 2.0 + (3.0 * phase).sin() / 3.0)
        };
        (0..length).map(wave).map(|sample| sample as i16).collect()
    }

    fn error_db(wanted: &[i16], got: &[i16]) -> f64 {
        let error: f64 = wanted.iter().zip(got).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        10.0 * (error.max(1.0) / wanted.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>()).log10()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    /// The whole with `length` samples from 800 on bridged, knowing `after` samples behind them.
    fn bridged(whole: &[i16], length: usize, after: usize) -> Vec<i16> {
        let mut heard = whole.to_vec();
        let (before, rest) = heard.split_at_mut(800);
        let (gap, behind) = rest.split_at_mut(length);
        bridge(before, &behind[..after], gap);
        heard
    }

    #[test]
    fn a_lost_packet_of_a_steady_voice_is_hardly_noticed() {
        for period in [31.0, 41.3, 57.0, 80.0, 119.2] {
            let whole = voice(period, period, 1_600);
            let heard = bridged(&whole, 160, 160);
            let error = error_db(&whole[800..960], &heard[800..960]);
            assert!(error < -16.0, "period {period}: {error} dB");
        }
    }

    #[test]
    fn a_voice_that_changes_its_pitch_is_met_on_the_far_side_and_not_only_continued() {
        for (from, to) in [(50.0, 62.0), (90.0, 75.0)] {
            let whole = voice(from, to, 1_600);
            let heard = bridged(&whole, 160, 160);
            let mut continued = whole.clone();
            let mut concealer = Concealer::default();
            concealer.pass(&mut continued[..800]);
            concealer.fill(&mut continued[800..960]);
            let (both, one) = (error_db(&whole[800..960], &heard[800..960]), error_db(&whole[800..960], &continued[800..960]));
            assert!(both < one - 5.0, "{from} to {to}: {both} dB against {one} dB");
        }
    }

    #[test]
    fn there_is_no_click_at_either_end_whatever_the_gaps_length() {
        let whole = voice(63.7, 60.0, 2_000);
        let natural = largest_step(&whole);
        for length in [1, 7, 80, 160, 161, 320, MAX_GAP] {
            let heard = bridged(&whole, length, MIN_AFTER);
            assert!(largest_step(&heard) < natural * 3 / 2, "length {length}: {} against {natural}", largest_step(&heard));
        }
    }

    #[test]
    fn noise_keeps_its_level_through_the_gap() {
        let mut random = fastrand::Rng::with_seed(21);
        let whole: Vec<i16> = (0..1_600).map(|_| random.i16(-5_000..5_000)).collect();
        let heard = bridged(&whole, 160, MAX_AFTER);
        for piece in heard[800..960].chunks(40) {
            assert!((rms_dbfs(piece) - rms_dbfs(&whole)).abs() < 4.0, "{}", rms_dbfs(piece));
        }
    }

    #[test]
    fn the_level_goes_from_the_one_side_to_the_other() {
        let mut whole = voice(50.0, 50.0, 1_600);
        whole[960..].iter_mut().for_each(|sample| *sample /= 10);
        let heard = bridged(&whole, 160, 160);
        let (first, last) = (rms_dbfs(&heard[800..850]), rms_dbfs(&heard[910..960]));
        assert!(first > last + 8.0 && last > rms_dbfs(&heard[960..1_010]) - 1.0, "{first} {last}");
    }

    #[test]
    fn silence_stays_silence_and_any_sides_are_survived() {
        let mut gap = [1; MAX_GAP];
        bridge(&[0; 400], &[0; MIN_AFTER], &mut gap);
        assert!(gap.iter().all(|sample| *sample == 0));
        let mut random = fastrand::Rng::with_seed(22);
        for _ in 0..500 {
            let mut noise = |length: usize| (0..length).map(|_| random.i16(..)).collect::<Vec<_>>();
            let (before, after) = (noise(390), noise(MIN_AFTER + 7));
            bridge(&before, &after, &mut gap[..random.usize(..=MAX_GAP)]);
        }
    }
}

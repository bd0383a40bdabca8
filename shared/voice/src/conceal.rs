//! Hides missing audio: the last pitch period is repeated, fading, and joined to what follows (in the manner of ITU-T G.711 appendix I).
//!
//! Other than the appendix it adds no delay: the join at the start is smoothed by a decaying offset instead of an overlap with samples
//! that were already played. If it is known how the voice goes on behind the gap, the gap is bridged from both sides instead ([`bridge`]).
//! Not here: deciding that something is missing (`jitter`).

pub mod bridge;

use bridge::{MAX_GAP, MIN_AFTER};

/// Longest pitch period searched: 15 ms (66 Hz).
const MAX_PERIOD: usize = 120;
/// Shortest: 5 ms (200 Hz); higher voices are repeated by several periods.
const MIN_PERIOD: usize = 40;
/// Samples compared in the search: 20 ms.
const COMPARED: usize = 160;
/// Three periods and the quarter before them.
const HISTORY: usize = 3 * MAX_PERIOD + MAX_PERIOD / 4;
/// Steps of fading and of adding periods: 10 ms.
const STEP: usize = 80;
/// After this many samples nothing is left: 60 ms.
const FADED: usize = 6 * STEP;

/// Watches the audio that is played and invents what is missing in it.
#[derive(Debug, Clone)]
pub struct Concealer {
    history: [i16; HISTORY],
    gap: Option<Gap>,
    bridge: Option<Bridge>,
}

/// What is left of a gap of which both sides are known.
#[derive(Debug, Clone)]
struct Bridge {
    samples: [i16; MAX_GAP],
    length: usize,
    next: usize,
}

impl Bridge {
    fn rest(&self) -> &[i16] {
        &self.samples[self.next..self.length]
    }
}

/// An ongoing gap, or the join behind it.
#[derive(Debug, Clone)]
struct Gap {
    tail: [i16; HISTORY],
    period: usize,
    reader: Reader,
    /// The reader before periods were added, and how many samples of it still fade out.
    fading: Option<(Reader, usize)>,
    jump: i32,
    made: usize,
    joined: usize,
}

/// Walks round the last `length` samples of the tail.
#[derive(Debug, Clone, Copy)]
struct Reader {
    length: usize,
    position: usize,
}

impl Reader {
    /// The last quarter period of each round is overlapped with what came before the round's beginning, so that the ends meet.
    fn next(&mut self, tail: &[i16; HISTORY], quarter: usize) -> i32 {
        let place = HISTORY - self.length + self.position;
        let into_join = (self.position + quarter).checked_sub(self.length);
        let sample = match into_join {
            None => i32::from(tail[place]),
            Some(done) => cross_fade(i32::from(tail[place]), i32::from(tail[place - self.length]), done, quarter),
        };
        self.position = (self.position + 1) % self.length;
        sample
    }
}

fn cross_fade(from: i32, to: i32, done: usize, total: usize) -> i32 {
    let (done, total) = (done as i32, total.max(1) as i32);
    (from * (total - done) + to * done) / total
}

impl Gap {
    fn new(history: &[i16; HISTORY]) -> Self {
        let period = pitch_period(history);
        let jump = i32::from(history[HISTORY - 1]) - i32::from(history[HISTORY - 1 - period]);
        let reader = Reader { length: period, position: 0 };
        Self { tail: *history, period, reader, fading: None, jump, made: 0, joined: 0 }
    }

    fn quarter(&self) -> usize {
        self.period / 4
    }

    fn next(&mut self) -> i16 {
        if self.made >= FADED {
            return 0;
        }
        if self.made == STEP || self.made == 2 * STEP {
            self.add_period();
        }
        let quarter = self.quarter();
        let mut sample = self.reader.next(&self.tail, quarter);
        if let Some((mut old, left)) = self.fading.take() {
            sample = cross_fade(sample, old.next(&self.tail, quarter), left, quarter);
            self.fading = (left > 1).then_some((old, left - 1));
        }
        if self.made < quarter {
            sample += cross_fade(self.jump, 0, self.made, quarter);
        }
        let sample = cross_fade(sample, 0, self.made.saturating_sub(STEP), FADED - STEP);
        self.made += 1;
        sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    }

    /// A longer round sounds less like a buzz.
    fn add_period(&mut self) {
        self.fading = Some((self.reader, self.quarter()));
        self.reader = Reader { length: self.reader.length + self.period, position: self.reader.position % self.period };
    }

    /// Longer gaps are joined more slowly: a quarter period and 4 ms for each 10 ms, at most 10 ms. Silence needs no join: it would
    /// only soften the beginning of a word.
    fn join_length(&self) -> usize {
        if self.made >= FADED || self.tail[HISTORY - self.period..].iter().all(|sample| *sample == 0) {
            return 0;
        }
        (self.quarter() + 32 * (self.made / STEP)).min(STEP)
    }
}

impl Default for Concealer {
    fn default() -> Self {
        Self { history: [0; HISTORY], gap: None, bridge: None }
    }
}

impl Concealer {
    /// Takes audio that is there; behind a gap its beginning is cross-faded with the invented audio.
    pub fn pass(&mut self, samples: &mut [i16]) {
        // What comes in the midst of a bridge was late; else there is nothing left to join.
        if let Some(bridge) = self.bridge.take() {
            let rest = &bridge.rest()[..bridge.rest().len().min(STEP)];
            let total = rest.len();
            for (done, (sample, invented)) in samples.iter_mut().zip(rest).enumerate() {
                *sample = cross_fade(i32::from(*invented), i32::from(*sample), done, total) as i16;
            }
        }
        if let Some(gap) = &mut self.gap {
            let total = gap.join_length();
            for sample in samples.iter_mut().take(total.saturating_sub(gap.joined)) {
                *sample = cross_fade(i32::from(gap.next()), i32::from(*sample), gap.joined, total) as i16;
                gap.joined += 1;
            }
            if gap.joined >= total {
                self.gap = None;
            }
        }
        self.remember(samples);
    }

    /// Invents audio for samples that are missing, of `missing` from here on, when it is known what comes `after` them.
    pub fn fill_before(&mut self, samples: &mut [i16], missing: usize, after: &[i16]) {
        if self.bridge.is_none() && missing <= MAX_GAP && after.len() >= MIN_AFTER {
            let mut bridge = Bridge { samples: [0; MAX_GAP], length: missing, next: 0 };
            bridge::bridge(&self.history, after, &mut bridge.samples[..missing]);
            (self.gap, self.bridge) = (None, Some(bridge));
        }
        self.fill(samples);
    }

    /// Invents audio for samples that are missing.
    pub fn fill(&mut self, samples: &mut [i16]) {
        let bridged = self.fill_from_bridge(samples);
        self.fill_on(&mut samples[bridged..]);
    }

    fn fill_from_bridge(&mut self, samples: &mut [i16]) -> usize {
        let Some(bridge) = &mut self.bridge else { return 0 };
        let count = samples.len().min(bridge.rest().len());
        samples[..count].copy_from_slice(&bridge.rest()[..count]);
        bridge.next += count;
        if bridge.rest().is_empty() {
            self.bridge = None;
        }
        self.remember(&samples[..count]);
        count
    }

    fn fill_on(&mut self, samples: &mut [i16]) {
        if samples.is_empty() {
            return;
        }
        let history = &self.history;
        let gap = match &mut self.gap {
            Some(gap) if gap.joined == 0 => gap,
            other => other.insert(Gap::new(history)),
        };
        samples.iter_mut().for_each(|sample| *sample = gap.next());
        self.remember(samples);
    }

    /// The newest audio that was played; `None` while what was invented is still being joined to what was not.
    pub(crate) fn recent<const N: usize>(&self) -> Option<&[i16; N]> {
        self.history.last_chunk().filter(|_| self.gap.is_none() && self.bridge.is_none())
    }

    fn remember(&mut self, samples: &[i16]) {
        let kept = &samples[samples.len().saturating_sub(HISTORY)..];
        self.history.copy_within(kept.len().., 0);
        self.history[HISTORY - kept.len()..].copy_from_slice(kept);
    }
}

/// The distance at which the end of the history resembles itself most.
fn pitch_period(history: &[i16; HISTORY]) -> usize {
    let recent = &history[HISTORY - COMPARED..];
    let likeness = |period: usize| {
        let earlier = &history[HISTORY - COMPARED - period..HISTORY - period];
        let (mut product, mut energy) = (0_i64, 1_i64);
        for (a, b) in recent.iter().zip(earlier) {
            product += i64::from(*a) * i64::from(*b);
            energy += i64::from(*b) * i64::from(*b);
        }
        product as f64 / (energy as f64).sqrt()
    };
    let best = (MIN_PERIOD..=MAX_PERIOD).map(|period| (likeness(period), period)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(MAX_PERIOD, |(_, period)| period)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like signal of the given pitch.
    fn voice(period: f64, start: usize, length: usize) -> Vec<i16> {
        let wave = |n: usize, harmonic: f64| (std::f64::consts::TAU * harmonic * n as f64 / period).sin() / harmonic;
        (start..start + length).map(|n| (6_000.0 * (wave(n, 1.0) + wave(n, 2.0) + wave(n, 3.0))) as i16).collect()
    }

    fn error_db(wanted: &[i16], got: &[i16]) -> f64 {
        let sum = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
        let error = sum(&mut wanted.iter().zip(got).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        10.0 * (error / sum(&mut wanted.iter().map(|a| f64::from(*a)))).log10()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn ten_missing_milliseconds_of_a_steady_voice_are_hardly_noticed() {
        for period in [41.3, 57.0, 80.0, 119.2] {
            let mut whole = voice(period, 0, 960);
            let wanted = whole.clone();
            let mut concealer = Concealer::default();
            concealer.pass(&mut whole[..480]);
            concealer.fill(&mut whole[480..560]);
            concealer.pass(&mut whole[560..]);
            let error = error_db(&wanted[480..560], &whole[480..560]);
            assert!(error < -12.0, "period {period}: {error} dB");
            assert_eq!(whole[640..], wanted[640..]);
        }
    }

    #[test]
    fn there_is_no_click_at_either_end() {
        let mut whole = voice(63.7, 0, 1_600);
        let natural = largest_step(&whole);
        let mut concealer = Concealer::default();
        concealer.pass(&mut whole[..700]);
        concealer.fill(&mut whole[700..960]);
        concealer.pass(&mut whole[960..]);
        assert!(largest_step(&whole) < natural * 3 / 2, "{} against {natural}", largest_step(&whole));
    }

    #[test]
    fn there_is_no_click_when_the_voice_was_swelling() {
        for start in 600..670 {
            let mut whole = voice(64.0, 0, 900);
            let swell = |(n, sample): (usize, &mut i16)| *sample = (f64::from(*sample) * 1.01_f64.powf(n as f64 - 700.0)) as i16;
            whole.iter_mut().enumerate().for_each(swell);
            let natural = largest_step(&whole[..start]);
            let mut concealer = Concealer::default();
            concealer.pass(&mut whole[..start]);
            concealer.fill(&mut whole[start..start + 80]);
            let step = largest_step(&whole[..start + 80]);
            assert!(step <= natural * 3 / 2, "{step} against {natural} at {start}");
        }
    }

    #[test]
    fn a_longer_gap_repeats_more_than_one_period() {
        let mut random = fastrand::Rng::with_seed(8);
        let common: Vec<i16> = (0..100).map(|_| random.i16(-4_000..4_000)).collect();
        let mut samples: Vec<i16> = (0..600).map(|n| common[n % 100] + random.i16(-3_000..3_000)).collect();
        let mut concealer = Concealer::default();
        concealer.pass(&mut samples);
        let mut invented = [0; 240];
        concealer.fill(&mut invented);
        let likeness = crate::correlate::find(&invented[160..240], &invented[60..140]).expect("not silent").correlation;
        assert!((0.2..0.9).contains(&likeness), "{likeness}");
    }

    #[test]
    fn a_long_gap_fades_to_silence() {
        let mut samples = voice(70.0, 0, 2_000);
        let mut concealer = Concealer::default();
        concealer.pass(&mut samples[..800]);
        for frame in samples[800..].chunks_mut(160) {
            concealer.fill(frame);
        }
        assert!(crate::level::rms_dbfs(&samples[800..880]) > -20.0);
        assert!(samples[800 + FADED..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn nothing_is_made_of_nothing_and_pieces_may_have_any_length() {
        let mut concealer = Concealer::default();
        let mut random = fastrand::Rng::with_seed(5);
        let mut samples = [0; 900];
        for _ in 0..2_000 {
            let length = random.usize(..=900);
            if random.bool() {
                concealer.pass(&mut samples[..length]);
            } else {
                concealer.fill(&mut samples[..length]);
            }
        }
        assert!(samples.iter().all(|sample| *sample == 0));
        for _ in 0..2_000 {
            let length = random.usize(..=900);
            samples.iter_mut().for_each(|sample| *sample = random.i16(..));
            concealer.pass(&mut samples[..length]);
            concealer.fill(&mut samples[..random.usize(..=900)]);
        }
    }
}

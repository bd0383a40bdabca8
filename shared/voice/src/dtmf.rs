//! Keys pressed on a telephone as tones in the audio itself (ITU-T Q.23, Q.24): detection for trunks without telephone events, and generation.
//!
//! Goertzel's filter measures the eight tones in blocks of 12.75 ms, whose zeros lie near the neighbouring tones. A key is believed when
//! two blocks in a row agree and hardly anything else sounds, which speech does not manage. Not here: `telephone_event`.

use crate::SAMPLE_RATE;

/// Samples in one look.
const BLOCK: usize = 102;
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];
/// Quietest block with a key in it, as mean square: -36 dBFS.
const LEAST_POWER: f32 = 2.7e5;
/// Least part of a block's energy that both tones must have. Two tones at the limits of their frequency (1.5 %) have 0.8.
const LEAST_SHARE: f32 = 0.76;
/// The high tone may be this much stronger: 5 dB, or weaker: 10 dB. Q.24 asks for 4 and 8 at most, but the tones disturb each other's
/// measurement by up to 2 dB.
const HIGH_ABOVE_LOW: f32 = 3.16;
const LOW_ABOVE_HIGH: f32 = 10.0;
/// Strongest against second strongest tone of a group: 8 dB.
const ABOVE_NEIGHBOURS: f32 = 6.3;
/// Blocks without the key after which it is released: 25 ms, so that a crackle does not make two keys of one.
const RELEASE_BLOCKS: u8 = 2;

/// Twice the cosine of each tone's step, low group first.
fn coefficients() -> [f32; 8] {
    let step = |hz: f32| 2.0 * (std::f32::consts::TAU * hz / SAMPLE_RATE as f32).cos();
    std::array::from_fn(|tone| step(if tone < 4 { LOW_HZ[tone] } else { HIGH_HZ[tone - 4] }))
}

/// Hears keys in one stream. Audio may come in pieces of any length.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    coefficients: [f32; 8],
    /// Both memories of each tone's filter.
    newer: [f32; 8],
    older: [f32; 8],
    energy: f32,
    filled: usize,
    last_block: Option<u8>,
    sounding: Option<u8>,
    missing: u8,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        let [newer, older] = [[0.0; 8]; 2];
        Self { coefficients: coefficients(), newer, older, energy: 0.0, filled: 0, last_block: None, sounding: None, missing: 0 }
    }
}

impl DtmfDetector {
    /// Listens to the next samples; gives the key, one of `0-9*#ABCD`, that was found pressed in them. In pieces of up to 51 ms there is at
    /// most one; in longer ones the last is given.
    pub fn hear(&mut self, samples: &[i16]) -> Option<char> {
        let mut pressed = None;
        let mut rest = samples;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(BLOCK - self.filled));
            self.filter(piece);
            rest = behind;
            if self.filled == BLOCK {
                pressed = self.end_block().or(pressed);
            }
        }
        pressed.map(char::from)
    }

    /// The key that sounds now: what to mute where digits must not be heard. A key's first 26 to 38 ms are over when it is known.
    #[must_use]
    pub fn sounding(&self) -> Option<char> {
        self.sounding.map(char::from)
    }

    fn filter(&mut self, piece: &[i16]) {
        for sample in piece {
            let sample = f32::from(*sample);
            self.energy += sample * sample;
            for tone in 0..8 {
                let value = self.coefficients[tone] * self.newer[tone] - self.older[tone] + sample;
                self.older[tone] = self.newer[tone];
                self.newer[tone] = value;
            }
        }
        self.filled += piece.len();
    }

    fn end_block(&mut self) -> Option<u8> {
        let powers: [f32; 8] = std::array::from_fn(|tone| {
            let (newer, older) = (self.newer[tone], self.older[tone]);
            newer * newer + older * older - self.coefficients[tone] * newer * older
        });
        let key = key_of(&powers, self.energy);
        (self.newer, self.older, self.energy, self.filled) = ([0.0; 8], [0.0; 8], 0.0, 0);
        self.follow(key)
    }

    /// A key begins with two blocks that agree and ends with [`RELEASE_BLOCKS`] without it.
    fn follow(&mut self, key: Option<u8>) -> Option<u8> {
        let agreed = key.filter(|_| key == self.last_block);
        self.last_block = key;
        if self.sounding.is_some() && key == self.sounding {
            self.missing = 0;
            return None;
        }
        if agreed.is_some() {
            self.sounding = agreed;
            self.missing = 0;
            return agreed;
        }
        self.missing = self.missing.saturating_add(1);
        if self.missing >= RELEASE_BLOCKS {
            self.sounding = None;
        }
        None
    }
}

fn key_of(powers: &[f32; 8], energy: f32) -> Option<u8> {
    if energy < LEAST_POWER * BLOCK as f32 {
        return None;
    }
    let (low, low_power) = strongest(&powers[..4])?;
    let (high, high_power) = strongest(&powers[4..])?;
    // A pure tone of amplitude a has energy a²/2 per sample, and the filter gives (a · BLOCK / 2)².
    let share = 2.0 * (low_power + high_power) / (energy * BLOCK as f32);
    let balanced = high_power < low_power * HIGH_ABOVE_LOW && low_power < high_power * LOW_ABOVE_HIGH;
    (share > LEAST_SHARE && balanced).then_some(KEYS[low][high])
}

/// The strongest tone of a group, if it stands out.
fn strongest(group: &[f32]) -> Option<(usize, f32)> {
    let (place, power) = group.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let stands_out = group.iter().enumerate().all(|(other, value)| other == place || value * ABOVE_NEIGHBOURS < power);
    stands_out.then_some((place, power))
}

/// Amplitudes of the low and the high tone: -16 and -14 dBFS, the high one stronger because lines weaken it more.
const LOW_AMPLITUDE: f64 = 5_193.0 * std::f64::consts::SQRT_2;
const HIGH_AMPLITUDE: f64 = LOW_AMPLITUDE * 1.26;

/// The tones of one key, then silence.
#[derive(Debug, Clone)]
pub struct DtmfSender {
    low: Oscillator,
    high: Oscillator,
    tone_left: usize,
    left: usize,
}

impl DtmfSender {
    /// A key of `0-9*#ABCD` (small letters too), with the lengths of tone and following silence in ms, each at most 10,000. Q.24 asks
    /// for at least 40 ms each. `None` for another character.
    #[must_use]
    pub fn new(key: char, tone_ms: u32, pause_ms: u32) -> Option<Self> {
        let key = u8::try_from(key.to_ascii_uppercase()).ok()?;
        let row = KEYS.iter().position(|row| row.contains(&key))?;
        let column = KEYS[row].iter().position(|known| *known == key)?;
        let samples = |ms: u32| (ms.min(10_000) * (SAMPLE_RATE / 1_000)) as usize;
        Some(Self {
            low: Oscillator::new(f64::from(LOW_HZ[row]), LOW_AMPLITUDE),
            high: Oscillator::new(f64::from(HIGH_HZ[column]), HIGH_AMPLITUDE),
            tone_left: samples(tone_ms),
            left: samples(tone_ms) + samples(pause_ms),
        })
    }

    /// Writes the next samples; gives how many of them belong to the key. The rest, behind its pause, is untouched.
    pub fn fill(&mut self, samples: &mut [i16]) -> usize {
        let count = samples.len().min(self.left);
        for sample in &mut samples[..count] {
            *sample = if self.tone_left > 0 { (self.low.next() + self.high.next()) as i16 } else { 0 };
            self.tone_left = self.tone_left.saturating_sub(1);
        }
        self.left -= count;
        count
    }
}

/// A sine by recursion: one multiplication for each sample.
#[derive(Debug, Clone)]
struct Oscillator {
    coefficient: f64,
    newer: f64,
    older: f64,
}

impl Oscillator {
    fn new(hz: f64, amplitude: f64) -> Self {
        let step = std::f64::consts::TAU * hz / f64::from(SAMPLE_RATE);
        Self { coefficient: 2.0 * step.cos(), newer: 0.0, older: -amplitude * step.sin() }
    }

    fn next(&mut self) -> f64 {
        let value = self.newer;
        self.newer = self.coefficient * self.newer - self.older;
        self.older = value;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "1234567890*#ABCD1199";

    fn sent(keys: &str, tone_ms: u32, pause_ms: u32) -> Vec<i16> {
        let mut samples = Vec::new();
        for key in keys.chars() {
            let mut sender = DtmfSender::new(key, tone_ms, pause_ms).expect("a key");
            let mut frame = [0; 160];
            loop {
                let count = sender.fill(&mut frame);
                samples.extend_from_slice(&frame[..count]);
                if count < frame.len() {
                    break;
                }
            }
        }
        samples
    }

    fn heard(samples: &[i16]) -> String {
        let mut detector = DtmfDetector::default();
        samples.chunks(160).filter_map(|frame| detector.hear(frame)).collect()
    }

    /// Two tones with their levels in dBFS, at a place within the blocks, with silence around.
    fn tones(low: (f64, f64), high: (f64, f64), samples: usize, offset: usize) -> Vec<i16> {
        let mut signal = vec![0; offset];
        let wave = |(hz, dbfs): (f64, f64), n: usize| {
            32_768.0 * 10_f64.powf(dbfs / 20.0) * std::f64::consts::SQRT_2 * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin()
        };
        signal.extend((0..samples).map(|n| (wave(low, n) + wave(high, n)) as i16));
        signal.extend([0; 800]);
        signal
    }

    #[test]
    fn every_key_that_we_send_is_heard_once_also_through_g711() {
        for (tone_ms, pause_ms) in [(40, 40), (60, 50), (100, 100), (800, 60)] {
            let mut samples = sent(ALL, tone_ms, pause_ms);
            assert_eq!(heard(&samples), ALL, "{tone_ms} ms");
            samples.iter_mut().for_each(|sample| *sample = crate::g711::ulaw_to_linear(crate::g711::linear_to_ulaw(*sample)));
            assert_eq!(heard(&samples), ALL, "{tone_ms} ms in µ-law");
        }
        assert!(DtmfSender::new('x', 50, 50).is_none() && DtmfSender::new('é', 50, 50).is_none());
    }

    #[test]
    fn generated_tones_have_their_levels() {
        let samples = sent("5", 200, 0);
        let expected = 10.0 * (10_f64.powf(-1.6) + 10_f64.powf(-1.4)).log10();
        assert!((f64::from(crate::level::rms_dbfs(&samples)) - expected).abs() < 0.3, "{}", crate::level::rms_dbfs(&samples));
    }

    #[test]
    fn keys_are_heard_at_the_limits_of_level_balance_frequency_and_length_wherever_they_begin() {
        for offset in 0..BLOCK {
            let found = |low, high| heard(&tones(low, high, 320, offset));
            assert_eq!(found((770.0, -10.0), (1_336.0, -10.0)), "5", "at {offset}");
            assert_eq!(found((770.0, -33.0), (1_336.0, -33.0)), "5", "quiet, at {offset}");
            assert_eq!(found((770.0, -14.0), (1_336.0, -10.0)), "5", "high above low, at {offset}");
            assert_eq!(found((770.0, -10.0), (1_336.0, -18.0)), "5", "low above high, at {offset}");
            assert_eq!(found((770.0 * 1.015, -10.0), (1_336.0 * 0.985, -10.0)), "5", "off frequency, at {offset}");
        }
    }

    #[test]
    fn what_is_too_short_too_quiet_unbalanced_or_not_alone_is_no_key() {
        for offset in 0..BLOCK {
            assert_eq!(heard(&tones((770.0, -10.0), (1_336.0, -10.0), 150, offset)), "", "at {offset}");
        }
        let found = |low, high| heard(&tones(low, high, 800, 0));
        assert_eq!(found((770.0, -45.0), (1_336.0, -45.0)), "");
        assert_eq!(found((770.0, -20.0), (1_336.0, -10.0)), "");
        assert_eq!(found((770.0, -10.0), (1_336.0, -22.0)), "");
        assert_eq!(found((770.0, -10.0), (440.0, -10.0)), "");
        let mut crowded = tones((770.0, -10.0), (1_336.0, -10.0), 800, 0);
        let third = tones((2_500.0, -9.0), (2_500.0, -90.0), 800, 0);
        crowded.iter_mut().zip(third).for_each(|(sample, other)| *sample = sample.saturating_add(other));
        assert_eq!(heard(&crowded), "");
    }

    #[test]
    fn a_crackle_within_a_key_does_not_make_two_of_it() {
        let mut samples = sent("7", 300, 40);
        samples[1_000..1_060].fill(0);
        assert_eq!(heard(&samples), "7");
    }

    #[test]
    fn speech_noise_and_music_tones_are_no_keys() {
        for name in ["citizen", "agent"] {
            let path = format!("{}/../../assets/prompts/{name}.zh.wav", env!("CARGO_MANIFEST_DIR"));
            let speech: Vec<i16> =
                hound::WavReader::open(path).expect("a committed file").samples().map(|sample| sample.expect("16 bits")).collect();
            assert_eq!(heard(&speech), "");
        }
        let mut random = fastrand::Rng::with_seed(13);
        let noise: Vec<i16> = (0..800_000).map(|_| random.i16(..)).collect();
        assert_eq!(heard(&noise), "");
        let sweep: Vec<i16> = (0..80_000).map(|n| (12_000.0 * (f64::from(n).powi(2) * 1e-5).sin()) as i16).collect();
        assert_eq!(heard(&sweep), "");
    }

    #[test]
    fn the_sounding_key_is_known_until_it_is_released() {
        let mut detector = DtmfDetector::default();
        let samples = sent("3", 100, 100);
        let sounding: Vec<Option<char>> = samples
            .chunks(160)
            .map(|frame| {
                detector.hear(frame);
                detector.sounding()
            })
            .collect();
        assert_eq!(sounding[1..5], [Some('3'); 4]);
        assert_eq!(sounding[7..], [None; 3]);
    }
}

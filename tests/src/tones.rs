//! Tones by which a test tells voices apart: each leg says one of its own, and who heard which tone when is looked up in what everybody
//! heard. Music and speech are none of them.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

/// Blocks of 50 ms in which a tone is looked for.
const BLOCK: usize = 400;
/// How long a block is, in ms.
const BLOCK_MS: u64 = 50;
/// Shorter than this is a change-over, in ms.
const LEAST_MS: u64 = 150;
/// A pause in which nobody is heard counts from here on, in ms: a jitter buffer on a busy machine makes shorter ones.
const PAUSE_MS: u64 = 500;
/// A tone counts from this amplitude on; they are played with 6,000.
const AUDIBLE: f64 = 900.0;

/// The citizen's, in Hz; none of these is a multiple of another.
pub const CITIZEN: f64 = 440.0;
/// The agent's.
pub const AGENT: f64 = 730.0;
/// A colleague's.
pub const COLLEAGUE: f64 = 1_030.0;
/// An expert's outside.
pub const EXPERT: f64 = 1_370.0;
/// A supervisor's.
pub const SUPERVISOR: f64 = 1_730.0;
/// A stranger's, who must never be heard.
pub const STRANGER: f64 = 2_110.0;
/// All of them.
pub const ALL: [f64; 6] = [CITIZEN, AGENT, COLLEAGUE, EXPERT, SUPERVISOR, STRANGER];

/// A second of a tone, to be played round and round.
#[must_use]
pub fn tone(hertz: f64) -> Vec<i16> {
    // A whole number of periods in a second, so that the loop has no click.
    (0..8_000).map(|sample| (6_000.0 * (TAU * hertz * f64::from(sample) / 8_000.0).sin()) as i16).collect()
}

/// A WAV file of that tone: PCM16, 8 kHz, mono, 60 s.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn wav(folder: &Path, name: &str, hertz: f64) -> PathBuf {
    write(folder, name, tone(hertz).into_iter().cycle().take(8_000 * 60))
}

fn write(folder: &Path, name: &str, samples: impl Iterator<Item = i16>) -> PathBuf {
    let path = folder.join(format!("{name}.wav"));
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for sample in samples {
        writer.write_sample(sample).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    writer.finalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

/// The two tones of each key (ITU-T Q.23): rows by columns.
const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// A WAV file in which these keys are pressed after two seconds of silence, 100 ms each with as long a pause, and then silence for a minute.
///
/// # Panics
/// If it cannot be written, or something is no key.
#[must_use]
pub fn keys_wav(folder: &Path, name: &str, keys: &str) -> PathBuf {
    let mut samples = vec![0; 16_000];
    for key in keys.chars() {
        let at = |row: &&str| row.find(key);
        let (row, column) = KEYS.iter().enumerate().find_map(|(row, keys)| Some((row, at(keys)?))).expect("a key");
        let wave = |hertz: f64, at: i32| 6_000.0 * (TAU * hertz * f64::from(at) / 8_000.0).sin();
        samples.extend((0..800).map(|at| (wave(ROWS[row], at) + wave(COLUMNS[column], at)) as i16));
        samples.extend([0; 800]);
    }
    samples.resize(8_000 * 60, 0);
    write(folder, name, samples.into_iter())
}

/// The keys that are heard as tones, in order.
#[must_use]
pub fn keys_heard(samples: &[i16]) -> String {
    let strongest = |block: &[i16], tones: [f64; 4]| {
        let strengths = tones.map(|hertz| strength(block, hertz));
        let best = (0..4).max_by(|a, b| strengths[*a].total_cmp(&strengths[*b])).unwrap_or(0);
        let others: f64 = (0..4).filter(|place| *place != best).map(|place| strengths[place]).fold(0.0, f64::max);
        (strengths[best] > AUDIBLE && strengths[best] > 3.0 * others).then_some(best)
    };
    // Of a key's length most blocks of 20 ms lie within it; two in a row are no accident of speech.
    let of_block = |block: &[i16]| KEYS[strongest(block, ROWS)?].chars().nth(strongest(block, COLUMNS)?);
    let blocks: Vec<Option<char>> = samples.chunks_exact(160).map(of_block).collect();
    let mut heard = String::new();
    for (place, block) in blocks.iter().enumerate().skip(2) {
        let begins = blocks[place - 1] == *block && blocks[place - 2] != *block;
        heard.extend(block.filter(|_| begins));
    }
    heard
}

/// How strong a tone is in a block, as an amplitude (Goertzel).
fn strength(block: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in block.iter().enumerate() {
        let phase = TAU * hertz * at as f64 / 8_000.0;
        real += f64::from(*sample) * phase.cos();
        imaginary += f64::from(*sample) * phase.sin();
    }
    2.0 * real.hypot(imaginary) / block.len() as f64
}

/// Which tones are heard, block by block; the same ones in a row count once, with how long, in ms. What is very short is left out.
#[must_use]
pub fn heard(samples: &[i16]) -> Vec<(Vec<f64>, u64)> {
    let mut runs: Vec<(Vec<f64>, u64)> = Vec::new();
    for block in samples.chunks_exact(BLOCK) {
        let tones: Vec<f64> = ALL.into_iter().filter(|hertz| strength(block, *hertz) > AUDIBLE).collect();
        match runs.last_mut() {
            Some((last, length)) if *last == tones => *length += BLOCK_MS,
            Some(_) | None => runs.push((tones, BLOCK_MS)),
        }
    }
    runs.retain(|(_, length)| *length >= LEAST_MS);
    runs
}

/// The tones in order, without silences and music.
#[must_use]
pub fn story(samples: &[i16]) -> Vec<Vec<f64>> {
    let mut story: Vec<Vec<f64>> = heard(samples).into_iter().map(|(tones, _)| tones).filter(|tones| !tones.is_empty()).collect();
    story.dedup();
    story
}

/// The tones in order, with the long pauses between them, in which nobody is heard, as nothing.
#[must_use]
pub fn story_with_pauses(samples: &[i16]) -> Vec<Vec<f64>> {
    let runs = heard(samples).into_iter().filter(|(tones, length)| !tones.is_empty() || *length >= PAUSE_MS);
    let mut story: Vec<Vec<f64>> = runs.map(|(tones, _)| tones).collect();
    story.dedup();
    story
}

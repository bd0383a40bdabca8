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
    let path = folder.join(format!("{name}.wav"));
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for sample in tone(hertz).iter().cycle().take(8_000 * 60) {
        writer.write_sample(*sample).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    writer.finalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
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

//! Tones by which it is known who hears whom: each voice is a tone of its own, looked for in what somebody heard.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

/// A citizen's tone in Hz; none of them is a multiple of another.
pub const CITIZEN: f64 = 440.0;
/// An agent's.
pub const AGENT: f64 = 730.0;
/// A colleague's.
pub const COLLEAGUE: f64 = 1_030.0;
/// Somebody's outside.
pub const EXPERT: f64 = 1_370.0;
/// All of them.
const ALL: [f64; 4] = [CITIZEN, AGENT, COLLEAGUE, EXPERT];
/// Blocks of 50 ms in which a tone is looked for.
const BLOCK: usize = 400;

/// One second of a tone, to be looped: 8 kHz, mono.
#[must_use]
pub fn tone(hertz: f64) -> Vec<i16> {
    // A whole number of periods in a second, so that the loop has no click.
    (0..8_000).map(|sample| (6_000.0 * (TAU * hertz * f64::from(sample) / 8_000.0).sin()) as i16).collect()
}

/// A WAV file of that tone: PCM16, 8 kHz, mono, 60 s.
///
/// # Panics
/// If the folder cannot be written.
#[must_use]
pub fn wav(folder: &Path, name: &str, hertz: f64) -> PathBuf {
    let samples: Vec<u8> = tone(hertz).iter().cycle().take(8_000 * 60).flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(samples.len()).expect("a minute fits");
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    let path = folder.join(format!("{name}.wav"));
    std::fs::write(&path, file).expect("the site's folder can be written");
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

/// Which tones are heard, block by block; the same ones in a row count once, with how long, in ms. Shorter than 150 ms is a change-over.
#[must_use]
pub fn heard(samples: &[i16]) -> Vec<(Vec<f64>, u64)> {
    let mut runs: Vec<(Vec<f64>, u64)> = Vec::new();
    for block in samples.chunks_exact(BLOCK) {
        let tones: Vec<f64> = ALL.into_iter().filter(|hertz| strength(block, *hertz) > 900.0).collect();
        match runs.last_mut() {
            Some((last, length)) if *last == tones => *length += 50,
            Some(_) | None => runs.push((tones, 50)),
        }
    }
    runs.retain(|(_, length)| *length >= 150);
    runs.dedup_by(|next, before| next.0 == before.0);
    runs
}

/// The tones in order, without silences and music.
#[must_use]
pub fn story(samples: &[i16]) -> Vec<Vec<f64>> {
    let mut story: Vec<Vec<f64>> = heard(samples).into_iter().map(|(tones, _)| tones).filter(|tones| !tones.is_empty()).collect();
    story.dedup();
    story
}

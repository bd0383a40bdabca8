//! How loud each side of an exported recording is.

use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Levels of one recording.
pub(crate) struct Voices {
    /// Channels in the file.
    pub(crate) channels: u16,
    /// Citizen, left, dBFS.
    pub(crate) caller_level_db: f64,
    /// Agent, right, dBFS.
    pub(crate) agent_level_db: f64,
}

/// What counts as a voice: digital silence in A-law is below -60 dBFS, quiet speech above -40.
pub(crate) const VOICE_THRESHOLD_DB: f64 = -45.0;

/// Samples in one 20 ms frame at 8 kHz.
const FRAME: usize = 160;

/// Reads a stereo WAV and measures each side over its louder half of 20 ms frames, so that pauses do not count.
pub(crate) fn measure(path: &Path) -> Result<Voices> {
    let mut reader = hound::WavReader::open(path).with_context(|| format!("{} is no WAV file", path.display()))?;
    let channels = reader.spec().channels;
    ensure!(channels == 2, "the recording has {channels} channels instead of 2");
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>().context("the WAV file is cut")?;
    let side = |channel: usize| level_db(&samples.iter().skip(channel).step_by(2).map(|sample| f64::from(*sample)).collect::<Vec<_>>());
    Ok(Voices { channels, caller_level_db: side(0), agent_level_db: side(1) })
}

fn level_db(samples: &[f64]) -> f64 {
    let mut powers: Vec<f64> =
        samples.chunks(FRAME).map(|frame| frame.iter().map(|sample| sample * sample).sum::<f64>() / frame.len() as f64).collect();
    powers.sort_by(|a, b| b.total_cmp(a));
    powers.truncate(powers.len().div_ceil(2));
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    let level = 10.0 * (mean / (32_768.0 * 32_768.0)).max(1e-10).log10();
    (level * 10.0).round() / 10.0
}

//! Speech files: 8 kHz, mono, PCM16 WAV and nothing else.

use crate::plan::CitizenError;
use std::path::Path;

const SPEC: hound::WavSpec =
    hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };

/// Reads a speech file.
///
/// # Errors
/// [`CitizenError::Speech`] when it cannot be read or has another format.
pub fn read(path: &Path) -> Result<Vec<i16>, CitizenError> {
    let fault = |reason: String| CitizenError::Speech { path: path.to_owned(), reason };
    let reader = hound::WavReader::open(path).map_err(|error| fault(error.to_string()))?;
    let spec = reader.spec();
    if spec != SPEC {
        let found = format!("{} channel(s), {} Hz, {} bit", spec.channels, spec.sample_rate, spec.bits_per_sample);
        return Err(fault(format!("it has {found}; wanted is 1 channel, 8000 Hz, 16 bit")));
    }
    reader.into_samples().collect::<Result<_, _>>().map_err(|error| fault(error.to_string()))
}

/// Writes what was heard.
///
/// # Errors
/// [`CitizenError::Record`].
pub fn write(path: &Path, samples: &[i16]) -> Result<(), CitizenError> {
    let write = || {
        let mut writer = hound::WavWriter::create(path, SPEC)?;
        for &sample in samples {
            writer.write_sample(sample)?;
        }
        writer.finalize()
    };
    write().map_err(|error| CitizenError::Record { path: path.to_owned(), reason: error.to_string() })
}

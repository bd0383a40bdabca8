//! How loud a piece of linear audio is, in dB below full scale. Not a loudness by ear (ITU-T BS.1770): for meters, tests and alarms.

/// What digital silence measures.
pub const SILENCE_DBFS: f32 = -96.0;

/// Root mean square in dBFS: 0 is a square wave of full scale, about -3 a sine; [`SILENCE_DBFS`] for nothing at all.
#[must_use]
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBFS;
    }
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    decibels((energy / samples.len() as f64).sqrt())
}

/// Largest sample in dBFS; [`SILENCE_DBFS`] for nothing at all.
#[must_use]
pub fn peak_dbfs(samples: &[i16]) -> f32 {
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    decibels(f64::from(peak))
}

fn decibels(amplitude: f64) -> f32 {
    ((20.0 * (amplitude / 32_768.0).log10()) as f32).max(SILENCE_DBFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signals_have_known_levels() {
        let sine: Vec<i16> = (0..8_000).map(|n| (16_384.0 * (f64::from(n) * 0.785).sin()) as i16).collect();
        assert!((rms_dbfs(&sine) + 9.03).abs() < 0.05, "{}", rms_dbfs(&sine));
        assert!((peak_dbfs(&sine) + 6.02).abs() < 0.05, "{}", peak_dbfs(&sine));
        assert!(rms_dbfs(&[i16::MIN; 100]).abs() < 0.001);
    }

    #[test]
    fn silence_and_nothing_have_the_lowest_level() {
        for quiet in [&[][..], &[0; 160][..]] {
            assert_eq!((rms_dbfs(quiet), peak_dbfs(quiet)), (SILENCE_DBFS, SILENCE_DBFS));
        }
    }
}

//! The bell: two soft tones, one second on, four off, in the rhythm of a Chinese telephone (GF 002-9002.2: 450 Hz).

use super::sound::Frame;
use std::f32::consts::TAU;
use voice::SAMPLE_RATE;

/// The tone of the network, and a fifth above it, with their amplitudes.
const PARTIALS: [(f32, f32); 2] = [(450.0, 4_500.0), (675.0, 2_500.0)];
const ON_SAMPLES: u32 = SAMPLE_RATE;
const PERIOD_SAMPLES: u32 = 5 * SAMPLE_RATE;
/// Each second of tone swells and fades over 50 ms.
const EDGE_SAMPLES: u32 = SAMPLE_RATE / 20;

/// The place within the rhythm.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    place: u32,
}

impl Bell {
    /// Adds the next 20 ms of ringing to a frame.
    pub(crate) fn mix(&mut self, frame: &mut Frame) {
        for sample in frame.iter_mut() {
            *sample = sample.saturating_add(amplitude(self.place));
            self.place = (self.place + 1) % PERIOD_SAMPLES;
        }
    }
}

fn amplitude(place: u32) -> i16 {
    if place >= ON_SAMPLES {
        return 0;
    }
    let edge = place.min(ON_SAMPLES - place).min(EDGE_SAMPLES) as f32 / EDGE_SAMPLES as f32;
    let seconds = place as f32 / SAMPLE_RATE as f32;
    (edge * PARTIALS.iter().map(|(hertz, loud)| loud * (TAU * hertz * seconds).sin()).sum::<f32>()) as i16
}

#[cfg(test)]
mod tests {
    use super::Bell;
    use crate::audio::sound::SILENCE;

    #[test]
    fn the_bell_sounds_for_one_second_of_five() {
        let mut bell = Bell::default();
        let loud: Vec<bool> = (0..500)
            .map(|_| {
                let mut frame = SILENCE;
                bell.mix(&mut frame);
                frame.iter().any(|sample| sample.unsigned_abs() > 500)
            })
            .collect();
        assert!(loud[..50].iter().all(|loud| *loud) && loud[250..300].iter().all(|loud| *loud));
        assert!(!loud[50..250].iter().any(|loud| *loud));
    }
}

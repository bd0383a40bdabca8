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

/// One short sound for a change that the agent did not ask for: two falling tones within 300 ms, softer than the bell.
#[derive(Debug, Default)]
pub(crate) struct Alert {
    place: u32,
}

/// Hertz of the first and the second half.
const ALERT_TONES: [f32; 2] = [880.0, 660.0];
const ALERT_SAMPLES: u32 = 3 * SAMPLE_RATE / 10;
const ALERT_AMPLITUDE: f32 = 3_500.0;

impl Alert {
    /// Adds the next 20 ms to a frame; false once it is over.
    pub(crate) fn mix(&mut self, frame: &mut Frame) -> bool {
        for sample in frame.iter_mut().take(ALERT_SAMPLES.saturating_sub(self.place) as usize) {
            let half = usize::from(self.place * 2 >= ALERT_SAMPLES);
            let edge = self.place.min(ALERT_SAMPLES - self.place).min(EDGE_SAMPLES) as f32 / EDGE_SAMPLES as f32;
            let seconds = self.place as f32 / SAMPLE_RATE as f32;
            *sample = sample.saturating_add((edge * ALERT_AMPLITUDE * (TAU * ALERT_TONES[half] * seconds).sin()) as i16);
            self.place += 1;
        }
        self.place < ALERT_SAMPLES
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
    use super::{Alert, Bell};
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

    #[test]
    fn an_alert_sounds_once_for_a_third_of_a_second() {
        let mut alert = Alert::default();
        let (mut frames, mut loud, mut goes_on) = (0, 0, true);
        while goes_on {
            let mut frame = SILENCE;
            goes_on = alert.mix(&mut frame);
            frames += 1;
            loud += usize::from(frame.iter().any(|sample| sample.unsigned_abs() > 500));
        }
        assert_eq!((frames, loud), (15, 15));
    }
}

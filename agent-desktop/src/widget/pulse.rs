//! The ring's pulse: circles that widen and fade while a call rings.
//!
//! Shapes only, no text: the software renderer's damage tracking leaves ghosts of moved canvas text.

use crate::theme::{Palette, Tone};
use iced::widget::canvas::{self, Canvas, Frame, Geometry, Path};
use iced::{Color, Rectangle, Renderer, Theme, mouse};

/// One widening of a circle, in ms.
const PERIOD_MS: u64 = 1_600;
/// How often it is redrawn while it is seen, in ms.
pub(crate) const PULSE_STEP_MS: u64 = 66;
/// Circles at once.
const CIRCLES: u64 = 2;

struct Pulse {
    color: Color,
    ground: Color,
    phase_ms: u64,
}

/// A square of `side` pixels; `at_ms` is any clock in ms.
pub(crate) fn pulse<'a, M: 'a>(palette: Palette, tone: Tone, side: f32, at_ms: u64) -> Canvas<impl canvas::Program<M>, M> {
    let pulse = Pulse { color: palette.color(tone), ground: palette.surface, phase_ms: at_ms % PERIOD_MS };
    Canvas::new(pulse).width(side).height(side)
}

/// Share of its way that a circle has gone, from 0 to 1.
fn progress(phase_ms: u64, circle: u64) -> f32 {
    let at = (phase_ms + circle * PERIOD_MS / CIRCLES) % PERIOD_MS;
    f32::from(u16::try_from(at).unwrap_or(0)) / f32::from(u16::try_from(PERIOD_MS).unwrap_or(1))
}

impl<M> canvas::Program<M> for Pulse {
    type State = ();

    fn draw(&self, (): &(), renderer: &Renderer, _: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let mut frame = Frame::new(renderer, bounds.size());
        frame.fill_rectangle(iced::Point::ORIGIN, bounds.size(), self.ground);
        let widest = bounds.width.min(bounds.height) / 2.0;
        for circle in 0..CIRCLES {
            let progress = progress(self.phase_ms, circle);
            let radius = widest * (0.5 + 0.5 * progress);
            let color = Color { a: 0.35 * (1.0 - progress), ..self.color };
            frame.fill(&Path::circle(frame.center(), radius), color);
        }
        frame.fill(&Path::circle(frame.center(), widest * 0.5), self.color);
        vec![frame.into_geometry()]
    }
}

#[cfg(test)]
mod tests {
    use super::{PERIOD_MS, progress};

    #[test]
    fn each_circle_goes_its_way_once_in_a_period_and_they_are_half_a_period_apart() {
        assert!(progress(0, 0).abs() < f32::EPSILON);
        assert!((progress(0, 1) - 0.5).abs() < f32::EPSILON);
        assert!((progress(PERIOD_MS / 2, 0) - 0.5).abs() < f32::EPSILON);
        assert!(progress(PERIOD_MS - 1, 0) > 0.99);
    }
}

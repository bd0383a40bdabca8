//! When somebody used a key or the mouse last. It is noted without a message, because a message draws every window anew and there would be
//! one for each key.

use super::Message;
use desktop_core::Millis;
use iced::advanced::subscription::{Event, EventStream, Hasher, Recipe, from_recipe};
use iced::futures::stream::BoxStream;
use iced::futures::{StreamExt, future};
use iced::{Subscription, keyboard, mouse};
use std::any::TypeId;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The moment, shared with whoever listens.
#[derive(Debug, Clone, Default)]
pub(super) struct Stirs(Arc<AtomicU64>);

impl Stirs {
    /// On the session's clock; 0 is never.
    pub(super) fn last(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }

    /// Somebody stirs.
    pub(super) fn note(&self, now: Millis) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// Listens to all windows, by this clock.
    pub(super) fn listen(&self, clock: impl Fn() -> Millis + Send + 'static) -> Subscription<Message> {
        from_recipe(Listener { stirs: self.clone(), clock })
    }
}

struct Listener<C> {
    stirs: Stirs,
    clock: C,
}

impl<C: Fn() -> Millis + Send + 'static> Recipe for Listener<C> {
    type Output = Message;

    fn hash(&self, state: &mut Hasher) {
        TypeId::of::<Self>().hash(state);
    }

    fn stream(self: Box<Self>, events: EventStream) -> BoxStream<'static, Message> {
        let noted = events.filter_map(move |event| {
            if let Event::Interaction { event, .. } = event
                && stirs(&event)
            {
                self.stirs.note((self.clock)());
            }
            future::ready(None)
        });
        noted.boxed()
    }
}

/// A key, a button or the wheel; a mouse that is only moved may have been pushed.
fn stirs(event: &iced::Event) -> bool {
    match event {
        iced::Event::Keyboard(event) => matches!(event, keyboard::Event::KeyPressed { .. }),
        iced::Event::Mouse(event) => matches!(event, mouse::Event::ButtonPressed(_) | mouse::Event::WheelScrolled { .. }),
        iced::Event::Touch(_) => true,
        iced::Event::Window(_) | iced::Event::InputMethod(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced::futures::{executor::block_on, stream};
    use iced::{Point, window};

    fn heard(event: iced::Event) -> Millis {
        let stirs = Stirs::default();
        let listener = Box::new(Listener { stirs: stirs.clone(), clock: || 42 });
        let event = Event::Interaction { window: window::Id::unique(), event, status: iced::event::Status::Ignored };
        let told = block_on(listener.stream(stream::iter([event]).boxed()).count());
        assert_eq!(told, 0, "no message, whatever it was");
        stirs.last()
    }

    #[test]
    fn a_key_or_a_button_is_noted_and_a_mouse_that_is_pushed_is_not() {
        let key = super::super::tests::pressed(keyboard::Key::Named(keyboard::key::Named::F2), keyboard::Modifiers::empty(), false);
        assert_eq!(heard(iced::Event::Keyboard(key)), 42);
        assert_eq!(heard(iced::Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))), 42);
        assert_eq!(heard(iced::Event::Mouse(mouse::Event::CursorMoved { position: Point::ORIGIN })), 0);
        assert_eq!(heard(iced::Event::Window(window::Event::Focused)), 0);
    }
}

//! The app beyond its main window: the small window of a call that rings, tray, notification, and keys from other programs.

use super::{App, Message};
use crate::platform::{CallSign, Platform, Press, SharedKey, Sign};
use crate::screens::agent;
use desktop_core::Wish;
use iced::keyboard::{Key, key::Named};
use iced::{Element, Point, Size, Task, window};

/// Size of the small window in logical pixels.
pub(super) const POP_SIZE: Size = Size::new(420.0, 304.0);
/// Its distance from the screen's corner.
const POP_MARGIN: f32 = 24.0;

/// What the app knows of it.
pub(super) struct State {
    pub(super) platform: Platform,
    /// The small window of a call that rings.
    pub(super) pop: Option<window::Id>,
    /// The main window has the keyboard.
    focused: bool,
    /// The main window is in the tray alone.
    pub(super) hidden: bool,
    /// There is a tray.
    tray: bool,
}

impl State {
    /// Nothing is open yet.
    pub(super) fn new(platform: Platform) -> Self {
        Self { platform, pop: None, focused: false, hidden: false, tray: false }
    }
}

/// What is pressed outside, as messages.
pub(super) fn presses(platform: &mut Platform) -> Task<Message> {
    let Some(receiver) = platform.presses() else { return Task::none() };
    let stream = iced::futures::stream::unfold(receiver, |mut receiver| async move {
        let press = receiver.recv().await?;
        Some((press, receiver))
    });
    Task::run(stream, Message::Pressed)
}

/// Which window has the keyboard.
pub(super) fn focus(event: iced::Event, _: iced::event::Status, id: window::Id) -> Option<Message> {
    match event {
        iced::Event::Window(window::Event::Focused) => Some(Message::Focused(id, true)),
        iced::Event::Window(window::Event::Unfocused) => Some(Message::Focused(id, false)),
        iced::Event::Window(_) | iced::Event::Keyboard(_) | iced::Event::Mouse(_) | iced::Event::Touch(_) | iced::Event::InputMethod(_) => {
            None
        }
    }
}

impl App {
    /// What stands in this window.
    pub(super) fn view_of(&self, id: window::Id) -> Element<'_, Message> {
        if self.outside.pop == Some(id) { self.agent.pop(self.scene()).map(Message::Agent) } else { self.view() }
    }

    pub(super) fn resized(&mut self, id: window::Id, size: Size) {
        if self.outside.pop != Some(id) {
            (self.width, self.height) = (size.width, size.height);
        }
    }

    /// A ring before the agent's eyes needs no second window.
    pub(super) fn focused(&mut self, id: window::Id, focused: bool) -> Task<Message> {
        if self.outside.pop == Some(id) {
            return Task::none();
        }
        self.outside.focused = focused;
        self.show_sign();
        match focused {
            true => self.close_pop(),
            // Whoever turns away while it rings is told of it where they turn to.
            false if self.ringing && !self.settings.ring_in_main => self.open_pop(),
            false => Task::none(),
        }
    }

    /// Closed is not signed out: with a tray the window hides there, without one it asks first.
    pub(super) fn closing(&mut self, id: window::Id) -> Task<Message> {
        if self.outside.pop == Some(id) {
            return self.close_pop();
        }
        let works = self.view.me.is_some() && !self.engine_stopped && !self.view.shows_lock() && !self.view.must_change_password();
        if !works {
            return iced::exit();
        }
        if self.outside.tray {
            self.outside.hidden = true;
            self.outside.focused = false;
            return window::set_mode(id, window::Mode::Hidden);
        }
        self.update(Message::Agent(agent::Message::AskSignOut))
    }

    pub(super) fn closed(&mut self, id: window::Id) -> Task<Message> {
        if self.outside.pop == Some(id) {
            self.outside.pop = None;
            return Task::none();
        }
        if self.window == Some(id) { iced::exit() } else { Task::none() }
    }

    /// Brings a ring before the agent's eyes, and the desk once it is answered.
    pub(super) fn attract(&mut self, rang: bool, rings: bool) -> Task<Message> {
        let Some(id) = self.window else { return Task::none() };
        match (rang, rings) {
            (false, true) if self.outside.focused => Task::none(),
            (false, true) if self.settings.ring_in_main => self.raise(),
            (false, true) => Task::batch([window::request_user_attention(id, Some(window::UserAttention::Critical)), self.open_pop()]),
            (true, false) => {
                let popped = self.close_pop();
                let calm = window::request_user_attention(id, None);
                let answered = self.view.desk.as_ref().is_some_and(|desk| desk.call.is_some());
                let desk = if answered && !self.outside.focused { self.raise() } else { Task::none() };
                Task::batch([popped, calm, desk])
            }
            (true, true) | (false, false) => Task::none(),
        }
    }

    /// The main window to the front; a window manager may refuse the focus, but not the sign in the task bar.
    pub(super) fn raise(&mut self) -> Task<Message> {
        let Some(id) = self.window else { return Task::none() };
        let shown = if std::mem::take(&mut self.outside.hidden) { window::set_mode(id, window::Mode::Windowed) } else { Task::none() };
        let sign = window::request_user_attention(id, Some(window::UserAttention::Critical));
        Task::batch([shown, window::minimize(id, false), sign, window::gain_focus(id)])
    }

    fn open_pop(&mut self) -> Task<Message> {
        if self.outside.pop.is_some() {
            return Task::none();
        }
        let corner = |window: Size, screen: Size| Point::new((screen.width - window.width - POP_MARGIN).max(0.0), POP_MARGIN);
        let settings = window::Settings {
            size: POP_SIZE,
            position: window::Position::SpecificWith(corner),
            resizable: false,
            decorations: false,
            exit_on_close_request: false,
            platform_specific: super::platform_settings(),
            ..Default::default()
        };
        let (id, open) = window::open(settings);
        self.outside.pop = Some(id);
        open.map(Message::PopOpened)
    }

    fn close_pop(&mut self) -> Task<Message> {
        self.outside.pop.take().map_or_else(Task::none, window::close)
    }

    /// Something outside of the windows was used.
    pub(super) fn pressed(&mut self, press: Press) -> Task<Message> {
        match press {
            Press::Tray(there) => {
                self.outside.tray = there;
                // A window that is nowhere else must come back.
                if !there && self.outside.hidden { self.raise() } else { Task::none() }
            }
            Press::Open => self.raise(),
            Press::Answer => {
                if self.view.can_answer() {
                    self.backend.wish(Wish::Answer);
                }
                Task::none()
            }
            Press::Key(key) => self.shared_key(key),
        }
    }

    /// It means what the same key means in the window; what it opens must be seen.
    fn shared_key(&mut self, key: SharedKey) -> Task<Message> {
        let (named, shift) = match key {
            SharedKey::F2 => (Named::F2, false),
            SharedKey::F3 => (Named::F3, false),
            SharedKey::F4 => (Named::F4, false),
            SharedKey::F5 => (Named::F5, false),
            SharedKey::F6 => (Named::F6, false),
            SharedKey::F7 => (Named::F7, false),
            SharedKey::F8 => (Named::F8, false),
            SharedKey::F9 => (Named::F8, true),
        };
        let Some(message) = self.shortcut(Key::Named(named), shift) else { return Task::none() };
        let act = self.update(message);
        if key.needs_window() { Task::batch([self.raise(), act]) } else { act }
    }

    /// Tray and notification follow the state.
    pub(super) fn show_sign(&self) {
        let (texts, state) = (self.language.texts(), self.view.state());
        let [red, green, blue, _] = self.mode.palette().color(agent::tone(state)).into_rgba8();
        let call = self.view.desk.as_ref().and_then(|desk| desk.offer.as_ref()).filter(|_| self.ringing && !self.outside.focused);
        self.outside.platform.show(Sign {
            product: texts.product.to_owned(),
            state: state.map_or(texts.outside.signed_out, |state| texts.state_word(state)).to_owned(),
            colour: [red, green, blue],
            open: texts.outside.open.to_owned(),
            answer: texts.call.answer.to_owned(),
            can_answer: self.view.can_answer(),
            call: call.map(|offer| {
                let (title, body) = self.agent.tells(self.scene(), &offer.call);
                CallSign { offer: offer.offer.0, title, body }
            }),
        });
    }
}

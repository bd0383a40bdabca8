//! The window: state, messages, and which screen is shown. It draws the session's view and passes wishes on; it decides nothing
//! about calls. The session runs behind [`Backend`], on a thread of its own.

use crate::client::{Client, Snapshot};
use crate::font;
use crate::i18n::Language;
use crate::screens::{Scene, agent, sign_in};
use crate::theme::{Mode, text_size};
use crate::widget::PULSE_STEP_MS;
use desktop_core::{LinkState, Millis, View, Wish};
use iced::keyboard::{self, Key, key::Named};
use iced::widget::operation;
use iced::{Element, Pixels, Size, Subscription, Task, Theme, futures::Stream, mouse, window};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The program's name towards the system.
const NAME: &str = "hotline-agent";
/// Size of a new window in logical pixels.
const FIRST_SIZE: Size = Size::new(1_280.0, 800.0);
/// Below this the desk has no room.
const LEAST_SIZE: Size = Size::new(1_000.0, 680.0);

/// Nobody sits here who has not touched key or mouse of this window for so long: calls are no longer accepted by themselves.
const ATTENTION_MS: Millis = 3 * 60_000;

/// The session behind the window.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Passes a wish on; returns at once.
    fn wish(&self, wish: Wish);
    /// The snapshot, now and after each change.
    fn snapshots(&self) -> watch::Receiver<Snapshot>;
    /// The monotonic clock by which the session counts, in ms.
    fn now_ms(&self) -> Millis;
}

impl Backend for Client {
    fn wish(&self, wish: Wish) {
        Client::wish(self, wish);
    }

    fn snapshots(&self) -> watch::Receiver<Snapshot> {
        Client::snapshots(self)
    }

    fn now_ms(&self) -> Millis {
        self.clock().now()
    }
}

/// How the window starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Written into the server's field.
    pub(crate) server: Option<String>,
    /// Written into the number's field.
    pub(crate) number: Option<String>,
    /// Language of the screens.
    pub(crate) language: Language,
    /// Light or dark.
    pub(crate) mode: Mode,
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// There is no display, or the window cannot be made.
pub(crate) fn run(options: Options, backend: Arc<dyn Backend>) -> iced::Result {
    let settings = iced::Settings {
        id: Some(NAME.to_owned()),
        fonts: font::FILES.map(std::borrow::Cow::Borrowed).to_vec(),
        default_font: font::REGULAR,
        default_text_size: Pixels(text_size::BODY),
        antialiasing: true,
        ..Default::default()
    };
    let platform_specific = platform_settings();
    let window = window::Settings { size: FIRST_SIZE, min_size: Some(LEAST_SIZE), platform_specific, ..Default::default() };
    iced::application(move || App::new(options.clone(), Arc::clone(&backend)), App::update, App::view)
        .title(App::title)
        .theme(App::theme)
        .subscription(App::subscription)
        .settings(settings)
        .window(window)
        .run()
}

/// The window's class under X11 is the desktop file's name, so that the panel knows it.
#[cfg(target_os = "linux")]
fn platform_settings() -> window::settings::PlatformSpecific {
    window::settings::PlatformSpecific { application_id: NAME.to_owned(), ..Default::default() }
}

#[cfg(not(target_os = "linux"))]
fn platform_settings() -> window::settings::PlatformSpecific {
    window::settings::PlatformSpecific::default()
}

/// All that the window knows.
pub(crate) struct App {
    backend: Arc<dyn Backend>,
    snapshots: Snapshots,
    view: View,
    ringing: bool,
    now_ms: Millis,
    utc_offset_minutes: i32,
    width: f32,
    mode: Mode,
    language: Language,
    sign_in: sign_in::State,
    agent: agent::State,
    window: Option<window::Id>,
    drawn: bool,
    engine_stopped: bool,
    /// When a key or the mouse was used last.
    stirred_ms: Millis,
    /// What the session was told last about somebody sitting here.
    attentive: bool,
    locked: bool,
}

/// One thing that happened to the window.
#[derive(Clone)]
pub(crate) enum Message {
    /// The session has something new to show.
    Shown(Box<Snapshot>),
    /// The session's thread is gone.
    EngineStopped,
    /// The clocks go on.
    Second,
    /// The ring's pulse goes on.
    Pulse,
    /// Somebody used a key or the mouse.
    Stirred,
    /// A key that no field took.
    Key(keyboard::Event),
    /// The window is there.
    Opened(window::Id),
    /// Its new size.
    Resized(Size),
    /// The first frame was drawn.
    Drawn,
    /// From the sign-in screen.
    SignIn(sign_in::Message),
    /// From the desk.
    Agent(agent::Message),
}

impl App {
    fn new(options: Options, backend: Arc<dyn Backend>) -> (Self, Task<Message>) {
        let snapshots = Snapshots(backend.snapshots());
        let Snapshot { view, ringing } = snapshots.0.borrow().clone();
        let app = Self {
            now_ms: backend.now_ms(),
            backend,
            snapshots,
            view,
            ringing,
            utc_offset_minutes: utc_offset_minutes(),
            width: FIRST_SIZE.width,
            mode: options.mode,
            language: options.language,
            sign_in: sign_in::State::new(options.server, options.number),
            agent: agent::State::default(),
            window: None,
            drawn: false,
            engine_stopped: false,
            stirred_ms: 0,
            attentive: false,
            locked: false,
        };
        (app, Task::none())
    }

    fn title(&self) -> String {
        self.language.texts().product.to_owned()
    }

    fn theme(&self) -> Theme {
        self.mode.palette().theme()
    }

    fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Shown(snapshot) => return self.shown(*snapshot),
            Message::EngineStopped => self.engine_stopped = true,
            Message::Second => self.second(),
            Message::Pulse => self.now_ms = self.backend.now_ms(),
            Message::Stirred => self.stirred(),
            Message::Key(event) => return self.key(&event),
            Message::Opened(id) => return self.opened(id),
            Message::Resized(size) => self.width = size.width,
            Message::Drawn => self.first_frame(),
            Message::SignIn(message) => {
                let action = self.sign_in.update(message);
                self.after_sign_in(action);
            }
            Message::Agent(message) => {
                self.desk(message);
                self.read_messages();
            }
        }
        Task::none()
    }

    fn after_sign_in(&mut self, action: sign_in::Action) {
        match action {
            sign_in::Action::None => {}
            sign_in::Action::Wish(wish) => self.backend.wish(wish),
            sign_in::Action::SwitchMode => self.mode = self.mode.other(),
            sign_in::Action::SwitchLanguage => self.language = self.language.other(),
        }
    }

    fn desk(&mut self, message: agent::Message) {
        match self.agent.update(message, &self.view) {
            agent::Action::None => {}
            agent::Action::Wish(wish) => self.backend.wish(wish),
            agent::Action::Wishes(wishes) => wishes.into_iter().for_each(|wish| self.backend.wish(wish)),
            agent::Action::SwitchMode => self.mode = self.mode.other(),
            agent::Action::SwitchLanguage => self.language = self.language.other(),
        }
    }

    /// What is before the agent's eyes is read.
    fn read_messages(&self) {
        if self.agent.shows_messages(&self.view) {
            self.backend.wish(Wish::ReadMessages);
        }
    }

    fn shown(&mut self, Snapshot { view, ringing }: Snapshot) -> Task<Message> {
        let rang = std::mem::replace(&mut self.ringing, ringing);
        let was_in = self.view.me.is_some();
        self.now_ms = self.backend.now_ms();
        self.view = view;
        self.sign_in.observe(&self.view);
        let was_locked = std::mem::replace(&mut self.locked, self.view.shows_lock());
        self.agent.observe(&self.view);
        self.read_messages();
        self.attend();
        if self.locked && !was_locked {
            return operation::focus(agent::lock::PASSWORD);
        }
        let attention = match (self.window, rang, ringing) {
            (Some(id), false, true) => raise(id),
            (Some(id), true, false) => window::request_user_attention(id, None),
            (Some(_), true, true) | (Some(_), false, false) | (None, _, _) => Task::none(),
        };
        if was_in && self.view.me.is_none() { Task::batch([attention, self.focus_first()]) } else { attention }
    }

    fn second(&mut self) {
        self.now_ms = self.backend.now_ms();
        self.utc_offset_minutes = utc_offset_minutes();
        self.attend();
    }

    fn stirred(&mut self) {
        self.now_ms = self.backend.now_ms();
        self.stirred_ms = self.now_ms;
        self.attend();
    }

    /// Vouches for somebody sitting here, or no longer (2.1, auto-answer): keys and mouse were used, and the headset works.
    fn attend(&mut self) {
        let stirs = self.stirred_ms > 0 && self.now_ms.saturating_sub(self.stirred_ms) < ATTENTION_MS;
        let attentive = self.view.me.is_some() && stirs && self.view.headset_works() && !self.view.shows_lock();
        if attentive != self.attentive {
            self.attentive = attentive;
            self.backend.wish(Wish::Attentive(attentive));
        }
    }

    fn opened(&mut self, id: window::Id) -> Task<Message> {
        self.window = Some(id);
        Task::batch([self.focus_first(), window::size(id).map(Message::Resized)])
    }

    fn focus_first(&self) -> Task<Message> {
        operation::focus(self.sign_in.first_empty())
    }

    /// One line for whoever started the program and waits for the window.
    fn first_frame(&mut self) {
        if !self.drawn {
            println!(r#"{{"event":"window_ready"}}"#);
        }
        self.drawn = true;
    }

    fn key(&mut self, event: &keyboard::Event) -> Task<Message> {
        let keyboard::Event::KeyPressed { key, modifiers, repeat: false, .. } = event else {
            return Task::none();
        };
        match (key.as_ref(), modifiers.shift()) {
            (Key::Named(Named::Tab), false) => operation::focus_next(),
            (Key::Named(Named::Tab), true) => operation::focus_previous(),
            (Key::Named(Named::F10), _) => self.update(Message::Agent(agent::Message::SwitchMode)),
            (key, shift) => self.shortcut(key, shift).map_or_else(Task::none, |message| self.update(message)),
        }
    }

    /// What a key means now; nothing where its button is dimmed.
    fn shortcut(&self, key: Key<&str>, shift: bool) -> Option<Message> {
        if self.view.me.is_none() {
            let leaves = key == Key::Named(Named::Escape) && self.view.link == LinkState::SigningIn;
            return leaves.then_some(Message::SignIn(sign_in::Message::Cancel));
        }
        let view = &self.view;
        if view.shows_lock() {
            return (key == Key::Named(Named::Escape)).then_some(Message::Agent(agent::Message::CloseQuestion));
        }
        let wish = |possible: bool, wish: Wish| possible.then_some(agent::Message::Wish(wish));
        let message = match (key, shift) {
            (Key::Named(Named::F2), false) => wish(view.can_answer(), Wish::Answer),
            (Key::Named(Named::F2), true) => wish(view.can_answer(), Wish::Reject),
            (Key::Named(Named::F4), false) => wish(view.can_hang_up(), Wish::HangUp),
            (Key::Named(Named::F11), false) => Some(agent::Message::ToggleReady),
            (Key::Named(Named::F12), true) => wish(view.can_extend_wrap_up(), Wish::ExtendWrapUp),
            (Key::Named(Named::F12), false) => wish(view.can_end_wrap_up(), Wish::EndWrapUp),
            (Key::Named(Named::Escape), false) => Some(agent::Message::CloseQuestion),
            (Key::Character(typed), false) => typed.parse().ok().map(agent::Message::Digit),
            _ => None,
        };
        message.map(Message::Agent)
    }

    fn view(&self) -> Element<'_, Message> {
        let scene = self.scene();
        if self.view.me.is_some() {
            self.agent.view(scene, &self.sign_in.server).map(Message::Agent)
        } else {
            self.sign_in.view(scene).map(Message::SignIn)
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            view: &self.view,
            texts: self.language.texts(),
            palette: self.mode.palette(),
            dark: self.mode == Mode::Dark,
            now_ms: self.now_ms,
            utc_offset_minutes: self.utc_offset_minutes,
            width: self.width,
            engine_stopped: self.engine_stopped,
        }
    }

    fn subscription(&self) -> Subscription<Message> {
        let mut all = vec![
            Subscription::run_with(self.snapshots.clone(), watched),
            iced::time::every(Duration::from_secs(1)).map(|_| Message::Second),
            keyboard::listen().map(Message::Key),
            iced::event::listen_with(|event, _, _| stirs(&event).then_some(Message::Stirred)),
            window::open_events().map(Message::Opened),
            window::resize_events().map(|(_, size)| Message::Resized(size)),
        ];
        if self.ringing {
            all.push(iced::time::every(Duration::from_millis(PULSE_STEP_MS)).map(|_| Message::Pulse));
        }
        if !self.drawn {
            all.push(window::frames().map(|_| Message::Drawn));
        }
        Subscription::batch(all)
    }
}

/// Brings the window before the agent's eyes; a window manager may refuse the focus, but not the sign in the task bar.
fn raise(id: window::Id) -> Task<Message> {
    let sign = window::request_user_attention(id, Some(window::UserAttention::Critical));
    Task::batch([window::minimize(id, false), sign, window::gain_focus(id)])
}

/// A key, a button or the wheel; the mere move of a mouse would redraw the window all the time.
fn stirs(event: &iced::Event) -> bool {
    match event {
        iced::Event::Keyboard(event) => matches!(event, keyboard::Event::KeyPressed { .. }),
        iced::Event::Mouse(event) => matches!(event, mouse::Event::ButtonPressed(_) | mouse::Event::WheelScrolled { .. }),
        iced::Event::Touch(_) => true,
        iced::Event::Window(_) | iced::Event::InputMethod(_) => false,
    }
}

fn utc_offset_minutes() -> i32 {
    jiff::tz::TimeZone::system().to_offset(jiff::Timestamp::now()).seconds() / 60
}

/// The session's snapshots as iced wants them: one stream for the life of the program.
#[derive(Clone)]
struct Snapshots(watch::Receiver<Snapshot>);

impl Hash for Snapshots {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "snapshots".hash(state);
    }
}

fn watched(snapshots: &Snapshots) -> impl Stream<Item = Message> + use<> {
    iced::futures::stream::unfold(Some(snapshots.0.clone()), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.changed().await {
            Ok(()) => {
                let snapshot = receiver.borrow_and_update().clone();
                Some((Message::Shown(Box::new(snapshot)), Some(receiver)))
            }
            Err(_) => Some((Message::EngineStopped, None)),
        }
    })
}

#[cfg(test)]
mod tests;

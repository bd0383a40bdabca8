//! The window: state, messages, and which screen is shown. It draws the session's view and passes wishes on; it decides nothing
//! about calls. The session runs behind [`Backend`], on a thread of its own.

mod outside;
mod pace;
mod stirs;

use crate::client::{Client, Snapshot};
use crate::font;
use crate::i18n::Language;
use crate::keeping::{Keeping, Settings};
use crate::platform::{Platform, Press};
use crate::screens::agent::chooser::Purpose;
use crate::screens::agent::correction::Edit;
use crate::screens::{Scene, agent, sign_in};
use crate::theme::{Mode, text_size};
use crate::widget::PULSE_STEP_MS;
use desktop_core::{LinkState, Millis, View, Wish};
use iced::advanced::widget::operation::focusable::unfocus;
use iced::keyboard::{self, Key, key::Named};
use iced::widget::{operation, scrollable};
use iced::{Element, Pixels, Size, Subscription, Task, Theme, window};
use pace::{Pace, Paced};
use shared::model::{AgentState, VoiceDevice};
use std::sync::Arc;
use std::time::Duration;
use stirs::Stirs;
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
    /// Minutes that local time is ahead of UTC now.
    fn utc_offset_minutes(&self) -> i32;
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

    fn utc_offset_minutes(&self) -> i32 {
        jiff::tz::TimeZone::system().to_offset(jiff::Timestamp::now()).seconds() / 60
    }
}

/// How the window starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Written into the server's field.
    pub(crate) server: Option<String>,
    /// Written into the number's field.
    pub(crate) number: Option<String>,
    /// Chosen at the sign-in.
    pub(crate) voice: Option<VoiceDevice>,
    /// Language of the screens.
    pub(crate) language: Language,
    /// Light or dark.
    pub(crate) mode: Mode,
    /// What the person has chosen.
    pub(crate) settings: Settings,
    /// Where it is kept.
    pub(crate) keeping: Keeping,
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
    iced::daemon(move || App::boot(options.clone(), Arc::clone(&backend)), App::update, App::view_of)
        .title(|app: &App, _| app.title())
        .theme(|app: &App, _| app.theme())
        .subscription(App::subscription)
        .scale_factor(|app: &App, _| app.scale())
        .settings(settings)
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

/// What a screen is drawn from, of an app whose other fields may be changed meanwhile.
macro_rules! scene {
    ($app:expr) => {
        Scene {
            view: &$app.view,
            texts: $app.language.texts(),
            palette: $app.mode.palette(),
            dark: $app.mode == Mode::Dark,
            now_ms: $app.now_ms,
            utc_offset_minutes: $app.utc_offset_minutes,
            width: $app.width,
            height: $app.height,
            engine_stopped: $app.engine_stopped,
        }
    };
}

/// All that the window knows.
pub(crate) struct App {
    backend: Arc<dyn Backend>,
    snapshots: watch::Receiver<Snapshot>,
    view: View,
    ringing: bool,
    now_ms: Millis,
    utc_offset_minutes: i32,
    width: f32,
    height: f32,
    mode: Mode,
    language: Language,
    sign_in: sign_in::State,
    agent: agent::State,
    window: Option<window::Id>,
    outside: outside::State,
    drawn: bool,
    engine_stopped: bool,
    /// When a key or the mouse was used last.
    stirs: Stirs,
    /// What the session was told last about somebody sitting here.
    attentive: bool,
    locked: bool,
    settings: Settings,
    keeping: Keeping,
    /// The window is a strip on top of others.
    mini: bool,
    /// The settings' devices were told to this session.
    sound_told: bool,
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
    /// A key that no field took.
    Key(keyboard::Event),
    /// The window is there.
    Opened(window::Id),
    /// Its new size.
    Resized(window::Id, Size),
    /// A window has the keyboard now, or has lost it.
    Focused(window::Id, bool),
    /// Its close button was pressed.
    Closing(window::Id),
    /// It is gone.
    Closed(window::Id),
    /// The small window of a call that rings is there.
    PopOpened(window::Id),
    /// Tray, notification, or a key in another program.
    Pressed(Press),
    /// The first frame was drawn.
    Drawn,
    /// From the sign-in screen.
    SignIn(sign_in::Message),
    /// From the desk.
    Agent(agent::Message),
}

impl App {
    /// The app with its window and all that is outside of it.
    fn boot(options: Options, backend: Arc<dyn Backend>) -> (Self, Task<Message>) {
        let mut platform = Platform::start();
        let presses = outside::presses(&mut platform);
        let mut app = Self::new(options, backend, platform);
        let platform_specific = platform_settings();
        let settings = window::Settings {
            size: FIRST_SIZE,
            min_size: Some(LEAST_SIZE),
            platform_specific,
            exit_on_close_request: false,
            ..Default::default()
        };
        let (id, open) = window::open(settings);
        app.window = Some(id);
        (app, Task::batch([open.map(Message::Opened), presses]))
    }

    fn new(options: Options, backend: Arc<dyn Backend>, platform: Platform) -> Self {
        let snapshots = backend.snapshots();
        let Snapshot { view, ringing } = snapshots.borrow().clone();
        Self {
            now_ms: backend.now_ms(),
            utc_offset_minutes: backend.utc_offset_minutes(),
            backend,
            snapshots,
            view,
            ringing,
            width: FIRST_SIZE.width,
            height: FIRST_SIZE.height,
            mode: options.mode,
            language: options.language,
            sign_in: sign_in::State::new(options.server, options.number, options.voice),
            agent: agent::State::default(),
            window: None,
            outside: outside::State::new(platform),
            drawn: false,
            engine_stopped: false,
            stirs: Stirs::default(),
            attentive: false,
            locked: false,
            settings: options.settings,
            keeping: options.keeping,
            mini: false,
            sound_told: false,
        }
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
            Message::Key(event) => return self.key(&event),
            Message::Opened(id) => return self.opened(id),
            Message::Resized(id, size) => self.resized(id, size),
            Message::Focused(id, focused) => return self.focused(id, focused),
            Message::Closing(id) => return self.closing(id),
            Message::Closed(id) => return self.closed(id),
            Message::PopOpened(id) => return window::set_level(id, window::Level::AlwaysOnTop),
            Message::Pressed(press) => return self.pressed(press),
            Message::Drawn => self.first_frame(),
            Message::SignIn(message) => {
                let action = self.sign_in.update(message);
                self.after_sign_in(action);
            }
            Message::Agent(message) => {
                let task = self.desk(message);
                self.read_messages();
                return task;
            }
        }
        Task::none()
    }

    fn after_sign_in(&mut self, action: sign_in::Action) {
        match action {
            sign_in::Action::None => {}
            sign_in::Action::Wish(wish) => self.backend.wish(wish),
            sign_in::Action::SwitchMode => self.switch_mode(),
            sign_in::Action::SwitchLanguage => self.switch_language(),
        }
    }

    fn desk(&mut self, message: agent::Message) -> Task<Message> {
        let scene = scene!(self);
        let action = self.agent.update(message, scene, &self.settings);
        match action {
            agent::Action::None => {}
            agent::Action::Wish(wish) => self.backend.wish(wish),
            agent::Action::Wishes(wishes) => wishes.into_iter().for_each(|wish| self.backend.wish(wish)),
            agent::Action::SwitchMode => self.switch_mode(),
            agent::Action::SwitchLanguage => self.switch_language(),
            agent::Action::Focus(field) => return operation::focus(field),
            agent::Action::FocusAnd(field, wish) => {
                wish.into_iter().for_each(|wish| self.backend.wish(wish));
                return operation::focus(field);
            }
            agent::Action::Scroll(list, share) => {
                return operation::snap_to(list, scrollable::RelativeOffset { x: 0.0, y: share });
            }
            agent::Action::Keep(settings) => self.keep(*settings),
            agent::Action::ToggleMini => return self.toggle_mini(),
            agent::Action::Raise => return self.raise(),
        }
        Task::none()
    }

    fn switch_mode(&mut self) {
        self.mode = self.mode.other();
        self.show_sign();
        self.keep(Settings { dark: Some(self.mode == Mode::Dark), ..self.settings.clone() });
    }

    fn switch_language(&mut self) {
        self.language = self.language.other();
        self.show_sign();
        self.keep(Settings { english: Some(self.language == Language::English), ..self.settings.clone() });
    }

    /// Settings take effect at once, and at the next start.
    fn keep(&mut self, settings: Settings) {
        if settings.sound != self.settings.sound {
            self.backend.wish(Wish::Sound(settings.sound.clone()));
        }
        let passed = settings.sound_tested && !self.settings.sound_tested;
        self.settings = settings;
        self.keeping.keep_settings(&self.settings);
        if passed && self.view.can_go_ready() {
            self.backend.wish(Wish::GoReady);
        }
    }

    fn scale(&self) -> f32 {
        f32::from(self.settings.scale_percent.unwrap_or(100).clamp(100, 200)) / 100.0
    }

    /// The same window as a strip that stays above others, and back.
    fn toggle_mini(&mut self) -> Task<Message> {
        let Some(id) = self.window else { return Task::none() };
        self.mini = !self.mini;
        let (size, least, level) = if self.mini {
            (agent::mini::SIZE, agent::mini::SIZE, window::Level::AlwaysOnTop)
        } else {
            (FIRST_SIZE, LEAST_SIZE, window::Level::Normal)
        };
        Task::batch([
            window::set_min_size(id, Some(least)),
            window::toggle_decorations(id),
            window::resize(id, size),
            window::set_level(id, level),
        ])
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
        self.view = view;
        self.sign_in.observe(&self.view);
        let was_locked = std::mem::replace(&mut self.locked, self.view.shows_lock());
        self.agent.observe(&self.view);
        self.read_messages();
        self.second();
        self.settle();
        self.show_sign();
        if self.locked && !was_locked {
            return operation::focus(agent::lock::PASSWORD);
        }
        let attention = self.attract(rang, ringing);
        if was_in && self.view.me.is_none() { Task::batch([attention, self.focus_first()]) } else { attention }
    }

    /// What goes on with the time, whatever else has happened.
    fn second(&mut self) {
        self.now_ms = self.backend.now_ms();
        self.utc_offset_minutes = self.backend.utc_offset_minutes();
        self.attend();
        self.lock_idle();
    }

    /// What a session needs once: the chosen devices, the list of colleagues, and the server's name for the next start.
    fn settle(&mut self) {
        let signed_in = self.view.me.is_some() && self.view.desk.is_some() && !self.view.must_change_password();
        if !signed_in {
            self.sound_told = false;
            return;
        }
        if !std::mem::replace(&mut self.sound_told, true) {
            self.backend.wish(Wish::Sound(self.settings.sound.clone()));
            self.backend.wish(Wish::WatchAgents(true));
            let server = Some(self.sign_in.server.clone());
            if self.settings.server != server {
                self.keep(Settings { server, ..self.settings.clone() });
            }
        }
    }

    /// An idle seat locks itself (5-4), outside calls only.
    fn lock_idle(&mut self) {
        let minutes = self.settings.lock_minutes.unwrap_or(agent::settings::USUAL_LOCK);
        let stirred = self.stirs.last();
        let idle = self.now_ms.saturating_sub(stirred) >= Millis::from(minutes) * 60_000;
        let quiet = matches!(self.view.state(), Some(AgentState::Ready | AgentState::NotReady(_)));
        if minutes > 0 && stirred > 0 && idle && quiet && !self.view.shows_lock() && self.view.can_go_not_ready() {
            self.stirs.note(self.now_ms);
            self.backend.wish(Wish::Lock);
        }
    }

    /// Vouches for somebody sitting here, or no longer (2.1, auto-answer): keys and mouse were used, and the headset works.
    fn attend(&mut self) {
        let stirred = self.stirs.last();
        let stirs = stirred > 0 && self.now_ms.saturating_sub(stirred) < ATTENTION_MS;
        let attentive = self.view.me.is_some() && stirs && self.view.headset_works() && !self.view.shows_lock();
        if attentive != self.attentive {
            self.attentive = attentive;
            self.backend.wish(Wish::Attentive(attentive));
        }
    }

    fn opened(&mut self, id: window::Id) -> Task<Message> {
        self.window = Some(id);
        Task::batch([self.focus_first(), window::size(id).map(move |size| Message::Resized(id, size))])
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
        let keyboard::Event::KeyPressed { key, modifiers, repeat, .. } = event else { return Task::none() };
        if *repeat && !(steps(key) && self.agent.chooses()) {
            return Task::none();
        }
        if modifiers.command() {
            return self.control_key(key.as_ref());
        }
        match (key.as_ref(), modifiers.shift()) {
            (Key::Named(Named::F10), _) => self.update(Message::Agent(agent::Message::SwitchMode)),
            (key, shift) => self.shortcut(key, shift).map_or_else(Task::none, |message| self.update(message)),
        }
    }

    /// Pages, search, canned texts and the size.
    fn control_key(&mut self, key: Key<&str>) -> Task<Message> {
        let works = self.view.me.is_some() && !self.view.shows_lock() && !self.view.must_change_password();
        let (Key::Character(typed), true) = (key, works) else { return Task::none() };
        let writes = self.agent.writes(&self.view) && !self.agent.is_covered();
        let message = match typed {
            "1" => agent::Message::ShowDesk,
            "2" => agent::Message::NextCalls,
            "3" => agent::Message::ShowAgents,
            "4" => agent::Message::ShowSettings,
            "5" => agent::Message::ShowMessages,
            "6" if self.view.rules.supervises.is_some() => agent::Message::ShowSupervise,
            "q" if !self.agent.is_covered() => agent::Message::AskSignOut,
            "k" if self.view.can_dial() => agent::Message::Open(Purpose::Dial),
            "e" => agent::Message::Correct,
            "h" => agent::Message::ShowHistory,
            "p" => agent::Message::NextPerson,
            "n" => match self.agent.registers_another() {
                Some(another) => agent::Message::Edit(Edit::Another(!another)),
                None => return Task::none(),
            },
            "j" if writes => agent::Message::Open(Purpose::Canned),
            "t" if writes => agent::Message::Open(Purpose::Kind),
            "d" if writes && !self.view.papers.dispositions.is_empty() => agent::Message::Open(Purpose::Disposition),
            "u" if writes && !self.view.papers.units.is_empty() => agent::Message::Open(Purpose::Unit),
            "=" | "+" => agent::Message::Scale(step_scale(self.settings.scale_percent, 25)),
            "-" => agent::Message::Scale(step_scale(self.settings.scale_percent, -25)),
            _ => return Task::none(),
        };
        let page = self.agent.page();
        let task = self.update(Message::Agent(message));
        // On another page Tab begins with what that holds, wherever the keyboard was.
        if self.agent.page() == page { task } else { Task::batch([iced::advanced::widget::operate(unfocus()), task]) }
    }

    /// What a key means now; nothing where its button is dimmed.
    fn shortcut(&self, key: Key<&str>, shift: bool) -> Option<Message> {
        let view = &self.view;
        if view.me.is_none() {
            let leaves = key == Key::Named(Named::Escape) && view.link == LinkState::SigningIn;
            return leaves.then_some(Message::SignIn(sign_in::Message::Cancel));
        }
        if view.must_change_password() {
            return None;
        }
        if view.shows_lock() {
            return (key == Key::Named(Named::Escape)).then_some(Message::Agent(agent::Message::CloseQuestion));
        }
        let message = match (key, shift) {
            (Key::Named(Named::ArrowUp), false) if self.agent.chooses() => Some(agent::Message::Step(false)),
            (Key::Named(Named::ArrowDown), false) if self.agent.chooses() => Some(agent::Message::Step(true)),
            (Key::Named(Named::Enter), false) => Some(agent::Message::Confirm),
            (Key::Named(Named::F9), false) => Some(agent::Message::ToggleMini),
            (Key::Named(Named::F11), false) => Some(agent::Message::ToggleReady),
            (Key::Named(Named::Escape), false) => Some(agent::Message::CloseQuestion),
            (Key::Character(typed), _) if self.agent.takes_keys() => typed.chars().next().map(agent::Message::PressKey),
            (Key::Character(typed), false) => typed.parse().ok().map(agent::Message::Digit),
            (key, shift) => self.agent.call_key(self.scene(), key, shift),
        };
        message.map(Message::Agent)
    }

    fn view(&self) -> Element<'_, Message> {
        let scene = self.scene();
        if self.view.me.is_some() {
            let shows = !self.view.shows_lock() && !self.view.must_change_password();
            if self.mini && shows {
                return self.agent.strip(scene).map(Message::Agent);
            }
            self.agent.view(scene, &self.sign_in.server, &self.settings).map(Message::Agent)
        } else {
            self.sign_in.view(scene).map(Message::SignIn)
        }
    }

    /// What moves before somebody's eyes.
    fn pace(&self) -> Pace {
        match &self.view.me {
            None => Pace::Still,
            Some(_) if self.outside.hidden => Pace::Hidden,
            Some(_) if !self.mini && self.agent.shows_levels(self.scene()) => Pace::Levels,
            Some(_) => Pace::Clocks,
        }
    }

    fn scene(&self) -> Scene<'_> {
        scene!(self)
    }

    fn subscription(&self) -> Subscription<Message> {
        let clock = Arc::clone(&self.backend);
        let mut all = vec![
            Subscription::run_with(Paced { snapshots: self.snapshots.clone(), pace: self.pace() }, pace::paced),
            self.stirs.listen(move || clock.now_ms()),
            iced::event::listen_with(key_for_us),
            window::resize_events().map(|(id, size)| Message::Resized(id, size)),
            window::close_requests().map(Message::Closing),
            window::close_events().map(Message::Closed),
            iced::event::listen_with(outside::focus),
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

/// Keys that no field or button has taken; and Esc, which closes a sheet, also while a field of it takes that for itself. What is released or
/// repeated means nothing but for arrows, which step through a list, and a message about it would draw everything anew.
fn key_for_us(event: iced::Event, status: iced::event::Status, _: window::Id) -> Option<Message> {
    let iced::Event::Keyboard(event) = event else { return None };
    let keyboard::Event::KeyPressed { key, repeat, .. } = &event else { return None };
    if *repeat && !steps(key) {
        return None;
    }
    let always = *key == Key::Named(Named::Escape);
    (always || status == iced::event::Status::Ignored).then_some(Message::Key(event))
}

/// Up or down in a list, again and again while it is held.
fn steps(key: &Key) -> bool {
    matches!(key, Key::Named(Named::ArrowUp | Named::ArrowDown))
}

fn step_scale(percent: Option<u16>, by: i16) -> u16 {
    percent.unwrap_or(100).saturating_add_signed(by).clamp(100, 200)
}

#[cfg(test)]
mod tests;

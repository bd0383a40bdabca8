//! Everything by keyboard: each act of each screen is come to by Tab and arrows, and what is typed goes where it is meant to go, also when
//! sheets open and close and the screen changes meanwhile.

use super::papers::calls;
use super::pictures::screens;
use super::*;
use desktop_core::SoundTest;
use iced::advanced::widget::Operation;
use iced::advanced::widget::operation::{Focusable, Outcome};
use iced::advanced::{clipboard, renderer::Headless};
use iced::widget::Id;
use iced::{Event, Pixels, Point, Rectangle, Renderer, Task, mouse};
use iced_test::runtime::user_interface::{Cache, State, UserInterface};
use iced_test::runtime::{Action, task};
use iced_test::selector::Candidate;
use shared::model::{CallFunction, SupervisorAct, WatchMode};
use shared::wire::{CallsPage, MessageTarget, WaitingRow};
use std::collections::BTreeSet;
use std::time::Instant;

/// More places than any screen has.
const MOST: usize = 300;

/// What a message is, so that two of them can be compared.
fn told(message: &Message) -> Option<String> {
    match message {
        Message::Agent(message) => Some(format!("{message:?}")),
        Message::SignIn(message) => Some(format!("{message:?}")),
        _ => None,
    }
}

fn all_told(simulator: Simulator<'_, Message>) -> BTreeSet<String> {
    // What is written into a field is no act, and Esc closes whatever a click beside it closes.
    let act = |told: &String| !told.starts_with("EditContent") && told != "CloseQuestion";
    simulator.into_messages().filter_map(|message| told(&message)).filter(act).collect()
}

/// Everything that is on a screen now, by its middle.
fn spots(simulator: &mut Simulator<'_, Message>) -> Vec<Point> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&found);
    let _ = simulator.find(move |candidate: Candidate<'_>| -> Option<()> {
        if let Candidate::Text { visible_bounds: Some(bounds), .. } | Candidate::Container { visible_bounds: Some(bounds), .. } = candidate
        {
            into.lock().expect("no test panics while holding it").push(bounds.center());
        }
        None
    });
    std::mem::take(&mut found.lock().expect("likewise"))
}

/// All that clicks do on this screen.
fn by_mouse(desktop: &Desktop) -> BTreeSet<String> {
    let mut simulator = desktop.simulator();
    for spot in spots(&mut simulator) {
        simulator.point_at(spot);
        let button = [mouse::Event::ButtonPressed(mouse::Button::Left), mouse::Event::ButtonReleased(mouse::Button::Left)];
        let _ = simulator.simulate(button.map(Event::Mouse));
    }
    all_told(simulator)
}

/// Where the keyboard is.
fn at(simulator: &mut Simulator<'_, Message>) -> Option<Rectangle> {
    let place = simulator.find(|candidate: Candidate<'_>| match candidate {
        Candidate::Focusable { state, bounds, .. } if state.is_focused() => Some(bounds),
        _ => None,
    });
    place.ok()
}

fn tap(simulator: &mut Simulator<'_, Message>, key: Named) {
    let _ = simulator.simulate([Event::Keyboard(pressed(Key::Named(key), Modifiers::empty(), false)), redraw()]);
}

fn redraw() -> Event {
    Event::Window(iced::window::Event::RedrawRequested(Instant::now()))
}

/// All that Enter does at every place that Tab and arrows come to.
fn by_keyboard(desktop: &Desktop) -> BTreeSet<String> {
    let mut simulator = desktop.simulator();
    let key = |place: Rectangle| [place.x, place.y, place.width, place.height].map(f32::to_bits);
    let mut seen = BTreeSet::new();
    for _ in 0..MOST {
        tap(&mut simulator, Named::Tab);
        let Some(place) = at(&mut simulator) else { break };
        if !seen.insert(key(place)) {
            break;
        }
        tap(&mut simulator, Named::Enter);
        for arrow in [Named::ArrowUp, Named::ArrowDown] {
            for _ in 0..MOST {
                let before = at(&mut simulator);
                tap(&mut simulator, arrow);
                if at(&mut simulator) == before {
                    break;
                }
                tap(&mut simulator, Named::Enter);
            }
        }
    }
    all_told(simulator)
}

#[test]
fn whatever_a_click_does_on_any_screen_a_key_does_as_well() {
    let mut acts = 0;
    for (name, desktop) in screens() {
        let (mouse, keyboard) = (by_mouse(&desktop), by_keyboard(&desktop));
        let missing: Vec<_> = mouse.difference(&keyboard).collect();
        assert!(missing.is_empty(), "{name}: not by keyboard: {missing:?}");
        acts += mouse.len();
    }
    assert!(acts > 500, "only {acts} acts were found");
}

#[test]
fn while_a_sheet_is_open_the_keyboard_stays_in_it() {
    for (name, desktop) in screens() {
        if desktop.app.agent.is_covered() {
            let below = ["ShowAgents", "ShowMessages", "ShowDesk"];
            let told = by_keyboard(&desktop);
            assert!(below.iter().all(|act| !told.contains(*act)), "{name}");
            assert!(!told.is_empty() || name.starts_with("history"), "{name}");
        }
    }
}

/// A window that keeps what its widgets know from one picture to the next, and does what the app asks of it.
struct Window {
    desktop: Desktop,
    cache: Cache,
    renderer: Renderer,
    cursor: mouse::Cursor,
}

/// What is on the screen and where the keyboard is.
#[derive(Default)]
struct Look {
    texts: Vec<(Rectangle, String)>,
    focused: Option<Rectangle>,
}

impl Operation for Look {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        operate(self);
    }

    fn focusable(&mut self, _: Option<&Id>, bounds: Rectangle, state: &mut dyn Focusable) {
        if state.is_focused() {
            assert_eq!(self.focused, None, "the keyboard is at one place");
            self.focused = Some(bounds);
        }
    }

    fn text(&mut self, _: Option<&Id>, bounds: Rectangle, text: &str) {
        self.texts.push((bounds, text.to_owned()));
    }
}

impl Window {
    fn over(desktop: Desktop) -> Self {
        let future = <Renderer as Headless>::new(font::REGULAR, Pixels(14.0), Some("tiny-skia"));
        let renderer = iced::futures::executor::block_on(future).expect("the software renderer is compiled in");
        // It loads our font.
        let _ = desktop.simulator();
        let mut window = Self { desktop, cache: Cache::default(), renderer, cursor: mouse::Cursor::Unavailable };
        window.hear(redraw());
        window
    }

    /// One event, and all that follows from it.
    fn hear(&mut self, event: Event) {
        let (size, mut messages) = (self.desktop.size, Vec::new());
        let cache = std::mem::take(&mut self.cache);
        let mut screen = UserInterface::build(self.desktop.app.view(), size, cache, &mut self.renderer);
        let events = [event.clone(), redraw()];
        let (_, statuses) = screen.update(&events, self.cursor, &mut self.renderer, &mut clipboard::Null, &mut messages);
        self.cache = screen.into_cache();
        let status = statuses.first().copied().unwrap_or(iced::event::Status::Ignored);
        messages.extend(super::super::key_for_us(event, status, iced::window::Id::unique()));
        for message in messages {
            self.tell(message);
        }
    }

    fn tell(&mut self, message: Message) {
        let task = self.desktop.app.update(message);
        self.run(task);
    }

    fn run(&mut self, task: Task<Message>) {
        let Some(stream) = task::into_stream(task) else { return };
        for action in iced::futures::executor::block_on_stream(stream) {
            match action {
                Action::Output(message) => self.tell(message),
                Action::Widget(operation) => self.operate(operation),
                _ => {}
            }
        }
    }

    fn operate(&mut self, operation: Box<dyn Operation>) {
        let cache = std::mem::take(&mut self.cache);
        let mut screen = UserInterface::build(self.desktop.app.view(), self.desktop.size, cache, &mut self.renderer);
        let mut next = Some(operation);
        while let Some(mut operation) = next.take() {
            screen.operate(&self.renderer, operation.as_mut());
            if let Outcome::Chain(chained) = operation.finish() {
                next = Some(chained);
            }
        }
        self.cache = screen.into_cache();
    }

    fn shows(&mut self, view: View) {
        let ringing = view.desk.as_ref().is_some_and(|desk| desk.offer.is_some());
        self.tell(Message::Shown(Box::new(Snapshot { view, ringing })));
        self.hear(redraw());
    }

    fn press(&mut self, key: Named) {
        self.press_with(Key::Named(key), Modifiers::empty(), false);
    }

    fn control(&mut self, key: &str) {
        self.press_with(Key::Character(key.into()), Modifiers::CTRL, false);
    }

    fn press_with(&mut self, key: Key, modifiers: Modifiers, repeat: bool) {
        self.hear(Event::Keyboard(pressed(key, modifiers, repeat)));
    }

    fn types(&mut self, text: &str) {
        for letter in text.chars() {
            let letter = letter.to_string();
            let mut event = pressed(Key::Character(letter.as_str().into()), Modifiers::empty(), false);
            if let keyboard::Event::KeyPressed { text, .. } = &mut event {
                *text = Some(letter.as_str().into());
            }
            self.hear(Event::Keyboard(event));
        }
    }

    /// Whether an input method is asked for.
    fn composes(&mut self) -> bool {
        use iced::advanced::InputMethod;
        let cache = std::mem::take(&mut self.cache);
        let mut screen = UserInterface::build(self.desktop.app.view(), self.desktop.size, cache, &mut self.renderer);
        let (state, _) = screen.update(&[redraw()], self.cursor, &mut self.renderer, &mut clipboard::Null, &mut Vec::new());
        self.cache = screen.into_cache();
        let State::Updated { input_method, .. } = state else { panic!("nothing has changed") };
        matches!(input_method, InputMethod::Enabled { .. })
    }

    /// What is said where the keyboard is; `None` if it is nowhere.
    fn at(&mut self) -> Option<String> {
        self.place().map(|(_, said)| said)
    }

    /// Where the keyboard is, and what is said there.
    fn place(&mut self) -> Option<(Rectangle, String)> {
        let mut look = Look::default();
        let cache = std::mem::take(&mut self.cache);
        let mut screen = UserInterface::build(self.desktop.app.view(), self.desktop.size, cache, &mut self.renderer);
        screen.operate(&self.renderer, &mut look);
        self.cache = screen.into_cache();
        let place = look.focused?;
        let inside = |bounds: &Rectangle| place.contains(bounds.center());
        let said = look.texts.iter().filter(|(bounds, _)| inside(bounds)).map(|(_, text)| text.as_str());
        Some((place, said.collect::<Vec<_>>().join(" ")))
    }

    /// Goes on by Tab, and in each group by arrows, until the keyboard is where this is said.
    #[track_caller]
    fn come_to(&mut self, text: &str) {
        let mut seen = Vec::new();
        for _ in 0..MOST {
            self.press(Named::Tab);
            for arrow in [Named::ArrowUp, Named::ArrowDown] {
                for _ in 0..MOST {
                    let here = self.place();
                    if here.as_ref().is_some_and(|(_, said)| said.contains(text)) {
                        return;
                    }
                    seen.extend(here.clone().map(|(_, said)| said));
                    self.press(arrow);
                    if self.place() == here {
                        break;
                    }
                }
            }
            if seen.len() > MOST {
                break;
            }
        }
        panic!("the keyboard does not come to {text:?}, only to {seen:?}");
    }

    /// Comes there and presses it.
    #[track_caller]
    fn does(&mut self, text: &str) {
        self.come_to(text);
        self.press(Named::Enter);
    }

    fn wishes(&self) -> Vec<Wish> {
        self.desktop.wishes()
    }
}

fn listed(view: View) -> View {
    let mut papers = papers();
    papers.calls = [CallsPage::Mine, CallsPage::Missed].map(|page| (page, calls(page))).into();
    View { papers: Arc::new(papers), ..view }
}

fn content(window: &Window) -> String {
    window.desktop.app.agent.written().map(|summary| summary.content.into_inner()).unwrap_or_default()
}

#[test]
fn a_matter_with_a_unit_is_closed_directly_by_keyboard_as_well_as_sent_there() {
    let mut window = Window::over(super::pictures::writing());
    window.desktop.wishes();
    window.does("直接办结");
    let [Wish::Submit { summary, .. }] = &window.wishes()[..] else { panic!("it is submitted") };
    assert!(summary.unit.is_some() && !summary.dispatch);
    window.does("一键派单");
    assert!(matches!(&window.wishes()[..], [Wish::Submit { summary, .. }] if summary.dispatch));
}

#[test]
fn a_message_is_written_to_whom_one_has_come_to_in_the_list() {
    let mut window = Window::over(Desktop::showing(super::floor::with_messages()));
    window.control("5");
    window.does("1008 王芳");
    window.press(Named::Tab);
    assert_eq!(window.at().as_deref(), Some("更早的消息"), "the list is one place");
    window.press(Named::Tab);
    window.types("hi");
    window.wishes();
    window.press(Named::Enter);
    let sent = |to, text: &str| Wish::SendMessage(to, text.to_owned(), None);
    assert!(window.wishes().contains(&sent(MessageTarget::Agent(AgentId(2)), "hi")));
    window.types("you");
    window.does("全体");
    window.does("发送");
    assert!(window.wishes().contains(&sent(MessageTarget::All, "you")));
    // What is chosen is come to first.
    window.come_to("政务咨询");
    window.press(Named::Enter);
    for key in [Named::Tab, Named::Tab] {
        window.press(key);
    }
    for _ in 0..2 {
        window.press_with(Key::Named(Named::Tab), Modifiers::SHIFT, false);
    }
    assert_eq!(window.at().as_deref(), Some("政务咨询"));
}

#[test]
fn a_supervisor_does_everything_without_a_mouse() {
    let mut window = Window::over(Desktop::showing(super::floor::supervisor()));
    window.control("6");
    window.does("1009 张敏");
    window.press(Named::Tab);
    window.types("qc");
    let agent = AgentId(3);
    let wished = |act| Wish::Supervise(act, "qc".to_owned());
    window.wishes();
    for (word, mode) in [("监听", WatchMode::Listen), ("耳语", WatchMode::Whisper), ("插话", WatchMode::Barge)] {
        window.does(word);
        assert_eq!(window.wishes(), [wished(SupervisorAct::Watch { agent, mode })]);
    }
    window.does("强拆");
    assert_eq!((window.wishes(), window.at().as_deref()), (vec![], Some("取消")), "it is asked, and Enter alone does not say yes");
    window.press(Named::ArrowRight);
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [wished(SupervisorAct::Release { agent })]);
    assert_eq!(window.at().as_deref(), Some("强拆"), "where it was asked");
    window.does("强接");
    window.does("确认");
    window.does("强制示忙");
    window.does("培训");
    window.does("确认");
    window.does("强制签出");
    window.does("确认");
    let reason = NotReadyReason::Training;
    let hard = [SupervisorAct::TakeOver { agent }, SupervisorAct::ForceNotReady { agent, reason }, SupervisorAct::ForceSignOut { agent }];
    assert_eq!(window.wishes(), hard.map(wished));
    window.does("1008 王芳");
    window.does("强制示闲");
    window.does("代答");
    assert_eq!(
        window.wishes(),
        [wished(SupervisorAct::ForceReady { agent: AgentId(2) }), wished(SupervisorAct::PickUp { interaction: InteractionId(41) }),]
    );
    window.does("移到");
    window.does("政务咨询");
    let moved = SupervisorAct::Move { interaction: InteractionId(42), queue: QueueId(1) };
    assert_eq!(window.wishes(), [wished(moved)]);
}

#[test]
fn a_row_that_takes_the_place_of_another_does_not_take_its_keyboard() {
    let view = super::floor::supervisor();
    let mut window = Window::over(Desktop::showing(view.clone()));
    window.control("6");
    window.come_to("1009 张敏");
    window.press(Named::Tab);
    window.types("qc");
    window.come_to("代答");
    window.wishes();
    let rest: Vec<WaitingRow> = view.waiting.iter().flatten().skip(1).cloned().collect();
    window.shows(View { waiting: Some(rest), ..view });
    assert_eq!(window.at(), None);
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [], "the citizen whom one had come to is served already");
}

#[test]
fn settings_are_made_without_a_mouse() {
    let mut window = Window::over(super::pictures::settings());
    window.desktop.wishes();
    window.does("150%");
    assert_eq!(window.desktop.app.settings.scale_percent, Some(150));
    assert_eq!(window.at().as_deref(), Some("150%"), "though it is chosen now, the keyboard stays with it");
    window.press(Named::ArrowRight);
    window.press(Named::Enter);
    assert_eq!(window.desktop.app.settings.scale_percent, Some(175));
    window.does("–");
    window.does("回声消除");
    window.does("20 分钟");
    window.does("试振铃");
    let settings = window.desktop.app.settings.clone();
    assert_eq!((settings.sound.volume_percent, settings.sound.cancel_echo, settings.lock_minutes), (80, true, Some(20)));
    assert!(window.wishes().contains(&Wish::TestSound(SoundTest::Ring)));
    window.does("只用听筒");
    assert!(window.desktop.app.agent.chooses(), "the list of devices is open");
    window.press(Named::Escape);
    window.does("更改密码");
    for word in ["old", "blue lamp 7", "blue lamp 7"] {
        window.types(word);
        window.press(Named::Tab);
    }
    window.wishes();
    window.does("更改密码");
    let (old, new) = ("old".to_owned().into(), "blue lamp 7".to_owned().into());
    assert_eq!(window.wishes(), [Wish::ChangePassword { old, new }]);
    window.press(Named::Escape);
    assert_eq!(window.at().as_deref(), Some("更改密码"), "where the sheet was opened");
    window.does("English");
    assert_eq!(window.desktop.app.language, Language::English);
}

#[test]
fn a_field_has_the_keyboard_again_when_what_lay_over_it_closes() {
    let mut window = Window::over(Desktop::showing(with_papers(talking())));
    for _ in 0..7 {
        window.press(Named::Tab);
    }
    window.types("ab");
    assert_eq!(content(&window), "ab");
    // A list, closed by what is chosen.
    window.control("j");
    window.types("sy");
    window.press(Named::Enter);
    assert!(!window.desktop.app.agent.is_covered());
    window.types("c");
    assert!(content(&window).ends_with("反映：c"), "{}", content(&window));
    // A question, which takes what is typed until Esc.
    window.control("q");
    window.types("x");
    window.press(Named::Escape);
    window.types("d");
    assert!(content(&window).ends_with("反映：cd"), "{}", content(&window));
    // A form with fields of its own.
    window.control("e");
    window.types("y");
    window.press(Named::Tab);
    window.types("z");
    window.press(Named::Escape);
    window.types("e");
    assert!(content(&window).ends_with("反映：cde"), "{}", content(&window));
}

#[test]
fn what_appears_above_a_field_does_not_take_its_keyboard() {
    let mut window = Window::over(Desktop::showing(with_papers(talking())));
    for _ in 0..7 {
        window.press(Named::Tab);
    }
    window.types("a");
    let muted = |view: View| {
        let mut view = with_papers(view);
        (view.muted, view.voice.speaks_muted) = (true, true);
        view
    };
    window.shows(with_papers(held()));
    window.types("b");
    window.shows(muted(held()));
    window.types("c");
    let mut notice = muted(talking());
    notice.refusal = Some(shared::model::Refusal::NoMedia);
    window.shows(notice);
    window.types("d");
    assert_eq!(content(&window), "abcd");
    window.press(Named::Escape);
    assert_eq!(window.at(), None, "Esc leaves a field");
    window.press(Named::Tab);
    assert!(window.at().is_some_and(|said| said.ends_with("知道了")), "what asks for an answer comes first");
}

#[test]
fn a_button_is_pressed_once_while_its_key_is_held_and_keeps_the_keyboard_until_the_server_has_answered() {
    let mut window = Window::over(Desktop::showing(with_papers(talking())));
    window.come_to("保持");
    for repeat in [false, true, true] {
        window.press_with(Key::Named(Named::Space), Modifiers::empty(), repeat);
    }
    assert_eq!(window.wishes(), [Wish::Call(CallFunction::Hold)]);
    window.shows(View { asked: true, ..with_papers(talking()) });
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [], "it is dimmed");
    window.shows(with_papers(held()));
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [Wish::Call(CallFunction::Retrieve)]);
    window.press_with(Key::Named(Named::Enter), Modifiers::CTRL, false);
    window.cursor = mouse::Cursor::Available(Point::new(2.0, 2.0));
    window.hear(Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)));
    window.press(Named::Enter);
    assert_eq!((window.wishes(), window.at()), (vec![], None), "a click takes the keyboard away");
}

#[test]
fn arrows_go_on_within_a_group_and_step_through_the_list_of_calls_where_there_is_none() {
    let mut window = Window::over(Desktop::showing(listed(ready())));
    window.control("2");
    window.press(Named::ArrowDown);
    window.wishes();
    window.press(Named::Enter);
    let dialled = |number: &str| Wish::Dial(PhoneNumber::parse(number).expect("a number").into());
    assert_eq!(window.wishes(), [dialled("051987210001")]);
    window.come_to("未接来电");
    window.press(Named::ArrowLeft);
    assert_eq!(window.at().as_deref(), Some("我的通话"));
    window.press(Named::ArrowLeft);
    assert_eq!(window.at().as_deref(), Some("我的通话"), "its first");
    window.press_with(Key::Named(Named::Tab), Modifiers::SHIFT, false);
    window.press(Named::Tab);
    window.press(Named::Tab);
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [dialled("13812345678")], "the first row's own button");
    window.does("小结未填");
    window.desktop.assert_finds(&["来电小结", "返回"]);
}

#[test]
fn the_digits_on_the_buttons_of_the_sound_test_mean_them_in_the_sheet_and_on_the_page() {
    let tests = [SoundTest::Record, SoundTest::Ring].map(Wish::TestSound);
    let mut page = Window::over(super::pictures::settings());
    page.desktop.wishes();
    let mut sheet = Window::over(Desktop::showing(with_papers(not_ready(NotReadyReason::SignedIn))));
    sheet.desktop.app.settings.sound_tested = false;
    sheet.press(Named::F11);
    sheet.desktop.assert_finds(&["示闲前检查耳机"]);
    sheet.wishes();
    for window in [&mut page, &mut sheet] {
        ["1", "2", "3"].into_iter().for_each(|digit| window.types(digit));
        assert_eq!(window.wishes(), tests);
    }
    page.control("q");
    page.types("1");
    page.press(Named::Escape);
    page.control("1");
    page.types("1");
    assert_eq!(page.wishes(), [], "neither below a sheet nor on another page");
    let mut without = Window::over(Desktop::showing(without_headset()));
    without.control("4");
    without.wishes();
    without.types("1");
    assert_eq!(without.wishes(), [], "it is dimmed");
}

#[test]
fn on_another_page_tab_begins_with_what_that_holds() {
    let mut window = Window::over(Desktop::showing(super::floor::with_messages()));
    window.come_to("English");
    window.control("5");
    window.press(Named::Tab);
    assert_eq!(window.at().as_deref(), Some("全体"));
    window.come_to("设置");
    window.press(Named::Enter);
    window.press(Named::Tab);
    assert_eq!(window.at().as_deref(), Some("125%"), "from the rail as well");
    window.control("4");
    assert_eq!(window.at().as_deref(), Some("125%"), "it is this page already");
}

/// Colleagues of whom more are signed in than are in sight.
fn crowded() -> View {
    let mut view = super::floor::with_messages();
    let rows = (2..200).map(|agent| {
        let row = FloorRow { number: format!("{}", 2_000 + agent), ..floor().rows[&AgentId(2)].clone() };
        (AgentId(agent), row)
    });
    view.agents = Some(Arc::new(Floor { version: 8, rows: rows.collect() }));
    view
}

#[test]
fn a_long_list_follows_the_keyboard_beyond_what_is_in_sight() {
    let mut window = Window::over(Desktop::showing(crowded()));
    window.control("5");
    window.come_to("2002 ");
    for _ in 0..150 {
        window.press(Named::ArrowDown);
    }
    assert_eq!(window.at().as_deref(), Some("2153 王芳"));
    for _ in 0..100 {
        window.press(Named::ArrowUp);
    }
    window.press(Named::Enter);
    window.press(Named::Tab);
    window.press(Named::Tab);
    window.types("hi");
    window.wishes();
    window.press(Named::Enter);
    assert!(window.wishes().contains(&Wish::SendMessage(MessageTarget::Agent(AgentId(53)), "hi".to_owned(), None)));
}

#[test]
fn page_keys_turn_what_scrolls() {
    let mut window = Window::over(Desktop::showing(crowded()));
    window.control("3");
    let sees = |window: &mut Window, number: &str| {
        let mut look = Look::default();
        let cache = std::mem::take(&mut window.cache);
        let mut screen = UserInterface::build(window.desktop.app.view(), window.desktop.size, cache, &mut window.renderer);
        screen.operate(&window.renderer, &mut look);
        window.cache = screen.into_cache();
        look.texts.iter().any(|(_, text)| text == number)
    };
    assert!(sees(&mut window, "2002") && !sees(&mut window, "2199"));
    for _ in 0..20 {
        window.press(Named::PageDown);
    }
    assert!(!sees(&mut window, "2002") && sees(&mut window, "2199"));
    for _ in 0..20 {
        window.press(Named::PageUp);
    }
    assert!(sees(&mut window, "2002"));
}

#[test]
fn an_input_method_composes_a_message_and_a_reason_and_not_for_a_field_below_a_sheet() {
    use iced::advanced::input_method::Event::Commit;
    let mut window = Window::over(Desktop::showing(with_papers(talking())));
    for _ in 0..7 {
        window.press(Named::Tab);
    }
    assert!(window.composes());
    window.control("q");
    assert!(!window.composes());
    window.hear(Event::InputMethod(Commit("水".to_owned())));
    window.press(Named::Escape);
    window.hear(Event::InputMethod(Commit("压".to_owned())));
    assert_eq!(content(&window), "压");
    for (key, view) in [("5", super::floor::with_messages()), ("6", super::floor::supervisor())] {
        let mut window = Window::over(Desktop::showing(view));
        window.control(key);
        assert!(!window.composes(), "nothing is written yet");
        let field = (0..MOST).any(|_| {
            window.press(Named::Tab);
            window.composes()
        });
        assert!(field, "page {key} has no field for hanzi");
    }
}

#[test]
fn tab_comes_to_answering_a_call_before_it_comes_to_rejecting_it() {
    let mut window = Window::over(Desktop::showing(with_papers(ringing())));
    window.press(Named::Tab);
    assert_eq!(window.at().as_deref(), Some("接听 F2"));
    window.press(Named::Tab);
    assert_eq!(window.at().as_deref(), Some("拒接 ⇧F2"));
    window.press_with(Key::Named(Named::Tab), Modifiers::SHIFT, false);
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [Wish::Answer]);
}

#[test]
fn the_arrows_choose_a_reason_as_soon_as_the_reasons_are_shown() {
    let mut window = Window::over(Desktop::showing(with_papers(ready())));
    for _ in 0..2 {
        window.press(Named::F11);
        assert!(window.at().is_some_and(|at| at.starts_with("小休")), "{:?}", window.at());
        window.press(Named::ArrowDown);
        window.press(Named::Escape);
        assert_eq!(window.at(), None);
    }
    window.press(Named::F11);
    window.press(Named::ArrowDown);
    window.wishes();
    window.press(Named::Enter);
    assert_eq!(window.wishes(), [Wish::GoNotReady(NotReadyReason::CHOOSABLE[1])]);
}

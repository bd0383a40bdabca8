//! The agent's desk: who calls on the left, what happens now in the middle, my own state on the right; the call bar above,
//! the status line below. Nothing moves: a button that is impossible now is dimmed at its place.

mod agents;
mod call_bar;
mod caller;
mod calls_page;
pub(crate) mod chooser;
pub(crate) mod correction;
mod figures;
mod functions;
mod history;
mod keypad;
mod layers;
pub(crate) mod lock;
pub(crate) mod messages;
pub(crate) mod mini;
mod own;
mod paperwork;
pub(crate) mod password;
mod pop;
pub(crate) mod settings;
mod stage;
mod status_line;
pub(crate) mod summary;
pub(crate) mod supervise;

use super::Scene;
use crate::keeping::Settings;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{Icon, above, hairline, known_as, layer, rail_item, ranked};
use correction::{Edit, Form};
use desktop_core::{LinkState, Saved, SoundSettings, View, Wish};
use iced::widget::{Stack, column, container, row, scrollable, stack};
use iced::{Element, Fill};
use shared::model::{AgentState, CallFunction, CallView, CallerPerson, InteractionId, NotReadyReason, PersonId};
use shared::pii::Pii;
use shared::wire::CallsPage;

/// Below this width of the window the right column is a drawer.
const DRAWER_BELOW: f32 = 1_100.0;
/// After what do Tab and its groups come: first what asks for an answer, then what the page holds, and then what is around it.
mod rank {
    /// The call bar while a call rings: nothing is more urgent, and 接听 comes before 拒接.
    pub(super) const RINGING: i8 = -2;
    /// A message over the page.
    pub(super) const MESSAGE: i8 = -1;
    /// Whose call it is.
    pub(super) const CALLER: i8 = 1;
    /// The call bar, whose buttons have keys of their own.
    pub(super) const CALL_BAR: i8 = 2;
    /// The status line.
    pub(super) const STATUS_LINE: i8 = 3;
    /// The rail: from there Tab leads into the page that was chosen.
    pub(super) const RAIL: i8 = 4;
}
/// From this width on the side columns are wider.
const WIDE_FROM: f32 = 1_800.0;

/// What only this screen knows: what is open, and who called last.
#[derive(Debug, Default)]
pub(crate) struct State {
    question: Option<Question>,
    drawer: bool,
    last_call: Option<CallView>,
    page: Page,
    filter: agents::Filter,
    messages: messages::State,
    supervise: supervise::State,
    /// Of the persons behind a number, the one who is shown.
    chosen: Option<PersonId>,
    /// The reason for 示忙 that was asked for last: one that is full can be waited for.
    wanted: Option<NotReadyReason>,
    /// The summary of the call at the desk.
    form: Option<summary::Form>,
    /// A summary that is written up later, in place of the desk's middle.
    later: Option<summary::Form>,
    /// What is chosen from a list.
    chooser: Option<chooser::Chooser>,
    /// Keys that were pressed in this call.
    keys: String,
    /// A new password as it is typed.
    new_password: password::Form,
    calls: Option<CallsPage>,
    /// The row of that list to which the arrows have come.
    call_row: usize,
    /// What was typed to unlock the seat.
    password: Pii<String>,
}

/// What fills the space below the call bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Page {
    /// 工作台
    #[default]
    Desk,
    /// 记录
    Calls,
    /// 全部座席
    Agents,
    /// 消息
    Messages,
    /// 督办
    Supervise,
    /// 设置
    Settings,
}

/// A question over the desk.
#[derive(Debug, Clone)]
enum Question {
    Reasons,
    SignOut,
    Correction(Box<Form>),
    History(history::Sheet),
    Keypad,
    Password,
    SoundTest,
}

/// What the person does here.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// A button of the session.
    Wish(Wish),
    /// F11, or the word 示忙: asks for the reason, or goes ready.
    ToggleReady,
    /// A digit while the reasons are shown, from 1.
    Digit(usize),
    /// 签出, before the question.
    AskSignOut,
    /// Esc, or beside the question.
    CloseQuestion,
    /// The right column of a narrow window.
    ToggleDrawer,
    /// 工作台
    ShowDesk,
    /// 全部座席
    ShowAgents,
    /// 记录, and from there the next list of it.
    NextCalls,
    /// A list of calls.
    ShowCalls(CallsPage),
    /// 设置
    ShowSettings,
    /// Enter, where no field takes it: the one act of the sheet that lies on top.
    Confirm,
    /// Something is to be chosen from a list.
    Open(chooser::Purpose),
    /// What is typed to find it.
    Choosing(String),
    /// Up (false) or down.
    Step(bool),
    /// Enter.
    TakeChoice,
    /// A row was clicked.
    Chosen(chooser::Choice),
    /// 键盘
    OpenKeypad,
    /// A key of it.
    PressKey(char),
    /// A field of one line of the summary.
    EditLine(summary::Line),
    /// Its content.
    EditContent(iced::widget::text_editor::Action),
    /// 直接办结, or 一键派单.
    Submit {
        /// To the unit.
        dispatch: bool,
    },
    /// F12: whichever of them the form is ready for; of an empty form only the wrap-up ends.
    Finish,
    /// A summary that is missing is written now.
    WriteUp(InteractionId),
    /// 返回, from that.
    PutAside,
    /// A field of the new password.
    NewPassword(password::Field, Pii<String>),
    /// 更改密码, in the settings.
    AskPassword,
    /// 更改密码, for good.
    ChangePassword,
    /// Size of everything in percent.
    Scale(u16),
    /// Minutes after which an idle seat locks.
    LockAfter(u16),
    /// Devices and volumes.
    Sound(SoundSettings),
    /// The sound test was passed.
    SoundIsGood,
    /// 迷你条
    ToggleMini,
    /// The main window to the front.
    Raise,
    /// Where a call that rings is shown while another program is before the eyes: the main window alone, or a small one on top.
    RingInMain(bool),
    /// 消息
    ShowMessages,
    /// On that page.
    Messages(messages::Act),
    /// 督办
    ShowSupervise,
    /// On that page.
    Supervise(supervise::Act),
    /// What is looked for among the agents.
    Find(String),
    /// Only agents in this kind of state.
    FindKind(Option<agents::Kind>),
    /// One of the persons behind the number.
    Choose(PersonId),
    /// The next one of them.
    NextPerson,
    /// 更正资料
    Correct,
    /// 修改记录, also once more after it could not be read.
    ShowHistory,
    /// What stood there before one of the changes goes into the form of a correction.
    TakeBack(usize),
    /// A field of that form.
    Edit(Edit),
    /// 保存
    SaveCorrection,
    /// Typed on the screen of a locked seat; redacted in any log.
    Password(Pii<String>),
    /// 解锁
    Unlock,
    /// Light or dark.
    SwitchMode,
    /// The other language.
    SwitchLanguage,
}

/// What the app must do about it.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// To the session.
    Wish(Wish),
    /// To the session, in order.
    Wishes(Vec<Wish>),
    /// Light or dark.
    SwitchMode,
    /// The other language.
    SwitchLanguage,
    /// A field gets the focus.
    Focus(&'static str),
    /// The same, and something for the session.
    FocusAnd(&'static str, Option<Wish>),
    /// A list scrolls to where the arrows have come: so far down of it, from 0 to 1.
    Scroll(&'static str, f32),
    /// Settings are to be kept, and to take effect.
    Keep(Box<Settings>),
    /// The strip, or the whole window again.
    ToggleMini,
    /// The main window to the front.
    Raise,
}

impl State {
    /// Keeps the last caller for wrap-up, and closes what no longer fits.
    pub(crate) fn observe(&mut self, view: &View) {
        let desk = view.desk.as_ref();
        if let Some(call) = desk.and_then(|desk| desk.call.as_ref()) {
            self.last_call = Some(call.clone());
        } else {
            self.keys.clear();
        }
        self.observe_papers(view);
        let rings = desk.is_some_and(|desk| desk.offer.is_some());
        let senseless = match &self.question {
            Some(Question::Reasons | Question::Correction(_) | Question::History(_)) if view.shows_lock() => true,
            Some(Question::Reasons) => !view.can_go_not_ready(),
            Some(Question::SignOut) => rings,
            Some(Question::Keypad) => !view.can_do(&CallFunction::PressKeys { keys: String::new() }),
            Some(Question::Password) => rings || view.saved == Some(Saved::Password) || view.shows_lock(),
            Some(Question::SoundTest) => !view.can_test_sound() || view.shows_lock(),
            Some(Question::Correction(form)) => rings || is_over(view, form.interaction()),
            Some(Question::History(sheet)) => rings || is_over(view, sheet.interaction),
            None => false,
        };
        if senseless {
            self.question = None;
        }
        if rings {
            self.page = Page::Desk;
            self.chooser = None;
        }
        if view.shows_lock() {
            // Whoever comes by shall find nothing open behind the lock.
            self.page = Page::Desk;
            self.chooser = None;
        } else {
            self.password = Pii::default();
        }
        if view.me.is_none() {
            *self = Self::default();
        }
    }

    /// One act of the person.
    pub(crate) fn update(&mut self, message: Message, scene: Scene<'_>, settings: &Settings) -> Action {
        let view = scene.view;
        match message {
            // The sheet from which the sound is tried out stays.
            Message::Wish(wish @ Wish::TestSound(_)) => return Action::Wish(wish),
            Message::Wish(wish) => return self.wish(wish),
            Message::ToggleReady => return self.toggle_ready(view, settings),
            Message::Digit(digit) => return self.choose(digit, view),
            Message::AskSignOut => self.question = Some(Question::SignOut),
            Message::CloseQuestion => return self.close(),
            Message::ToggleDrawer => self.drawer = !self.drawer,
            Message::ShowDesk => return self.turn_to(Page::Desk),
            Message::ShowAgents => return self.turn_to(Page::Agents),
            Message::ShowMessages => return self.turn_to(Page::Messages),
            Message::ShowSupervise => {
                self.supervise.open();
                return self.turn_to(Page::Supervise);
            }
            Message::Messages(act) => return self.messages.update(act, view).map_or(Action::None, Action::Wish),
            Message::Supervise(act) => return self.supervise.update(act, view).map_or(Action::None, Action::Wish),
            Message::NextCalls => {
                let shown = self.calls.unwrap_or(CallsPage::Mine);
                let page = if self.page == Page::Calls { calls_page::after(shown) } else { shown };
                return self.update(Message::ShowCalls(page), scene, settings);
            }
            Message::ShowCalls(page) => {
                (self.calls, self.call_row) = (Some(page), 0);
                return self.turn_to_with(Page::Calls, Wish::Look(shared::wire::Question::Calls { page }));
            }
            // Devices are listed anew each time: one may have been plugged in.
            Message::ShowSettings => return self.turn_to_with(Page::Settings, Wish::Sound(settings.sound.clone())),
            Message::Find(text) => self.filter.text = text,
            Message::FindKind(kind) => self.filter.kind = kind,
            Message::Choose(person) => self.chosen = Some(person),
            Message::NextPerson => self.choose_next(view),
            Message::Correct => return self.open_form(view),
            Message::ShowHistory => return self.open_history(view),
            Message::TakeBack(place) => return self.take_back(Some(place), view),
            Message::Edit(edit) => {
                if let Some(Question::Correction(form)) = &mut self.question {
                    form.edit(edit);
                }
            }
            Message::SaveCorrection => return self.save(),
            Message::Password(typed) => self.password = typed,
            Message::Unlock => return self.unlock(),
            Message::SwitchMode => return Action::SwitchMode,
            Message::SwitchLanguage => return Action::SwitchLanguage,
            Message::ToggleMini => return Action::ToggleMini,
            Message::Raise => return Action::Raise,
            other => return self.update_papers(other, scene, settings),
        }
        Action::None
    }

    /// Another page: who waits is asked for only where it is shown.
    fn turn_to(&mut self, page: Page) -> Action {
        let agents = (page != Page::Desk).then_some(Wish::WatchAgents(true));
        Action::Wishes(agents.into_iter().chain(self.turned(page)).collect())
    }

    /// The same, and what the page needs besides.
    fn turn_to_with(&mut self, page: Page, wish: Wish) -> Action {
        let turned = self.turned(page);
        Action::Wishes(turned.into_iter().chain([wish]).collect())
    }

    fn turned(&mut self, page: Page) -> Option<Wish> {
        let waited = std::mem::replace(&mut self.page, page) == Page::Supervise;
        let waits = page == Page::Supervise;
        (waited != waits).then_some(Wish::WatchWaiting(waits))
    }

    /// What fills the space below the call bar.
    pub(crate) fn page(&self) -> Page {
        self.page
    }

    /// Levels of microphone and loudspeaker are on the screen.
    pub(crate) fn shows_levels(&self, scene: Scene<'_>) -> bool {
        let view = scene.view;
        let own = self.page == Page::Desk && self.form_here(view).is_none() && (self.drawer || !has_drawer(scene));
        let tested = self.page == Page::Settings || matches!(self.question, Some(Question::SoundTest));
        (own || tested) && !view.shows_lock() && !view.must_change_password()
    }

    /// What came is on the screen before somebody's eyes.
    pub(crate) fn shows_messages(&self, view: &View) -> bool {
        self.page == Page::Messages && view.messages.unread() > 0
    }

    fn open_form(&mut self, view: &View) -> Action {
        let Some(call) = self.correctable(view).filter(|_| !self.is_covered()) else { return Action::None };
        self.question = Some(Question::Correction(Box::new(Form::new(call, self.person(call)))));
        Action::Focus(correction::NAME_FIELD)
    }

    fn open_history(&mut self, view: &View) -> Action {
        let once_more = matches!(self.question, Some(Question::History(_)));
        let whose = self.with_history(view).filter(|_| once_more || !self.is_covered());
        let Some((call, person)) = whose else { return Action::None };
        let sheet = history::Sheet::new(call, person);
        self.question = Some(Question::History(sheet));
        let (interaction, person) = (sheet.interaction, sheet.person);
        Action::Wish(Wish::Look(shared::wire::Question::CardHistory { interaction, person }))
    }

    /// What stood there before the change at this place, or before the selected one.
    fn take_back(&mut self, place: Option<usize>, view: &View) -> Action {
        let (Some(Question::History(sheet)), Some(whose)) = (&self.question, self.with_history(view)) else { return Action::None };
        let Some(form) = sheet.taken_back(place, view, whose) else { return Action::None };
        self.question = Some(Question::Correction(Box::new(form)));
        Action::Focus(correction::NAME_FIELD)
    }

    /// A sheet lies over the page: keys are for it, not for the fields below.
    pub(crate) fn is_covered(&self) -> bool {
        self.question.is_some() || self.chooser.is_some()
    }

    /// The call whose card can be corrected: never while another one rings, which is answered first.
    fn correctable<'a>(&'a self, view: &'a View) -> Option<&'a CallView> {
        let rings = view.desk.as_ref().is_some_and(|desk| desk.offer.is_some());
        let call = self.shown_call(view).filter(|call| !rings && call.caller.number.is_some());
        call.filter(|call| view.can_correct(call.interaction))
    }

    /// The call and the person whose card's history can be asked for.
    fn with_history<'a>(&'a self, view: &'a View) -> Option<(&'a CallView, &'a CallerPerson)> {
        let call = self.correctable(view).filter(|call| view.can_ask_card_history(call.interaction))?;
        Some((call, self.person(call)?))
    }

    /// Of several persons behind the number the one after the one who is shown, around.
    fn choose_next(&mut self, view: &View) {
        let Some(call) = self.shown_call(view) else { return };
        let persons = call.card.as_ref().map(|card| card.persons.as_slice()).unwrap_or_default();
        let shown = self.person(call).map(|person| person.person);
        let place = persons.iter().position(|person| Some(person.person) == shown).map_or(0, |place| place + 1);
        self.chosen = persons.get(place).or(persons.first()).map(|person| person.person);
    }

    /// Whether somebody else is registered by the form that is open, if one is.
    pub(crate) fn registers_another(&self) -> Option<bool> {
        if let Some(Question::Correction(form)) = &self.question { form.another() } else { None }
    }

    fn save(&mut self) -> Action {
        match &self.question {
            Some(Question::Correction(form)) => match form.correction() {
                Some(correction) => self.wish(Wish::Correct(correction)),
                None => Action::None,
            },
            Some(
                Question::Reasons | Question::SignOut | Question::History(_) | Question::Keypad | Question::Password | Question::SoundTest,
            )
            | None => Action::None,
        }
    }

    /// The call whose caller is on the left: the present one, or the one that is written up.
    fn shown_call<'a>(&'a self, view: &'a View) -> Option<&'a CallView> {
        let wrap_up = view.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref());
        present_call(view).or(wrap_up.and_then(|wrap_up| self.last_call(wrap_up.interaction)))
    }

    /// Of the persons behind the number, the one who is shown.
    fn person<'a>(&self, call: &'a CallView) -> Option<&'a CallerPerson> {
        let card = call.card.as_ref()?;
        card.persons.iter().find(|person| Some(person.person) == self.chosen).or(card.first())
    }

    fn wish(&mut self, wish: Wish) -> Action {
        if let Wish::GoNotReady(reason) = wish {
            self.wanted = Some(reason);
        }
        self.question = None;
        self.drawer = false;
        Action::Wish(wish)
    }

    fn toggle_ready(&mut self, view: &View, settings: &Settings) -> Action {
        if view.can_go_ready() {
            return self.go_ready(view, settings);
        }
        if view.can_go_not_ready() && self.question.is_none() {
            self.question = Some(Question::Reasons);
        }
        Action::None
    }

    fn choose(&mut self, digit: usize, view: &View) -> Action {
        let reason = digit.checked_sub(1).and_then(|index| NotReadyReason::CHOOSABLE.get(index));
        if matches!(self.question, Some(Question::Reasons)) && digit == NotReadyReason::CHOOSABLE.len() + 1 {
            return self.wish(Wish::Lock);
        }
        // The sheet and the page have the same two buttons.
        let tries = matches!(self.question, Some(Question::SoundTest)) || self.page == Page::Settings && !self.is_covered();
        match (&self.question, reason) {
            (_, _) if tries => settings::digit(digit, view).map_or(Action::None, Action::Wish),
            (Some(Question::Reasons), Some(reason)) => self.wish(Wish::GoNotReady(*reason)),
            (_, _) => Action::None,
        }
    }

    fn last_call(&self, interaction: InteractionId) -> Option<&CallView> {
        self.last_call.as_ref().filter(|call| call.interaction == interaction)
    }

    /// The whole screen.
    pub(crate) fn view<'a>(&'a self, scene: Scene<'a>, server: &'a str, settings: &'a Settings) -> Element<'a, Message> {
        if scene.view.must_change_password() {
            return password::first(&self.new_password, scene);
        }
        if scene.view.shows_lock() {
            return self.locked(scene);
        }
        let palette = scene.palette;
        let below = match self.page {
            Page::Desk => self.desk(scene),
            Page::Agents => page(scene, agents::view(&self.filter, scene)),
            Page::Calls => page(scene, calls_page::view(self.calls.unwrap_or(CallsPage::Mine), self.call_row, scene)),
            Page::Settings => page(scene, settings::view(settings, scene)),
            Page::Messages => page(scene, self.messages.view(scene)),
            Page::Supervise => page(scene, self.supervise.view(scene)),
        };
        let below = known_as(self.page as u64, below);
        let work = column![call_bar::view(self, scene), hairline(palette).width(Fill).height(1.0), below];
        let upper = row![self.rail(scene), hairline(palette).width(1.0).height(Fill), work];
        let whole = column![upper.height(Fill), hairline(palette).width(Fill).height(1.0), status_line::view(scene, server)];
        let whole = container(whole).width(Fill).height(Fill).style(move |_| theme::page(palette));
        let layers: Stack<'a, Message> = stack![layer(stack![whole].push(layers::toast(self, scene)), !self.is_covered())]
            .push(self.question.as_ref().map(|question| layer(self.question_view(scene, question, settings), self.chooser.is_none())))
            .push(self.chooser.as_ref().map(|chooser| layer(chooser.view(scene), true)));
        layers.into()
    }

    fn rail<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (palette, texts) = (scene.palette, &scene.texts.frame);
        let drawer = has_drawer(scene).then(|| rail_item(palette, Icon::Panel, texts.my_state, self.drawer, Some(Message::ToggleDrawer)));
        let (mode_icon, mode_word) = if scene.dark { (Icon::Sun, texts.light_key) } else { (Icon::Moon, texts.dark_key) };
        let (house, papers, floor) = (&scene.texts.house, &scene.texts.papers, &scene.texts.floor);
        let place = |icon: Icon, word: &'a str, page: Page, act: Message| {
            rail_item(palette, icon, word, self.page == page, (self.page != page).then_some(act))
        };
        let calls = Message::ShowCalls(self.calls.unwrap_or(CallsPage::Mine));
        let messages = place(Icon::Message, floor.messages, Page::Messages, Message::ShowMessages);
        let supervises = scene.view.rules.supervises.is_some();
        let supervise = supervises.then(|| place(Icon::Eye, floor.supervise, Page::Supervise, Message::ShowSupervise));
        let places = column![
            place(Icon::Headset, texts.desk, Page::Desk, Message::ShowDesk),
            place(Icon::List, papers.calls, Page::Calls, calls),
            place(Icon::People, house.agents, Page::Agents, Message::ShowAgents),
            stack![messages].push(unread(scene)),
        ]
        .push(supervise)
        .push(drawer)
        .spacing(space::XS);
        // In a low window the places scroll; what is below stays in reach.
        let hidden = scrollable::Direction::Vertical(scrollable::Scrollbar::hidden());
        let places = column![
            scrollable(places).direction(hidden).height(Fill),
            rail_item(palette, mode_icon, mode_word, false, Some(Message::SwitchMode)),
            place(Icon::Gear, papers.settings, Page::Settings, Message::ShowSettings),
            rail_item(palette, Icon::SignOut, texts.sign_out, false, Some(Message::AskSignOut)),
        ];
        let rail = container(places.spacing(space::XS)).width(size::RAIL).height(Fill).padding(space::S);
        ranked(rank::RAIL, rail.style(move |_| theme::bar(palette)))
    }

    fn desk<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (left, right) = if scene.width >= WIDE_FROM { (380.0, 320.0) } else { (300.0, 236.0) };
        let own = container(self.right(scene)).width(right).height(Fill);
        let columns = row![container(caller::view(self, scene)).width(left), stage::view(self, scene)].spacing(space::M).height(Fill);
        let columns: Element<'a, Message> = match (has_drawer(scene), self.drawer) {
            (false, _) => columns.push(own).into(),
            (true, false) => columns.into(),
            (true, true) => {
                let drawer = container(own).padding(iced::Padding::ZERO.left(space::M)).style(move |_| theme::drawer(scene.palette));
                stack![columns, container(iced::widget::opaque(drawer)).align_right(Fill).height(Fill)].into()
            }
        };
        page(scene, columns)
    }
}

/// A page of its own below the call bar.
fn page<'a>(scene: Scene<'a>, content: Element<'a, Message>) -> Element<'a, Message> {
    let whole = column![above(layers::banner(scene), space::M), content].padding(space::M);
    container(whole).width(Fill).height(Fill).into()
}

/// How many messages were not read, at the corner of their place in the rail.
fn unread<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let count = scene.view.messages.unread();
    let word = iced::widget::text(count.min(99)).size(text_size::HINT).font(crate::font::BOLD);
    let badge = container(word).padding([0.0, 5.0]).style(move |_| theme::chip(scene.palette, Tone::Red, 7.0));
    (count > 0).then(|| container(badge).align_right(Fill).padding([2.0, 4.0]).into())
}

/// The desk has come back without the call, so that its card can be corrected no more.
fn is_over(view: &View, interaction: InteractionId) -> bool {
    view.link == LinkState::Online && !view.asked && !view.can_correct(interaction)
}

fn has_drawer(scene: Scene<'_>) -> bool {
    scene.width < DRAWER_BELOW
}

/// The colour that goes with a state's word.
pub(crate) fn tone(state: Option<AgentState>) -> Tone {
    match state {
        Some(AgentState::Ready) => Tone::Green,
        Some(AgentState::Offered) => Tone::Amber,
        Some(AgentState::Talking | AgentState::Outbound) => Tone::Blue,
        Some(AgentState::Holding | AgentState::Consulting) => Tone::Violet,
        Some(AgentState::WrapUp) => Tone::Teal,
        Some(AgentState::NotReady(_)) => Tone::Red,
        Some(AgentState::Lost) | None => Tone::Grey,
    }
}

/// The sign that goes with a state's word.
fn sign(state: Option<AgentState>) -> Icon {
    match state {
        Some(AgentState::Ready) => Icon::Ready,
        Some(AgentState::Offered | AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound) => {
            Icon::Phone
        }
        Some(AgentState::WrapUp) => Icon::Pencil,
        Some(AgentState::NotReady(_)) => Icon::Busy,
        Some(AgentState::Lost) | None => Icon::Lost,
    }
}

/// The call that rings or runs.
fn present_call(view: &View) -> Option<&CallView> {
    let desk = view.desk.as_ref()?;
    desk.offer.as_ref().map(|offer| &offer.call).or(desk.call.as_ref())
}

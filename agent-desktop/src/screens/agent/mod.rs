//! The agent's desk: who calls on the left, what happens now in the middle, my own state on the right; the call bar above,
//! the status line below. Nothing moves: a button that is impossible now is dimmed at its place.

mod agents;
mod call_bar;
mod caller;
pub(crate) mod correction;
mod functions;
mod layers;
pub(crate) mod lock;
pub(crate) mod messages;
mod own;
mod stage;
mod status_line;
pub(crate) mod supervise;

use super::Scene;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{Icon, hairline, rail_item};
use correction::{Edit, Form};
use desktop_core::{LinkState, View, Wish};
use iced::widget::{Stack, column, container, row, space as gap, stack};
use iced::{Element, Fill};
use shared::model::{AgentState, CallView, CallerPerson, InteractionId, NotReadyReason, PersonId};
use shared::pii::Pii;

/// Below this width of the window the right column is a drawer.
const DRAWER_BELOW: f32 = 1_100.0;
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
    /// What is typed into the field for whom to call.
    callee: String,
    /// What was typed to unlock the seat.
    password: Pii<String>,
}

/// What fills the space below the call bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Page {
    #[default]
    Desk,
    Agents,
    Messages,
    Supervise,
}

/// A question over the desk.
#[derive(Debug, Clone)]
enum Question {
    Reasons,
    SignOut,
    Correction(Box<Form>),
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
    /// 消息
    ShowMessages,
    /// On that page.
    Messages(messages::Act),
    /// 督办
    ShowSupervise,
    /// On that page.
    Supervise(supervise::Act),
    /// What is typed into the field for whom to call.
    Callee(String),
    /// What is looked for among the agents.
    Find(String),
    /// Only agents in this kind of state.
    FindKind(Option<agents::Kind>),
    /// One of the persons behind the number.
    Choose(PersonId),
    /// 更正资料
    Correct,
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
#[derive(Debug, PartialEq, Eq)]
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
}

impl State {
    /// Keeps the last caller for wrap-up, and closes what no longer fits.
    pub(crate) fn observe(&mut self, view: &View) {
        let desk = view.desk.as_ref();
        if let Some(call) = desk.and_then(|desk| desk.call.as_ref()) {
            self.last_call = Some(call.clone());
        }
        let rings = desk.is_some_and(|desk| desk.offer.is_some());
        let senseless = match &self.question {
            Some(Question::Reasons | Question::Correction(_)) if view.shows_lock() => true,
            Some(Question::Reasons) => !view.can_go_not_ready(),
            Some(Question::SignOut) => rings,
            Some(Question::Correction(form)) => {
                rings || view.link == LinkState::Online && !view.asked && !view.can_correct(form.interaction())
            }
            None => false,
        };
        if senseless {
            self.question = None;
        }
        if rings {
            self.page = Page::Desk;
        }
        if view.shows_lock() {
            // Whoever comes by shall find nothing open behind the lock.
            self.page = Page::Desk;
        } else {
            self.password = Pii::default();
        }
        if view.me.is_none() {
            *self = Self::default();
        }
    }

    /// One act of the person.
    pub(crate) fn update(&mut self, message: Message, view: &View) -> Action {
        match message {
            Message::Wish(wish) => return self.wish(wish),
            Message::ToggleReady => return self.toggle_ready(view),
            Message::Digit(digit) => return self.choose(digit),
            Message::AskSignOut => self.question = Some(Question::SignOut),
            Message::CloseQuestion => {
                self.question = None;
                self.drawer = false;
            }
            Message::ToggleDrawer => self.drawer = !self.drawer,
            Message::ShowDesk => return self.turn_to(Page::Desk),
            Message::ShowAgents => return self.turn_to(Page::Agents),
            Message::ShowMessages => return self.turn_to(Page::Messages),
            Message::ShowSupervise => return self.turn_to(Page::Supervise),
            Message::Messages(act) => return self.messages.update(act, view).map_or(Action::None, Action::Wish),
            Message::Supervise(act) => return self.supervise.update(act, view).map_or(Action::None, Action::Wish),
            Message::Callee(text) => {
                self.callee = functions::typed(text);
                // A staff number is known by the list of all agents.
                return if view.agents.is_none() { Action::Wish(Wish::WatchAgents(true)) } else { Action::None };
            }
            Message::Find(text) => self.filter.text = text,
            Message::FindKind(kind) => self.filter.kind = kind,
            Message::Choose(person) => self.chosen = Some(person),
            Message::Correct => self.open_form(view),
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
        }
        Action::None
    }

    /// Another page: who is followed and who waits is asked for only where it is shown.
    fn turn_to(&mut self, page: Page) -> Action {
        let waited = self.page == Page::Supervise;
        self.page = page;
        let agents = Wish::WatchAgents(page != Page::Desk);
        match (waited, page == Page::Supervise) {
            (false, true) => Action::Wishes(vec![agents, Wish::WatchWaiting(true)]),
            (true, false) => Action::Wishes(vec![agents, Wish::WatchWaiting(false)]),
            (false, false) | (true, true) => Action::Wish(agents),
        }
    }

    /// What came is on the screen before somebody's eyes.
    pub(crate) fn shows_messages(&self, view: &View) -> bool {
        self.page == Page::Messages && view.messages.unread() > 0
    }

    fn open_form(&mut self, view: &View) {
        if let Some(call) = self.shown_call(view).filter(|call| view.can_correct(call.interaction)) {
            self.question = Some(Question::Correction(Box::new(Form::new(call, self.person(call)))));
        }
    }

    fn save(&mut self) -> Action {
        match &self.question {
            Some(Question::Correction(form)) => match form.correction() {
                Some(correction) => self.wish(Wish::Correct(correction)),
                None => Action::None,
            },
            Some(Question::Reasons | Question::SignOut) | None => Action::None,
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

    fn toggle_ready(&mut self, view: &View) -> Action {
        if view.can_go_ready() {
            return self.wish(Wish::GoReady);
        }
        if view.can_go_not_ready() && self.question.is_none() {
            self.question = Some(Question::Reasons);
        }
        Action::None
    }

    fn choose(&mut self, digit: usize) -> Action {
        let reason = digit.checked_sub(1).and_then(|index| NotReadyReason::CHOOSABLE.get(index));
        if matches!(self.question, Some(Question::Reasons)) && digit == NotReadyReason::CHOOSABLE.len() + 1 {
            return self.wish(Wish::Lock);
        }
        match (&self.question, reason) {
            (Some(Question::Reasons), Some(reason)) => self.wish(Wish::GoNotReady(*reason)),
            (Some(Question::Reasons | Question::SignOut | Question::Correction(_)) | None, _) => Action::None,
        }
    }

    fn last_call(&self, interaction: InteractionId) -> Option<&CallView> {
        self.last_call.as_ref().filter(|call| call.interaction == interaction)
    }

    /// The whole screen.
    pub(crate) fn view<'a>(&'a self, scene: Scene<'a>, server: &'a str) -> Element<'a, Message> {
        if scene.view.shows_lock() {
            return self.locked(scene);
        }
        let palette = scene.palette;
        let below = match self.page {
            Page::Desk => self.desk(scene),
            Page::Agents => self.all_agents(scene),
            Page::Messages => page(scene, self.messages.view(scene)),
            Page::Supervise => page(scene, self.supervise.view(scene)),
        };
        let work = column![call_bar::view(self, scene), hairline(palette).width(Fill).height(1.0), below];
        let upper = row![self.rail(scene), hairline(palette).width(1.0).height(Fill), work];
        let page = column![upper.height(Fill), hairline(palette).width(Fill).height(1.0), status_line::view(scene, server)];
        let page = container(page).width(Fill).height(Fill).style(move |_| theme::page(palette));
        let layers: Stack<'a, Message> =
            stack![page].push(layers::toast(self, scene)).push(self.question.as_ref().map(|question| question_view(scene, question)));
        layers.into()
    }

    fn rail<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (palette, texts) = (scene.palette, &scene.texts.frame);
        let drawer = has_drawer(scene).then(|| rail_item(palette, Icon::Panel, texts.my_state, self.drawer, Some(Message::ToggleDrawer)));
        let (mode_icon, mode_word) = if scene.dark { (Icon::Sun, texts.light_key) } else { (Icon::Moon, texts.dark_key) };
        let place = |sign, word: &'a str, page: Page, act: Message| {
            let here = self.page == page;
            rail_item(palette, sign, word, here, (!here).then_some(act))
        };
        let (house, floor) = (&scene.texts.house, &scene.texts.floor);
        let desk = place(Icon::Headset, texts.desk, Page::Desk, Message::ShowDesk);
        let agents = place(Icon::People, house.agents, Page::Agents, Message::ShowAgents);
        let messages = place(Icon::Message, floor.messages, Page::Messages, Message::ShowMessages);
        let messages = stack![messages].push(unread(scene));
        let supervises = scene.view.rules.supervises.is_some();
        let supervise = supervises.then(|| place(Icon::Eye, floor.supervise, Page::Supervise, Message::ShowSupervise));
        let places = column![desk, agents, messages]
            .push(supervise)
            .push(drawer)
            .push(gap::vertical())
            .push(rail_item(palette, mode_icon, mode_word, false, Some(Message::SwitchMode)))
            .push(rail_item(palette, Icon::SignOut, texts.sign_out, false, Some(Message::AskSignOut)));
        let rail = container(places.spacing(space::XS)).width(size::RAIL).height(Fill).padding(space::S);
        rail.style(move |_| theme::bar(palette)).into()
    }

    fn all_agents<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let whole = column![].push(layers::banner(scene)).push(agents::view(&self.filter, scene)).spacing(space::M).padding(space::M);
        container(whole).width(Fill).height(Fill).into()
    }

    fn desk<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (left, right) = if scene.width >= WIDE_FROM { (380.0, 320.0) } else { (300.0, 236.0) };
        let own = container(own::view(scene)).width(right).height(Fill);
        let columns = row![container(caller::view(self, scene)).width(left), stage::view(self, scene)].spacing(space::M).height(Fill);
        let columns: Element<'a, Message> = match (has_drawer(scene), self.drawer) {
            (false, _) => columns.push(own).into(),
            (true, false) => columns.into(),
            (true, true) => {
                let drawer = container(own).padding(iced::Padding::ZERO.left(space::M)).style(move |_| theme::drawer(scene.palette));
                stack![columns, container(iced::widget::opaque(drawer)).align_right(Fill).height(Fill)].into()
            }
        };
        let whole = column![].push(layers::banner(scene)).push(columns).spacing(space::M).padding(space::M);
        container(whole).width(Fill).height(Fill).into()
    }
}

/// A page of its own below the call bar.
fn page<'a>(scene: Scene<'a>, content: Element<'a, Message>) -> Element<'a, Message> {
    let whole = column![].push(layers::banner(scene)).push(content).spacing(space::M).padding(space::M);
    container(whole).width(Fill).height(Fill).into()
}

/// How many messages were not read, at the corner of their place in the rail.
fn unread<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let count = scene.view.messages.unread();
    let word = iced::widget::text(count.min(99)).size(text_size::HINT).font(crate::font::BOLD);
    let badge = container(word).padding([0.0, 5.0]).style(move |_| theme::chip(scene.palette, Tone::Red, 7.0));
    (count > 0).then(|| container(badge).align_right(Fill).padding([2.0, 4.0]).into())
}

fn has_drawer(scene: Scene<'_>) -> bool {
    scene.width < DRAWER_BELOW
}

fn question_view<'a>(scene: Scene<'a>, question: &'a Question) -> Element<'a, Message> {
    match question {
        Question::Reasons => layers::reasons(scene),
        Question::SignOut => layers::sign_out(scene),
        Question::Correction(form) => layers::question(scene, correction::view(form, scene)),
    }
}

/// The colour that goes with a state's word.
fn tone(state: Option<AgentState>) -> Tone {
    match state {
        Some(AgentState::Ready) => Tone::Green,
        Some(AgentState::Offered) => Tone::Amber,
        Some(AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound) => Tone::Blue,
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

//! 督办 (1-14, 2.4): a supervisor's team and the citizens who wait. Each act needs a reason; what hurts is asked twice.

use super::{Message, Scene, caller, sign, tone};
use crate::font;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{above, body, button, card, filled, group, heading, icon, known_as, label, long_list, plain, scroll, strong};
use desktop_core::{View, Wish};
use iced::widget::{Column, Row, center, column, container, row, space as gap, text, text_input};
use iced::{Center, Element, Fill};
use shared::model::{AgentId, AgentState, FloorRow, InteractionId, MAX_REASON, NotReadyReason, SupervisorAct, WatchMode};
use shared::wire::WaitingRow;
use std::mem::discriminant;

/// Width of the list of the team.
const LIST_WIDTH: f32 = 330.0;

/// What is chosen and typed.
#[derive(Debug, Default)]
pub(crate) struct State {
    chosen: Option<AgentId>,
    reason: String,
    /// An act that hurts, before its yes.
    asked: Option<SupervisorAct>,
    /// The act that was asked about last: the keyboard is at its button again afterwards.
    last: Option<SupervisorAct>,
    /// A citizen who is to go to another line.
    moving: Option<InteractionId>,
}

/// What the person does here.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// One of the team.
    Choose(AgentId),
    /// Why.
    Reason(String),
    /// An act; asked again if it hurts.
    Do(SupervisorAct),
    /// 确认
    Confirm,
    /// 取消
    Cancel,
    /// 移到: to which line is asked.
    Move(InteractionId),
}

/// Whether an act takes something from somebody.
fn hurts(act: SupervisorAct) -> bool {
    match act {
        SupervisorAct::TakeOver { .. }
        | SupervisorAct::Release { .. }
        | SupervisorAct::ForceNotReady { .. }
        | SupervisorAct::ForceSignOut { .. } => true,
        SupervisorAct::Watch { .. }
        | SupervisorAct::Unwatch
        | SupervisorAct::ForceReady { .. }
        | SupervisorAct::Move { .. }
        | SupervisorAct::PickUp { .. } => false,
    }
}

impl State {
    /// One act; the wish that follows from it.
    pub(super) fn update(&mut self, act: Act, view: &View) -> Option<Wish> {
        match act {
            Act::Choose(agent) => (self.chosen, self.asked, self.last) = (Some(agent), None, None),
            Act::Reason(reason) => self.reason = reason.chars().take(MAX_REASON).collect(),
            Act::Do(act) if hurts(act) => {
                self.asked = self.may_act(view).then_some(act);
                self.last = self.asked;
            }
            Act::Do(act) => return self.wish(act, view),
            Act::Confirm => return self.asked.and_then(|act| self.wish(act, view)),
            Act::Cancel => (self.asked, self.moving) = (None, None),
            Act::Move(interaction) => self.moving = Some(interaction),
        }
        None
    }

    /// The page is turned to.
    pub(super) fn open(&mut self) {
        self.last = None;
    }

    fn may_act(&self, view: &View) -> bool {
        view.can_supervise() && !self.reason.trim().is_empty()
    }

    fn wish(&mut self, act: SupervisorAct, view: &View) -> Option<Wish> {
        if !self.may_act(view) {
            return None;
        }
        (self.asked, self.moving) = (None, None);
        Some(Wish::Supervise(act, self.reason.trim().to_owned()))
    }

    pub(super) fn view<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let team = card(scene.palette, self.team(scene)).width(LIST_WIDTH).height(Fill);
        let right =
            column![card(scene.palette, self.acts(scene)).width(Fill), card(scene.palette, self.waiting(scene)).width(Fill).height(Fill)];
        row![team, right.spacing(space::M)].spacing(space::M).into()
    }

    fn team<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let floor = scene.view.agents.as_ref().map(|floor| &floor.rows).into_iter().flatten();
        let mine: Vec<_> = floor.filter(|(agent, row)| scene.view.supervises(**agent, &row.queues)).collect();
        let rows: Element<'a, Message> = if mine.is_empty() {
            let word = if scene.view.agents.is_some() { texts.nobody } else { texts.loading };
            center(label(scene.palette, word).size(text_size::BODY)).into()
        } else {
            let lines = long_list(mine.len(), size::ROW + space::XS, move |place| {
                let (agent, row) = mine[place];
                self.member(scene, *agent, row)
            });
            group(scroll(scene.palette, lines).height(Fill))
        };
        column![heading(scene.palette, texts.team), rows].spacing(space::S).into()
    }

    fn member<'a>(&'a self, scene: Scene<'a>, agent: AgentId, one: &'a FloorRow) -> Element<'a, Message> {
        let palette = scene.palette;
        let seen = one.connected.then_some(one.state);
        let state = seen.map_or(scene.texts.house.cut, |state| scene.texts.state_word(state));
        let chosen = (self.chosen == Some(agent)).then_some(Tone::Blue);
        let content = row![
            icon(sign(seen), palette.color(tone(seen))).width(16.0).height(16.0),
            body(format!("{} {}", one.number, one.name)).wrapping(text::Wrapping::None),
            gap::horizontal(),
            text(state).size(text_size::LABEL).color(palette.color(tone(seen))),
            strong(scene.clock_since(one.since)).size(text_size::LABEL),
        ];
        let place = button(container(content.spacing(space::S).align_y(Center)).center_y(Fill)).width(Fill).height(size::ROW);
        let place = place.padding([0.0, space::S]).present(chosen.is_some()).on_press(Message::Supervise(Act::Choose(agent)));
        place.style(move |_, status| theme::button_row(palette, chosen, status)).into()
    }

    fn acts<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let field = text_input(texts.reason, &self.reason).on_input(|text| Message::Supervise(Act::Reason(text))).size(text_size::BODY);
        let field = field.padding([7.0, 10.0]).width(Fill).style(move |_, status| theme::field(scene.palette, status));
        let floor = scene.view.agents.as_ref();
        let chosen = self.chosen.and_then(|agent| Some((agent, floor?.rows.get(&agent)?)));
        let hint = (!self.may_act(scene.view)).then(|| label(scene.palette, texts.reason_needed));
        let below: Element<'a, Message> = match (chosen, self.asked) {
            (Some((_, one)), Some(act)) => self.question(scene, one, act),
            (Some((agent, one)), None) => self.buttons(scene, agent, one),
            (None, _) => label(scene.palette, texts.choose_agent).size(text_size::BODY).into(),
        };
        let below =
            column![above(hint, space::M), above(self.watched(scene), space::M), group(known_as(self.asked.is_some().into(), below))];
        column![field, below].spacing(space::M).into()
    }

    /// Whom one listens to now.
    fn watched<'a>(&'a self, scene: Scene<'a>) -> Option<Element<'a, Message>> {
        let watch = scene.view.desk.as_ref()?.watches?;
        let texts = &scene.texts.floor;
        let mode = match watch.mode {
            WatchMode::Listen => texts.listen,
            WatchMode::Whisper => texts.whisper,
            WatchMode::Barge => texts.barge,
        };
        let row_of = scene.view.agents.as_ref().and_then(|floor| floor.rows.get(&watch.agent));
        let name = row_of.map(|row| format!("{} {}", row.number, row.name)).unwrap_or_default();
        let words = strong(format!("{} {name} · {mode}", texts.watching)).color(scene.palette.color(Tone::Blue));
        Some(row![words, gap::horizontal(), self.button(scene, texts.stop, SupervisorAct::Unwatch, true)].align_y(Center).into())
    }

    fn button<'a>(&'a self, scene: Scene<'a>, word: &'a str, act: SupervisorAct, possible: bool) -> Element<'a, Message> {
        let was_asked = self.last.is_some_and(|last| discriminant(&last) == discriminant(&act));
        let act = (possible && self.may_act(scene.view)).then_some(Message::Supervise(Act::Do(act)));
        let place = plain(scene.palette, word, act);
        if was_asked { place.first().into() } else { place.into() }
    }

    fn buttons<'a>(&'a self, scene: Scene<'a>, agent: AgentId, one: &'a FloorRow) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let in_call = matches!(one.state, AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound);
        let away = matches!(one.state, AgentState::NotReady(_));
        let watch = |word, mode| {
            let now = scene.view.desk.as_ref().and_then(|desk| desk.watches);
            let is_so = now.is_some_and(|watch| (watch.agent, watch.mode) == (agent, mode));
            self.button(scene, word, SupervisorAct::Watch { agent, mode }, !is_so)
        };
        let reason = NotReadyReason::Break;
        let name = strong(format!("{} {}", one.number, one.name)).size(text_size::NUMBER);
        let hear =
            row![watch(texts.listen, WatchMode::Listen), watch(texts.whisper, WatchMode::Whisper), watch(texts.barge, WatchMode::Barge)];
        let call = row![
            self.button(scene, texts.take_over, SupervisorAct::TakeOver { agent }, in_call),
            self.button(scene, texts.release, SupervisorAct::Release { agent }, in_call),
        ];
        let state = row![
            self.button(scene, texts.force_ready, SupervisorAct::ForceReady { agent }, away || one.state == AgentState::WrapUp),
            self.button(scene, texts.force_not_ready, SupervisorAct::ForceNotReady { agent, reason }, !away),
            self.button(scene, texts.force_sign_out, SupervisorAct::ForceSignOut { agent }, true),
        ];
        let lines = row![hear.spacing(space::S), call.spacing(space::S)].spacing(space::XL);
        column![name, lines, state.spacing(space::S)].spacing(space::M).into()
    }

    /// What the act does to whom, and yes or no.
    fn question<'a>(&'a self, scene: Scene<'a>, one: &'a FloorRow, act: SupervisorAct) -> Element<'a, Message> {
        let (texts, palette) = (&scene.texts.floor, scene.palette);
        let (word, effect) = match act {
            SupervisorAct::TakeOver { .. } => (texts.take_over, texts.take_over_effect),
            SupervisorAct::Release { .. } => (texts.release, texts.release_effect),
            SupervisorAct::ForceNotReady { .. } => (texts.force_not_ready, texts.not_ready_effect),
            SupervisorAct::ForceSignOut { .. } => (texts.force_sign_out, texts.sign_out_effect),
            SupervisorAct::Watch { .. }
            | SupervisorAct::Unwatch
            | SupervisorAct::ForceReady { .. }
            | SupervisorAct::Move { .. }
            | SupervisorAct::PickUp { .. } => ("", ""),
        };
        let yes = self.may_act(scene.view).then_some(Message::Supervise(Act::Confirm));
        let acts = row![
            plain(palette, scene.texts.frame.cancel, Some(Message::Supervise(Act::Cancel))).first(),
            filled(palette, texts.confirm, None, yes)
        ];
        let what = text(format!("{word} · {} {}", one.number, one.name)).size(text_size::NUMBER).font(font::BOLD);
        let reasons = reasons(scene, act);
        column![what.color(palette.color(Tone::Red)), body(effect)].push(reasons).push(acts.spacing(space::S)).spacing(space::M).into()
    }

    fn waiting<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let empty = |word: &'a str| Element::from(center(label(scene.palette, word).size(text_size::BODY)));
        let rows = match &scene.view.waiting {
            None => empty(texts.loading),
            Some(rows) if rows.is_empty() => empty(texts.nobody_waits),
            Some(rows) => {
                let lines = rows.iter().map(|row| self.waits(scene, row));
                group(scroll(scene.palette, Column::with_children(lines).spacing(space::XS)).height(Fill))
            }
        };
        column![heading(scene.palette, texts.waiting), rows].spacing(space::S).into()
    }

    fn waits<'a>(&'a self, scene: Scene<'a>, one: &'a WaitingRow) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let interaction = one.interaction;
        let name = |queue| scene.view.rules.queues.iter().find(|(known, _)| *known == queue).map(|(_, name)| name.as_str());
        let mut line: Row<'a, Message> = row![
            body(caller::number_of(scene, &one.caller)),
            label(scene.palette, name(one.queue).unwrap_or_default()),
            label(scene.palette, if one.rings { texts.rings } else { "" }),
            gap::horizontal(),
            strong(scene.clock_since(one.since)),
        ];
        if self.moving == Some(interaction) {
            line = line.push(label(scene.palette, texts.move_to));
            for (queue, name) in scene.view.rules.queues.iter().filter(|(queue, _)| *queue != one.queue) {
                line = line.push(self.button(scene, name.as_str(), SupervisorAct::Move { interaction, queue: *queue }, true));
            }
            line = line.push(plain(scene.palette, scene.texts.frame.cancel, Some(Message::Supervise(Act::Cancel))));
        } else {
            let may = self.may_act(scene.view) && !one.rings;
            line = line.push(self.button(scene, texts.pick_up, SupervisorAct::PickUp { interaction }, true));
            line = line.push(plain(scene.palette, texts.move_to, may.then_some(Message::Supervise(Act::Move(interaction)))));
        }
        known_as(interaction.0, line.spacing(space::S).align_y(Center))
    }
}

/// 强制示忙: as what. The one that will be set is marked.
fn reasons<'a>(scene: Scene<'a>, act: SupervisorAct) -> Option<Element<'a, Message>> {
    let SupervisorAct::ForceNotReady { agent, reason: chosen } = act else { return None };
    let one = |reason: NotReadyReason| {
        let tone = (reason == chosen).then_some(Tone::Red);
        let word = container(body(scene.texts.reason_word(reason))).center_y(Fill);
        let place = button(word).height(size::ROW).padding([0.0, space::M]);
        let place = place.on_press(Message::Supervise(Act::Do(SupervisorAct::ForceNotReady { agent, reason })));
        Element::from(place.style(move |_, status| theme::button_row(scene.palette, tone, status)))
    };
    Some(Row::with_children(NotReadyReason::CHOOSABLE.map(one)).spacing(space::S).into())
}

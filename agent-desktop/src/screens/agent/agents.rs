//! 全部座席: everybody signed in, with what each does and for how long; found by number, name or state.

use super::{Message, Scene, caller, sign, tone};
use crate::font;
use crate::theme::{self, radius, size, space, text_size};
use crate::widget::{body, button, card, group, hairline, heading, icon, label, long_list, plain_keys, scroll};
use iced::widget::{Row, center, column, container, row, space as gap, text, text_input};
use iced::{Center, Element, Fill, Right};
use shared::model::{AgentState, Floor, FloorRow};

/// Widths of the columns: number, name, state, since, queue, partner; calls today takes what is left.
const WIDTHS: [f32; 6] = [72.0, 112.0, 148.0, 76.0, 132.0, 132.0];
/// Width of the field for finding.
const FIND_WIDTH: f32 = 220.0;

/// What is shown of the list.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Part of a number or a name.
    pub(super) text: String,
    /// Only agents in this kind of state.
    pub(super) kind: Option<Kind>,
}

/// Kinds of states, as people ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 空闲
    Ready,
    /// 振铃, 通话中
    Busy,
    /// 话后处理
    WrapUp,
    /// 示忙, 断线
    Away,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Ready, Self::Busy, Self::WrapUp, Self::Away];

    fn of(state: AgentState) -> Self {
        match state {
            AgentState::Ready => Self::Ready,
            AgentState::Offered | AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound => Self::Busy,
            AgentState::WrapUp => Self::WrapUp,
            AgentState::NotReady(_) | AgentState::Lost => Self::Away,
        }
    }
}

impl Filter {
    fn takes(&self, row: &FloorRow) -> bool {
        let fits = desktop_core::found(&row.number, &self.text) || desktop_core::found(&row.name, &self.text);
        fits && self.kind.is_none_or(|kind| Kind::of(row.state) == kind)
    }
}

pub(super) fn view<'a>(filter: &'a Filter, scene: Scene<'a>) -> Element<'a, Message> {
    let texts = &scene.texts.house;
    let content: Element<'a, Message> = match &scene.view.agents {
        None => center(label(scene.palette, texts.agents_loading).size(text_size::BODY)).into(),
        Some(floor) => table(filter, scene, floor),
    };
    card(scene.palette, content).width(Fill).height(Fill).into()
}

fn table<'a>(filter: &'a Filter, scene: Scene<'a>, floor: &'a Floor) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.house);
    let mut shown: Vec<&FloorRow> = floor.rows.values().filter(|row| filter.takes(row)).collect();
    shown.sort_by(|one, other| one.number.cmp(&other.number));
    let count = label(palette, (texts.count)(shown.len(), floor.rows.len()));
    let top = row![heading(palette, texts.agents), count].push(super::figures::stale(scene));
    let top = row![top.spacing(space::M).align_y(Center), gap::horizontal(), kinds(filter, scene), find(filter, scene)];
    let rows: Element<'a, Message> = if shown.is_empty() {
        center(label(palette, texts.agents_none).size(text_size::BODY)).into()
    } else {
        let lines = long_list(shown.len(), size::ROW + 1.0, move |place| {
            column![line(scene, shown[place]), hairline(palette).width(Fill).height(1.0)].into()
        });
        scroll(scene.palette, lines).width(Fill).height(Fill).into()
    };
    column![top.spacing(space::M).align_y(Center), head(scene), hairline(palette).width(Fill).height(1.0), rows].spacing(space::S).into()
}

fn kinds<'a>(filter: &'a Filter, scene: Scene<'a>) -> Element<'a, Message> {
    let state = &scene.texts.state;
    let all = chip(scene, scene.texts.house.all, filter.kind.is_none(), None);
    let chips = Kind::ALL.map(|kind| {
        let word = match kind {
            Kind::Ready => state.ready,
            Kind::Busy => state.talking,
            Kind::WrapUp => state.wrap_up,
            Kind::Away => state.not_ready,
        };
        chip(scene, word, filter.kind == Some(kind), Some(kind))
    });
    group(row![all].extend(chips).spacing(space::XS))
}

fn chip<'a>(scene: Scene<'a>, word: &'a str, chosen: bool, kind: Option<Kind>) -> Element<'a, Message> {
    let place = button(text(word).size(text_size::LABEL)).padding([6.0, 10.0]).on_press(Message::FindKind(kind)).present(chosen);
    place.style(move |_, status| theme::rail_button(scene.palette, chosen, status)).into()
}

fn find<'a>(filter: &'a Filter, scene: Scene<'a>) -> Element<'a, Message> {
    let field = text_input(scene.texts.house.filter, &filter.text).on_input(Message::Find).size(text_size::BODY).padding([7.0, 10.0]);
    plain_keys(field.width(FIND_WIDTH).style(move |_, status| theme::field(scene.palette, status)))
}

fn head<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let texts = &scene.texts.house;
    let names = [texts.number, texts.name, texts.state, texts.since, texts.queue, texts.partner];
    let cells = names.into_iter().zip(WIDTHS).map(|(name, width)| container(label(scene.palette, name)).width(width).into());
    let last = container(label(scene.palette, texts.calls_today)).width(Fill).align_x(Right);
    Row::with_children(cells).push(last).spacing(space::S).padding([0.0, space::S]).into()
}

fn line<'a>(scene: Scene<'a>, one: &'a FloorRow) -> Element<'a, Message> {
    let palette = scene.palette;
    let cell = |words: String, width: f32| container(body(words).wrapping(text::Wrapping::None)).width(width).clip(true);
    let [number, name, state, since, queue, partner] = WIDTHS;
    let partner_words = one.partner.as_ref().map(|partner| caller::number_of(scene, partner)).unwrap_or_default();
    let cells = row![
        cell(one.number.clone(), number),
        cell(one.name.clone(), name),
        container(state_chip(scene, one)).width(state),
        container(body(scene.clock_since(one.since)).font(font::BOLD).color(palette.color(tone(seen(one))))).width(since),
        cell(one.queue.clone().unwrap_or_default(), queue),
        cell(partner_words, partner),
        container(body(one.calls_today.to_string())).width(Fill).align_x(Right),
    ];
    container(cells.spacing(space::S).align_y(Center)).padding([0.0, space::S]).center_y(size::ROW).into()
}

/// The state as far as it can be believed: that of a desktop without connection is not known.
fn seen(one: &FloorRow) -> Option<AgentState> {
    one.connected.then_some(one.state)
}

fn state_chip<'a>(scene: Scene<'a>, one: &'a FloorRow) -> Element<'a, Message> {
    let palette = scene.palette;
    let tone = tone(seen(one));
    let state = seen(one).map_or(scene.texts.house.cut, |state| scene.texts.state_word(state));
    let word = text(state).size(text_size::LABEL).font(font::BOLD).wrapping(text::Wrapping::None);
    let content = row![icon(sign(seen(one)), palette.color(tone)).width(14.0).height(14.0), word].spacing(space::XS).align_y(Center);
    container(content).padding([2.0, 6.0]).style(move |_| theme::chip(palette, tone, radius::TAG)).into()
}

#[cfg(test)]
mod tests {
    use super::{Filter, Kind};
    use shared::model::{AgentState, FloorRow, NotReadyReason, UnixMillis};

    fn row(number: &str, name: &str, state: AgentState) -> FloorRow {
        let (number, name) = (number.to_owned(), name.to_owned());
        FloorRow {
            number,
            name,
            state,
            since: UnixMillis(0),
            connected: true,
            queue: None,
            partner: None,
            calls_today: 0,
            queues: Vec::new(),
        }
    }

    #[test]
    fn agents_are_found_by_number_name_and_kind_of_state() {
        let (li, wang) = (row("1007", "李娟", AgentState::Ready), row("1008", "王芳", AgentState::NotReady(NotReadyReason::Meal)));
        let found = |text: &str, kind| {
            let filter = Filter { text: text.to_owned(), kind };
            [&li, &wang].map(|one| filter.takes(one))
        };
        assert_eq!(found(" ", None), [true, true]);
        assert_eq!(found("07", None), [true, false]);
        assert_eq!(found("芳", None), [false, true]);
        assert_eq!(found("", Some(Kind::Away)), [false, true]);
        assert_eq!(found("李", Some(Kind::Busy)), [false, false]);
    }
}

//! 来电小结: what the call was about, in the middle of the desk from the first word on. Each change is a draft at once; the session keeps it.

use super::chooser::{Choice, Purpose, field as chosen};
use super::{Message, Scene};
use crate::font;
use crate::screens::clock;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{above, card, filled, group, heading, label, labelled, plain};
use iced::widget::text_editor::{Action, Content, Edit};
use iced::widget::{Id, column, container, row, space as gap, text, text_editor, text_input};
use iced::{Center, Element, Fill};
use shared::model::{CallView, InteractionId, Summary};
use std::sync::Arc;

/// The name of the field for the content.
pub(crate) const CONTENT: &str = "summary-content";

/// The form of one call.
#[derive(Debug)]
pub(crate) struct Form {
    summary: Summary,
    content: Content,
    /// 小结 was asked for although something is missing.
    complained: bool,
    /// The person has written here: no copy from elsewhere takes its place.
    touched: bool,
}

/// A change of a field of one line.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// 联系人
    Person(String),
    /// 发生地点
    Place(String),
    /// 发生时间
    Time(String),
}

impl Form {
    /// As the draft stands, or empty with what the caller's card already knows.
    pub(super) fn new(summary: Summary) -> Self {
        let content = Content::with_text(summary.content.reveal());
        Self { summary, content, complained: false, touched: false }
    }

    /// For a call without a draft.
    pub(super) fn for_call(call: &CallView) -> Self {
        let person = call.card.as_ref().and_then(|card| card.first());
        let person = person.map(|person| person.name.clone()).unwrap_or_default();
        Self::new(Summary { person, ..Summary::new(call.interaction) })
    }

    pub(super) fn interaction(&self) -> InteractionId {
        self.summary.interaction
    }

    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// A draft was found, such as after a crash, before anything was written here.
    pub(super) fn refresh(&mut self, found: &Summary) {
        if !self.touched && self.summary != *found {
            *self = Self::new(found.clone());
        }
    }

    /// Nothing was written that a person would miss.
    pub(super) fn is_blank(&self) -> bool {
        let written = &self.summary;
        let words = [written.place.reveal(), written.content.reveal(), &written.time];
        written.disposition.is_none() && written.unit.is_none() && words.into_iter().all(|words| words.trim().is_empty())
    }

    pub(super) fn edit_line(&mut self, line: Line) {
        self.touched = true;
        let short = |text: String| text.chars().take(Summary::LINE_LIMIT).collect::<String>();
        match line {
            Line::Person(text) => self.summary.person = short(text).into(),
            Line::Place(text) => self.summary.place = short(text).into(),
            Line::Time(text) => self.summary.time = short(text),
        }
    }

    /// True if the text was changed, not only looked at.
    pub(super) fn edit_content(&mut self, action: Action) -> bool {
        let edits = action.is_edit();
        let full = self.content.text().chars().count() > Summary::CONTENT_LIMIT;
        if full && matches!(action, Action::Edit(Edit::Insert(_) | Edit::Paste(_) | Edit::Enter)) {
            return false;
        }
        self.content.perform(action);
        if edits {
            self.touched = true;
            self.read_content();
        }
        edits
    }

    /// What was chosen for it; a canned text is written where the cursor is, with its places filled in.
    pub(super) fn take(&mut self, choice: Choice, scene: Scene<'_>, call: Option<&CallView>) {
        self.touched = true;
        match choice {
            Choice::Kind(kind) => self.summary.kind = kind,
            Choice::Disposition(code) => self.summary.disposition = Some(code),
            Choice::Unit(unit) => self.summary.unit = Some(unit),
            Choice::Canned(text) => {
                let text = self.filled(&text, scene, call);
                self.content.perform(Action::Edit(Edit::Paste(Arc::new(text))));
                self.read_content();
            }
            Choice::Wish(_) | Choice::Device(..) => {}
        }
    }

    fn filled(&self, text: &str, scene: Scene<'_>, call: Option<&CallView>) -> String {
        let number = call.map(|call| super::caller::number(scene, call)).unwrap_or_default();
        let me = scene.view.me.as_ref().map(|me| me.number.clone()).unwrap_or_default();
        text.replace("{name}", self.summary.person.reveal())
            .replace("{number}", &number)
            .replace("{agent}", &me)
            .replace("{time}", &scene.time_of_day())
    }

    /// As the editor gives it back it ends in a line break of its own.
    fn read_content(&mut self) {
        let text = self.content.text();
        self.summary.content = text.strip_suffix('\n').unwrap_or(&text).to_owned().into();
    }

    /// What is submitted, dispatched or not; `None` while something is missing, which is shown from then on.
    pub(super) fn submitted(&mut self, dispatch: bool, scene: Scene<'_>) -> Option<Summary> {
        self.summary.dispatch = dispatch;
        let fault = self.summary.fault(&scene.view.papers.dispositions);
        self.complained = fault.is_some();
        fault.is_none().then(|| self.summary.clone())
    }

    /// Whether F12 sends it to a unit.
    pub(super) fn dispatches(&self) -> bool {
        self.summary.unit.is_some()
    }

    pub(super) fn view<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (palette, texts) = (scene.palette, &scene.texts.papers);
        let head = row![heading(palette, texts.summary), gap::horizontal(), self.kept(scene)].align_y(Center);
        let editor = text_editor(&self.content)
            .id(Id::new(CONTENT))
            .on_action(Message::EditContent)
            .height(Fill)
            .size(text_size::BODY)
            .padding([10.0, 10.0])
            .style(move |_, status| theme::editor(palette, status));
        let content = column![head]
            .push(self.upper(scene))
            .push(self.lower(scene))
            .push(column![label(palette, texts.content), editor].spacing(space::XS).height(Fill))
            .push(column![above(self.trouble(scene), space::M), self.acts(scene)])
            .spacing(space::M);
        card(palette, content).width(Fill).height(Fill).into()
    }

    fn upper<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (texts, papers) = (&scene.texts.papers, &scene.view.papers);
        let kind = chosen(scene, texts.kind, Some(texts.kind_word(self.summary.kind).to_owned()), Purpose::Kind);
        let leaf = papers.dispositions.iter().find(|one| Some(&one.code) == self.summary.disposition.as_ref());
        let unit = papers.units.iter().find(|unit| Some(unit.unit) == self.summary.unit).map(|unit| unit.name.clone());
        // A site without a tree has nothing to choose there.
        let tree = (!papers.dispositions.is_empty()).then(|| {
            container(chosen(scene, texts.disposition, leaf.map(shared::model::Disposition::label), Purpose::Disposition)).width(Fill)
        });
        let unit = (!papers.units.is_empty()).then(|| container(chosen(scene, texts.unit, unit, Purpose::Unit)).width(200.0));
        row![container(kind).width(112.0)].push(tree).push(unit).spacing(space::M).into()
    }

    fn lower<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.papers;
        row![
            container(line(scene, texts.place, self.summary.place.reveal(), Line::Place)).width(Fill),
            container(line(scene, texts.time, &self.summary.time, Line::Time)).width(144.0),
            container(line(scene, texts.person, self.summary.person.reveal(), Line::Person)).width(120.0),
        ]
        .spacing(space::M)
        .into()
    }

    /// Where the draft is.
    fn kept<'a>(&'a self, scene: Scene<'a>) -> Option<Element<'a, Message>> {
        let draft = scene.view.drafts.get(&self.summary.interaction)?;
        let words = match draft.kept {
            Some(at) => (scene.texts.papers.draft_kept)(&scene.clock_of(at)),
            None => scene.texts.papers.draft_local.to_owned(),
        };
        Some(label(scene.palette, words).into())
    }

    fn trouble<'a>(&'a self, scene: Scene<'a>) -> Option<Element<'a, Message>> {
        let fault = self.summary.fault(&scene.view.papers.dispositions).filter(|_| self.complained)?;
        let words = text(scene.texts.papers.fault(fault)).size(text_size::LABEL).font(font::BOLD);
        Some(words.color(scene.palette.color(Tone::Red)).into())
    }

    fn acts<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (palette, texts, view) = (scene.palette, &scene.texts.papers, scene.view);
        let can = view.link == desktop_core::LinkState::Online && !view.asked;
        let canned = view.papers.house.as_ref().is_some_and(|house| !house.canned.is_empty());
        let canned = canned.then(|| crate::widget::plain_key(palette, texts.canned, "Ctrl+J", Some(Message::Open(Purpose::Canned))));
        let sends = self.dispatches();
        let act = |dispatch| can.then_some(Message::Submit { dispatch });
        let has_units = !view.papers.units.is_empty();
        let (direct, dispatch): (Element<'a, Message>, Option<Element<'a, Message>>) = if sends {
            (plain(palette, texts.direct, act(false)).into(), Some(filled(palette, texts.dispatch, Some("F12"), act(true)).into()))
        } else {
            let quiet = has_units.then(|| plain(palette, texts.dispatch, None).into());
            (filled(palette, texts.direct, Some("F12"), act(false)).into(), quiet)
        };
        let wrap_up = view.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref());
        let wrap_up = wrap_up.filter(|wrap_up| wrap_up.interaction == self.summary.interaction);
        let left = wrap_up.map(|wrap_up| {
            let words = (texts.wrap_up_left)(&clock(scene.seconds_left(wrap_up.expires).saturating_mul(1_000)));
            text(words).size(text_size::LABEL).font(font::BOLD).color(palette.color(Tone::Teal))
        });
        let extend = wrap_up.and_then(|wrap_up| super::stage::extend(scene, wrap_up));
        let without = wrap_up.filter(|_| self.is_blank()).map(|_| {
            let act = view.can_end_wrap_up().then_some(Message::Wish(desktop_core::Wish::EndWrapUp));
            plain(palette, texts.without, act)
        });
        let here = view.desk.as_ref().and_then(|desk| desk.call.as_ref()).map(|call| call.interaction);
        let later = wrap_up.is_none() && here != Some(self.summary.interaction);
        let back = later.then(|| plain(palette, texts.back_to_work, Some(Message::PutAside)));
        let buttons = row![].push(canned).push(gap::horizontal()).push(back).push(extend).push(without).push(direct).push(dispatch);
        column![above(left, space::S), group(buttons.spacing(space::S).align_y(Center))].into()
    }
}

fn line<'a>(scene: Scene<'a>, name: &'a str, value: &'a str, typed: fn(String) -> Line) -> Element<'a, Message> {
    let palette = scene.palette;
    let field = text_input("", value)
        .on_input(move |text| Message::EditLine(typed(text)))
        .size(text_size::BODY)
        .line_height(iced::widget::text::LineHeight::Absolute((size::FIELD - 18.0).into()))
        .padding([9.0, 10.0])
        .style(move |_, status| theme::field(palette, status));
    labelled(palette, name, field).into()
}

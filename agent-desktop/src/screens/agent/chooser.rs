//! One sheet for everything that is chosen from a list: whom to call or hand over to, what a call was about, which unit, which canned
//! text. A field finds by name, number or pinyin initials; arrows and Enter choose, so no hand leaves the keyboard.

use super::{Message, Scene, caller, tone};
use crate::font;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{Icon, body, button, card, dot, group, icon, key_hint, label, scroll};
use desktop_core::{View, Wish, found};
use iced::widget::{Column, Id, center, column, container, mouse_area, opaque, row, space as gap, text, text_input};
use iced::{Center, Element, Fill};
use shared::model::{AgentState, CallFunction, Direction, MatterKind, PhoneNumber, Target, UnitId};

/// The name of the field, for focus and tests.
pub(crate) const FIELD: &str = "chooser";
/// The name of the list, for scrolling.
pub(super) const LIST: &str = "chooser-list";
/// Width of the sheet.
const WIDTH: f32 = 600.0;
/// Height of the list: twelve rows.
const LIST_HEIGHT: f32 = 12.0 * ROW;
const ROW: f32 = 36.0;
/// Most entries of one list; who seeks more types more.
const MOST: usize = 60;
/// Side of the arrow of a field that opens the sheet.
const ARROW: f32 = 14.0;
/// Longest text that can be typed.
const MAX_TYPED: usize = 40;
/// Numbers that were dialled or called last, above all others.
const MOST_RECENT: usize = 8;
/// One press, and they take part.
const EMERGENCY: [&str; 3] = ["110", "119", "120"];

/// For what something is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// 外拨
    Dial,
    /// 转接
    Transfer,
    /// 咨询
    Consult,
    /// 三方
    Invite,
    /// 诉求类型
    Kind,
    /// 事项分类
    Disposition,
    /// 承办单位
    Unit,
    /// 常用语
    Canned,
    /// Microphone, loudspeaker, second ringer.
    Device(Role),
}

impl Purpose {
    /// Whether it is people and their numbers that are looked for.
    fn finds_people(self) -> bool {
        match self {
            Self::Dial | Self::Transfer | Self::Consult | Self::Invite => true,
            Self::Kind | Self::Disposition | Self::Unit | Self::Canned | Self::Device(_) => false,
        }
    }
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes the agent's voice.
    Microphone,
    /// Gives the citizen's.
    Loudspeaker,
    /// Rings beside it.
    Ringer,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// To the session.
    Wish(Wish),
    /// 诉求类型
    Kind(MatterKind),
    /// Code of a disposition.
    Disposition(String),
    /// A unit.
    Unit(UnitId),
    /// A text to be written.
    Canned(String),
    /// A device by its name, or the system's choice.
    Device(Role, Option<String>),
}

/// The sheet as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Chooser {
    pub(super) purpose: Purpose,
    text: String,
    selected: usize,
}

/// One row.
struct Entry {
    tone: Option<Tone>,
    title: String,
    detail: String,
    note: String,
    /// `None` can be seen and not chosen.
    choice: Option<Choice>,
}

impl Chooser {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { purpose, text: String::new(), selected: 0 }
    }

    pub(super) fn typed(&mut self, text: String) {
        self.text = text.chars().take(MAX_TYPED).collect();
        self.selected = 0;
    }

    /// Up or down among what can be chosen; returns how far down of the list that is, from 0 to 1.
    pub(super) fn step(&mut self, down: bool, scene: Scene<'_>) -> f32 {
        let entries = self.entries(scene);
        let places: Vec<_> = (0..entries.len()).filter(|place| entries[*place].choice.is_some()).collect();
        let last = places.len().saturating_sub(1);
        self.selected = if down { (self.selected + 1).min(last) } else { self.selected.saturating_sub(1) };
        let place = places.get(self.selected).copied().unwrap_or_default();
        place as f32 / entries.len().saturating_sub(1).max(1) as f32
    }

    /// What Enter takes.
    pub(super) fn taken(&self, scene: Scene<'_>) -> Option<Choice> {
        self.entries(scene).into_iter().filter_map(|entry| entry.choice).nth(self.selected)
    }

    fn entries(&self, scene: Scene<'_>) -> Vec<Entry> {
        let mut entries = match self.purpose {
            Purpose::Dial | Purpose::Transfer | Purpose::Consult | Purpose::Invite => self.partners(scene),
            Purpose::Kind => self.kinds(scene),
            Purpose::Disposition => self.dispositions(scene),
            Purpose::Unit => self.units(scene),
            Purpose::Canned => self.canned(scene),
            Purpose::Device(role) => self.devices(scene, role),
        };
        entries.truncate(MOST);
        entries
    }

    fn partners(&self, scene: Scene<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.typed_number(scene).into_iter().collect();
        if self.purpose == Purpose::Invite && self.text.is_empty() {
            entries.extend(EMERGENCY.iter().filter_map(|number| {
                let choice = self.call(scene.view, Target::Number(PhoneNumber::parse(number).ok()?.into()));
                let detail = scene.texts.calls.emergency.to_owned();
                Some(Entry { tone: Some(Tone::Red), title: (*number).to_owned(), detail, note: String::new(), choice })
            }));
        }
        if self.purpose == Purpose::Dial {
            entries.extend(self.recent(scene));
        } else {
            entries.extend(self.colleagues(scene));
            entries.extend(self.queues(scene));
            entries.extend(self.nodes(scene));
        }
        entries.extend(self.duty_phones(scene));
        entries
    }

    /// Whoever types a colleague's staff number means the colleague, free or not, and no line outside.
    fn names_colleague(&self, scene: Scene<'_>) -> bool {
        let typed = self.text.trim();
        let within = self.purpose != Purpose::Dial && !EMERGENCY.contains(&typed);
        within && scene.view.agents.as_ref().is_some_and(|floor| floor.rows.values().any(|row| row.number == typed))
    }

    /// What was typed, if it can be dialled, in the form in which it will be.
    fn typed_number(&self, scene: Scene<'_>) -> Option<Entry> {
        if self.names_colleague(scene) {
            return None;
        }
        let number = PhoneNumber::parse(self.text.trim()).ok().filter(|_| !self.text.trim().is_empty())?.normalised(None);
        let title = format!("{} {}", scene.texts.papers.dial_as, caller::grouped(number.as_str()));
        let choice = self.call(scene.view, Target::Number(number.into()));
        Some(Entry { tone: Some(Tone::Blue), title, detail: String::new(), note: String::new(), choice })
    }

    /// Numbers of my last calls, each once.
    fn recent(&self, scene: Scene<'_>) -> Vec<Entry> {
        let calls = scene.view.papers.calls.get(&shared::wire::CallsPage::Mine).map(Vec::as_slice).unwrap_or_default();
        let mut seen: Vec<&str> = Vec::new();
        let mut entries = Vec::new();
        for call in calls {
            let Some(number) = &call.caller.number else { continue };
            let (digits, name) = (number.reveal().subscriber(), call.name.reveal());
            if seen.contains(&digits) || entries.len() >= MOST_RECENT || !(found(digits, &self.text) || found(name, &self.text)) {
                continue;
            }
            seen.push(digits);
            let way = if call.direction == Direction::Inbound { scene.texts.papers.inbound } else { scene.texts.papers.outbound };
            entries.push(Entry {
                tone: None,
                title: caller::grouped(digits),
                detail: name.clone(),
                note: format!("{way} {}", scene.day_and_time(call.at)),
                choice: self.call(scene.view, Target::Number(number.clone())),
            });
        }
        entries
    }

    fn colleagues(&self, scene: Scene<'_>) -> Vec<Entry> {
        let (Some(floor), me) = (&scene.view.agents, scene.view.me.as_ref().map(|me| me.agent)) else { return Vec::new() };
        let fits = |row: &shared::model::FloorRow| found(&row.number, &self.text) || found(&row.name, &self.text);
        let mut rows: Vec<_> = floor.rows.iter().filter(|(agent, row)| Some(**agent) != me && fits(row)).collect();
        rows.sort_by_key(|(_, row)| (row.state != AgentState::Ready, row.number.clone()));
        let entry = |(agent, row): (&shared::model::AgentId, &shared::model::FloorRow)| {
            let ready = row.state == AgentState::Ready && row.connected;
            let word = if row.connected { scene.texts.state_word(row.state) } else { scene.texts.house.cut };
            Entry {
                tone: Some(tone(row.connected.then_some(row.state))),
                title: format!("{} {}", row.number, row.name),
                detail: row.queue.clone().unwrap_or_default(),
                note: format!("{word} {}", scene.clock_since(row.since)),
                choice: self.call(scene.view, Target::Agent(*agent)).filter(|_| ready),
            }
        };
        rows.into_iter().map(entry).collect()
    }

    fn queues(&self, scene: Scene<'_>) -> Vec<Entry> {
        let queues = scene.view.papers.house.as_ref().map(|house| house.queues.as_slice()).unwrap_or_default();
        let note = if self.purpose == Purpose::Transfer { scene.texts.papers.waiting_line } else { "" };
        let entry = |(queue, name): &(shared::model::QueueId, String)| Entry {
            tone: None,
            title: name.clone(),
            detail: scene.texts.papers.queue.to_owned(),
            note: note.to_owned(),
            choice: self.call(scene.view, Target::Queue(*queue)),
        };
        queues.iter().filter(|(_, name)| found(name, &self.text)).map(entry).collect()
    }

    /// Voice menus and surveys: citizens are handed over to them, and nobody is there to be asked.
    fn nodes(&self, scene: Scene<'_>) -> Vec<Entry> {
        let nodes = scene.view.papers.house.as_ref().filter(|_| self.purpose == Purpose::Transfer).map(|house| house.nodes.as_slice());
        let texts = &scene.texts.papers;
        let entry = |row: &shared::wire::NodeRow| Entry {
            tone: None,
            title: row.name.clone(),
            detail: if row.survey { texts.survey } else { texts.menu }.to_owned(),
            note: texts.at_once.to_owned(),
            choice: self.call(scene.view, Target::Node(row.node)),
        };
        nodes.unwrap_or_default().iter().filter(|row| found(&row.name, &self.text)).map(entry).collect()
    }

    /// Phones of units; who is on duty now comes first.
    fn duty_phones(&self, scene: Scene<'_>) -> Vec<Entry> {
        let (minute, texts) = (scene.minute_of_day(), &scene.texts.papers);
        let mut entries = Vec::new();
        for unit in scene.view.papers.units.iter() {
            for phone in &unit.phones {
                if !(found(&unit.name, &self.text) || found(&phone.number, &self.text) || found(&phone.note, &self.text)) {
                    continue;
                }
                let on_duty = phone.is_on_duty(minute);
                let choice = PhoneNumber::parse(&phone.number).ok().and_then(|number| self.call(scene.view, Target::Number(number.into())));
                let note = format!("{} · {}", caller::grouped(&phone.number), if on_duty { texts.on_duty } else { texts.off_duty });
                let tone = Some(if on_duty { Tone::Green } else { Tone::Grey });
                entries.push(Entry { tone, title: unit.name.clone(), detail: phone.note.clone(), note, choice });
            }
        }
        entries.sort_by_key(|entry| entry.tone != Some(Tone::Green));
        entries
    }

    /// What calling them means now; `None` where it is impossible.
    fn call(&self, view: &View, to: Target) -> Option<Choice> {
        let function = match (self.purpose, to) {
            (Purpose::Dial, Target::Number(number)) => return view.can_dial().then_some(Choice::Wish(Wish::Dial(number))),
            (Purpose::Transfer, to) => CallFunction::Transfer { to },
            (Purpose::Consult, to) => CallFunction::Consult { to },
            (Purpose::Invite, to) => CallFunction::Invite { to },
            (Purpose::Dial | Purpose::Kind | Purpose::Disposition | Purpose::Unit | Purpose::Canned | Purpose::Device(_), _) => {
                return None;
            }
        };
        view.can_do(&function).then_some(Choice::Wish(Wish::Call(function)))
    }

    fn kinds(&self, scene: Scene<'_>) -> Vec<Entry> {
        let entry = |kind: MatterKind| plain(scene.texts.papers.kind_word(kind).to_owned(), String::new(), Choice::Kind(kind));
        MatterKind::ALL.into_iter().map(entry).filter(|entry| found(&entry.title, &self.text)).collect()
    }

    fn dispositions(&self, scene: Scene<'_>) -> Vec<Entry> {
        let fits =
            |one: &&shared::model::Disposition| one.path.iter().any(|level| found(level, &self.text)) || found(&one.code, &self.text);
        let entry = |one: &shared::model::Disposition| {
            let (leaf, above) = one.path.split_last().map(|(leaf, above)| (leaf.clone(), above.join(" / "))).unwrap_or_default();
            plain(leaf, above, Choice::Disposition(one.code.clone()))
        };
        scene.view.papers.dispositions.iter().filter(fits).map(entry).collect()
    }

    fn units(&self, scene: Scene<'_>) -> Vec<Entry> {
        let units = scene.view.papers.units.iter().filter(|unit| found(&unit.name, &self.text));
        units.map(|unit| plain(unit.name.clone(), String::new(), Choice::Unit(unit.unit))).collect()
    }

    /// A text whose short code is typed whole comes first.
    fn canned(&self, scene: Scene<'_>) -> Vec<Entry> {
        let canned = scene.view.papers.house.as_ref().map(|house| house.canned.as_slice()).unwrap_or_default();
        let typed = self.text.trim().to_lowercase();
        let mut fits: Vec<_> = canned.iter().filter(|one| found(&one.code, &typed) || found(&one.text, &typed)).collect();
        fits.sort_by_key(|one| one.code.to_lowercase() != typed);
        fits.into_iter().map(|one| plain(one.code.clone(), one.text.clone(), Choice::Canned(one.text.clone()))).collect()
    }

    fn devices(&self, scene: Scene<'_>, role: Role) -> Vec<Entry> {
        let devices = &scene.view.voice.devices;
        let names = if role == Role::Microphone { &devices.microphones } else { &devices.loudspeakers };
        let none = if role == Role::Ringer { scene.texts.papers.no_ringer } else { scene.texts.papers.systems_choice };
        let first = plain(none.to_owned(), String::new(), Choice::Device(role, None));
        let rest = names.iter().map(|name| plain(name.clone(), String::new(), Choice::Device(role, Some(name.clone()))));
        std::iter::once(first).chain(rest).filter(|entry| found(&entry.title, &self.text)).collect()
    }

    /// The sheet over the desk.
    pub(super) fn view<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (palette, texts) = (scene.palette, &scene.texts.papers);
        let field = text_input(if self.purpose.finds_people() { texts.find } else { texts.find_entry }, &self.text)
            .id(Id::new(FIELD))
            .on_input(Message::Choosing)
            .on_submit(Message::TakeChoice)
            .size(text_size::BODY)
            .padding([9.0, 10.0])
            .style(move |_, status| theme::field(palette, status));
        let mut place = 0;
        let rows = self.entries(scene).into_iter().map(|entry| {
            let selected = entry.choice.is_some() && place == self.selected;
            place += usize::from(entry.choice.is_some());
            line(scene, entry, selected)
        });
        let rows: Vec<Element<'a, Message>> = rows.collect();
        let list: Element<'a, Message> = if rows.is_empty() {
            container(label(palette, texts.nothing_found).size(text_size::BODY)).center_x(Fill).center_y(LIST_HEIGHT).into()
        } else {
            group(container(scroll(scene.palette, Column::with_children(rows)).id(Id::new(LIST))).height(LIST_HEIGHT))
        };
        let title = text(self.title(scene)).size(text_size::NUMBER).font(font::BOLD);
        let content = column![title, field, list, label(palette, texts.choose_hint)].spacing(space::M);
        let sheet = opaque(card(palette, content).width(WIDTH).padding(space::XL));
        opaque(mouse_area(center(sheet).style(|_| theme::scrim())).on_press(Message::CloseQuestion))
    }

    fn title(&self, scene: Scene<'_>) -> &'static str {
        let (calls, papers) = (&scene.texts.calls, &scene.texts.papers);
        match self.purpose {
            Purpose::Dial => calls.dial,
            Purpose::Transfer => calls.transfer,
            Purpose::Consult => calls.consult,
            Purpose::Invite => papers.conference,
            Purpose::Kind => papers.kind,
            Purpose::Disposition => papers.disposition,
            Purpose::Unit => papers.unit,
            Purpose::Canned => papers.canned,
            Purpose::Device(Role::Microphone) => papers.microphone,
            Purpose::Device(Role::Loudspeaker) => papers.loudspeaker,
            Purpose::Device(Role::Ringer) => papers.ringer,
        }
    }
}

fn plain(title: String, detail: String, choice: Choice) -> Entry {
    Entry { tone: None, title, detail, note: String::new(), choice: Some(choice) }
}

fn line<'a>(scene: Scene<'a>, entry: Entry, selected: bool) -> Element<'a, Message> {
    let palette = scene.palette;
    let one_line = text::Wrapping::None;
    let mark = entry.tone.map(|tone| dot(palette.color(tone)));
    let detail = container(label(palette, entry.detail).wrapping(one_line)).width(Fill).clip(true);
    let content = row![].push(mark).push(body(entry.title).wrapping(one_line)).push(detail).push(label(palette, entry.note));
    let content = container(content.spacing(space::S).align_y(Center)).center_y(Fill).clip(true);
    let place = button(content)
        .width(Fill)
        .height(ROW)
        .padding([0.0, space::M])
        .present(selected)
        .on_press_maybe(entry.choice.map(Message::Chosen));
    place.style(move |_, status| theme::button_row(palette, selected.then_some(Tone::Blue), status)).into()
}

/// A field that opens the sheet: its label, and what is chosen.
pub(super) fn field<'a>(scene: Scene<'a>, name: &'a str, value: Option<String>, purpose: Purpose) -> Element<'a, Message> {
    let palette = scene.palette;
    let words = match value {
        Some(value) => body(value),
        None => body(scene.texts.papers.choose).color(palette.label),
    };
    let content = container(
        row![
            container(words.wrapping(text::Wrapping::None)).width(Fill).clip(true),
            gap::horizontal().width(space::S),
            icon(Icon::Down, palette.label).width(ARROW).height(ARROW)
        ]
        .align_y(Center),
    )
    .center_y(Fill);
    let place = button(content).width(Fill).height(size::FIELD).padding([0.0, 10.0]).on_press(Message::Open(purpose));
    let key = match purpose {
        Purpose::Kind => Some("Ctrl+T"),
        Purpose::Disposition => Some("Ctrl+D"),
        Purpose::Unit => Some("Ctrl+U"),
        Purpose::Dial | Purpose::Transfer | Purpose::Consult | Purpose::Invite | Purpose::Canned | Purpose::Device(_) => None,
    };
    let name = row![label(palette, name)].push(key.map(|key| key_hint(palette, key))).spacing(space::S).align_y(Center);
    column![name, place.style(move |_, status| theme::button_field(palette, status))].spacing(space::XS).into()
}

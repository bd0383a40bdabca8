//! The window without a display: what each state shows, what each key and button wishes, and pictures by their digest.

mod desk;
mod floor;
mod flows;
mod history;
mod keys;
mod outside;
mod papers;
mod pictures;
mod sign_in;

use super::{App, Backend, Message, Options};
use crate::client::Snapshot;
use crate::font;
use crate::i18n::Language;
use crate::platform::Platform;
use crate::screens::agent;
use crate::theme::Mode;
use desktop_core::{DeviceProblem, LinkState, Me, Millis, Papers, View, VoiceStatus, VoiceWay, Wish};
use iced::keyboard::{self, Key, Modifiers, key::Named};
use iced::{Settings, Size};
use iced_test::Simulator;
use shared::model::{
    AgentId, AgentState, AsideKind, AsideStage, AsideView, CallPhase, CallView, CallbackView, Caller, CallerCard, CallerPerson, CannedText,
    CareClass, CareMark, Contact, Desk, Disposition, EndReason, Floor, FloorRow, InteractionId, KnownCaller, LegHealth, MatterId,
    MemberUnit, Need, NotReadyReason, OfferId, OfferView, OpenMatter, OwnFigures, PartyId, PartyName, PartyView, PersonId, PhoneNumber,
    QueueId, Side, TalkHealth, TargetBand, UnitId, UnitPhone, UnixMillis, VoiceDevice, VoiceTrouble, VoiceView, WrapUpView,
};
use shared::wire::HousePapers;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The skin's clock in every test.
const NOW_MS: Millis = 5_000_000;
/// 2026-11-23 10:24:31 in Changzhou.
const SERVER_NOW: i64 = 1_795_400_671_000;

/// A session that only notes what is wished.
struct Noted {
    wishes: Mutex<Vec<Wish>>,
    snapshots: watch::Sender<Snapshot>,
}

impl Backend for Noted {
    fn wish(&self, wish: Wish) {
        self.wishes.lock().expect("no test panics while holding it").push(wish);
    }

    fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.subscribe()
    }

    fn now_ms(&self) -> Millis {
        NOW_MS
    }

    fn utc_offset_minutes(&self) -> i32 {
        480
    }
}

/// An app with its noted wishes.
struct Desktop {
    app: App,
    backend: Arc<Noted>,
    size: Size,
    /// The small window of a call that rings is looked at, not the main one.
    small: bool,
}

impl Desktop {
    fn showing(view: View) -> Self {
        Self::started(Options::default(), view)
    }

    fn started(mut options: Options, view: View) -> Self {
        options.settings.sound_tested = true;
        let backend = Arc::new(Noted { wishes: Mutex::default(), snapshots: watch::Sender::new(Snapshot::default()) });
        let app = App::new(options, Arc::clone(&backend) as Arc<dyn Backend>, Platform::none());
        let mut desktop = Self { app, backend, size: Size::new(1280.0, 800.0), small: false };
        desktop.shows(view);
        // What every session begins with is looked at once, in a test of its own.
        let usual = |wish: &Wish| matches!(wish, Wish::Sound(_) | Wish::WatchAgents(true));
        desktop.backend.wishes.lock().expect("no test panics while holding it").retain(|wish| !usual(wish));
        desktop
    }

    fn shows(&mut self, view: View) {
        let ringing = view.desk.as_ref().is_some_and(|desk| desk.offer.is_some());
        self.tell(Message::Shown(Box::new(Snapshot { view, ringing })));
    }

    fn tell(&mut self, message: Message) {
        let _ = self.app.update(message);
    }

    fn sized(mut self, width: f32, height: f32) -> Self {
        self.size = Size::new(width, height);
        self.tell(Message::Resized(iced::window::Id::unique(), self.size));
        self
    }

    fn looks(mut self, mode: Mode, language: Language) -> Self {
        self.app.mode = mode;
        self.app.language = language;
        self
    }

    fn simulator(&self) -> Simulator<'_, Message> {
        let fonts = font::FILES.map(std::borrow::Cow::Borrowed).to_vec();
        let settings = Settings { fonts, default_font: font::REGULAR, ..Settings::default() };
        let view = if self.small { self.app.agent.pop(self.app.scene()).map(Message::Agent) } else { self.app.view() };
        Simulator::with_size(settings, self.size, view)
    }

    fn finds(&self, text: &str) -> bool {
        self.simulator().find(text).is_ok()
    }

    #[track_caller]
    fn assert_finds(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.finds(text), "{text:?} is not on the screen");
        }
    }

    #[track_caller]
    fn assert_lacks(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.finds(text), "{text:?} is on the screen");
        }
    }

    /// Clicks on a text and lets the app act on it.
    #[track_caller]
    fn click(&mut self, text: &str) {
        let mut simulator = self.simulator();
        simulator.click(text).unwrap_or_else(|error| panic!("{text:?} cannot be clicked: {error}"));
        let messages: Vec<Message> = simulator.into_messages().collect();
        for message in messages {
            self.tell(message);
        }
    }

    fn press(&mut self, key: Named) {
        self.tell(Message::Key(pressed(Key::Named(key), Modifiers::empty(), false)));
    }

    fn press_shifted(&mut self, key: Named) {
        self.tell(Message::Key(pressed(Key::Named(key), Modifiers::SHIFT, false)));
    }

    fn press_digit(&mut self, digit: &str) {
        self.tell(Message::Key(pressed(Key::Character(digit.into()), Modifiers::empty(), false)));
    }

    /// What was wished since the last question.
    fn wishes(&self) -> Vec<Wish> {
        std::mem::take(&mut self.backend.wishes.lock().expect("no test panics while holding it"))
    }
}

pub(super) fn pressed(key: Key, modifiers: Modifiers, repeat: bool) -> keyboard::Event {
    keyboard::Event::KeyPressed {
        key: key.clone(),
        modified_key: key,
        physical_key: keyboard::key::Physical::Unidentified(keyboard::key::NativeCode::Unidentified),
        location: keyboard::Location::Standard,
        modifiers,
        text: None,
        repeat,
    }
}

fn ago(seconds: i64) -> UnixMillis {
    UnixMillis(SERVER_NOW - seconds * 1_000)
}

fn in_seconds(seconds: i64) -> UnixMillis {
    ago(-seconds)
}

fn signed_in(desk: Desk) -> View {
    View {
        drafts_known: true,
        link: LinkState::Online,
        me: Some(Me { agent: AgentId(7), number: "1007".into(), name: "李娟".into() }),
        desk: Some(desk),
        clock_offset_ms: SERVER_NOW - i64::try_from(NOW_MS).expect("a test's clock is small"),
        voice: VoiceStatus { device: Some("Jabra Evolve2 65".into()), receiving: true, microphone_level: 4, ..VoiceStatus::default() },
        round_trip_ms: Some(38),
        rules: shared::wire::DeskRules { card_history: true, ..Default::default() },
        ..View::default()
    }
}

fn desk(state: AgentState, seconds: i64) -> Desk {
    Desk {
        revision: 9,
        now: UnixMillis(SERVER_NOW),
        state,
        since: ago(seconds),
        offer: None,
        call: None,
        wrap_up: None,
        notice: None,
        next: None,
        limit: None,
        awaits: None,
        watches: None,
        voice: Default::default(),
    }
}

fn call(phase: CallPhase, seconds: i64) -> CallView {
    let number = PhoneNumber::parse("13812345678").expect("a number");
    let person = CallerPerson {
        person: PersonId(1),
        name: "王秀英".to_owned().into(),
        address: "溧阳市昆仑街道燕山南路 88 号 2 幢".to_owned().into(),
        tags: Vec::new(),
    };
    let card = CallerCard { persons: vec![person], ..CallerCard::default() };
    CallView {
        interaction: InteractionId(12),
        caller: Caller { number: Some(number.into()) },
        card: Some(card),
        queue: "政务咨询".into(),
        waited_ms: 8_000,
        phase,
        since: ago(seconds),
        known: KnownCaller::default(),
        talk: shared::model::TalkView::default(),
    }
}

/// Two persons behind the number, marks and earlier calls.
fn ringing_with_two() -> View {
    let mut view = ringing();
    let Some(call) = view.desk.as_mut().and_then(|desk| desk.offer.as_mut()).map(|offer| &mut offer.call) else { return view };
    let contact = |interaction, seconds, agent: Option<&str>, talk_ms| Contact {
        interaction: InteractionId(interaction),
        at: ago(seconds),
        agent: agent.map(str::to_owned),
        agent_name: agent.map(|_| "陈晨".to_owned()),
        about: agent.map(|_| "咨询医保异地备案".to_owned()),
        talk_ms,
        reason: EndReason::CallerHungUp,
    };
    if let Some(card) = &mut call.card {
        card.persons[0].tags = vec!["方言".to_owned()];
        card.persons.push(CallerPerson {
            person: PersonId(2),
            name: "王建国".to_owned().into(),
            address: "溧阳市溧城街道".to_owned().into(),
            tags: Vec::new(),
        });
        card.contacts = vec![contact(9, 7_200, Some("1003"), 192_000), contact(4, 400_000, None, 0)];
    }
    let care = Some(CareMark { class: CareClass::Elderly, reason: "独居".to_owned() });
    call.known = KnownCaller { contacts_in_a_day: 1, contacts_in_a_week: 2, served_by_you: true, care };
    view
}

fn floor() -> Arc<Floor> {
    let row = |number: &str, name: &str, state, seconds| FloorRow {
        number: number.to_owned(),
        name: name.to_owned(),
        state,
        since: ago(seconds),
        connected: true,
        queue: None,
        partner: None,
        calls_today: 12,
        queues: vec![shared::model::QueueId(1)],
    };
    let partner = PhoneNumber::parse("139******78").expect("a masked number");
    let talks = FloorRow {
        queue: Some("政务咨询".to_owned()),
        partner: Some(Caller { number: Some(partner.into()) }),
        ..row("1009", "张敏", AgentState::Talking, 95)
    };
    let meal = row("1008", "王芳", AgentState::NotReady(NotReadyReason::Meal), 1_260);
    let cut = FloorRow { connected: false, ..row("1007", "李娟", AgentState::Ready, 41) };
    let mut rows = std::collections::BTreeMap::from([(AgentId(2), meal), (AgentId(3), talks), (AgentId(1), cut)]);
    if let Some(first) = rows.get_mut(&AgentId(1)) {
        first.calls_today = 0;
    }
    Arc::new(Floor { version: 7, rows })
}

fn not_ready(reason: NotReadyReason) -> View {
    signed_in(desk(AgentState::NotReady(reason), 752))
}

fn ready() -> View {
    signed_in(desk(AgentState::Ready, 41))
}

fn ringing() -> View {
    let offer = OfferView { offer: OfferId(3), call: call(CallPhase::Ringing, 4), expires: in_seconds(16), auto_answer: None };
    signed_in(Desk { offer: Some(offer), ..desk(AgentState::Offered, 4) })
}

fn ringing_without_card() -> View {
    let call = CallView { card: None, caller: Caller::default(), ..call(CallPhase::Ringing, 4) };
    let offer = OfferView { offer: OfferId(3), call, expires: in_seconds(16), auto_answer: None };
    signed_in(Desk { offer: Some(offer), ..desk(AgentState::Offered, 4) })
}

fn talking() -> View {
    let mut view = signed_in(Desk { call: Some(call(CallPhase::Talking, 137)), ..desk(AgentState::Talking, 137) });
    view.voice.microphone_level = 46;
    view.voice.speaker_level = 63;
    view.voice.loss_permille = 2;
    view
}

/// A talk over a bad line, through the socket, with these troubles.
fn talking_badly(troubles: &[VoiceTrouble]) -> View {
    let mut view = talking();
    let citizen = LegHealth { score_hundredths: 438, ..LegHealth::default() };
    let agent = LegHealth { score_hundredths: 352, lost_permille: 47, round_trip_ms: Some(62), ..LegHealth::default() };
    view.health = Some(TalkHealth { citizen, agent, troubles: troubles.to_vec() });
    view.voice.way = VoiceWay::Tunnel;
    view
}

/// The house's papers of a small town, with figures of a good day.
fn papers() -> Papers {
    let leaf = |code: &str, path: &[&str], needs: &[Need]| Disposition {
        code: code.to_owned(),
        path: path.iter().map(|level| (*level).to_owned()).collect(),
        needs: needs.to_vec(),
    };
    let phone = |number: &str, note: &str, from_minute, to_minute| UnitPhone {
        number: number.to_owned(),
        note: note.to_owned(),
        from_minute,
        to_minute,
    };
    let unit = |id, name: &str, phones| MemberUnit { unit: UnitId(id), name: name.to_owned(), phones };
    Papers {
        house: Some(HousePapers {
            queues: vec![(QueueId(1), "政务咨询".to_owned()), (QueueId(2), "企业服务".to_owned())],
            nodes: Vec::new(),
            canned: vec![
                CannedText { code: "sy".to_owned(), text: "市民 {name}（{number}）反映：".to_owned() },
                CannedText { code: "hf".to_owned(), text: "已告知市民将在 5 个工作日内答复。".to_owned() },
            ],
            handling: TargetBand::HANDLING,
            talk: TargetBand::TALK,
        }),
        dispositions: vec![
            leaf("water.pressure", &["城市管理", "供水", "水压不足"], &[Need::Place, Need::Content]),
            leaf("water.quality", &["城市管理", "供水", "水质"], &[Need::Place]),
            leaf("noise.night", &["环境保护", "噪声", "夜间施工"], &[Need::Place, Need::Time]),
            leaf("medical.remote", &["社会保障", "医保", "异地备案"], &[]),
        ],
        units: vec![
            unit(1, "市水务公司", vec![phone("051987210001", "调度", 480, 1080), phone("13900000001", "夜间值班", 1080, 480)]),
            unit(2, "市城市管理局", vec![phone("12319", "", 0, 0)]),
        ],
        calls: std::collections::BTreeMap::new(),
        figures: Some(OwnFigures {
            agent: Some(AgentId(7)),
            answered: 42,
            mean_talk_ms: 182_000,
            mean_handling_ms: 348_000,
            missed: 1,
            outbound: 3,
            unwritten: 0,
            dispatched: 17,
            not_ready_ms: 1_800_000,
            at: Some(UnixMillis(SERVER_NOW)),
        }),
    }
}

/// The view with papers and colleagues.
fn with_papers(view: View) -> View {
    View { papers: Arc::new(papers()), agents: Some(floor()), ..view }
}

fn held() -> View {
    let mut view = talking();
    let Some(desk) = view.desk.as_mut() else { return view };
    desk.state = AgentState::Holding;
    if let Some(call) = desk.call.as_mut() {
        call.talk.held = Some(ago(52));
    }
    view
}

/// Something is said that must not be kept, to a citizen whom the hotline called back.
fn paused() -> View {
    let mut view = talking();
    if let Some(call) = view.desk.as_mut().and_then(|desk| desk.call.as_mut()) {
        call.talk.paused_until = Some(UnixMillis(ago(0).0 + 100_000));
        call.talk.callback = Some(CallbackView { asked: ago(1_500), attempt: 2 });
    }
    view
}

/// Ready, with a phone of the house.
fn with_phone(device: VoiceDevice) -> View {
    let mut view = ready();
    if let Some(desk) = view.desk.as_mut() {
        desk.voice = VoiceView { device, phone: Some("8001".to_owned()), ..VoiceView::default() };
    }
    view
}

/// A colleague is there, the citizen hears music.
fn consulting() -> View {
    let mut view = held();
    let Some(desk) = view.desk.as_mut() else { return view };
    desk.state = AgentState::Consulting;
    if let Some(call) = desk.call.as_mut() {
        let name = PartyName::Agent { agent: AgentId(3), number: "1003".into(), name: "周敏".into() };
        call.talk.aside = Some(AsideView { name, kind: AsideKind::Consult, stage: AsideStage::There, since: ago(20) });
    }
    view
}

/// Somebody of a unit takes part.
fn three_way() -> View {
    let mut view = talking();
    if let Some(call) = view.desk.as_mut().and_then(|desk| desk.call.as_mut()) {
        let number = PhoneNumber::parse("051987210001").expect("a number");
        call.talk.others = vec![PartyView { party: PartyId(1), name: PartyName::Number(number.into()), muted: false, since: ago(33) }];
    }
    view
}

fn wrap_up() -> View {
    let wrap_up = WrapUpView { interaction: InteractionId(12), expires: in_seconds(45), ended_by: Side::Caller, extensions: 0 };
    signed_in(Desk { wrap_up: Some(wrap_up), ..desk(AgentState::WrapUp, 15) })
}

fn reconnecting() -> View {
    View { link: LinkState::Reconnecting { attempt: 3, since: NOW_MS - 7_000 }, ..talking() }
}

fn without_headset() -> View {
    let voice = VoiceStatus { device_problem: Some(DeviceProblem::Missing), ..VoiceStatus::default() };
    View { voice, ..not_ready(NotReadyReason::SignedIn) }
}

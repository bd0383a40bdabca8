//! Pictures of the key screens by their digest, and files of them for looking.
//!
//! A digest that is missing is a failure, so that none is made up unseen. After a wanted change of the look: delete
//! `agent-desktop/snapshots`, run the tests with `HOTLINE_RENEW=1`, write the pictures, look at them, commit.

use super::*;
use desktop_core::HistoryTold;
use std::path::PathBuf;

struct Picture {
    name: String,
    desktop: Desktop,
}

impl Picture {
    fn new(name: impl Into<String>, desktop: Desktop, mode: Mode, language: Language) -> Self {
        let mut desktop = desktop.looks(mode, language);
        if desktop.app.view.me.is_some() {
            desktop.app.sign_in.server = "hotline.example:7443".into();
        }
        Self { name: name.into(), desktop }
    }
}

use Language::{Chinese, English};
use Mode::{Dark, Light};

fn certificate() -> View {
    let fingerprint = (0..32).map(|byte| format!("{:02X}", byte * 7 % 256)).collect::<Vec<_>>().join(":");
    View { link: LinkState::ConfirmCertificate { fingerprint }, ..View::default() }
}

fn sign_in(view: View) -> Desktop {
    let options = Options { server: Some("hotline.example:7443".into()), number: Some("1007".into()), ..Options::default() };
    Desktop::started(options, view)
}

fn missed() -> View {
    signed_in(Desk { notice: Some(shared::model::Notice::OfferMissed), ..desk(AgentState::NotReady(NotReadyReason::NoAnswer), 3) })
}

fn agents_page() -> Desktop {
    let mut desktop = Desktop::showing(ready());
    desktop.tell(Message::Agent(agent::Message::ShowAgents));
    desktop.shows(View { agents: Some(floor()), ..ready() });
    desktop
}

fn correcting() -> Desktop {
    let mut desktop = Desktop::showing(super::history::talk_with(None));
    desktop.tell(Message::Agent(agent::Message::Correct));
    desktop
}

fn with_next() -> View {
    let mut view = talking();
    if let Some(desk) = &mut view.desk {
        desk.next = Some(shared::model::NextState::NotReady(NotReadyReason::Meal));
    }
    view
}

fn long_meal() -> View {
    signed_in(Desk {
        limit: Some(ago(65)),
        notice: Some(shared::model::Notice::BreakOver),
        ..desk(AgentState::NotReady(NotReadyReason::Meal), 2_765)
    })
}

/// Written about, with a caller who is known well.
pub(super) fn writing() -> Desktop {
    let mut view = with_papers(talking());
    if let Some(call) = view.desk.as_mut().and_then(|desk| desk.call.as_mut()) {
        *call = CallView { phase: CallPhase::Talking, since: ago(137), ..known_caller() };
    }
    let mut desktop = Desktop::showing(view.clone());
    for message in filled_in() {
        desktop.tell(Message::Agent(message));
    }
    let summary = desktop.app.agent.written().expect("a form is open");
    let copy = shared::model::DraftCopy { revision: 3, changed: ago(2), summary };
    let draft = desktop_core::Draft { copy, kept: Some(ago(0)) };
    view.drafts = std::sync::Arc::new([(InteractionId(12), draft)].into());
    desktop.shows(view);
    desktop
}

fn filled_in() -> Vec<agent::Message> {
    use agent::chooser::Choice;
    use agent::summary::Line;
    use iced::widget::text_editor::{Action, Edit};
    let content = "市民反映：11 月 20 日来电后水压仍不足，晚 7 至 9 点五楼以上无水，\n家中有老人。要求当天答复并给出修复时间。";
    vec![
        agent::Message::Chosen(Choice::Kind(shared::model::MatterKind::Help)),
        agent::Message::Chosen(Choice::Disposition("water.pressure".to_owned())),
        agent::Message::Chosen(Choice::Unit(UnitId(1))),
        agent::Message::EditLine(Line::Place("昆仑街道燕山南路 88 号".to_owned())),
        agent::Message::EditLine(Line::Time("每晚 7 至 9 点".to_owned())),
        agent::Message::EditContent(Action::Edit(Edit::Paste(std::sync::Arc::new(content.to_owned())))),
    ]
}

fn known_caller() -> CallView {
    let view = ringing_with_two();
    let mut call = view.desk.and_then(|desk| desk.offer).expect("it rings").call;
    if let Some(card) = &mut call.card {
        let about = "水压不足".to_owned();
        card.matters = vec![OpenMatter { matter: MatterId(31), at: ago(260_000), about, unit: "市水务公司".to_owned() }];
        card.persons.truncate(1);
    }
    call
}

fn wrapping_up() -> Desktop {
    let mut desktop = writing();
    let mut view = with_papers(wrap_up());
    if let Some(wrap_up) = view.desk.as_mut().and_then(|desk| desk.wrap_up.as_mut()) {
        wrap_up.extensions = 2;
    }
    view.drafts = std::sync::Arc::clone(&desktop.app.view.drafts);
    desktop.shows(view);
    desktop
}

fn choosing(purpose: agent::chooser::Purpose, view: View) -> Desktop {
    let mut desktop = Desktop::showing(with_papers(view));
    desktop.tell(Message::Agent(agent::Message::Open(purpose)));
    desktop
}

fn lists(page: shared::wire::CallsPage) -> Desktop {
    let mut desktop = Desktop::showing(ready());
    desktop.tell(Message::Agent(agent::Message::ShowCalls(page)));
    let mut papers = papers();
    papers.calls.insert(page, super::papers::calls(page));
    desktop.shows(View { papers: std::sync::Arc::new(papers), agents: Some(floor()), ..ready() });
    desktop
}

pub(super) fn settings() -> Desktop {
    let mut view = with_papers(with_phone(VoiceDevice::Headset));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    view.voice.devices = desktop_core::Devices { microphones: names(&["Jabra Evolve2 65"]), loudspeakers: names(&["Jabra Evolve2 65"]) };
    let mut desktop = Desktop::showing(view);
    desktop.tell(Message::Agent(agent::Message::ShowSettings));
    desktop
}

fn sound_test() -> Desktop {
    let mut desktop = Desktop::showing(with_papers(not_ready(NotReadyReason::SignedIn)));
    desktop.app.settings.sound_tested = false;
    desktop.press(Named::F11);
    desktop
}

fn keypad() -> Desktop {
    let mut desktop = Desktop::showing(with_papers(talking()));
    desktop.press(Named::F3);
    for key in ["1", "2", "#"] {
        desktop.press_digit(key);
    }
    desktop
}

fn initial_password() -> Desktop {
    let mut view = ready();
    view.rules.password_is_initial = true;
    Desktop::showing(view)
}

fn mini() -> Desktop {
    let mut desktop = Desktop::showing(with_papers(talking())).sized(agent::mini::SIZE.width, agent::mini::SIZE.height);
    desktop.app.mini = true;
    desktop
}

/// The small window while another program is before the agent's eyes.
fn small_window(view: View) -> Desktop {
    let mut desktop =
        Desktop::showing(with_papers(view)).sized(super::super::outside::POP_SIZE.width, super::super::outside::POP_SIZE.height);
    desktop.small = true;
    desktop
}

/// As much of the desk as a screen of 1920×1080 shows when everything is so large.
fn enlarged(mut desktop: Desktop, percent: u16) -> Desktop {
    let scale = f32::from(percent) / 100.0;
    desktop.app.settings.scale_percent = Some(percent);
    desktop.sized(1_920.0 / scale, 1_000.0 / scale)
}

fn speaks_muted() -> View {
    let mut view = with_papers(talking());
    (view.muted, view.voice.speaks_muted) = (true, true);
    view
}

fn locked() -> Desktop {
    Desktop::showing(not_ready(NotReadyReason::Locked))
}

fn asking_reasons() -> Desktop {
    let mut asking = Desktop::showing(ready());
    asking.press(Named::F11);
    asking
}

fn drawer() -> Desktop {
    let mut drawer = Desktop::showing(with_papers(ready())).sized(1024.0, 700.0);
    drawer.tell(Message::Agent(agent::Message::ToggleDrawer));
    drawer
}

fn refused() -> View {
    View { refusal: Some(shared::model::Refusal::NoMedia), ..not_ready(NotReadyReason::Meal) }
}

fn wrong_password() -> View {
    let wrong = desktop_core::SignInProblem::Refused(shared::wire::SignInRefusal::WrongCredentials);
    View { problem: Some(wrong), ..View::default() }
}

fn elsewhere() -> View {
    View { link: LinkState::ConfirmTakeOver, ..View::default() }
}

fn saved() -> View {
    View { saved: Some(desktop_core::Saved::Summary { interaction: InteractionId(12) }), ..with_papers(ready()) }
}

/// Makes one screen anew.
type Make = fn() -> Desktop;

/// Every screen and state; each is drawn in both modes and both languages for looking, and its Chinese light one by its digest.
const SCREENS: [(&str, Make); 56] = {
    use agent::chooser::{Purpose, Role};
    use shared::wire::CallsPage;
    [
        ("sign-in", || sign_in(View::default())),
        ("certificate", || sign_in(certificate())),
        ("wrong-password", || sign_in(wrong_password())),
        ("elsewhere", || sign_in(elsewhere())),
        ("initial-password", initial_password),
        ("sound-test", sound_test),
        ("not-ready", || Desktop::showing(with_papers(not_ready(NotReadyReason::SignedIn)))),
        ("reasons", asking_reasons),
        ("ready", || Desktop::showing(with_papers(ready()))),
        ("ringing", || Desktop::showing(with_papers(ringing()))),
        ("ringing-two", || Desktop::showing(with_papers(ringing_with_two()))),
        ("withheld", || Desktop::showing(with_papers(ringing_without_card()))),
        ("talking", || Desktop::showing(with_papers(talking()))),
        ("writing", writing),
        ("writing-narrow", || writing().sized(1024.0, 700.0)),
        ("writing-wide", || writing().sized(1920.0, 1080.0)),
        ("writing-125", || enlarged(writing(), 125)),
        ("writing-150", || enlarged(writing(), 150)),
        ("writing-175", || enlarged(writing(), 175)),
        ("writing-200", || enlarged(writing(), 200)),
        ("ringing-200", || enlarged(Desktop::showing(with_papers(ringing_with_two())), 200)),
        ("settings-200", || enlarged(settings(), 200)),
        ("small-window", || small_window(ringing_with_two())),
        ("small-window-withheld", || small_window(ringing_without_card())),
        ("held", || Desktop::showing(with_papers(held()))),
        ("recording-paused", || Desktop::showing(with_papers(paused()))),
        ("consulting", || Desktop::showing(with_papers(consulting()))),
        ("three-way", || Desktop::showing(with_papers(three_way()))),
        ("transfer", || choosing(Purpose::Transfer, talking())),
        ("conference", || choosing(Purpose::Invite, talking())),
        ("dial", || choosing(Purpose::Dial, ready())),
        ("dispositions", || choosing(Purpose::Disposition, talking())),
        ("canned", || choosing(Purpose::Canned, talking())),
        ("devices", || choosing(Purpose::Device(Role::Ringer), ready())),
        ("keypad", keypad),
        ("speaks-muted", || Desktop::showing(speaks_muted())),
        ("sounds-bad", || Desktop::showing(with_papers(talking_badly(&[VoiceTrouble::AgentMicrophoneDead])))),
        ("wrap-up", wrapping_up),
        ("saved", || Desktop::showing(saved())),
        ("missed-offer", || Desktop::showing(with_papers(missed())).sized(1024.0, 700.0)),
        ("calls-mine", || lists(CallsPage::Mine)),
        ("calls-callbacks", || lists(CallsPage::Callbacks)),
        ("agents", agents_page),
        ("messages", super::floor::messages_page),
        ("supervise", || super::floor::supervise_page(false)),
        ("supervise-asked", || super::floor::supervise_page(true)),
        ("settings", settings),
        ("correction", correcting),
        ("history", || super::history::open(super::history::known(super::history::changes(), true))),
        ("history-loading", || super::history::open(super::history::talk_with(Some(HistoryTold::Asked)))),
        ("history-empty", || super::history::open(super::history::known(Vec::new(), false))),
        ("history-failed", || super::history::open(super::history::talk_with(Some(HistoryTold::Failed)))),
        ("reconnecting", || Desktop::showing(with_papers(reconnecting()))),
        ("no-headset", || Desktop::showing(without_headset())),
        ("locked", locked),
        ("mini", mini),
    ]
};

/// States that are drawn in one mode and language more, because a digest of each was kept before.
fn more_screens() -> Vec<Picture> {
    vec![
        Picture::new("certificate-zh-dark", sign_in(certificate()), Dark, Chinese),
        Picture::new("ringing-en-dark", Desktop::showing(with_papers(ringing())), Dark, English),
        Picture::new("writing-en-dark", writing(), Dark, English),
        Picture::new("settings-en-dark", settings(), Dark, English),
        Picture::new("drawer-zh-light", drawer(), Light, Chinese),
        Picture::new("next-state-zh-light", Desktop::showing(with_next()), Light, Chinese),
        Picture::new("break-over-zh-dark", Desktop::showing(long_meal()), Dark, Chinese),
        Picture::new("refused-zh-dark", Desktop::showing(refused()), Dark, Chinese),
    ]
}

/// Each screen and state once.
pub(super) fn screens() -> impl Iterator<Item = (String, Desktop)> {
    let more = more_screens().into_iter().map(|picture| (picture.name, picture.desktop));
    SCREENS.into_iter().map(|(name, make)| (name.to_owned(), make())).chain(more)
}

/// The screens that must not change unseen.
fn key_screens() -> Vec<Picture> {
    let all = SCREENS.into_iter().map(|(name, make)| Picture::new(format!("{name}-zh-light"), make(), Light, Chinese));
    all.chain(more_screens()).collect()
}

/// All of them in both modes and both languages.
fn all_screens() -> impl Iterator<Item = Picture> {
    let looks = [(Light, Chinese, "zh-light"), (Dark, Chinese, "zh-dark"), (Light, English, "en-light"), (Dark, English, "en-dark")];
    SCREENS.into_iter().flat_map(move |(name, make)| {
        looks.map(move |(mode, language, look)| Picture::new(format!("{name}-{look}"), make(), mode, language))
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_key_screens_look_as_they_did() {
    let renew = std::env::var_os("HOTLINE_RENEW").is_some();
    for Picture { name, desktop } in key_screens() {
        let path = root().join("snapshots").join(&name);
        let known = path.with_file_name(format!("{name}-tiny-skia.sha256")).exists();
        assert!(known || renew, "{name} has no digest; see this file's head");
        let snapshot = desktop.simulator().snapshot(&desktop.app.theme()).expect("the software renderer draws");
        assert!(snapshot.matches_hash(&path).expect("the digest is readable"), "{name} looks different");
    }
}

#[test]
#[ignore = "writes files for looking: into the directory HOTLINE_PICTURES, or target/screens"]
fn write_the_pictures() {
    let directory = std::env::var_os("HOTLINE_PICTURES").map_or_else(|| root().join("../target/screens"), PathBuf::from);
    for Picture { name, desktop } in all_screens().chain(more_screens()) {
        let path = directory.join(&name);
        // A file of an earlier run would be compared, not replaced; that there is none is no error.
        let _ = std::fs::remove_file(path.with_file_name(format!("{name}-tiny-skia.png")));
        let snapshot = desktop.simulator().snapshot(&desktop.app.theme()).expect("the software renderer draws");
        assert!(snapshot.matches_image(&path).expect("the picture can be written"));
    }
}

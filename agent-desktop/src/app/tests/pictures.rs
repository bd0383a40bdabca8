//! Pictures of the key screens by their digest, and files of them for looking.
//!
//! A digest that is missing is a failure, so that none is made up unseen. After a wanted change of the look: delete
//! `agent-desktop/snapshots`, run the tests with `HOTLINE_RENEW=1`, write the pictures, look at them, commit.

use super::*;
use std::path::PathBuf;

struct Picture {
    name: &'static str,
    desktop: Desktop,
}

impl Picture {
    fn new(name: &'static str, desktop: Desktop, mode: Mode, language: Language) -> Self {
        let mut desktop = desktop.looks(mode, language);
        if desktop.app.view.me.is_some() {
            desktop.app.sign_in.server = "hotline.example:7443".into();
        }
        Self { name, desktop }
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

fn after_talk() -> Desktop {
    let mut desktop = Desktop::showing(talking());
    desktop.shows(wrap_up());
    desktop
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
    let mut desktop = Desktop::showing(talking());
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

/// The screens that must not change unseen.
fn key_screens() -> Vec<Picture> {
    vec![
        Picture::new("sign-in-zh-light", sign_in(View::default()), Light, Chinese),
        Picture::new("certificate-zh-dark", sign_in(certificate()), Dark, Chinese),
        Picture::new("not-ready-zh-light", Desktop::showing(not_ready(NotReadyReason::SignedIn)), Light, Chinese),
        Picture::new("ringing-zh-light", Desktop::showing(ringing()), Light, Chinese),
        Picture::new("ringing-en-dark", Desktop::showing(ringing()), Dark, English),
        Picture::new("talking-zh-dark", Desktop::showing(talking()), Dark, Chinese),
        Picture::new("wrap-up-zh-light", after_talk(), Light, Chinese),
        Picture::new("ringing-two-zh-light", Desktop::showing(ringing_with_two()), Light, Chinese),
        Picture::new("agents-zh-dark", agents_page(), Dark, Chinese),
        Picture::new("messages-zh-light", super::floor::messages_page(), Light, Chinese),
        Picture::new("supervise-zh-light", super::floor::supervise_page(false), Light, Chinese),
        Picture::new("supervise-asked-en-dark", super::floor::supervise_page(true), Dark, English),
        Picture::new(
            "sounds-bad-zh-light",
            Desktop::showing(talking_badly(&[shared::model::VoiceTrouble::AgentMicrophoneDead])),
            Light,
            Chinese,
        ),
        Picture::new("missed-narrow-zh-light", Desktop::showing(missed()).sized(1024.0, 700.0), Light, Chinese),
    ]
}

/// More screens, for looking only.
fn other_screens() -> Vec<Picture> {
    let mut asking = Desktop::showing(ready());
    asking.press(Named::F11);
    let mut drawer = Desktop::showing(ready()).sized(1024.0, 700.0);
    drawer.tell(Message::Agent(agent::Message::ToggleDrawer));
    let refused = View { refusal: Some(shared::model::Refusal::NoMedia), ..not_ready(NotReadyReason::Meal) };
    let wrong = desktop_core::SignInProblem::Refused(shared::wire::SignInRefusal::WrongCredentials);
    let wrong = View { problem: Some(wrong), ..View::default() };
    vec![
        Picture::new("reasons-zh-light", asking, Light, Chinese),
        Picture::new("agents-en-light", agents_page(), Light, English),
        Picture::new("correction-zh-light", correcting(), Light, Chinese),
        Picture::new("next-state-zh-light", Desktop::showing(with_next()), Light, Chinese),
        Picture::new("break-over-zh-dark", Desktop::showing(long_meal()), Dark, Chinese),
        Picture::new("ready-zh-dark", Desktop::showing(ready()), Dark, Chinese),
        Picture::new("drawer-zh-light", drawer, Light, Chinese),
        Picture::new("reconnecting-zh-light", Desktop::showing(reconnecting()), Light, Chinese),
        Picture::new("no-headset-en-light", Desktop::showing(without_headset()), Light, English),
        Picture::new("refused-zh-dark", Desktop::showing(refused), Dark, Chinese),
        Picture::new("withheld-zh-light", Desktop::showing(ringing_without_card()), Light, Chinese),
        Picture::new("wrong-password-en-dark", sign_in(wrong), Dark, English),
        Picture::new("talking-wide-zh-light", Desktop::showing(talking()).sized(1920.0, 1080.0), Light, Chinese),
        Picture::new("ringing-narrow-en-light", Desktop::showing(ringing()).sized(1024.0, 700.0), Light, English),
    ]
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_key_screens_look_as_they_did() {
    let renew = std::env::var_os("HOTLINE_RENEW").is_some();
    for Picture { name, desktop } in key_screens() {
        let path = root().join("snapshots").join(name);
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
    for Picture { name, desktop } in key_screens().into_iter().chain(other_screens()) {
        let path = directory.join(name);
        // A file of an earlier run would be compared, not replaced; that there is none is no error.
        let _ = std::fs::remove_file(path.with_file_name(format!("{name}-tiny-skia.png")));
        let snapshot = desktop.simulator().snapshot(&desktop.app.theme()).expect("the software renderer draws");
        assert!(snapshot.matches_image(&path).expect("the picture can be written"));
    }
}

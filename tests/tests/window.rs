//! The real window on a real (virtual) display, with a real sound server as headset: what no headless test can see.

use citizen::{CallPlan, EndedBy, Speech};
use e2e::bus::{Bus, Told};
use e2e::desk::{SoundServer, Window};
use e2e::process::fresh_folder;
use e2e::site::Agent;
use e2e::site::prompt;
use e2e::sound::{RATE, assert_mostly_arrived, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, Server, Site};
use serde_json::Value;

/// 挂断 stands at the right end of the call bar, apart from the rest.
const HANG_UP: (u32, u32) = (1218, 38);

/// The grounds of the state's tile in the light palette (docs: the look's tokens).
const RED: &str = "#FCE6E4";
const DARK_RED: &str = "#431F1E";
const GREEN: &str = "#E0F3E8";
const AMBER: &str = "#FDF0D8";
const BLUE: &str = "#E4EEFC";
const TEAL: &str = "#DDF3F1";

/// Seconds of the talk in which no sound is compared: jitter buffer and sound card find their pace.
const SETTLING_SECONDS: usize = 8;

fn state_of(status: &Value, number: &str) -> String {
    let agents = status["agents"].as_array().cloned().unwrap_or_default();
    let agent = agents.iter().find(|agent| agent["number"] == number).cloned().unwrap_or_default();
    agent["state"]["state"].as_str().or(agent["state"].as_str()).unwrap_or("signed_out").to_owned()
}

#[test]
fn a_person_signs_in_answers_with_f2_talks_through_the_sound_card_and_hangs_up_by_button() {
    let site = Site::demo("window");
    let server = Server::start(&site);
    let agent = &site.agents[0];
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let folder = fresh_folder("window-sound");
    let sound = SoundServer::start(&folder);
    let window = Window::open("window-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.shows_state_in(RED);
    window.picture("1-not-ready");
    window.press("F11");
    window.picture("1-sound-test");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    window.shows_state_in(GREEN);
    window.picture("2-ready");

    let heard_at_home = folder.join("citizen-heard.wav");
    // Again and again: the citizen speaks from our 200 on, which comes long before the person answers.
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let from = Some("13912345678".to_owned());
    let caller = Caller::dial(CallPlan { speech, from, record: Some(heard_at_home.clone()), ..CallPlan::new(server.sip, "12345") });
    wait_state("offered");
    window.shows_state_in(AMBER);
    window.picture("3-ringing");
    let played = folder.join("headset.raw");
    let ear = sound.listen(&played);
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);
    let settled = u64::try_from(SETTLING_SECONDS).expect("a few seconds") * 1_000;
    Server::wait_status(&site, "a settled voice path", |status| talk_ms(status) > settled);
    let mouth = sound.speak(&prompt("agent"));
    let seconds_of_talk = Server::wait_status(&site, "enough talk", |status| talk_ms(status) > 26_000);
    window.picture("4-talking");
    window.click(HANG_UP.0, HANG_UP.1);
    wait_state("wrap_up");
    window.shows_state_in(TEAL);
    window.picture("5-wrap-up");
    let report = caller.report(LATER);
    drop((ear, mouth));

    assert_eq!(report.ended_by, Some(EndedBy::FarEnd), "the button did not hang up: {report:?}, {seconds_of_talk}");
    // The citizen repeats the sentence, so the rest holds it whole.
    let headset = raw(&played).split_off(SETTLING_SECONDS * RATE);
    let to_headset = assert_mostly_arrived("the citizen's voice in the headset", &read_mono(&prompt("citizen")), &headset);
    let to_home = assert_mostly_arrived("the microphone's voice at the citizen", &read_mono(&prompt("agent")), &read_mono(&heard_at_home));
    println!("to the headset: {to_headset}; from the microphone: {to_home}");
    let call = site.only_call();
    assert!(call.result().answered_by_agent, "{call:?}");
    assert_eq!(call.end(), ("agent_hung_up", "agent"));
}

const VIOLET: &str = "#EEE7FA";

/// Places of the summary's fields within the window.
const DISPOSITION: (u32, u32) = (640, 172);
const CONTENT: (u32, u32) = (640, 460);

#[test]
#[cfg_attr(not(feature = "real-time"), ignore = "typing into a slow window is not reliable beside other work: by hand, HACKING.md")]
fn a_person_holds_consults_talks_in_three_writes_a_summary_survives_a_crash_and_locks_the_seat() {
    let site = Site::demo("window-calls");
    let server = Server::start(&site);
    let (agent, other) = (&site.agents[0], &site.agents[1]);
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let sound = SoundServer::start(&fresh_folder("window-calls-sound"));
    let mut colleague = Headless::sign_in(&site, &server, other, HeadlessPlan::ANSWERS);
    let window = Window::open("window-calls-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let from = Some("13912345678".to_owned());
    let caller = Caller::dial(CallPlan { speech, from, ..CallPlan::new(server.sip, "12345") });
    wait_state("offered");
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);

    window.press("F5");
    wait_state("holding");
    window.shows_state_in(VIOLET);
    window.press("F5");
    wait_state("talking");
    window.shows_state_in(BLUE);

    colleague.go_ready();
    consult(&window, other);
    wait_state("consulting");
    colleague.state("consulting", LATER);
    window.shows_state_in(VIOLET);
    window.picture("2-consulting");
    window.press("shift+F8");
    wait_state("talking");
    window.shows_state_in(BLUE);
    window.picture("3-three-way");
    colleague.tell("hang_up");
    Server::wait_status(&site, "two in the talk", |status| !["consulting", "talking"].contains(&state_of(status, &other.number).as_str()));
    window.shows_at(BELOW_PARTIES, SURFACE);

    choose_disposition(&window);
    window.press("Return");
    let drafts = Window::data(&site).join("drafts").join(&agent.number);
    let chosen = wait_for_draft(&drafts, |_| true);
    let content = "low pressure since monday";
    window.click(CONTENT.0, CONTENT.1);
    window.type_text(content);
    // Sealed, it tells only its length: that of the content more, and of a digit of its revision.
    wait_for_draft(&drafts, |length| length > chosen + content.len());
    window.picture("4-written");
    window.crash();

    let window = Window::open("window-calls-again", &site, &server, agent, &sound);
    wait_state("talking");
    window.shows_state_in(BLUE);
    window.picture("5-after-the-crash");
    window.press("F4");
    wait_state("wrap_up");
    let _ = caller.report(LATER);
    window.shows_state_in(TEAL);
    window.press("F12");
    wait_state("ready");
    let summaries = site.cli(&["summary", "list"]);
    let summary = &summaries["summaries"][0];
    assert_eq!(summary["summary"]["content"], content, "{summaries}");
    assert_eq!((&summary["number"], &summary["summary"]["disposition"]), (&agent.number.as_str().into(), &"water.pressure".into()));
    assert_eq!(std::fs::read_dir(&drafts).map(Iterator::count).unwrap_or(0), 0, "the draft is gone from the disk");

    lock_and_unlock(&site, agent, &window);
}

#[test]
#[cfg_attr(not(feature = "real-time"), ignore = "typing into a slow window is not reliable beside other work: by hand, HACKING.md")]
fn a_person_hands_a_citizen_over_after_asking_the_colleague() {
    let site = Site::demo("window-transfer");
    let server = Server::start(&site);
    let (agent, other) = (&site.agents[0], &site.agents[1]);
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let sound = SoundServer::start(&fresh_folder("window-transfer-sound"));
    let mut colleague = Headless::sign_in(&site, &server, other, HeadlessPlan::ANSWERS);
    let window = Window::open("window-transfer-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let caller = Caller::dial(CallPlan { speech, ..CallPlan::new(server.sip, "12345") });
    wait_state("offered");
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);
    colleague.go_ready();
    consult(&window, other);
    wait_state("consulting");
    colleague.state("consulting", LATER);
    window.shows_state_in(VIOLET);
    window.press("F7");
    wait_state("wrap_up");
    colleague.state("talking", LATER);
    colleague.tell("hang_up");
    let report = caller.report(LATER);
    assert_eq!(report.ended_by, Some(EndedBy::FarEnd), "{report:?}");
}

/// Besides what `cargo xtask test` installs it needs fcitx5, fcitx5-pinyin and dbus.
#[test]
#[cfg_attr(not(feature = "real-time"), ignore = "typing into a slow window is not reliable beside other work: by hand, HACKING.md")]
fn a_summary_is_typed_in_pinyin_through_a_real_input_method() {
    let site = Site::demo("window-pinyin");
    let server = Server::start(&site);
    let agent = &site.agents[0];
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let sound = SoundServer::start(&fresh_folder("window-pinyin-sound"));
    let window = Window::open_with_pinyin("window-pinyin-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let caller = Caller::dial(CallPlan { speech, ..CallPlan::new(server.sip, "12345") });
    wait_state("offered");
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);

    choose_disposition(&window);
    // The first gives the letters as they are to the field, the second takes what they found.
    window.press("Return");
    window.press("Return");
    let drafts = Window::data(&site).join("drafts").join(&agent.number);
    let chosen = wait_for_draft(&drafts, |_| true);
    window.shows_state_in(BLUE);
    window.click(CONTENT.0, CONTENT.1);
    // The input method is told of the field by the next picture of the window: what comes before is a plain letter, and taken back either way.
    window.press("a");
    window.press("BackSpace");
    window.type_text("shuiyabuzu");
    window.picture("1-composing");
    window.press("space");
    // Four hanzi of three bytes each.
    wait_for_draft(&drafts, |length| length >= chosen + 12);
    window.picture("2-written");
    window.press("F4");
    wait_state("wrap_up");
    window.press("F12");
    wait_state("ready");
    let _ = caller.report(LATER);
    let summaries = site.cli(&["summary", "list"]);
    let summary = &summaries["summaries"][0]["summary"];
    assert_eq!((&summary["content"], &summary["disposition"]), (&"水压不足".into(), &"water.pressure".into()), "{summaries}");
}

/// The ground of 静音 beside its word, and its colours while it is off and on.
const MUTE: (u32, u32) = (790, 57);
const RAISED: &str = "#F8FAFC";

/// Within a message over the desk, beside its words.
const MESSAGE: (u32, u32) = (690, 660);

/// Where the marks of a caller stand, below the number; the first of one who has called today is amber.
const MARKS: (u32, u32) = (104, 196);

#[test]
fn a_person_rejects_misses_and_answers_mutes_presses_keys_and_sees_that_the_citizen_calls_again() {
    let site = Site::demo("window-rings");
    let server = Server::start(&site);
    let agent = &site.agents[0];
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let sound = SoundServer::start(&fresh_folder("window-rings-sound"));
    let window = Window::open("window-rings-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let dial = || {
        let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
        Caller::dial(CallPlan { speech, from: Some("13912345678".to_owned()), ..CallPlan::new(server.sip, "12345") })
    };

    // Rejected it rings again, for nobody else is there; what is not answered at all makes the seat not ready, and says so.
    let caller = dial();
    wait_state("offered");
    window.shows_state_in(AMBER);
    window.shows_at(MARKS, SURFACE);
    window.press("shift+F2");
    Server::wait_status(&site, "a seat whose person does not answer", |status| reason_of(status, &agent.number) == "no_answer");
    window.shows_state_in(RED);
    // Each second something of the window is drawn anew, and nothing of it twice.
    Server::wait_status(&site, "some seconds of not being ready", |status| in_state_ms(status, &agent.number) > 3_000);
    window.shows_at(MESSAGE, RAISED);
    window.picture("1-missed-light");
    window.press("F10");
    window.shows_state_in(DARK_RED);
    window.picture("1-missed-dark");
    window.press("F10");
    window.press("F11");
    wait_state("offered");
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);

    window.shows_at(MUTE, RAISED);
    window.press("F6");
    window.shows_at(MUTE, AMBER);
    window.picture("2-muted");
    window.press("F6");
    window.shows_at(MUTE, RAISED);
    window.press("F3");
    window.shows_sheet_over(BLUE);
    window.press("1");
    window.press("numbersign");
    window.picture("3-keypad");
    window.press("Escape");
    window.shows_state_in(BLUE);
    window.press("F4");
    wait_state("wrap_up");
    let report = caller.report(LATER);
    assert_eq!(report.ended_by, Some(EndedBy::FarEnd), "{report:?}");
    window.press("F12");
    wait_state("ready");
    let call = site.only_call();
    let shown = site.cli(&["call", "show", &call.interaction.to_string()]).to_string();
    assert!(shown.contains("keys_pressed"), "{shown}");

    let caller = dial();
    wait_state("offered");
    window.shows_at(MARKS, AMBER);
    window.picture("4-calls-again");
    window.press("F2");
    wait_state("talking");
    window.press("F4");
    wait_state("wrap_up");
    let _ = caller.report(LATER);
}

/// Within the row of a card's history that the arrows have come to first, between its columns.
const FIRST_CHANGE: (u32, u32) = (350, 245);

#[test]
fn a_person_corrects_a_card_and_takes_it_back_by_keyboard_while_the_summary_is_written() {
    let site = Site::demo("window-card");
    let server = Server::start(&site);
    let agent = &site.agents[0];
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let sound = SoundServer::start(&fresh_folder("window-card-sound"));
    let window = Window::open("window-card-desk", &site, &server, agent, &sound);
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let number = "13912345678";
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let caller = Caller::dial(CallPlan { speech, from: Some(number.to_owned()), ..CallPlan::new(server.sip, "12345") });
    wait_state("offered");
    window.press("F2");
    wait_state("talking");
    window.shows_state_in(BLUE);

    // What is typed into a sheet is not written into the summary below, whose field has the focus.
    window.click(CONTENT.0, CONTENT.1);
    window.press("ctrl+e");
    window.shows_sheet_over(BLUE);
    window.press("ctrl+a");
    window.press("x");
    window.picture("1-correction");
    window.press("Return");
    wait_for_name(&site, number, "x");
    window.shows_state_in(BLUE);
    window.click(CONTENT.0, CONTENT.1);
    window.press("ctrl+h");
    window.shows_at(FIRST_CHANGE, BLUE);
    window.picture("2-history");
    window.press("Return");
    window.shows_sheet_over(BLUE);
    window.picture("3-taken-back");
    window.press("Return");
    wait_for_name(&site, number, "王秀英");
    window.shows_state_in(BLUE);
    window.press("F4");
    wait_state("wrap_up");
    // An empty form ends the wrap-up; one with a line break in it would say what is missing.
    window.press("F12");
    wait_state("ready");
    let _ = caller.report(LATER);
}

/// Waits until the first person under a number has this name.
fn wait_for_name(site: &Site, number: &str, name: &str) {
    let until = std::time::Instant::now() + LATER;
    loop {
        let card = site.cli(&["caller", "show", number]);
        if card["persons"][0]["name"] == name {
            return;
        }
        assert!(std::time::Instant::now() < until, "the name is not {name:?}: {card}");
    }
}

#[test]
fn a_person_who_works_in_another_program_is_told_of_a_call_and_answers_it_from_there() {
    let site = Site::demo("window-outside");
    site.configure("queues", "wrap_up_seconds", "0");
    let server = Server::start(&site);
    let agent = &site.agents[0];
    let wait_state = |state: &str| Server::wait_status(&site, state, |status| state_of(status, &agent.number) == state);
    let folder = fresh_folder("window-outside-sound");
    let sound = SoundServer::start(&folder);
    let bus = Bus::start(&folder);
    let window = Window::open_on_bus("window-outside-desk", &bus, &site, &server, agent, &sound);
    let tray = bus.told("an icon for the tray", |told| if let Told::Tray(owner) = told { Some(owner) } else { None });
    wait_state("not_ready");
    window.go_ready(|| state_of(&site.cli(&["status"]), &agent.number) == "ready");
    let dial = || {
        let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
        Caller::dial(CallPlan { speech, from: Some("13912345678".to_owned()), ..CallPlan::new(server.sip, "12345") })
    };

    // By the notification's button.
    window.put_away();
    let caller = dial();
    let (number, title) = notification(&bus);
    assert!(title.contains("139 1234 5678"), "{title}");
    let small = window.small_window();
    assert!(small.0 >= 400 && small.1 >= 200, "{small:?}");
    window.picture("1-small-window");
    bus.press(number, "answer");
    wait_state("talking");
    bus.told("a notification taken back", |told| (told == Told::Withdrawn(number)).then_some(()));
    window.small_window_is_gone();
    window.is_back();
    window.shows_state_in(BLUE);

    // By keys that work in every program.
    window.put_away();
    window.press_anywhere("ctrl+shift+F5");
    wait_state("holding");
    window.press_anywhere("ctrl+shift+F5");
    wait_state("talking");
    window.press_anywhere("ctrl+shift+F4");
    wait_state("ready");
    let report = caller.report(LATER);
    assert_eq!(report.ended_by, Some(EndedBy::FarEnd), "{report:?}");
    let caller = dial();
    let (number, _) = notification(&bus);
    let _ = window.small_window();
    window.press_anywhere("ctrl+shift+F2");
    wait_state("talking");
    bus.told("a notification taken back", |told| (told == Told::Withdrawn(number)).then_some(()));
    window.is_back();
    window.press_anywhere("ctrl+shift+F4");
    wait_state("ready");
    let _ = caller.report(LATER);

    // Closed, it hides in the tray and stays signed in.
    window.close();
    assert_eq!(state_of(&site.cli(&["status"]), &agent.number), "ready");
    let (_, text) = bus.tray_tip(&tray);
    assert_eq!(text, "空闲");
    bus.click_tray(&tray);
    window.is_back();
    window.shows_state_in(GREEN);
}

fn notification(bus: &Bus) -> (u32, String) {
    bus.told("a notification with a button for answering", |told| match told {
        Told::Shown { number, title, actions, .. } => {
            assert_eq!(actions[..2], ["answer", "接听"]);
            Some((number, title))
        }
        Told::Withdrawn(_) | Told::Tray(_) => None,
    })
}

/// Between those who take part and the form below; the form itself while nobody else does.
const BELOW_PARTIES: (u32, u32) = (640, 130);
const SURFACE: &str = "#FFFFFF";

/// Where the first colleague's sign stands while one talks, and its colour when that one is free.
const COLLEAGUE: (u32, u32) = (1_052, 279);
const FREE: &str = "#187A44";

/// 咨询 with a colleague who is seen to be free.
fn consult(window: &Window, other: &Agent) {
    window.shows_at(COLLEAGUE, FREE);
    window.press("F8");
    window.shows_sheet_over(BLUE);
    window.type_text(&other.number);
    window.picture("1-consult");
    window.press("Return");
}

/// 事项分类, found by its pinyin initials.
fn choose_disposition(window: &Window) {
    window.click(DISPOSITION.0, DISPOSITION.1);
    window.shows_sheet_over(BLUE);
    window.type_text("sybz");
}

/// The page's ground, which is seen where the state's tile was.
const PAGE: &str = "#F3F5F8";

fn lock_and_unlock(site: &Site, agent: &Agent, window: &Window) {
    window.shows_state_in(GREEN);
    window.press("F11");
    window.press("6");
    Server::wait_status(site, "a locked seat", |status| reason_of(status, &agent.number) == "locked");
    window.shows_state_in(PAGE);
    window.picture("6-locked");
    window.type_text(&agent.password);
    window.press("Return");
    Server::wait_status(site, "an unlocked seat", |status| reason_of(status, &agent.number) != "locked");
}

/// Waits until the one draft of the folder has such a length, and returns it.
fn wait_for_draft(folder: &std::path::Path, fits: impl Fn(usize) -> bool) -> usize {
    let until = std::time::Instant::now() + LATER;
    let length = || {
        let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let draft = files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "draft"))?;
        std::fs::read(draft).ok().map(|sealed| sealed.len()).filter(|length| fits(*length))
    };
    loop {
        if let Some(length) = length() {
            return length;
        }
        assert!(std::time::Instant::now() < until, "no draft of that length in {}", folder.display());
        std::thread::yield_now();
    }
}

fn reason_of(status: &Value, number: &str) -> String {
    let agents = status["agents"].as_array().cloned().unwrap_or_default();
    let agent = agents.iter().find(|agent| agent["number"] == number).cloned().unwrap_or_default();
    agent["state"]["reason"].as_str().unwrap_or_default().to_owned()
}

/// How long the agent has been in the present state.
fn in_state_ms(status: &Value, number: &str) -> u64 {
    let agents = status["agents"].as_array().cloned().unwrap_or_default();
    let since = agents.iter().find(|agent| agent["number"] == number).and_then(|agent| agent["since"].as_u64());
    status["at"].as_u64().unwrap_or(0).saturating_sub(since.unwrap_or(u64::MAX))
}

/// How long the one who talks has talked.
fn talk_ms(status: &Value) -> u64 {
    let agents = status["agents"].as_array().cloned().unwrap_or_default();
    let talking = agents.iter().find(|agent| agent["state"]["state"] == "talking");
    let since = talking.and_then(|agent| agent["since"].as_u64()).unwrap_or(u64::MAX);
    status["at"].as_u64().unwrap_or(0).saturating_sub(since)
}

fn raw(path: &std::path::Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

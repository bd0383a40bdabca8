//! The real window on a real (virtual) display, with a real sound server as headset: what no headless test can see.

use citizen::{CallPlan, EndedBy, Speech};
use e2e::desk::{SoundServer, Window};
use e2e::process::fresh_folder;
use e2e::site::prompt;
use e2e::sound::{RATE, assert_mostly_arrived, read_mono};
use e2e::{Caller, LATER, Server, Site};
use serde_json::Value;

/// 挂断 stands at the right end of the call bar, apart from the rest.
const HANG_UP: (u32, u32) = (1218, 38);

/// The grounds of the state's tile in the light palette (docs: the look's tokens).
const RED: &str = "#FCE6E4";
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
    wait_state("ready");
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

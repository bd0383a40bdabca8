//! What a waiting citizen is told, and an agent before a call by itself, heard as they hear it: the right pieces in the right order, again and again, with working keys,
//! and cut at once when somebody answers (I-21, I-22, I-23).

use citizen::{Act, CallPlan, Deed, EndedBy, Ending, Outcome, Speech};
use e2e::site::prompt;
use e2e::sound::{self, RATE, assert_arrived, assert_stretch_of, piece, place, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::time::{Duration, Instant};
use voice::correlate;

fn announcing(name: &str, keys: &[(&str, &str)]) -> Site {
    let site = Site::demo(name);
    for (key, value) in keys {
        site.configure("queues", key, value);
    }
    site
}

/// Waits until the call's story says this.
fn told(site: &Site, words: &str) {
    let until = Instant::now() + SOON;
    loop {
        let story = site.cli_any(&["explain", "1"]).to_string();
        if story.contains(words) {
            return;
        }
        assert!(Instant::now() < until, "the call's story never said {words}: {story}");
    }
}

#[test]
fn position_and_text_are_heard_as_often_as_the_queue_says() {
    let site = announcing("announced", &[("announce_first_seconds", "1"), ("announce_every_seconds", "6")]);
    let server = Server::start(&site);
    // In the midst between the second text and the third.
    let caller = Caller::dial(CallPlan { ending: Ending::HangUpAfter(Duration::from_secs(11)), ..CallPlan::new(server.sip, "12345") });
    let report = caller.report(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    let spoken = [piece("zh.you_are_next"), piece("zh.please_wait")].concat();
    let (first, second) = report.heard.split_at(RATE * 6);
    let (first, second) = (place(&spoken, first), place(&spoken, second).map(|at| at + 6_000));
    println!("heard at {first:?} and {second:?} ms");
    let (first, second) = (first.expect("the first text was heard"), second.expect("the second text was heard"));
    assert!(second.abs_diff(first + 6_000) < 500, "texts at {first} and {second} ms");
    let story = site.cli(&["explain", "1"]).to_string();
    assert_eq!(story.matches("0 served before").count(), 2, "{story}");
}

#[test]
fn a_key_works_in_the_midst_of_a_text() {
    let keys = [("announce_first_seconds", "1"), ("keys", "[\"9 announce en.please_wait\"]")];
    let site = announcing("announced_key", &keys);
    let server = Server::start(&site);
    let acts = vec![Act { after: Duration::from_millis(1_900), deed: Deed::Press("9".into()) }];
    let report = Caller::dial(CallPlan { acts, ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(EndedBy::FarEnd)), "{report:?}");
    let left = place(&piece("en.please_wait"), &report.heard).expect("the text of the key was heard");
    assert_eq!(place(&piece("zh.please_wait"), &report.heard), None, "it was cut by the key");
    println!("the way out began at {left} ms");
}

#[test]
fn an_answer_cuts_the_text() {
    let keys = [("announce_first_seconds", "1"), ("announce_texts", "[\"long\"]"), ("announce_position", "\"no\"")];
    let site = announcing("announced_cut", &keys);
    let folder = site.folder().join("prompts");
    std::fs::create_dir_all(&folder).expect("the site's folder is writable");
    let long: Vec<i16> = read_mono(&prompt("citizen")).repeat(5);
    sound::write(&folder.join("long.wav"), &long);
    site.configure("media", "prompts", "\"prompts\"");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    let caller = Caller::dial(CallPlan::new(server.sip, "12345"));
    told(&site, "long");
    assert_eq!(agent.event_within("offered", Duration::from_secs(3)), None, "nobody is ready, and the text is heard for a while");
    agent.go_ready();
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(7));
    let report = caller.hang_up(LATER);
    let agent_says = read_mono(&prompt("agent"));
    let arrived = assert_arrived("the agent's voice at the citizen", &agent_says, &report.heard);
    // 100 ms after the agent's first sample nothing of the text is heard any more: it lasts much longer than the call.
    let after = (arrived.delay_ms as usize + 100) * RATE / 1_000;
    let (text, rest) = (&long[..RATE], &report.heard[after..]);
    let found = correlate::find(text, rest);
    assert!(found.is_none_or(|found| found.correlation < 0.5), "the text goes on under the talk: {found:?}");
    assert!(place(&long[..RATE], &report.heard[..after]).is_some(), "the text was not heard before the talk");
}

/// The tone before a call that is accepted by itself: 0.2 s of 800 Hz and 0.1 s of silence.
fn zip_tone() -> Vec<i16> {
    let sample = |at: usize| (2_500.0 * (std::f64::consts::TAU * 800.0 * at as f64 / RATE as f64).sin()) as i16;
    (0..RATE / 5).map(sample).chain(std::iter::repeat_n(0, RATE / 10)).collect()
}

#[test]
fn before_a_call_by_itself_the_agent_alone_hears_a_tone_and_the_name_of_the_queue() {
    let site = announcing("whispered", &[("wrap_up_seconds", "0")]);
    let _ = site.cli(&["agent", "edit", "1001", "--auto-answer", "1"]);
    let server = Server::start(&site);
    let by_itself = HeadlessPlan { auto_answer: false, auto_ready: false, take_over: false };
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], by_itself);
    // Both go the same way, so that somebody sits there before the desk is ready.
    agent.tell("attentive on");
    agent.go_ready();
    let said = read_mono(&prompt("citizen"));
    let caller = Caller::dial(CallPlan { speech: Speech::Looped(said.clone().into()), ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(6));
    let report = caller.hang_up(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    let call = site.only_call();
    let heard = agent.heard();
    let spoken = [zip_tone(), piece("zh.queue_advice")].concat();
    let (told, whole) = (place(&spoken, &heard).expect("the agent hears tone and name"), spoken.len() * 1_000 / RATE);
    let found = assert_arrived("the citizen at the agent", &heard[(told + whole) * RATE / 1_000..], &said.repeat(3));
    println!("told at {told} ms for {whole} ms, then the citizen: {found}");
    let tone = correlate::find(&zip_tone(), &report.heard);
    assert!(tone.is_none_or(|tone| tone.correlation < 0.7), "the citizen hears the tone: {tone:?}");
    assert_eq!(place(&piece("zh.queue_advice"), &report.heard), None, "the citizen hears the name");
    let [left, right] = site.export(&call);
    assert_stretch_of("the citizen in the recording", &left, &said);
    assert_eq!(place(&piece("zh.queue_advice"), &right), None, "the agent's ear is in no recording");
    assert!(call.connected_ms() >= 5_000, "{call:?}");
}

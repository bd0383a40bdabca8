//! A real sound server under a headless desktop: the talk lives through the loss of sound server and device, and the sound comes back.

use citizen::{CallPlan, Speech};
use e2e::desk::SoundServer;
use e2e::process::fresh_folder;
use e2e::site::prompt;
use e2e::sound::{RATE, assert_mostly_arrived, read_mono};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The sound of a device that came back is heard within this.
const BACK: Duration = Duration::from_secs(30);

struct Talk {
    site: Site,
    _server: Server,
    agent: Headless,
    caller: Caller,
    at_home: PathBuf,
}

/// A talk of an agent with this device of the sound server; the citizen speaks again and again.
fn talk(name: &str, sound: &SoundServer, device: &str) -> Talk {
    let site = Site::demo(name);
    let server = Server::start(&site);
    let mut agent = Headless::start_at(&site, &server, &site.agents[0], HeadlessPlan::WILLING, sound, device);
    agent.state("ready", SOON);
    agent.event_ever("sound", SOON, |event| event["problem"].is_null());
    let at_home = site.folder().join("at-home.wav");
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let caller = Caller::dial(CallPlan { speech, played: true, record: Some(at_home.clone()), ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", LATER);
    Talk { site, _server: server, agent, caller, at_home }
}

/// What the headset plays while the talk goes on for this long.
fn listen(talk: &mut Talk, sound: &SoundServer, file: &Path, seconds: u64) -> Vec<i16> {
    let ear = sound.listen(file);
    talk.agent.talks_for(Duration::from_secs(seconds));
    drop(ear);
    raw(file)
}

fn raw(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn assert_citizen_heard(what: &str, heard: &[i16]) {
    // The stream that is listened to takes a moment to begin.
    assert_mostly_arrived(what, &heard[2 * RATE..], &read_mono(&prompt("citizen")).repeat(3));
}

#[test]
fn a_sound_server_that_is_killed_in_a_talk_and_started_anew_is_used_again() {
    let folder = fresh_folder("sound-server");
    let mut sound = SoundServer::start(&folder);
    let mut talk = talk("sound-server-site", &sound, "default");
    assert_citizen_heard("before", &listen(&mut talk, &sound, &folder.join("before.raw"), 8));
    sound.kill();
    talk.agent.event_where("sound", SOON, |event| !event["problem"].is_null());
    sound.restart();
    talk.agent.event_where("sound", BACK, |event| event["problem"].is_null());
    assert_citizen_heard("after", &listen(&mut talk, &sound, &folder.join("after.raw"), 10));
    let mouth = sound.speak(&prompt("agent"));
    talk.agent.talks_for(Duration::from_secs(14));
    drop(mouth);
    let _ = talk.caller.hang_up(LATER);
    talk.agent.event("call_ended", SOON);
    assert_mostly_arrived("the microphone's voice at the citizen", &read_mono(&prompt("agent")), &read_mono(&talk.at_home));
    assert_eq!(talk.site.only_call().end(), ("caller_hung_up", "caller"));
}

#[test]
fn a_chosen_device_that_is_lost_in_a_talk_is_replaced_by_the_systems_choice_until_it_is_back() {
    let folder = fresh_folder("headset-lost");
    let (mut headset, speakers) = (SoundServer::start(&folder.join("headset")), SoundServer::start(&folder.join("speakers")));
    headset.lend_to(&speakers);
    // The programs' default device is that of the second server.
    let mut talk = talk("headset-lost-site", &speakers, "headset");
    assert_citizen_heard("in the headset", &listen(&mut talk, &headset, &folder.join("headset.raw"), 8));
    headset.kill();
    talk.agent.event_where("sound", BACK, |event| event["problem"] == "replaced");
    assert_citizen_heard("from the loudspeakers", &listen(&mut talk, &speakers, &folder.join("speakers.raw"), 10));
    headset.restart();
    talk.agent.event_where("sound", BACK, |event| event["problem"].is_null());
    assert_citizen_heard("in the headset again", &listen(&mut talk, &headset, &folder.join("again.raw"), 10));
    let _ = talk.caller.hang_up(LATER);
    talk.agent.event("call_ended", SOON);
}

#[test]
fn a_sound_server_that_dies_while_nobody_calls_is_told_and_used_again_for_the_next_call() {
    let folder = fresh_folder("sound-server-idle");
    let mut sound = SoundServer::start(&folder);
    let site = Site::demo("sound-server-idle-site");
    let server = Server::start(&site);
    let mut agent = Headless::start_at(&site, &server, &site.agents[0], HeadlessPlan::WILLING, &sound, "default");
    agent.event_ever("sound", SOON, |event| event["problem"].is_null());
    assert!(!sound.is_used(), "an agent who waits holds no device");
    sound.kill();
    agent.event_where("sound", BACK, |event| !event["problem"].is_null());
    sound.restart();
    agent.event_where("sound", BACK, |event| event["problem"].is_null());
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    let at_home = site.folder().join("at-home.wav");
    let caller = Caller::dial(CallPlan { speech, played: true, record: Some(at_home.clone()), ..CallPlan::new(server.sip, "12345") });
    agent.event("talking", LATER);
    let (ear, mouth) = (sound.listen(&folder.join("call.raw")), sound.speak(&prompt("agent")));
    agent.talks_for(Duration::from_secs(10));
    drop((ear, mouth));
    let _ = caller.hang_up(LATER);
    agent.event("call_ended", SOON);
    assert_citizen_heard("in the call", &raw(&folder.join("call.raw")));
    assert_mostly_arrived("the microphone's voice at the citizen", &read_mono(&prompt("agent")), &read_mono(&at_home));
}

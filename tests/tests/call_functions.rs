//! What agents and supervisors do with calls, function after function, with real sound: after each one it is known who is to hear whom, and
//! what everybody heard is compared with that at the end. One server for all of it; several functions in each call.

use e2e::stage::{Script, Stage, WHILE, expert};
use e2e::tones::{AGENT as A, CITIZEN as C, COLLEAGUE as L, EXPERT as E, SUPERVISOR as S, heard, story};
use e2e::{Headless, HeadlessPlan, LATER, SOON, baresip};

fn supervise(supervisor: &mut Headless, act: &str, agent: &str, more: &str) {
    supervisor.tell(&format!(r#"supervise {{"act":"{act}","agent":{agent}{more},"reason":"test"}}"#));
}

fn watches(supervisor: &mut Headless, agent: &str, mode: &str) {
    supervise(supervisor, "watch", agent, &format!(r#","mode":"{mode}""#));
    supervisor.event_where("watches", SOON, |value| value["watches"]["mode"] == mode && value["watches"]["connected"] == true);
}

#[test]
fn everybody_hears_whom_they_should_through_all_functions_of_a_long_call() {
    let Some(outside) = expert("long-call") else { return };
    let stage = Stage::new("long-call", Some(&outside));
    let mut script = Script::default();
    let mut agent = stage.agent(0, A);
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    let (mut colleague, mut supervisor) = (stage.agent(1, L), stage.supervisor());
    let (own, colleagues) = (stage.id(0), format!("agent:{}", stage.id(1)));
    script.then("accept", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    hold_and_consult(&mut script, (&mut agent, &mut colleague), &colleagues);
    mute_and_drop(&mut script, (&mut agent, &mut colleague));
    be_listened_to(&mut script, (&mut agent, &mut supervisor), &own);
    pause_and_resume(&mut script, &mut agent);
    let report = finish_with_three(&mut script, (&mut agent, &mut colleague), &colleagues, citizen);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    script.check("citizen", &report);
    agent.tell(&format!("marks {}", call.interaction));
    let told = agent.event("marks", SOON);
    assert_eq!(told["marks"].as_array(), Some(&call.marks), "the wire tells what the command line tells");
    script.check("agent", &agent.heard());
    let colleague = colleague.heard();
    script.check("colleague", &colleague);
    assert!(music_in_first_pause(&colleague) > 300.0, "who is swapped out hears music");
    script.check("supervisor", &supervisor.heard());
    assert_eq!(script.count(), 27);

    let [left, right] = stage.site.export(&call);
    assert_eq!(story(&left), [vec![C]], "the citizen is alone on the left");
    assert!(!story(&right).iter().any(|tones| tones == &[C] || tones == &[A, C]), "the citizen is not on the right");
    let barged = story(&right).iter().filter(|tones| tones.contains(&S)).count();
    assert_eq!(barged, 1, "barging is in the main recording once, whispering is not");
    let [nobody, whispers] = stage.site.export_track(&call, "whisper");
    assert_eq!((story(&nobody), story(&whispers)), (vec![], vec![vec![S]]));
    let [_, aside] = stage.site.export_track(&call, "consultation");
    assert_eq!(story(&aside), [vec![A, L]], "the consultation beside the three-way talk");
    pause_is_silent(&call, [&left, &right]);
    let marks: Vec<&str> = call.marks.iter().filter_map(|mark| mark["mark"].as_str()).collect();
    for mark in ["talk", "hold", "retrieve", "called", "joined", "left", "watched", "unwatched", "pause", "pause_end", "transfer"] {
        assert!(marks.contains(&mark), "{mark} in {marks:?}");
    }
}

fn hold_and_consult(script: &mut Script, (agent, colleague): (&mut Headless, &mut Headless), colleagues: &str) {
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("hold", agent, &[("citizen", &[]), ("agent", &[])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("retrieve", agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell(&format!("consult {colleagues}"));
    colleague.state("consulting", SOON);
    script.then("consult a colleague", agent, &[("citizen", &[]), ("agent", &[L]), ("colleague", &[A])]);
    agent.tell("swap");
    agent.state("talking", SOON);
    script.then("swap to the citizen", agent, &[("citizen", &[A]), ("agent", &[C]), ("colleague", &[])]);
    agent.tell("swap");
    agent.state("consulting", SOON);
    script.then("swap back", agent, &[("citizen", &[]), ("agent", &[L]), ("colleague", &[A])]);
    agent.tell("merge");
    colleague.state("talking", SOON);
    script.then("merge", agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);
}

fn mute_and_drop(script: &mut Script, (agent, colleague): (&mut Headless, &mut Headless)) {
    agent.tell(r#"call {"function":"mute_party","party":1,"muted":true}"#);
    agent.event_where("call", SOON, |value| value["talk"]["others"][0]["muted"] == true);
    script.then("mute a party", agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell(r#"call {"function":"mute_party","party":1,"muted":false}"#);
    agent.event_where("call", SOON, |value| value["talk"]["others"][0]["muted"] == false);
    script.then("unmute it", agent, &[("citizen", &[A, L]), ("agent", &[C, L])]);
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("step out of three", agent, &[("citizen", &[L]), ("agent", &[]), ("colleague", &[C])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("step in again", agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);
    agent.tell(r#"call {"function":"drop_party","party":1}"#);
    colleague.state("ready", SOON);
    script.then("drop a party", agent, &[("citizen", &[A]), ("agent", &[C])]);
}

fn be_listened_to(script: &mut Script, (agent, supervisor): (&mut Headless, &mut Headless), own: &str) {
    watches(supervisor, own, "listen");
    script.then("listen", agent, &[("supervisor", &[C, A]), ("citizen", &[A]), ("agent", &[C])]);
    watches(supervisor, own, "whisper");
    script.then("whisper", agent, &[("supervisor", &[C, A]), ("citizen", &[A]), ("agent", &[C, S])]);
    watches(supervisor, own, "barge");
    script.then("barge", agent, &[("citizen", &[A, S]), ("agent", &[C, S])]);
    watches(supervisor, own, "listen");
    script.then("listen again", agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("hold while listened to", agent, &[("citizen", &[]), ("agent", &[]), ("supervisor", &[])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("retrieve while listened to", agent, &[("citizen", &[A]), ("agent", &[C]), ("supervisor", &[C, A])]);
    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    script.then(
        "consult an expert while listened to",
        agent,
        &[("citizen", &[]), ("agent", &[E]), ("expert", &[A]), ("supervisor", &[A, E])],
    );
    agent.tell("cancel");
    agent.state("talking", SOON);
    script.then("cancel", agent, &[("citizen", &[A]), ("agent", &[C]), ("supervisor", &[C, A])]);
    supervisor.tell(r#"supervise {"act":"unwatch","reason":"test"}"#);
    supervisor.event_where("watches", SOON, |value| value["watches"].is_null());
    script.then("listen no more", agent, &[("citizen", &[A]), ("agent", &[C])]);
}

/// The recording is paused and goes on; then an expert takes part.
fn pause_and_resume(script: &mut Script, agent: &mut Headless) {
    agent.tell("pause_recording");
    agent.event_where("call", SOON, |value| !value["talk"]["paused_until"].is_null());
    script.then("pause the recording", agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell("resume_recording");
    agent.event_where("call", SOON, |value| value["talk"]["paused_until"].is_null());
    script.then("resume it", agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    agent.tell("merge");
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| others.len() == 1));
}

/// Out of a three-way talk: a consultation, a hand-over, and a talk without an agent. Returns what the citizen heard.
fn finish_with_three(
    script: &mut Script,
    (agent, colleague): (&mut Headless, &mut Headless),
    colleagues: &str,
    citizen: e2e::Caller,
) -> Vec<i16> {
    script.then("merge an expert", agent, &[("citizen", &[A, E]), ("agent", &[C, E])]);
    agent.tell(&format!("consult {colleagues}"));
    colleague.state("consulting", SOON);
    script.then("consult beside a three-way talk", agent, &[("citizen", &[E]), ("agent", &[L]), ("colleague", &[A])]);
    agent.tell("complete");
    agent.state("ready", SOON);
    script.then("hand a three-way talk over", agent, &[("citizen", &[L, E]), ("agent", &[]), ("colleague", &[C, E])]);
    colleague.tell("leave");
    colleague.state("ready", SOON);
    script.then("leave", agent, &[("citizen", &[E])]);
    citizen.hang_up(LATER).heard
}

/// How loud the first long pause in the tones is.
fn music_in_first_pause(samples: &[i16]) -> f64 {
    let runs = heard(samples);
    let pause = runs.iter().position(|(tones, length)| tones.is_empty() && *length > 500).expect("a pause");
    let before: u64 = runs[..pause].iter().map(|(_, length)| length).sum();
    // Runs leave short change-overs out, so that the middle of the pause is looked at.
    let middle = (before as usize + runs[pause].1 as usize / 2) * 8;
    e2e::sound::rms(&samples[middle - 1_600..middle + 1_600])
}

/// Between its marks nothing is recorded, and around them both sides are.
fn pause_is_silent(call: &e2e::Call, sides: [&[i16]; 2]) {
    let at = |name: &str| call.marks.iter().find(|mark| mark["mark"] == name).and_then(|mark| mark["at_ms"].as_u64()).expect("marked");
    let (from, to) = (at("pause") as usize * 8, at("pause_end") as usize * 8);
    for side in sides {
        // Packets that were under way at either mark: a fifth of a second.
        let inside = &side[from + 1_600..to - 1_600];
        assert!(inside.iter().all(|sample| sample.abs() < 64), "something is heard within the pause");
        assert!(!story(&side[from - 6_400..from - 1_600]).is_empty() && !story(&side[to + 1_600..to + 6_400]).is_empty());
    }
    assert!(to - from > WHILE.as_millis() as usize * 8, "the pause lasted");
}

#[test]
fn a_call_that_goes_from_hand_to_hand_is_heard_by_whom_it_is_with() {
    let Some(outside) = expert("hand-to-hand") else { return };
    let stage = Stage::new("hand-to-hand", Some(&outside));
    let mut script = Script::default();
    let (mut agent, mut supervisor) = (stage.desktop(0, A, HeadlessPlan::ANSWERS), stage.supervisor());
    agent.go_ready();
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    // Never ready by itself: whoever is, may be asked first.
    let mut colleague = stage.desktop(1, L, HeadlessPlan::default());
    colleague.go_ready();
    let (own, colleagues) = (stage.id(0), stage.id(1));
    script.then("accept", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell(&format!("transfer agent:{colleagues}"));
    colleague.event("ringing", SOON);
    script.then("a transfer rings", &mut agent, &[("citizen", &[]), ("agent", &[])]);
    colleague.tell("reject");
    agent.event_where("notice", SOON, |value| value.to_string().contains("rejected"));
    script.then("a transfer is rejected", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    colleague.tell("ready");
    colleague.state("ready", SOON);

    agent.tell(&format!("invite agent:{colleagues}"));
    colleague.event("ringing", SOON);
    script.then("an invitation rings while the talk goes on", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    colleague.tell("answer");
    colleague.state("talking", SOON);
    script.then("an invited colleague takes part", &mut agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);
    agent.tell("leave");
    agent.state("ready", SOON);
    script.then("the owner leaves, and the colleague has the call", &mut agent, &[("citizen", &[L]), ("colleague", &[C])]);

    supervise(&mut supervisor, "take_over", &colleagues, "");
    supervisor.event("talking", SOON);
    colleague.state("ready", SOON);
    colleague.tell("not_ready break");
    colleague.state("not_ready", SOON);
    script.then("take over", &mut agent, &[("citizen", &[S]), ("supervisor", &[C])]);
    supervisor.tell(&format!("transfer agent:{own}"));
    agent.event("talking", SOON);
    script.then("a blind transfer", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell(&format!("invite {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| !others.is_empty()));
    script.then("three-way at once with an expert", &mut agent, &[("citizen", &[A, E]), ("agent", &[C, E]), ("expert", &[C, A])]);
    agent.tell(r#"call {"function":"drop_party","party":4}"#);
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(Vec::is_empty));
    script.then("the expert is dropped, two go on", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell(&format!("transfer {}", baresip::USER));
    agent.state("ready", SOON);
    script.then("a blind transfer outside", &mut agent, &[("citizen", &[E]), ("expert", &[C])]);
    let report = citizen.hang_up(LATER);

    let picked = forced_acts(&stage, &mut script, [&mut agent, &mut colleague, &mut supervisor]);
    let calls = stage.site.settled(3, LATER);
    let ends: Vec<_> = calls.iter().rev().map(|call| call.end()).collect();
    assert_eq!(ends, [("caller_hung_up", "caller"), ("released", "server"), ("caller_hung_up", "caller")]);
    script.check("citizen", &report.heard);
    script.check("second citizen", &picked);
    drop(outside);
    let acts = stage.site.cli(&["agent", "supervision"]);
    for act in ["take_over", "release", "pick_up", "force_ready", "force_not_ready", "force_sign_out"] {
        assert!(acts.to_string().contains(act), "{act} in {acts:#}");
    }
}

/// What a supervisor does to others: a call is ended, a waiting citizen picked up, states are set. Returns what that citizen heard.
fn forced_acts(stage: &Stage, script: &mut Script, [agent, colleague, supervisor]: [&mut Headless; 3]) -> Vec<i16> {
    let (own, colleagues) = (stage.id(0), stage.id(1));
    let released = stage.citizen();
    agent.event("talking", SOON);
    supervise(supervisor, "release", &own, "");
    let cut = released.report(LATER);
    assert!(cut.talk_ms.is_some(), "{cut:?}");
    agent.tell("not_ready break");
    agent.state("not_ready", SOON);
    supervisor.tell("waiting on");
    let waits = stage.citizen();
    let row = supervisor.event_where("waiting", SOON, |value| value["rows"].as_array().is_some_and(|rows| rows.len() == 1));
    let interaction = row["rows"][0]["interaction"].as_u64().expect("a call waits");
    supervisor.tell(&format!(r#"supervise {{"act":"pick_up","interaction":{interaction},"reason":"test"}}"#));
    supervisor.event("talking", SOON);
    script.then("pick up who waits", agent, &[("second citizen", &[S]), ("supervisor", &[C])]);
    let picked = waits.hang_up(LATER);
    // One act at a time: another is asked for when the one before shows.
    supervise(supervisor, "force_sign_out", &colleagues, "");
    colleague.event("signed_out", SOON);
    supervise(supervisor, "force_ready", &own, "");
    agent.state("ready", SOON);
    supervise(supervisor, "force_not_ready", &own, r#","as":"training""#);
    agent.state_because("not_ready", "training", SOON);
    picked.heard
}

#[test]
fn an_emergency_call_is_three_way_at_once_told_to_supervisors_and_kept_as_evidence() {
    let Some(outside) = expert("emergency") else { return };
    let stage = Stage::new("emergency", Some(&outside));
    let (mut agent, mut supervisor) = (stage.agent(0, A), stage.supervisor());
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    agent.tell("invite 119");
    supervisor.event_where("notice", SOON, |value| value.to_string().contains("team_emergency"));
    let _ = agent.event_within("never", WHILE);
    let _ = citizen.hang_up(LATER);
    let call = stage.site.only_call();
    let held = call.recording.as_ref().and_then(|recording| recording.held.clone());
    assert_eq!(held.as_deref(), Some("emergency"), "{call:?}");
    assert!(call.marks.iter().any(|mark| mark["mark"] == "emergency"), "{:?}", call.marks);
    let id = call.interaction.to_string();
    let words = stage.site.cli_fails(&["recording", "lift", &id, "--reason", "复核完毕", "--by", &stage.site.agents[0].number]);
    assert!(words.contains("supervisor"), "{words}");
    let _ = stage.site.cli(&["recording", "lift", &id, "--reason", "复核完毕", "--by", &stage.site.supervisor.number]);
    let call = stage.site.only_call();
    assert_eq!(call.recording.as_ref().and_then(|recording| recording.held.clone()), None);
    let _ = stage.site.cli(&["recording", "hold", &id, "--reason", "投诉复核", "--by", &stage.site.supervisor.number]);
    let list = stage.site.cli(&["recording", "list"]);
    assert_eq!(list["recordings"][0]["held"], "投诉复核", "{list:#}");
}

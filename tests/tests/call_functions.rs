//! What agents and supervisors do with calls, function after function, with real sound: after each one it is known who is to hear whom, and
//! what everybody heard is compared with that at the end. One server for all of it; several functions in each call.

use e2e::stage::{Script, Stage, WHILE, expert};
use e2e::tones::{AGENT as A, CITIZEN as C, COLLEAGUE as L, EXPERT as E, SUPERVISOR as S, heard, story};
use e2e::{Headless, LATER, SOON, baresip};

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

    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("hold", &mut agent, &[("citizen", &[]), ("agent", &[])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("retrieve", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell(&format!("consult {colleagues}"));
    colleague.state("consulting", SOON);
    script.then("consult a colleague", &mut agent, &[("citizen", &[]), ("agent", &[L]), ("colleague", &[A])]);
    agent.tell("swap");
    agent.state("talking", SOON);
    script.then("swap to the citizen", &mut agent, &[("citizen", &[A]), ("agent", &[C]), ("colleague", &[])]);
    agent.tell("swap");
    agent.state("consulting", SOON);
    script.then("swap back", &mut agent, &[("citizen", &[]), ("agent", &[L]), ("colleague", &[A])]);
    agent.tell("merge");
    colleague.state("talking", SOON);
    script.then("merge", &mut agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);

    agent.tell(r#"call {"function":"mute_party","party":1,"muted":true}"#);
    agent.event_where("call", SOON, |value| value["talk"]["others"][0]["muted"] == true);
    script.then("mute a party", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell(r#"call {"function":"mute_party","party":1,"muted":false}"#);
    agent.event_where("call", SOON, |value| value["talk"]["others"][0]["muted"] == false);
    script.then("unmute it", &mut agent, &[("citizen", &[A, L]), ("agent", &[C, L])]);
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("step out of three", &mut agent, &[("citizen", &[L]), ("agent", &[]), ("colleague", &[C])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("step in again", &mut agent, &[("citizen", &[A, L]), ("agent", &[C, L]), ("colleague", &[C, A])]);
    agent.tell(r#"call {"function":"drop_party","party":1}"#);
    colleague.state("ready", SOON);
    script.then("drop a party", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    watches(&mut supervisor, &own, "listen");
    script.then("listen", &mut agent, &[("supervisor", &[C, A]), ("citizen", &[A]), ("agent", &[C])]);
    watches(&mut supervisor, &own, "whisper");
    script.then("whisper", &mut agent, &[("supervisor", &[C, A]), ("citizen", &[A]), ("agent", &[C, S])]);
    watches(&mut supervisor, &own, "barge");
    script.then("barge", &mut agent, &[("citizen", &[A, S]), ("agent", &[C, S])]);
    watches(&mut supervisor, &own, "listen");
    script.then("listen again", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell("hold");
    agent.state("holding", SOON);
    script.then("hold while listened to", &mut agent, &[("citizen", &[]), ("agent", &[]), ("supervisor", &[])]);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    script.then("retrieve while listened to", &mut agent, &[("citizen", &[A]), ("agent", &[C]), ("supervisor", &[C, A])]);
    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    script.then(
        "consult an expert while listened to",
        &mut agent,
        &[("citizen", &[]), ("agent", &[E]), ("expert", &[A]), ("supervisor", &[A, E])],
    );
    agent.tell("cancel");
    agent.state("talking", SOON);
    script.then("cancel", &mut agent, &[("citizen", &[A]), ("agent", &[C]), ("supervisor", &[C, A])]);
    supervisor.tell(r#"supervise {"act":"unwatch","reason":"test"}"#);
    supervisor.event_where("watches", SOON, |value| value["watches"].is_null());
    script.then("listen no more", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell("pause_recording");
    agent.event_where("call", SOON, |value| !value["talk"]["paused_until"].is_null());
    script.then("pause the recording", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);
    agent.tell("resume_recording");
    agent.event_where("call", SOON, |value| value["talk"]["paused_until"].is_null());
    script.then("resume it", &mut agent, &[("citizen", &[A]), ("agent", &[C])]);

    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    agent.tell("merge");
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| others.len() == 1));
    let report = finish_with_three(&mut script, (&mut agent, &mut colleague), &colleagues, citizen);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    script.check("citizen", &report);
    script.check("agent", &agent.heard());
    let colleague = colleague.heard();
    script.check("colleague", &colleague);
    assert!(music_in_first_pause(&colleague) > 300.0, "who is swapped out hears music");
    script.check("supervisor", &supervisor.heard());
    assert_eq!(script.count(), 26);

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

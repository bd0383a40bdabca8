//! 盲转 to a voice menu and to a survey (1-3), with real sound: the question is heard by the citizen alone, the agent is free at once, a key
//! leads to people, to somebody outside, or answers the survey; everything is one call with one recording. One server for all of it.

use citizen::{Act, CallPlan, Deed, EndedBy, Outcome, Speech};
use e2e::sound::{self, RATE};
use e2e::stage::{Stage, expert};
use e2e::tones::{AGENT as A, CITIZEN as C, COLLEAGUE as L, EXPERT as E, story, tone};
use e2e::{Call, Caller, Headless, HeadlessPlan, LATER, SOON, baresip};
use serde_json::Value;
use std::time::Duration;

/// How long people talk.
const WHILE: Duration = Duration::from_millis(1_500);

fn nodes() -> String {
    let outside = baresip::USER;
    format!(
        "\n[[nodes]]\nid = 1\nname = \"夜间菜单\"\nprompts = [\"zh.callback_confirm\"]\nkeys = [\"1 queue 1\", \"3 number {outside}\"]\n\
         otherwise = \"queue 1\"\nwait_seconds = 20\n\
         \n[[nodes]]\nid = 2\nname = \"服务评价\"\nprompts = [\"zh.survey_question\"]\nwrong_key = \"zh.wrong_key\"\n\
         answers = [\"1 满意\", \"2 不满意\"]\nthen = \"hang_up zh.survey_thanks\"\notherwise = \"hang_up\"\nwait_seconds = 20\n"
    )
}

/// Where a built-in piece begins in what was heard, in ms. Its first three seconds are looked for: a key may have cut the rest.
fn place(name: &str, heard: &[i16]) -> Option<usize> {
    let samples = sound::piece(name);
    sound::place(&samples[..samples.len().min(3 * RATE)], heard)
}

/// A citizen with a tone who presses these keys, so long after the answer.
fn citizen(stage: &Stage, keys: &[(u64, &str)]) -> Caller {
    let acts = keys.iter().map(|(after_ms, key)| Act { after: Duration::from_millis(*after_ms), deed: Deed::Press((*key).to_owned()) });
    let speech = Speech::Looped(tone(C).into());
    Caller::dial(CallPlan { acts: acts.collect(), speech, ..CallPlan::new(stage.server.sip, "12345") })
}

/// Talks for a while, and hands the citizen over.
fn hands_over(agent: &mut Headless, node: u32) {
    agent.event("talking", SOON);
    let _ = agent.event_within("never", WHILE);
    agent.tell(&format!("transfer node:{node}"));
    agent.state("ready", SOON);
}

fn ends(visit: &Value) -> (&str, &str) {
    (visit["node"].as_u64().map_or("", |node| if node == 1 { "menu" } else { "survey" }), visit["end"]["end"].as_str().unwrap_or(""))
}

fn the_newest(stage: &Stage, calls: usize) -> (Call, Value) {
    let call = stage.site.settled(calls, LATER).into_iter().next().expect("a call");
    let shown = stage.site.cli(&["call", "show", &call.interaction.to_string()]);
    (call, shown["visits"].clone())
}

#[test]
fn a_menu_leads_to_people_and_outside_and_a_survey_is_answered() {
    let Some(outside) = expert("nodes") else { return };
    let stage = Stage::new("nodes", Some(&outside));
    stage.site.write_configuration(&(stage.site.configuration() + &nodes()));
    let _ = stage.site.cli(&["reload"]);
    // Ready when told, so that the colleague is the next one.
    let mut agent = stage.desktop(0, A, HeadlessPlan::ANSWERS);
    agent.go_ready();

    // A key leads to the waiting line; a colleague takes the citizen.
    let caller = citizen(&stage, &[(8_000, "1")]);
    hands_over(&mut agent, 1);
    agent.tell("not_ready break");
    agent.state("not_ready", SOON);
    let mut colleague = stage.agent(1, L);
    colleague.event("talking", LATER);
    let _ = colleague.event_within("never", WHILE);
    let report = caller.hang_up(LATER);
    let asked = place("zh.callback_confirm", &report.heard).expect("the question of the menu was heard");
    println!("the menu's question began at {asked} ms");
    assert_eq!(story(&report.heard), [vec![A], vec![L]]);
    let (call, visits) = the_newest(&stage, 1);
    assert_eq!((call.end(), call.segments.len()), (("caller_hung_up", "caller"), 2), "{call:?}");
    assert_eq!((ends(&visits[0]), visits[0]["end"]["key"].as_str()), (("menu", "key"), Some("1")), "{visits}");
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![C]], vec![vec![A], vec![L]]), "one recording from hand to hand");
    assert_eq!(call.marks.iter().filter(|mark| mark["mark"] == "to_node").count(), 1, "{:?}", call.marks);

    // A wrong key, then an answer; the call ends with thanks.
    let caller = citizen(&stage, &[(7_000, "7"), (11_000, "2")]);
    hands_over(&mut colleague, 2);
    let report = caller.report(LATER);
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(EndedBy::FarEnd)), "{report:?}");
    let said = ["zh.survey_question", "zh.wrong_key", "zh.survey_thanks"].map(|name| place(name, &report.heard));
    println!("question, wrong key and thanks at {said:?} ms");
    assert!(said.iter().all(Option::is_some) && said[1] < said[2], "{said:?}");
    let (call, visits) = the_newest(&stage, 2);
    assert_eq!((call.end(), call.segments.len()), (("survey_ended", "server"), 1), "{call:?}");
    assert_eq!((ends(&visits[0]), visits[0]["end"]["label"].as_str()), (("survey", "answered"), Some("不满意")), "{visits}");
    let surveys = stage.site.cli(&["survey", "list"]);
    let answer = &surveys["surveys"][0];
    assert_eq!((answer["agent_number"].as_str(), answer["end"]["key"].as_str()), (Some(stage.site.agents[1].number.as_str()), Some("2")));

    // A key leads outside: both go on without an agent.
    let caller = citizen(&stage, &[(7_000, "3")]);
    hands_over(&mut colleague, 1);
    let _ = colleague.event_within("never", Duration::from_secs(9));
    let report = caller.hang_up(LATER);
    assert_eq!(story(&report.heard), [vec![L], vec![E]], "the expert after the question");
    let (call, visits) = the_newest(&stage, 3);
    assert_eq!((call.end(), ends(&visits[0])), (("caller_hung_up", "caller"), ("menu", "key")), "{call:?} {visits}");
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![C]], vec![vec![L], vec![E]]), "and is recorded with the citizen");
    people_of_a_queue(&stage, &mut agent, &mut colleague);
    let heard = agent.heard();
    assert!(place("zh.callback_confirm", &heard).is_none(), "the agent heard the citizen's question");
    assert_eq!(story(&heard), [vec![C], vec![L], vec![C]]);
    drop(outside);
}

/// Whoever of a queue is ready is consulted, takes the call over, and sends it on to the line.
fn people_of_a_queue(stage: &Stage, agent: &mut Headless, colleague: &mut Headless) {
    let caller = citizen(stage, &[]);
    colleague.event("talking", SOON);
    let _ = colleague.event_within("never", WHILE);
    agent.tell("ready");
    agent.state("ready", SOON);
    colleague.tell("consult queue:1");
    agent.state("consulting", SOON);
    let _ = colleague.event_within("never", WHILE);
    colleague.tell("complete");
    colleague.state("ready", SOON);
    agent.state("talking", SOON);
    let _ = agent.event_within("never", WHILE);
    agent.tell("transfer queue:1");
    colleague.event("talking", SOON);
    let _ = colleague.event_within("never", WHILE);
    let report = caller.hang_up(LATER);
    assert_eq!(story(&report.heard), [vec![L], vec![A], vec![L]]);
    let (call, _) = the_newest(stage, 4);
    assert_eq!((call.end(), call.segments.len()), (("caller_hung_up", "caller"), 3), "{call:?}");
}

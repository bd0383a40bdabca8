//! Who gets a call, and who does not: skills, overflow, blocked numbers, missed rings, changes of the configuration while people wait.

use citizen::{CallPlan, Outcome};
use e2e::cut::Cable;
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A demo site whose first queue has these keys, with more text at the end of its configuration.
fn site(name: &str, keys: &[(&str, &str)], more: &str) -> Site {
    let site = Site::demo(name);
    for (key, value) in [("wrap_up_seconds", "0")].iter().chain(keys) {
        site.configure("queues", key, value);
    }
    site.write_configuration(&format!("{}\n{more}", site.configuration()));
    site
}

fn ready(site: &Site, server: &Server, number: usize, plan: HeadlessPlan) -> Headless {
    let mut agent = Headless::sign_in(site, server, &site.agents[number], plan);
    agent.state("ready", SOON);
    agent
}

fn dial(server: &Server) -> Caller {
    Caller::dial(CallPlan::new(server.sip, "12345"))
}

fn explained(site: &Site, call: u64) -> String {
    let told = site.cli(&["explain", &call.to_string()]);
    let steps = told["steps"].as_array().unwrap_or_else(|| panic!("no steps: {told}"));
    steps.iter().filter_map(|step| step["words"].as_str()).collect::<Vec<_>>().join("\n")
}

const SKILL: &str = "[[skills]]\nid = 3\nname = \"方言\"\n";

#[test]
fn a_call_rings_where_the_skill_is_and_the_reason_can_be_read_afterwards() {
    let site = site("skill", &[("skills", "[\"方言 from 5\"]")], SKILL);
    let _ = site.cli(&["agent", "edit", "1002", "--skill", "方言=7"]);
    let server = Server::start(&site);
    let _unskilled = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let mut skilled = ready(&site, &server, 1, HeadlessPlan::WILLING);
    let caller = dial(&server);
    skilled.event("talking", SOON);
    let report = caller.hang_up(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    let call = site.only_call();
    assert_eq!(call.segments[0].agent_number.as_deref(), Some("1002"), "{call:?}");
    let why = explained(&site, call.interaction);
    assert!(why.contains("1002 is asked"), "{why}");
    assert!(why.contains("not asked: 1001: a skill is missing or too low"), "{why}");
    assert!(why.contains("could be asked: 1002") && why.contains("skill levels 7"), "{why}");
}

#[test]
fn a_relaxed_demand_lets_the_others_help_later() {
    let keys = [("skills", "[\"方言 from 5\"]"), ("relax", "[\"方言 preferred after 1\"]")];
    let site = site("relax", &keys, SKILL);
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let caller = dial(&server);
    agent.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let call = site.only_call();
    assert!(call.result().wait_ms >= Some(1_000), "nobody had the skill at first: {call:?}");
    let why = explained(&site, call.interaction);
    assert!(why.contains("nobody can be asked, so the citizen waits"), "{why}");
}

#[test]
fn a_line_without_anybody_hands_its_calls_to_another_with_their_wait() {
    let more = "[[queues]]\nid = 2\nname = \"值班\"\nwrap_up_seconds = 0\n";
    let site = site("overflow", &[("when_nobody", "\"queue 2\"")], more);
    let _ = site.cli(&["agent", "edit", "1003", "--serve", "2", "--leave", "1"]);
    let server = Server::start(&site);
    let mut duty = ready(&site, &server, 2, HeadlessPlan::WILLING);
    let caller = dial(&server);
    duty.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let why = explained(&site, site.only_call().interaction);
    assert!(why.contains("leaves queue 1 政务咨询 for queue 2 值班: nobody who serves it is signed in"), "{why}");
}

#[test]
fn a_line_in_which_all_are_busy_elsewhere_can_refuse_and_says_so_on_record() {
    let site = site("all_not_ready", &[("when_all_not_ready", "\"refuse\"")], "");
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::READY);
    agent.tell("not_ready meal");
    agent.state_because("not_ready", "meal", SOON);
    let report = dial(&server).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(480)));
    assert_eq!(site.only_call().end(), ("all_not_ready", "server"));
}

#[test]
fn a_blocked_number_is_refused_on_record_until_the_entry_is_removed() {
    let site = site("blocked", &[], "");
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let refused = site.cli_fails(&["block", "add", "13912345678", "--reason", "辱骂", "--by", "1001"]);
    assert!(refused.contains("not_allowed"), "an agent may not block here: {refused}");
    let entry = site.cli(&["block", "add", "+86 139 1234 5678", "--reason", "辱骂", "--evidence", "1", "--by", "2001"]);
    let report = dial(&server).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(603)), "{report:?}");
    let call = site.only_call();
    assert_eq!((call.end(), call.result().wait_ms), (("blocked", "server"), None), "it entered no line: {call:?}");
    assert_eq!(site.cli(&["block", "list"])["entries"][0]["hits"], 1);

    // Another number is not touched, and a withheld one is on no list.
    for from in [Some("13912345679".to_owned()), None] {
        let caller = Caller::dial(CallPlan { from, ..CallPlan::new(server.sip, "12345") });
        agent.event("talking", SOON);
        drop(caller.hang_up(LATER));
        agent.state("ready", SOON);
    }
    let _ = site.cli(&["block", "remove", &entry["entry"].to_string(), "--reason", "误加", "--by", "2001"]);
    let caller = dial(&server);
    agent.event("talking", SOON);
    drop(caller.hang_up(LATER));
}

#[test]
fn a_call_that_one_desk_lets_ring_goes_to_the_next() {
    let site = site("next_desk", &[("ring_seconds", "1")], "");
    let server = Server::start(&site);
    let mut first = ready(&site, &server, 0, HeadlessPlan::READY);
    let mut second = ready(&site, &server, 1, HeadlessPlan::READY);
    let caller = dial(&server);
    first.event("ringing", SOON);
    first.state_because("not_ready", "no_answer", SOON);
    second.event("ringing", SOON);
    second.tell("answer");
    second.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let why = explained(&site, site.only_call().interaction);
    assert!(why.contains("1001's desk stops: not answered in time") && why.contains("1002 is asked"), "{why}");
    assert!(why.contains("not asked: 1001: 示忙"), "{why}");
}

#[test]
fn a_changed_configuration_counts_at_once_and_nobody_who_waits_is_dropped() {
    let site = site("reload", &[], "");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    let caller = dial(&server);
    Server::wait_status(&site, "a waiting citizen", |status| status["queues"][0]["waiting"] == 1);
    let lines = site.cli(&["queue", "list"]);
    assert_eq!((&lines["queues"][0]["waiting"], &lines["queues"][0]["agents"]["not_ready"]), (&1.into(), &1.into()), "{lines}");

    let before = site.configuration();
    site.write_configuration(&before.replace("queue = 1", "queue = 7"));
    assert!(site.cli_fails(&["reload"]).contains("there is no queue 7"), "faults are told and nothing changes");
    site.write_configuration(&format!("{before}\n[[queues]]\nid = 2\nname = \"值班\"\n[[numbers]]\nnumber = \"12315\"\nqueue = 2\n"));
    let told = site.cli(&["reload"]);
    assert_eq!((&told["queues"], &told["numbers"], &told["needs_restart"]), (&2.into(), &2.into(), &serde_json::json!([])), "{told}");
    assert_eq!(site.cli(&["queue", "list"])["queues"][0]["waiting"], 1, "the citizen still waits");
    agent.go_ready();
    agent.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let call = site.only_call();
    assert_eq!((call.end().0, call.result().answered_by_agent), ("caller_hung_up", true), "{call:?}");
}

#[test]
fn who_signed_in_and_who_failed_to_is_on_record() {
    let site = site("sign_in_record", &[], "");
    let server = Server::start(&site);
    let mut wrong = Headless::start(&site, server.gateway, &site.agents[0], "wrong password", HeadlessPlan::default());
    wrong.event("problem", SOON);
    drop(wrong);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::default());
    agent.tell("sign_out");
    agent.event("signed_out", SOON);
    let until = std::time::Instant::now() + LATER;
    loop {
        let told = site.cli(&["agent", "sign-ins"]);
        let kept = &told["sign_ins"];
        assert_eq!((&kept[1]["outcome"], &kept[1]["number"]), (&"wrong_credentials".into(), &"1001".into()), "{told}");
        assert_eq!((&kept[0]["outcome"], &kept[0]["address"]), (&"let_in".into(), &"127.0.0.1".into()), "{told}");
        if kept[0]["ended"] == "asked" {
            return;
        }
        assert!(std::time::Instant::now() < until, "the end of the session is not on record: {told}");
    }
}

#[test]
fn who_served_a_number_last_is_asked_first_although_another_is_idle_longer() {
    let site = site("last_agent", &[("last_agent_days", "30")], "");
    let server = Server::start(&site);
    let mut known = ready(&site, &server, 1, HeadlessPlan::WILLING);
    let caller = dial(&server);
    known.event("talking", SOON);
    let mut other = ready(&site, &server, 0, HeadlessPlan::WILLING);
    drop(caller.hang_up(LATER));
    known.state("ready", SOON);
    let caller = dial(&server);
    known.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let call = site.settled(2, LATER).remove(0);
    assert_eq!(call.segments[0].agent_number.as_deref(), Some("1002"), "{call:?}");
    let why = explained(&site, call.interaction);
    assert!(why.contains("1002 served the number last: the citizen talks with that agent again"), "{why}");

    // Another number goes to whoever is idle longest.
    let caller = Caller::dial(CallPlan { from: Some("13800000000".to_owned()), ..CallPlan::new(server.sip, "12345") });
    other.event("talking", SOON);
    drop(caller.hang_up(LATER));
}

#[test]
fn a_number_that_is_closed_by_hand_refuses_until_the_override_is_lifted() {
    let site = site("closed", &[], "");
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let wishes = ["calendar", "override", "add", "--closed", "refuse", "--hours", "1", "--reason", "演练", "--by", "2001"];
    let entry = site.cli(&wishes)["entry"].to_string();
    let told = site.cli(&["calendar", "test", "12345", "now"]);
    assert_eq!(told["meets"]["ends"], "refuse", "{told}");
    let report = dial(&server).report(LATER);
    assert_eq!(report.outcome, Outcome::Refused, "{report:?}");
    assert_eq!(site.only_call().end(), ("closed", "server"));
    let _ = site.cli(&["calendar", "override", "remove", &entry, "--by", "2001"]);
    let caller = dial(&server);
    agent.event("talking", SOON);
    drop(caller.hang_up(LATER));
}

#[test]
fn out_of_hours_calls_go_to_the_night_line_and_the_cause_is_on_record() {
    // A calendar without a line is closed on every day.
    let more = "[[queues]]\nid = 2\nname = \"夜间值班\"\nwrap_up_seconds = 0\n\n[[calendars]]\nid = 1\nname = \"工作日\"\nhours = []\n";
    let site = site("night", &[("calendar", "1"), ("when_closed", "\"queue 2\"")], more);
    let _ = site.cli(&["agent", "edit", "1003", "--serve", "2", "--leave", "1"]);
    let server = Server::start(&site);
    let mut day = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let mut night = ready(&site, &server, 2, HeadlessPlan::WILLING);
    let told = site.cli(&["calendar", "test", "12345", "now"]).to_string();
    assert!(told.contains("queue"), "{told}");
    let caller = dial(&server);
    night.event("talking", SOON);
    drop(caller.hang_up(LATER));
    let call = site.only_call();
    assert_eq!(call.segments[0].agent_number.as_deref(), Some("1003"), "{call:?}");
    let why = explained(&site, call.interaction);
    assert!(why.contains("leaves queue 1 政务咨询 for queue 2 夜间值班: it is closed at this time"), "{why}");
    assert!(day.event_within("ringing", Duration::from_millis(500)).is_none(), "the day's agents are not asked");
}

#[test]
fn a_break_for_too_many_is_refused_and_waited_for() {
    let site = site("breaks", &[], "[[reasons]]\nreason = \"meal\"\nmax_agents = 1\n");
    let server = Server::start(&site);
    let mut first = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::default());
    let mut second = Headless::sign_in(&site, &server, &site.agents[1], HeadlessPlan::default());
    first.go_ready();
    second.go_ready();
    first.tell("not_ready meal");
    first.state_because("not_ready", "meal", SOON);
    second.tell("not_ready meal");
    let refused = second.event("refused", SOON);
    assert_eq!(refused["reason"], "reason_full", "{refused}");
    second.tell("await_not_ready meal");
    // In line before the place is free: otherwise it would simply be taken.
    second.event_where("awaits", SOON, |value| !value["awaits"].is_null());
    first.tell("ready");
    first.state("ready", SOON);
    second.event_where("notice", SOON, |value| value["notice"] == "break_begun");
}

#[test]
fn what_was_chosen_in_a_talk_follows_it_unless_it_is_taken_back() {
    let site = site("next_state", &[], "");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    agent.go_ready();
    for taken_back in [true, false] {
        let caller = dial(&server);
        agent.event("talking", SOON);
        agent.tell("not_ready meal");
        agent.event_where("next_state", SOON, |value| value["next"]["reason"] == "meal");
        if taken_back {
            agent.tell("ready");
            agent.event_where("next_state", SOON, |value| value["next"] == Value::Null);
        }
        drop(caller.hang_up(LATER));
        if taken_back {
            agent.state("ready", SOON);
        } else {
            agent.state_because("not_ready", "meal", SOON);
        }
    }
}

#[test]
fn an_agent_whose_program_dies_in_mid_call_is_back_in_the_same_call() {
    let site = site("resume", &[], "");
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let caller = dial(&server);
    let before = agent.event("talking", SOON);
    agent.talks_for(Duration::from_secs(1));
    let died = Instant::now();
    agent.kill();
    let mut back = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    let after = back.event("talking", SOON);
    eprintln!("back in the call {} ms after SIGKILL", died.elapsed().as_millis());
    assert_eq!(before["interaction"], after["interaction"], "another call");
    back.talks_for(Duration::from_secs(1));
    let report = caller.hang_up(LATER);
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(citizen::EndedBy::Citizen)), "{report:?}");
    let call = site.only_call();
    assert_eq!((call.end(), call.segments.len()), (("caller_hung_up", "caller"), 1), "{call:?}");
    assert_eq!(call.recording.as_ref().map(|recording| recording.state.as_str()), Some("complete"), "{call:?}");
}

#[test]
fn a_second_desktop_takes_over_only_if_told_and_the_first_is_told_why() {
    let site = site("take_over", &[], "");
    let server = Server::start(&site);
    let mut first = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::default());
    let agent = &site.agents[0];
    let mut refused = Headless::start(&site, server.gateway, agent, &agent.password, HeadlessPlan::default());
    let problem = refused.event("problem", SOON);
    assert!(problem["text"].as_str().is_some_and(|text| text.contains("--take-over")), "{problem}");
    drop(refused);
    let plan = HeadlessPlan { take_over: true, ..HeadlessPlan::default() };
    let _second = Headless::sign_in(&site, &server, agent, plan);
    let problem = first.event("problem", SOON);
    assert!(problem["text"].as_str().is_some_and(|text| text.contains("elsewhere")), "{problem}");
}

fn numbers(news: &Value) -> Vec<&str> {
    news["rows"].as_array().into_iter().flatten().filter_map(|row| row["number"].as_str()).collect()
}

#[test]
fn the_list_of_agents_is_right_again_after_a_cut_in_which_somebody_left() {
    let site = site("agents", &[], "");
    let server = Server::start(&site);
    let cable = Cable::to(server.gateway);
    let mut watcher = Headless::sign_in_over(&site, cable.address(), &site.agents[0], HeadlessPlan::default());
    watcher.tell("agents on");
    watcher.event_where("agents", SOON, |news| numbers(news) == ["1001"]);
    let mut other = ready(&site, &server, 1, HeadlessPlan::READY);
    watcher.event_where("agents", SOON, |news| numbers(news) == ["1001", "1002"] && news["rows"][1]["state"]["state"] == "ready");
    cable.cut();
    watcher.link(false, SOON);
    other.tell("sign_out");
    other.event("signed_out", SOON);
    let _third = ready(&site, &server, 2, HeadlessPlan::READY);
    cable.mend();
    watcher.link(true, SOON);
    watcher.event_where("agents", SOON, |news| numbers(news) == ["1001", "1003"]);
}

#[test]
fn a_card_that_an_agent_corrects_is_right_at_once_and_keeps_its_history() {
    let site = site("correction", &[], "");
    let server = Server::start(&site);
    let mut agent = ready(&site, &server, 0, HeadlessPlan::WILLING);
    let caller = dial(&server);
    let talking = agent.event("talking", SOON);
    // The first caller that the demo registers.
    let person = 1;
    let wish =
        serde_json::json!({"interaction": talking["interaction"], "person": person, "name": "王秀瑛", "address": "新址", "tags": ["方言"]});
    agent.tell(&format!("correct {wish}"));
    let until = Instant::now() + LATER;
    loop {
        let history = site.cli(&["caller", "history", "13912345678"]);
        let last = history["changes"].as_array().and_then(|changes| changes.iter().find(|change| change["after"] == "王秀瑛")).cloned();
        if let Some(last) = last {
            assert_eq!((&last["author"], &last["before"]), (&"1001".into(), &"王秀英".into()), "{last}");
            break;
        }
        assert!(Instant::now() < until, "the correction is not on record: {history}");
    }
    // Its history is for whoever has the call at the desk.
    let ask = format!("card_history {} {person}", talking["interaction"]);
    agent.tell(&ask);
    let history = agent.event("card_history", SOON);
    let changes = history["changes"].as_array().cloned().unwrap_or_default();
    let name = changes.iter().find(|change| change["field"] == "name").cloned().unwrap_or_default();
    let told = ["by", "before", "after"].map(|key| name[key].as_str().unwrap_or_default());
    assert_eq!(told, ["1001", "王秀英", "王秀瑛"], "{history}");
    assert_eq!(name["by_name"], site.agents[0].name, "{history}");
    assert_eq!((&changes.last().expect("the registration")["before"], &history["more"]), (&"".into(), &false.into()), "{history}");
    let mut other = Headless::sign_in(&site, &server, &site.agents[1], HeadlessPlan::ANSWERS);
    other.tell(&ask);
    assert_eq!(other.event("card_history", SOON)["failed"], true);
    drop(caller.hang_up(LATER));
    assert_eq!(site.cli(&["caller", "show", "13912345678"])["persons"][0]["tags"][0], "方言");
}

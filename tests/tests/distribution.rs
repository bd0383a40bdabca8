//! Who gets a call, and who does not: skills, overflow, blocked numbers, missed rings, changes of the configuration while people wait.

use citizen::{CallPlan, Outcome};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};

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
    let mut second = ready(&site, &server, 1, HeadlessPlan { auto_ready: true, auto_answer: false });
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
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan { auto_answer: true, auto_ready: false });
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

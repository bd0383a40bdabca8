//! Summaries, drafts, matters for units, own lists and initial passwords: through the real programs, from the wire to the command line.

use citizen::{CallPlan, Speech};
use e2e::site::prompt;
use e2e::sound::read_mono;
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::{Value, json};
use std::time::Instant;

fn call(server: &Server) -> Caller {
    let speech = Speech::Looped(read_mono(&prompt("citizen")).into());
    Caller::dial(CallPlan { speech, from: Some("13912345678".to_owned()), ..CallPlan::new(server.sip, "12345") })
}

/// Who talks now in the only call of the server. The books follow by moments.
fn talking_interaction(site: &Site) -> u64 {
    let until = Instant::now() + SOON;
    loop {
        let calls = site.cli(&["call", "list"]);
        if let Some(interaction) = calls["calls"][0]["interaction"].as_u64() {
            return interaction;
        }
        assert!(Instant::now() < until, "no call: {calls}");
    }
}

#[test]
fn a_summary_with_a_unit_becomes_a_matter_that_is_open_until_it_is_closed() {
    let site = Site::demo("summaries");
    let book = site.folder().join("units.csv");
    std::fs::write(&book, "name,number,from,to,note\n市水务公司,0519-87210001,08:00,18:00,调度\n").expect("the site can be written");
    let book = book.to_str().expect("test paths are UTF-8");
    assert_eq!(site.cli(&["unit", "import", book, "--dry-run"])["units"], 1);
    let server = Server::start(&site);
    let told = site.cli(&["unit", "import", book]);
    assert_eq!((&told["changed"], &told["added"]), (&json!(1), &json!(0)), "the demo knows this unit: {told}");
    let unit = site.cli(&["unit", "list"])["units"][0]["unit"].clone();
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::ANSWERS);
    agent.go_ready();
    let caller = call(&server);
    agent.state("talking", LATER);
    let interaction = talking_interaction(&site);
    let summary = |content: &str, dispatch: bool| {
        json!({"interaction": interaction, "kind": "help", "disposition": "water.pressure", "place": "燕山南路", "content": content,
            "unit": unit, "dispatch": dispatch})
    };
    agent.tell(&format!("draft {}", summary("水压", true)));
    agent.tell("hang_up");
    agent.state("wrap_up", LATER);
    let _ = caller.report(LATER);
    let missing = |site: &Site| site.cli(&["summary", "list", "--missing"])["missing"].as_array().map_or(0, Vec::len);
    // The books follow the desk by moments.
    let until = Instant::now() + SOON;
    while missing(&site) != 1 {
        assert!(Instant::now() < until, "the summary is not missed");
    }
    agent.tell(&format!("summary {}", json!({"interaction": interaction, "disposition": "no.such.code"})));
    agent.event_where("refused", SOON, |event| event["reason"] == "incomplete");
    agent.tell(&format!("summary {}", summary("水压不足，五楼以上无水", true)));
    agent.state("ready", LATER);
    assert_eq!(missing(&site), 0);
    let shown = site.cli(&["summary", "show", &interaction.to_string()]);
    let one = &shown["summaries"][0];
    assert_eq!((&one["label"], &one["summary"]["kind"]), (&json!("城市管理 / 供水 / 水压不足"), &json!("help")), "{shown}");
    assert!(one["dispatched"].as_i64().is_some_and(|at| at == one["first"].as_i64().unwrap_or(0)), "its time stamp: {shown}");

    let matters = |which: &str| site.cli(&["matter", "list", "--which", which])["matters"].clone();
    let matter: Value = matters("open")[0].clone();
    assert_eq!((&matter["unit"], &matter["by"]), (&json!("市水务公司"), &json!(site.agents[0].number)), "{matter}");
    let card = site.cli(&["caller", "show", "13912345678"]);
    assert_eq!(card["matters"][0]["about"], "水压不足", "the next pop tells it: {card}");
    assert_eq!(card["contacts"][0]["about"], "水压不足", "{card}");
    let id = matter["matter"].to_string();
    let _ = site.cli(&["matter", "close", &id, "--result", "已修复", "--by", "2001"]);
    assert_eq!(matters("open").as_array().map(Vec::len), Some(0));
    assert_eq!(matters("all")[0]["result"], "已修复");
    let csv = site.folder().join("summaries.csv");
    let _ = site.cli(&["summary", "export", csv.to_str().expect("test paths are UTF-8")]);
    assert!(std::fs::read_to_string(csv).expect("it was written").contains("水压不足，五楼以上无水"));
}

#[test]
fn who_was_given_a_password_changes_it_before_anything_else() {
    let site = Site::demo("initial-password");
    let server = Server::start(&site);
    let told = site.cli(&["agent", "add", "1099", "--name", "新人"]);
    let password = told["password"].as_str().expect("it is shown once").to_owned();
    let person = e2e::site::Agent { number: "1099".to_owned(), name: "新人".to_owned(), password: password.clone() };
    let mut agent = Headless::sign_in(&site, &server, &person, HeadlessPlan::ANSWERS);
    agent.tell("ready");
    agent.event_where("refused", SOON, |event| event["reason"] == "password_first");
    agent.tell(&format!("password {password} short1"));
    agent.event_where("refused", SOON, |event| event["reason"] == "weak_password");
    agent.tell(&format!("password {password} blue-lamp-7"));
    agent.event_where("saved", SOON, |event| event["what"] == "password");
    agent.go_ready();
    drop(agent);
    let mut again = Headless::start(&site, server.gateway, &person, &password, HeadlessPlan { take_over: true, ..HeadlessPlan::ANSWERS });
    again.event_where("problem", LATER, |event| event["text"].as_str().is_some_and(|text| text.contains("password is wrong")));
}

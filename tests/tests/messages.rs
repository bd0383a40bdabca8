//! 短消息 between agents (1-6): to one, a team and all; delivered and read; without a loss over a cut and a new sign-in; limits; recalled,
//! pinned, of a call; the audit.

use citizen::{CallPlan, Ending};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use serde_json::Value;
use std::time::Duration;

fn text_of(event: &Value) -> &str {
    event["row"]["text"].as_str().unwrap_or_default()
}

fn hears(agent: &mut Headless, text: &str) -> Value {
    agent.event_where("message", SOON, |event| text_of(event) == text)
}

#[test]
fn messages_arrive_once_in_order_are_marked_and_can_be_searched() {
    let site = Site::demo("messages");
    let server = Server::start(&site);
    let sign_in = |place: usize| Headless::sign_in(&site, &server, &site.agents[place], HeadlessPlan::default());
    let (mut one, mut two) = (sign_in(0), sign_in(1));
    let id = |place: usize| {
        let agents = site.cli(&["agent", "list"]);
        let number = site.agents[place].number.as_str();
        let all = agents["agents"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|one| one["number"] == number).and_then(|one| one["agent"].as_u64());
        found.unwrap_or_else(|| panic!("no {number} in {agents}"))
    };
    one.tell(&format!("message agent:{} 请看一下工单", id(1)));
    let got = hears(&mut two, "请看一下工单");
    assert_eq!((&got["row"]["number"], &got["row"]["read"], &got["unread"]), (&Value::from(1), &Value::from(false), &Value::from(1)));
    one.event_where("message", SOON, |event| event["row"]["fate"]["delivered"] == 1 && event["row"]["fate"]["read"] == 0);
    two.tell("read_messages");
    one.event_where("message", SOON, |event| event["row"]["fate"]["read"] == 1);
    two.tell("message team:1 一组开会");
    hears(&mut one, "一组开会");
    one.tell("message all 系统升级");
    let to_all = hears(&mut two, "系统升级");
    assert_eq!(to_all["row"]["number"], 3, "the second one was sent from here");

    two.kill();
    one.tell(&format!("message agent:{} 你不在时的消息", id(1)));
    one.event_where("message", SOON, |event| text_of(event) == "你不在时的消息");
    let mut two = sign_in(1);
    let missed = hears(&mut two, "你不在时的消息");
    assert_eq!((&missed["row"]["number"], &missed["row"]["read"]), (&Value::from(4), &Value::from(false)));
    assert_eq!(two.event_ever("message", SOON, |event| text_of(event) == "请看一下工单")["row"]["read"], true);

    one.tell("message agent:999 没有人");
    one.event_where("refused", SOON, |event| event["reason"] == "no_such_target");
    for number in 0..12 {
        one.tell(&format!("message all 第{number}条"));
        let told = |event: &Value| text_of(event) == format!("第{number}条") || event["reason"] == "too_many_messages";
        let line = one.event_where("message", SOON, |event| told(event));
        assert_eq!(text_of(&line), format!("第{number}条"));
        if number == 4 {
            break;
        }
    }

    let found = site.cli(&["message", "search", "工单"]);
    let rows = found["messages"].as_array().expect("a list");
    assert_eq!(rows.len(), 1, "{found:#}");
    assert_eq!((&rows[0]["from"], &rows[0]["fate"]["read"]), (&Value::from(site.agents[0].number.as_str()), &Value::from(1)));
    let all = site.cli(&["message", "list", "--agent", &site.agents[1].number, "--limit", "100"]);
    assert_eq!(all["messages"].as_array().map(Vec::len), Some(9), "{all:#}");
}

#[test]
fn a_supervisor_recalls_and_pins_and_a_message_carries_a_call() {
    let site = Site::demo("messages-changed");
    let server = Server::start(&site);
    let mut one = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::default());
    let mut supervisor = Headless::sign_in(&site, &server, &site.supervisor, HeadlessPlan::default());
    let _ = Caller::dial(CallPlan { ending: Ending::HangUpAfter(Duration::from_millis(500)), ..CallPlan::new(server.sip, "12345") })
        .report(LATER);

    supervisor.tell("message_of call:99 all 请听这一通");
    supervisor.event_where("refused", SOON, |event| event["reason"] == "no_such_target");
    supervisor.tell("message_of call:1 all 请听这一通");
    let linked = hears(&mut one, "请听这一通");
    assert_eq!(linked["row"]["link"], serde_json::json!({"kind": "call", "id": 1}), "{linked:#}");
    let id = |row: &Value| row["row"]["message"].as_u64().expect("a number");

    supervisor.tell("message all 停水通知");
    let notice = hears(&mut one, "停水通知");
    supervisor.tell(&format!("pin_message {}", id(&notice)));
    let pinned = one.event_where("pinned", SOON, |event| event["rows"][0]["text"] == "停水通知");
    assert_eq!(pinned["rows"].as_array().map(Vec::len), Some(1), "{pinned:#}");
    supervisor.tell(&format!("recall_message {}", id(&linked)));
    let gone = one.event_where("message", SOON, |event| event["row"]["recalled"] == true);
    assert_eq!((id(&gone), text_of(&gone), &gone["row"]["link"]), (id(&linked), "", &Value::Null), "{gone:#}");
    one.tell(&format!("pin_message {}", id(&notice)));
    one.event_where("refused", SOON, |event| event["reason"] == "not_allowed");

    // A new sign-in finds both as they are now.
    one.kill();
    let mut one = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::default());
    one.event_where("pinned", SOON, |event| event["rows"][0]["text"] == "停水通知");
    let _ = one.event_ever("message", SOON, |event| event["row"]["recalled"] == true && text_of(event).is_empty());
    supervisor.tell(&format!("unpin_message {}", id(&notice)));
    one.event_where("pinned", SOON, |event| event["rows"].as_array().is_some_and(Vec::is_empty));

    let audit = site.cli(&["message", "search", "请听这一通"]);
    let row = &audit["messages"][0];
    assert_eq!((row["text"].as_str(), row["recalled"].is_null()), (Some("请听这一通"), false), "the audit keeps the words: {audit:#}");
}

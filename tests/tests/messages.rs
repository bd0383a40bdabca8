//! 短消息 between agents (1-6): to one, a team and all; delivered and read; without a loss over a cut and a new sign-in; limits; the audit.

use e2e::{Headless, HeadlessPlan, SOON, Server, Site};
use serde_json::Value;

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

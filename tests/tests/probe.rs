//! Test calls: what one tells, and that those by the clock are made, counted and seen.

use e2e::{Server, Site};
use serde_json::Value;

#[test]
fn a_test_call_tells_set_up_answer_sound_both_ways_and_its_quality() {
    let site = Site::demo("probe");
    let _server = Server::start(&site);
    let told = site.cli(&["probe", "12345", "--seconds", "2"]);
    let verdict = &told["verdict"];
    assert_eq!(
        (&verdict["passed"], &verdict["heard"], &verdict["was_heard"]),
        (&Value::Bool(true), &Value::Bool(true), &Value::Bool(true)),
        "{told:#}"
    );
    assert!(verdict["setup_ms"].is_u64() && verdict["answered_ms"].is_u64(), "{told:#}");
    assert!(verdict["mean_opinion_score"].as_f64().is_some_and(|score| score > 1.0 && score < 4.5), "{told:#}");
    assert!(site.cli_fails(&["probe", "99999"]).contains("refused with SIP status 404"));
}

#[test]
fn test_calls_by_the_clock_are_made_and_their_failures_are_seen() {
    let site = Site::demo("probe-clock");
    site.configure("probe", "number", "\"12345\"");
    site.configure("probe", "every_seconds", "1");
    let _server = Server::start(&site);
    let status = Server::wait_status(&site, "a test call", |status| status["probe"]["calls"].as_u64().is_some_and(|calls| calls > 0));
    assert_eq!((&status["probe"]["failed"], &status["probe"]["last"]["passed"]), (&Value::from(0), &Value::Bool(true)), "{status:#}");
    drop(_server);
    site.configure("limits", "max_interactions", "1");
    let server = Server::start(&site);
    let held = e2e::Caller::dial(citizen::CallPlan { ending: citizen::Ending::FarEnd, ..citizen::CallPlan::new(server.sip, "12345") });
    let status =
        Server::wait_status(&site, "a failed test call", |status| status["probe"]["failed"].as_u64().is_some_and(|failed| failed > 0));
    assert!(status["probe"]["last"]["error"].as_str().is_some_and(|why| why.contains("486")), "{status:#}");
    let _ = held.hang_up(e2e::SOON);
}

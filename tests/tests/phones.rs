//! Phones of the house: baresip registers with digest and calls the hotline; a wrong secret is refused and counted; what a phone may not
//! dial it is told.

use e2e::baresip::{Baresip, is_installed};
use e2e::site::prompt;
use e2e::{Headless, HeadlessPlan, SOON, Server, Site};
use serde_json::Value;
use std::net::IpAddr;

const HOUSE: &str = "127.0.0.30";

fn site(name: &str) -> Site {
    let site = Site::demo(name);
    site.configure("phones", "networks", &format!("[\"{HOUSE}\"]"));
    site
}

fn add(site: &Site, number: &str, class: &str) -> String {
    let told = site.cli(&["phone", "add", number, "--name", "值班室", "--class", class]);
    told["secret"].as_str().unwrap_or_else(|| panic!("phone add told no secret: {told}")).to_owned()
}

fn house() -> IpAddr {
    HOUSE.parse().expect("an address")
}

#[test]
fn a_phone_of_another_make_registers_calls_the_hotline_and_is_refused_beyond_its_class() {
    assert!(is_installed(), "baresip is missing; `cargo xtask test` installs it");
    let site = site("phones");
    let secret = add(&site, "8001", "internal");
    let server = Server::start(&site);
    let mut agent = Headless::sign_in(&site, &server, &site.agents[0], HeadlessPlan::WILLING);
    let mut phone = Baresip::register(&site.folder().join("baresip"), house(), server.sip, ("8001", &secret), &prompt("citizen"));
    site.wait_for_phone("8001");
    let list = site.cli(&["phone", "list"]);
    assert!(list["phones"][0]["bindings"][0]["source"].as_str().is_some_and(|source| source.starts_with(HOUSE)), "{list:#}");
    assert!(!list.to_string().contains(&secret), "the secret is shown once");

    phone.call(&format!("sip:12345@{}", server.sip));
    phone.event("CALL_ESTABLISHED");
    agent.event("talking", SOON);
    phone.hang_up();
    let call = site.only_call();
    assert_eq!((call.end(), call.result().answered_by_agent), (("caller_hung_up", "caller"), true), "{call:?}");

    let trace = site.cli(&["call", "trace", &call.interaction.to_string()]);
    let lines: Vec<&str> = trace["messages"].as_array().expect("a list").iter().filter_map(|message| message["line"].as_str()).collect();
    // No 100: it is owed only where nothing else is said within 200 ms (RFC 3261 section 17.2.1).
    for wanted in ["INVITE sip:12345@", "SIP/2.0 401 ", "SIP/2.0 180 ", "SIP/2.0 200 ", "BYE sip:"] {
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted} is not in {lines:#?}");
    }
    assert!(!trace.to_string().contains("response="), "credentials stay in the server: {trace:#}");

    phone.call(&format!("sip:13912345678@{}", server.sip));
    let closed = phone.event("CALL_CLOSED");
    assert!(closed["param"].as_str().is_some_and(|why| why.starts_with("403")), "{closed}");
    phone.call(&format!("sip:110@{}", server.sip));
    let closed = phone.event("CALL_CLOSED");
    assert!(
        closed["param"].as_str().is_some_and(|why| why.starts_with("480")),
        "allowed, but the site has no trunk that goes out: {closed}"
    );

    let _ = site.cli(&["phone", "remove", "8001"]);
    assert!(site.cli(&["phone", "list"])["phones"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_wrong_secret_is_refused_and_counted_and_does_not_call() {
    assert!(is_installed(), "baresip is missing; `cargo xtask test` installs it");
    let site = site("phones-wrong");
    let _ = add(&site, "8001", "internal");
    let server = Server::start(&site);
    let mut phone = Baresip::register(&site.folder().join("baresip"), house(), server.sip, ("8001", "wrong"), &prompt("citizen"));
    phone.event("REGISTER_FAIL");
    let status =
        Server::wait_status(&site, "a denied phone", |status| status["sip"]["denied_phones"].as_u64().is_some_and(|count| count > 0));
    assert_eq!(status["sip"]["calls"], Value::from(0), "{status:#}");
    phone.call(&format!("sip:12345@{}", server.sip));
    phone.event("CALL_CLOSED");
    assert!(site.calls().is_empty(), "nobody without a proof reaches the line");
    let list = site.cli(&["phone", "list"]);
    assert!(list["phones"][0]["bindings"].as_array().is_some_and(Vec::is_empty), "{list:#}");
}

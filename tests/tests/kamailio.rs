//! A carrier that is Kamailio: our server registers there with digest and takes a citizen's call through it, with the proxy in the path to
//! the end.

use citizen::{CallPlan, Ending, Outcome};
use e2e::kamailio::{Kamailio, is_installed};
use e2e::{Caller, LATER, Server, Site};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const SECRET: &str = "kq3v-9d2m";

/// A site that knows the carrier by registration alone.
fn site(name: &str, carrier: &Kamailio, secret: &str) -> Site {
    let site = Site::demo(name);
    let file = site.folder().join("keys/carrier.secret");
    std::fs::write(&file, format!("{secret}\n")).expect("the site's folder can be written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its own file");
    let trunk = format!(
        "\n[[trunks]]\nid = 7\nname = \"kamailio\"\nsources = []\nregistrar = \"sip:{}\"\nuser = \"hotline\"\n\
         secret_file = \"keys/carrier.secret\"\nregister_seconds = 60\ntargets = [\"sip:{}\"]\noptions_seconds = 1\n",
        carrier.address, carrier.address
    );
    site.write_configuration(&(site.configuration() + &trunk));
    site
}

fn wait_for_trunk(site: &Site, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + LATER;
    loop {
        let list = site.cli(&["trunk", "list"]);
        let trunks = list["trunks"].as_array().unwrap_or_else(|| panic!("no trunks: {list}"));
        let trunk = trunks.iter().find(|trunk| trunk["name"] == "kamailio").unwrap_or_else(|| panic!("no such trunk: {list}"));
        if holds(trunk) {
            return trunk.clone();
        }
        assert!(Instant::now() < until, "the trunk never was {what}: {trunk:#}");
    }
}

#[test]
fn the_server_registers_at_kamailio_and_takes_a_call_through_it() {
    assert!(is_installed(), "kamailio is missing; `cargo xtask test` installs it");
    let carrier = Kamailio::start("kamailio-carrier", "127.0.0.14", SECRET);
    let site = site("kamailio", &carrier, SECRET);
    let _server = Server::start(&site);
    let trunk = wait_for_trunk(&site, "up", |trunk| trunk["state"] == "up" && trunk["registration"]["registered"] == true);
    assert!(trunk["registration"]["expires_in_s"].as_u64().is_some_and(|left| left <= 60), "{trunk:#}");
    assert!(trunk["targets"][0]["latency_ms"].is_u64(), "{trunk:#}");

    let plan = CallPlan { ending: Ending::HangUpAfter(Duration::from_secs(2)), ..CallPlan::new(carrier.address, "12345") };
    let report = Caller::dial(plan).report(LATER);
    assert_eq!(report.outcome, Outcome::Answered, "{report:?}");
    assert!(report.packets_received > 20, "the citizen hears the music through the proxied call: {report:?}");
    let call = site.only_call();
    assert_eq!(call.end(), ("abandoned", "caller"), "the BYE came back over the proxy: {call:?}");

    let test = site.cli(&["trunk", "test", "kamailio"]);
    assert_eq!((&test["passed"], &test["registration"]["status"]), (&Value::Bool(true), &Value::from(200)), "{test:#}");
}

#[test]
fn a_refused_registration_is_told_and_waits_before_the_next_try() {
    assert!(is_installed(), "kamailio is missing; `cargo xtask test` installs it");
    let carrier = Kamailio::start("kamailio-strict", "127.0.0.15", SECRET);
    let site = site("kamailio-refused", &carrier, "wrong");
    let _server = Server::start(&site);
    let trunk = wait_for_trunk(&site, "refused", |trunk| trunk["registration"]["failures"] == 1);
    assert_eq!((&trunk["state"], &trunk["registration"]["error"]), (&Value::from("down"), &Value::from("refused with 401")), "{trunk:#}");
    assert!(trunk["registration"]["next_try_in_s"].as_u64().is_some_and(|wait| wait >= 10), "{trunk:#}");
    let told = site.cli_fails(&["trunk", "test", "nonsense"]);
    assert!(told.contains("no trunk to a carrier is named nonsense"), "{told}");
}

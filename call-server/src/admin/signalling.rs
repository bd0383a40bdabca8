//! `sip`: looks into signalling.

use super::cli::Sip;
use super::control::{self, Request};
use super::load;
use super::{Failure, Outcome};
use crate::config::Site;
use crate::sip::{Banned, Destination, LocateError, Locator};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;

pub(super) fn sip(site: &Path, command: &Sip) -> Result<Outcome, Failure> {
    match command {
        Sip::Locate { uri } => locate(&load(site)?, uri),
        Sip::Banned => banned(site),
        Sip::Unban { address } => unban(site, *address),
    }
}

fn banned(site: &Path) -> Result<Outcome, Failure> {
    let answer = ask(site, &Request::Banned)?;
    let listed: Vec<Banned> = answer.get("banned").and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default();
    if listed.is_empty() {
        return Ok(Outcome::new("No source is ignored.", answer));
    }
    let lines = listed.iter().map(|one| {
        let why = one.offence.text();
        format!("{:<39}  {:>6} s more  {:>9} ignored  {why}", one.source, one.remaining_s, one.ignored)
    });
    Ok(Outcome::new(lines.collect::<Vec<_>>().join("\n"), answer))
}

fn unban(site: &Path, address: IpAddr) -> Result<Outcome, Failure> {
    let answer = ask(site, &Request::Unban(address))?;
    if answer.get("unbanned").and_then(Value::as_bool) == Some(true) {
        return Ok(Outcome::new(format!("{address} is no longer ignored."), answer));
    }
    Err(Failure::new("not_banned", format!("{address} is not ignored"), "`call-server sip banned` lists who is."))
}

fn ask(site: &Path, request: &Request) -> Result<Value, Failure> {
    control::ask(site, request)?.ok_or_else(|| {
        let message = format!("no server is running on the site {}", site.display());
        Failure::new("not_running", message, "Start it with `call-server run`, or name another site with --site DIR.")
    })
}

fn locate(site: &Site, uri: &str) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new("no_threads", format!("the look-up cannot be started: {error}"), "Free some memory and try again.")
    })?;
    let found = runtime.block_on(async { Locator::new(&site.sip.transports(), site.sip.name_server).locate(uri).await });
    let found = found.map_err(|error| not_located(uri, &error))?;
    let text: Vec<String> = found.iter().enumerate().map(|(place, one)| format!("{}. {}", place + 1, readable(one))).collect();
    let json: Vec<Value> = found.iter().map(as_json).collect();
    Ok(Outcome::new(text.join("\n"), json!({"uri": uri, "destinations": json})))
}

fn readable(destination: &Destination) -> String {
    let name = destination.tls_name.as_ref().map_or_else(String::new, |name| format!(", certificate of {name}"));
    format!("{} over {}{name}", destination.address, destination.transport)
}

fn as_json(destination: &Destination) -> Value {
    json!({
        "transport": destination.transport.name(),
        "address": destination.address.to_string(),
        "certificate_name": destination.tls_name,
    })
}

fn not_located(uri: &str, error: &LocateError) -> Failure {
    let (code, remedy) = match error {
        LocateError::Target(_) => {
            ("bad_uri", "Write it as sip:carrier.example, sips:carrier.example or sip:192.0.2.10:5060;transport=tcp.")
        }
        LocateError::Nothing => ("not_located", "Check the name with whoever runs the other side."),
        LocateError::NameService(_) => ("no_name_service", "Check /etc/resolv.conf, or name a DNS server with [sip] name_server."),
    };
    Failure::new(code, format!("{uri} cannot be located: {error}"), remedy)
}

//! `sip`: looks into signalling.

use super::cli::Sip;
use super::{Failure, Outcome};
use crate::config::Site;
use crate::sip::{Destination, LocateError, Locator};
use serde_json::{Value, json};

pub(super) fn sip(site: &Site, command: &Sip) -> Result<Outcome, Failure> {
    match command {
        Sip::Locate { uri } => locate(site, uri),
    }
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

//! `probe`: calls the running server like a citizen would and says what came of it (5.1).

use super::cli::Probe;
use super::trunks::plain;
use super::{Failure, Outcome, status};
use crate::config::Site;
use crate::probing::{self, Verdict};
use citizen::CallReport;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) fn probe(site: &Site, wishes: &Probe) -> Result<Outcome, Failure> {
    plain(&wishes.number)?;
    let own = probing::own_address(&site.sip).ok_or_else(|| {
        let remedy =
            "Add [[trunks]] with kind = \"probe\" and sources = [\"127.0.0.2\"] to hotline.toml, and run this on the server's host.";
        Failure::new("no_probe_trunk", "no trunk of kind \"probe\" has an address of this host as its source", remedy)
    })?;
    // The running server knows the port even if the configuration leaves the choice to the system.
    let told = status::ask(&site.folder)?["listening"]["sip"].as_str().and_then(|told| told.parse::<SocketAddr>().ok());
    let server = probing::server_address(&site.sip, told.map_or(site.sip.listen.port(), |told| told.port()), own);
    let voice_packets = || status::ask(&site.folder).ok()?["media"]["from_trunks"].as_u64();
    let (report, verdict) =
        probing::call(server, own, &wishes.number, Duration::from_secs(wishes.seconds.into()), voice_packets).map_err(failed)?;
    match &verdict.error {
        Some(error) => Err(failed(format!("{}: {error}", wishes.number))),
        None => Ok(Outcome::new(readable(&wishes.number, &report, &verdict), json!({"probe": report, "verdict": verdict}))),
    }
}

fn failed(message: String) -> Failure {
    Failure::new("probe_failed", message, "`call-server status` shows what the server is doing; its log shows the call.")
}

fn readable(number: &str, report: &CallReport, verdict: &Verdict) -> String {
    let time = |time: Option<u64>| time.map_or("?".to_owned(), |time| time.to_string());
    let level = report.heard_dbfs.map_or("silence".to_owned(), |level| format!("{level:.1} dBFS"));
    let score = verdict.mean_opinion_score.map_or("none".to_owned(), |score| format!("{score:.2}"));
    let was_heard = match verdict.was_heard {
        Some(true) => "the server read the caller's voice",
        Some(false) => "the server did NOT read the caller's voice",
        None => "whether the server read the caller's voice cannot be told",
    };
    format!(
        "{number}: set up after {} ms, answered after {} ms; heard {} packets at {level}, {:.1} % lost, jitter {:.1} ms, MOS {score}; {was_heard}.",
        time(verdict.setup_ms),
        time(verdict.answered_ms),
        report.packets_received,
        verdict.loss_percent,
        verdict.jitter_ms,
    )
}

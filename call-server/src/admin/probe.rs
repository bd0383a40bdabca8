//! `probe`: calls the running server like a citizen would and says what was heard (5.1).

use super::cli::Probe;
use super::{Failure, Outcome, status};
use crate::config::Site;
use crate::sip::SipSettings;
use citizen::{CallPlan, CallReport, Ending, Limits, Outcome as CallOutcome};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Longest wait for the answer. A healthy server answers at once; a person at the keyboard waits.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn probe(site: &Site, wishes: &Probe) -> Result<Outcome, Failure> {
    let listening = Duration::from_secs(wishes.seconds.into());
    let bind = own_address(&site.sip)?;
    let plan = CallPlan {
        bind,
        ending: Ending::HangUpAfter(listening),
        limits: Limits { answer: ANSWER_LIMIT, talk: listening.saturating_mul(2) },
        ..CallPlan::new(server_address(site, bind)?, &wishes.number)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(error.to_string()))?;
    let report = runtime.block_on(citizen::call(plan)).map_err(|error| failed(error.to_string()))?;
    judge(&wishes.number, &report)
}

fn failed(message: String) -> Failure {
    Failure::new("probe_failed", message, "`call-server status` shows what the server is doing; its log shows the call.")
}

/// An address of this host that the server takes for a probe.
fn own_address(sip: &SipSettings) -> Result<IpAddr, Failure> {
    let mut sources = sip.trunks.iter().filter(|trunk| trunk.probe).flat_map(|trunk| trunk.sources.iter().copied());
    sources.find(|source| std::net::UdpSocket::bind((*source, 0)).is_ok()).ok_or_else(|| {
        let remedy =
            "Add [[trunks]] with kind = \"probe\" and sources = [\"127.0.0.2\"] to hotline.toml, and run this on the server's host.";
        Failure::new("no_probe_trunk", "no trunk of kind \"probe\" has an address of this host as its source", remedy)
    })
}

/// Where the running server listens: it knows the port even if the configuration leaves the choice to the system.
fn server_address(site: &Site, own: IpAddr) -> Result<SocketAddr, Failure> {
    let status = status::ask(&site.folder)?;
    let port = status["listening"]["sip"]
        .as_str()
        .and_then(|told| told.parse::<SocketAddr>().ok())
        .map_or(site.sip.listen.port(), |told| told.port());
    let host = match (site.sip.listen.ip(), own) {
        (every, IpAddr::V4(own)) if every.is_unspecified() && own.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        (every, _) if every.is_unspecified() => site.sip.advertise,
        (one, _) => one,
    };
    Ok(SocketAddr::new(host, port))
}

fn judge(number: &str, report: &CallReport) -> Result<Outcome, Failure> {
    let status = report.status.map_or(String::new(), |status| format!(" with SIP status {status}"));
    let packets = report.packets_received;
    match (report.outcome, report.answered_ms, report.heard_dbfs) {
        (CallOutcome::Answered, Some(answered), Some(level)) => {
            let talk = report.talk_ms.unwrap_or(0);
            let text = format!("{number} answered after {answered} ms; heard {packets} packets at {level:.1} dBFS in {talk} ms.");
            Ok(Outcome::new(text, json!({"probe": report})))
        }
        (CallOutcome::Answered, _, _) => Err(failed(format!("{number} answered, but nothing was heard ({packets} packets)"))),
        (CallOutcome::Refused, _, _) => Err(failed(format!("{number} was refused{status}"))),
        (CallOutcome::Cancelled, _, _) => Err(failed(format!("{number} was not answered within {} s", ANSWER_LIMIT.as_secs()))),
        (CallOutcome::NoResponse, _, _) => Err(failed(format!("nothing came back when {number} was dialled"))),
        (CallOutcome::Broken, _, _) => Err(failed(format!("the call to {number} was answered but did not end in order{status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: CallOutcome, heard_dbfs: Option<f32>) -> CallReport {
        CallReport {
            outcome,
            status: Some(200),
            ringing_ms: None,
            answered_ms: Some(12),
            talk_ms: Some(5_000),
            ended_by: None,
            done: Vec::new(),
            odd_statuses: Vec::new(),
            packets_sent: 250,
            packets_received: 250,
            heard_dbfs,
            heard: Vec::new(),
        }
    }

    #[test]
    fn a_probe_succeeds_only_if_something_was_heard() {
        assert!(judge("12345", &report(CallOutcome::Answered, Some(-22.0))).expect("heard").text.contains("-22.0 dBFS"));
        let silent = judge("12345", &report(CallOutcome::Answered, None)).expect_err("nothing heard");
        assert_eq!(silent.message, "12345 answered, but nothing was heard (250 packets)");
        assert_eq!(judge("12345", &report(CallOutcome::Refused, None)).expect_err("refused").code, "probe_failed");
    }
}

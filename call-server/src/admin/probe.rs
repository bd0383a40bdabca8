//! `probe`: calls the running server like a citizen would and says what was heard (5.1).

use super::cli::Probe;
use super::{Failure, Outcome, status};
use crate::config::Site;
use crate::sip::SipSettings;
use citizen::{CallPlan, CallReport, Ending, Limits};
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
        ..CallPlan::new(SocketAddr::new(server_host(&site.sip, bind), listening_port(site)?), &wishes.number)
    };
    let failed = |message: String| {
        Failure::new("probe_failed", message, "`call-server status` shows whether the server runs; its log shows the call.")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(error.to_string()))?;
    let report = runtime.block_on(citizen::call(plan)).map_err(|error| failed(error.to_string()))?;
    judge(&wishes.number, report)
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

fn server_host(sip: &SipSettings, own: IpAddr) -> IpAddr {
    match (sip.listen.ip(), own) {
        (every, IpAddr::V4(own)) if every.is_unspecified() && own.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        (every, _) if every.is_unspecified() => sip.advertise,
        (one, _) => one,
    }
}

/// The configured port, or, if the configuration leaves it to the system, the one that the running server got.
fn listening_port(site: &Site) -> Result<u16, Failure> {
    match site.sip.listen.port() {
        0 => status::sip_address(&site.folder).map(|address| address.port()),
        port => Ok(port),
    }
}

fn judge(number: &str, report: CallReport) -> Result<Outcome, Failure> {
    let answered = report.answered_ms;
    let Some((answered, level)) = answered.zip(report.heard_dbfs) else {
        let status = report.status.map_or(String::new(), |status| format!(", SIP status {status}"));
        let message = match answered {
            Some(_) => format!("{number} answered, but nothing was heard ({} packets)", report.packets_received),
            None => format!("{number} did not answer: {}{status}", format!("{:?}", report.outcome).to_lowercase()),
        };
        return Err(Failure::new("probe_failed", message, "`call-server status` shows whether the server runs; its log shows the call."));
    };
    let text = format!(
        "{number} answered after {answered} ms; heard {} packets at {level:.1} dBFS in {} ms.",
        report.packets_received,
        report.talk_ms.unwrap_or(0)
    );
    Ok(Outcome::new(text, json!({"probe": report})))
}

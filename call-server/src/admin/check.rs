//! `config check` and `config example`.

use super::cli::Config;
use super::{Failure, Outcome, load};
use crate::config::{self, Site};
use serde_json::json;
use std::path::Path;

pub(super) fn config(site: &Path, command: &Config) -> Result<Outcome, Failure> {
    match command {
        Config::Check => Ok(sound(&load(site)?)),
        Config::Example => {
            let text = config::example();
            Ok(Outcome::new(text.clone(), json!({"example": text})))
        }
    }
}

fn sound(site: &Site) -> Outcome {
    let plan = site.bare_plan();
    let (limits, gateway) = (&plan.limits, &site.gateway.limits);
    let sip = &site.sip.limits;
    let json = json!({
        "faults": [],
        "site": site.name,
        "trunks": site.sip.trunks.len(),
        "queues": plan.queues.len(),
        "numbers": plan.numbers.len(),
        "limits": limits,
        "gateway_limits": {
            "connections": gateway.connections,
            "connections_per_address": gateway.connections_per_address,
            "waiting_messages_per_connection": gateway.outgoing,
            "frame_bytes": shared::wire::MAX_FRAME_BYTES,
            "failures_before_lock": gateway.failures,
            "lock_seconds": gateway.lock.as_secs(),
        },
        "sip_limits": sip,
    });
    let text = format!(
        "{} has no fault. Trunks: {}, queues: {}, numbers: {}.\n\
         Limits: {} calls at once; {} desktops, {} from one address; {} wrong passwords lock for {} s;\n\
         a desktop may be gone for {} s, is signed out after {} s.\n\
         SIP: {} connections, {} of them for unknown sources, {} for one of these; {} requests a second from one trunk address;\n\
         an unknown source is refused {} times, {} times slowly, then ignored for {} s. --json shows every limit.",
        config::FILE_NAME,
        site.sip.trunks.len(),
        plan.queues.len(),
        plan.numbers.len(),
        limits.max_interactions,
        gateway.connections,
        gateway.connections_per_address,
        gateway.failures,
        gateway.lock.as_secs(),
        limits.grace_ms / 1000,
        limits.lost_ms / 1000,
        sip.connections,
        sip.stranger_connections,
        sip.connections_per_stranger,
        sip.trunk_requests_per_s,
        sip.stranger_requests,
        sip.stranger_slow_requests,
        sip.ignore_ms / 1000,
    );
    Outcome::new(text, json)
}

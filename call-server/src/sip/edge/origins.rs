//! Where a call comes from: how its signalling travels, and over which numbers it was diverted to us.

use super::Edge;
use crate::sip::destination::Transport;
use call_core::origin::{Diversion, DiversionReason, MAX_DIVERSIONS, Origin};
use shared::model::PhoneNumber;
use shared::pii::Pii;
use sip_core::identity::{self, Diverted, DivertedFor};
use sip_core::message::Request;
use std::net::SocketAddr;

impl Edge {
    /// What the core is told beside who calls whom.
    pub(super) fn origin(&self, path: usize, source: SocketAddr, invite: &Request) -> Origin {
        let transport = self.wires.listening().nth(path).map(|(transport, _)| transport);
        Origin {
            encrypted: transport == Some(Transport::Tls),
            ipv6: source.is_ipv6(),
            diversions: identity::diversions(invite).into_iter().take(MAX_DIVERSIONS).map(diversion).collect(),
            of_a_phone: false,
        }
    }
}

fn diversion(diverted: Diverted) -> Diversion {
    let number = diverted.from.and_then(|text| PhoneNumber::parse(&text).ok());
    let reason = match diverted.cause {
        DivertedFor::Unconditional => DiversionReason::Unconditional,
        DivertedFor::Busy => DiversionReason::Busy,
        DivertedFor::NoAnswer => DiversionReason::NoAnswer,
        DivertedFor::Unavailable => DiversionReason::Unavailable,
        DivertedFor::Deflection => DiversionReason::Deflection,
        DivertedFor::Other => DiversionReason::Other,
    };
    Diversion { number: number.map(Pii::new), reason }
}

//! The order of RFC 3263 section 4, pure: questions for the name service come out, its answers go in, destinations gather.
//!
//! It asks depth first, in the order of preference, so the list is in the order in which to try. It owns no resolver and no chance:
//! the draw among SRV weights is an argument.

use super::super::destination::{Destination, Transport};
use sip_core::message::{Scheme, Uri};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Most destinations of one URI: nobody waits for a seventeenth.
pub(super) const MAX_DESTINATIONS: usize = 16;
/// Most questions for one URI, so that no zone can make us ask for ever.
pub(super) const MAX_QUESTIONS: usize = 32;

/// What the name service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// NAPTR of a domain.
    Pointers(String),
    /// SRV of a service.
    Services(String),
    /// A and AAAA of a host.
    Addresses(String),
}

/// A NAPTR record (RFC 3403), as far as RFC 3263 needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) order: u16,
    pub(super) preference: u16,
    /// `s`: the replacement has SRV records. Other kinds are of no use here.
    pub(super) flags: String,
    /// Such as `SIP+D2U`.
    pub(super) service: String,
    pub(super) replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: String,
}

/// What the name service said; empty if there is no such record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Pointers(Vec<Pointer>),
    Services(Vec<Service>),
    Addresses(Vec<IpAddr>),
}

/// Why a URI has no destination, whatever the name service would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    /// Neither `sip:` nor `sips:`, or broken.
    #[error("it is no sip: or sips: URI")]
    NoSipUri,
    /// A transport that does not exist, or UDP for `sips:`.
    #[error("its transport is unknown or does not fit sips:")]
    BadTransport,
    /// A transport that no listener of ours has.
    #[error("no listener has its transport: add one to the configuration")]
    NoListener,
}

/// One thing that is still to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Pointers { domain: String },
    Services { name: String, transport: Transport },
    Host { name: String, port: u16, transport: Transport },
}

/// The search for the destinations of one URI.
#[derive(Debug)]
pub(super) struct Search {
    /// The transports that we have, best first.
    ours: Vec<Transport>,
    is_secure: bool,
    /// What the URI names; the certificate must bear it (RFC 5922 section 7.2), not where an SRV record leads.
    domain: String,
    steps: VecDeque<Step>,
    /// What is looked up if everything else led nowhere.
    fallback: Option<Step>,
    questions: usize,
    found: Vec<Destination>,
}

impl Search {
    /// Begins with the URI that a request is sent to: the Request-URI or the first Route.
    pub(super) fn new(uri: &str, ours: &[Transport]) -> Result<Self, BadTarget> {
        let uri = Uri::parse(uri.as_bytes()).ok_or(BadTarget::NoSipUri)?;
        let is_secure = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return Err(BadTarget::NoSipUri),
        };
        let transport = wanted_transport(&uri, is_secure)?;
        let usable: Vec<Transport> = ours.iter().copied().filter(|ours| !is_secure || *ours == Transport::Tls).collect();
        if usable.is_empty() || transport.is_some_and(|wanted| !usable.contains(&wanted)) {
            return Err(BadTarget::NoListener);
        }
        let maddr = uri.parameter("maddr").flatten();
        let host = String::from_utf8_lossy(maddr.unwrap_or(uri.host)).trim_end_matches('.').to_ascii_lowercase();
        let usual = if is_secure { Transport::Tls } else { Transport::Udp };
        let plain = transport.unwrap_or(if usable.contains(&usual) { usual } else { usable.first().copied().unwrap_or(usual) });
        let mut search =
            Self { ours: usable, is_secure, domain: host, steps: VecDeque::new(), fallback: None, questions: 0, found: Vec::new() };
        search.begin(uri.port, transport, plain);
        Ok(search)
    }

    /// Sections 4.1 and 4.2: what the URI says itself is not asked for.
    fn begin(&mut self, port: Option<u16>, transport: Option<Transport>, plain: Transport) {
        let name = self.domain.clone();
        let host = Step::Host { name: name.clone(), port: port.unwrap_or_else(|| plain.default_port()), transport: plain };
        if let Some(address) = literal(&name) {
            self.found.push(Destination {
                transport: plain,
                address: SocketAddr::new(address, port.unwrap_or_else(|| plain.default_port())),
                tls_name: None,
            });
        } else if port.is_some() {
            self.steps.push_back(host);
        } else if let Some(transport) = transport {
            self.steps.push_back(Step::Services { name: service_name(transport, &name), transport });
            self.fallback = Some(host);
        } else {
            self.steps.push_back(Step::Pointers { domain: name });
            self.fallback = Some(host);
        }
    }

    /// What to ask next; `None` if the search is over.
    pub(super) fn question(&mut self) -> Option<Question> {
        if self.steps.is_empty() && self.found.is_empty() {
            self.steps.extend(self.fallback.take());
        }
        if self.questions >= MAX_QUESTIONS || self.found.len() >= MAX_DESTINATIONS {
            return None;
        }
        self.questions += 1;
        Some(match self.steps.front()? {
            Step::Pointers { domain } => Question::Pointers(domain.clone()),
            Step::Services { name, .. } => Question::Services(name.clone()),
            Step::Host { name, .. } => Question::Addresses(name.clone()),
        })
    }

    /// Takes the answer to the last question. `draw(n)` gives a number from 0 to n, both included.
    pub(super) fn answer(&mut self, answer: Answer, draw: impl FnMut(u32) -> u32) {
        let Some(step) = self.steps.pop_front() else { return };
        let next = match (step, answer) {
            (Step::Pointers { domain }, Answer::Pointers(pointers)) => self.services(&domain, pointers),
            (Step::Services { transport, .. }, Answer::Services(services)) => hosts(ordered(services, draw), transport),
            (Step::Host { port, transport, .. }, Answer::Addresses(addresses)) => {
                self.found(&addresses, port, transport);
                Vec::new()
            }
            // The answer to another question is none.
            (Step::Pointers { .. } | Step::Services { .. } | Step::Host { .. }, _) => Vec::new(),
        };
        for step in next.into_iter().rev() {
            self.steps.push_front(step);
        }
    }

    /// What was found, in the order in which to try.
    pub(super) fn finish(self) -> Vec<Destination> {
        self.found
    }

    /// Section 4.1: the services that the domain prefers among those that we can use; without any, each of ours is asked for.
    fn services(&self, domain: &str, mut pointers: Vec<Pointer>) -> Vec<Step> {
        pointers.sort_by_key(|pointer| (pointer.order, pointer.preference));
        let steps: Vec<Step> = pointers
            .into_iter()
            .filter(|pointer| pointer.flags.eq_ignore_ascii_case("s"))
            .filter_map(|pointer| {
                let transport = transport_of(&pointer.service).filter(|transport| self.ours.contains(transport))?;
                Some(Step::Services { name: pointer.replacement, transport })
            })
            .collect();
        if !steps.is_empty() {
            return steps;
        }
        let usual = self.ours.iter().copied().filter(|transport| self.is_secure || *transport != Transport::Tls);
        usual.map(|transport| Step::Services { name: service_name(transport, domain), transport }).collect()
    }

    fn found(&mut self, addresses: &[IpAddr], port: u16, transport: Transport) {
        for address in addresses {
            let tls_name = (transport == Transport::Tls).then(|| self.domain.as_str().into());
            let destination = Destination { transport, address: SocketAddr::new(*address, port), tls_name };
            if self.found.len() < MAX_DESTINATIONS && !self.found.contains(&destination) {
                self.found.push(destination);
            }
        }
    }
}

/// The transport that the URI asks for. `transport=tls` is deprecated and everywhere.
fn wanted_transport(uri: &Uri<'_>, is_secure: bool) -> Result<Option<Transport>, BadTarget> {
    let Some(text) = uri.parameter("transport").flatten() else { return Ok(None) };
    let wanted: Transport = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(BadTarget::BadTransport)?;
    match (wanted, is_secure) {
        (Transport::Udp, true) => Err(BadTarget::BadTransport),
        (Transport::Tcp | Transport::Tls, true) => Ok(Some(Transport::Tls)),
        (wanted, false) => Ok(Some(wanted)),
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn service_name(transport: Transport, domain: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{domain}"),
        Transport::Tcp => format!("_sip._tcp.{domain}"),
        Transport::Tls => format!("_sips._tcp.{domain}"),
    }
}

fn transport_of(service: &str) -> Option<Transport> {
    let known = [("SIP+D2U", Transport::Udp), ("SIP+D2T", Transport::Tcp), ("SIPS+D2T", Transport::Tls)];
    known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(service)).map(|(_, transport)| transport)
}

fn hosts(services: Vec<Service>, transport: Transport) -> Vec<Step> {
    // "." says that the domain decidedly does not offer this service.
    let offered = services.into_iter().filter(|service| !matches!(service.target.as_str(), "" | "."));
    offered.map(|service| Step::Host { name: service.target, port: service.port, transport }).collect()
}

/// SRV records in the order to try: lowest priority first; among equals each is drawn in proportion to its weight (RFC 2782).
fn ordered(mut services: Vec<Service>, mut draw: impl FnMut(u32) -> u32) -> Vec<Service> {
    // Those of weight 0 first, so that they keep a small chance.
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut out = Vec::with_capacity(services.len());
    while let Some(priority) = services.first().map(|service| service.priority) {
        let equals = services.iter().take_while(|service| service.priority == priority).count();
        let sum: u32 = services.iter().take(equals).map(|service| u32::from(service.weight)).sum();
        let drawn = draw(sum);
        let mut running = 0;
        let place = services.iter().take(equals).position(|service| {
            running += u32::from(service.weight);
            running >= drawn
        });
        out.push(services.remove(place.unwrap_or(0)));
    }
    out
}

#[cfg(test)]
mod tests;

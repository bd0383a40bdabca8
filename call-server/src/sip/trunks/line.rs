//! One trunk in operation: where its carrier is, whether it answers, how many calls run over it.
//!
//! Pure but for the endpoints that it is lent: time, chance and locations are arguments.

use super::registration::Registration;
use super::report::{LastError, TargetStatus, TrunkState, TrunkStatus};
use crate::sip::{Destination, TrunkSettings};
use call_core::plan::LineState;
use sip_core::message::{Request, Uri};
use sip_core::{Outgoing, Series, identity};
use std::collections::{BTreeMap, BTreeSet};

/// How long a location is used, and how long after a failure it is looked for again, in ms.
const LOCATION_MS: u64 = 300_000;
const LOCATION_RETRY_MS: u64 = 30_000;
/// A target that has not answered OPTIONS for so long does not answer; what comes later still counts, in ms.
pub(super) const OPTIONS_PATIENCE_MS: u64 = 5_000;

/// Where a URI leads.
#[derive(Debug, Default)]
pub(super) struct Place {
    found: Vec<Destination>,
    /// Which of them is used: the next one after a failure.
    turn: usize,
    /// When it is looked for again; `None` while an answer is awaited.
    look_at: Option<u64>,
    error: Option<String>,
}

impl Place {
    fn wanted_now() -> Self {
        Self { look_at: Some(0), ..Self::default() }
    }

    /// The destination in use.
    pub(super) fn destination(&self) -> Option<&Destination> {
        self.found.get(self.turn.checked_rem(self.found.len()).unwrap_or(0))
    }

    /// All of them, the one in use first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Destination> {
        let turn = self.turn.checked_rem(self.found.len()).unwrap_or(0);
        self.found.iter().cycle().skip(turn).take(self.found.len())
    }

    /// The destination in use failed.
    pub(super) fn failed(&mut self) {
        self.turn = self.turn.wrapping_add(1);
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

/// One target as it is watched.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uri: String,
    pub(super) state: TrunkState,
    /// When it is asked next.
    pub(super) next_at: Option<u64>,
    /// Since when an answer is awaited.
    pub(super) asked_at: Option<u64>,
    latency_ms: Option<u64>,
    status: Option<u16>,
}

/// One trunk.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) settings: TrunkSettings,
    pub(super) registration: Option<Registration>,
    /// The requests of the registration, and over which path they go.
    pub(super) series: Option<(usize, Series)>,
    pub(super) places: BTreeMap<String, Place>,
    pub(super) targets: Vec<Target>,
    pub(super) calls_in: BTreeSet<(usize, sip_core::CallKey)>,
    /// Test calls of ours over it.
    pub(super) calls_out: u32,
    /// Calls of ours that are answered.
    pub(super) ours: BTreeSet<(usize, sip_core::CallKey)>,
    /// Calls of ours that are being tried over it.
    pub(super) tried: u32,
    last_error: Option<(u64, String)>,
}

impl Line {
    pub(super) fn new(settings: TrunkSettings) -> Self {
        let carrier = &settings.carrier;
        let registration = match (&carrier.registration, &carrier.account) {
            (Some(registration), Some(account)) => Some(Registration::new(registration.clone(), account.clone())),
            (Some(_), None) | (None, _) => None,
        };
        let first = carrier.options_ms.map(|_| 0);
        let target = |uri: &String| Target {
            uri: uri.clone(),
            state: TrunkState::Unknown,
            next_at: first,
            asked_at: None,
            latency_ms: None,
            status: None,
        };
        let targets: Vec<Target> = carrier.plan.targets.iter().map(|planned| target(&planned.uri)).collect();
        let mut line = Self {
            registration,
            series: None,
            places: BTreeMap::new(),
            targets,
            calls_in: BTreeSet::new(),
            calls_out: 0,
            ours: BTreeSet::new(),
            tried: 0,
            last_error: None,
            settings,
        };
        let uris = line.targets.iter().map(|target| target.uri.clone()).chain(line.registrar());
        line.places = uris.map(|uri| (line.sent_to(&uri), Place::wanted_now())).collect();
        line
    }

    pub(super) fn registrar(&self) -> Option<String> {
        self.registration.as_ref().map(|registration| registration.registrar().to_owned())
    }

    /// Where requests to this URI are really sent: the outbound proxy, if there is one.
    pub(super) fn sent_to(&self, uri: &str) -> String {
        self.settings.carrier.proxy.clone().unwrap_or_else(|| uri.to_owned())
    }

    pub(super) fn place(&mut self, uri: &str) -> Option<&mut Place> {
        let uri = self.sent_to(uri);
        self.places.get_mut(&uri)
    }

    /// Routes of a request to the carrier: the outbound proxy, and what the registrar told us (RFC 3608).
    pub(super) fn routes(&self) -> Vec<(String, String)> {
        let proxy = self.settings.carrier.proxy.as_ref().map(|proxy| format!("<{proxy};lr>"));
        let told = self.registration.iter().flat_map(|registration| registration.routes.iter().cloned());
        proxy.into_iter().chain(told).map(|route| ("Route".to_owned(), route)).collect()
    }

    /// URIs whose location is wanted now; each is named once until [`Line::located`].
    pub(super) fn wanted(&mut self, now: u64) -> Vec<String> {
        let due = self.places.iter_mut().filter(|(_, place)| place.look_at.is_some_and(|at| at <= now));
        due.map(|(uri, place)| {
            place.look_at = None;
            uri.clone()
        })
        .collect()
    }

    /// The answer; what was known before stays in use if there is none now.
    pub(super) fn located(&mut self, now: u64, uri: &str, found: Result<Vec<Destination>, String>) {
        let Some(place) = self.places.get_mut(uri) else { return };
        match found {
            Ok(found) => {
                if place.found != found {
                    place.turn = 0;
                }
                (place.found, place.error, place.look_at) = (found, None, Some(now.saturating_add(LOCATION_MS)));
            }
            Err(error) => {
                place.look_at = Some(now.saturating_add(LOCATION_RETRY_MS));
                place.error = Some(error.clone());
                self.note(now, format!("{uri} is not found: {error}"));
            }
        }
    }

    pub(super) fn note(&mut self, now: u64, what: String) {
        tracing::info!(trunk = self.settings.name, what, "a trunk has trouble");
        self.last_error = Some((now, what));
    }

    /// A target answered OPTIONS. Any answer shows that somebody is there; a 503 says that calls are not wanted, 408 is a proxy's word that
    /// nobody is behind it.
    pub(super) fn target_answered(&mut self, now: u64, place: usize, sent_at: u64, status: u16) {
        let every = self.settings.carrier.options_ms;
        let Some(target) = self.targets.get_mut(place) else { return };
        let is_up = !matches!(status, 408 | 503);
        let state = if is_up { TrunkState::Up } else { TrunkState::Down };
        let was = std::mem::replace(&mut target.state, state);
        (target.latency_ms, target.status, target.asked_at) = (Some(now.saturating_sub(sent_at)), Some(status), None);
        target.next_at = every.map(|every| now.saturating_add(every));
        let uri = target.uri.clone();
        match (was, is_up) {
            (TrunkState::Down, true) => {
                tracing::info!(trunk = self.settings.name, uri, "a target of a trunk answers again");
                // Its registrar is likely to be back as well: the back-off need not be waited for.
                if let Some(registration) = self.registration.as_mut().filter(|registration| !registration.is_registered(now)) {
                    registration.hurry(now);
                }
            }
            (TrunkState::Up | TrunkState::Unknown, false) => self.target_lost(now, &uri, &format!("answers OPTIONS with {status}")),
            (TrunkState::Up | TrunkState::Unknown, true) | (TrunkState::Down, false) => {}
        }
    }

    /// A target did not answer in time.
    pub(super) fn target_silent(&mut self, now: u64, place: usize) {
        let every = self.settings.carrier.options_ms;
        let Some(target) = self.targets.get_mut(place) else { return };
        let was = std::mem::replace(&mut target.state, TrunkState::Down);
        target.asked_at = None;
        target.next_at = every.map(|every| now.saturating_add(every));
        let uri = target.uri.clone();
        if let Some(place) = self.place(&uri) {
            place.failed();
        }
        if was != TrunkState::Down {
            self.target_lost(now, &uri, "does not answer OPTIONS");
        }
    }

    fn target_lost(&mut self, now: u64, uri: &str, why: &str) {
        tracing::warn!(trunk = self.settings.name, uri, why, "a target of a trunk is lost");
        self.note(now, format!("{uri} {why}"));
    }

    /// When something is due here.
    pub(super) fn due(&self) -> Option<u64> {
        let looks = self.places.values().filter_map(|place| place.look_at);
        let targets = self.targets.iter().filter_map(|target| match target.asked_at {
            Some(asked_at) => Some(asked_at.saturating_add(OPTIONS_PATIENCE_MS)),
            None => target.next_at.filter(|_| self.is_located(&target.uri)),
        });
        let registration = self.registration.as_ref().filter(|one| self.is_located(one.registrar())).and_then(Registration::due);
        looks.chain(targets).chain(registration).min()
    }

    /// Whether its carrier knows us by a registration that went through address translation.
    pub(super) fn is_registered_through_nat(&self) -> bool {
        self.settings.carrier.nat && self.registration.is_some()
    }

    /// Every address that one of its URIs leads to now.
    pub(super) fn addresses(&self) -> impl Iterator<Item = std::net::IpAddr> {
        self.places.values().flat_map(|place| &place.found).map(|destination| destination.address.ip())
    }

    pub(super) fn is_located(&self, uri: &str) -> bool {
        self.places.get(&self.sent_to(uri)).is_some_and(|place| place.destination().is_some())
    }

    /// Calls of ours over it.
    fn all_out(&self) -> u32 {
        let answered = u32::try_from(self.ours.len()).unwrap_or(u32::MAX);
        self.calls_out.saturating_add(self.tried).saturating_add(answered)
    }

    /// What the choice of a trunk needs to know.
    pub(super) fn state(&self, now: u64) -> LineState {
        let down = self.targets.iter().enumerate().filter(|(_, target)| target.state == TrunkState::Down);
        LineState {
            calls_out: self.all_out(),
            unregistered: self.registration.as_ref().is_some_and(|registration| !registration.is_registered(now)),
            down: down.map(|(place, _)| place).collect(),
        }
    }

    pub(super) fn status(&self, now: u64) -> TrunkStatus {
        let plan = &self.settings.carrier.plan;
        TrunkStatus {
            id: self.settings.id,
            name: self.settings.name.clone(),
            state: self.in_one_word(now),
            calls_in: u32::try_from(self.calls_in.len()).unwrap_or(u32::MAX),
            calls_out: self.all_out(),
            max_in: plan.max_in,
            max_out: plan.max_out,
            registration: self.registration.as_ref().map(|registration| registration.status(now)),
            targets: self.targets.iter().map(|target| self.target_status(target)).collect(),
            last_error: self.last_error.as_ref().map(|(at, what)| LastError { what: what.clone(), ago_s: now.saturating_sub(*at) / 1_000 }),
        }
    }

    fn in_one_word(&self, now: u64) -> TrunkState {
        if self.registration.as_ref().is_some_and(|registration| !registration.is_registered(now)) {
            return TrunkState::Down;
        }
        let mut states = self.targets.iter().map(|target| target.state);
        match (self.targets.is_empty(), self.registration.is_some()) {
            (true, true) => TrunkState::Up,
            (true, false) => TrunkState::Unknown,
            (false, _) if states.clone().any(|state| state == TrunkState::Up) => TrunkState::Up,
            (false, _) if states.all(|state| state == TrunkState::Down) => TrunkState::Down,
            (false, _) => TrunkState::Unknown,
        }
    }

    fn target_status(&self, target: &Target) -> TargetStatus {
        let place = self.places.get(&self.sent_to(&target.uri));
        TargetStatus {
            uri: target.uri.clone(),
            state: target.state,
            address: place.and_then(Place::destination).map(ToString::to_string),
            latency_ms: target.latency_ms,
            status: target.status,
        }
    }

    /// The user part of the Contact that we register: a registrar sends calls for any of our numbers there.
    pub(super) fn contact_user(&self) -> &str {
        let user = self.settings.carrier.account.as_ref().map(|account| account.user.as_str());
        user.filter(|user| is_plain(user)).unwrap_or("hotline")
    }

    /// The dialled number of its call: a registrar puts our Contact into the Request-URI, the number stands in To then.
    pub(super) fn dialled(&self, invite: &Request) -> Option<String> {
        let dialled = identity::dialled(invite);
        if self.registration.is_some() && dialled.as_deref().is_none_or(|user| user == self.contact_user()) {
            return identity::called(invite);
        }
        dialled
    }

    /// A request to a target or registrar, without the fields of its purpose.
    pub(super) fn outgoing(&self, method: sip_core::message::Method, uri: &str, address: String, target: std::net::SocketAddr) -> Outgoing {
        Outgoing {
            method,
            uri: uri.to_owned(),
            to: address.clone(),
            from: format!("<{address}>"),
            target,
            fields: self.routes(),
            body: bytes::Bytes::new(),
        }
    }

    /// Our address of record with the carrier.
    pub(super) fn address_of_record(&self, uri: &str) -> String {
        format!("sip:{}@{}", self.contact_user(), host(uri))
    }
}

/// Host and port of a SIP URI, as they stand there.
pub(super) fn host(uri: &str) -> String {
    let parsed = Uri::parse(uri.as_bytes());
    let host = parsed.map(|uri| String::from_utf8_lossy(uri.host).into_owned()).unwrap_or_default();
    parsed.and_then(|uri| uri.port).map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// The URI with a user in it.
pub(super) fn with_user(uri: &str, user: &str) -> String {
    match uri.split_once(':') {
        Some((scheme, rest)) => format!("{scheme}:{user}@{rest}"),
        None => uri.to_owned(),
    }
}

/// Whether a text may stand in a URI as its user part without escapes (RFC 3261 section 25.1, unreserved).
fn is_plain(user: &str) -> bool {
    !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(&byte))
}

/// The address of our own that a response has seen us come from, if it says so: it changes when the network does.
pub(super) fn seen_from(response: &sip_core::message::Response) -> Option<String> {
    let via = response.head().values(sip_core::message::Name::Via).next().and_then(sip_core::message::Via::parse)?;
    let text = |name| via.parameter(name).flatten().map(|value| String::from_utf8_lossy(value).into_owned());
    text("received").map(|address| format!("{address} {}", text("rport").unwrap_or_default()))
}

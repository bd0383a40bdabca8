//! The registrar for phones of the house: who they are and where they are (RFC 3261 section 10.3, RFC 7616).
//!
//! It decides from values: requests and the time come in, statuses and header fields go out. Bindings are in memory alone: a phone
//! registers again within minutes, and a server that comes back must not believe that everybody is still there.

mod bindings;

pub(crate) use bindings::BindingStatus;

use bindings::{Binding, Bindings};
use call_core::plan::{PhonePlace, Plan};
use shared::model::PhoneNumber;
use sip_core::digest::{Guard, GuardLimits, Ha1, HashFunction, NonceKey, Signed, Verdict};
use sip_core::message::{Name, NameAddr, Request, Uri};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// The realm that secrets are bound to: it is hashed into what the store keeps, so it never changes.
pub(crate) const REALM: &str = "hotline";
/// Most Contact values of one REGISTER.
const MAX_CONTACTS: usize = 8;

/// What the registrar needs to know, resolved from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhoneSettings {
    /// Where phones are; from anywhere else nobody can even try to register. Empty: there is no registrar.
    pub(crate) networks: Vec<Network>,
    /// Most places at which one phone number is registered; one more replaces the oldest.
    pub(crate) max_bindings: usize,
    /// Shortest and longest registration, in s.
    pub(crate) lifetime_s: (u32, u32),
    /// The hash functions that are offered, the liked one first.
    pub(crate) algorithms: Vec<HashFunction>,
}

impl Default for PhoneSettings {
    fn default() -> Self {
        Self { networks: Vec::new(), max_bindings: 3, lifetime_s: (60, 3_600), algorithms: vec![HashFunction::Md5] }
    }
}

/// An IP network such as 10.1.0.0/16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.1.0.0/16`, `2001:db8::/48` or a single address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address lies in it.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let masked = |bits: u128, width: u8| bits.checked_shr(u32::from(width - self.bits)).unwrap_or(0);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => masked(ours.to_bits().into(), 32) == masked(theirs.to_bits().into(), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => masked(ours.to_bits(), 128) == masked(theirs.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// A phone that may register: its number is its user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhoneAccount {
    /// Its number.
    pub(crate) number: PhoneNumber,
    /// What its secret is checked against, one for each hash function.
    pub(crate) proofs: Vec<Ha1>,
}

/// All phones, and the plan that says who speaks by one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhoneBook {
    /// Who may register.
    pub(crate) phones: Vec<PhoneAccount>,
    /// Who speaks by which phone.
    pub(crate) plan: Plan,
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    /// Somebody tried a wrong secret, or somebody else's name.
    pub(super) is_offence: bool,
}

impl Answer {
    pub(super) fn plain(status: u16) -> Self {
        Self { status, fields: Vec::new(), is_offence: false }
    }
}

/// What an INVITE of a phone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Passage {
    /// Of this phone, proved; how far it may dial is the core's decision.
    Open { caller: PhoneNumber, dialled: PhoneNumber },
    /// Of this phone, and it names no number that could be looked up.
    NoNumber,
    /// It gets this answer.
    Refused(Answer),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Registrar {
    settings: PhoneSettings,
    phones: BTreeMap<String, PhoneAccount>,
    /// Addresses of phones that are always at the same place.
    fixed: BTreeSet<IpAddr>,
    guard: Guard,
    bindings: Bindings,
    presence: Presence,
}

/// What has been told of the phones by which agents speak.
#[derive(Debug, Default)]
struct Presence {
    told: BTreeMap<PhoneNumber, Option<bool>>,
    /// When something may have changed; `None` if nothing can.
    look_at: Option<u64>,
}

impl Presence {
    /// Something may change then, if there are agents whom it concerns.
    fn look(&mut self, at: u64) {
        self.look_at = (!self.told.is_empty()).then_some(at);
    }
}

impl Registrar {
    /// `key` is random and secret.
    pub(super) fn new(settings: PhoneSettings, key: [u8; 32]) -> Self {
        let guard = Guard::new(REALM, &settings.algorithms, NonceKey(key), GuardLimits::default());
        let bindings = Bindings::new(settings.max_bindings);
        Self { settings, phones: BTreeMap::new(), fixed: BTreeSet::new(), guard, bindings, presence: Presence::default() }
    }

    /// Whether phones may be at this address.
    pub(super) fn covers(&self, address: IpAddr) -> bool {
        self.fixed.contains(&address.to_canonical()) || self.settings.networks.iter().any(|network| network.holds(address))
    }

    /// Takes a new list of phones. Who is no longer on it is no longer registered.
    pub(super) fn learn(&mut self, book: PhoneBook) {
        self.phones = book.phones.into_iter().map(|phone| (phone.number.as_str().to_owned(), phone)).collect();
        let places = book.plan.agents.values().filter_map(|agent| Some(&agent.phone.as_ref()?.place));
        let fixed = places.filter_map(|place| match place {
            PhonePlace::Registered(_) => None,
            PhonePlace::Fixed { contact, .. } => Uri::parse(contact.as_bytes())?.address(),
        });
        self.fixed = fixed.map(|address| address.to_canonical()).collect();
        let places = book.plan.agents.values().filter_map(|agent| Some(&agent.phone.as_ref()?.place));
        let registered = places.filter_map(|place| match place {
            PhonePlace::Registered(number) => Some(number),
            PhonePlace::Fixed { .. } => None,
        });
        let told = std::mem::take(&mut self.presence.told);
        self.presence.told = registered.map(|number| (number.clone(), told.get(number).copied().flatten())).collect();
        self.presence.look(0);
        self.bindings.keep(|number| self.phones.contains_key(number));
    }

    /// A REGISTER.
    pub(super) fn register(&mut self, now: u64, path: usize, source: SocketAddr, request: &Request) -> Answer {
        let user = match self.prove(now, request) {
            Ok(user) => user,
            Err(answer) => return answer,
        };
        let address = request.head().first(Name::To).and_then(NameAddr::parse).and_then(|to| to.uri.user_text());
        if address.as_deref() != Some(user.as_str()) {
            // The secret of one phone does not open another's number.
            return Answer { is_offence: true, ..Answer::plain(403) };
        }
        let default_s = request.head().named("Expires").next().and_then(bindings::seconds).unwrap_or(self.settings.lifetime_s.1);
        let contacts: Vec<&[u8]> = request.head().values(Name::Contact).take(MAX_CONTACTS).collect();
        let identity = request.identity();
        let wish = Binding { path, source, call_id: String::from_utf8_lossy(&identity.call_id).into(), cseq: identity.cseq };
        match self.bindings.change(now, &user, &contacts, default_s, self.settings.lifetime_s, &wish) {
            Ok(()) => {
                self.presence.look(now);
                Answer { fields: self.bindings.contacts(now, &user), ..Answer::plain(200) }
            }
            Err(423) => Answer { fields: vec![("Min-Expires", self.settings.lifetime_s.0.to_string())], ..Answer::plain(423) },
            Err(status) => Answer::plain(status),
        }
    }

    /// An INVITE from where phones are.
    pub(super) fn admit(&mut self, now: u64, invite: &Request) -> Passage {
        let user = match self.prove(now, invite) {
            Ok(user) => user,
            Err(answer) => return Passage::Refused(answer),
        };
        let Some(phone) = self.phones.get(&user) else { return Passage::Refused(Answer::plain(403)) };
        let dialled = sip_core::identity::dialled(invite).and_then(|text| PhoneNumber::parse(&text).ok());
        dialled.map_or(Passage::NoNumber, |dialled| Passage::Open { caller: phone.number.clone(), dialled })
    }

    /// The user whose secret the request shows, or the answer to one that shows none.
    fn prove(&mut self, now: u64, request: &Request) -> Result<String, Answer> {
        let signed = Signed { method: request.method().as_bytes(), uri: request.uri(), body: request.body() };
        let phones = &self.phones;
        let proof = |user: &str, hash| phones.get(user)?.proofs.iter().find(|proof| proof.hash() == hash).cloned();
        let verdict = self.guard.verify(now, request.head().named("Authorization"), &signed, proof);
        match verdict {
            Verdict::Accepted { user } => Ok(user),
            Verdict::Malformed => Err(Answer::plain(400)),
            Verdict::Missing => Err(self.challenge(now, false, false)),
            Verdict::Stale => Err(self.challenge(now, true, false)),
            Verdict::Denied => Err(self.challenge(now, false, true)),
        }
    }

    fn challenge(&mut self, now: u64, is_stale: bool, is_offence: bool) -> Answer {
        let fields = self.guard.challenge(now, is_stale).into_iter().map(|value| ("WWW-Authenticate", value)).collect();
        Answer { status: 401, fields, is_offence }
    }

    /// Where a phone is: the place that was registered last.
    pub(super) fn place(&self, now: u64, number: &PhoneNumber) -> Option<super::trunks::PhonePlace> {
        self.bindings.newest(now, number.as_str())
    }

    /// Where each phone is.
    pub(super) fn status(&self, now: u64) -> Vec<BindingStatus> {
        self.bindings.status(now)
    }

    /// When [`Registrar::keep_alive`] or [`Registrar::presence_news`] is wanted.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.bindings.next_deadline().into_iter().chain(self.presence.look_at).min()
    }

    /// Which phones of agents have registered since the last time, and which are registered no more (I-36).
    pub(super) fn presence_news(&mut self, now: u64) -> Vec<(PhoneNumber, bool)> {
        if self.presence.look_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let mut news = Vec::new();
        for (number, told) in &mut self.presence.told {
            let registered = self.bindings.is_registered(now, number.as_str());
            if told.replace(registered) != Some(registered) {
                news.push((number.clone(), registered));
            }
        }
        self.presence.look_at = None;
        if let Some(expiry) = self.bindings.next_expiry(now) {
            self.presence.look(expiry);
        }
        news
    }

    /// Forgets what has expired; returns where an empty packet keeps a path through address translation open.
    pub(super) fn keep_alive(&mut self, now: u64) -> Vec<(usize, SocketAddr)> {
        self.bindings.keep_alive(now)
    }
}

#[cfg(test)]
mod tests;

//! Where phones are: several places each, until they expire, with their paths through address translation kept open.

use serde::{Deserialize, Serialize};
use sip_core::message::{NameAddr, Scheme};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How often a path through address translation is used, in ms: UDP mappings live 30 s and longer (RFC 4787 REQ-5 says 120 s, routers
/// do not).
pub(super) const KEEP_ALIVE_MS: u64 = 25_000;

/// A wish to be registered, as its request brought it.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) path: usize,
    pub(super) source: SocketAddr,
    pub(super) call_id: Box<str>,
    pub(super) cseq: u32,
}

/// One place.
#[derive(Debug)]
struct Place {
    contact: String,
    binding: Binding,
    until: u64,
    /// The Contact names another address than the one it came from.
    translated: bool,
}

/// One place as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BindingStatus {
    /// The phone's number.
    pub(crate) number: String,
    /// Its Contact.
    pub(crate) contact: String,
    /// Where it really sends from.
    pub(crate) source: String,
    /// How much longer, in s.
    pub(crate) expires_in_s: u64,
    /// It is behind address translation: its path is kept open.
    pub(crate) translated: bool,
}

/// All places, by number.
#[derive(Debug)]
pub(super) struct Bindings {
    most: usize,
    places: BTreeMap<String, Vec<Place>>,
    keep_alive_at: Option<u64>,
}

impl Bindings {
    pub(super) fn new(most: usize) -> Self {
        Self { most, places: BTreeMap::new(), keep_alive_at: None }
    }

    /// Forgets numbers that are no longer known.
    pub(super) fn keep(&mut self, is_known: impl Fn(&str) -> bool) {
        self.places.retain(|number, _| is_known(number));
    }

    /// Adds, refreshes or removes what a REGISTER names; all of it or nothing (RFC 3261 section 10.3, steps 6 to 8).
    ///
    /// # Errors
    /// The status to refuse with.
    pub(super) fn change(
        &mut self,
        now: u64,
        number: &str,
        contacts: &[&[u8]],
        default_s: u32,
        (shortest_s, longest_s): (u32, u32),
        wish: &Binding,
    ) -> Result<(), u16> {
        let mut wanted = Vec::new();
        for contact in contacts {
            if contact.trim_ascii() == b"*" {
                // Only alone, and only to remove everything.
                let is_sound = contacts.len() == 1 && default_s == 0;
                is_sound.then(|| self.places.remove(number)).ok_or(400_u16)?;
                return Ok(());
            }
            let address = NameAddr::parse(contact).ok_or(400_u16)?;
            matches!(address.uri.scheme, Scheme::Sip | Scheme::Sips).then_some(()).ok_or(400_u16)?;
            let asked_s = address.parameter("expires").flatten().and_then(seconds).unwrap_or(default_s);
            (asked_s == 0 || asked_s >= shortest_s).then_some(()).ok_or(423_u16)?;
            let translated = address.uri.socket_address().is_some_and(|named| named != wish.source);
            wanted.push((String::from_utf8_lossy(address.uri.raw).into_owned(), asked_s.min(longest_s), translated));
        }
        let places = self.places.entry(number.to_owned()).or_default();
        let is_old = |(contact, ..): &(String, u32, bool)| {
            let same = places.iter().find(|place| place.contact == *contact);
            same.is_some_and(|place| place.binding.call_id == wish.call_id && place.binding.cseq >= wish.cseq)
        };
        if wanted.iter().any(is_old) {
            return Err(500);
        }
        for (contact, lifetime_s, translated) in wanted {
            places.retain(|place| place.contact != contact && place.until > now);
            if lifetime_s == 0 {
                continue;
            }
            if places.len() >= self.most {
                places.remove(0);
            }
            let until = now.saturating_add(u64::from(lifetime_s).saturating_mul(1_000));
            places.push(Place { contact, binding: wish.clone(), until, translated });
            if translated {
                self.keep_alive_at.get_or_insert(now.saturating_add(KEEP_ALIVE_MS));
            }
        }
        if places.is_empty() {
            self.places.remove(number);
        }
        Ok(())
    }

    /// The Contact fields of a 200.
    pub(super) fn contacts(&self, now: u64, number: &str) -> Vec<(&'static str, String)> {
        let places = self.places.get(number).into_iter().flatten().filter(|place| place.until > now);
        places.map(|place| ("Contact", format!("<{}>;expires={}", place.contact, (place.until - now) / 1_000))).collect()
    }

    /// The Contact, the path and the source of the place that was registered last.
    pub(super) fn newest(&self, now: u64, number: &str) -> Option<(String, usize, SocketAddr)> {
        let place = self.places.get(number)?.iter().rev().find(|place| place.until > now)?;
        Some((place.contact.clone(), place.binding.path, place.binding.source))
    }

    /// Whether a number is registered anywhere.
    pub(super) fn is_registered(&self, now: u64, number: &str) -> bool {
        self.places.get(number).is_some_and(|places| places.iter().any(|place| place.until > now))
    }

    /// When the next place expires.
    pub(super) fn next_expiry(&self, now: u64) -> Option<u64> {
        self.places.values().flatten().map(|place| place.until).filter(|until| *until > now).min()
    }

    pub(super) fn status(&self, now: u64) -> Vec<BindingStatus> {
        let living = self.places.iter().flat_map(|(number, places)| places.iter().map(move |place| (number, place)));
        living
            .filter(|(_, place)| place.until > now)
            .map(|(number, place)| BindingStatus {
                number: number.clone(),
                contact: place.contact.clone(),
                source: place.binding.source.to_string(),
                expires_in_s: (place.until - now) / 1_000,
                translated: place.translated,
            })
            .collect()
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.keep_alive_at
    }

    pub(super) fn keep_alive(&mut self, now: u64) -> Vec<(usize, SocketAddr)> {
        if self.keep_alive_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.places.retain(|_, places| {
            places.retain(|place| place.until > now);
            !places.is_empty()
        });
        let translated = self.places.values().flatten().filter(|place| place.translated);
        let targets: Vec<_> = translated.map(|place| (place.binding.path, place.binding.source)).collect();
        self.keep_alive_at = (!targets.is_empty()).then(|| now.saturating_add(KEEP_ALIVE_MS));
        targets
    }
}

/// A field or parameter that is a number of seconds.
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

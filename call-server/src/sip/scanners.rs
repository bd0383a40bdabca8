//! Who is watched: sources that are no trunk, how often they asked, and which of them are ignored for a time.
//!
//! Pure: the time is an argument. It decides nothing about trunks; a trunk's address is never asked about here.

use super::limits::SkinLimits;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Beginnings of the User-Agent of programs that do nothing but look for open SIP servers, in small letters.
const SCANNERS: [&str; 10] =
    ["friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "smap", "iwar", "sipcli", "pplsip", "vaxsipuseragent"];

/// A source as it is counted: an IPv4 address, or the network of an IPv6 address, because one sender owns all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// Why a source is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Offence {
    /// It went on asking after it was refused again and again.
    Insistence,
    /// Its User-Agent is a scanner's.
    Scanner,
}

impl Offence {
    /// For people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Insistence => "asked again and again",
            Self::Scanner => "a scanner by its own name",
        }
    }
}

/// What a stranger's request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A refusal, so many ms after its arrival.
    Refuse { after_ms: u64 },
    /// Nothing.
    Ignore,
}

/// A source that is ignored, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Banned {
    /// The address or IPv6 network.
    pub(crate) source: String,
    /// Why.
    pub(crate) offence: Offence,
    /// How much longer, in s.
    pub(crate) remaining_s: u64,
    /// What it sent since then: packets and connections, none of them answered.
    pub(crate) ignored: u64,
    /// How often it has been ignored before.
    pub(crate) before: u32,
}

/// A stranger that was refused lately.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    requests: u32,
    last: u64,
    times_ignored: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ignored {
    until: u64,
    offence: Offence,
    count: u64,
    before: u32,
}

/// The watch.
#[derive(Debug)]
pub(super) struct Watch {
    limits: SkinLimits,
    suspects: BTreeMap<Source, Suspect>,
    by_age: BTreeSet<(u64, Source)>,
    ignored: BTreeMap<Source, Ignored>,
    by_end: BTreeSet<(u64, Source)>,
}

impl Watch {
    pub(super) fn new(limits: &SkinLimits) -> Self {
        Self { limits: *limits, suspects: BTreeMap::new(), by_age: BTreeSet::new(), ignored: BTreeMap::new(), by_end: BTreeSet::new() }
    }

    /// Whether a source is ignored; what it sent is counted. Asked before anything is read.
    pub(super) fn ignores(&mut self, now: u64, address: IpAddr) -> bool {
        let source = Source::of(address);
        match self.ignored.get_mut(&source) {
            Some(ignored) if ignored.until > now => {
                ignored.count = ignored.count.saturating_add(1);
                true
            }
            Some(_) => {
                self.release(now, source);
                false
            }
            None => false,
        }
    }

    /// A request of a stranger, with its User-Agent.
    pub(super) fn judge(&mut self, now: u64, address: IpAddr, agent: Option<&[u8]>) -> Verdict {
        let source = Source::of(address);
        if agent.is_some_and(is_scanner) {
            self.ignore(now, source, Offence::Scanner);
            return Verdict::Ignore;
        }
        let requests = self.count(now, source);
        let (usual, slow) = (self.limits.stranger_requests, self.limits.stranger_slow_requests);
        if requests <= usual {
            Verdict::Refuse { after_ms: self.limits.refusal_delay_ms }
        } else if requests <= usual.saturating_add(slow) {
            Verdict::Refuse { after_ms: self.limits.slow_refusal_delay_ms }
        } else {
            self.ignore(now, source, Offence::Insistence);
            Verdict::Ignore
        }
    }

    /// Who is ignored now, by address.
    pub(super) fn banned(&self, now: u64) -> Vec<Banned> {
        let current = self.ignored.iter().filter(|(_, ignored)| ignored.until > now);
        current
            .map(|(source, ignored)| Banned {
                source: source.to_string(),
                offence: ignored.offence,
                remaining_s: (ignored.until - now).div_ceil(1_000),
                ignored: ignored.count,
                before: ignored.before,
            })
            .collect()
    }

    /// Forgives a source everything. `false` if it was not ignored.
    pub(super) fn forgive(&mut self, now: u64, address: IpAddr) -> bool {
        let source = Source::of(address);
        let was_ignored = self.ignored.get(&source).is_some_and(|ignored| ignored.until > now);
        self.forget_ignored(source);
        self.forget_suspect(source);
        was_ignored
    }

    fn count(&mut self, now: u64, source: Source) -> u32 {
        let known = self.suspects.get(&source).copied().filter(|known| now.saturating_sub(known.last) < self.limits.forget_ms);
        let requests = known.map_or(0, |known| known.requests).saturating_add(1);
        self.note(source, Suspect { requests, last: now, times_ignored: known.map_or(0, |known| known.times_ignored) });
        requests
    }

    fn note(&mut self, source: Source, suspect: Suspect) {
        self.forget_suspect(source);
        while self.suspects.len() >= self.limits.watched_sources {
            let Some((_, oldest)) = self.by_age.first().copied() else { break };
            self.forget_suspect(oldest);
        }
        self.by_age.insert((suspect.last, source));
        self.suspects.insert(source, suspect);
    }

    fn ignore(&mut self, now: u64, source: Source, offence: Offence) {
        let before = self.suspects.get(&source).map_or(0, |known| known.times_ignored);
        let factor = 1_u64.checked_shl(before).unwrap_or(u64::MAX);
        let time = self.limits.ignore_ms.saturating_mul(factor).min(self.limits.longest_ignore_ms);
        self.forget_ignored(source);
        while self.ignored.len() >= self.limits.watched_sources {
            let Some((_, first)) = self.by_end.first().copied() else { break };
            self.forget_ignored(first);
        }
        let until = now.saturating_add(time);
        self.by_end.insert((until, source));
        self.ignored.insert(source, Ignored { until, offence, count: 1, before });
        self.forget_suspect(source);
    }

    /// Its time is over. It is remembered for a while, so that the next time is longer.
    fn release(&mut self, now: u64, source: Source) {
        let Some(ignored) = self.ignored.get(&source).copied() else { return };
        self.forget_ignored(source);
        self.note(source, Suspect { requests: 0, last: now, times_ignored: ignored.before.saturating_add(1) });
    }

    fn forget_suspect(&mut self, source: Source) {
        if let Some(known) = self.suspects.remove(&source) {
            self.by_age.remove(&(known.last, source));
        }
    }

    fn forget_ignored(&mut self, source: Source) {
        if let Some(known) = self.ignored.remove(&source) {
            self.by_end.remove(&(known.until, source));
        }
    }
}

fn is_scanner(agent: &[u8]) -> bool {
    let agent = agent.trim_ascii();
    SCANNERS.iter().any(|known| agent.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: &str = "198.51.100.7";

    fn watch() -> Watch {
        Watch::new(&SkinLimits { stranger_requests: 2, stranger_slow_requests: 3, watched_sources: 4, ..SkinLimits::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn asks(watch: &mut Watch, now: u64, from: &str, times: usize) -> Vec<Verdict> {
        (0..times).map(|_| watch.judge(now, address(from), Some(b"phone/1.0"))).collect()
    }

    #[test]
    fn who_goes_on_asking_is_slowed_then_ignored_and_then_for_twice_as_long() {
        let (usual, slow) = (Verdict::Refuse { after_ms: 200 }, Verdict::Refuse { after_ms: 2_000 });
        let mut watch = watch();
        assert_eq!(asks(&mut watch, 0, STRANGER, 6), [usual, usual, slow, slow, slow, Verdict::Ignore]);
        assert!(watch.ignores(599_999, address(STRANGER)));
        assert_eq!(watch.banned(0).first().map(|banned| (banned.remaining_s, banned.ignored, banned.before)), Some((600, 2, 0)));
        assert!(!watch.ignores(600_000, address(STRANGER)), "its time is over");
        assert_eq!(asks(&mut watch, 600_000, STRANGER, 6)[5], Verdict::Ignore);
        assert_eq!(watch.banned(600_000).first().map(|banned| (banned.remaining_s, banned.before)), Some((1_200, 1)));
        assert!(!watch.ignores(600_000, address("198.51.100.8")), "its neighbour is not ignored");
    }

    #[test]
    fn a_scanner_is_ignored_at_once_whatever_its_spelling() {
        for agent in ["friendly-scanner", "SIPVicious/0.3", " pplsip", "sipcli/v1.8"] {
            let mut watch = watch();
            assert_eq!(watch.judge(0, address(STRANGER), Some(agent.as_bytes())), Verdict::Ignore, "{agent}");
            assert_eq!(watch.banned(0).first().map(|banned| banned.offence), Some(Offence::Scanner));
        }
        assert_ne!(watch().judge(0, address(STRANGER), Some(b"Friendly phone")), Verdict::Ignore);
        assert_ne!(watch().judge(0, address(STRANGER), None), Verdict::Ignore);
    }

    #[test]
    fn an_ipv6_sender_is_counted_by_its_network() {
        let mut watch = watch();
        for host in 0..6 {
            watch.judge(0, address(&format!("2001:db8:1:2::{host}")), None);
        }
        assert!(watch.ignores(0, address("2001:db8:1:2:ffff::1")) && !watch.ignores(0, address("2001:db8:1:3::1")));
        assert_eq!(watch.banned(0).first().map(|banned| banned.source.clone()), Some("2001:db8:1:2::/64".to_owned()));
        assert!(watch.forgive(0, address("2001:db8:1:2::9")), "any address of it names it");
        assert!(!watch.ignores(0, address("2001:db8:1:2::1")));
    }

    #[test]
    fn a_quiet_stranger_begins_anew_and_a_forgiven_one_too() {
        let mut watch = watch();
        asks(&mut watch, 0, STRANGER, 5);
        assert_eq!(asks(&mut watch, 600_000, STRANGER, 1), [Verdict::Refuse { after_ms: 200 }]);
        asks(&mut watch, 600_000, STRANGER, 6);
        assert!(watch.forgive(600_000, address(STRANGER)));
        assert!(!watch.forgive(600_000, address(STRANGER)), "once is enough");
        assert_eq!(asks(&mut watch, 600_000, STRANGER, 1), [Verdict::Refuse { after_ms: 200 }]);
    }

    #[test]
    fn however_many_sources_ask_the_watch_stays_small() {
        let mut watch = watch();
        for place in 0..1_000_u32 {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(place));
            watch.judge(u64::from(place), from, if place % 2 == 0 { Some(b"sipvicious") } else { None });
        }
        assert_eq!((watch.suspects.len(), watch.by_age.len(), watch.ignored.len(), watch.by_end.len()), (4, 4, 4, 4));
    }
}

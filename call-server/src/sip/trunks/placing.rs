//! Calls of ours that are to be talked over: which places are tried in which order, and what whoever wants to talk is told.

use super::dial::{self, Dial, Offered, Purpose, Stop, Told, Way};
use super::line::{Line, host, with_user};
use super::{Lines, PathCall, Ways, chance};
use crate::sip::{Destination, Transport};
use call_core::command::{CallTo, Dial as Wish, VoiceTerms};
use call_core::plan::{MAX_ATTEMPTS, Srtp, TrunkVoice, choose};
use shared::model::{Caller, LegId, PhoneNumber, TrunkId};
use sip_core::Event;
use sip_core::message::Uri;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Most calls of ours that are placed and not answered at once.
const MAX_PLACED: usize = 1_000;

/// The From value of one who does not want to be known (RFC 3261 section 20.20, RFC 3323 section 4.1.1.3).
pub(super) const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// A call that is not answered yet.
#[derive(Debug)]
pub(super) struct Placed {
    dial: Dial,
    /// The trunk by which it is counted.
    counted: Option<TrunkId>,
    /// The attempt that was told of last.
    begun: Option<PathCall>,
}

/// Where a phone of the house is: its Contact, and the way by which it has registered.
pub(in crate::sip) type PhonePlace = (String, usize, SocketAddr);

impl Lines {
    /// Places a call. What comes of it is told by [`Lines::take_told`].
    pub(in crate::sip) fn place(&mut self, now: u64, ways: &mut dyn Ways, wish: Wish, phone: Option<PhonePlace>) {
        let Wish { leg, to, shown, offer, terms } = wish;
        let stops = match &to {
            _ if self.placed.len() >= MAX_PLACED => Vec::new(),
            CallTo::Number(number) => self.stops_to(now, number, &shown),
            CallTo::Fixed { contact, .. } => self.fixed_stop(contact, &shown).into_iter().collect(),
            CallTo::Phone(_) => phone.map(|place| self.stop_at(place, &shown)).into_iter().collect(),
        };
        let dial = Dial::begin(now, ways, Purpose::Talk, Offered { description: offer.0.to_string(), terms }, stops);
        self.placed.insert(leg, Placed { dial, counted: None, begun: None });
        self.settle(leg);
    }

    /// The offer that a call waits for.
    pub(in crate::sip) fn offer(&mut self, now: u64, ways: &mut dyn Ways, leg: LegId, description: String) {
        if let Some(placed) = self.placed.get_mut(&leg) {
            placed.dial.offer(now, ways, description);
        }
        self.settle(leg);
    }

    /// A call that was placed is not wanted any more; `false` if it is none, or was answered.
    pub(in crate::sip) fn give_up(&mut self, now: u64, ways: &mut dyn Ways, leg: LegId) -> bool {
        let Some(placed) = self.placed.get_mut(&leg) else { return false };
        placed.dial.give_up(now, ways);
        self.settle(leg);
        true
    }

    /// News of calls that were placed, since the last call.
    pub(in crate::sip) fn take_told(&mut self) -> Vec<(LegId, Told)> {
        std::mem::take(&mut self.told)
    }

    /// Attempts to place calls that have begun since the last call, each with the leg that it is for.
    pub(in crate::sip) fn take_begun(&mut self) -> Vec<(LegId, PathCall)> {
        std::mem::take(&mut self.begun)
    }

    pub(super) fn placing_due(&self) -> Option<u64> {
        self.placed.values().filter_map(|placed| placed.dial.due()).min()
    }

    pub(super) fn tend_placed(&mut self, now: u64, ways: &mut dyn Ways) {
        let due: Vec<LegId> =
            self.placed.iter().filter(|(_, placed)| placed.dial.due().is_some_and(|at| at <= now)).map(|(leg, _)| *leg).collect();
        for leg in due {
            if let Some(placed) = self.placed.get_mut(&leg) {
                placed.dial.timeout(now, ways);
            }
            self.settle(leg);
        }
    }

    /// An event of a call that was placed; gives it back if it belongs to none.
    pub(super) fn placed_happened(&mut self, now: u64, ways: &mut dyn Ways, call: PathCall, event: Event) -> Option<Event> {
        let ours = self.placed.iter_mut().find(|(_, placed)| placed.dial.call() == Some(call));
        let Some((leg, placed)) = ours else { return Some(event) };
        let leg = *leg;
        let told = placed.dial.happened(now, ways, event);
        if let Some(told) = told {
            if let Told::Answered(call, _) = &told {
                let line = self.count(leg, None).and_then(|trunk| self.lines.get_mut(&trunk));
                self.placed.remove(&leg);
                if let Some(line) = line {
                    line.ours.insert(*call);
                }
            }
            self.told.push((leg, told));
        }
        self.settle(leg);
        None
    }

    /// Counts the call by the trunk over which it is being tried now, and tells if that waits for an offer; one that is over is told and
    /// forgotten.
    fn settle(&mut self, leg: LegId) {
        let Some(placed) = self.placed.get_mut(&leg) else { return };
        let (trunk, end) = (placed.dial.trunk(), placed.dial.end());
        if let Some(call) = placed.dial.call()
            && placed.begun.replace(call) != Some(call)
        {
            self.begun.push((leg, call));
        }
        self.told.extend(placed.dial.wants_offer().map(|terms| (leg, Told::WantsOffer(terms))));
        self.count(leg, trunk);
        if let Some(end) = end {
            self.placed.remove(&leg);
            self.told.push((leg, Told::Over(end)));
        }
    }

    /// Counts a call by another trunk, or by none; returns the one before.
    fn count(&mut self, leg: LegId, trunk: Option<TrunkId>) -> Option<TrunkId> {
        let placed = self.placed.get_mut(&leg)?;
        let before = std::mem::replace(&mut placed.counted, trunk);
        if before != trunk {
            if let Some(line) = before.and_then(|before| self.lines.get_mut(&before)) {
                line.tried = line.tried.saturating_sub(1);
            }
            if let Some(line) = trunk.and_then(|trunk| self.lines.get_mut(&trunk)) {
                line.tried = line.tried.saturating_add(1);
            }
        }
        before
    }

    fn stops_to(&mut self, now: u64, number: &PhoneNumber, shown: &Caller) -> Vec<Stop> {
        let plans = self.lines.iter().map(|(id, line)| (*id, line.settings.carrier.plan.clone())).collect();
        let states = self.lines.iter().map(|(id, line)| (*id, line.state(now))).collect::<BTreeMap<_, _>>();
        let choice = choose(&plans, &states, number, draw);
        let own = self.own;
        let mut all = Vec::new();
        for attempt in choice.attempts {
            if let Some(line) = self.lines.get_mut(&attempt.trunk) {
                all.extend(stops(line, attempt.target, (number, shown), own).into_iter().filter(may_carry));
            }
        }
        all.truncate(MAX_ATTEMPTS);
        all
    }

    fn stop_at(&self, (contact, path, source): PhonePlace, shown: &Caller) -> Stop {
        Stop { target: contact.clone(), uri: contact, way: Way::Back(path, source), caller: self.house(shown), terms: None, plainly: None }
    }

    /// A phone that is always at the same address, over UDP.
    fn fixed_stop(&self, contact: &str, shown: &Caller) -> Option<Stop> {
        let address = Uri::parse(contact.as_bytes())?.socket_address()?;
        let way = Way::To(Destination { transport: Transport::Udp, address, tls_name: None });
        Some(Stop { target: contact.to_owned(), uri: contact.to_owned(), way, caller: self.house(shown), terms: None, plainly: None })
    }

    /// Who calls, as a phone of the house sees it.
    fn house(&self, shown: &Caller) -> dial::Caller {
        let user = shown.number.as_ref().map_or("anonymous", |number| number.reveal().as_str());
        let from = format!("<sip:{user}@{}>", own_host(self.own));
        dial::Caller { trunk: None, from, fields: Vec::new(), account: None }
    }
}

/// Where encryption is required its keys stand in the signalling: no call goes out where others can read that.
pub(super) fn may_carry(stop: &Stop) -> bool {
    stop.terms.as_ref().is_none_or(|terms| terms.encrypted || terms.voice.srtp != Srtp::Required)
}

/// How voice travels to one place of a trunk: at first, and if that is refused there.
fn terms(voice: &TrunkVoice, to: &Destination) -> [Option<VoiceTerms>; 2] {
    let encrypted = to.transport == Transport::Tls;
    let terms = |voice| VoiceTerms { voice, encrypted, ipv6: to.address.is_ipv6() };
    let plainly = encrypted && voice.srtp == Srtp::Optional;
    [Some(terms(voice.offered(encrypted))), plainly.then(|| terms(voice.offered(false)))]
}

/// A number below `most`, by chance.
pub(super) fn draw(most: u32) -> u32 {
    u32::try_from(chance() % u64::from(most.max(1))).unwrap_or(0)
}

/// The places of one target of a trunk, and who we are there.
pub(super) fn stops(line: &mut Line, target: usize, (number, shown): (&PhoneNumber, &Caller), own: IpAddr) -> Vec<Stop> {
    let plan = &line.settings.carrier.plan;
    let Some(target) = plan.targets.get(target).map(|target| target.uri.clone()) else { return Vec::new() };
    let uri = with_user(&target, plan.numbers.dialled_out.apply(number).as_str());
    let shown = plan.caller_out(shown);
    let is_hidden = plan.hides_number;
    let home = line.registrar().map_or_else(|| own_host(own), |registrar| host(&registrar));
    let calling = calling(line.contact_user(), shown.as_ref(), &home, is_hidden);
    let (from, mut fields) = (calling.from, line.routes());
    fields.extend(calling.fields);
    let account = line.settings.carrier.account.clone();
    let caller = dial::Caller { trunk: Some(line.settings.id), from, fields, account };
    let found: Vec<Destination> = line.place(&target).map(|place| place.all().cloned().collect()).unwrap_or_default();
    let voice = line.settings.carrier.plan.voice.clone();
    let stop = |to: Destination| {
        let [terms, plainly] = terms(&voice, &to);
        Stop { target: target.clone(), uri: uri.clone(), way: Way::To(to), caller: caller.clone(), terms, plainly }
    };
    found.into_iter().map(stop).collect()
}

/// Who calls, as an INVITE of ours says it.
pub(super) struct Calling {
    /// The From value.
    pub(super) from: String,
    pub(super) fields: Vec<(String, String)>,
}

/// The carrier, which is trusted, always learns the number; whether the called person does is said by Privacy (RFC 3325 sections 7 and 9.3).
pub(super) fn calling(user: &str, shown: Option<&PhoneNumber>, home: &str, is_hidden: bool) -> Calling {
    let known = format!("<sip:{}@{home}>", shown.map_or(user, PhoneNumber::as_str));
    let asserted = (is_hidden || shown.is_some()).then(|| ("P-Asserted-Identity".to_owned(), known.clone()));
    let privacy = is_hidden.then(|| ("Privacy".to_owned(), "id".to_owned()));
    let from = if is_hidden { ANONYMOUS.to_owned() } else { known };
    Calling { from, fields: asserted.into_iter().chain(privacy).collect() }
}

/// Our own host as it stands in a URI.
fn own_host(own: IpAddr) -> String {
    match own {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_that_is_required_goes_over_tls_alone_and_one_that_is_optional_is_tried_first_there() {
        let stop = |transport, srtp| {
            let to = Destination { transport, address: "192.0.2.1:5061".parse().expect("an address"), tls_name: None };
            let [terms, plainly] = terms(&TrunkVoice { srtp, ..TrunkVoice::default() }, &to);
            let caller = dial::Caller { trunk: None, from: String::new(), fields: Vec::new(), account: None };
            Stop { target: String::new(), uri: String::new(), way: Way::To(to), caller, terms, plainly }
        };
        for (transport, srtp, may) in [
            (Transport::Udp, Srtp::Off, true),
            (Transport::Udp, Srtp::Optional, true),
            (Transport::Udp, Srtp::Required, false),
            (Transport::Tcp, Srtp::Required, false),
            (Transport::Tls, Srtp::Required, true),
        ] {
            assert_eq!(may_carry(&stop(transport, srtp)), may, "{transport:?} {srtp:?}");
        }
        let srtp = |transport, srtp| {
            let Stop { terms, plainly, .. } = stop(transport, srtp);
            [terms, plainly].map(|terms| terms.map(|terms| terms.voice.srtp))
        };
        assert_eq!(srtp(Transport::Tls, Srtp::Optional), [Some(Srtp::Required), Some(Srtp::Off)], "with keys, then plainly");
        for (transport, wanted, first) in [
            (Transport::Udp, Srtp::Optional, Srtp::Off),
            (Transport::Tls, Srtp::Off, Srtp::Off),
            (Transport::Tls, Srtp::Required, Srtp::Required),
        ] {
            assert_eq!(srtp(transport, wanted), [Some(first), None], "{transport:?} {wanted:?}");
        }
    }

    #[test]
    fn a_hidden_number_is_told_to_the_carrier_and_kept_from_the_person() {
        let number = PhoneNumber::parse("051912345").expect("a number");
        let said = |shown: Option<&PhoneNumber>, is_hidden| {
            let Calling { from, fields } = calling("hotline", shown, "carrier.example", is_hidden);
            let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
            (from, fields.join("\n"))
        };
        let asserted = "P-Asserted-Identity: <sip:051912345@carrier.example>";
        assert_eq!(said(Some(&number), false), ("<sip:051912345@carrier.example>".to_owned(), asserted.to_owned()));
        assert_eq!(said(Some(&number), true), (ANONYMOUS.to_owned(), format!("{asserted}\nPrivacy: id")));
        assert_eq!(said(None, false), ("<sip:hotline@carrier.example>".to_owned(), String::new()));
        assert!(said(None, true).1.contains("<sip:hotline@carrier.example>\nPrivacy: id"));
    }
}

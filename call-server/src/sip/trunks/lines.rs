//! All trunks together: what is due goes out, what comes back finds its line; tests that an operator asks for.

use super::dial::{Dial, Told};
use super::line::{Line, OPTIONS_PATIENCE_MS, seen_from};
use super::placing::Placed;
use super::registration::Outcome;
use super::report::{StepResult, TargetResult, TestReport, TestWish, TrunkStatus};
use super::{PathCall, Ways, chance, silent, token};
use crate::sip::{Destination, Transport, TrunkSettings};
use call_core::plan::KeyMode;
use shared::model::{LegId, PhoneNumber, TrunkId};
use sip_core::message::{Method, Request, Response};
use sip_core::{Event, RequestKey};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::SyncSender;

/// Where the result of a test goes.
pub(in crate::sip) type TestReply = SyncSender<Result<TestReport, String>>;

/// Most tests at once.
const MAX_TESTS: usize = 8;
/// A test is over after this, whatever is still missing, in ms.
const TEST_MS: u64 = 45_000;

/// How often a path through address translation is used, in ms: some routers forget it after 30 s.
const KEEP_OPEN_MS: u64 = 25_000;

/// How often it is looked at whether our address towards a registrar has changed, in ms.
const LOOK_AT_NETWORK_MS: u64 = 2_000;

/// What a request of ours is for.
#[derive(Debug)]
enum Purpose {
    Register { trunk: TrunkId, contact: String, sent_at: u64 },
    Options { trunk: TrunkId, target: usize, sent_at: u64 },
    Test { test: u64, target: usize, sent_at: u64 },
}

/// A test under way.
#[derive(Debug)]
struct Test {
    trunk: TrunkId,
    until: u64,
    /// Targets that have said nothing by then have failed.
    targets_until: u64,
    targets: Vec<(TargetResult, bool)>,
    /// When it was asked for; the result once it is there.
    registration: Option<(u64, Option<StepResult>)>,
    dial: Option<Dial>,
    reply: TestReply,
}

/// See the module.
#[derive(Debug)]
pub(in crate::sip) struct Lines {
    pub(super) lines: BTreeMap<TrunkId, Line>,
    /// Calls of ours that are not answered yet.
    pub(super) placed: BTreeMap<LegId, Placed>,
    /// What whoever wants to talk is to be told.
    pub(super) told: Vec<(LegId, Told)>,
    /// Attempts that have begun, for the trace.
    pub(super) begun: Vec<(LegId, PathCall)>,
    asked: BTreeMap<(usize, RequestKey), Purpose>,
    tests: BTreeMap<u64, Test>,
    last_test: u64,
    found: Vec<(TrunkId, IpAddr)>,
    /// Our own host, for From and for offers.
    pub(super) own: IpAddr,
    seen_from: Option<String>,
    /// From where packets go to each registrar, and when that is looked at next.
    local: BTreeMap<TrunkId, Option<IpAddr>>,
    look_at: u64,
    /// When paths through address translation are used next, so that they stay open.
    open_at: u64,
}

impl Lines {
    pub(in crate::sip) fn new(trunks: &[TrunkSettings], own: IpAddr) -> Self {
        let lines = trunks.iter().filter(|trunk| !trunk.probe).map(|trunk| (trunk.id, Line::new(trunk.clone()))).collect();
        Self {
            lines,
            placed: BTreeMap::new(),
            told: Vec::new(),
            begun: Vec::new(),
            asked: BTreeMap::new(),
            tests: BTreeMap::new(),
            last_test: 0,
            found: Vec::new(),
            own,
            seen_from: None,
            local: BTreeMap::new(),
            look_at: 0,
            open_at: 0,
        }
    }

    /// URIs to be looked up now, each with its trunk; the answers come by [`Lines::located`].
    pub(in crate::sip) fn wanted(&mut self, now: u64) -> Vec<(TrunkId, String)> {
        self.lines.iter_mut().flat_map(|(id, line)| line.wanted(now).into_iter().map(|uri| (*id, uri))).collect()
    }

    pub(in crate::sip) fn located(&mut self, now: u64, trunk: TrunkId, uri: &str, found: Result<Vec<Destination>, String>) {
        let Some(line) = self.lines.get_mut(&trunk) else { return };
        line.located(now, uri, found);
        self.found.extend(line.addresses().map(|address| (trunk, address.to_canonical())));
    }

    /// Where an empty packet is to go now so that a registrar's calls find the way back through address translation (as RFC 5626 section 4.4
    /// wants it, in the way of those who know no STUN); a connection is kept open by its own pings.
    pub(in crate::sip) fn keep_open(&mut self, now: u64, ways: &mut dyn Ways) -> Vec<(usize, SocketAddr)> {
        if now < self.open_at {
            return Vec::new();
        }
        self.open_at = now.saturating_add(KEEP_OPEN_MS);
        let through_nat = self.lines.values_mut().filter(|line| line.is_registered_through_nat());
        let registrars = through_nat.filter_map(|line| line.registrar().and_then(|uri| line.place(&uri)?.destination().cloned()));
        let over_udp = registrars.filter(|to| to.transport == Transport::Udp);
        over_udp.filter_map(|to| Some((ways.way(&to)?, to.address))).collect()
    }

    /// Addresses of trunks that were found, or are still in use, since the last call: whoever we ask may answer, and call.
    pub(in crate::sip) fn take_found(&mut self) -> Vec<(TrunkId, IpAddr)> {
        std::mem::take(&mut self.found)
    }

    /// When [`Lines::handle_timeout`] is wanted.
    pub(in crate::sip) fn next_deadline(&self) -> Option<u64> {
        let lines = self.lines.values().filter_map(Line::due);
        let tests = self.tests.values().flat_map(|test| test.next_time().into_iter().chain(test.dial.as_ref().and_then(Dial::due)));
        let look = self.lines.values().any(|line| line.registration.is_some()).then_some(self.look_at);
        let open = self.lines.values().any(Line::is_registered_through_nat).then_some(self.open_at);
        lines.chain(tests).chain(look).chain(open).chain(self.placing_due()).min()
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: u64, ways: &mut dyn Ways) {
        self.watch_network(now, ways);
        let ids: Vec<TrunkId> = self.lines.keys().copied().collect();
        for id in ids {
            self.register_if_due(now, ways, id);
            self.ask_targets(now, ways, id);
        }
        for test in self.tests.values_mut() {
            if let Some(dial) = &mut test.dial {
                dial.timeout(now, ways);
                silent::supply(now, ways, dial, self.own);
            }
            test.give_up_targets(now);
        }
        self.finish_tests(now);
        self.tend_placed(now, ways);
    }

    /// The system may have got another address, or a way at all: a registration that waits for its time, or for the end of a back-off, is
    /// worth nothing then.
    fn watch_network(&mut self, now: u64, ways: &mut dyn Ways) {
        if now < self.look_at {
            return;
        }
        self.look_at = now.saturating_add(LOOK_AT_NETWORK_MS);
        for (id, line) in &mut self.lines {
            let Some(uri) = line.registrar() else { continue };
            let Some(to) = line.place(&uri).and_then(|place| place.destination()).cloned() else { continue };
            let local = ways.local(&to);
            let before = self.local.insert(*id, local);
            if before.is_some_and(|before| before != local)
                && local.is_some()
                && let Some(registration) = &mut line.registration
            {
                tracing::info!(trunk = line.settings.name, "our way to a registrar has changed: the registration is made anew");
                registration.hurry(now);
            }
        }
    }

    /// A way to this peer is broken: what a registrar knows of us there may be void (RFC 5626 section 4.4).
    pub(in crate::sip) fn way_lost(&mut self, now: u64, transport: Transport, peer: SocketAddr) {
        for line in self.lines.values_mut() {
            let Some(uri) = line.registrar() else { continue };
            let leads_there = |to: &Destination| to.transport == transport && to.address == peer;
            if line.place(&uri).and_then(|place| place.destination()).is_some_and(leads_there)
                && let Some(registration) = &mut line.registration
            {
                registration.way_lost(now);
            }
        }
    }

    fn register_if_due(&mut self, now: u64, ways: &mut dyn Ways, id: TrunkId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(uri) =
            line.registration.as_ref().filter(|one| one.due().is_some_and(|due| due <= now)).map(|one| one.registrar().to_owned())
        else {
            return;
        };
        if !line.is_located(&uri) {
            return;
        }
        if let Err(why) = self.register(now, ways, id, &uri)
            && let Some(line) = self.lines.get_mut(&id)
        {
            if let Some(registration) = &mut line.registration {
                registration.not_asked(now, why.to_owned(), chance());
            }
            line.note(now, format!("no registration: {why}"));
        }
    }

    fn register(&mut self, now: u64, ways: &mut dyn Ways, id: TrunkId, uri: &str) -> Result<(), &'static str> {
        let line = self.lines.get_mut(&id).ok_or("there is no such trunk")?;
        let to = line.place(uri).and_then(|place| place.destination()).cloned().ok_or("the registrar is not found")?;
        let path = ways.way(&to).ok_or("no listener has its transport")?;
        let endpoint = ways.endpoint(path).ok_or("no listener has its transport")?;
        let contact = endpoint.contact_uri(line.contact_user());
        let address = line.address_of_record(uri);
        let mut outgoing = line.outgoing(Method::Other(bytes::Bytes::from_static(b"REGISTER")), uri, address, to.address);
        let registration = line.registration.as_mut().ok_or("the trunk has no registration")?;
        outgoing.fields.extend(registration.ask(now, &contact, &token()));
        if line.series.as_ref().is_none_or(|(used, _)| *used != path) {
            line.series = Some((path, endpoint.series()));
        }
        let series = line.series.as_mut().map(|(_, series)| series).ok_or("there is no series")?;
        let key = endpoint.request(now, series, &outgoing).ok_or("too much is under way")?;
        self.asked.insert((path, key), Purpose::Register { trunk: id, contact, sent_at: now });
        Ok(())
    }

    fn ask_targets(&mut self, now: u64, ways: &mut dyn Ways, id: TrunkId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        for place in 0..line.targets.len() {
            let Some(target) = line.targets.get(place) else { continue };
            if target.asked_at.is_some_and(|asked_at| asked_at.saturating_add(OPTIONS_PATIENCE_MS) <= now) {
                line.target_silent(now, place);
                continue;
            }
            if target.asked_at.is_some() || target.next_at.is_none_or(|at| at > now) {
                continue;
            }
            let uri = target.uri.clone();
            match options(now, ways, line, &uri) {
                Some(key) => {
                    self.asked.insert(key, Purpose::Options { trunk: id, target: place, sent_at: now });
                    if let Some(target) = line.targets.get_mut(place) {
                        (target.asked_at, target.next_at) = (Some(now), None);
                    }
                }
                // Not found yet, or no way there: the next round looks again.
                None if line.is_located(&uri) => line.target_silent(now, place),
                None => {}
            }
        }
    }

    /// The end of a request; `false` if it is none of ours.
    pub(in crate::sip) fn responded(
        &mut self,
        now: u64,
        ways: &mut dyn Ways,
        path: usize,
        request: RequestKey,
        response: Option<Box<Response>>,
    ) -> bool {
        let Some(purpose) = self.asked.remove(&(path, request)) else { return false };
        if let Some(response) = &response {
            self.notice_network(now, response);
        }
        match purpose {
            Purpose::Register { trunk, contact, sent_at } => self.registered(now, ways, trunk, &contact, sent_at, response.as_deref()),
            Purpose::Options { trunk, target, sent_at } => {
                let Some(line) = self.lines.get_mut(&trunk) else { return true };
                match response {
                    Some(response) => line.target_answered(now, target, sent_at, response.status()),
                    None if line.targets.get(target).is_some_and(|target| target.asked_at == Some(sent_at)) => {
                        line.target_silent(now, target)
                    }
                    // It was given up long ago.
                    None => {}
                }
            }
            Purpose::Test { test, target, sent_at } => self.target_tested(now, test, target, sent_at, response.as_deref()),
        }
        self.finish_tests(now);
        true
    }

    /// A response that has seen us come from another address than before: the network has changed, and registrations with it.
    fn notice_network(&mut self, now: u64, response: &Response) {
        let Some(seen) = seen_from(response) else { return };
        let before = self.seen_from.replace(seen.clone());
        if before.is_some_and(|before| before != seen) {
            tracing::info!("our address as carriers see it has changed: registrations are made anew");
            self.lines.values_mut().filter_map(|line| line.registration.as_mut()).for_each(|one| one.hurry(now));
        }
    }

    fn registered(&mut self, now: u64, ways: &mut dyn Ways, trunk: TrunkId, contact: &str, sent_at: u64, response: Option<&Response>) {
        let Some(line) = self.lines.get_mut(&trunk) else { return };
        let Some(registration) = &mut line.registration else { return };
        let was_registered = registration.is_registered(now);
        let outcome = match response {
            Some(response) => registration.answered(now, response, contact, chance()),
            None => {
                registration.unheard(now, chance());
                Outcome::Failed
            }
        };
        let status = response.map(Response::status);
        match outcome {
            Outcome::Again => {
                let uri = registration.registrar().to_owned();
                // A failure is noted when its own answer, or none, comes.
                let _ = self.register(now, ways, trunk, &uri);
                return;
            }
            Outcome::Granted if !was_registered => tracing::info!(trunk = line.settings.name, "a trunk is registered"),
            Outcome::Granted => {}
            Outcome::Failed => {
                let why = registration.status(now).error.unwrap_or_default();
                tracing::warn!(trunk = line.settings.name, why, "a trunk is not registered");
                let uri = registration.registrar().to_owned();
                line.note(now, format!("no registration: {why}"));
                if let Some(place) = line.place(&uri).filter(|_| status.is_none_or(|status| status >= 500)) {
                    place.failed();
                }
            }
        }
        let passed = outcome == Outcome::Granted;
        let error = (!passed).then(|| status.map_or("no response".to_owned(), |status| format!("refused with {status}")));
        let result = StepResult { passed, status, took_ms: now.saturating_sub(sent_at), error };
        for test in self.tests.values_mut().filter(|test| test.trunk == trunk) {
            if let Some((asked, told @ None)) = &mut test.registration
                && *asked <= sent_at
            {
                *told = Some(result.clone());
            }
        }
    }

    /// Makes a test; its result is sent when everything is known.
    pub(in crate::sip) fn test(&mut self, now: u64, ways: &mut dyn Ways, wish: &TestWish, reply: TestReply) {
        match self.begin_test(now, ways, wish, reply.clone()) {
            Ok(()) => self.finish_tests(now),
            // Whoever asked may have gone.
            Err(why) => drop(reply.try_send(Err(why))),
        }
    }

    fn begin_test(&mut self, now: u64, ways: &mut dyn Ways, wish: &TestWish, reply: TestReply) -> Result<(), String> {
        let found = self.lines.iter().find(|(_, line)| line.settings.name == wish.trunk).map(|(id, _)| *id);
        let trunk = found.ok_or_else(|| format!("no trunk to a carrier is named {}", wish.trunk))?;
        if self.tests.len() >= MAX_TESTS {
            return Err("as many tests run as may".to_owned());
        }
        let number = wish.dial.as_deref().map(PhoneNumber::parse).transpose().map_err(|error| format!("this is no number: {error}"))?;
        self.last_test += 1;
        let test = self.last_test;
        let line = self.lines.get_mut(&trunk).ok_or("the trunk is gone")?;
        let mut targets = Vec::new();
        for place in 0..line.targets.len() {
            let Some(uri) = line.targets.get(place).map(|target| target.uri.clone()) else { continue };
            let key = options(now, ways, line, &uri);
            let place_now = line.place(&uri);
            let address = place_now.as_ref().and_then(|place| place.destination()).map(ToString::to_string);
            let error = place_now.and_then(|place| place.error().map(str::to_owned)).unwrap_or_else(|| "there is no way to it".to_owned());
            let error = key.is_none().then_some(error);
            targets.push((TargetResult { uri, address, result: StepResult { error, ..StepResult::default() } }, key.is_none()));
            self.asked.extend(key.map(|key| (key, Purpose::Test { test, target: place, sent_at: now })));
        }
        let registration = line.registration.as_mut().map(|registration| {
            registration.hurry(now);
            (now, None)
        });
        let dial = number.map(|number| silent::dial(now, ways, line, &number, self.own));
        if let Some(line) = self.lines.get_mut(&trunk).filter(|_| dial.is_some()) {
            line.calls_out += 1;
        }
        let (until, targets_until) = (now.saturating_add(TEST_MS), now.saturating_add(OPTIONS_PATIENCE_MS));
        self.tests.insert(test, Test { trunk, until, targets_until, targets, registration, dial, reply });
        Ok(())
    }

    fn target_tested(&mut self, now: u64, test: u64, target: usize, sent_at: u64, response: Option<&Response>) {
        if let (Some(test), Some(response)) = (self.tests.get(&test), response)
            && let Some(line) = self.lines.get_mut(&test.trunk)
        {
            line.target_answered(now, target, sent_at, response.status());
        }
        let Some((result, is_over)) = self.tests.get_mut(&test).and_then(|test| test.targets.get_mut(target)) else { return };
        if *is_over {
            return;
        }
        *is_over = true;
        let status = response.map(Response::status);
        result.result = StepResult {
            passed: status.is_some_and(|status| !matches!(status, 408 | 503)),
            status,
            took_ms: now.saturating_sub(sent_at),
            error: match status {
                None => Some("no response".to_owned()),
                Some(status @ (408 | 503)) => Some(format!("answered with {status}")),
                Some(_) => None,
            },
        };
    }

    /// An event of a call of ours; gives the event back if the call is none of ours.
    pub(in crate::sip) fn happened(&mut self, now: u64, ways: &mut dyn Ways, call: PathCall, event: Event) -> Option<Event> {
        let ours = self.tests.values_mut().filter_map(|test| test.dial.as_mut()).find(|dial| dial.call() == Some(call));
        let Some(dial) = ours else { return self.placed_happened(now, ways, call, event) };
        dial.happened(now, ways, event);
        silent::supply(now, ways, dial, self.own);
        self.finish_tests(now);
        None
    }

    fn finish_tests(&mut self, now: u64) {
        let over: Vec<u64> = self.tests.iter().filter(|(_, test)| test.until <= now || test.is_over()).map(|(id, _)| *id).collect();
        for id in over {
            let Some(test) = self.tests.remove(&id) else { continue };
            if let (Some(_), Some(line)) = (&test.dial, self.lines.get_mut(&test.trunk)) {
                line.calls_out = line.calls_out.saturating_sub(1);
            }
            let _ = test.reply.clone().try_send(Ok(test.report(now)));
        }
    }

    /// A call came in over a trunk, or ended.
    pub(in crate::sip) fn entered(&mut self, trunk: TrunkId, call: PathCall) {
        if let Some(line) = self.lines.get_mut(&trunk) {
            line.calls_in.insert(call);
        }
    }

    pub(in crate::sip) fn left(&mut self, call: PathCall) {
        self.lines.values_mut().for_each(|line| {
            line.calls_in.remove(&call);
            line.ours.remove(&call);
        });
    }

    /// Whether the trunk of a call tells keys by INFO.
    pub(in crate::sip) fn tells_keys(&self, call: PathCall) -> bool {
        let line = self.lines.values().find(|line| line.calls_in.contains(&call) || line.ours.contains(&call));
        line.is_some_and(|line| line.settings.carrier.plan.voice.keys == KeyMode::Info)
    }

    /// The dialled number of a call that came in over a trunk.
    pub(in crate::sip) fn dialled(&self, trunk: TrunkId, invite: &Request) -> Option<String> {
        self.lines.get(&trunk).map_or_else(|| sip_core::identity::dialled(invite), |line| line.dialled(invite))
    }

    /// Whether a trunk is behind address translation.
    pub(in crate::sip) fn is_behind_nat(&self, trunk: TrunkId) -> bool {
        self.lines.get(&trunk).is_some_and(|line| line.settings.carrier.nat)
    }

    pub(in crate::sip) fn status(&self, now: u64) -> Vec<TrunkStatus> {
        self.lines.values().map(|line| line.status(now)).collect()
    }
}

impl Test {
    fn next_time(&self) -> Option<u64> {
        let waits_for_targets = self.targets.iter().any(|(_, is_over)| !is_over);
        Some(if waits_for_targets { self.targets_until.min(self.until) } else { self.until })
    }

    fn give_up_targets(&mut self, now: u64) {
        if now >= self.targets_until {
            for (target, is_over) in self.targets.iter_mut().filter(|(_, is_over)| !is_over) {
                let result = StepResult { error: Some("no response".to_owned()), took_ms: OPTIONS_PATIENCE_MS, ..StepResult::default() };
                (target.result, *is_over) = (result, true);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.targets.iter().all(|(_, is_over)| *is_over)
            && self.registration.as_ref().is_none_or(|(_, told)| told.is_some())
            && self.dial.as_ref().is_none_or(|dial| dial.over().is_some())
    }

    fn report(self, now: u64) -> TestReport {
        let late = || StepResult { error: Some("no response".to_owned()), ..StepResult::default() };
        let targets: Vec<TargetResult> = self
            .targets
            .into_iter()
            .map(|(result, is_over)| if is_over { result } else { TargetResult { result: late(), ..result } })
            .collect();
        let registration =
            self.registration.map(|(asked, told)| told.unwrap_or(StepResult { took_ms: now.saturating_sub(asked), ..late() }));
        let call = self.dial.map(|dial| dial.into_result());
        let passed = targets.iter().all(|target| target.result.passed)
            && registration.as_ref().is_none_or(|result| result.passed)
            && call.as_ref().is_none_or(|call| call.answered);
        TestReport { passed, targets, registration, call }
    }
}

/// Sends OPTIONS to a target (RFC 3261 section 11).
fn options(now: u64, ways: &mut dyn Ways, line: &mut Line, uri: &str) -> Option<(usize, RequestKey)> {
    let to = line.place(uri)?.destination()?.clone();
    let path = ways.way(&to)?;
    let endpoint = ways.endpoint(path)?;
    let mut outgoing = line.outgoing(Method::Options, uri, line.address_of_record(uri), to.address);
    outgoing.to = uri.to_owned();
    outgoing.fields.push(("Accept".to_owned(), "application/sdp".to_owned()));
    let mut series = endpoint.series();
    Some((path, endpoint.request(now, &mut series, &outgoing)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::trunks::{CarrierSettings, RegistrationSettings};
    use sip_core::digest::Account;
    use sip_core::{Endpoint, Limits, Seed};

    const TRUNK: TrunkId = TrunkId(7);
    const REGISTRAR: &str = "192.0.2.1:5060";

    /// One endpoint, and the address from which its packets go.
    struct Machine(Endpoint, IpAddr);

    impl Ways for Machine {
        fn way(&mut self, _: &Destination) -> Option<usize> {
            Some(0)
        }

        fn local(&mut self, _: &Destination) -> Option<IpAddr> {
            Some(self.1)
        }

        fn endpoint(&mut self, _: usize) -> Option<&mut Endpoint> {
            Some(&mut self.0)
        }
    }

    impl Machine {
        fn sent(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.0.poll_transmit()).map(|(_, packet)| String::from_utf8_lossy(&packet).into_owned()).collect()
        }

        /// The registrar grants what was asked for last.
        fn grants(&mut self, lines: &mut Lines, now: u64, request: &str) {
            let echoed = |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"].iter().any(|name| line.starts_with(name));
            let fields: String = request.lines().filter(echoed).map(|line| format!("{line}\r\n")).collect();
            let text = format!("SIP/2.0 200 OK\r\n{fields}Expires: 3600\r\nContent-Length: 0\r\n\r\n");
            let _ = self.0.receive(now, REGISTRAR.parse().expect("an address"), text.into());
            while let Some(event) = self.0.poll_event() {
                let Event::Responded { request, response } = event else { panic!("the end of a request: {event:?}") };
                assert!(lines.responded(now, self, 0, request, response));
            }
        }
    }

    fn registering() -> (Lines, Machine) {
        let uri = format!("sip:{REGISTRAR}");
        let carrier = CarrierSettings {
            account: Some(Account { user: "12345".to_owned(), secret: "secret".to_owned() }),
            registration: Some(RegistrationSettings { registrar: uri.clone(), wanted_s: 3_600 }),
            ..CarrierSettings::default()
        };
        let trunk = TrunkSettings { id: TRUNK, name: "test".to_owned(), sources: Vec::new(), probe: false, carrier };
        let own: IpAddr = "192.0.2.9".parse().expect("an address");
        let mut lines = Lines::new(&[trunk], own);
        let address = REGISTRAR.parse().expect("an address");
        lines.located(0, TRUNK, &uri, Ok(vec![Destination { transport: Transport::Udp, address, tls_name: None }]));
        let endpoint = Endpoint::new("192.0.2.9:5060".parse().expect("an address"), Limits::default(), Seed([1, 2]));
        (lines, Machine(endpoint, own))
    }

    #[test]
    fn another_address_of_our_own_makes_a_registration_anew_long_before_its_time() {
        let (mut lines, mut machine) = registering();
        lines.handle_timeout(1, &mut machine);
        let [first] = &machine.sent()[..] else { panic!("one REGISTER") };
        machine.grants(&mut lines, 2, first);
        lines.handle_timeout(60_000, &mut machine);
        assert_eq!(machine.sent(), Vec::<String>::new(), "all is as it was");
        machine.1 = "198.51.100.4".parse().expect("an address");
        let look = lines.next_deadline().expect("it looks again");
        assert!(look <= 60_000 + LOOK_AT_NETWORK_MS);
        lines.handle_timeout(look, &mut machine);
        let [again] = &machine.sent()[..] else { panic!("one REGISTER") };
        assert!(again.starts_with("REGISTER ") && again.contains("CSeq: 2 REGISTER"), "{again}");
    }
}

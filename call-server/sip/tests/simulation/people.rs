//! The people at the endpoints: they call, answer, hold, transfer, prove who they are and hang up as their seed says.

use super::link::PROXY;
use super::world::{Action, LAST_CALL_MS, View, World, address};
use sip_core::digest::{Account, Guard, GuardLimits, Ha1, HashFunction, Login, NonceKey, Signed, Verdict, choose};
use sip_core::message::{Name, Request, Response};
use sip_core::{CallKey, Event, Farewell, Invitation, OfferBy, SessionEvent, identity};

const USER: &str = "phone";
const SECRET: &str = "kq3v-9d2m";
const REALM: &str = "hotline";

/// One who lets nobody in without credentials.
pub(crate) struct Doorkeeper {
    guard: Guard,
    status: u16,
}

impl Doorkeeper {
    pub(crate) fn of(rng: &mut fastrand::Rng) -> Option<Self> {
        let guard = Guard::new(REALM, &[HashFunction::Sha256, HashFunction::Md5], NonceKey([5; 32]), GuardLimits::default());
        (rng.u32(0..4) == 0).then(|| Self { guard, status: if rng.bool() { 401 } else { 407 } })
    }

    /// The challenge that the INVITE gets, unless it is let in.
    fn challenge(&mut self, now: u64, invite: &Request) -> Option<(u16, &'static str, Vec<String>)> {
        let (presents, asks) = fields_of(self.status);
        let signed = Signed { method: b"INVITE", uri: invite.uri(), body: b"" };
        let ha1 = |user: &str, hash| (user == USER).then(|| Ha1::new(hash, USER, REALM, SECRET));
        match self.guard.verify(now, invite.head().named(presents), &signed, ha1) {
            Verdict::Accepted { .. } => None,
            Verdict::Stale => Some((self.status, asks, self.guard.challenge(now, true))),
            Verdict::Missing | Verdict::Denied | Verdict::Malformed => Some((self.status, asks, self.guard.challenge(now, false))),
        }
    }
}

/// What carries credentials, and what the challenge of this status.
fn fields_of(status: u16) -> (&'static str, &'static str) {
    if status == 407 { ("Proxy-Authorization", "Proxy-Authenticate") } else { ("Authorization", "WWW-Authenticate") }
}

/// A session description that can be told from any other by its port.
pub(crate) fn description(side: usize, version: u64, direction: &str, more: &str) -> String {
    let (host, port) = (side + 1, 4_000 + 2 * (version % 20_000));
    format!(
        "v=0\r\no=- {host} {version} IN IP4 192.0.2.{host}\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na={direction}\r\n{more}"
    )
}

/// What tells a description from others.
fn mark(description: &str) -> &str {
    description.lines().find(|line| line.starts_with("m=")).unwrap_or_default()
}

/// The description that an answer of this sort says it answers.
fn answered_mark(answer: &str) -> Option<&str> {
    answer.lines().find_map(|line| line.strip_prefix("a=answers:"))
}

impl World {
    pub(crate) fn call(&mut self, side: usize, replaced: Option<CallKey>) {
        let number = self.callers.len();
        let callee = 1 - side;
        let is_forked = side == 0 && replaced.is_none() && self.rng.u32(0..4) == 0;
        let target = if is_forked { PROXY } else { callee };
        let replaces = replaced.and_then(|call| self.sides[side].endpoint.replaces_value(call));
        let offer = description(side, 1, "sendrecv", "");
        let is_late = self.rng.u32(0..5) == 0;
        let invitation = Invitation {
            to: format!("sip:{number}@{}", address(target)),
            from: format!("<sip:caller@{}>", address(side)),
            target: address(target),
            fields: replaces.into_iter().map(|value| ("Replaces".to_owned(), value)).collect(),
            description: (!is_late).then(|| offer.clone()),
        };
        let Some(call) = self.sides[side].endpoint.call(self.now, invitation) else { return };
        self.story.calls += 1;
        self.story.forks += u64::from(is_forked);
        self.callers.push((side, is_forked));
        let last_offer = if is_late { String::new() } else { mark(&offer).to_owned() };
        self.sides[side].views.insert(call, View { offers: 1, last_offer, ..View::of(number) });
        if self.rng.u32(0..4) == 0 {
            let at = self.rng.u64(0..12_000);
            self.schedule(at, side, Action::HangUp(call));
        }
        self.schedule(LAST_CALL_MS, side, Action::HangUp(call));
    }

    /// The next description of a side in a call; it now and then holds the other.
    pub(crate) fn next_description(&mut self, side: usize, call: CallKey) -> String {
        let direction = *self.rng.choice(&["sendrecv", "sendrecv", "sendonly", "inactive"]).expect("a choice");
        let Some(view) = self.sides[side].views.get_mut(&call) else { return String::new() };
        view.offers += 1;
        description(side, view.offers, direction, "")
    }

    pub(crate) fn hear(&mut self, side: usize, event: Event) -> Result<(), String> {
        match event {
            Event::Offered { call, invite, .. } => self.offered(side, call, &invite)?,
            Event::Confirmed { call, .. } => {
                self.alive(side, call)?.is_confirmed = true;
                self.story.confirmed += 1;
                self.talk(side, call);
            }
            Event::Ended { call, ending } => {
                let now = self.now;
                if self.challenged.remove(&(side, call)) {
                    return Ok(());
                }
                self.alive(side, call)?.ended = Some((now, ending));
                self.story.expired += u64::from(ending == sip_core::Ending::Expired);
            }
            Event::Session { call, .. } if self.challenged.contains(&(side, call)) => {}
            Event::Session { call, event } => {
                self.alive(side, call)?;
                self.hear_session(side, call, event)?;
            }
            Event::Asked { .. } | Event::Responded { .. } => return Err("a request outside of calls, which nobody sends".to_owned()),
        }
        Ok(())
    }

    /// Nothing may happen in a call after its end.
    fn alive(&mut self, side: usize, call: CallKey) -> Result<&mut View, String> {
        let now = self.now;
        match self.sides[side].views.get_mut(&call) {
            Some(view) if view.ended.is_none() => Ok(view),
            Some(view) => Err(format!("side {side}: an event at {now} after the end {:?}", view.ended)),
            None => Err(format!("side {side}: an event of an unknown call")),
        }
    }

    fn offered(&mut self, side: usize, call: CallKey, invite: &Request) -> Result<(), String> {
        let number: usize = identity::dialled(invite).and_then(|text| text.parse().ok()).ok_or("an unknown call was offered")?;
        self.call_ids.insert(invite.identity().call_id.to_vec(), number);
        let now = self.now;
        if let Some(doorkeeper) = &mut self.sides[side].doorkeeper
            && let Some((status, name, challenges)) = doorkeeper.challenge(now, invite)
        {
            let fields: Vec<(&str, String)> = challenges.into_iter().map(|value| (name, value)).collect();
            self.challenged.insert((side, call));
            self.sides[side].endpoint.refuse_with(now, call, status, &fields);
            return Ok(());
        }
        self.sides[side].views.insert(call, View::of(number));
        self.be_called(side, call);
        Ok(())
    }

    fn be_called(&mut self, side: usize, call: CallKey) {
        let mut at = 0;
        for _ in 0..self.rng.u32(0..3) {
            at += self.rng.u64(0..2_000);
            let action = if self.rng.bool() { Action::Ring(call) } else { Action::Progress(call) };
            self.schedule(at, side, action);
        }
        if self.rng.u32(0..4) == 0 {
            let early = at + self.rng.u64(0..4_000);
            self.schedule(early, side, Action::Offer(call, OfferBy::Update));
        }
        let end = at + self.rng.u64(0..8_000);
        match self.rng.u32(0..10) {
            0 => self.schedule(end, side, Action::HangUp(call)),
            1 => {}
            _ => self.schedule(end, side, Action::Answer(call)),
        }
        self.schedule(LAST_CALL_MS, side, Action::HangUp(call));
    }

    fn talk(&mut self, side: usize, call: CallKey) {
        let length = *self.rng.choice(&[10, 2_000, 20_000, 150_000]).expect("a choice");
        for _ in 0..self.rng.u32(0..4) {
            let at = self.rng.u64(0..length);
            let action = match self.rng.u32(0..14) {
                0 | 1 => Action::Refer(call),
                2 if side < 2 && self.callers.len() < 4 => Action::Replace(call),
                wish if wish % 2 == 0 => Action::Offer(call, OfferBy::ReInvite),
                _ => Action::Offer(call, OfferBy::Update),
            };
            self.schedule(at, side, action);
        }
        if self.rng.bool() {
            let at = self.rng.u64(0..length);
            self.schedule(at, side, Action::HangUp(call));
        }
    }

    fn hear_session(&mut self, side: usize, call: CallKey, event: SessionEvent) -> Result<(), String> {
        let soon = self.rng.u64(0..1_500);
        match event {
            SessionEvent::Offered(offer) => {
                let offer = String::from_utf8_lossy(&offer).into_owned();
                let question = self.next_question(side, call)?;
                match self.rng.u32(0..12) {
                    0 => self.schedule(soon, side, Action::RefuseOffer(call)),
                    1 => {}
                    _ => self.schedule(soon, side, Action::AcceptOffer(call, question, mark(&offer).to_owned())),
                }
            }
            SessionEvent::OfferWanted => {
                let question = self.next_question(side, call)?;
                self.schedule(soon, side, Action::AcceptOffer(call, question, String::new()));
            }
            SessionEvent::Withdrawn => {
                self.next_question(side, call)?;
            }
            SessionEvent::Answered(answer) => {
                self.story.answered_offers += 1;
                let answer = String::from_utf8_lossy(&answer).into_owned();
                let view = self.alive(side, call)?;
                let fits =
                    answered_mark(&answer).is_none_or(|mark| mark.is_empty() || mark == view.last_offer || view.last_offer.is_empty());
                return if fits { Ok(()) } else { Err(format!("{answer:?} does not answer {:?}", view.last_offer)) };
            }
            SessionEvent::OfferRefused(_) => self.story.refused_offers += 1,
            SessionEvent::TransferAsked(_) => {
                self.story.transfers += 1;
                let action = if self.rng.u32(0..4) == 0 { Action::RefuseTransfer(call) } else { Action::AcceptTransfer(call) };
                self.schedule(soon, side, action);
            }
            SessionEvent::Challenged(response) => self.be_challenged(side, call, &response),
            SessionEvent::Replaces(old) => {
                self.story.replaced += 1;
                self.schedule(soon, side, Action::Answer(call));
                self.schedule(soon + 1, side, Action::HangUp(old));
            }
            SessionEvent::Changed { .. } => self.story.changed += 1,
            SessionEvent::Progress { .. }
            | SessionEvent::Failed(_)
            | SessionEvent::TransferProgress { .. }
            | SessionEvent::TransferRefused(_)
            | SessionEvent::Told { .. }
            | SessionEvent::Informed(_) => {}
        }
        Ok(())
    }

    fn next_question(&mut self, side: usize, call: CallKey) -> Result<u64, String> {
        let view = self.alive(side, call)?;
        view.question += 1;
        Ok(view.question)
    }

    /// Proves who we are; some forget their secret, and some give up.
    fn be_challenged(&mut self, side: usize, call: CallKey, response: &Response) {
        self.story.challenged += 1;
        let (now, status) = (self.now, response.status());
        let (presents, asks) = fields_of(status);
        let challenge = choose(response.head().named(asks));
        let tries = self.sides[side].views.get_mut(&call).map_or(0, |view| {
            view.tries += 1;
            view.tries
        });
        let (Some(challenge), true) = (challenge, tries < 3) else {
            return self.sides[side].endpoint.hang_up(now, call, &Farewell { status: 480, reason: None });
        };
        let secret = if self.rng.u32(0..6) == 0 { "forgotten" } else { SECRET };
        let account = Account { user: USER.to_owned(), secret: secret.to_owned() };
        let to = response.head().first(Name::To).unwrap_or_default();
        let uri = to.split(|byte| matches!(byte, b'<' | b'>')).nth(1).unwrap_or_default();
        let signed = Signed { method: b"INVITE", uri, body: b"" };
        if let Some(credentials) = Login::new(challenge).credentials(&account, &signed, "c0ffee") {
            self.sides[side].endpoint.authenticate(now, call, vec![(presents.to_owned(), credentials)]);
        }
    }
}

//! Offers and answers inside a call, by re-INVITE and UPDATE, from both sides (RFC 3264, RFC 3261 section 14, RFC 3311).

use super::calling::{sound_request, with_description};
use super::requests::{Asked, has_readable_body};
use super::{CallKey, Ending, Endpoint, Event, Farewell, OfferBy, Renegotiation, SessionEvent};
use crate::dialog::call::{Accepted, Call, Stage, Transfer};
use crate::dialog::session_timer::{SessionTimer, Wish, wish_of};
use crate::dialog::talk::{Carrier, MAX_ATTEMPTS, MAX_QUESTION_MS, Negotiation, OurOffer, Retry};
use crate::fields::{ALLOWED, MIN_SE};
use crate::message::{Method, Name, Response, ResponseWriter, Writer, response_target};
use crate::sdp;
use crate::transaction::{Outcome, Owner};
use bytes::Bytes;

/// Whether a request inside a call may be taken now.
enum Entry {
    Open,
    /// 491: our own offer is out.
    Glare,
    /// 500 with Retry-After: an earlier one is not answered yet.
    Busy,
    /// 481: the call is over on our side.
    Gone,
}

impl Endpoint {
    /// Makes an offer inside a call; [`SessionEvent::Answered`] or [`SessionEvent::OfferRefused`] follows. If both sides offer at once it
    /// is made again after a while (491). `false` if the call is not ready for one: not far enough, or another offer is open.
    pub fn offer(&mut self, now: u64, call: CallKey, description: &str, by: OfferBy) -> bool {
        let carrier = match by {
            OfferBy::ReInvite => Carrier::ReInvite,
            OfferBy::Update => Carrier::Update,
        };
        let offer = OurOffer { carrier, description: Bytes::copy_from_slice(description.as_bytes()), attempts: 0 };
        let Some(found) = self.calls.get_mut(&call).filter(|found| !found.is_told && found.may_carry(carrier)) else { return false };
        let ready = found.parties().find(|party| !party.dialog.id.remote_tag.is_empty() && party.talk.may_offer());
        let Some(tag) = ready.map(|party| party.dialog.id.remote_tag.clone()) else { return false };
        self.send_offer(now, call, &tag, offer)
    }

    /// Answers the far side's offer, or makes the offer that it asked for. Does nothing if none is open.
    pub fn accept_offer(&mut self, now: u64, call: CallKey, description: &str) {
        if matches!(self.calls.get(&call).map(|found| &found.stage), Some(Stage::Owing { .. })) {
            self.acknowledge_with(call, description.as_bytes());
            return self.events.push_back(Event::Confirmed { call, description: Bytes::new() });
        }
        if let Some((tag, asked)) = self.take_question(call) {
            self.settle(now, call, &tag, &asked, description.as_bytes());
        }
    }

    /// Refuses the far side's offer; what was agreed stays in force. Does nothing if none is open.
    pub fn refuse_offer(&mut self, now: u64, call: CallKey) {
        if let Some((_, asked)) = self.take_question(call) {
            self.reply(now, &asked, 488, |_| {});
        }
    }

    fn take_question(&mut self, call: CallKey) -> Option<(Bytes, Box<Asked>)> {
        self.with_call(call, |found| {
            found.parties().find_map(|party| match std::mem::replace(&mut party.talk.state, Negotiation::Stable) {
                Negotiation::Theirs(asked, _) => Some((party.dialog.id.remote_tag.clone(), asked)),
                other @ (Negotiation::Unset | Negotiation::Ours(_) | Negotiation::First | Negotiation::Accepting | Negotiation::Stable) => {
                    party.talk.state = other;
                    None
                }
            })
        })?
    }

    /// Makes an offer again after 491, or later if the moment is bad.
    pub(super) fn retry_offer(&mut self, now: u64, call: CallKey, tag: &Bytes, retry: Retry) {
        let is_ready = self.with_call(call, |found| found.party_with(tag).is_some_and(|party| party.talk.may_offer()));
        if is_ready == Some(true) && self.send_offer(now, call, tag, retry.offer.clone()) {
            return;
        }
        let at = now.saturating_add(1_000);
        self.with_call(call, |found| {
            if let Some(party) = found.party_with(tag) {
                party.talk.retry = Some(Retry { at, offer: retry.offer });
            }
        });
    }

    fn send_offer(&mut self, now: u64, call: CallKey, tag: &Bytes, offer: OurOffer) -> bool {
        let (method, owner) = match offer.carrier {
            Carrier::ReInvite => (Method::Invite, Owner::ReInvite(call)),
            Carrier::Update => (Method::Other(Bytes::from_static(b"UPDATE")), Owner::Update(call)),
            Carrier::Invite | Carrier::Provisional | Carrier::Answer => return false,
        };
        let description = offer.description.clone();
        if !self.send_inside(now, call, tag, &method, owner, &description) {
            return false;
        }
        self.with_call(call, |found| {
            if let Some(party) = found.party_with(tag) {
                party.talk.state = Negotiation::Ours(offer);
            }
        });
        true
    }

    /// Sends a re-INVITE or UPDATE with all that such a request says.
    pub(super) fn send_inside(&mut self, now: u64, call: CallKey, tag: &Bytes, method: &Method, owner: Owner, description: &[u8]) -> bool {
        let (branch, via) = self.via();
        let (contact, allowed, wanted_s) = (self.contact_field.clone(), self.allowed(), self.settings.session_s);
        let Some(Some((peer, packet))) = self.with_call(call, |found| {
            let credentials = found.credentials.clone();
            let party = found.party_with(tag)?;
            let mut writer = party.dialog.request(method, &via);
            writer.field("Contact", contact);
            writer.field("Allow", allowed);
            writer.field("Supported", "replaces, timer");
            ask_for_timer(&mut writer, party.talk.timer.as_ref(), party.talk.minimum_s, wanted_s);
            for (name, value) in &credentials {
                writer.field(name, value);
            }
            Some((party.dialog.next_hop(), with_description(writer, description)))
        }) else {
            return false;
        };
        match method {
            Method::Invite => sound_request(packet).is_some_and(|invite| self.transactions.invite(now, peer, owner, invite)),
            Method::Ack | Method::Bye | Method::Cancel | Method::Options | Method::Other(_) => {
                let key = (branch, Bytes::copy_from_slice(method.as_bytes()));
                self.transactions.request(now, peer, key, owner, packet)
            }
        }
    }

    /// What came back to a re-INVITE or UPDATE of ours.
    pub(super) fn offer_answered(&mut self, now: u64, call: CallKey, peer: std::net::SocketAddr, outcome: Outcome) {
        let Outcome::Response(response) = outcome else { return self.lost_contact(now, call) };
        let status = response.status();
        let is_accepted_invite = (200..300).contains(&status) && response.identity().method == Method::Invite;
        if is_accepted_invite {
            self.acknowledge_again(peer, call, &response);
        }
        match status {
            ..200 => {}
            200..300 => self.offer_accepted(now, call, &response),
            408 | 481 => self.lost_contact(now, call),
            422 | 491 | 500 => self.offer_postponed(now, call, &response),
            _ => self.offer_refused(call, response),
        }
    }

    /// The ACK of a re-INVITE's 2xx; also for a call that is gone, so that the far side stops repeating it.
    fn acknowledge_again(&mut self, peer: std::net::SocketAddr, call: CallKey, response: &Response) {
        let known = self.calls.get(&call).map(|found| found.party.dialog.clone());
        if let Some(dialog) = known.or_else(|| crate::dialog::Dialog::from_response(response, peer)) {
            self.acknowledge_accepted(&dialog, response, &[]);
        }
    }

    fn offer_accepted(&mut self, now: u64, call: CallKey, response: &Response) {
        let tag = Bytes::copy_from_slice(&response.identity().to_tag);
        let is_answer = self.with_call(call, |found| {
            if matches!(found.stage, Stage::Leaving) {
                return false;
            }
            let is_early = found.is_early();
            let Some(party) = found.party_with(&tag) else { return false };
            party.dialog.refresh_target(response.head());
            let talk = &mut party.talk;
            if !is_early {
                talk.timer = SessionTimer::of_response(now, response.head());
            }
            talk.is_refreshing = false;
            match std::mem::replace(&mut talk.state, Negotiation::Stable) {
                Negotiation::Ours(offer) => {
                    let is_news = offer.description != talk.local || !response.body().is_empty();
                    talk.local = offer.description;
                    is_news
                }
                other @ (Negotiation::Unset
                | Negotiation::First
                | Negotiation::Accepting
                | Negotiation::Theirs(..)
                | Negotiation::Stable) => {
                    talk.state = other;
                    false
                }
            }
        });
        if is_answer == Some(true) {
            self.tell(call, SessionEvent::Answered(Bytes::copy_from_slice(response.body())));
        }
    }

    /// Both sides offered at once (section 14.1), or the interval was too short: the offer or refresh is sent again.
    fn offer_postponed(&mut self, now: u64, call: CallKey, response: &Response) {
        let status = response.status();
        let tag = Bytes::copy_from_slice(&response.identity().to_tag);
        let is_caller = self.calls.get(&call).is_some_and(|found| found.is_caller);
        // Whoever owns the Call-ID waits longer, in steps of 10 ms.
        let steps = if is_caller { self.names.below(191).saturating_add(210) } else { self.names.below(201) };
        let wait_ms = if status == 422 { 0 } else { steps.saturating_mul(10) };
        let at = now.saturating_add(wait_ms).saturating_add(1);
        let is_given_up = self.with_call(call, |found| {
            if matches!(found.stage, Stage::Leaving) {
                return false;
            }
            let Some(party) = found.party_with(&tag) else { return false };
            let talk = &mut party.talk;
            talk.minimum_s = MIN_SE.number(response.head()).map_or(talk.minimum_s, |minimum| minimum.max(talk.minimum_s));
            if std::mem::take(&mut talk.is_refreshing) {
                if let Some(timer) = talk.timer.as_mut().filter(|timer| timer.is_ours) {
                    timer.refresh_at = Some(at);
                }
                return false;
            }
            match std::mem::replace(&mut talk.state, Negotiation::Stable) {
                Negotiation::Ours(offer) if offer.attempts < MAX_ATTEMPTS => {
                    let offer = OurOffer { attempts: offer.attempts.saturating_add(1), ..offer };
                    talk.retry = Some(Retry { at, offer });
                    false
                }
                Negotiation::Ours(_) => true,
                other @ (Negotiation::Unset
                | Negotiation::First
                | Negotiation::Accepting
                | Negotiation::Theirs(..)
                | Negotiation::Stable) => {
                    talk.state = other;
                    false
                }
            }
        });
        if is_given_up == Some(true) {
            self.tell(call, SessionEvent::OfferRefused(status));
        }
    }

    fn offer_refused(&mut self, call: CallKey, response: Box<Response>) {
        let status = response.status();
        let tag = Bytes::copy_from_slice(&response.identity().to_tag);
        let was_offer = self.with_call(call, |found| {
            let party = found.party_with(&tag)?;
            party.talk.is_refreshing = false;
            let was_offer = matches!(party.talk.state, Negotiation::Ours(_));
            if was_offer {
                party.talk.state = Negotiation::Stable;
            }
            (was_offer && !found.is_told).then_some(())
        });
        if was_offer.flatten().is_some() {
            if matches!(status, 401 | 407) {
                self.tell(call, SessionEvent::Challenged(response));
            }
            self.tell(call, SessionEvent::OfferRefused(status));
        }
    }

    /// The far side does not answer, or does not know the call (section 12.2.1.2).
    pub(super) fn lost_contact(&mut self, now: u64, call: CallKey) {
        match self.calls.get(&call).map(|found| &found.stage) {
            Some(Stage::Confirmed | Stage::Answered { .. } | Stage::Owing { .. }) => {
                self.leave(now, call, Ending::Unreachable, Some("SIP;cause=408;text=\"Request Timeout\""));
            }
            // Before the answer the INVITE itself shows whether the far side is there.
            Some(Stage::Pending(_) | Stage::Calling(_) | Stage::Challenged { .. }) => {
                self.with_call(call, |found| {
                    for party in found.parties() {
                        party.talk.is_refreshing = false;
                        if matches!(&party.talk.state, Negotiation::Ours(offer) if offer.carrier == Carrier::Update) {
                            party.talk.state = Negotiation::Stable;
                        }
                    }
                });
            }
            Some(Stage::Leaving) | None => {}
        }
    }

    /// A re-INVITE of the far side.
    pub(super) fn reinvite(&mut self, now: u64, key: CallKey, asked: Asked) {
        let tag = asked.request.identity().from_tag.clone();
        let entry = self.calls.get_mut(&key).map_or(Entry::Gone, |found| match &found.stage {
            Stage::Pending(_) => Entry::Busy,
            Stage::Calling(_) => Entry::Glare,
            Stage::Confirmed => found.entry(&tag),
            // Offer and answer are complete, so the far side has our 200 and only its ACK is late (RFC 5407 section 3.1.4).
            Stage::Answered { farewell: None, .. } => found.entry(&tag),
            Stage::Owing { .. } => Entry::Glare,
            Stage::Answered { farewell: Some(_), .. } | Stage::Challenged { .. } | Stage::Leaving => Entry::Gone,
        });
        if self.is_turned_away(now, &entry, &asked) {
            return;
        }
        let is_early = self.with_call(key, |found| {
            let was_answered = matches!(found.stage, Stage::Answered { .. });
            if was_answered {
                found.stage = Stage::Confirmed;
            }
            was_answered
        });
        if is_early == Some(true) {
            self.events.push_back(Event::Confirmed { call: key, description: Bytes::new() });
        }
        self.consider(now, key, tag, asked);
    }

    /// An UPDATE of the far side.
    pub(super) fn update(&mut self, now: u64, key: CallKey, asked: Asked) {
        let tag = asked.request.identity().from_tag.clone();
        let has_offer = !asked.request.body().is_empty();
        let entry = self.calls.get_mut(&key).map_or(Entry::Gone, |found| match &found.stage {
            Stage::Answered { farewell: Some(_), .. } | Stage::Leaving => Entry::Gone,
            Stage::Pending(_)
            | Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Owing { .. }
            | Stage::Answered { .. }
            | Stage::Confirmed
                if has_offer =>
            {
                found.entry(&tag)
            }
            Stage::Pending(_)
            | Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Owing { .. }
            | Stage::Answered { .. }
            | Stage::Confirmed => Entry::Open,
        });
        if self.is_turned_away(now, &entry, &asked) {
            return;
        }
        if has_offer {
            return self.consider(now, key, tag, asked);
        }
        self.settle(now, key, &tag, &asked, &[]);
    }

    fn is_turned_away(&mut self, now: u64, entry: &Entry, asked: &Asked) -> bool {
        match entry {
            Entry::Open if !has_readable_body(&asked.request) => self.reply(now, asked, 415, |writer| {
                writer.field("Accept", "application/sdp");
            }),
            Entry::Open => match wish_of(now, asked.request.head(), None, self.shortest_session_s()) {
                Wish::TooShort(minimum_s) => self.reply(now, asked, 422, |writer| {
                    writer.field("Min-SE", minimum_s.to_string());
                }),
                Wish::None | Wish::Agreed { .. } => return false,
            },
            Entry::Busy => self.reply(now, asked, 500, |writer| {
                writer.field("Retry-After", "5");
            }),
            Entry::Glare => self.reply(now, asked, 491, |_| {}),
            Entry::Gone => self.reply(now, asked, 481, |_| {}),
        }
        true
    }

    /// Answers an offer by the settings: at once, or by asking the owner.
    pub(super) fn consider(&mut self, now: u64, key: CallKey, tag: Bytes, asked: Asked) {
        match self.settings.renegotiation {
            Renegotiation::Keep => self.keep(now, key, &tag, &asked),
            Renegotiation::Ask => {
                let body = asked.request.body();
                let event = if body.is_empty() { SessionEvent::OfferWanted } else { SessionEvent::Offered(Bytes::copy_from_slice(body)) };
                let until = now.saturating_add(MAX_QUESTION_MS);
                self.with_call(key, |found| {
                    if let Some(party) = found.party_with(&tag) {
                        party.talk.state = Negotiation::Theirs(Box::new(asked), until);
                    }
                });
                self.tell(key, event);
            }
        }
    }

    /// Answers with the description in force, as far as the offer lets it stand, and tells the owner where the far side now wants its voice.
    fn keep(&mut self, now: u64, key: CallKey, tag: &Bytes, asked: &Asked) {
        let local = self.with_call(key, |found| found.party_with(tag).map(|party| party.talk.local.clone())).flatten().unwrap_or_default();
        let offer = asked.request.body().clone();
        if offer.is_empty() {
            return self.settle(now, key, tag, asked, &local);
        }
        let (Ok(before), Ok(text)) = (std::str::from_utf8(&local), std::str::from_utf8(&offer)) else {
            return self.reply(now, asked, 488, |_| {});
        };
        let Some(answer) = sdp::renewed(before, text) else { return self.reply(now, asked, 488, |_| {}) };
        let direction = sdp::direction(text).answered();
        self.settle(now, key, tag, asked, answer.as_bytes());
        self.tell(key, SessionEvent::Changed { description: offer, direction });
    }

    /// Sends the 2xx to a re-INVITE, UPDATE or PRACK with our answer, or with our offer if there was none.
    pub(super) fn settle(&mut self, now: u64, key: CallKey, tag: &Bytes, asked: &Asked, description: &[u8]) {
        let request = &asked.request;
        let (is_invite, has_offer) = (*request.method() == Method::Invite, !request.body().is_empty());
        let wish = wish_of(now, request.head(), None, self.shortest_session_s());
        let mut writer = ResponseWriter::new(request.head(), asked.source).begin(200, None);
        super::repeat_record_route(&mut writer, request.head());
        writer.field("Contact", &self.contact_field);
        writer.field("Allow", self.allowed());
        writer.field("Supported", "100rel, replaces, timer");
        grant_timer(&mut writer, wish);
        let ok = with_description(writer, description);
        self.transactions.respond(now, &asked.key, 200, ok.clone());
        self.with_call(key, |found| {
            // The session timer starts with the call; in an early dialog the INVITE's own limit holds.
            let is_early = found.is_early();
            let Some(party) = found.party_with(tag) else { return };
            party.dialog.refresh_target(request.head());
            let talk = &mut party.talk;
            if request.method().as_bytes() != b"PRACK" && !is_early {
                talk.timer = match wish {
                    Wish::Agreed { timer, .. } => Some(timer),
                    Wish::None | Wish::TooShort(_) => None,
                };
            }
            if is_invite {
                let peer = response_target(request.head(), asked.source);
                talk.accepted = Some(Accepted::new(now, request.identity().cseq, peer, ok));
            }
            let description = Bytes::copy_from_slice(description);
            if has_offer {
                talk.local = description;
                talk.state = Negotiation::Stable;
            } else if is_invite {
                talk.local = description.clone();
                talk.state = Negotiation::Ours(OurOffer { carrier: Carrier::Answer, description, attempts: 0 });
            }
        });
    }

    /// Our owner had no answer in time, to an offer or to a REFER.
    pub(super) fn unanswered(&mut self, now: u64, key: CallKey) {
        let asked = self.with_call(key, |found| match &found.transfer {
            Transfer::Asked(_, until) if now >= *until => match std::mem::replace(&mut found.transfer, Transfer::None) {
                Transfer::Asked(asked, _) => Some(asked),
                Transfer::None | Transfer::Reporting | Transfer::Watching => None,
            },
            Transfer::Asked(..) | Transfer::None | Transfer::Reporting | Transfer::Watching => None,
        });
        match asked.flatten() {
            Some(asked) => self.reply(now, &asked, 603, |_| {}),
            None => {
                let question = self.take_question(key).map(|(_, asked)| asked);
                self.withdraw(now, key, question, 488);
            }
        }
    }

    /// An open question that the owner was told of is void: it gets this status.
    pub(super) fn withdraw(&mut self, now: u64, call: CallKey, question: Option<Box<Asked>>, status: u16) {
        if question.is_some() {
            self.refuse_question(now, question, status);
            self.tell(call, SessionEvent::Withdrawn);
        }
    }

    /// The dialog of an open question is gone: it gets this status.
    pub(super) fn refuse_question(&mut self, now: u64, question: Option<Box<Asked>>, status: u16) {
        if let Some(asked) = question {
            self.reply(now, &asked, status, |_| {});
        }
    }

    /// Tells an end, once, and sends BYE.
    pub(super) fn leave(&mut self, now: u64, call: CallKey, ending: Ending, reason: Option<&'static str>) {
        self.tell_end(call, ending);
        if matches!(self.calls.get(&call).map(|found| &found.stage), Some(Stage::Owing { .. })) {
            self.acknowledge_with(call, &[]);
        }
        let farewell = Farewell { status: 480, reason };
        self.send_bye(now, call, farewell.reason);
    }
}

impl Call {
    fn may_carry(&self, carrier: Carrier) -> bool {
        let is_update = carrier == Carrier::Update;
        match &self.stage {
            Stage::Confirmed => true,
            Stage::Pending(pending) => is_update && pending.unacknowledged.is_none(),
            Stage::Calling(calling) => is_update && calling.cancel == crate::dialog::call::Cancel::No,
            Stage::Answered { .. } | Stage::Challenged { .. } | Stage::Owing { .. } | Stage::Leaving => false,
        }
    }

    fn is_early(&self) -> bool {
        matches!(self.stage, Stage::Pending(_) | Stage::Calling(_) | Stage::Challenged { .. })
    }

    fn entry(&mut self, tag: &[u8]) -> Entry {
        let Some(party) = self.party_with(tag) else { return Entry::Gone };
        if party.talk.is_refreshing && matches!(self.stage, Stage::Confirmed) {
            return Entry::Open;
        }
        match self.party_with(tag).map(|party| &party.talk.state) {
            Some(Negotiation::Stable) => Entry::Open,
            Some(Negotiation::Ours(_) | Negotiation::Unset | Negotiation::Accepting) => Entry::Glare,
            Some(Negotiation::First | Negotiation::Theirs(..)) => Entry::Busy,
            None => Entry::Gone,
        }
    }
}

/// What a request of ours says about the session timer (RFC 4028 sections 7.1 and 7.4).
fn ask_for_timer(writer: &mut Writer, timer: Option<&SessionTimer>, minimum_s: u32, wanted_s: Option<u32>) {
    match (timer, wanted_s) {
        (Some(timer), _) => {
            let refresher = if timer.is_ours { "uac" } else { "uas" };
            writer.field("Session-Expires", format!("{};refresher={refresher}", timer.interval_s.max(minimum_s)));
            writer.field("Min-SE", minimum_s.to_string());
        }
        (None, Some(wanted_s)) => {
            writer.field("Session-Expires", wanted_s.max(minimum_s).to_string());
            writer.field("Min-SE", minimum_s.to_string());
        }
        (None, None) => {}
    }
}

/// What a 2xx of ours says about the session timer (section 9).
pub(super) fn grant_timer(writer: &mut Writer, wish: Wish) {
    if let Wish::Agreed { timer, requires } = wish {
        let refresher = if timer.is_ours { "uas" } else { "uac" };
        writer.field("Session-Expires", format!("{};refresher={refresher}", timer.interval_s));
        if requires {
            writer.field("Require", "timer");
        }
    }
}

/// Whether the far side's Allow names UPDATE.
pub(super) fn allows_update(request: &crate::message::Request) -> bool {
    ALLOWED.lists(request.head(), "UPDATE") && request.head().first(Name::Contact).is_some()
}

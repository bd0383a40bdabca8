//! Provisional responses that must not get lost, from both sides (RFC 3262).

use super::calling::with_description;
use super::requests::Asked;
use super::{CallKey, Endpoint, Reliability, SessionEvent, repeat_record_route};
use crate::dialog::call::{Call, MAX_WAITING, Pending, Reliable, Stage};
use crate::dialog::talk::{Carrier, Negotiation, OurOffer};
use crate::fields::{RACK, REQUIRE, RSEQ, SUPPORTED, decimal};
use crate::message::{Method, Response, ResponseWriter, response_target};
use crate::timer::Repeat;
use crate::transaction::Owner;
use bytes::Bytes;

/// What a PRACK did.
#[derive(Default)]
struct Acknowledged {
    waiting: Option<(u16, Bytes)>,
    held_answer: Option<Bytes>,
    /// The PRACK brought the answer to the offer of the provisional response.
    is_answer: bool,
}

impl Endpoint {
    /// Sends a provisional response (101 to 199) with a description, or without one if it is empty: reliably if the far side requires it
    /// or the settings want it and the far side can. A reliable one settles offer and answer before the call is answered.
    pub fn progress(&mut self, now: u64, call: CallKey, status: u16, description: &str) {
        self.provisional(now, call, status, Bytes::copy_from_slice(description.as_bytes()));
    }

    fn provisional(&mut self, now: u64, call: CallKey, status: u16, description: Bytes) {
        let (contact, allowed, by_choice) = (self.contact_field.clone(), self.allowed(), self.settings.reliability);
        let response = self.with_call(call, |found| {
            let tag = String::from_utf8_lossy(&found.party.dialog.id.local_tag).into_owned();
            let Stage::Pending(pending) = &mut found.stage else { return None };
            if pending.held_answer.is_some() {
                return None;
            }
            let is_reliable = pending.wants_reliable(by_choice);
            if is_reliable && pending.unacknowledged.is_some() {
                if pending.waiting.len() < MAX_WAITING {
                    pending.waiting.push_back((status, description));
                }
                return None;
            }
            let mut writer = ResponseWriter::new(&pending.head, pending.source).begin(status, Some(&tag));
            repeat_record_route(&mut writer, &pending.head);
            writer.field("Contact", contact);
            writer.field("Allow", allowed);
            let peer = response_target(&pending.head, pending.source);
            let has_description = !description.is_empty();
            if is_reliable {
                pending.rseq = pending.rseq.saturating_add(1);
                writer.field("Require", "100rel");
                writer.field("RSeq", pending.rseq.to_string());
            }
            let response = with_description(writer, &description);
            if is_reliable {
                let (rseq, response) = (pending.rseq, response.clone());
                pending.unacknowledged = Some(Reliable { rseq, peer, response, has_description, repeat: Repeat::doubling(now) });
                found.party.talk.describe_reliably(description);
            }
            Some((pending.transaction.clone(), response))
        });
        if let Some((transaction, response)) = response.flatten() {
            self.transactions.respond(now, &transaction, status, response);
        }
    }

    /// A PRACK of the far side.
    pub(super) fn prack(&mut self, now: u64, key: CallKey, asked: Asked) {
        let named = named_response(&asked);
        let has_body = !asked.request.body().is_empty();
        let Some(Some(done)) = self.with_call(key, |found| found.acknowledge_provisional(named, has_body)) else {
            return self.reply(now, &asked, 481, |_| {});
        };
        let tag = asked.request.identity().from_tag.clone();
        let is_stable = self.with_call(key, |found| found.party.talk.is_stable()) == Some(true);
        let body = Bytes::copy_from_slice(asked.request.body());
        if done.is_answer {
            self.reply(now, &asked, 200, |_| {});
            self.tell(key, SessionEvent::Answered(body));
        } else if has_body && is_stable {
            self.consider(now, key, tag, asked);
        } else if has_body {
            self.reply(now, &asked, 491, |_| {});
        } else {
            self.reply(now, &asked, 200, |_| {});
        }
        match (done.held_answer, done.waiting) {
            (Some(description), _) => self.answer(now, key, &String::from_utf8_lossy(&description)),
            (None, Some((status, description))) => self.provisional(now, key, status, description),
            (None, None) => {}
        }
    }

    /// Sends the PRACK of a reliable response if it is the next in order; `false` if it is not, or a repetition.
    pub(super) fn acknowledge_provisional(&mut self, now: u64, call: CallKey, response: &Response) -> bool {
        let Some(rseq) = RSEQ.number(response.head()) else { return false };
        let (branch, via) = self.via();
        let identity = response.identity();
        let packet = self.with_call(call, |found| {
            let credentials = found.credentials.clone();
            let Stage::Calling(calling) = &mut found.stage else { return None };
            let early = calling.early.iter_mut().find(|early| early.party.dialog.id.remote_tag == identity.to_tag)?;
            let is_next = early.rseq.is_none_or(|last| Some(rseq) == last.checked_add(1));
            is_next.then_some(())?;
            early.rseq = Some(rseq);
            early.party.dialog.confirm(response);
            let talk = &mut early.party.talk;
            if matches!(talk.state, Negotiation::Ours(_)) && !response.body().is_empty() {
                talk.local.clone_from(&calling.description);
                talk.state = Negotiation::Stable;
                early.answer = Bytes::copy_from_slice(response.body());
            }
            let mut writer = early.party.dialog.request(&Method::Other(Bytes::from_static(b"PRACK")), &via);
            writer.field("RAck", format!("{rseq} {} INVITE", identity.cseq));
            for (name, value) in &credentials {
                writer.field(name, value);
            }
            Some((early.party.dialog.next_hop(), writer.finish()))
        });
        let Some((peer, packet)) = packet.flatten() else { return false };
        self.transactions.request(now, peer, (branch, Bytes::from_static(b"PRACK")), Owner::Prack(call), packet);
        true
    }
}

/// RSeq and CSeq number that a PRACK names.
fn named_response(asked: &Asked) -> Option<(u32, u32)> {
    let mut words = RACK.first(asked.request.head())?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let rseq = decimal(words.next()?)?;
    let cseq = decimal(words.next()?)?;
    (words.next()? == b"INVITE").then_some((rseq, cseq))
}

impl Pending {
    /// Whether a provisional response must or may be reliable.
    fn wants_reliable(&self, by_choice: Reliability) -> bool {
        let head = &self.head;
        let may = by_choice == Reliability::WhenSupported && SUPPORTED.lists(head, "100rel");
        may || REQUIRE.lists(head, "100rel")
    }
}

impl Call {
    fn acknowledge_provisional(&mut self, named: Option<(u32, u32)>, has_body: bool) -> Option<Acknowledged> {
        if self.party.talk.overtaken.take_if(|overtaken| named == Some(*overtaken)).is_some() {
            return Some(Acknowledged::default());
        }
        let Stage::Pending(pending) = &mut self.stage else { return None };
        let (rseq, _) = named.filter(|(_, cseq)| *cseq == pending.cseq)?;
        pending.unacknowledged.take_if(|out| out.rseq == rseq)?;
        let talk = &mut self.party.talk;
        let is_answer = has_body && matches!(&talk.state, Negotiation::Ours(offer) if offer.carrier == Carrier::Provisional);
        if is_answer {
            talk.state = Negotiation::Stable;
        }
        Some(Acknowledged { waiting: pending.waiting.pop_front(), held_answer: pending.held_answer.take(), is_answer })
    }
}

impl crate::dialog::talk::Talk {
    /// A reliable response carries this description: the answer to the INVITE's offer, or an offer of ours.
    fn describe_reliably(&mut self, description: Bytes) {
        if description.is_empty() {
            return;
        }
        match &self.state {
            Negotiation::First => {
                self.local = description;
                self.state = Negotiation::Stable;
            }
            Negotiation::Unset => {
                self.local = description.clone();
                self.state = Negotiation::Ours(OurOffer { carrier: Carrier::Provisional, description, attempts: 0 });
            }
            Negotiation::Ours(_) | Negotiation::Accepting | Negotiation::Theirs(..) | Negotiation::Stable => {}
        }
    }
}

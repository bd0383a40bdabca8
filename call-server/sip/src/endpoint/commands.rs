//! What the owner of the endpoint wants of a call. A command for a call that has just ended is no error: the far side was quicker.

use super::calling::with_description;
use super::offers::grant_timer;
use super::{CallKey, Ending, Endpoint, Farewell, repeat_record_route};
use crate::dialog::call::{Accepted, Cancel, Pending, Stage};
use crate::dialog::session_timer::{Wish, wish_of};
use crate::dialog::talk::{Carrier, Negotiation, OurOffer};
use crate::message::{Method, ResponseWriter, response_target};
use crate::transaction::Owner;
use bytes::Bytes;

impl Endpoint {
    /// Sends 180 Ringing, if the call is not answered yet.
    pub fn ring(&mut self, now: u64, call: CallKey) {
        self.progress(now, call, 180, "");
    }

    /// Sends 200 with this session description and repeats it until the ACK comes. If a reliable provisional response carried the answer
    /// already, the 200 has none; if it still waits for its PRACK, the 200 waits, too.
    pub fn answer(&mut self, now: u64, call: CallKey, description: &str) {
        let is_held = self.with_call(call, |found| match &mut found.stage {
            Stage::Pending(pending) if pending.unacknowledged.as_ref().is_some_and(|out| out.has_description) => {
                pending.held_answer = Some(Bytes::copy_from_slice(description.as_bytes()));
                true
            }
            Stage::Pending(_)
            | Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Answered { .. }
            | Stage::Owing { .. }
            | Stage::Confirmed
            | Stage::Leaving => false,
        });
        if is_held == Some(true) {
            return;
        }
        let (session_s, shortest_s) = (self.settings.session_s, self.shortest_session_s());
        let (contact, allowed) = (self.contact_field.clone(), self.allowed());
        let Some((pending, tag)) = self.pending(call) else { return };
        let (head, state) = (&pending.head, self.calls.get(&call).map(|found| &found.party.talk.state));
        let had_offer = pending.has_offer;
        let body = match state {
            Some(Negotiation::First | Negotiation::Unset) => Bytes::copy_from_slice(description.as_bytes()),
            Some(Negotiation::Ours(_) | Negotiation::Accepting | Negotiation::Theirs(..) | Negotiation::Stable) | None => Bytes::new(),
        };
        let wish = wish_of(now, &pending.head, session_s, shortest_s);
        let mut writer = ResponseWriter::new(head, pending.source).begin(200, Some(&tag));
        repeat_record_route(&mut writer, &pending.head);
        writer.field("Contact", contact);
        writer.field("Allow", allowed);
        writer.field("Supported", "100rel, replaces, timer");
        grant_timer(&mut writer, wish);
        let ok = with_description(writer, &body);
        let transaction = pending.transaction.clone();
        let overtaken = pending.unacknowledged.as_ref().map(|out| (out.rseq, pending.cseq));
        let accepted = Accepted::new(now, pending.cseq, response_target(head, pending.source), ok.clone());
        self.transactions.respond(now, &transaction, 200, ok);
        self.with_call(call, |found| {
            found.stage = Stage::Answered { accepted, farewell: None };
            let talk = &mut found.party.talk;
            talk.overtaken = overtaken;
            if let Wish::Agreed { timer, .. } = wish {
                talk.timer = Some(timer);
            }
            if !body.is_empty() {
                talk.local = body.clone();
                talk.state = if had_offer {
                    Negotiation::Stable
                } else {
                    Negotiation::Ours(OurOffer { carrier: Carrier::Answer, description: body, attempts: 0 })
                };
            }
        });
    }

    /// Ends a call: a final refusal or CANCEL before the answer, BYE after it. [`super::Event::Ended`] follows at once; what the protocol
    /// still owes the far side (the wait for an ACK, the BYE's answer) is done behind it.
    pub fn hang_up(&mut self, now: u64, call: CallKey, farewell: &Farewell) {
        let Some(found) = self.calls.get_mut(&call).filter(|found| !found.is_told) else { return };
        match &mut found.stage {
            Stage::Pending(_) => self.refuse(now, call, farewell, Ending::AsCommanded),
            Stage::Calling(_) => self.give_up(now, call, Ending::AsCommanded),
            Stage::Challenged { .. } => self.end(now, call, Ending::AsCommanded),
            Stage::Answered { farewell: wish, .. } => {
                *wish = Some(farewell.clone());
                self.tell_end(call, Ending::AsCommanded);
            }
            Stage::Owing { .. } | Stage::Confirmed => self.leave(now, call, Ending::AsCommanded, farewell.reason),
            Stage::Leaving => {}
        }
    }

    /// Refuses a call that is not answered with this final status (300 to 699) and these fields, such as WWW-Authenticate of a challenge or
    /// Contact of a redirection; [`super::Event::Ended`] follows. Does nothing for any other call.
    pub fn refuse_with(&mut self, now: u64, call: CallKey, status: u16, fields: &[(&str, String)]) {
        if self.calls.get(&call).is_some_and(|found| !found.is_told) {
            self.refuse_saying(now, call, status, fields, Ending::AsCommanded);
        }
    }

    /// We want our INVITE back.
    pub(super) fn give_up(&mut self, now: u64, call: CallKey, ending: Ending) {
        self.tell_end(call, ending);
        if matches!(self.calls.get(&call).map(|found| &found.stage), Some(Stage::Calling(calling)) if calling.cancel == Cancel::No) {
            self.cancel_now(now, call);
        }
    }

    /// A final refusal to a call that is not answered; the transaction waits for its ACK alone.
    pub(super) fn refuse(&mut self, now: u64, call: CallKey, farewell: &Farewell, ending: Ending) {
        let reason = farewell.reason.map(|reason| ("Reason", reason.to_owned()));
        self.refuse_saying(now, call, farewell.status, reason.as_slice(), ending);
    }

    fn refuse_saying(&mut self, now: u64, call: CallKey, status: u16, fields: &[(&str, String)], ending: Ending) {
        let Some((pending, tag)) = self.pending(call) else { return };
        let mut writer = ResponseWriter::new(&pending.head, pending.source).begin(status, Some(&tag));
        for (name, value) in fields {
            writer.field(name, value);
        }
        let transaction = pending.transaction.clone();
        self.transactions.respond(now, &transaction, status, writer.finish());
        self.end(now, call, ending);
    }

    /// Sends BYE; the call stays until it is answered, so that a crossing BYE of the far side finds it.
    pub(super) fn send_bye(&mut self, now: u64, call: CallKey, reason: Option<&str>) {
        let (branch, via) = self.via();
        let Some((peer, packet, open)) = self.with_call(call, |call| {
            call.stage = Stage::Leaving;
            let mut writer = call.party.dialog.request(&Method::Bye, &via);
            if let Some(reason) = reason {
                writer.field("Reason", reason);
            }
            for (name, value) in &call.credentials {
                writer.field(name, value);
            }
            (call.party.dialog.next_hop(), writer.finish(), call.party.talk.close())
        }) else {
            return;
        };
        self.refuse_question(now, open, 487);
        let key = (branch, Bytes::from_static(b"BYE"));
        if !self.transactions.request(now, peer, key, Owner::Bye(call), packet) {
            self.remove(now, call);
        }
    }

    fn pending(&self, call: CallKey) -> Option<(&Pending, String)> {
        let call = self.calls.get(&call)?;
        match &call.stage {
            Stage::Pending(pending) => Some((pending, String::from_utf8_lossy(&call.party.dialog.id.local_tag).into_owned())),
            Stage::Calling(_)
            | Stage::Challenged { .. }
            | Stage::Answered { .. }
            | Stage::Owing { .. }
            | Stage::Confirmed
            | Stage::Leaving => None,
        }
    }
}

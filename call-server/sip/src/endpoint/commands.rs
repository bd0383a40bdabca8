//! What the owner of the endpoint wants of a call. A command for a call that has just ended is no error: the far side was quicker.

use super::{CallKey, Ending, Endpoint, Event, Farewell, repeat_record_route};
use crate::dialog::call::{Accepted, Pending, Stage};
use crate::message::{Method, ResponseWriter, response_target};

impl Endpoint {
    /// Sends 180 Ringing, if the call is not answered yet.
    pub fn ring(&mut self, now: u64, call: CallKey) {
        let Some((pending, tag)) = self.pending(call) else { return };
        let mut writer = ResponseWriter::new(pending.invite.head(), pending.source).begin(180, Some(&tag));
        repeat_record_route(&mut writer, &pending.invite);
        writer.field("Contact", self.contact_field());
        let transaction = pending.transaction.clone();
        self.transactions.respond(now, &transaction, 180, writer.finish());
    }

    /// Sends 200 with this session description and repeats it until the ACK comes.
    pub fn answer(&mut self, now: u64, call: CallKey, description: &str) {
        let Some((pending, tag)) = self.pending(call) else { return };
        let head = pending.invite.head();
        let writer = ResponseWriter::new(head, pending.source).begin(200, Some(&tag));
        let ok = self.describe(writer, &pending.invite, description.as_bytes());
        let transaction = pending.transaction.clone();
        let stage = Stage::Answered {
            accepted: Accepted::new(now, pending.invite.identity().cseq, response_target(head, pending.source), ok.clone()),
            description: description.to_owned().into(),
            had_offer: !pending.invite.body().is_empty(),
            farewell: None,
        };
        self.transactions.respond(now, &transaction, 200, ok);
        self.with_call(call, |call| call.stage = stage);
    }

    /// Ends a call: a final refusal before the answer, BYE after it. [`Event::Ended`] follows at once; what the protocol still owes the
    /// far side (the wait for an ACK, the BYE's answer) is done behind it.
    pub fn hang_up(&mut self, now: u64, call: CallKey, farewell: &Farewell) {
        let Some(found) = self.calls.get_mut(&call) else { return };
        match &mut found.stage {
            Stage::Pending(_) => self.refuse(now, call, farewell, Ending::AsCommanded),
            Stage::Answered { farewell: wish, .. } => {
                if wish.replace(farewell.clone()).is_none() {
                    self.events.push_back(Event::Ended { call, ending: Ending::AsCommanded });
                }
            }
            Stage::Confirmed { .. } => {
                self.events.push_back(Event::Ended { call, ending: Ending::AsCommanded });
                self.send_bye(now, call, farewell.reason);
            }
            Stage::Leaving => {}
        }
    }

    /// A final refusal to a call that is not answered; the transaction waits for its ACK alone.
    pub(super) fn refuse(&mut self, now: u64, call: CallKey, farewell: &Farewell, ending: Ending) {
        let Some((pending, tag)) = self.pending(call) else { return };
        let mut writer = ResponseWriter::new(pending.invite.head(), pending.source).begin(farewell.status, Some(&tag));
        if let Some(reason) = farewell.reason {
            writer.field("Reason", reason);
        }
        let transaction = pending.transaction.clone();
        self.transactions.respond(now, &transaction, farewell.status, writer.finish());
        self.end(call, ending);
    }

    /// Sends BYE; the call stays until it is answered, so that a crossing BYE of the far side finds it.
    pub(super) fn send_bye(&mut self, now: u64, call: CallKey, reason: Option<&str>) {
        let (branch, via) = self.via();
        let Some((peer, packet)) = self.with_call(call, |call| {
            call.stage = Stage::Leaving;
            let mut writer = call.dialog.request(&Method::Bye, &via);
            if let Some(reason) = reason {
                writer.field("Reason", reason);
            }
            (call.dialog.next_hop(), writer.finish())
        }) else {
            return;
        };
        let key = (branch, Method::Bye.as_bytes().to_vec().into());
        if !self.transactions.request(now, peer, key, call.0, packet) {
            self.remove(call);
        }
    }

    fn pending(&self, call: CallKey) -> Option<(&Pending, String)> {
        let call = self.calls.get(&call)?;
        match &call.stage {
            Stage::Pending(pending) => Some((pending, String::from_utf8_lossy(&call.dialog.id.local_tag).into_owned())),
            Stage::Answered { .. } | Stage::Confirmed { .. } | Stage::Leaving => None,
        }
    }
}

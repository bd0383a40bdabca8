//! Calls of ours: the INVITE, its branches, its CANCEL, its end (RFC 3261 sections 8.1, 9.1, 13.2).

use super::{ALLOW, CallKey, Ending, Endpoint, Event, Invitation, SessionEvent};
use crate::dialog::call::{Call, Calling, Cancel, Early, MAX_PENDING_MS, Stage, Transfer};
use crate::dialog::session_timer::{SHORTEST_S, SessionTimer};
use crate::dialog::talk::{Carrier, MAX_QUESTION_MS, Negotiation, OurOffer, Party, Talk};
use crate::dialog::{Dialog, DialogId};
use crate::fields::{ALLOWED, MIN_SE, REQUIRE, RSEQ};
use crate::message::{self, Message, Method, Request, Response, Writer};
use crate::timer::PATIENCE_MS;
use crate::transaction::{MAX_FORKS, Owner};
use bytes::Bytes;
use std::net::SocketAddr;

impl Endpoint {
    /// Makes a call. What comes of it is told by [`SessionEvent::Progress`], then [`Event::Confirmed`] or [`Event::Ended`]; of several
    /// answers of a forked INVITE the first is taken, the others are hung up. `None` if there are too many calls or transactions, or if
    /// the invitation is no sound message.
    pub fn call(&mut self, now: u64, invitation: Invitation) -> Option<CallKey> {
        if self.calls.len() >= self.limits.calls {
            return None;
        }
        let id = DialogId { call_id: self.names.next().into(), remote_tag: Bytes::new(), local_tag: self.names.next().into() };
        let mut calling = Box::new(Calling {
            description: invitation.description.clone().unwrap_or_default().into(),
            invitation,
            cseq: 0,
            branch: Bytes::new(),
            cancel: Cancel::No,
            give_up_at: now.saturating_add(MAX_PENDING_MS),
            early: Vec::new(),
            minimum_s: SHORTEST_S,
        });
        let call = CallKey(self.last_call.saturating_add(1));
        self.send_invite(now, call, &id, &mut calling, &[]).then_some(())?;
        self.last_call = call.0;
        let dialog = Dialog::stand_in(id, calling.invitation.target);
        let party = Party { dialog, talk: Talk::new(Negotiation::Unset) };
        let stage = Stage::Calling(calling);
        let made = Call { party, stage, is_caller: true, is_told: false, credentials: Vec::new(), transfer: Transfer::None };
        self.timers.arm(made.deadline(), &call);
        self.calls.insert(call, Box::new(made));
        Some(call)
    }

    /// Sends the INVITE of a challenged call again with these fields (Authorization or Proxy-Authorization), which then go with each
    /// request of the call. Does nothing for a call that does not wait for them, but to remember them.
    pub fn authenticate(&mut self, now: u64, call: CallKey, credentials: Vec<(String, String)>) {
        let Some((id, stage)) = self.with_call(call, |found| {
            found.credentials.clone_from(&credentials);
            (found.party.dialog.id.clone(), std::mem::replace(&mut found.stage, Stage::Leaving))
        }) else {
            return;
        };
        let stage = match stage {
            Stage::Challenged { mut calling, status, until } => {
                if self.send_invite(now, call, &id, &mut calling, &credentials) {
                    Stage::Calling(calling)
                } else {
                    Stage::Challenged { calling, status, until }
                }
            }
            other @ (Stage::Pending(_)
            | Stage::Calling(_)
            | Stage::Answered { .. }
            | Stage::Owing { .. }
            | Stage::Confirmed
            | Stage::Leaving) => other,
        };
        self.with_call(call, |found| found.stage = stage);
    }

    /// Sends the INVITE with the next number.
    fn send_invite(&mut self, now: u64, call: CallKey, id: &DialogId, calling: &mut Calling, credentials: &[(String, String)]) -> bool {
        let (branch, via) = self.via();
        calling.cseq = calling.cseq.saturating_add(1);
        calling.branch = branch;
        calling.give_up_at = now.saturating_add(MAX_PENDING_MS);
        let invitation = &calling.invitation;
        let mut writer = Writer::request(&Method::Invite, invitation.to.as_bytes());
        writer.field("Via", via);
        writer.field("Max-Forwards", "70");
        writer.field("From", [invitation.from.as_bytes(), b";tag=", &id.local_tag].concat());
        writer.field("To", format!("<{}>", invitation.to));
        writer.field("Call-ID", &id.call_id);
        writer.field("CSeq", format!("{} INVITE", calling.cseq));
        writer.field("Contact", &self.contact_field);
        writer.field("Allow", self.allowed());
        // A late offer is not asked for in a reliable response: with several branches there would be several offers to answer at once.
        let is_late = invitation.description.is_none();
        writer.field("Supported", if is_late { "replaces, timer" } else { "100rel, replaces, timer" });
        if let Some(wanted_s) = self.settings.session_s {
            writer.field("Session-Expires", wanted_s.max(calling.minimum_s).to_string());
            writer.field("Min-SE", calling.minimum_s.to_string());
        }
        for (name, value) in invitation.fields.iter().chain(credentials) {
            writer.field(name, value);
        }
        let packet = with_description(writer, &calling.description);
        sound_request(packet).is_some_and(|invite| self.transactions.invite(now, invitation.target, Owner::Invite(call), invite))
    }

    /// A response to the INVITE that makes a call.
    pub(super) fn invite_answered(&mut self, now: u64, call: CallKey, peer: SocketAddr, response: Box<Response>) {
        let is_open = matches!(self.calls.get(&call).map(|found| &found.stage), Some(Stage::Calling(_)));
        match response.status() {
            200..300 if is_open => self.accepted(now, call, peer, &response),
            200..300 => self.part_with(now, peer, &response),
            ..200 if is_open => self.progressed(now, call, peer, &response),
            300.. if is_open => self.refused(now, call, response),
            _ => {}
        }
    }

    /// Nobody heard our INVITE.
    pub(super) fn invite_unheard(&mut self, now: u64, call: CallKey) {
        self.end(now, call, Ending::Unreachable);
    }

    /// A 2xx that nobody wants: of a second branch, or of a call that is gone. It is acknowledged and hung up (section 13.2.2.4).
    fn part_with(&mut self, now: u64, peer: SocketAddr, response: &Response) {
        let Some(mut dialog) = Dialog::from_response(response, peer) else { return };
        self.acknowledge_accepted(&dialog, response, &[]);
        let (branch, via) = self.via();
        let bye = dialog.request(&Method::Bye, &via).finish();
        self.transactions.request(now, dialog.next_hop(), (branch, Bytes::from_static(b"BYE")), Owner::Nobody, bye);
    }

    /// Sends the ACK of a 2xx.
    pub(super) fn acknowledge_accepted(&mut self, dialog: &Dialog, response: &Response, description: &[u8]) {
        let identity = response.identity();
        self.send_ack(dialog, identity.cseq, &Bytes::copy_from_slice(&identity.branch), description);
    }

    fn send_ack(&mut self, dialog: &Dialog, cseq: u32, branch: &Bytes, description: &[u8]) {
        let (_, via) = self.via();
        let ack = with_description(dialog.ack(cseq, &via), description);
        self.transactions.acknowledge_accepted(branch, &dialog.id.remote_tag, dialog.next_hop(), ack);
    }

    fn progressed(&mut self, now: u64, call: CallKey, peer: SocketAddr, response: &Response) {
        let wants_cancel = self
            .with_call(call, |found| {
                let Stage::Calling(calling) = &mut found.stage else { return false };
                if response.status() > 100 && calling.cancel == Cancel::No {
                    calling.give_up_at = now.saturating_add(MAX_PENDING_MS);
                }
                calling.cancel == Cancel::Wanted
            })
            .unwrap_or(false);
        if wants_cancel {
            self.cancel_now(now, call);
        }
        if response.status() == 100 {
            return;
        }
        let tag = &response.identity().to_tag;
        if !tag.is_empty() && !self.open_early(call, peer, response) {
            return;
        }
        let is_reliable = REQUIRE.lists(response.head(), "100rel") && RSEQ.number(response.head()).is_some();
        if is_reliable && !self.acknowledge_provisional(now, call, response) {
            return;
        }
        if self.calls.get(&call).is_some_and(|found| !found.is_told) {
            let description = Bytes::copy_from_slice(response.body());
            self.tell(call, SessionEvent::Progress { status: response.status(), description });
        }
    }

    /// Finds or makes the early dialog of a provisional response; `false` if there are too many.
    fn open_early(&mut self, call: CallKey, peer: SocketAddr, response: &Response) -> bool {
        let Some(dialog) = Dialog::from_response(response, peer) else { return false };
        let id = dialog.id.clone();
        let is_open = self.with_call(call, |found| {
            let Stage::Calling(calling) = &mut found.stage else { return false };
            if calling.early.iter().any(|early| early.party.dialog.id == id) {
                return true;
            }
            let fits = calling.early.len() < MAX_FORKS;
            if fits {
                let talk = Talk::new(calling.first_state());
                calling.early.push(Early { party: Party { dialog, talk }, rseq: None, answer: Bytes::new() });
            }
            fits
        });
        if is_open == Some(true) {
            self.dialogs.insert(id, call);
        }
        is_open.unwrap_or(false)
    }

    /// Sends CANCEL if something was heard; otherwise it waits for that.
    pub(super) fn cancel_now(&mut self, now: u64, call: CallKey) {
        let Some(Stage::Calling(calling)) = self.calls.get(&call).map(|found| &found.stage) else { return };
        let branch = calling.branch.clone();
        let is_sent = self.transactions.cancel(now, &branch);
        self.with_call(call, |found| {
            if let Stage::Calling(calling) = &mut found.stage {
                if is_sent {
                    calling.cancelled(now);
                } else {
                    calling.cancel = Cancel::Wanted;
                }
            }
        });
    }

    fn accepted(&mut self, now: u64, call: CallKey, peer: SocketAddr, response: &Response) {
        let Some(fresh) = Dialog::from_response(response, peer) else { return };
        let Some(stage) = self.with_call(call, |found| std::mem::replace(&mut found.stage, Stage::Leaving)) else { return };
        let Stage::Calling(calling) = stage else { return };
        let is_unwanted = calling.cancel != Cancel::No;
        let (party, told_answer) = self.winner(now, call, *calling, fresh, response);
        let dialog = party.dialog.clone();
        self.dialogs.insert(dialog.id.clone(), call);
        let is_late = matches!(party.talk.state, Negotiation::Accepting);
        self.with_call(call, |found| found.party = party);
        if is_unwanted {
            // It crossed our CANCEL: the owner has long heard the end (RFC 5407 section 3.1.2).
            self.acknowledge_accepted(&dialog, response, &[]);
            self.send_bye(now, call, None);
        } else if is_late {
            let identity = response.identity();
            let branch = Bytes::copy_from_slice(&identity.branch);
            let stage = Stage::Owing { cseq: identity.cseq, branch, until: now.saturating_add(MAX_QUESTION_MS) };
            self.with_call(call, |found| found.stage = stage);
            self.tell(call, SessionEvent::Offered(Bytes::copy_from_slice(response.body())));
        } else {
            self.acknowledge_accepted(&dialog, response, &[]);
            self.with_call(call, |found| found.stage = Stage::Confirmed);
            self.events.push_back(Event::Confirmed { call, description: told_answer });
        }
    }

    /// The party of the branch that answered, with what is agreed there, and the answer; the other early dialogs are forgotten.
    fn winner(&mut self, now: u64, call: CallKey, calling: Calling, fresh: Dialog, response: &Response) -> (Party, Bytes) {
        let first = calling.first_state();
        let Calling { early, description, .. } = calling;
        let (mut won, mut lost): (Vec<Early>, Vec<Early>) = early.into_iter().partition(|early| early.party.dialog.id == fresh.id);
        for early in &mut lost {
            self.dialogs.remove(&early.party.dialog.id);
            let open = early.party.talk.close();
            self.withdraw(now, call, open, 481);
        }
        let (mut party, early_answer) = match won.pop() {
            Some(early) => (early.party, early.answer),
            None => (Party { dialog: fresh, talk: Talk::new(first) }, Bytes::new()),
        };
        party.dialog.confirm(response);
        let body = Bytes::copy_from_slice(response.body());
        let answer = if early_answer.is_empty() { body.clone() } else { early_answer };
        let talk = &mut party.talk;
        match &talk.state {
            Negotiation::Unset if !body.is_empty() => talk.state = Negotiation::Accepting,
            Negotiation::Ours(offer) if offer.carrier == Carrier::Invite => {
                talk.local = description;
                talk.state = Negotiation::Stable;
            }
            Negotiation::Unset => talk.state = Negotiation::Stable,
            Negotiation::Ours(_) | Negotiation::First | Negotiation::Accepting | Negotiation::Theirs(..) | Negotiation::Stable => {}
        }
        talk.allows_update = ALLOWED.lists(response.head(), "UPDATE");
        talk.timer = SessionTimer::of_response(now, response.head());
        (party, answer)
    }

    /// Our answer to the offer of a 2xx: it goes into the ACK.
    pub(super) fn acknowledge_with(&mut self, call: CallKey, description: &[u8]) {
        let Some(found) = self.calls.get(&call) else { return };
        let Stage::Owing { cseq, branch, .. } = &found.stage else { return };
        let (cseq, branch, dialog) = (*cseq, branch.clone(), found.party.dialog.clone());
        self.send_ack(&dialog, cseq, &branch, description);
        self.with_call(call, |found| {
            found.stage = Stage::Confirmed;
            found.party.talk.state = Negotiation::Stable;
            found.party.talk.local = Bytes::copy_from_slice(description);
        });
    }

    fn refused(&mut self, now: u64, call: CallKey, response: Box<Response>) {
        let status = response.status();
        let Some(found) = self.calls.get(&call) else { return };
        let Stage::Calling(calling) = &found.stage else { return };
        let is_wanted = calling.cancel == Cancel::No && !found.is_told;
        match status {
            401 | 407 if is_wanted => {
                self.forget_early(now, call);
                self.with_call(call, |found| {
                    if let Stage::Calling(calling) = std::mem::replace(&mut found.stage, Stage::Leaving) {
                        found.stage = Stage::Challenged { calling, status, until: now.saturating_add(PATIENCE_MS) };
                    }
                });
                self.tell(call, SessionEvent::Challenged(response));
            }
            422 if is_wanted && self.retry_longer(now, call, &response) => {}
            _ => {
                if is_wanted {
                    self.tell(call, SessionEvent::Failed(response));
                }
                self.end(now, call, Ending::Refused(status));
            }
        }
    }

    /// Sends the INVITE again with the session interval that a 422 asks for (RFC 4028 section 7.3).
    fn retry_longer(&mut self, now: u64, call: CallKey, response: &Response) -> bool {
        self.forget_early(now, call);
        let Some(minimum_s) = MIN_SE.number(response.head()) else { return false };
        let Some(found) = self.calls.get_mut(&call) else { return false };
        let Stage::Calling(calling) = &mut found.stage else { return false };
        // A far side that asks again for what it was given would be asked for ever.
        if minimum_s <= calling.minimum_s {
            return false;
        }
        let (id, credentials) = (found.party.dialog.id.clone(), found.credentials.clone());
        let Some(Stage::Calling(mut calling)) = self.with_call(call, |found| std::mem::replace(&mut found.stage, Stage::Leaving)) else {
            return false;
        };
        calling.minimum_s = minimum_s;
        let is_sent = self.send_invite(now, call, &id, &mut calling, &credentials);
        self.with_call(call, |found| found.stage = Stage::Calling(calling));
        is_sent
    }

    /// The early dialogs of a refused INVITE are gone.
    fn forget_early(&mut self, now: u64, call: CallKey) {
        let early = self.with_call(call, |found| {
            let Stage::Calling(calling) = &mut found.stage else { return Vec::new() };
            std::mem::take(&mut calling.early)
        });
        for mut early in early.unwrap_or_default() {
            self.dialogs.remove(&early.party.dialog.id);
            let open = early.party.talk.close();
            self.withdraw(now, call, open, 487);
        }
    }

    /// What Allow says.
    pub(super) fn allowed(&self) -> String {
        if self.settings.transfers { format!("{ALLOW}, REFER, NOTIFY") } else { ALLOW.to_owned() }
    }
}

impl Calling {
    /// Where offer and answer stand in a dialog that nothing was heard in yet.
    fn first_state(&self) -> Negotiation {
        if self.invitation.description.is_none() {
            return Negotiation::Unset;
        }
        Negotiation::Ours(OurOffer { carrier: Carrier::Invite, description: self.description.clone(), attempts: 0 })
    }
}

/// Ends a message with a description, if there is one.
pub(super) fn with_description(mut writer: Writer, description: &[u8]) -> Bytes {
    if !description.is_empty() {
        writer.field("Content-Type", "application/sdp");
    }
    writer.finish_with(description)
}

/// A request of ours as its transaction keeps it; `None` if what our owner put into it is no sound message.
pub(super) fn sound_request(packet: Bytes) -> Option<Box<Request>> {
    match message::parse(packet) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

//! Transfer: REFER with its reports (RFC 3515), and calls that take another's place (RFC 3891).
//!
//! The subscription that a REFER makes lives as long as its call: reports after the BYE get 481, as if it had been ended.

use super::requests::Asked;
use super::{CallKey, Endpoint, SessionEvent};
use crate::dialog::DialogId;
use crate::dialog::call::{Stage, Transfer};
use crate::dialog::talk::MAX_QUESTION_MS;
use crate::fields::{EVENT, REFER_TO, REPLACES, SUBSCRIPTION_STATE, decimal, parameter};
use crate::message::{Method, NameAddr, Request, phrase};
use crate::transaction::{Outcome, Owner};
use bytes::Bytes;

/// What a Replaces field asks for.
pub(super) enum Replaced {
    /// There is none.
    Nobody,
    /// This call.
    Call(CallKey),
    /// It is refused with this status.
    Refused(u16),
}

impl Endpoint {
    /// Asks the far side to call `target`, a URI, in our place (REFER). `false` if the call is not confirmed or a transfer is open.
    pub fn refer(&mut self, now: u64, call: CallKey, target: &str) -> bool {
        let is_ready = self
            .calls
            .get(&call)
            .is_some_and(|found| !found.is_told && matches!((&found.stage, &found.transfer), (Stage::Confirmed, Transfer::None)));
        if !is_ready {
            return false;
        }
        let fields = [("Refer-To", format!("<{target}>"))];
        self.with_call(call, |found| found.transfer = Transfer::Watching);
        let is_sent = self.send_plain(now, call, b"REFER", Owner::Refer(call), &fields, &[]);
        if !is_sent {
            self.with_call(call, |found| found.transfer = Transfer::None);
        }
        is_sent
    }

    /// Takes on the transfer that [`SessionEvent::TransferAsked`] told of: 202, and the first report. Does nothing if none is asked.
    pub fn accept_transfer(&mut self, now: u64, call: CallKey) {
        if let Some(asked) = self.take_transfer(call, Transfer::Reporting) {
            let contact = self.contact_field.clone();
            self.reply(now, &asked, 202, |writer| {
                writer.field("Contact", contact);
            });
            self.report_transfer(now, call, 100);
        }
    }

    /// Refuses it with this status (400 to 699). Does nothing if none is asked.
    pub fn refuse_transfer(&mut self, now: u64, call: CallKey, status: u16) {
        if let Some(asked) = self.take_transfer(call, Transfer::None) {
            self.reply(now, &asked, status, |_| {});
        }
    }

    /// Reports how the new call stands: its status; one of 200 or above is the last. Does nothing if no transfer was accepted.
    pub fn report_transfer(&mut self, now: u64, call: CallKey, status: u16) {
        if !matches!(self.calls.get(&call).map(|found| (&found.stage, &found.transfer)), Some((Stage::Confirmed, Transfer::Reporting))) {
            return;
        }
        let is_final = status >= 200;
        let state = if is_final { "terminated;reason=noresource" } else { "active;expires=180" };
        let fields =
            [("Event", "refer".to_owned()), ("Subscription-State", state.to_owned()), ("Content-Type", "message/sipfrag".to_owned())];
        let body = format!("SIP/2.0 {status} {}\r\n", phrase(status));
        self.send_plain(now, call, b"NOTIFY", Owner::Notify(call), &fields, body.as_bytes());
        if is_final {
            self.with_call(call, |found| found.transfer = Transfer::None);
        }
    }

    /// The value of a Replaces field that names this call, as its far side would give it to somebody who is to take our place; `None` if
    /// the call is not confirmed.
    #[must_use]
    pub fn replaces_value(&self, call: CallKey) -> Option<String> {
        let found = self.calls.get(&call).filter(|found| matches!(found.stage, Stage::Confirmed))?;
        let id = &found.party.dialog.id;
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        Some(format!("{};to-tag={};from-tag={}", text(&id.call_id), text(&id.remote_tag), text(&id.local_tag)))
    }

    fn take_transfer(&mut self, call: CallKey, next: Transfer) -> Option<Box<Asked>> {
        self.with_call(call, |found| match std::mem::replace(&mut found.transfer, Transfer::None) {
            Transfer::Asked(asked, _) => {
                found.transfer = next;
                Some(asked)
            }
            other @ (Transfer::None | Transfer::Reporting | Transfer::Watching) => {
                found.transfer = other;
                None
            }
        })?
    }

    /// A request inside a call that changes nothing of what was agreed.
    pub(super) fn send_plain(
        &mut self,
        now: u64,
        call: CallKey,
        method: &'static [u8],
        owner: Owner,
        fields: &[(&str, String)],
        body: &[u8],
    ) -> bool {
        let (branch, via) = self.via();
        let contact = self.contact_field.clone();
        let Some((peer, packet)) = self.with_call(call, |found| {
            let mut writer = found.party.dialog.request(&Method::Other(Bytes::from_static(method)), &via);
            writer.field("Contact", contact);
            for (name, value) in fields {
                writer.field(name, value);
            }
            for (name, value) in &found.credentials {
                writer.field(name, value);
            }
            (found.party.dialog.next_hop(), writer.finish_with(body))
        }) else {
            return false;
        };
        self.transactions.request(now, peer, (branch, Bytes::from_static(method)), owner, packet)
    }

    /// A REFER of the far side.
    pub(super) fn referred(&mut self, now: u64, key: CallKey, asked: Asked) {
        let targets: Vec<Bytes> =
            REFER_TO.of(asked.request.head()).filter_map(NameAddr::parse).map(|target| Bytes::copy_from_slice(target.uri.raw)).collect();
        let [target] = targets.as_slice() else { return self.reply(now, &asked, 400, |_| {}) };
        let is_free = matches!(
            self.calls.get(&key).map(|found| (&found.stage, &found.transfer, found.is_told)),
            Some((Stage::Confirmed, Transfer::None, false))
        );
        if !is_free {
            return self.reply(now, &asked, 491, |_| {});
        }
        let target = target.clone();
        self.with_call(key, |found| found.transfer = Transfer::Asked(Box::new(asked), now.saturating_add(MAX_QUESTION_MS)));
        self.tell(key, SessionEvent::TransferAsked(target));
    }

    /// A NOTIFY of the far side.
    pub(super) fn notified(&mut self, now: u64, key: CallKey, asked: &Asked) {
        let head = asked.request.head();
        let is_refer = EVENT.first(head).is_some_and(|event| event.split(|byte| *byte == b';').next() == Some(b"refer"));
        let is_watched = matches!(self.calls.get(&key).map(|found| &found.transfer), Some(Transfer::Watching));
        if !is_refer || !is_watched {
            return self.reply(now, asked, if is_refer { 481 } else { 489 }, |_| {});
        }
        let is_final = SUBSCRIPTION_STATE.first(head).is_some_and(|state| state.starts_with(b"terminated"));
        let status = asked.request.body().split(u8::is_ascii_whitespace).nth(1).and_then(decimal).and_then(|code| u16::try_from(code).ok());
        self.reply(now, asked, 200, |_| {});
        if is_final {
            self.with_call(key, |found| found.transfer = Transfer::None);
        }
        self.tell(key, SessionEvent::TransferProgress { status: status.unwrap_or(100), is_final });
    }

    /// The end of a REFER of ours.
    pub(super) fn refer_answered(&mut self, call: CallKey, outcome: &Outcome) {
        let status = match outcome {
            Outcome::Response(response) => response.status(),
            Outcome::TimedOut => 408,
        };
        let is_watching = matches!(self.calls.get(&call).map(|found| (&found.transfer, found.is_told)), Some((Transfer::Watching, false)));
        if is_watching && status >= 300 {
            self.with_call(call, |found| found.transfer = Transfer::None);
            self.tell(call, SessionEvent::TransferRefused(status));
        }
    }

    /// A report of ours was refused: the far side does not want more.
    pub(super) fn report_answered(&mut self, call: CallKey, outcome: &Outcome) {
        let is_taken = matches!(outcome, Outcome::Response(response) if response.status() < 300);
        self.with_call(call, |found| {
            if !is_taken && matches!(found.transfer, Transfer::Reporting) {
                found.transfer = Transfer::None;
            }
        });
    }

    /// Whose place a new INVITE wants to take (RFC 3891 section 3).
    pub(super) fn replaced_by(&self, invite: &Request) -> Replaced {
        let mut fields = REPLACES.of(invite.head());
        let Some(field) = fields.next() else { return Replaced::Nobody };
        let named = (field.split(|byte| *byte == b';').next(), parameter(field, "to-tag"), parameter(field, "from-tag"));
        let (Some(call_id), Some(to_tag), Some(from_tag), None) = (named.0, named.1, named.2, fields.next()) else {
            return Replaced::Refused(400);
        };
        let id = DialogId {
            call_id: Bytes::copy_from_slice(call_id.trim_ascii()),
            remote_tag: Bytes::copy_from_slice(from_tag),
            local_tag: Bytes::copy_from_slice(to_tag),
        };
        let Some(key) = self.dialogs.get(&id).copied() else { return Replaced::Refused(481) };
        let early_only = field.split(|byte| *byte == b';').any(|part| part.trim_ascii().eq_ignore_ascii_case(b"early-only"));
        match self.calls.get(&key).map(|found| &found.stage) {
            Some(Stage::Confirmed | Stage::Answered { farewell: None, .. } | Stage::Owing { .. }) if early_only => Replaced::Refused(486),
            Some(Stage::Confirmed | Stage::Answered { farewell: None, .. } | Stage::Owing { .. } | Stage::Calling(_)) => {
                Replaced::Call(key)
            }
            // An early dialog that the other side began is no match.
            Some(Stage::Pending(_) | Stage::Challenged { .. }) | None => Replaced::Refused(481),
            Some(Stage::Answered { farewell: Some(_), .. } | Stage::Leaving) => Replaced::Refused(603),
        }
    }
}

//! What each request of the far side does (RFC 3261 sections 8.2, 9.2, 11.2, 12.2.2, 13.3, 14.2, 15.1.2).

use super::{ALLOW, CallKey, Ending, Endpoint, Event, Farewell, pending_until, repeat_record_route};
use crate::dialog::call::{Accepted, Call, Pending, Stage};
use crate::dialog::{Dialog, DialogId};
use crate::message::{Method, Name, Request, ResponseWriter, Scheme, Uri, Writer, response_target};
use crate::transaction::ServerKey;
use bytes::Bytes;
use std::net::SocketAddr;

/// What a cancelled INVITE is answered with.
const CANCELLED: Farewell = Farewell { status: 487, reason: None };

/// A request with what is needed to answer it.
pub(super) struct Asked {
    key: ServerKey,
    source: SocketAddr,
    request: Request,
}

/// What a re-INVITE is answered with.
enum Renegotiation {
    /// The description that is in force.
    Keep(Bytes),
    /// The first INVITE is not answered yet.
    TooEarly,
    /// Our own offer waits for its answer in the ACK.
    Crossing,
    /// The call is over on our side.
    Gone,
}

impl Endpoint {
    pub(super) fn dispatch(&mut self, now: u64, key: ServerKey, source: SocketAddr, request: Request) {
        let asked = Asked { key, source, request };
        let identity = asked.request.identity();
        if *asked.request.method() == Method::Cancel {
            self.cancel(now, &asked);
        } else if identity.to_tag.is_empty() {
            self.outside(now, asked);
        } else {
            self.inside(now, &asked);
        }
    }

    /// A CANCEL gets 200 if it finds its INVITE, which gets 487 unless it was answered already.
    fn cancel(&mut self, now: u64, asked: &Asked) {
        let invite = ServerKey::of_invite(&asked.request);
        let found = self
            .calls_from(&asked.request)
            .find(|(_, call)| matches!(&call.stage, Stage::Pending(pending) if pending.transaction == invite))
            .map(|(key, call)| (key, String::from_utf8_lossy(&call.dialog.id.local_tag).into_owned()));
        match found {
            Some((key, tag)) => {
                self.reply_tagged(now, asked, 200, &tag, |_| {});
                self.refuse(now, key, &CANCELLED, Ending::CancelReceived);
            }
            None if self.transactions.knows(&invite) => self.reply(now, asked, 200, |_| {}),
            None => self.reply(now, asked, 481, |_| {}),
        }
    }

    /// A request that belongs to no dialog yet.
    fn outside(&mut self, now: u64, asked: Asked) {
        if !has_known_scheme(&asked.request) {
            return self.reply(now, &asked, 416, |_| {});
        }
        if self.lacks_extension(now, &asked) {
            return;
        }
        match asked.request.method() {
            Method::Other(_) => self.reply_allow(now, &asked, 405),
            Method::Invite => self.invite(now, asked),
            Method::Options => self.reply_allow(now, &asked, 200),
            Method::Bye | Method::Ack | Method::Cancel => self.reply(now, &asked, 481, |_| {}),
        }
    }

    fn invite(&mut self, now: u64, asked: Asked) {
        let tag = self.names.next();
        if self.calls.len() >= self.limits.calls {
            // Not 503: a proxy would take the whole server out of service for all citizens (section 21.5.4).
            return self.reply(now, &asked, 486, |_| {});
        }
        if self.is_merged(&asked.request) {
            return self.reply(now, &asked, 482, |_| {});
        }
        if !has_readable_body(&asked.request) {
            return self.reply(now, &asked, 415, |writer| {
                writer.field("Accept", "application/sdp");
            });
        }
        let Some(dialog) = Dialog::from_invite(&asked.request, asked.source, &tag) else {
            return self.reply(now, &asked, 400, |_| {});
        };
        let Asked { key, source, request } = asked;
        let trying = ResponseWriter::new(request.head(), source).begin(100, None).finish();
        self.transactions.respond(now, &key, 100, trying);
        let invite = Box::new(request.clone());
        let pending = Pending { invite: request, source, transaction: key, give_up_at: pending_until(now) };
        let call = self.insert(dialog, Stage::Pending(Box::new(pending)));
        self.events.push_back(Event::Offered { call, source, invite });
    }

    /// The same INVITE over a second path (section 8.2.2.2).
    fn is_merged(&self, invite: &Request) -> bool {
        self.calls_from(invite).any(|(_, call)| call.dialog.first_cseq() == invite.identity().cseq)
    }

    /// The calls with this Call-ID and From tag, whatever our tag.
    fn calls_from(&self, request: &Request) -> impl Iterator<Item = (CallKey, &Call)> {
        let start = DialogId { local_tag: Bytes::new(), ..DialogId::of_incoming(request) };
        self.dialogs
            .range(start.clone()..)
            .take_while(move |(id, _)| id.call_id == start.call_id && id.remote_tag == start.remote_tag)
            .filter_map(|(_, key)| Some((*key, self.calls.get(key)?)))
    }

    /// A request that names a dialog.
    fn inside(&mut self, now: u64, asked: &Asked) {
        let identity = asked.request.identity();
        let Some(key) = self.dialogs.get(&DialogId::of_incoming(&asked.request)).copied() else {
            return self.reply(now, asked, 481, |_| {});
        };
        if !self.calls.get_mut(&key).is_some_and(|call| call.dialog.advance(identity.cseq)) {
            return self.reply(now, asked, 500, |_| {});
        }
        if self.lacks_extension(now, asked) {
            return;
        }
        match asked.request.method() {
            Method::Other(_) => self.reply_allow(now, asked, 405),
            Method::Invite => self.reinvite(now, key, asked),
            Method::Options => self.reply_allow(now, asked, 200),
            Method::Bye => self.bye(now, key, asked),
            Method::Ack | Method::Cancel => {}
        }
    }

    /// The far side hangs up, also before our final answer (section 15.1.2).
    fn bye(&mut self, now: u64, key: CallKey, asked: &Asked) {
        self.reply(now, asked, 200, |_| {});
        match self.calls.get(&key).map(|call| &call.stage) {
            Some(Stage::Pending(_)) => self.refuse(now, key, &CANCELLED, Ending::ByeReceived),
            Some(Stage::Answered { farewell: None, .. } | Stage::Confirmed { .. }) => {
                self.end(key, Ending::ByeReceived);
            }
            Some(Stage::Answered { farewell: Some(_), .. }) => {
                self.remove(key);
            }
            // Our own BYE is under way; its answer removes the call.
            Some(Stage::Leaving) | None => {}
        }
    }

    /// A carrier refreshes its session: the same description again keeps the call.
    fn reinvite(&mut self, now: u64, key: CallKey, asked: &Asked) {
        let renegotiation = match self.calls.get(&key).map(|call| &call.stage) {
            Some(Stage::Confirmed { description, .. }) => Renegotiation::Keep(description.clone()),
            // Offer and answer are complete, so the far side has our 200 and only its ACK is late (RFC 5407 section 3.1.4).
            Some(Stage::Answered { description, had_offer: true, farewell: None, .. }) => Renegotiation::Keep(description.clone()),
            Some(Stage::Answered { had_offer: false, farewell: None, .. }) => Renegotiation::Crossing,
            Some(Stage::Pending(_)) => Renegotiation::TooEarly,
            Some(Stage::Answered { farewell: Some(_), .. } | Stage::Leaving) | None => Renegotiation::Gone,
        };
        match renegotiation {
            Renegotiation::Keep(_) if !has_readable_body(&asked.request) => self.reply(now, asked, 415, |writer| {
                writer.field("Accept", "application/sdp");
            }),
            Renegotiation::Keep(description) => self.accept_again(now, key, asked, description),
            Renegotiation::TooEarly => self.reply(now, asked, 500, |writer| {
                writer.field("Retry-After", "5");
            }),
            Renegotiation::Crossing => self.reply(now, asked, 491, |_| {}),
            Renegotiation::Gone => self.reply(now, asked, 481, |_| {}),
        }
    }

    fn accept_again(&mut self, now: u64, key: CallKey, asked: &Asked, description: Bytes) {
        let writer = ResponseWriter::new(asked.request.head(), asked.source).begin(200, None);
        let ok = self.describe(writer, &asked.request, &description);
        self.transactions.respond(now, &asked.key, 200, ok.clone());
        let accepted = Accepted::new(now, asked.request.identity().cseq, response_target(asked.request.head(), asked.source), ok);
        let confirmed = self.with_call(key, |call| {
            call.dialog.refresh_target(&asked.request);
            let was_answered = matches!(call.stage, Stage::Answered { .. });
            call.stage = Stage::Confirmed { description, refresh: Some(accepted) };
            was_answered
        });
        if confirmed == Some(true) {
            self.events.push_back(Event::Confirmed { call: key, description: Bytes::new() });
        }
    }

    /// Ends a 2xx to an INVITE: the fields that make or refresh a dialog, and our description.
    pub(super) fn describe(&self, mut writer: Writer, invite: &Request, description: &[u8]) -> Bytes {
        repeat_record_route(&mut writer, invite);
        writer.field("Contact", self.contact_field());
        writer.field("Allow", ALLOW);
        writer.field("Content-Type", "application/sdp");
        writer.finish_with(description)
    }

    /// Refuses with 420 a request that requires an extension; there is none that we have yet.
    fn lacks_extension(&mut self, now: u64, asked: &Asked) -> bool {
        let required: Vec<&[u8]> = asked.request.head().values(Name::Require).collect();
        if required.is_empty() {
            return false;
        }
        let unsupported = required.join(&b", "[..]);
        self.reply(now, asked, 420, |writer| {
            writer.field("Unsupported", &unsupported);
        });
        true
    }

    fn reply_allow(&mut self, now: u64, asked: &Asked, status: u16) {
        self.reply(now, asked, status, |writer| {
            writer.field("Allow", ALLOW);
            writer.field("Accept", "application/sdp");
        });
    }

    fn reply(&mut self, now: u64, asked: &Asked, status: u16, more: impl FnOnce(&mut Writer)) {
        let tag = self.names.next();
        self.reply_tagged(now, asked, status, &tag, more);
    }

    fn reply_tagged(&mut self, now: u64, asked: &Asked, status: u16, tag: &str, more: impl FnOnce(&mut Writer)) {
        let mut writer = ResponseWriter::new(asked.request.head(), asked.source).begin(status, Some(tag));
        more(&mut writer);
        self.transactions.respond(now, &asked.key, status, writer.finish());
    }
}

fn has_known_scheme(request: &Request) -> bool {
    Uri::parse(request.uri()).is_some_and(|uri| match uri.scheme {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => true,
        Scheme::Other => false,
    })
}

/// Whether there is no body, or one that is a plain session description.
fn has_readable_body(request: &Request) -> bool {
    let head = request.head();
    let is_plain = head.first(Name::ContentEncoding).is_none_or(|encoding| encoding.eq_ignore_ascii_case(b"identity"));
    let kind = head.first(Name::ContentType).map(|kind| kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
    request.body().is_empty() || (is_plain && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(b"application/sdp")))
}

//! What each request of the far side does (RFC 3261 sections 8.2, 9.2, 11.2, 12.2.2, 13.3, 15.1.2).

use super::offers::allows_update;
use super::transfer::Replaced;
use super::{CallKey, Ending, Endpoint, Event, Farewell, SessionEvent, pending_until};
use crate::dialog::call::{Call, Pending, Stage, Transfer};
use crate::dialog::session_timer::{Wish, wish_of};
use crate::dialog::talk::{Negotiation, Party, Talk};
use crate::dialog::{Dialog, DialogId};
use crate::fields::{ACCEPT, REQUIRE};
use crate::message::{Method, Name, Request, ResponseWriter, Scheme, Uri, Writer};
use crate::transaction::ServerKey;
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What a cancelled INVITE is answered with.
const CANCELLED: Farewell = Farewell { status: 487, reason: None };
/// The extensions that a request may require of us.
const EXTENSIONS: [&str; 3] = ["100rel", "replaces", "timer"];

/// The fields of an INVITE that its answers depend on.
const ANSWERED_BY: [Name; 11] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::RecordRoute,
    Name::Require,
    Name::Supported,
    Name::SessionExpires,
    Name::MinSe,
    Name::Timestamp,
];

/// A request with what is needed to answer it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) key: ServerKey,
    pub(crate) source: SocketAddr,
    pub(crate) request: Request,
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
            self.inside(now, asked);
        }
    }

    /// A CANCEL gets 200 if it finds its INVITE, which gets 487 unless it was answered already.
    fn cancel(&mut self, now: u64, asked: &Asked) {
        let invite = ServerKey::of_invite(&asked.request);
        let found = self
            .calls_from(&asked.request)
            .find(|(_, call)| matches!(&call.stage, Stage::Pending(pending) if pending.transaction == invite))
            .map(|(key, call)| (key, String::from_utf8_lossy(&call.party.dialog.id.local_tag).into_owned()));
        match found {
            Some((key, tag)) => {
                self.reply_tagged(now, asked, 200, &tag, |_| {});
                self.refuse(now, key, &CANCELLED, Ending::CancelReceived);
            }
            None if self.transactions.knows(&invite) => {
                self.reply(now, asked, 200, |_| {});
                self.cancel_reinvite(now, &invite, &asked.request);
            }
            None => self.reply(now, asked, 481, |_| {}),
        }
    }

    /// A re-INVITE that waits for our owner's answer is taken back.
    fn cancel_reinvite(&mut self, now: u64, invite: &ServerKey, cancel: &Request) {
        let Some(key) = self.dialogs.get(&DialogId::of_incoming(cancel)).copied() else { return };
        let open = self.with_call(key, |found| {
            let talk = &mut found.party.talk;
            match std::mem::replace(&mut talk.state, Negotiation::Stable) {
                Negotiation::Theirs(asked, _) if asked.key == *invite => Some(asked),
                other @ (Negotiation::Unset
                | Negotiation::Ours(_)
                | Negotiation::First
                | Negotiation::Accepting
                | Negotiation::Theirs(..)
                | Negotiation::Stable) => {
                    talk.state = other;
                    None
                }
            }
        });
        self.withdraw(now, key, open.flatten(), 487);
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
            Method::Other(name) if self.settings.registrar && &name[..] == b"REGISTER" => self.tell_asked(asked),
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
        if !takes_descriptions(&asked.request) {
            return self.reply(now, &asked, 406, |_| {});
        }
        if let Wish::TooShort(minimum_s) = wish_of(now, asked.request.head(), None, self.shortest_session_s()) {
            return self.reply(now, &asked, 422, |writer| {
                writer.field("Min-SE", minimum_s.to_string());
            });
        }
        let Some(dialog) = Dialog::from_invite(&asked.request, asked.source, &tag) else {
            return self.reply(now, &asked, 400, |_| {});
        };
        let replaced = match self.replaced_by(&asked.request) {
            Replaced::Nobody => None,
            Replaced::Call(call) => Some(call),
            Replaced::Refused(status) => return self.reply(now, &asked, status, |_| {}),
        };
        let Asked { key, source, request } = asked;
        let trying = ResponseWriter::new(request.head(), source).begin(100, None).finish();
        self.transactions.respond(now, &key, 100, trying);
        let mut talk = Talk::new(if request.body().is_empty() { Negotiation::Unset } else { Negotiation::First });
        talk.allows_update = allows_update(&request);
        let pending = Pending {
            head: request.head().only(&ANSWERED_BY),
            cseq: request.identity().cseq,
            has_offer: !request.body().is_empty(),
            source,
            transaction: key,
            give_up_at: pending_until(now),
            rseq: 0,
            unacknowledged: None,
            waiting: VecDeque::new(),
            held_answer: None,
        };
        let call = self.insert(Call {
            party: Party { dialog, talk },
            stage: Stage::Pending(Box::new(pending)),
            is_caller: false,
            is_told: false,
            credentials: Vec::new(),
            transfer: Transfer::None,
        });
        self.events.push_back(Event::Offered { call, source, invite: Box::new(request) });
        if let Some(replaced) = replaced {
            self.tell(call, SessionEvent::Replaces(replaced));
        }
    }

    /// The same INVITE over a second path (section 8.2.2.2).
    fn is_merged(&self, invite: &Request) -> bool {
        self.calls_from(invite).any(|(_, call)| call.party.dialog.first_cseq() == invite.identity().cseq)
    }

    /// The calls with this Call-ID and From tag, whatever our tag.
    fn calls_from(&self, request: &Request) -> impl Iterator<Item = (CallKey, &Call)> {
        let start = DialogId { local_tag: Bytes::new(), ..DialogId::of_incoming(request) };
        self.dialogs
            .range(start.clone()..)
            .take_while(move |(id, _)| id.call_id == start.call_id && id.remote_tag == start.remote_tag)
            .filter_map(|(_, key)| Some((*key, &**self.calls.get(key)?)))
    }

    /// A request that names a dialog.
    fn inside(&mut self, now: u64, asked: Asked) {
        let identity = asked.request.identity();
        let Some(key) = self.dialogs.get(&DialogId::of_incoming(&asked.request)).copied() else {
            return self.reply(now, &asked, 481, |_| {});
        };
        let party = self.calls.get_mut(&key).and_then(|call| call.party_with(&identity.from_tag));
        if !party.is_some_and(|party| party.dialog.advance(identity.cseq)) {
            return self.reply(now, &asked, 500, |_| {});
        }
        if self.lacks_extension(now, &asked) {
            return;
        }
        match asked.request.method() {
            Method::Invite => self.reinvite(now, key, asked),
            Method::Options => self.reply_allow(now, &asked, 200),
            Method::Bye => self.bye(now, key, &asked),
            Method::Ack | Method::Cancel => {}
            Method::Other(name) => match &name[..] {
                b"UPDATE" => self.update(now, key, asked),
                b"PRACK" => self.prack(now, key, asked),
                b"REFER" if self.settings.transfers => self.referred(now, key, asked),
                b"NOTIFY" => self.notified(now, key, &asked),
                b"INFO" => self.informed(now, key, &asked),
                _ => self.reply_allow(now, &asked, 405),
            },
        }
    }

    /// The far side hangs up, also before our final answer (section 15.1.2).
    fn bye(&mut self, now: u64, key: CallKey, asked: &Asked) {
        self.reply(now, asked, 200, |_| {});
        match self.calls.get(&key).map(|call| &call.stage) {
            Some(Stage::Pending(_)) => self.refuse(now, key, &CANCELLED, Ending::ByeReceived),
            // It answered, and its 2xx is lost or late.
            Some(Stage::Calling(_)) => self.give_up(now, key, Ending::ByeReceived),
            Some(Stage::Answered { .. } | Stage::Confirmed | Stage::Challenged { .. }) => self.end(now, key, Ending::ByeReceived),
            Some(Stage::Owing { .. }) => {
                self.acknowledge_with(key, &[]);
                self.end(now, key, Ending::ByeReceived);
            }
            // Our own BYE is under way; its answer removes the call.
            Some(Stage::Leaving) | None => {}
        }
    }

    /// Refuses with 420 a request that requires an extension that we do not have.
    fn lacks_extension(&mut self, now: u64, asked: &Asked) -> bool {
        let is_known = |token: &[u8]| EXTENSIONS.iter().any(|known| token.eq_ignore_ascii_case(known.as_bytes()));
        let unknown: Vec<&[u8]> = REQUIRE.tokens(asked.request.head()).filter(|token| !is_known(token)).collect();
        if unknown.is_empty() {
            return false;
        }
        let unsupported = unknown.join(&b", "[..]);
        self.reply(now, asked, 420, |writer| {
            writer.field("Unsupported", &unsupported);
        });
        true
    }

    fn reply_allow(&mut self, now: u64, asked: &Asked, status: u16) {
        let allowed = self.allowed();
        self.reply(now, asked, status, |writer| {
            writer.field("Allow", allowed);
            writer.field("Accept", "application/sdp");
        });
    }

    pub(super) fn reply(&mut self, now: u64, asked: &Asked, status: u16, more: impl FnOnce(&mut Writer)) {
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

/// Whether an answer with a session description may be sent: Accept, if there is one, lists that kind (RFC 3261 section 20.1).
fn takes_descriptions(request: &Request) -> bool {
    let mut fields = ACCEPT.of(request.head()).peekable();
    let is_ours = |range: &[u8]| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        [&b"application/sdp"[..], b"application/*", b"*/*"].iter().any(|ours| kind.eq_ignore_ascii_case(ours))
    };
    fields.peek().is_none() || ACCEPT.tokens(request.head()).any(is_ours)
}

/// Whether there is no body, or one that is a plain session description.
pub(super) fn has_readable_body(request: &Request) -> bool {
    let head = request.head();
    let is_plain = head.first(Name::ContentEncoding).is_none_or(|encoding| encoding.eq_ignore_ascii_case(b"identity"));
    let kind = head.first(Name::ContentType).map(|kind| kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
    request.body().is_empty() || (is_plain && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(b"application/sdp")))
}

//! INFO inside a call (RFC 6086, as RFC 2976 knew it): what both sides tell each other there, such as keys.
//!
//! Not here: what a body means; the owner reads it.

use super::requests::Asked;
use super::{CallKey, Endpoint, SessionEvent};
use crate::dialog::call::Stage;
use crate::message::Name;
use crate::transaction::{Outcome, Owner};
use bytes::Bytes;

/// The kinds of body that are told to the owner; others get 415.
pub const INFO_KINDS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

impl Endpoint {
    /// Tells the far side something; [`SessionEvent::Informed`] follows. One at a time keeps them in order. `false` if the call is not
    /// confirmed, or too much is under way.
    pub fn inform(&mut self, now: u64, call: CallKey, kind: &str, body: &[u8]) -> bool {
        let is_ready = self.calls.get(&call).is_some_and(|found| !found.is_told && matches!(found.stage, Stage::Confirmed));
        is_ready && self.send_plain(now, call, b"INFO", Owner::Info(call), &[("Content-Type", kind.to_owned())], body)
    }

    /// An INFO of the far side.
    pub(super) fn informed(&mut self, now: u64, key: CallKey, asked: &Asked) {
        let head = asked.request.head();
        let kind = head.first(Name::ContentType).map(|kind| kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
        let kind = INFO_KINDS.into_iter().find(|ours| kind.is_some_and(|kind| kind.eq_ignore_ascii_case(ours.as_bytes())));
        let body = asked.request.body();
        match kind {
            Some(kind) => {
                self.reply(now, asked, 200, |_| {});
                self.tell(key, SessionEvent::Told { kind, body: Bytes::copy_from_slice(body) });
            }
            // Nothing at all asks whether the call is still there.
            None if body.is_empty() => self.reply(now, asked, 200, |_| {}),
            None => self.reply(now, asked, 415, |writer| {
                writer.field("Accept", INFO_KINDS.join(", "));
            }),
        }
    }

    /// The end of an INFO of ours.
    pub(super) fn info_answered(&mut self, call: CallKey, outcome: &Outcome) {
        let status = match outcome {
            Outcome::Response(response) => response.status(),
            Outcome::TimedOut => 408,
        };
        self.tell(call, SessionEvent::Informed(status));
    }
}

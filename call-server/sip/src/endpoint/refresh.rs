//! Keeping a session alive, and ending it when the far side does not (RFC 4028 section 10).

use super::{CallKey, Ending, Endpoint};
use crate::dialog::call::Stage;
use crate::dialog::session_timer::SHORTEST_S;
use crate::dialog::talk::{Carrier, Negotiation, OurOffer};
use crate::message::Method;
use crate::transaction::Owner;
use bytes::Bytes;

impl Endpoint {
    /// The session is half over: it is refreshed by UPDATE if the far side knows it, else by a re-INVITE with the same description.
    pub(super) fn refresh(&mut self, now: u64, call: CallKey) {
        let Some(found) = self.calls.get(&call).filter(|found| !found.is_told) else { return };
        let talk = &found.party.talk;
        let is_ready = matches!(found.stage, Stage::Confirmed) && talk.may_offer();
        let (tag, local, by_update) = (found.party.dialog.id.remote_tag.clone(), talk.local.clone(), talk.allows_update);
        let is_sent = is_ready && {
            let (method, owner, body) = if by_update {
                (Method::Other(Bytes::from_static(b"UPDATE")), Owner::Update(call), Bytes::new())
            } else {
                (Method::Invite, Owner::ReInvite(call), local.clone())
            };
            self.send_inside(now, call, &tag, &method, owner, &body)
        };
        self.with_call(call, |found| {
            let talk = &mut found.party.talk;
            match (is_sent, by_update) {
                (true, true) => talk.is_refreshing = true,
                (true, false) => {
                    talk.state = Negotiation::Ours(OurOffer { carrier: Carrier::ReInvite, description: local, attempts: 0 });
                }
                // Something else is under way: soon again.
                (false, _) => {
                    if let Some(timer) = talk.timer.as_mut() {
                        timer.refresh_at = Some(now.saturating_add(1_000));
                    }
                }
            }
        });
    }

    /// Nobody refreshed the session.
    pub(super) fn expire(&mut self, now: u64, call: CallKey) {
        self.with_call(call, |found| found.party.talk.timer = None);
        match self.calls.get(&call).map(|found| &found.stage) {
            Some(Stage::Confirmed | Stage::Owing { .. }) => {
                self.leave(now, call, Ending::Expired, Some("SIP;cause=408;text=\"Session expired\""));
            }
            // The wait for the ACK ends the call by itself.
            Some(Stage::Answered { .. } | Stage::Pending(_) | Stage::Calling(_) | Stage::Challenged { .. } | Stage::Leaving) | None => {}
        }
    }

    pub(super) fn shortest_session_s(&self) -> u32 {
        self.settings.shortest_session_s.max(SHORTEST_S)
    }
}

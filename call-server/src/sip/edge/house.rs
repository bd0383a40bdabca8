//! The edge's work for phones of the house: their registrations, their calls, their paths through address translation.

use super::Edge;
use crate::sip::counters::Counter;
use crate::sip::legs::PathCall;
use crate::sip::refusal::Reason;
use crate::sip::registrar::{Answer, BindingStatus, Passage, PhoneBook};
use crate::sip::scanners::Verdict;
use bytes::Bytes;
use call_core::Input;
use call_core::input::CallOffered;
use call_core::origin::Origin;
use shared::model::{Caller, TrunkId};
use shared::pii::Pii;
use sip_core::ServedKey;
use sip_core::message::Request;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;

/// What stands for the phones of the house where a trunk is named: no trunk of the configuration has this id.
const HOUSE: TrunkId = TrunkId(0);
/// What keeps a path open (RFC 5626 section 3.5.1).
pub(super) const KEEP_ALIVE: &[u8] = b"\r\n\r\n";

/// What the edge's task is asked for about phones.
#[derive(Debug)]
pub(in crate::sip) enum HouseOrder {
    /// These are the phones from now on.
    Learn(Box<PhoneBook>),
    /// Where are they?
    Status(SyncSender<Vec<BindingStatus>>),
}

impl Edge {
    pub(super) fn obey_house(&mut self, now: u64, order: HouseOrder) {
        match order {
            HouseOrder::Learn(book) => self.registrar.learn(*book),
            // Whoever asked may have gone away.
            HouseOrder::Status(reply) => drop(reply.try_send(self.registrar.status(now))),
        }
    }

    /// A REGISTER: of a phone of the house, or of somebody who has no business here.
    pub(super) fn asked(&mut self, path: usize, request: ServedKey, source: SocketAddr, message: &Request) {
        let now = self.now();
        let answer = if !self.registrar.covers(source.ip()) {
            Answer::plain(405)
        } else if self.watch.ignores(now, source.ip()) {
            Answer::plain(403)
        } else {
            self.registrar.register(now, path, source, message)
        };
        self.judge(now, source, &answer);
        if let Some(endpoint) = self.endpoints.get_mut(path) {
            endpoint.respond(now, request, answer.status, &answer.fields);
        }
    }

    /// An INVITE from where phones are.
    pub(super) fn offered_by_phone(&mut self, call: PathCall, source: SocketAddr, invite: &Request) {
        let now = self.now();
        let passage =
            if self.watch.ignores(now, source.ip()) { Passage::Refused(Answer::plain(403)) } else { self.registrar.admit(now, invite) };
        match passage {
            Passage::Open { caller, dialled } => {
                self.counters.add(Counter::Call);
                let leg = self.legs.enter(call);
                self.traces.leg(&invite.identity().call_id, leg);
                tracing::info!(%leg, "a phone of the house calls");
                let caller = Caller { number: Some(Pii::new(caller)) };
                let offer = super::offer(invite);
                let origin = Origin { of_a_phone: true, ..self.origin(call.0, source, invite) };
                self.inbox.send(Input::CallOffered(CallOffered { leg, trunk: HOUSE, caller, dialled, offer, probe: false, origin }));
            }
            Passage::NoNumber => self.refuse(call, Reason::NoNumber),
            Passage::Refused(answer) => {
                self.judge(now, source, &answer);
                if let Some(endpoint) = self.endpoints.get_mut(call.0) {
                    endpoint.refuse_with(now, call.1, answer.status, &answer.fields);
                }
            }
        }
    }

    /// A wrong secret is counted, and whoever goes on with it is ignored for a time as any stranger is.
    fn judge(&mut self, now: u64, source: SocketAddr, answer: &Answer) {
        if answer.is_offence {
            self.counters.add(Counter::DeniedPhone);
            tracing::info!(%source, status = answer.status, "a phone shows a wrong secret, or wants another's number");
            if self.watch.judge(now, source.ip(), None) == Verdict::Ignore {
                tracing::warn!(%source, "a phone tried too many wrong secrets: it is ignored for a time");
            }
        }
    }

    pub(super) fn keep_phones(&mut self, now: u64) {
        for (path, target) in self.registrar.keep_alive(now) {
            self.send(path, target, Bytes::from_static(KEEP_ALIVE));
        }
        for (number, registered) in self.registrar.presence_news(now) {
            self.inbox.send(Input::PhoneRegistered { number, registered });
        }
    }
}

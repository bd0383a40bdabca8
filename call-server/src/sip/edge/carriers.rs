//! The edge's work for trunks in operation: it lends them its endpoints, asks the name service for them, and learns their addresses.

use super::house::KEEP_ALIVE;
use super::{Edge, Source};
use crate::sip::Order;
use crate::sip::destination::{Destination, Transport};
use crate::sip::sockets::local_towards;
use crate::sip::trunks::{TestReply, TestWish, Told, TrunkStatus, Ways};
use crate::sip::wires::Wires;
use bytes::Bytes;
use call_core::Input;
use call_core::command::{CallTo, Dial, SessionText};
use shared::model::{LegId, TrunkId};
use sip_core::{Endpoint, Event};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::SyncSender;

/// How long an address that a name once led to may call in, in ms.
const LEARNED_MS: u64 = 24 * 3_600_000;

/// What the edge's task is asked for about trunks.
#[derive(Debug)]
pub(in crate::sip) enum CarrierOrder {
    /// How are they?
    Status(SyncSender<Vec<TrunkStatus>>),
    /// Test one.
    Test(TestWish, TestReply),
    /// The name service has answered.
    Located(TrunkId, String, Result<Vec<Destination>, String>),
}

/// The edge's ways out.
struct EdgeWays<'a> {
    endpoints: &'a mut [Endpoint],
    wires: &'a mut Wires,
}

impl Ways for EdgeWays<'_> {
    fn way(&mut self, to: &Destination) -> Option<usize> {
        let fits = |(transport, bound): (Transport, SocketAddr)| transport == to.transport && bound.is_ipv4() == to.address.is_ipv4();
        let path = self.wires.listening().position(fits)?;
        // A name that the certificate must bear has to be known before the first packet opens a connection without one.
        if to.tls_name.is_some() && !self.wires.is_connected(path, to.address) {
            self.wires.connect(path, to.address, to.tls_name.as_deref()).then_some(())?;
        }
        Some(path)
    }

    fn local(&mut self, to: &Destination) -> Option<IpAddr> {
        local_towards(to.address)
    }

    fn endpoint(&mut self, path: usize) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(path)
    }
}

impl Edge {
    /// What is due for trunks: registrations, questions to targets, tests.
    pub(super) fn tend_lines(&mut self, now: u64) {
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        self.lines.handle_timeout(now, &mut ways);
        for (path, target) in self.lines.keep_open(now, &mut ways) {
            self.send(path, target, Bytes::from_static(KEEP_ALIVE));
        }
        for (trunk, uri) in self.lines.wanted(now) {
            let (locator, orders) = (self.locator.clone(), self.orders.clone());
            tokio::spawn(async move {
                let found = locator.locate(&uri).await.map_err(|error| error.to_string());
                // The edge may have stopped meanwhile.
                if let Some(orders) = orders.upgrade() {
                    let _ = orders.send(Order::Carriers(CarrierOrder::Located(trunk, uri, found))).await;
                }
            });
        }
    }

    /// A way to this peer is broken: a packet did not go out, or the connection is over.
    pub(super) fn way_lost(&mut self, path: usize, peer: SocketAddr) {
        if let Some((transport, _)) = self.wires.listening().nth(path) {
            let now = self.now();
            self.lines.way_lost(now, transport, peer);
        }
    }

    /// Places a call of ours.
    pub(super) fn place(&mut self, now: u64, wish: Dial) {
        let phone = match &wish.to {
            CallTo::Number(_) | CallTo::Fixed { .. } => None,
            CallTo::Phone(number) => self.registrar.place(now, number),
        };
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        tracing::debug!(leg = %wish.leg, "a call is placed");
        self.lines.place(now, &mut ways, wish, phone);
    }

    /// The offer that a call of ours waits for.
    pub(super) fn offer(&mut self, now: u64, leg: LegId, offer: &SessionText) {
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        self.lines.offer(now, &mut ways, leg, offer.0.to_string());
    }

    /// A call of ours is not wanted any more; `false` if it is none, or was answered.
    pub(super) fn give_up(&mut self, now: u64, leg: LegId) -> bool {
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        self.lines.give_up(now, &mut ways, leg)
    }

    /// Tells the core of calls of ours; whether there was anything.
    pub(super) fn tell_placed(&mut self) -> bool {
        let told = self.lines.take_told();
        let has_told = !told.is_empty();
        let text = |description: &Bytes| SessionText(String::from_utf8_lossy(description).into());
        let some = |description: Bytes| (!description.is_empty()).then(|| text(&description));
        for (leg, told) in told {
            self.inbox.send(match told {
                Told::Ringing(early) => Input::LegRinging { leg, early: some(early) },
                Told::WantsOffer(terms) => Input::LegWantsOffer { leg, terms },
                Told::Answered(call, answer) => {
                    self.legs.answered(leg, call);
                    Input::LegAnswered { leg, answer: some(answer) }
                }
                Told::Over(cause) => Input::LegEnded { leg, cause },
            });
        }
        has_told
    }

    pub(super) fn obey_carriers(&mut self, now: u64, order: CarrierOrder) {
        match order {
            // Whoever asked may have gone away.
            CarrierOrder::Status(reply) => drop(reply.try_send(self.lines.status(now))),
            CarrierOrder::Test(wish, reply) => {
                let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
                self.lines.test(now, &mut ways, &wish, reply);
            }
            CarrierOrder::Located(trunk, uri, found) => {
                self.lines.located(now, trunk, &uri, found);
                self.learn_sources(now);
            }
        }
    }

    /// What a name leads to may call in, also for a while after it leads elsewhere: calls live longer than a name's answer.
    fn learn_sources(&mut self, now: u64) {
        let until = Some(now.saturating_add(LEARNED_MS));
        self.sources.retain(|_, source| source.until.is_none_or(|until| now < until));
        for (trunk, address) in self.lines.take_found() {
            let source = self.sources.entry(address).or_insert(Source { trunk, probe: false, until });
            // Those of the configuration stay as they are.
            if source.until.is_some() && source.trunk == trunk {
                source.until = until;
            }
        }
    }

    /// Gives events of our own requests and calls to the lines; all others come back.
    pub(super) fn of_lines(&mut self, path: usize, event: Event) -> Option<Event> {
        let now = self.now();
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        match event {
            Event::Responded { request, response } => {
                self.lines.responded(now, &mut ways, path, request, response);
                None
            }
            Event::Confirmed { call, .. } | Event::Ended { call, .. } | Event::Session { call, .. } => {
                self.lines.happened(now, &mut ways, (path, call), event)
            }
            Event::Offered { .. } | Event::Asked { .. } => Some(event),
        }
    }
}

//! The edge's work for trunks in operation: it lends them its endpoints, asks the name service for them, and learns their addresses.

use super::{Edge, Source};
use crate::sip::Order;
use crate::sip::destination::{Destination, Transport};
use crate::sip::trunks::{TestReply, TestWish, Told, TrunkStatus, Ways};
use crate::sip::wires::Wires;
use call_core::Input;
use call_core::command::{CallTo, Dial, SessionText};
use shared::model::{LegId, TrunkId};
use sip_core::{Endpoint, Event};
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;

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

    fn endpoint(&mut self, path: usize) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(path)
    }
}

impl Edge {
    /// What is due for trunks: registrations, questions to targets, tests.
    pub(super) fn tend_lines(&mut self, now: u64) {
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        self.lines.handle_timeout(now, &mut ways);
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

    /// Places a call of ours.
    pub(super) fn place(&mut self, now: u64, wish: Dial) {
        let phone = match &wish.to {
            CallTo::Number(_) => None,
            CallTo::Phone(number) => self.registrar.place(now, number),
        };
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        tracing::info!(leg = %wish.leg, "a call is placed");
        self.lines.place(now, &mut ways, wish, phone);
    }

    /// A call of ours is not wanted any more; `false` if it is none, or was answered.
    pub(super) fn give_up(&mut self, now: u64, leg: LegId) -> bool {
        let mut ways = EdgeWays { endpoints: &mut self.endpoints, wires: &mut self.wires };
        self.lines.give_up(now, &mut ways, leg)
    }

    /// Tells the core of calls of ours.
    pub(super) fn tell_placed(&mut self) {
        let text = |description: &bytes::Bytes| SessionText(String::from_utf8_lossy(description).into());
        let some = |description: bytes::Bytes| (!description.is_empty()).then(|| text(&description));
        for (leg, told) in self.lines.take_told() {
            self.inbox.send(match told {
                Told::Ringing(early) => Input::LegRinging { leg, early: some(early) },
                Told::Answered(call, answer) => {
                    self.legs.answered(leg, call);
                    Input::LegAnswered { leg, answer: some(answer) }
                }
                Told::Over(cause) => Input::LegEnded { leg, cause },
            });
        }
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
                for (trunk, address) in self.lines.take_found() {
                    self.sources.entry(address).or_insert(Source { trunk, probe: false });
                }
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

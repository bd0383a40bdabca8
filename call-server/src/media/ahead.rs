//! Reading ahead. What a packet's way touches lies far apart in memory, and of a thousand calls little of it is near the processor: asked for
//! when it is needed, each piece is waited for. Here a word of each is read before the first packet is taken, for many packets at
//! once, so that their waits pass together. Nothing is decided or changed.

use super::agent::client_ssrc;
use super::net::Token;
use super::orders::Slot;
use super::secret::Secrets;
use super::worker::Worker;

/// So many packets' ways are read ahead at once: what they touch must still be near when the last of them is taken.
pub(super) const AT_ONCE: usize = 16;

/// A talk, and the place in it of whoever speaks.
type Seat = (u16, u8);

impl Worker {
    /// The ways of the packets whose sockets are read next.
    pub(super) fn read_trunks_ahead(&self) {
        self.read_ahead(self.poller.next().map(|token| match token {
            Token::Trunk(slot) => self.trunks.get(slot).and_then(|leg| leg.read_ahead()),
            Token::Wake | Token::Agents | Token::Tunnel | Token::TrunkReports(_) => None,
        }));
    }

    /// The ways of these packets of agents.
    pub(super) fn read_agents_ahead<'a>(&self, packets: impl Iterator<Item = &'a [u8]>) {
        self.read_ahead(packets.map(|packet| self.agents.get(Secrets::slot(client_ssrc(packet)?))?.read_ahead()));
    }

    fn read_ahead(&self, speakers: impl Iterator<Item = Option<Seat>>) {
        let mut seats = [None; AT_ONCE];
        seats.iter_mut().zip(speakers).for_each(|(seat, speaker)| *seat = speaker);
        let listeners = seats.map(|seat| {
            let (talk, place) = seat?;
            let talk = self.talks.get(talk)?;
            talk.watch.read_ahead();
            talk.peer(place)
        });
        for listener in listeners.into_iter().flatten() {
            let _ = match listener {
                Slot::Trunk(slot) => self.trunks.get(slot).and_then(|leg| leg.read_ahead()),
                Slot::Agent(slot) => self.agents.get(slot).and_then(|leg| leg.read_ahead()),
            };
        }
    }
}

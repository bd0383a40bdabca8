//! Requests of the far side outside of calls that the owner answers: REGISTER (RFC 3261 section 10.3).

use super::{Asked, Endpoint, Event, ServedKey};

impl Endpoint {
    pub(super) fn tell_asked(&mut self, asked: Asked) {
        self.last_served = self.last_served.saturating_add(1);
        let request = ServedKey(self.last_served);
        let (source, message) = (asked.source, Box::new(asked.request.clone()));
        self.served.insert(request, asked);
        self.events.push_back(Event::Asked { request, source, message });
    }

    /// Answers a request with a final status and these fields. The owner answers each one as soon as it hears of it: nothing here waits
    /// for it. Does nothing for one that is answered already.
    pub fn respond(&mut self, now: u64, request: ServedKey, status: u16, fields: &[(&str, String)]) {
        let Some(asked) = self.served.remove(&request) else { return };
        self.reply(now, &asked, status, |writer| {
            for (name, value) in fields {
                writer.field(name, value);
            }
        });
    }
}

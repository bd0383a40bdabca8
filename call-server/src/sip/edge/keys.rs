//! Keys that travel in the signalling: INFO with `application/dtmf-relay` or `application/dtmf`, as gateways have sent it since RFC 2976.
//!
//! One INFO at a time for each call: a second one that overtakes the first would be refused (RFC 3261 section 12.2.2), and a key lost.

use super::Edge;
use crate::sip::legs::PathCall;
use call_core::Input;
use std::collections::{BTreeMap, VecDeque};

/// Most keys that wait in one call; further ones are passed over.
const MAX_KEYS: usize = 32;
/// How long a key is pressed, as we tell it, in ms.
const PRESSED_MS: u32 = 100;

/// Keys on their way, by call; the first of each row has been sent.
#[derive(Debug, Default)]
pub(super) struct KeysOut(BTreeMap<PathCall, VecDeque<char>>);

impl KeysOut {
    /// Takes more keys; gives the one that is to be sent now.
    fn press(&mut self, call: PathCall, keys: &str) -> Option<char> {
        let row = self.0.entry(call).or_default();
        let was_idle = row.is_empty();
        row.extend(keys.chars().filter(|key| is_key(*key)).take(MAX_KEYS.saturating_sub(row.len())));
        let first = row.front().copied();
        if first.is_none() {
            self.0.remove(&call);
        }
        first.filter(|_| was_idle)
    }

    /// The key under way has arrived, or never will; gives the next one.
    fn next(&mut self, call: PathCall) -> Option<char> {
        let row = self.0.get_mut(&call)?;
        row.pop_front();
        let next = row.front().copied();
        if next.is_none() {
            self.0.remove(&call);
        }
        next
    }

    /// The call is over.
    pub(super) fn forget(&mut self, call: PathCall) {
        self.0.remove(&call);
    }
}

impl Edge {
    /// We press keys.
    pub(super) fn press_keys(&mut self, call: PathCall, keys: &str) {
        if let Some(key) = self.keys_out.press(call, keys) {
            self.tell_keys(call, key);
        }
    }

    /// What told a key was answered.
    pub(super) fn key_told(&mut self, call: PathCall, status: u16) {
        if status >= 300 {
            tracing::info!(leg = ?self.legs.leg(call), status, "the far side does not take a key by INFO");
        }
        if let Some(key) = self.keys_out.next(call) {
            self.tell_keys(call, key);
        }
    }

    fn tell_keys(&mut self, call: PathCall, key: char) {
        let now = self.now();
        let body = format!("Signal={key}\r\nDuration={PRESSED_MS}\r\n");
        let is_sent =
            self.endpoints.get_mut(call.0).is_some_and(|endpoint| endpoint.inform(now, call.1, "application/dtmf-relay", body.as_bytes()));
        if !is_sent {
            // Before the answer, or behind the end: a key means nothing there.
            self.keys_out.forget(call);
        }
    }

    /// The far side has pressed a key, if its trunk tells keys so: where they are told beside the voice, too, each would count twice.
    pub(super) fn key_heard(&mut self, call: PathCall, body: &[u8]) {
        let leg = self.legs.leg(call).filter(|_| self.lines.tells_keys(call));
        if let (Some(leg), Some(digit)) = (leg, key_of(body)) {
            self.inbox.send(Input::Digit { leg, digit });
        }
    }
}

/// The key of a body: `Signal=5` on a line of its own, or the key alone; 10 and 11 are the star and the hash.
fn key_of(body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = text.lines().filter_map(|line| line.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("signal"));
    let value = signal.map_or(text, |(_, value)| value).trim();
    match value {
        "10" => Some('*'),
        "11" => Some('#'),
        one => {
            let mut characters = one.chars().map(|key| key.to_ascii_uppercase());
            characters.next().filter(|key| is_key(*key) && characters.next().is_none())
        }
    }
}

fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}

#[cfg(test)]
mod tests {
    use super::{KeysOut, MAX_KEYS, key_of};
    use sip_core::CallKey;

    #[test]
    fn a_key_is_read_in_each_way_that_gateways_write_it() {
        for (body, key) in [
            ("Signal=5\r\nDuration=160\r\n", Some('5')),
            ("Duration=160\nsignal = # \n", Some('#')),
            ("Signal=11\r\n", Some('#')),
            ("10", Some('*')),
            ("7\r\n", Some('7')),
            ("a", Some('A')),
            ("Signal=55", None),
            ("Signal=", None),
            ("flash", None),
            ("", None),
        ] {
            assert_eq!(key_of(body.as_bytes()), key, "{body:?}");
        }
        assert_eq!(key_of(&[0xFF]), None);
    }

    #[test]
    fn keys_go_out_one_behind_the_other_and_never_more_than_the_limit() {
        let (mut keys, call) = (KeysOut::default(), (0, CallKey(1)));
        assert_eq!((keys.press(call, "x"), keys.press(call, "1x2"), keys.press(call, "#")), (None, Some('1'), None));
        assert_eq!([keys.next(call), keys.next(call), keys.next(call), keys.next(call)], [Some('2'), Some('#'), None, None]);
        assert_eq!(keys.press(call, &"9".repeat(1_000)), Some('9'));
        assert_eq!((0..1_000).take_while(|_| keys.next(call).is_some()).count(), MAX_KEYS - 1);
        assert!(keys.0.is_empty());
    }
}

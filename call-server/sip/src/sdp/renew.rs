//! What we say to a later offer of the same call when nothing changes on our side (RFC 3264 section 8): hold, a moved address, a refresh.
//!
//! Not here: sending voice to the new address, or not; the owner of the voice path reads the far side's offer for that.

use super::{Answer, Crypto, Direction, Local, Offer, Security};

/// Our description in force, read back.
struct Before {
    local: Local,
    audio: Offer,
}

impl Before {
    fn read(text: &str) -> Option<Self> {
        let audio = Offer::parse_secured(text, Security::Preferred).ok()?;
        let mut origin = text.lines().find_map(|line| line.strip_prefix("o="))?.split(' ').skip(1);
        let (session_id, session_version) = (origin.next()?.parse().ok()?, origin.next()?.parse().ok()?);
        Some(Self { local: Local { address: audio.address, port: audio.port, session_id, session_version }, audio })
    }

    fn security(&self) -> Security {
        if self.audio.crypto.is_empty() { Security::Plain } else { Security::Required }
    }

    /// Our key under the tag of the far side's line with the same suite.
    fn key_for(&self, offer: &Offer) -> Option<Crypto> {
        let ours = self.audio.crypto.first()?;
        let line = offer.choose_crypto(&[ours.suite])?;
        Crypto::new(line.tag, ours.suite, ours.key())
    }

    fn answer(&self, offer: &Offer, session_version: u64) -> Option<Answer> {
        let codecs: Vec<_> = self.audio.codecs.iter().map(|codec| codec.codec).collect();
        let local = Local { session_version, ..self.local };
        let answer = match self.audio.opus {
            Some(ours) => offer.answer_with_opus(local, &codecs, ours)?,
            None => offer.answer(local, &codecs)?,
        };
        let has_keys = self.audio.telephone_event.or(self.audio.wide_telephone_event).is_some();
        let answer = if has_keys { answer } else { answer.without_keys() };
        let answer = if self.audio.rtcp_mux && offer.rtcp_mux { answer.multiplexed() } else { answer };
        match self.security() {
            Security::Required => Some(answer.secured(self.key_for(offer)?)),
            Security::Plain | Security::Preferred => Some(answer),
        }
    }
}

/// The answer to `offer` that leaves our side of the voice as `before` (our description in force) says: same address, port, codecs and
/// key. Its version grows only if its text changes. `None` if that is no answer to this offer: no codec or key suite in common, encryption
/// dropped, no usable text on either side.
#[must_use]
pub fn renewed(before: &str, offer: &str) -> Option<String> {
    let ours = Before::read(before)?;
    let offer = Offer::parse_secured(offer, ours.security()).ok()?;
    let same = ours.answer(&offer, ours.local.session_version)?.to_string();
    if same == before {
        return Some(same);
    }
    Some(ours.answer(&offer, ours.local.session_version.saturating_add(1))?.to_string())
}

/// The direction of a description's audio, whatever its transport; both ways if it has none that can be read.
#[must_use]
pub fn direction(text: &str) -> Direction {
    let security = [Security::Plain, Security::Required];
    let read = security.into_iter().find_map(|security| Offer::parse_secured(text, security).ok());
    read.map_or(Direction::SendReceive, |offer| offer.direction)
}

#[cfg(test)]
mod tests {
    use super::super::{Codec, Crypto, Local, Offer, Opus, Security, Suite};
    use super::renewed;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn offer(direction: &str) -> String {
        format!(
            "v=0\r\no=far 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        )
    }

    fn local() -> Local {
        Local { address: "192.0.2.9".parse().expect("an address"), port: 20_000, session_id: 7, session_version: 1 }
    }

    fn agreed() -> String {
        let answer = Offer::parse(&offer("sendrecv")).expect("an offer").answer(local(), &[Codec::Pcma, Codec::Pcmu]);
        answer.expect("a common codec").to_string()
    }

    #[test]
    fn a_refresh_is_answered_with_the_very_same_text() {
        assert_eq!(renewed(&agreed(), &offer("sendrecv")), Some(agreed()));
    }

    #[test]
    fn a_hold_turns_our_direction_and_the_version_grows_and_back() {
        let held = renewed(&agreed(), &offer("sendonly")).expect("an answer");
        assert!(
            held.contains("o=- 7 2 IN") && held.contains("a=recvonly\r\n") && held.contains("m=audio 20000 RTP/AVP 8 101\r\n"),
            "{held}"
        );
        let back = renewed(&held, &offer("sendrecv")).expect("an answer");
        assert!(back.contains("o=- 7 3 IN") && back.contains("a=sendrecv\r\n"), "{back}");
    }

    #[test]
    fn an_offer_without_our_codec_or_without_text_has_no_such_answer() {
        assert_eq!(renewed(&agreed(), &offer("sendrecv").replace("RTP/AVP 0 8 101", "RTP/AVP 0 101")), None);
        assert_eq!((renewed(&agreed(), "hello"), renewed("hello", &offer("sendrecv"))), (None, None));
    }

    #[test]
    fn a_call_in_opus_stays_in_opus_and_one_without_does_not_get_it() {
        let wide = offer("sendrecv").replace(" 0 8 101", " 96 0 8 101") + "a=rtpmap:96 opus/48000/2\r\n";
        let first = Offer::parse(&wide).expect("an offer").answer_with_opus(local(), &[Codec::Pcma], Opus::for_speech());
        let before = first.expect("a common codec").to_string();
        assert_eq!(renewed(&before, &wide), Some(before.clone()));
        assert!(renewed(&agreed(), &wide).expect("an answer").contains("RTP/AVP 8 101\r\n"));
    }

    #[test]
    fn an_encrypted_call_keeps_our_key_and_never_becomes_plain() {
        let secured =
            |tag| offer("sendrecv").replace("RTP/AVP", "RTP/SAVP") + &format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
        let first = Offer::parse_secured(&secured(1), Security::Required).expect("an offer");
        let key = Crypto::new(1, Suite::AesCm128HmacSha1Tag80, &[9; 30]).expect("30 bytes");
        let before = first.answer(local(), &[Codec::Pcma]).expect("a common codec").secured(key.clone()).to_string();
        assert_eq!(renewed(&before, &secured(1)), Some(before.clone()));
        let retagged = renewed(&before, &secured(5)).expect("an answer");
        assert!(retagged.contains("o=- 7 2 ") && retagged.contains(&key.to_string().replacen('1', "5", 1)), "{retagged}");
        assert_eq!(renewed(&before, &offer("sendrecv")), None);
        assert_eq!(renewed(&before, &secured(1).replace("SHA1_80", "SHA1_32")), None);
    }
}

//! The call of a test: to see that a number can be reached by a trunk's own terms. Nothing is said (RFC 3264 section 5.1), and it is hung up as
//! soon as somebody answers.

use super::Ways;
use super::dial::{Dial, Offered, Purpose, Stop};
use super::line::Line;
use super::placing::{draw, may_carry, stops};
use call_core::command::VoiceTerms;
use call_core::plan::{KeyMode, MAX_ATTEMPTS, NumberShape, Srtp, TrunkCodec, TrunkPlan, choose};
use shared::model::{Caller, PhoneNumber};
use sip_core::sdp::{Codec, Crypto, LateOffer, Local, Opus, Suite};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Nobody listens there (RFC 863).
const DISCARD_PORT: u16 = 9;

/// Calls a number over a trunk, whatever numbers it usually takes.
pub(super) fn dial(now: u64, ways: &mut dyn Ways, line: &mut Line, number: &PhoneNumber, own: IpAddr) -> Dial {
    let every = TrunkPlan { outbound: vec![NumberShape::default()], ..line.settings.carrier.plan.clone() };
    let (id, plan) = (line.settings.id, BTreeMap::from([(line.settings.id, every)]));
    let states = BTreeMap::from([(id, line.state(now))]);
    let choice = choose(&plan, &states, number, draw);
    let places = choice.attempts.iter().flat_map(|attempt| stops(line, attempt.target, (number, &Caller::default()), own));
    let stops: Vec<Stop> = places.filter(may_carry).take(MAX_ATTEMPTS).collect();
    let terms = stops.first().and_then(|stop| stop.terms.clone()).unwrap_or_default();
    let mut dial = Dial::begin(now, ways, Purpose::Test, Offered { description: offer(own, &terms), terms }, stops);
    supply(now, ways, &mut dial, own);
    dial
}

/// Gives a test call the offer that its next place wants.
pub(super) fn supply(now: u64, ways: &mut dyn Ways, dial: &mut Dial, own: IpAddr) {
    while let Some(terms) = dial.wants_offer() {
        dial.offer(now, ways, offer(own, &terms));
    }
}

/// An offer by these terms under which nobody sends anything.
fn offer(own: IpAddr, terms: &VoiceTerms) -> String {
    let voice = &terms.voice;
    let laws = voice.codecs.iter().filter_map(|codec| match codec {
        TrunkCodec::Pcma => Some(Codec::Pcma),
        TrunkCodec::Pcmu => Some(Codec::Pcmu),
        TrunkCodec::Opus => None,
    });
    let local = Local { address: own, port: DISCARD_PORT, session_id: 1, session_version: 1 };
    let mut offer = LateOffer::new(local, laws.collect()).inactive();
    if voice.codecs.first() == Some(&TrunkCodec::Opus) {
        offer = offer.with_opus(Opus::for_speech());
    }
    if voice.keys != KeyMode::Rfc4733 {
        offer = offer.without_keys();
    }
    if voice.srtp == Srtp::Required {
        offer = offer.secured(key().into_iter().collect());
    }
    offer.to_string()
}

/// A key that will protect nothing.
fn key() -> Option<Crypto> {
    let suite = Suite::AesCm128HmacSha1Tag80;
    let mut bytes = vec![0; suite.key_bytes()];
    getrandom::fill(&mut bytes).ok()?;
    Crypto::new(1, suite, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::plan::TrunkVoice;

    #[test]
    fn a_test_call_offers_what_the_trunk_wants_and_is_silent() {
        let offered = |voice: TrunkVoice| offer("192.0.2.9".parse().expect("an address"), &VoiceTerms { voice, ..VoiceTerms::default() });
        let usual = offered(TrunkVoice::default());
        assert!(usual.contains("\r\nm=audio 9 RTP/AVP 8 0 101\r\n") && usual.contains("\r\na=inactive\r\n"), "{usual}");
        let codecs = vec![TrunkCodec::Opus, TrunkCodec::Pcmu];
        let other = offered(TrunkVoice { codecs, keys: KeyMode::Info, srtp: Srtp::Required, ..TrunkVoice::default() });
        assert!(other.contains("m=audio 9 RTP/SAVP ") && other.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{other}");
        assert!(other.contains("opus/48000/2") && !other.contains("PCMA") && !other.contains("telephone-event"), "{other}");
    }
}

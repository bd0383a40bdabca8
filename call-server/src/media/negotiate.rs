//! What is agreed with a trunk: from its session description to ours (RFC 3264, RFC 4568, RFC 5761), without a socket.

use super::guard::{Guard, Keys};
use super::trunk::{Agreement, Format, Path, Reports};
use super::wide::OpusVoice;
use call_core::command::{SessionText, VoiceTerms};
use call_core::input::MediaFailure;
use call_core::plan::{KeyMode, Srtp, TrunkCodec};
use sip_core::sdp::{
    Answer, Codec, Crypto, LateOffer, Local, OUR_TELEPHONE_EVENT, OUR_WIDE_TELEPHONE_EVENT, Offer, Opus, SdpError, Security, Suite,
};
use std::net::SocketAddr;
use voice::srtp::MasterKey;

/// Suites of ours, the liked one first: AES-GCM is half the work.
const SUITES: [Suite; 2] = [Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1Tag80];
/// The one of an offer of ours: every device that does SRTP has it, and a single key leaves no doubt whose it is.
const OFFERED_SUITE: Suite = Suite::AesCm128HmacSha1Tag80;

/// How a leg's voice may travel, and by which keys it does.
#[derive(Debug)]
pub(super) struct Terms {
    laws: Vec<Codec>,
    opus: UsesOpus,
    keys: KeyMode,
    security: Security,
    ipv6: bool,
    nat: bool,
    /// The key of ours that is in force, and the far side's once it is known.
    ours: Option<Crypto>,
    theirs: Option<Crypto>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UsesOpus {
    Never,
    /// Only with a far side that has nothing else.
    BehindLaws,
    First,
}

impl Terms {
    /// # Errors
    /// The voice must be encrypted, but keys may not stand in a description that others can read.
    fn read(terms: &VoiceTerms) -> Result<Self, MediaFailure> {
        let security = match (terms.voice.srtp, terms.encrypted) {
            (Srtp::Off, _) | (Srtp::Optional, false) => Security::Plain,
            (Srtp::Optional, true) => Security::Preferred,
            (Srtp::Required, true) => Security::Required,
            (Srtp::Required, false) => return Err(MediaFailure::NotEncrypted),
        };
        let codecs = &terms.voice.codecs;
        let opus = match codecs.iter().position(|codec| *codec == TrunkCodec::Opus) {
            Some(0) => UsesOpus::First,
            Some(_) => UsesOpus::BehindLaws,
            None => UsesOpus::Never,
        };
        let laws = codecs.iter().filter_map(|codec| match codec {
            TrunkCodec::Pcma => Some(Codec::Pcma),
            TrunkCodec::Pcmu => Some(Codec::Pcmu),
            TrunkCodec::Opus => None,
        });
        let (laws, keys, ipv6, nat) = (laws.collect(), terms.voice.keys, terms.ipv6, terms.voice.nat);
        Ok(Self { laws, opus, keys, security, ipv6, nat, ours: None, theirs: None })
    }

    /// Whether Opus is spoken with the writer of this description.
    fn speaks_opus(&self, theirs: &Offer) -> bool {
        theirs.opus.is_some()
            && match self.opus {
                UsesOpus::First => true,
                UsesOpus::BehindLaws => theirs.choose(&self.laws).is_none(),
                UsesOpus::Never => false,
            }
    }

    fn has_codec(&self, theirs: &Offer) -> bool {
        self.speaks_opus(theirs) || theirs.choose(&self.laws).is_some()
    }

    fn answer(&self, theirs: &Offer, local: Local) -> Option<Answer> {
        let answer = if self.speaks_opus(theirs) {
            theirs.answer_with_opus(local, &self.laws, Opus::for_speech())?
        } else {
            theirs.answer(local, &self.laws)?
        };
        let answer = if self.keys == KeyMode::Rfc4733 { answer } else { answer.without_keys() };
        Some(if theirs.rtcp_mux { answer.multiplexed() } else { answer })
    }

    fn agreed(&self, theirs: &Offer) -> Result<Agreement, MediaFailure> {
        let law = theirs.choose(&self.laws);
        let format = match theirs.opus.filter(|_| self.speaks_opus(theirs)) {
            Some(opus) => Format::Opus(opus.number, law),
            None => law.map(|law| Format::Agreed(law.number, law.codec)).ok_or(MediaFailure::NoCommonCodec)?,
        };
        let events = if self.keys == KeyMode::Rfc4733 { [theirs.telephone_event, theirs.wide_telephone_event] } else { [None; 2] };
        Ok(Agreement {
            path: Path::Announced(SocketAddr::new(theirs.address, theirs.port)),
            nat: self.nat,
            format,
            telephone_events: events,
            listens: theirs.direction.receives(),
            reports: if theirs.rtcp_mux { Reports::Shared } else { Reports::Beside(theirs.rtcp_port) },
        })
    }

    /// What a new description of the far side comes to, an offer or an answer, and its new keys if it has some.
    ///
    /// # Errors
    /// It cannot be used.
    pub(super) fn follow(&mut self, description: &SessionText) -> Result<(Agreement, Option<Box<Keys>>), MediaFailure> {
        let security = if self.ours.is_some() { Security::Required } else { Security::Plain };
        let theirs = Offer::parse_secured(&description.0, security).map_err(|error| blame(error, security))?;
        let agreement = self.agreed(&theirs)?;
        let Some(ours) = &self.ours else { return Ok((agreement, None)) };
        let line = theirs.choose_crypto(&[ours.suite]).ok_or(MediaFailure::NotEncrypted)?;
        if self.theirs.as_ref().is_some_and(|before| before.key() == line.key()) {
            return Ok((agreement, None));
        }
        let keys = keys(ours, line).ok_or(MediaFailure::NotEncrypted)?;
        self.theirs = Some(line.clone());
        Ok((agreement, Some(Box::new(keys))))
    }
}

/// A far side's wish that can be served.
#[derive(Debug)]
pub(super) struct Wanted {
    terms: Terms,
    offer: Option<Offer>,
}

/// What the negotiation gave.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) agreement: Agreement,
    pub(super) equipment: Equipment,
    /// Our description.
    pub(super) text: SessionText,
    /// For what follows.
    pub(super) terms: Terms,
}

/// What a leg needs beside its agreement.
#[derive(Debug)]
pub(super) struct Equipment {
    pub(super) guard: Guard,
    pub(super) opus: Option<Box<OpusVoice>>,
}

impl Wanted {
    /// Reads the offer; none: the offer will be ours.
    ///
    /// # Errors
    /// It is no session description, has no codec of ours, or is not encrypted where it must be.
    pub(super) fn read(offer: Option<&SessionText>, terms: &VoiceTerms) -> Result<Self, MediaFailure> {
        let terms = Terms::read(terms)?;
        let offer = offer.map(|text| usable_offer(&text.0, terms.security)).transpose()?;
        if offer.as_ref().is_some_and(|offer| !terms.has_codec(offer)) {
            return Err(MediaFailure::NoCommonCodec);
        }
        Ok(Self { terms, offer })
    }

    /// Whether our address must be one of IPv6.
    pub(super) fn is_ipv6(&self) -> bool {
        self.offer.as_ref().map_or(self.terms.ipv6, |offer| offer.address.is_ipv6())
    }

    /// The agreement and our description.
    ///
    /// # Errors
    /// The offer has no codec of ours, or the system has no randomness or no memory.
    pub(super) fn agree(self, local: Local) -> Result<Agreed, MediaFailure> {
        let opus = match self.terms.opus {
            UsesOpus::Never => None,
            UsesOpus::BehindLaws | UsesOpus::First => Some(Box::new(OpusVoice::new().map_err(|_| MediaFailure::Io)?)),
        };
        match self.offer {
            Some(offer) => answer(self.terms, &offer, local, opus),
            None => our_offer(self.terms, local, opus),
        }
    }
}

fn blame(error: SdpError, security: Security) -> MediaFailure {
    match error {
        SdpError::NoAudio if security == Security::Required => MediaFailure::NotEncrypted,
        SdpError::NoAudio => MediaFailure::NoCommonCodec,
        SdpError::TooLarge | SdpError::NotSdp | SdpError::BadMediaLine | SdpError::NoAddress | SdpError::UnusableAddress => {
            MediaFailure::BadOffer
        }
    }
}

/// The offer's stream that this security allows; of one that only has keys that we cannot use, the plain one where that is allowed.
fn usable_offer(text: &str, security: Security) -> Result<Offer, MediaFailure> {
    let parse = |security| Offer::parse_secured(text, security).map_err(|error| blame(error, security));
    let offer = parse(security)?;
    let is_usable = offer.crypto.is_empty() || offer.choose_crypto(&SUITES).is_some();
    match security {
        Security::Plain => Ok(offer),
        Security::Preferred if !is_usable => parse(Security::Plain),
        Security::Required if !is_usable => Err(MediaFailure::NotEncrypted),
        Security::Preferred | Security::Required => Ok(offer),
    }
}

fn answer(mut terms: Terms, offer: &Offer, local: Local, opus: Option<Box<OpusVoice>>) -> Result<Agreed, MediaFailure> {
    let mut answer = terms.answer(offer, local).ok_or(MediaFailure::NoCommonCodec)?;
    let agreement = terms.agreed(offer)?;
    let mut guard = Guard::Plain;
    if let Some(line) = offer.choose_crypto(&SUITES) {
        let ours = own_key(line.tag, line.suite)?;
        guard = Guard::Keyed(Box::new(keys(&ours, line).ok_or(MediaFailure::NotEncrypted)?));
        answer = answer.secured(ours.clone());
        (terms.ours, terms.theirs) = (Some(ours), Some(line.clone()));
    }
    Ok(Agreed { agreement, equipment: Equipment { guard, opus }, text: SessionText(answer.to_string().into()), terms })
}

/// The far side's own description comes later than its packets may: all that we offer is understood, and the first packet tells where it is.
/// Where encryption is still optional here, nobody could offer again after a refusal: the offer is plain, which everybody understands.
fn our_offer(mut terms: Terms, local: Local, opus: Option<Box<OpusVoice>>) -> Result<Agreed, MediaFailure> {
    let has_keys = terms.keys == KeyMode::Rfc4733;
    let mut offer = LateOffer::new(local, terms.laws.clone()).multiplexed();
    let is_wide = terms.opus == UsesOpus::First;
    if is_wide {
        offer = offer.with_opus(Opus::for_speech());
    }
    if !has_keys {
        offer = offer.without_keys();
    }
    let mut guard = Guard::Plain;
    if terms.security == Security::Required {
        let ours = own_key(1, OFFERED_SUITE)?;
        offer = offer.secured(vec![ours.clone()]);
        terms.ours = Some(ours);
        guard = Guard::Awaiting;
    }
    let agreement = Agreement {
        path: Path::Unknown,
        nat: terms.nat,
        format: Format::Open,
        telephone_events: [has_keys.then_some(OUR_TELEPHONE_EVENT), (has_keys && is_wide).then_some(OUR_WIDE_TELEPHONE_EVENT)],
        listens: true,
        reports: Reports::Unknown,
    };
    Ok(Agreed { agreement, equipment: Equipment { guard, opus }, text: SessionText(offer.to_string().into()), terms })
}

fn own_key(tag: u32, suite: Suite) -> Result<Crypto, MediaFailure> {
    let mut bytes = vec![0; suite.key_bytes()];
    getrandom::fill(&mut bytes).map_err(|_| MediaFailure::Io)?;
    Crypto::new(tag, suite, &bytes).ok_or(MediaFailure::Io)
}

fn keys(ours: &Crypto, theirs: &Crypto) -> Option<Keys> {
    let suite = match ours.suite {
        Suite::AeadAes128Gcm => voice::srtp::Suite::Aes128Gcm,
        Suite::AesCm128HmacSha1Tag80 => voice::srtp::Suite::AesCm128HmacSha1,
        // Never chosen: a tag of 32 bits is too short for us.
        Suite::AesCm128HmacSha1Tag32 => return None,
    };
    let master = |line: &Crypto| MasterKey::read(suite, line.key());
    Some(Keys::new(suite, &master(ours)?, &master(theirs)?))
}

impl Agreement {
    /// Payload type of the first packet.
    pub(super) fn payload_type(&self) -> u8 {
        match self.format {
            Format::Agreed(payload_type, _) | Format::Opus(payload_type, _) => payload_type,
            Format::Open => Codec::Pcma.static_payload_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::plan::TrunkVoice;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn local() -> Local {
        Local { address: "192.0.2.9".parse().expect("an address"), port: 20_000, session_id: 7, session_version: 1 }
    }

    fn offered(formats: &str, protocol: &str, more: &str) -> SessionText {
        let text = format!(
            "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 {protocol} {formats}\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n{more}"
        );
        SessionText(text.into())
    }

    fn terms(codecs: &[TrunkCodec], keys: KeyMode, srtp: Srtp, encrypted: bool) -> VoiceTerms {
        VoiceTerms { voice: TrunkVoice { codecs: codecs.to_vec(), keys, srtp, nat: false }, encrypted, ipv6: false }
    }

    fn agree(offer: Option<&SessionText>, terms: &VoiceTerms) -> Result<Agreed, MediaFailure> {
        Wanted::read(offer, terms)?.agree(local())
    }

    fn media_line(agreed: &Agreed) -> &str {
        agreed.text.0.lines().find(|line| line.starts_with("m=audio")).expect("an audio stream")
    }

    #[test]
    fn the_trunks_order_of_codecs_decides() {
        use TrunkCodec::{Opus, Pcma, Pcmu};
        let offer = offered("0 8 111 101", "RTP/AVP", "");
        for (codecs, line) in [
            (&[Pcma, Pcmu][..], "m=audio 20000 RTP/AVP 8 101"),
            (&[Pcmu, Pcma], "m=audio 20000 RTP/AVP 0 101"),
            (&[Opus, Pcmu], "m=audio 20000 RTP/AVP 111 0 101"),
            (&[Pcmu, Opus], "m=audio 20000 RTP/AVP 0 101"),
        ] {
            let agreed = agree(Some(&offer), &terms(codecs, KeyMode::Rfc4733, Srtp::Off, false)).expect("a common codec");
            assert_eq!(media_line(&agreed), line);
        }
        let only_opus = offered("111", "RTP/AVP", "");
        let behind = agree(Some(&only_opus), &terms(&[Pcma, Opus], KeyMode::Rfc4733, Srtp::Off, false)).expect("Opus");
        assert!(matches!(behind.agreement.format, Format::Opus(111, None)));
        assert_eq!(media_line(&behind), "m=audio 20000 RTP/AVP 111");
        assert_eq!(
            agree(Some(&only_opus), &terms(&[Pcma], KeyMode::Rfc4733, Srtp::Off, false)).map(|_| ()),
            Err(MediaFailure::NoCommonCodec)
        );
    }

    #[test]
    fn a_trunk_without_telephone_events_neither_answers_nor_offers_them() {
        for keys in [KeyMode::Info, KeyMode::InBand] {
            let terms = terms(&[TrunkCodec::Opus, TrunkCodec::Pcma], keys, Srtp::Off, false);
            for offer in [Some(offered("111 8 101", "RTP/AVP", "")), None] {
                let agreed = agree(offer.as_ref(), &terms).expect("a common codec");
                assert!(!agreed.text.0.contains("telephone-event"), "{}", agreed.text.0);
                assert_eq!(agreed.agreement.telephone_events, [None; 2]);
            }
        }
    }

    #[test]
    fn keys_stand_in_a_description_only_where_nobody_else_can_read_it() {
        let codecs = [TrunkCodec::Pcma];
        let lines =
            format!("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\na=rtcp-mux\r\n");
        let (secret, plain) = (offered("8", "RTP/SAVP", &lines), offered("8", "RTP/AVP", ""));
        let result = |offer: Option<&SessionText>, srtp, encrypted| {
            agree(offer, &terms(&codecs, KeyMode::Rfc4733, srtp, encrypted)).map(|agreed| agreed.text.0.contains("a=crypto"))
        };
        use MediaFailure::{NoCommonCodec, NotEncrypted};
        assert_eq!((result(Some(&secret), Srtp::Required, true), result(Some(&secret), Srtp::Optional, true)), (Ok(true), Ok(true)));
        assert_eq!(
            (result(Some(&plain), Srtp::Required, true), result(Some(&plain), Srtp::Optional, true)),
            (Err(NotEncrypted), Ok(false))
        );
        assert_eq!(
            (result(Some(&secret), Srtp::Required, false), result(Some(&secret), Srtp::Optional, false)),
            (Err(NotEncrypted), Err(NoCommonCodec))
        );
        assert_eq!((result(Some(&secret), Srtp::Off, true), result(Some(&plain), Srtp::Off, true)), (Err(NoCommonCodec), Ok(false)));
        assert_eq!((result(None, Srtp::Required, true), result(None, Srtp::Optional, true)), (Ok(true), Ok(false)));
        let short = offered("8", "RTP/SAVP", &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\n"));
        assert_eq!(result(Some(&short), Srtp::Required, true), Err(NotEncrypted));
        let both = SessionText(format!("{}m=audio 4002 RTP/AVP 8\r\n", short.0).into());
        let agreed = agree(Some(&both), &terms(&codecs, KeyMode::Rfc4733, Srtp::Optional, true)).expect("the plain stream");
        assert!(agreed.text.0.contains("m=audio 0 RTP/SAVP 8\r\nm=audio 20000 RTP/AVP 8\r\n"), "{}", agreed.text.0);
    }

    #[test]
    fn the_far_sides_key_is_taken_when_it_comes_and_again_only_when_it_changes() {
        let terms = terms(&[TrunkCodec::Pcma], KeyMode::Rfc4733, Srtp::Required, true);
        let mut ours = agree(None, &terms).expect("an offer");
        assert!(matches!(ours.equipment.guard, Guard::Awaiting));
        let line = |key: &str| offered("8", "RTP/SAVP", &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"));
        let mut new_keys = |key: &str| ours.terms.follow(&line(key)).map(|(_, keys)| keys.is_some());
        let other = KEY.replacen('W', "X", 1);
        assert_eq!([new_keys(KEY), new_keys(KEY), new_keys(&other)], [Ok(true), Ok(false), Ok(true)]);
        assert_eq!(ours.terms.follow(&offered("8", "RTP/AVP", "")).map(|_| ()), Err(MediaFailure::NotEncrypted));
    }

    #[test]
    fn reports_go_where_the_far_side_wants_them() {
        let terms = terms(&[TrunkCodec::Pcma], KeyMode::Rfc4733, Srtp::Off, false);
        let reports = |more: &str| agree(Some(&offered("8", "RTP/AVP", more)), &terms).expect("a common codec").agreement.reports;
        assert_eq!(
            (reports(""), reports("a=rtcp:4711\r\n"), reports("a=rtcp-mux\r\n")),
            (Reports::Beside(4_001), Reports::Beside(4_711), Reports::Shared)
        );
    }
}

//! What is agreed with a trunk: from its session description to ours (RFC 3264), without a socket.

use super::trunk::{Agreement, Format, Path};
use call_core::command::SessionText;
use call_core::input::MediaFailure;
use sip_core::sdp::{Codec, LateOffer, Local, OUR_TELEPHONE_EVENT, Offer, SdpError};
use std::net::SocketAddr;

/// Our codecs, the liked one first: A-law needs no change on its way to the agent.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// A far side's wish that can be served.
#[derive(Debug)]
pub(super) struct Wanted(Option<Offer>);

impl Wanted {
    /// Reads the offer; none is a late one.
    ///
    /// # Errors
    /// It is no session description, or has no codec of ours.
    pub(super) fn read(offer: Option<&SessionText>) -> Result<Self, MediaFailure> {
        let offer = offer.map(|text| Offer::parse(&text.0)).transpose().map_err(blame)?;
        if offer.as_ref().is_some_and(|offer| offer.choose(&CODECS).is_none()) {
            return Err(MediaFailure::NoCommonCodec);
        }
        Ok(Self(offer))
    }

    /// The agreement and our description.
    ///
    /// # Errors
    /// The offer has no codec of ours.
    pub(super) fn agree(&self, local: Local) -> Result<(Agreement, SessionText), MediaFailure> {
        let (agreement, text) = match &self.0 {
            Some(offer) => answer(offer, local)?,
            None => late_offer(local),
        };
        Ok((agreement, SessionText(text.into())))
    }
}

fn blame(error: SdpError) -> MediaFailure {
    match error {
        SdpError::NoAudio => MediaFailure::NoCommonCodec,
        SdpError::TooLarge | SdpError::NotSdp | SdpError::BadMediaLine | SdpError::NoAddress | SdpError::UnusableAddress => {
            MediaFailure::BadOffer
        }
    }
}

fn answer(offer: &Offer, local: Local) -> Result<(Agreement, String), MediaFailure> {
    let answer = offer.answer(local, &CODECS).ok_or(MediaFailure::NoCommonCodec)?;
    Ok((agreed(offer)?, answer.to_string()))
}

/// What a new description of the far side comes to, an offer or an answer.
///
/// # Errors
/// It cannot be used.
pub(super) fn follow(description: &SessionText) -> Result<Agreement, MediaFailure> {
    Offer::parse(&description.0).map_err(blame).and_then(|offer| agreed(&offer))
}

fn agreed(theirs: &Offer) -> Result<Agreement, MediaFailure> {
    let codec = theirs.choose(&CODECS).ok_or(MediaFailure::NoCommonCodec)?;
    Ok(Agreement {
        path: Path::Announced(SocketAddr::new(theirs.address, theirs.port)),
        format: Format::Agreed(codec.number, codec.codec),
        telephone_event: theirs.telephone_event,
        listens: theirs.direction.receives(),
    })
}

/// The far side's own description comes later than its packets may: both laws are understood, and the first packet tells where it is.
fn late_offer(local: Local) -> (Agreement, String) {
    let agreement = Agreement { path: Path::Unknown, format: Format::Open, telephone_event: Some(OUR_TELEPHONE_EVENT), listens: true };
    (agreement, LateOffer::new(local, CODECS.into()).to_string())
}

impl Agreement {
    /// Payload type of the first packet.
    pub(super) fn payload_type(&self) -> u8 {
        match self.format {
            Format::Agreed(payload_type, _) => payload_type,
            Format::Open => Codec::Pcma.static_payload_type(),
        }
    }
}

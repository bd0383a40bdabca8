//! What rsipstack finds in a message, read as its own transports read it.

use super::Reading;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Error, SipMessage};

pub(crate) fn read(packet: &[u8]) -> Result<Reading, String> {
    whole(packet).map_err(|error| error.to_string())
}

fn whole(packet: &[u8]) -> Result<Reading, Error> {
    let message = SipMessage::try_from(packet)?;
    let via = message.top_via_header()?.typed()?;
    let (from, to) = (message.from_header()?.typed()?, message.to_header()?.typed()?);
    let cseq = message.cseq_header()?.typed()?;
    let (status, body) = match &message {
        SipMessage::Request(request) => (None, request.body.clone()),
        SipMessage::Response(response) => (Some(response.status_code.code()), response.body.clone()),
    };
    Ok(Reading {
        status,
        method: cseq.method.to_string(),
        call_id: message.call_id_header()?.value().to_owned(),
        cseq: cseq.seq,
        branch: via.branch().map(|branch| branch.value().to_owned()).unwrap_or_default(),
        via_host: via.sent_by().host.to_string(),
        from_user: from.uri.user().unwrap_or_default().to_owned(),
        from_tag: from.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        to_tag: to.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        body,
    })
}

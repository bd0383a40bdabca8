//! What rsip finds in a message.

use super::Reading;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::HeadersExt;

pub(crate) fn read(packet: &[u8]) -> Result<Reading, String> {
    whole(packet).map_err(|error| error.to_string())
}

fn whole(packet: &[u8]) -> Result<Reading, rsip::Error> {
    let message = rsip::SipMessage::try_from(packet)?;
    let (via, from, to) = (message.via_header()?.typed()?, message.from_header()?.typed()?, message.to_header()?.typed()?);
    let cseq = message.cseq_header()?.typed()?;
    let (status, body) = match &message {
        rsip::SipMessage::Request(request) => (None, request.body().clone()),
        rsip::SipMessage::Response(response) => (Some(response.status_code().code()), response.body().clone()),
    };
    Ok(Reading {
        status,
        method: cseq.method.to_string(),
        call_id: message.call_id_header()?.value().to_owned(),
        cseq: cseq.seq,
        branch: via.branch().map(|branch| branch.value().to_owned()).unwrap_or_default(),
        via_host: via.uri.host_with_port.host.to_string(),
        from_user: from.uri.auth.as_ref().map(|auth| auth.user.clone()).unwrap_or_default(),
        from_tag: from.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        to_tag: to.tag().map(|tag| tag.value().to_owned()).unwrap_or_default(),
        body,
    })
}

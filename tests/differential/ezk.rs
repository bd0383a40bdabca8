//! What ezk finds in a message: its line parser and its headers, put together as its own transports do it.

use super::Reading;
use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, ContentLength, FromTo, Via};
use ezk_sip_types::host::Host;
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::uri::SipUriUserPart;
use ezk_sip_types::{Headers, Name};

pub(crate) fn read(packet: &[u8]) -> Result<Reading, String> {
    let src = Bytes::copy_from_slice(packet);
    let mut parser = PullParser::new(&src, 0);
    let mut first: Option<MessageLine> = None;
    let mut headers = Headers::new();
    for line in &mut parser {
        let line = line.map_err(|error| format!("{error:?}"))?;
        let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
        if first.is_none() {
            first = Some(MessageLine::parse(&src)(line).map_err(|error| error.to_string())?.1);
        } else if let Ok((_, line)) = Line::parse(&src, line) {
            headers.insert(line.name, line.value);
        }
    }
    let rest = &packet[parser.head_end()..];
    // Over UDP it takes the whole rest if there is no Content-Length, and cuts otherwise.
    let body = match headers.get_named::<ContentLength>() {
        Ok(length) => rest.get(..length.0 as usize).ok_or("shorter than its Content-Length")?,
        Err(_) => rest,
    };
    let fault = |error: ezk_sip_types::header::HeaderError| format!("{error:?}");
    let via: Via = headers.get_named::<Vec<Via>>().map_err(fault)?.into_iter().next().ok_or("no Via")?;
    let (from, to): (FromTo, FromTo) = (headers.get(Name::FROM).map_err(fault)?, headers.get(Name::TO).map_err(fault)?);
    let cseq: CSeq = headers.get_named().map_err(fault)?;
    let call_id: CallID = headers.get_named().map_err(fault)?;
    Ok(Reading {
        status: match first.ok_or("no first line")? {
            MessageLine::Request(_) => None,
            MessageLine::Response(line) => Some(line.code.into_u16()),
        },
        method: cseq.method.to_string(),
        call_id: call_id.0.to_string(),
        cseq: cseq.cseq,
        branch: via.params.get_val("branch").map(ToString::to_string).unwrap_or_default(),
        via_host: match via.sent_by.host {
            Host::IP6(address) => format!("[{address}]"),
            Host::IP4(address) => address.to_string(),
            Host::Name(name) => name.to_string(),
        },
        from_user: match from.uri.uri.user_part {
            SipUriUserPart::Empty => String::new(),
            SipUriUserPart::User(user) => user.to_string(),
            SipUriUserPart::UserPw(both) => both.user.to_string(),
        },
        from_tag: from.tag.map(|tag| tag.to_string()).unwrap_or_default(),
        to_tag: to.tag.map(|tag| tag.to_string()).unwrap_or_default(),
        body: body.to_vec(),
    })
}

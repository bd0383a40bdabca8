//! The INVITE of the measurements: 1.4 kB after what carriers send, with two proxies, asserted identity and a full session description.
#![allow(dead_code, reason = "each measurement uses its own part")]

/// The INVITE of one call.
pub(crate) fn text(unique: &str) -> Vec<u8> {
    let description = "v=0\r\no=carrier 2890844526 2890844527 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n\
        m=audio 49170 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n\
        a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n";
    let header = format!(
        "INVITE sip:+8651212345@hotline.example.net:5060;user=phone SIP/2.0\r\n{}\
         Record-Route: <sip:192.0.2.1:5060;lr;ftag=9fxced76sl>\r\nRecord-Route: <sip:192.0.2.2:5060;lr>\r\nMax-Forwards: 68\r\n\
         {}CSeq: 314159 INVITE\r\nContact: <sip:+8613912345678@192.0.2.20:5060;transport=udp>\r\n\
         P-Asserted-Identity: \"Zhang San\" <sip:+8613912345678@carrier.example.net>\r\nPrivacy: none\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\nSupported: 100rel, timer, replaces\r\n\
         Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nUser-Agent: Carrier-SBC/7.4.1\r\n\
         Diversion: <sip:+8651212300@carrier.example.net>;reason=unconditional\r\nP-Charging-Vector: icid-value=1f3a9c51d2e84b607;orig-ioi=carrier.example\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        via(unique, ""),
        identity(unique, ""),
        description.len()
    );
    (header + description).into_bytes()
}

/// The ACK of its 200.
pub(crate) fn ack(unique: &str, ok: &[u8]) -> Vec<u8> {
    let ok = String::from_utf8_lossy(ok);
    let tag = ok.lines().find_map(|line| line.strip_prefix("To: ")?.rsplit_once(";tag=")).map_or("", |(_, tag)| tag);
    format!(
        "ACK sip:192.0.2.9:5060 SIP/2.0\r\n{}Max-Forwards: 70\r\n{}CSeq: 314159 ACK\r\nContent-Length: 0\r\n\r\n",
        via(unique, "a"),
        identity(unique, &format!(";tag={tag}"))
    )
    .into_bytes()
}

fn via(unique: &str, more: &str) -> String {
    format!(
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-524287-1---a1b2c3d4e5f60718{more}{unique};rport\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;received=192.0.2.2;branch=z9hG4bK7f3a9c51d2e84b60\r\n"
    )
}

fn identity(unique: &str, tag: &str) -> String {
    format!(
        "From: \"Zhang San\" <sip:+8613912345678@carrier.example.net;user=phone>;tag=9fxced76sl\r\n\
         To: <sip:+8651212345@hotline.example.net;user=phone>{tag}\r\nCall-ID: 3848276298220188511{unique}@atlanta.carrier.example.net\r\n"
    )
}

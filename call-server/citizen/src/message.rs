//! The citizen's SIP messages, built and read with rsip: one dialog seen from the calling side (RFC 3261 §12, §13, §15).
//!
//! rsip reads neither compact headers nor folding nor IPv6 references; a far end that sends those is not understood here.

use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::HeadersExt;
use rsip::param::{Branch, Tag};
use rsip::{Auth, Header, Headers, HostWithPort, Method, Param, Request, Response, Scheme, StatusCode, Uri, typed};
use std::net::SocketAddr;

/// Names that are unique to one call; made by the caller of this module, which has no random source.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Call-ID and, with suffixes, branches and tag.
    pub(crate) unique: String,
}

/// The calling side of one dialog.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    local: SocketAddr,
    names: Names,
    from: typed::From,
    to: typed::To,
    target: Uri,
    sequence: u32,
    /// Of the last INVITE: CANCEL and the ACK of a refusal carry both.
    invited: (u32, u32),
    branches: u32,
}

impl Dialog {
    /// A dialog that is about to begin.
    pub(crate) fn new(local: SocketAddr, server: SocketAddr, from: Option<&str>, to: &str, names: Names) -> Self {
        let from_uri = match from {
            Some(number) => uri(Some(number), HostWithPort::from(local)),
            None => uri(Some("anonymous"), rsip::Domain::from("anonymous.invalid").into()),
        };
        let target = uri(Some(to), HostWithPort::from(server));
        let from = typed::From::from(from_uri).with_tag(Tag::new(format!("{}f", names.unique)));
        Self { local, names, from, to: typed::To::from(target.clone()), target, sequence: 1, invited: (1, 0), branches: 0 }
    }

    /// The INVITE that begins it.
    pub(crate) fn invite(&self, sdp: &str) -> Request {
        self.invite_with(sdp, None)
    }

    /// The same, with proof of who we are.
    fn invite_with(&self, sdp: &str, proof: Option<Header>) -> Request {
        let mut headers = self.headers(Method::Invite, self.sequence, &self.to);
        headers.push(self.contact());
        headers.push(rsip::headers::Allow::from("INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY").into());
        proof.into_iter().for_each(|proof| headers.push(proof));
        headers.push(rsip::headers::ContentType::from("application/sdp").into());
        self.request(Method::Invite, headers, sdp.as_bytes().to_vec())
    }

    /// The INVITE once more, with the next number and proof (§22.2).
    pub(crate) fn invite_again(&mut self, sdp: &str, proof: Header) -> Request {
        self.skip();
        self.invited = (self.sequence, self.branches);
        self.invite_with(sdp, Some(proof))
    }

    /// A new INVITE in the call (§14.1).
    pub(crate) fn reinvite(&mut self, sdp: &str) -> Request {
        self.skip();
        self.invited = (self.sequence, self.branches);
        self.invite_with(sdp, None)
    }

    /// The ACK of a re-INVITE's 2xx.
    pub(crate) fn acknowledge(&mut self) -> Request {
        self.branches += 1;
        self.request(Method::Ack, self.headers(Method::Ack, self.invited.0, &self.to), Vec::new())
    }

    /// One key, as gateways send it.
    pub(crate) fn info(&mut self, key: char) -> Request {
        self.skip();
        let mut headers = self.headers(Method::Info, self.sequence, &self.to);
        headers.push(rsip::headers::ContentType::from("application/dtmf-relay").into());
        self.request(Method::Info, headers, format!("Signal={key}\r\nDuration=100\r\n").into_bytes())
    }

    /// Asks what the far end can (§11).
    pub(crate) fn options(&self) -> Request {
        self.request(Method::Options, self.headers(Method::Options, self.sequence, &self.to), Vec::new())
    }

    /// Asks the far end to call this URI (RFC 3515).
    pub(crate) fn refer(&mut self, target: &str) -> Request {
        self.skip();
        let mut headers = self.headers(Method::Refer, self.sequence, &self.to);
        headers.push(self.contact());
        headers.push(Header::Other("Refer-To".to_owned(), format!("<{target}>")));
        self.request(Method::Refer, headers, Vec::new())
    }

    /// Number of the last request.
    pub(crate) fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Takes the next number and a new branch.
    pub(crate) fn skip(&mut self) {
        self.sequence += 1;
        self.branches += 1;
    }

    /// Name of the call.
    pub(crate) fn call_id(&self) -> &str {
        &self.names.unique
    }

    /// From now on a branch that no message had, for the INVITE as well: misbehaviour.
    pub(crate) fn forget_branch(&mut self) {
        self.branches += 1_000;
        self.invited.1 = self.branches;
    }

    /// From now on the far end's tag is another one: misbehaviour.
    pub(crate) fn change_tag(&mut self) {
        self.to = typed::To::from(self.to.uri.clone()).with_tag(Tag::new(format!("{}x", self.names.unique)));
    }

    /// A hang-up with a number that the call is past: misbehaviour.
    pub(crate) fn old_bye(&mut self) -> Request {
        self.branches += 1;
        self.request(Method::Bye, self.headers(Method::Bye, 0, &self.to), Vec::new())
    }

    /// Takes the INVITE back (§9.1); same branch, address and tag.
    pub(crate) fn cancel(&self) -> Request {
        self.request(Method::Cancel, self.headers_of(Method::Cancel, self.invited, &self.to), Vec::new())
    }

    /// Acknowledges a refusal (§17.1.1.3): same branch as the INVITE, the answer's `To`.
    pub(crate) fn acknowledge_refusal(&self, refusal: &Response) -> Request {
        let to = refusal.to_header().ok().and_then(|to| to.typed().ok()).unwrap_or_else(|| self.to.clone());
        self.request(Method::Ack, self.headers_of(Method::Ack, self.invited, &to), Vec::new())
    }

    /// Takes tag and target from the 200 (§12.1.2) and acknowledges it (§13.2.2.4).
    pub(crate) fn establish(&mut self, answer: &Response) -> Request {
        if let Some(to) = answer.to_header().ok().and_then(|to| to.typed().ok()) {
            self.to = to;
        }
        if let Some(contact) = answer.contact_header().ok().and_then(|contact| contact.uri().ok()) {
            self.target = contact;
        }
        self.branches += 1;
        self.request(Method::Ack, self.headers(Method::Ack, self.invited.0, &self.to), Vec::new())
    }

    /// The hang-up (§15.1.1).
    pub(crate) fn bye(&mut self) -> Request {
        self.skip();
        self.request(Method::Bye, self.headers(Method::Bye, self.sequence, &self.to), Vec::new())
    }

    /// The Request-URI of what comes next.
    pub(crate) fn target_uri(&self) -> &Uri {
        &self.target
    }

    /// Where requests within the dialog go, if the far end named a plain address.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.target.host_with_port.clone().try_into().ok()
    }

    /// Whether a message belongs to this call.
    pub(crate) fn owns(&self, message: &impl HeadersExt) -> bool {
        message.call_id_header().is_ok_and(|id| id.value() == self.names.unique)
    }

    /// Our answer to a request of the far end.
    pub(crate) fn reply(&self, request: &Request, status: u16, sdp: Option<String>) -> Response {
        let mut headers = Headers::default();
        for header in request.headers.iter() {
            if matches!(header, Header::Via(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::CSeq(_)) {
                headers.push(header.clone());
            }
        }
        headers.push(self.contact());
        if sdp.is_some() {
            headers.push(rsip::headers::ContentType::from("application/sdp").into());
        }
        let body = sdp.unwrap_or_default().into_bytes();
        headers.push(rsip::headers::ContentLength::from(body.len().to_string()).into());
        Response { status_code: StatusCode::from(status), version: rsip::Version::V2, headers, body }
    }

    fn contact(&self) -> Header {
        typed::Contact::from(uri(self.from.uri.user(), HostWithPort::from(self.local))).into()
    }

    fn headers(&self, method: Method, sequence: u32, to: &typed::To) -> Headers {
        self.headers_of(method, (sequence, self.branches), to)
    }

    fn headers_of(&self, method: Method, (sequence, branch): (u32, u32), to: &typed::To) -> Headers {
        let branch = Branch::new(format!("z9hG4bK{}x{branch}", self.names.unique));
        let via = typed::Via {
            version: rsip::Version::V2,
            transport: rsip::Transport::Udp,
            uri: HostWithPort::from(self.local).into(),
            params: vec![Param::Branch(branch), Param::Other("rport".into(), None)],
        };
        let mut headers = Headers::default();
        headers.push(via.into());
        headers.push(rsip::headers::MaxForwards::from("70").into());
        headers.push(self.from.clone().into());
        headers.push(to.clone().into());
        headers.push(rsip::headers::CallId::from(self.names.unique.clone()).into());
        headers.push(typed::CSeq { seq: sequence, method }.into());
        headers.push(rsip::headers::UserAgent::from("hotline-citizen").into());
        headers
    }

    fn request(&self, method: Method, mut headers: Headers, body: Vec<u8>) -> Request {
        headers.push(rsip::headers::ContentLength::from(body.len().to_string()).into());
        Request { method, uri: self.target.clone(), version: rsip::Version::V2, headers, body }
    }
}

/// A REGISTER of this user's own address (section 10.2).
pub(crate) fn register(
    names: &Names,
    local: SocketAddr,
    server: SocketAddr,
    user: &str,
    expires_s: u32,
    sequence: u32,
    proof: Option<Header>,
) -> Request {
    let address = uri(Some(user), HostWithPort::from(server));
    let from = typed::From::from(address.clone()).with_tag(Tag::new(format!("{}f", names.unique)));
    let dialog = Dialog {
        local,
        names: names.clone(),
        from,
        to: typed::To::from(address),
        target: uri(None, HostWithPort::from(server)),
        sequence,
        invited: (sequence, 0),
        branches: sequence,
    };
    let mut headers = dialog.headers(Method::Register, sequence, &dialog.to);
    headers.push(dialog.contact());
    headers.push(rsip::headers::Expires::from(expires_s.to_string()).into());
    proof.into_iter().for_each(|proof| headers.push(proof));
    dialog.request(Method::Register, headers, Vec::new())
}

/// `sip:user@host:port`
fn uri(user: Option<&str>, host_with_port: HostWithPort) -> Uri {
    let auth = user.map(|user| Auth { user: user.to_owned(), password: None });
    Uri { scheme: Some(Scheme::Sip), auth, host_with_port, ..Uri::default() }
}

/// Method and number of the request that a response answers.
pub(crate) fn answered(response: &Response) -> Option<(Method, u32)> {
    response.cseq_header().ok()?.typed().ok().map(|cseq| (cseq.method, cseq.seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialog(from: Option<&str>) -> Dialog {
        let local = "127.0.0.1:5070".parse().expect("an address");
        let server = "127.0.0.1:5060".parse().expect("an address");
        Dialog::new(local, server, from, "12345", Names { unique: "abc".into() })
    }

    fn answer(dialog: &Dialog) -> Response {
        let invite = dialog.invite("");
        let mut answer = dialog.reply(&invite, 200, None);
        *answer.to_header_mut().expect("copied") = typed::To::with_tag(dialog.to.clone(), Tag::new("far")).into();
        let contact = rsip::headers::Contact::from("<sip:hotline@127.0.0.1:5099>");
        answer.headers.unique_push(contact.into());
        answer
    }

    #[test]
    fn an_invite_can_be_read_back_and_names_both_ends() {
        let text = dialog(Some("13912345678")).invite("v=0\r\n").to_string();
        assert!(text.starts_with("INVITE sip:12345@127.0.0.1:5060 SIP/2.0\r\n"), "{text}");
        let read = Request::try_from(text.clone()).expect("own message");
        assert_eq!(read.from_header().expect("From").uri().expect("a URI").user(), Some("13912345678"));
        assert!(text.contains(";rport") && text.contains("Content-Length: 5\r\n"), "{text}");
    }

    #[test]
    fn a_withheld_number_is_anonymous() {
        assert!(dialog(None).invite("").to_string().contains("<sip:anonymous@anonymous.invalid>"));
    }

    #[test]
    fn the_hang_up_goes_to_the_contact_with_both_tags_and_a_new_branch() {
        let mut dialog = dialog(Some("1"));
        let invite_branch = dialog.invite("").via_header().expect("Via").to_string();
        let ack = dialog.establish(&answer(&dialog)).to_string();
        assert!(ack.starts_with("ACK sip:hotline@127.0.0.1:5099 "), "{ack}");
        assert!(ack.contains("CSeq: 1 ACK") && !ack.contains(&invite_branch), "{ack}");
        let bye = dialog.bye().to_string();
        assert!(bye.contains("CSeq: 2 BYE") && bye.contains("tag=far") && bye.contains("tag=abcf"), "{bye}");
        assert_eq!(dialog.target(), "127.0.0.1:5099".parse().ok());
    }

    #[test]
    fn a_refusal_is_acknowledged_on_the_branch_of_the_invite() {
        let dialog = dialog(Some("1"));
        let invite = dialog.invite("");
        let ack = dialog.acknowledge_refusal(&answer(&dialog));
        assert_eq!(ack.via_header().expect("Via"), invite.via_header().expect("Via"));
        assert!(ack.to_string().contains("tag=far"));
        assert_eq!(dialog.cancel().via_header().expect("Via"), invite.via_header().expect("Via"));
    }
}

//! One registration (RFC 3261 section 10): REGISTER, a challenge, REGISTER with proof. It keeps nothing alive afterwards.

use crate::message::{Names, register};
use crate::plan::CitizenError;
use crate::proof::{self, Credentials};
use rsip::headers::UntypedHeader;
use rsip::{Header, Method, Response, SipMessage};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// One registration, planned.
#[derive(Debug, Clone)]
pub struct RegisterPlan {
    /// The registrar, UDP.
    pub server: SocketAddr,
    /// Own address; the port is the system's choice.
    pub bind: IpAddr,
    /// Who registers.
    pub credentials: Credentials,
    /// How long the registration is wanted, in s; 0 takes it back.
    pub expires_s: u32,
    /// How long an answer is waited for.
    pub limit: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// Last status; `None` if nothing came back.
    pub status: Option<u16>,
    /// Whether the registrar asked for proof.
    pub challenged: bool,
    /// How long it was granted, in s.
    pub expires_s: Option<u32>,
    /// The address that was registered.
    pub contact: SocketAddr,
}

/// Registers, proving who one is if that is asked.
///
/// # Errors
/// [`CitizenError`] when it could not be tried; what the registrar said is in the report.
pub async fn register_once(plan: &RegisterPlan) -> Result<Registration, CitizenError> {
    let unusable = |source| CitizenError::Bind { address: plan.bind, source };
    let socket = UdpSocket::bind((plan.bind, 0)).await.map_err(unusable)?;
    socket.connect(plan.server).await.map_err(unusable)?;
    let contact = socket.local_addr().map_err(unusable)?;
    let names = Names { unique: format!("{:016x}{:04x}", fastrand::u64(..), contact.port()) };
    let mut outcome = Registration { status: None, challenged: false, expires_s: None, contact };
    let mut proof: Option<Header> = None;
    for sequence in 1..=3 {
        let request = register(&names, contact, plan.server, &plan.credentials.user, plan.expires_s, sequence, proof.take());
        let uri = request.uri.clone();
        let Some(response) = ask(&socket, &Vec::from(request), sequence, plan.limit).await else { return Ok(outcome) };
        outcome.status = Some(response.status_code.code());
        if !matches!(outcome.status, Some(401 | 407)) {
            outcome.expires_s = granted(&response);
            return Ok(outcome);
        }
        outcome.challenged = true;
        proof = proof::answer(&response, &plan.credentials, Method::Register, &uri);
        if proof.is_none() {
            return Ok(outcome);
        }
    }
    Ok(outcome)
}

/// Repeats the request until its final answer comes.
async fn ask(socket: &UdpSocket, request: &[u8], sequence: u32, limit: Duration) -> Option<Response> {
    let until = Instant::now() + limit;
    let mut gap = Duration::from_millis(500);
    let mut datagram = vec![0; 65_535];
    while Instant::now() < until {
        // A lost packet is repeated below.
        let _ = socket.send(request).await;
        let next = (Instant::now() + gap).min(until);
        gap = (gap * 2).min(Duration::from_secs(4));
        while let Ok(Ok(length)) = tokio::time::timeout_at(next, socket.recv(&mut datagram)).await {
            if let Ok(SipMessage::Response(response)) = SipMessage::try_from(&datagram[..length])
                && response.status_code.code() >= 200
                && answers(&response, sequence)
            {
                return Some(response);
            }
        }
    }
    None
}

fn answers(response: &Response, sequence: u32) -> bool {
    response.headers.iter().any(|header| matches!(header, Header::CSeq(cseq) if cseq.value().starts_with(&format!("{sequence} "))))
}

/// From the Expires field, or from our Contact's parameter.
fn granted(response: &Response) -> Option<u32> {
    let field = response.headers.iter().find_map(|header| match header {
        Header::Expires(expires) => expires.value().trim().parse().ok(),
        _ => None,
    });
    let parameter = response.headers.iter().find_map(|header| match header {
        Header::Contact(contact) => contact.value().split(";expires=").nth(1)?.split([';', ',', '>']).next()?.trim().parse().ok(),
        _ => None,
    });
    parameter.or(field)
}

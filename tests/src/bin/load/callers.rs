//! Citizens for the load: SIP as plain text, one socket for all calls, one call after the other. Their voice is the generator's.

use crate::leg::Leg;
use anyhow::{Context, Result, bail};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How often an unanswered request is repeated, each after [`PATIENCE`].
const TRIES: usize = 10;
const PATIENCE: Duration = Duration::from_millis(500);

/// The carrier's socket and its calls.
pub(crate) struct Line {
    socket: UdpSocket,
    server: SocketAddr,
    local: SocketAddr,
    /// From, To with its tag, and Call-ID of each answered call.
    calls: Vec<String>,
}

impl Line {
    /// A carrier at a loopback port.
    pub(crate) fn open(server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("no free loopback port")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { local: socket.local_addr()?, socket, server, calls: Vec::new() })
    }

    /// Brings one call and waits for its answer.
    pub(crate) fn dial(&mut self, number: usize) -> Result<Leg> {
        let leg = Leg::plain(0x1000_0000 + number as u32)?;
        let rtp = leg.socket.local_addr()?;
        let identity =
            format!("From: <sip:139{number:08}@{}>;tag=f{number}\r\nCall-ID: load-{number}-{}\r\n", self.local, self.local.port());
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
            ip = rtp.ip(),
            port = rtp.port()
        );
        let to = format!("To: <sip:12345@{}>\r\n", self.server);
        let extra = format!("{to}Contact: <sip:load@{}>\r\nContent-Type: application/sdp\r\n", self.local);
        let invite = self.request("INVITE", number, 1, &format!("{identity}{extra}"), &sdp);
        let answer = self.ask(&invite, &format!("load-{number}-"), " INVITE").with_context(|| format!("call {number}"))?;
        let to = answer.lines().find(|line| line.starts_with("To:")).context("an answer without To")?;
        let dialog = format!("{identity}{to}\r\n");
        self.socket.send(self.request("ACK", number + 1_000_000, 1, &dialog, "").as_bytes())?;
        self.calls.push(dialog);
        leg.connect(audio(&answer).context("an answer without audio")?)?;
        Ok(leg)
    }

    /// Ends all calls; a server that does not answer is about to be killed anyway.
    pub(crate) fn hang_up(&self) {
        for (number, dialog) in self.calls.iter().enumerate() {
            let bye = self.request("BYE", number + 2_000_000, 2, dialog, "");
            if self.ask(&bye, &format!("load-{number}-"), " BYE").is_err() {
                return;
            }
        }
    }

    fn request(&self, method: &str, branch: usize, sequence: u32, headers: &str, body: &str) -> String {
        format!(
            "{method} sip:12345@{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKload{branch}\r\nMax-Forwards: 70\r\n{headers}\
             CSeq: {sequence} {method}\r\nContent-Length: {}\r\n\r\n{body}",
            self.server,
            self.local,
            body.len()
        )
    }

    /// Sends until a final response of this call and method comes.
    fn ask(&self, request: &str, call: &str, method: &str) -> Result<String> {
        let mut buffer = [0; 4096];
        for _ in 0..TRIES {
            self.socket.send(request.as_bytes())?;
            while let Ok(length) = self.socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
                let ours = text.contains(call) && text.lines().any(|line| line.starts_with("CSeq:") && line.ends_with(method));
                match status {
                    Some(status) if ours && status.starts_with('2') => return Ok(text),
                    Some(status) if ours && !status.starts_with('1') => bail!("refused with {status}"),
                    _ => {}
                }
            }
        }
        bail!("no answer")
    }
}

/// Address and port of the audio in an answer.
fn audio(answer: &str) -> Option<SocketAddr> {
    let ip: IpAddr = answer.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?.trim().parse().ok()?;
    let port = answer.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::audio;

    #[test]
    fn the_audio_address_is_read_from_an_answer() {
        let answer = "SIP/2.0 200 OK\r\n\r\nv=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4002 RTP/AVP 8\r\n";
        assert_eq!(audio(answer), "127.0.0.1:4002".parse().ok());
        assert_eq!(audio("SIP/2.0 200 OK\r\n\r\n"), None);
    }
}

//! The citizen against a scripted far end that speaks raw SIP text over a real socket.

use citizen::{Act, CallPlan, CallReport, CitizenError, Credentials, EndedBy, Ending, Fault, Outcome, RegisterPlan, Speech, register_once};
use std::time::Duration;
use tokio::net::UdpSocket;

const LIMIT: Duration = Duration::from_secs(10);

/// The far end: one SIP socket, one RTP socket, the caller's address and its INVITE.
struct FarEnd {
    sip: UdpSocket,
    rtp: UdpSocket,
    caller: Option<std::net::SocketAddr>,
    invite: String,
}

impl FarEnd {
    async fn start() -> Self {
        let bind = || async { UdpSocket::bind("127.0.0.1:0").await.expect("a loopback port") };
        Self { sip: bind().await, rtp: bind().await, caller: None, invite: String::new() }
    }

    fn plan(&self) -> CallPlan {
        CallPlan::new(self.sip.local_addr().expect("bound"), "12345")
    }

    async fn next(&mut self) -> String {
        let mut buffer = vec![0; 4096];
        let (length, from) = tokio::time::timeout(LIMIT, self.sip.recv_from(&mut buffer)).await.expect("a message in time").expect("read");
        self.caller = Some(from);
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that begins with `start`, whatever comes between.
    async fn expect(&mut self, start: &str) -> String {
        loop {
            let message = self.next().await;
            if message.starts_with(start) {
                return message;
            }
        }
    }

    async fn invited(&mut self) {
        self.invite = self.expect("INVITE ").await;
    }

    async fn send(&self, text: &str) {
        self.sip.send_to(text.as_bytes(), self.caller.expect("somebody called")).await.expect("sent");
    }

    /// Answers `request` with `status`, copying what must be copied.
    async fn reply(&self, request: &str, status: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.lines() {
            match line.split(':').next() {
                Some("To") if !line.contains("tag=") => text += &format!("{line};tag=far\r\n"),
                Some("Via" | "From" | "To" | "Call-ID" | "CSeq") => text += &format!("{line}\r\n"),
                _ => {}
            }
        }
        let contact = self.sip.local_addr().expect("bound");
        text += &format!("Contact: <sip:far@{contact}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.send(&text).await;
    }

    /// The 200 with our audio address.
    async fn answer(&self) {
        let port = self.rtp.local_addr().expect("bound").port();
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n");
        self.reply(&self.invite, "200 OK", &sdp).await;
    }

    /// A request within the dialog.
    async fn request(&self, method: &str, sequence: u32, body: &str) {
        let header = |name: &str| self.invite.lines().find_map(|line| line.strip_prefix(name)).expect("in every INVITE").to_owned();
        let address = self.sip.local_addr().expect("bound");
        self.send(&format!(
            "{method} sip:citizen@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKfar{sequence}\r\nMax-Forwards: 70\r\n\
             From:{};tag=far\r\nTo:{}\r\nCall-ID:{}\r\nCSeq: {sequence} {method}\r\nContent-Length: {}\r\n\r\n{body}",
            header("To:"),
            header("From:"),
            header("Call-ID:"),
            body.len(),
        ))
        .await;
    }

    /// Waits for `count` RTP packets and sends each back.
    async fn echo(&self, count: usize) {
        let mut buffer = [0; 2048];
        for _ in 0..count {
            let (length, from) = tokio::time::timeout(LIMIT, self.rtp.recv_from(&mut buffer)).await.expect("voice in time").expect("read");
            self.rtp.send_to(&buffer[..length], from).await.expect("sent");
        }
    }
}

fn call(plan: CallPlan) -> tokio::task::JoinHandle<Result<CallReport, CitizenError>> {
    tokio::spawn(citizen::call(plan))
}

async fn report(call: tokio::task::JoinHandle<Result<CallReport, CitizenError>>) -> CallReport {
    tokio::time::timeout(LIMIT, call).await.expect("the call ends in time").expect("no panic").expect("the call could be tried")
}

#[tokio::test]
async fn a_call_is_answered_spoken_on_and_hung_up_by_the_citizen() {
    let mut far = FarEnd::start().await;
    let tone: Vec<i16> = (0..8000).map(|at| (f64::from(at) * 0.5).sin().mul_add(8000.0, 0.0) as i16).collect();
    let plan = CallPlan { speech: Speech::Looped(tone.into()), ending: Ending::HangUpAfter(Duration::from_millis(400)), ..far.plan() };
    let call = call(plan);
    far.invited().await;
    far.reply(&far.invite, "180 Ringing", "").await;
    far.answer().await;
    far.expect("ACK ").await;
    far.echo(15).await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    let report = report(call).await;
    assert_eq!((report.outcome, report.status, report.ended_by), (Outcome::Answered, Some(200), Some(EndedBy::Citizen)));
    assert!(report.packets_sent >= 15 && report.packets_received >= 14, "{report:?}");
    let level = report.heard_dbfs.expect("the echo is no silence");
    assert!((-20.0..-10.0).contains(&level), "the tone of -15 dBFS came back with {level} dBFS");
    assert!(report.ringing_ms <= report.answered_ms && report.talk_ms >= Some(400), "{report:?}");
}

#[tokio::test]
async fn the_far_end_hangs_up_and_is_answered_also_when_it_repeats_itself() {
    let mut far = FarEnd::start().await;
    let call = call(far.plan());
    far.invited().await;
    far.answer().await;
    far.expect("ACK ").await;
    far.answer().await;
    far.expect("ACK ").await;
    far.request("OPTIONS", 1, "").await;
    assert!(far.expect("SIP/2.0 200").await.contains("CSeq: 1 OPTIONS"));
    far.request("BYE", 2, "").await;
    far.expect("SIP/2.0 200").await;
    let report = report(call).await;
    assert_eq!((report.outcome, report.ended_by), (Outcome::Answered, Some(EndedBy::FarEnd)));
    far.request("BYE", 2, "").await;
    far.expect("SIP/2.0 200").await;
}

#[tokio::test]
async fn a_new_offer_within_the_call_moves_the_voice() {
    let mut far = FarEnd::start().await;
    let call = call(far.plan());
    far.invited().await;
    far.answer().await;
    far.expect("ACK ").await;
    far.echo(2).await;
    far.rtp = UdpSocket::bind("127.0.0.1:0").await.expect("a loopback port");
    let port = far.rtp.local_addr().expect("bound").port();
    far.request("INVITE", 1, &format!("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 0\r\n")).await;
    assert!(far.expect("SIP/2.0 200").await.contains("m=audio "));
    far.echo(5).await;
    far.request("BYE", 2, "").await;
    assert_eq!(report(call).await.ended_by, Some(EndedBy::FarEnd));
}

#[tokio::test]
async fn a_refusal_is_acknowledged_and_reported() {
    let mut far = FarEnd::start().await;
    let call = call(far.plan());
    far.invited().await;
    far.reply(&far.invite, "486 Busy Here", "").await;
    far.expect("ACK ").await;
    far.reply(&far.invite, "486 Busy Here", "").await;
    far.expect("ACK ").await;
    let report = report(call).await;
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(486)));
}

#[tokio::test]
async fn a_citizen_who_gives_up_cancels() {
    let mut far = FarEnd::start().await;
    let call = call(CallPlan { ending: Ending::CancelAfter(Duration::from_millis(50)), ..far.plan() });
    far.invited().await;
    far.reply(&far.invite, "180 Ringing", "").await;
    let cancel = far.expect("CANCEL ").await;
    far.reply(&cancel, "200 OK", "").await;
    far.reply(&far.invite, "487 Request Terminated", "").await;
    far.expect("ACK ").await;
    let report = report(call).await;
    assert_eq!((report.outcome, report.status), (Outcome::Cancelled, Some(487)));
}

#[tokio::test]
async fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut far = FarEnd::start().await;
    let call = call(CallPlan { ending: Ending::CancelAfter(Duration::from_millis(50)), ..far.plan() });
    far.invited().await;
    far.reply(&far.invite, "100 Trying", "").await;
    far.expect("CANCEL ").await;
    far.answer().await;
    far.expect("ACK ").await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    assert_eq!(report(call).await.ended_by, Some(EndedBy::Citizen));
}

#[tokio::test]
async fn an_invite_and_a_bye_that_are_lost_are_repeated() {
    let mut far = FarEnd::start().await;
    let (hang_up, wish) = tokio::sync::oneshot::channel::<()>();
    let plan = far.plan();
    let call = tokio::spawn(citizen::call_until(plan, async {
        wish.await.expect("the test asks for the hang-up");
    }));
    far.invited().await;
    far.invited().await;
    far.answer().await;
    far.expect("ACK ").await;
    hang_up.send(()).expect("the call runs");
    far.expect("BYE ").await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    assert_eq!(report(call).await.outcome, Outcome::Answered);
}

#[tokio::test]
async fn nobody_there_and_a_wrong_number_are_told_apart() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = silent.local_addr().expect("bound");
    drop(silent);
    let report = citizen::call(CallPlan::new(address, "12345")).await.expect("the call can be tried");
    assert_eq!((report.outcome, report.status), (Outcome::NoResponse, None));
    let error = citizen::call(CallPlan::new(address, "12345>;tag=1")).await.expect_err("no number");
    assert!(matches!(error, CitizenError::Number(_)), "{error}");
}

/// A plan with these acts, which ends after a second.
fn acting(far: &FarEnd, acts: &[&str]) -> CallPlan {
    let acts: Vec<Act> = acts.iter().map(|text| text.parse().expect("an act")).collect();
    CallPlan { acts, ending: Ending::HangUpAfter(Duration::from_secs(1)), ..far.plan() }
}

fn credentials() -> Credentials {
    Credentials { user: "phone-7".to_owned(), secret: "zanzibar".to_owned() }
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"hotline\", nonce=\"ea9c8e88\", qop=\"auth\", algorithm=SHA-256\r\n\
    WWW-Authenticate: Digest realm=\"hotline\", nonce=\"ea9c8e88\", qop=\"auth\", algorithm=MD5\r\n";

impl FarEnd {
    async fn challenge(&self, request: &str) {
        let kept: String = request
            .lines()
            .filter(|line| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
            .map(|line| if line.starts_with("To:") { format!("{line};tag=far\r\n") } else { format!("{line}\r\n") })
            .collect();
        self.send(&format!("SIP/2.0 401 Unauthorized\r\n{kept}{CHALLENGE}Content-Length: 0\r\n\r\n")).await;
    }
}

/// The response that RFC 7616 wants, by an implementation of its own.
fn expected_response(method: &str, uri: &str, credentials: &str) -> String {
    let part = |name: &str| {
        let (_, rest) = credentials.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {credentials}"));
        rest.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
    };
    let md5 = |text: String| {
        use md5::Digest;
        md5::Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let (first, second) = (md5("phone-7:hotline:zanzibar".to_owned()), md5(format!("{method}:{uri}")));
    md5(format!("{first}:ea9c8e88:{}:{}:auth:{second}", part("nc"), part("cnonce")))
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {message}"))
}

#[tokio::test]
async fn a_challenged_call_is_made_again_with_proof() {
    let mut far = FarEnd::start().await;
    let call = call(CallPlan { credentials: Some(credentials()), ..far.plan() });
    far.invited().await;
    far.challenge(&far.invite).await;
    far.expect("ACK ").await;
    far.invited().await;
    assert_eq!(line(&far.invite, "CSeq: "), "2 INVITE");
    let proof = line(&far.invite, "Authorization: ").to_owned();
    let uri = far.invite.split(' ').nth(1).expect("a Request-URI").to_owned();
    assert!(proof.contains(&expected_response("INVITE", &uri, &proof)) && !proof.contains("zanzibar"), "{proof}");
    far.answer().await;
    far.expect("ACK ").await;
    far.request("BYE", 1, "").await;
    assert_eq!(report(call).await.outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_wrong_secret_is_tried_once() {
    let mut far = FarEnd::start().await;
    let call = call(CallPlan { credentials: Some(credentials()), ..far.plan() });
    far.invited().await;
    far.challenge(&far.invite).await;
    far.expect("ACK ").await;
    far.invited().await;
    far.challenge(&far.invite).await;
    far.expect("ACK ").await;
    let report = report(call).await;
    assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(401)));
}

#[tokio::test]
async fn a_phone_registers_with_proof_and_reports_what_was_granted() {
    let mut far = FarEnd::start().await;
    let server = far.sip.local_addr().expect("bound");
    let bind = server.ip();
    let plan = RegisterPlan { server, bind, credentials: credentials(), expires_s: 600, limit: LIMIT };
    let told = tokio::spawn(async move { register_once(&plan).await });
    let first = far.expect("REGISTER ").await;
    assert_eq!(line(&first, "Expires: "), "600");
    far.challenge(&first).await;
    let second = far.expect("REGISTER ").await;
    let proof = line(&second, "Authorization: ");
    let uri = second.split(' ').nth(1).expect("a Request-URI");
    assert!(proof.contains(&expected_response("REGISTER", uri, proof)), "{proof}");
    far.reply(&second, "200 OK\r\nExpires: 300", "").await;
    let registration = told.await.expect("no panic").expect("it could be tried");
    assert_eq!((registration.status, registration.challenged, registration.expires_s), (Some(200), true, Some(300)));
}

#[tokio::test]
async fn a_citizen_holds_and_takes_back_and_sends_no_voice_in_between() {
    let mut far = FarEnd::start().await;
    let call = call(acting(&far, &["50:hold", "300:resume"]));
    far.invited().await;
    far.answer().await;
    far.expect("ACK ").await;
    let hold = far.expect("INVITE ").await;
    assert!(hold.contains("a=sendonly\r\n") && line(&hold, "CSeq: ") == "2 INVITE", "{hold}");
    far.reply(&hold, "200 OK", "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 8\r\n").await;
    assert_eq!(line(&far.expect("ACK ").await, "CSeq: "), "2 ACK");
    let resume = far.expect("INVITE ").await;
    assert!(resume.contains("a=sendrecv\r\n"), "{resume}");
    far.reply(&resume, "491 Request Pending", "").await;
    far.expect("ACK ").await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    let done: Vec<(String, Option<u16>)> = report(call).await.done.into_iter().map(|done| (done.deed, done.status)).collect();
    assert_eq!(done, [("hold".to_owned(), Some(200)), ("resume".to_owned(), Some(491))]);
}

#[tokio::test]
async fn keys_go_out_as_events_and_by_info_and_a_transfer_is_asked() {
    let mut far = FarEnd::start().await;
    let call = call(acting(&far, &["0:press=5#", "100:info=12", "200:refer=sip:1002@127.0.0.1"]));
    far.invited().await;
    let port = far.rtp.local_addr().expect("bound").port();
    let events = "a=rtpmap:97 telephone-event/8000\r\n";
    let sdp = format!("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 8 97\r\n{events}");
    far.reply(&far.invite, "200 OK", &sdp).await;
    far.expect("ACK ").await;
    let mut reader = voice::telephone_event::KeyReader::default();
    let mut keys = String::new();
    let mut packet = [0; 2048];
    while keys != "5#" {
        let (length, _) = tokio::time::timeout(LIMIT, far.rtp.recv_from(&mut packet)).await.expect("voice in time").expect("read");
        let read = voice::rtp::Packet::read(&packet[..length]).expect("RTP");
        if read.header.payload_type == 97 {
            keys.extend(reader.read(read.header.ssrc, read.header.timestamp, read.payload));
        }
    }
    for key in ["1", "2"] {
        let info = far.expect("INFO ").await;
        assert!(info.contains(&format!("Signal={key}\r\n")) && info.contains("application/dtmf-relay"), "{info}");
        far.reply(&info, "200 OK", "").await;
    }
    let refer = far.expect("REFER ").await;
    assert_eq!(line(&refer, "Refer-To: "), "<sip:1002@127.0.0.1>");
    far.reply(&refer, "202 Accepted", "").await;
    far.request("NOTIFY", 1, "SIP/2.0 200 OK").await;
    far.expect("SIP/2.0 200").await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    let statuses: Vec<Option<u16>> = report(call).await.done.into_iter().map(|done| done.status).collect();
    assert_eq!(statuses, [None, Some(200), Some(202)]);
}

#[tokio::test]
async fn a_citizen_misbehaves_as_told_and_notes_what_is_said_to_it() {
    let plan = |far: &FarEnd, fault| CallPlan { fault: Some(fault), ending: Ending::HangUpAfter(Duration::from_millis(30)), ..far.plan() };
    for fault in [Fault::ChangedTag, Fault::OldSequence, Fault::DoubleBye] {
        let mut far = FarEnd::start().await;
        let call = call(plan(&far, fault));
        far.invited().await;
        far.answer().await;
        far.expect("ACK ").await;
        let wrong = far.expect("BYE ").await;
        let expected = match fault {
            Fault::ChangedTag => !line(&wrong, "To: ").contains(";tag=far"),
            Fault::OldSequence => line(&wrong, "CSeq: ") == "0 BYE",
            _ => true,
        };
        assert!(expected, "{fault:?}: {wrong}");
        far.reply(&wrong, "481 Call/Transaction Does Not Exist", "").await;
        let right = far.expect("BYE ").await;
        assert!(line(&right, "To: ").contains(";tag=far") && line(&right, "CSeq: ") != line(&wrong, "CSeq: "), "{fault:?}: {right}");
        far.reply(&right, "200 OK", "").await;
        let report = report(call).await;
        assert_eq!((report.outcome, report.odd_statuses.first()), (Outcome::Answered, Some(&481)), "{fault:?}");
    }
    let mut far = FarEnd::start().await;
    let call_late = call(plan(&far, Fault::LateAck));
    far.invited().await;
    for _ in 0..3 {
        far.answer().await;
    }
    far.expect("ACK ").await;
    let bye = far.expect("BYE ").await;
    far.reply(&bye, "200 OK", "").await;
    assert_eq!(report(call_late).await.outcome, Outcome::Answered);
    let mut far = FarEnd::start().await;
    let call_storm = call(plan(&far, Fault::Storm));
    for _ in 0..20 {
        far.expect("INVITE ").await;
    }
    drop(call_storm);
}

#[tokio::test]
async fn a_ringing_call_is_left_wrongly_as_told() {
    let plan = |far: &FarEnd, fault| CallPlan { fault: Some(fault), ending: Ending::CancelAfter(Duration::from_millis(60)), ..far.plan() };
    let mut far = FarEnd::start().await;
    let call_wrong = call(plan(&far, Fault::WrongBranch));
    far.invited().await;
    far.reply(&far.invite, "180 Ringing", "").await;
    let wrong = far.expect("CANCEL ").await;
    assert_ne!(line(&wrong, "Via: "), line(&far.invite, "Via: "));
    far.reply(&wrong, "481 Call/Transaction Does Not Exist", "").await;
    let right = far.expect("CANCEL ").await;
    assert_eq!(line(&right, "Via: "), line(&far.invite, "Via: "));
    far.reply(&right, "200 OK", "").await;
    far.reply(&far.invite, "487 Request Terminated", "").await;
    far.expect("ACK ").await;
    let told = report(call_wrong).await;
    assert_eq!((told.outcome, told.status, told.odd_statuses), (Outcome::Cancelled, Some(487), vec![481, 200]));

    let mut far = FarEnd::start().await;
    let call_bye = call(plan(&far, Fault::ByeBeforeAnswer));
    far.invited().await;
    far.reply(&far.invite, "180 Ringing", "").await;
    let bye = far.expect("BYE ").await;
    assert!(line(&bye, "To: ").contains(";tag=far"), "{bye}");
    far.reply(&bye, "200 OK", "").await;
    far.reply(&far.invite, "487 Request Terminated", "").await;
    far.expect("ACK ").await;
    let told = report(call_bye).await;
    assert_eq!((told.outcome, told.status, told.odd_statuses), (Outcome::Cancelled, Some(487), vec![200]));
}

//! The smallest owner of an endpoint: a socket, a clock, and 200 for every call. For trying the endpoint against other SIP programs:
//! `cargo run -p sip-core --example answer_everybody -- 127.0.0.1:5060`. It is not the server: it lets anybody in.

use sip_core::{Endpoint, Event, Limits, Seed};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5060".to_owned());
    let socket = UdpSocket::bind(listen)?;
    let contact = socket.local_addr()?;
    println!("answering everybody at {contact}");
    let mut endpoint = Endpoint::new(contact, Limits::default(), Seed([std::process::id().into(), 0]));
    let started = Instant::now();
    let now = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut buffer = vec![0; 65_536];
    // Finer than any timer of SIP; setting it anew for each packet would cost more than the packet.
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    loop {
        if let Ok((length, source)) = socket.recv_from(&mut buffer) {
            endpoint.receive(now(), source, buffer[..length].to_vec().into());
        }
        endpoint.handle_timeout(now());
        answer_all(&mut endpoint, contact, now());
        while let Some((target, packet)) = endpoint.poll_transmit() {
            socket.send_to(&packet, target)?;
        }
    }
}

fn answer_all(endpoint: &mut Endpoint, contact: SocketAddr, now: u64) {
    while let Some(event) = endpoint.poll_event() {
        if let Event::Offered { call, .. } = event {
            endpoint.ring(now, call);
            let address = contact.ip();
            let answer =
                format!("v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=inactive\r\n");
            endpoint.answer(now, call, &answer);
        }
    }
}

//! The yardstick: connected sockets in pairs, epoll, one receive and one send per packet, and nothing else.

use crate::generator::{self, Figures};
use crate::leg::Leg;
use anyhow::{Context, Result};
use e2e::process::Running;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// The child: relays between socket 2i and 2i+1 until it is killed.
pub(crate) fn serve(legs: usize) -> Result<()> {
    let sockets: Vec<UdpSocket> = (0..legs).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().map(|address| address.port())).collect::<Result<_, _>>()?;
    println!("{}", serde_json::to_string(&ports)?);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let far: Vec<u16> = serde_json::from_str(&line).context("the far ports as a JSON list")?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (place, (socket, port)) in sockets.iter().zip(far).enumerate() {
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nonblocking(true)?;
        epoll::add(&epoll, socket, epoll::EventData::new_u64(place as u64), epoll::EventFlags::IN)?;
    }
    // As the server's media threads: urgent, and on the second core if there is one.
    generator::make_urgent();
    let mut core = rustix::thread::CpuSet::new();
    core.set(1);
    let _ = rustix::thread::sched_setaffinity(None, &core);
    println!("relaying");
    relay(&epoll, &sockets)
}

fn relay(epoll: &rustix::fd::OwnedFd, sockets: &[UdpSocket]) -> Result<()> {
    let mut events = Vec::with_capacity(256);
    let mut packet = [0; 2048];
    loop {
        epoll::wait(epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let place = event.data.u64() as usize;
            if let Ok(length) = sockets[place].recv(&mut packet) {
                // A full buffer loses the packet, as in the server.
                let _ = sockets[place ^ 1].send(&packet[..length]);
            }
        }
    }
}

/// Starts the child and drives `calls` through it.
pub(crate) fn measure(calls: usize, window: Duration) -> Result<Figures> {
    let mut legs: Vec<Leg> = (0..2 * calls).map(|place| Leg::plain(place as u32)).collect::<Result<_>>()?;
    let log = e2e::process::fresh_folder("bare").join("bare.log");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare-relay", "--legs", &legs.len().to_string()]);
    let mut child = Running::start("bare relay", &mut command, &log);
    let near: Vec<u16> = child.wait_for("list of ports", e2e::SOON, |line| serde_json::from_str(line).ok());
    let mut far = Vec::with_capacity(legs.len());
    for (leg, port) in legs.iter().zip(near) {
        leg.connect((Ipv4Addr::LOCALHOST, port).into())?;
        far.push(leg.socket.local_addr()?.port());
    }
    child.tell(&serde_json::to_string(&far)?);
    child.wait_for("word that it relays", e2e::SOON, |line| (line == "relaying").then_some(()));
    let pid = child.id();
    generator::urgently(|| generator::run(&mut legs, window, pid))
}

//! Listening sockets, bound the way SIP needs them: IPv6 without IPv4 in it, a deep receive buffer, addresses free again at once.

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

/// Receive buffer asked of the kernel for datagrams, in bytes: the usual 212 kB overflows in bursts of INVITEs. The kernel may give less.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1_024;

/// Binds a socket for datagrams; call it within a tokio runtime.
pub(super) fn udp(address: SocketAddr) -> io::Result<tokio::net::UdpSocket> {
    let socket = UdpSocket::from(bound(address, SocketType::DGRAM)?);
    if let Err(error) = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES) {
        tracing::info!(%error, "the kernel keeps its own size of the SIP receive buffer");
    }
    tokio::net::UdpSocket::from_std(socket)
}

/// Binds a socket for connections and listens; call it within a tokio runtime.
pub(super) fn tcp(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let socket = bound(address, SocketType::STREAM)?;
    listen(&socket, BACKLOG)?;
    tokio::net::TcpListener::from_std(TcpListener::from(socket))
}

/// The address of ours from which the system would send there now; `None` if there is no way. Sends nothing.
pub(super) fn local_towards(remote: SocketAddr) -> Option<std::net::IpAddr> {
    let any: SocketAddr =
        if remote.is_ipv6() { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() } else { (std::net::Ipv4Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(remote).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

fn bound(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if address.is_ipv6() {
        // Otherwise [::] would take the IPv4 address that another listener wants, and show IPv4 sources in another form.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if kind == SocketType::STREAM {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address)?;
    Ok(socket)
}

//! A TCP relay that can be cut like a cable, between a desktop and the gateway.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// The relay; its threads end with the test's process.
#[derive(Debug, Clone)]
pub struct Cable {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    cut: bool,
    connections: Vec<TcpStream>,
}

impl Cable {
    /// A whole cable to `far`.
    ///
    /// # Panics
    /// If no loopback port is free.
    #[must_use]
    pub fn to(far: SocketAddr) -> Self {
        Self::at(IpAddr::V4(Ipv4Addr::LOCALHOST), far)
    }

    /// The same with its near end at another address of this host.
    ///
    /// # Panics
    /// If no port is free there.
    #[must_use]
    pub fn at(near: IpAddr, far: SocketAddr) -> Self {
        let listener = TcpListener::bind((near, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let cable = Self { address, state: Arc::default() };
        let accepting = cable.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                accepting.join(near, far);
            }
        });
        cable
    }

    /// The near end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections and refuses new ones.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cut = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cut = false;
    }

    fn join(&self, near: TcpStream, far: SocketAddr) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cut {
            return;
        }
        let pairs = TcpStream::connect(far).and_then(|far| Ok([(near.try_clone()?, far.try_clone()?), (far, near)]));
        for (from, to) in pairs.into_iter().flatten() {
            state.connections.extend(from.try_clone());
            std::thread::spawn(move || pump(from, to));
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

//! TLS around the TCP of a program that has none: each connection that comes in goes out encrypted, byte by byte.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// An open tunnel; it closes with this value.
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Tunnel {
    /// To a TLS server on loopback whose certificate is signed by `ca` (PEM).
    ///
    /// # Panics
    /// If it cannot be opened.
    #[must_use]
    pub fn open(server: SocketAddr, ca: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(serve(listener, server, connector(ca)));
        Self { address, _runtime: runtime }
    }

    /// Where to connect without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn connector(ca: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).expect("the site has a certificate") {
        roots.add(certificate.expect("a certificate")).expect("a certificate that can sign");
    }
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

async fn serve(listener: TcpListener, server: SocketAddr, connector: TlsConnector) {
    while let Ok((mut plain, _)) = listener.accept().await {
        let connector = connector.clone();
        tokio::spawn(async move {
            let outside = TcpStream::connect(server).await?;
            let name = ServerName::IpAddress(server.ip().into());
            let mut secure = connector.connect(name, outside).await?;
            copy_bidirectional(&mut plain, &mut secure).await
        });
    }
}

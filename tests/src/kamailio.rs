//! Kamailio as a carrier: registrar and proxy of another make, with digest and Record-Route.

use crate::SOON;
use crate::process::{Running, fresh_folder};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where the program is.
const PROGRAM: &str = "/usr/sbin/kamailio";

/// A running Kamailio.
#[derive(Debug)]
pub struct Kamailio {
    /// Where it listens, UDP.
    pub address: SocketAddr,
    running: Running,
    folder: PathBuf,
}

/// Whether Kamailio is installed.
#[must_use]
pub fn is_installed() -> bool {
    Path::new(PROGRAM).exists()
}

impl Kamailio {
    /// Starts it on this loopback address. It registers whoever knows `secret`, proxies what comes for somebody registered there, and stays
    /// in the path of each call.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn start(name: &str, ip: &str, secret: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a loopback address");
        let address = socket.local_addr().expect("a bound socket");
        drop(socket);
        let folder = fresh_folder(name);
        let config = folder.join("kamailio.cfg");
        std::fs::write(&config, configuration(address, secret, &folder)).expect("its folder can be written");
        let mut command = Command::new(PROGRAM);
        // In the foreground, with few processes and little memory: it carries a single call.
        command.args(["-DD", "-E", "-m", "16", "-M", "4", "-n", "1", "-f"]).arg(&config).arg("-Y").arg(&folder);
        let kamailio = Self { address, running: Running::start("kamailio", &mut command, &folder.join("kamailio.log")), folder };
        kamailio.wait_until_it_answers(ip);
        kamailio
    }

    fn wait_until_it_answers(&self, ip: &str) {
        let probe = UdpSocket::bind((ip, 0)).expect("a loopback address");
        let own = probe.local_addr().expect("a bound socket");
        probe.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit above zero");
        let until = Instant::now() + SOON;
        let mut buffer = [0; 2048];
        for branch in 0.. {
            let options = format!(
                "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-up-{branch};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:test@{own}>;tag=up\r\nTo: <sip:{to}>\r\nCall-ID: up-{own}\r\nCSeq: {cseq} OPTIONS\r\nContent-Length: 0\r\n\r\n",
                to = self.address,
                cseq = branch + 1,
            );
            let _ = probe.send_to(options.as_bytes(), self.address);
            if probe.recv(&mut buffer).is_ok() {
                return;
            }
            assert!(Instant::now() < until, "Kamailio does not answer.\n{}", self.running.story());
        }
    }
}

impl Drop for Kamailio {
    /// It ends its own children only if it is asked to end.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.running.id().to_string()).status();
        if !std::thread::panicking() {
            self.running.ended(SOON);
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn configuration(address: SocketAddr, secret: &str, folder: &Path) -> String {
    let modules = ["tm", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "auth", "siputils", "textops"];
    let load: String = modules.iter().map(|module| format!("loadmodule \"{module}.so\"\n")).collect();
    let ip = address.ip();
    format!(
        "#!KAMAILIO\ndebug=2\nlog_stderror=yes\nfork=yes\nchildren=1\ntcp_children=1\ndisable_tcp=yes\nauto_aliases=no\nalias=\"{ip}\"\n\
         listen=udp:{address}\nmpath=\"/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/\"\nworkdir=\"{folder}\"\n\
         {load}\
         modparam(\"usrloc\", \"db_mode\", 0)\nmodparam(\"registrar\", \"max_expires\", 120)\nmodparam(\"registrar\", \"default_expires\", 120)\n\
         modparam(\"rr\", \"enable_full_lr\", 1)\n\
         request_route {{\n\
           if (!mf_process_maxfwd_header(\"10\")) {{ sl_send_reply(\"483\", \"Too Many Hops\"); exit; }}\n\
           if (is_method(\"OPTIONS\") && uri==myself && $rU==$null) {{ sl_send_reply(\"200\", \"OK\"); exit; }}\n\
           if (has_totag()) {{\n\
             if (loose_route()) {{ t_relay(); exit; }}\n\
             if (is_method(\"ACK\") && t_check_trans()) {{ t_relay(); exit; }}\n\
             sl_send_reply(\"404\", \"Not here\"); exit;\n\
           }}\n\
           if (is_method(\"CANCEL\")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}\n\
           t_check_trans();\n\
           if (is_method(\"REGISTER\")) {{\n\
             if (!pv_www_authenticate(\"carrier.example\", \"{secret}\", \"0\")) {{ www_challenge(\"carrier.example\", \"1\"); exit; }}\n\
             if (!save(\"location\")) {{ sl_reply_error(); }}\n\
             exit;\n\
           }}\n\
           record_route();\n\
           if (is_method(\"INVITE\")) {{\n\
             # Every number that is dialled here belongs to the one subscriber.\n\
             $ru = \"sip:hotline@{ip}\";\n\
             if (!lookup(\"location\")) {{ sl_send_reply(\"480\", \"Not registered\"); exit; }}\n\
             t_relay(); exit;\n\
           }}\n\
           sl_send_reply(\"405\", \"Method Not Allowed\");\n\
         }}\n",
        folder = folder.display(),
    )
}

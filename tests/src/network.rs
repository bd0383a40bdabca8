//! A network of a test's own, in which packets can be dropped: the test runs itself again in a fresh network namespace of the kernel, which
//! all programs that it starts share.

use std::io::Write;
use std::process::{Command, Stdio};

/// Says to the test's second run that it is the one within.
const WITHIN: &str = "HOTLINE_TEST_NETWORK";
/// What is dropped when it arrives, so that the sender hears nothing of it.
const TABLE: &str = "hotline_test";

/// The network in which the present process is alone with its children.
#[derive(Debug)]
pub struct Network(());

impl Network {
    /// In the first run: runs the test of this name (as `cargo test` knows it) once more within a network of its own and returns `None`
    /// when it has passed. Within: the network.
    ///
    /// # Panics
    /// If the test fails within, or the system gives no namespace.
    #[must_use]
    pub fn enter(test: &str) -> Option<Self> {
        if std::env::var_os(WITHIN).is_some() {
            run("ip", &["link", "set", "lo", "up"]);
            return Some(Self(()));
        }
        let program = std::env::current_exe().expect("a running test has a path");
        let mut command = Command::new("unshare");
        command.arg("--net");
        // Who is not root is root of the namespace alone, which is enough: nothing outside is touched.
        command.args((!rustix::process::geteuid().is_root()).then_some("--map-root-user")).arg("--").arg(program);
        command.args(["--exact", test, "--nocapture"]).env(WITHIN, "1");
        let output = command.output().unwrap_or_else(|error| panic!("unshare cannot be started: {error}"));
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "within its own network the test failed: {words}");
        assert!(words.contains("1 passed"), "no test is named {test}: {words}");
        println!("{words}");
        None
    }

    /// From now on UDP to and from this port vanishes.
    ///
    /// # Panics
    /// If the kernel takes no such rule.
    pub fn block_udp(&self, port: u16) {
        let rules = format!(
            "table inet {TABLE} {{\n chain arriving {{\n  type filter hook input priority 0; policy accept;\n  udp dport {port} drop\n  \
             udp sport {port} drop\n }}\n}}\n"
        );
        let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft is installed");
        nft.stdin.take().expect("it is piped").write_all(rules.as_bytes()).expect("nft reads its rules");
        assert!(nft.wait().expect("nft can be waited for").success(), "nft refuses: {rules}");
    }

    /// All UDP arrives again.
    pub fn unblock(&self) {
        run("nft", &["delete", "table", "inet", TABLE]);
    }
}

fn run(tool: &str, arguments: &[&str]) {
    let status = Command::new(tool).args(arguments).status().unwrap_or_else(|error| panic!("{tool} cannot be started: {error}"));
    assert!(status.success(), "{tool} {arguments:?} failed");
}

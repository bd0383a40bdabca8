//! The program as it is started: a real window on a virtual display. What the screens show is tested inside the program.
//!
//! Needs `Xvfb`; without it the test says so and passes, because no other program can stand in for a display.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest wait for the display and for the first frame.
const LIMIT: Duration = Duration::from_secs(30);

/// Ends with the test, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first line that a program writes, within the limit.
fn first_line(from: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(from).read_line(&mut line);
        let _ = sender.send(read.is_ok_and(|bytes| bytes > 0).then(|| line.trim().to_owned()));
    });
    receiver.recv_timeout(LIMIT).ok().flatten()
}

fn display() -> Option<(Running, String)> {
    let arguments = ["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"];
    let child = Command::new("Xvfb").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut running = Running(child);
    let number = first_line(running.0.stdout.take().expect("its output is piped")).expect("Xvfb names its display");
    Some((running, format!(":{number}")))
}

#[test]
fn the_program_opens_its_window_and_says_so() {
    let Some((_display, name)) = display() else {
        eprintln!("skipped: Xvfb is not installed");
        return;
    };
    let home = std::env::temp_dir().join(format!("hotline-window-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a folder for the program's files");
    let mut program = Command::new(env!("CARGO_BIN_EXE_agent-desktop"));
    program.args(["--server", "127.0.0.1:1", "--number", "1001"]).env("DISPLAY", name).env_remove("WAYLAND_DISPLAY");
    program.env("HOME", &home).env("XDG_CONFIG_HOME", &home).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(program.spawn().expect("the program starts"));
    let line = first_line(running.0.stdout.take().expect("its output is piped"));
    assert_eq!(line.as_deref(), Some(r#"{"event":"window_ready"}"#));
    assert!(running.0.try_wait().expect("its state can be asked").is_none(), "the program goes on after its first frame");
    drop(running);
    let _ = std::fs::remove_dir_all(home);
}

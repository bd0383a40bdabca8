//! Child processes of a test: found beside the test, read line by line, ended by their own id.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The folder that holds the built programs: two up from a test (`deps`), one up from a program.
///
/// # Panics
/// Only if the running program has no path, which no system of ours allows.
#[must_use]
pub fn programs() -> PathBuf {
    let exe = std::env::current_exe().expect("a running program has a path");
    let folder = exe.parent().expect("a program stands in a folder");
    if folder.ends_with("deps") { folder.parent().expect("deps stands in a folder").to_owned() } else { folder.to_owned() }
}

/// A program of this workspace.
///
/// # Panics
/// If it is not built; the message says how to build it.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let release = if programs().ends_with("release") { " --release" } else { "" };
    assert!(path.exists(), "{} is missing; build it with `cargo build{release} -p {name}`, or run `cargo xtask test`", path.display());
    path
}

/// A fresh folder for one run of one test.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn fresh_folder(name: &str) -> PathBuf {
    let folder = programs().join("../tmp/e2e").join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder.canonicalize().expect("it was just made")
}

/// A child process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    log: PathBuf,
}

impl Running {
    /// Starts it; its standard error goes to `log`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let errors =
            std::fs::File::options().create(true).append(true).open(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({}): {error}", command.get_program().display()));
        let output = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { name: name.to_owned(), child, lines, seen: Vec::new(), log: log.to_owned() }
    }

    /// Waits for a line that `pick` makes something of.
    ///
    /// # Panics
    /// If it does not come in time or the process ends before; the message shows what came instead.
    pub fn wait_for<T>(&mut self, what: &str, limit: Duration, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let picked = pick(&line);
                    self.seen.push(line);
                    if let Some(picked) = picked {
                        return picked;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("{}: no {what} within {limit:?}.\n{}", self.name, self.story()),
                Err(RecvTimeoutError::Disconnected) => panic!("{}: ended before {what}.\n{}", self.name, self.story()),
            }
        }
    }

    /// Waits for the JSON line whose `event` is this.
    pub fn event(&mut self, event: &str, limit: Duration) -> Value {
        self.event_where(event, limit, |_| true)
    }

    /// Waits for the JSON line whose `event` is this and that `holds`.
    pub fn event_where(&mut self, event: &str, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(&format!("event {event}"), limit, |line| {
            let value: Value = serde_json::from_str(line).ok()?;
            (value["event"] == event && holds(&value)).then_some(value)
        })
    }

    /// The newest JSON line so far whose `event` is this and that `holds`, or the next one, if there was none: for what may come in any order.
    pub fn event_ever(&mut self, event: &str, limit: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        let mut seen = self.seen.iter().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        match seen.find(|value| value["event"] == event && holds(value)) {
            Some(value) => value,
            None => self.event_where(event, limit, holds),
        }
    }

    /// Waits for the JSON line whose `event` is this, or until `limit` has passed without it.
    ///
    /// # Panics
    /// If the process ends.
    pub fn event_within(&mut self, event: &str, limit: Duration) -> Option<Value> {
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let value = serde_json::from_str(&line).unwrap_or(Value::Null);
                    self.seen.push(line);
                    if value["event"] == event {
                        return Some(value);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("{}: ended before event {event}.\n{}", self.name, self.story()),
            }
        }
    }

    /// Writes one line to its standard input.
    ///
    /// # Panics
    /// If the process has gone.
    pub fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(input, "{line}").and_then(|()| input.flush()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Ends its standard input, which tells some programs to come to their end.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// SIGKILL, at once; returns when it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn ended(&mut self, limit: Duration) -> ExitStatus {
        drop(self.child.stdin.take());
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("{}: still runs after {limit:?}.\n{}", self.name, self.story()),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().expect("a child can be waited for"),
            }
        }
    }

    /// What it has said so far, for the text of an assertion.
    #[must_use]
    pub fn story(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(30).collect();
        let said = &self.seen[self.seen.len().saturating_sub(60)..];
        format!("said: {said:#?}\nlog: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

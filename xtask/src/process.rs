//! Starting other programs, and ending the ones we started.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// Where `cargo build` puts the programs.
pub(crate) fn program(name: &str, release: bool) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join(if release { "release" } else { "debug" }).join(name)
}

/// Runs cargo in the workspace; its output goes to standard error, so that standard output carries results only.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    cargo_with(arguments, &[])
}

/// [`cargo`] with variables set.
pub(crate) fn cargo_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let is_result = matches!(arguments.first(), Some(&("test" | "run")));
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root()).envs(variables.iter().copied());
    if !is_result {
        command.stdout(Stdio::from(std::io::stderr()));
    }
    let status = command.status().context("cargo could not be started")?;
    if !status.success() {
        bail!("`cargo {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// Runs a tool of the system whose words go to the terminal, and nothing to our own output.
///
/// # Errors
/// It cannot be started, or it failed.
pub(crate) fn call(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status().with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs a program to its end and returns its standard output.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} could not be started", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{} {}` failed ({}): {}", program.display(), arguments.join(" "), output.status, text.trim());
    }
    Ok(text)
}

/// A program that runs beside us and speaks in lines. Dropping it ends it.
pub(crate) struct Companion {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Companion {
    /// Starts it; its standard error goes to `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("standard output was piped")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name, child, stdin, lines })
    }

    /// The next JSON line for which `wanted` answers with a value; other lines are passed over.
    pub(crate) fn wait_for<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut wanted: impl FnMut(&serde_json::Value) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => bail!("{}: {what} did not come within {} s", self.name, limit.as_secs()),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended ({status}) before {what}", self.name)
                }
            };
            if let Ok(value) = serde_json::from_str(&line)
                && let Some(found) = wanted(&value)
            {
                return Ok(found);
            }
        }
    }

    /// A line that is already there.
    pub(crate) fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Whether it still runs.
    pub(crate) fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Says a line to it; a program that has gone is not an error here, its end is noticed elsewhere.
    pub(crate) fn say(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    /// Asks it to end (SIGTERM), waits, and ends it the hard way after `limit`.
    pub(crate) fn stop(&mut self, limit: Duration) {
        self.stdin = None;
        if !self.running() {
            return;
        }
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + limit;
        // The reader thread ends when the program's output closes, which is its end.
        while self.running() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || matches!(self.lines.recv_timeout(left), Err(std::sync::mpsc::RecvTimeoutError::Timeout)) {
                break;
            }
            std::thread::yield_now();
        }
        if self.running() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(5));
    }
}

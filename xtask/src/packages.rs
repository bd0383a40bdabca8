//! System packages: which are needed for what, which are missing, and their installation by apt.

use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// To compile: ALSA's headers for the sound card, a C compiler for SQLite and libopus, cmake for libopus.
pub(crate) const BUILD: &[&str] = &["gcc", "libc6-dev", "pkg-config", "libasound2-dev", "cmake"];

/// To open the desktop's window under X11.
pub(crate) const WINDOW: &[&str] =
    &["libxkbcommon0", "libxkbcommon-x11-0", "libx11-6", "libx11-xcb1", "libxcursor1", "libxi6", "libxrandr2"];

/// Peers and tools of the tests: carriers and phones of another make, a display, a sound server.
pub(crate) const TEST: &[&str] = &[
    "sip-tester",
    "baresip-core",
    "kamailio",
    "xvfb",
    "openbox",
    "xdotool",
    "x11-utils",
    "imagemagick",
    "pulseaudio",
    "pulseaudio-utils",
    "libasound2-plugins",
    "iproute2",
    "nftables",
    "strace",
    "dbus",
    "fcitx5",
    "fcitx5-pinyin",
];

/// To compile for Windows.
pub(crate) const WINDOWS_BUILD: &[&str] = &["gcc-mingw-w64-x86-64-posix", "g++-mingw-w64-x86-64-posix"];

/// To try out what was compiled for Windows, and to make its installer.
pub(crate) const WINDOWS_TRY: &[&str] = &["wine", "wine64", "nsis", "xvfb", "imagemagick"];

/// To make a package for Debian, and to try it out.
pub(crate) const DEBIAN: &[&str] = &["dpkg-dev", "xvfb"];

/// For `bench voice`: the phone beside which we are heard, and a Python that can compile PESQ.
pub(crate) const VOICE: &[&str] = &["baresip-core", "python3", "python3-venv", "python3-dev", "g++"];

/// Makes sure that the packages are installed, by apt if need be.
///
/// # Errors
/// Packages are missing and may not, or could not, be installed; the text names them.
pub(crate) fn require(groups: &[&[&str]], only_name: bool) -> Result<()> {
    let missing: Vec<&str> = groups.iter().flat_map(|group| group.iter().copied()).filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if only_name {
        bail!("these system packages are missing: {list}\n  install them with: apt-get install --no-install-recommends {list}");
    }
    eprintln!("Missing system packages: {list}\nInstalling them with apt-get (use --no-install to be told only) …");
    apt(&["update"]).context("the list of packages could not be fetched")?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments).with_context(|| format!("apt-get could not install: {list}"))
}

fn installed(name: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", name])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

fn apt(arguments: &[&str]) -> Result<()> {
    let user = Command::new("id").arg("-u").output().context("`id` could not be started")?;
    let is_root = user.stdout.trim_ascii() == b"0";
    let mut command = if is_root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    let status = command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .context("apt-get could not be started: is this Debian, and are you root or allowed to use sudo?")?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

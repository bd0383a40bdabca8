//! `deb`: the desktop as a package for Debian and its kin: program, menu entry, icons, manual page. Tried out, it is installed, its window
//! opens on a virtual display, and it is removed without a trace.
//!
//! Made by `dpkg-deb` from a folder: there is nothing in it that a further tool would save.

use crate::display::Display;
use crate::packages;
use crate::process::{self, Companion, call};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "hotline-agent";

/// What to do.
#[derive(Args)]
pub(crate) struct DebArguments {
    /// Install it here, open its window on a virtual display, remove it again, and see that nothing is left. Needs root.
    #[arg(long = "try")]
    try_out: bool,
    /// Package the build at hand (dev profile): to see that everything works, not to be given away.
    #[arg(long)]
    dev: bool,
    /// Name missing system packages instead of installing them.
    #[arg(long)]
    no_install: bool,
}

/// Makes the package, and tries it out.
///
/// # Errors
/// It could not be built, installed, started or removed.
pub(crate) fn run(arguments: &DebArguments) -> Result<()> {
    packages::require(&[packages::BUILD, packages::WINDOW, packages::DEBIAN], arguments.no_install)?;
    let build = ["build", "--package", "agent-desktop", "--release"];
    process::cargo(if arguments.dev { &build[..3] } else { &build })?;
    let folder = process::root().join("target/deb");
    let root = folder.join("root");
    let _ = std::fs::remove_dir_all(&root);
    let files = lay_out(&root, &process::program("agent-desktop", !arguments.dev))?;
    let package = folder.join(format!("{NAME}_{}_amd64.deb", env!("CARGO_PKG_VERSION")));
    call(Command::new("dpkg-deb").args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&package))?;
    if arguments.try_out {
        try_out(&package, &files, &folder)?;
    }
    let size = std::fs::metadata(&package)?.len() / 1024;
    println!("{}", serde_json::json!({"package": package, "package_kib": size}));
    Ok(())
}

/// Puts everything where it belongs; where that is, without the root.
fn lay_out(root: &Path, program: &Path) -> Result<Vec<PathBuf>> {
    let packaging = process::root().join("agent-desktop/packaging");
    let places = [
        (packaging.join("hotline-agent.desktop"), "usr/share/applications/hotline-agent.desktop"),
        (packaging.join("hotline-agent.svg"), "usr/share/icons/hicolor/scalable/apps/hotline-agent.svg"),
        (packaging.join("hotline-agent.png"), "usr/share/icons/hicolor/256x256/apps/hotline-agent.png"),
        (packaging.join("70-hotline-headset.rules"), "usr/lib/udev/rules.d/70-hotline-headset.rules"),
        (packaging.join("agent-desktop.1"), "usr/share/man/man1/agent-desktop.1"),
        (process::root().join("LICENSE-MIT"), "usr/share/doc/hotline-agent/copyright"),
        (process::root().join("LICENSE-APACHE"), "usr/share/doc/hotline-agent/LICENSE-APACHE"),
        (process::root().join("assets/fonts/OFL.txt"), "usr/share/doc/hotline-agent/OFL.txt"),
    ];
    for (from, to) in &places {
        let place = root.join(to);
        std::fs::create_dir_all(place.parent().expect("every place lies in a folder"))?;
        std::fs::copy(from, &place).with_context(|| from.display().to_string())?;
        plain_mode(&place, 0o644)?;
    }
    call(Command::new("gzip").args(["-9", "-n"]).arg(root.join("usr/share/man/man1/agent-desktop.1")))?;
    let place = root.join("usr/bin/agent-desktop");
    std::fs::create_dir_all(root.join("usr/bin"))?;
    call(Command::new("strip").arg("-o").arg(&place).arg(program))?;
    plain_mode(&place, 0o755)?;
    std::fs::create_dir_all(root.join("DEBIAN"))?;
    std::fs::write(root.join("DEBIAN/control"), control(root)?)?;
    let installed = places.iter().map(|(_, to)| match to.strip_suffix(".1") {
        Some(_) => PathBuf::from("/").join(format!("{to}.gz")),
        None => PathBuf::from("/").join(to),
    });
    Ok(installed.chain([PathBuf::from("/usr/bin/agent-desktop"), PathBuf::from("/usr/share/doc/hotline-agent")]).collect())
}

fn control(root: &Path) -> Result<String> {
    let kib = process::output(Path::new("du"), &["-sk", "--exclude=DEBIAN", &root.to_string_lossy()])?;
    let kib = kib.split_whitespace().next().context("du told nothing")?.to_owned();
    // The X libraries are opened by name when the window opens, so no tool would find them in the program.
    let needs: Vec<&str> = ["libc6", "libgcc-s1", "libasound2"].iter().chain(packages::WINDOW).copied().collect();
    Ok(format!(
        "Package: {NAME}\nVersion: {}\nArchitecture: amd64\nMaintainer: Hotline <hotline@localhost>\nInstalled-Size: {kib}\nDepends: {}\n\
         Recommends: pulseaudio | pipewire-pulse, libasound2-plugins\nSection: net\nPriority: optional\n\
         Description: the agent's desktop of the hotline 热线座席工作台\n \
         Signs in to a call server, answers calls by headset, and writes their summaries.\n",
        env!("CARGO_PKG_VERSION"),
        needs.join(", ")
    ))
}

fn try_out(package: &Path, files: &[PathBuf], folder: &Path) -> Result<()> {
    ensure!(!Path::new("/usr/bin/agent-desktop").exists(), "there is an agent-desktop in /usr/bin already: it would be removed");
    call(Command::new("dpkg").arg("--install").arg(package))?;
    let opened = open_window(folder);
    let removed = call(Command::new("dpkg").args(["--purge", NAME]));
    opened?;
    removed?;
    let left: Vec<&PathBuf> = files.iter().filter(|path| path.exists()).collect();
    ensure!(left.is_empty(), "these are left: {left:?}");
    eprintln!("deb: installed, its window opened, removed; none of {} files is left", files.len());
    Ok(())
}

fn open_window(folder: &Path) -> Result<()> {
    let display = Display::start(folder)?;
    let home = folder.join("home");
    std::fs::create_dir_all(&home)?;
    let mut command = Command::new("/usr/bin/agent-desktop");
    command.args(["--server", "127.0.0.1:1", "--number", "1001"]).env("DISPLAY", display.name()).env_remove("WAYLAND_DISPLAY");
    command.env("HOME", &home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    let mut window = Companion::start("the installed desktop", &mut command, &folder.join("window.log"))?;
    window.wait_for(Duration::from_secs(60), "its window", |line| (line["event"] == "window_ready").then_some(()))?;
    ensure!(window.running(), "the window ended by itself: see {}", folder.join("window.log").display());
    Ok(())
}

fn plain_mode(path: &Path, mode: u32) -> Result<()> {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).with_context(|| path.display().to_string())
}

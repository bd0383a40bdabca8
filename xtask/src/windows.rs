//! `windows`: the desktop for Windows, built on Linux: compiler, program, its list of libraries, one call and the window under wine,
//! and an installer that is tried out. Wine is not Windows: sound devices, input methods and screens with other densities are not proven.

use crate::display::Display;
use crate::process::{self, Companion, call};
use crate::{demo, packages};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const TARGET: &str = "x86_64-pc-windows-gnu";
/// Debian's wine64 is not in the path.
const WINE: &str = "/usr/lib/wine/wine64";
const WINE_SERVER: &str = "/usr/lib/wine/wineserver64";
/// Longest wait for anything under wine; its first start makes a whole Windows.
const LIMIT: Duration = Duration::from_secs(120);

/// Libraries that every Windows 10 has. Anything else would have to be shipped.
const ALLOWED: &[&str] = &[
    "advapi32",
    "avrt",
    "bcrypt",
    "bcryptprimitives",
    "combase",
    "comctl32",
    "crypt32",
    "d3d11",
    "dwmapi",
    "dxgi",
    "gdi32",
    "hid",
    "imm32",
    "kernel32",
    "mmdevapi",
    "msvcrt",
    "ncrypt",
    "ntdll",
    "ole32",
    "oleaut32",
    "opengl32",
    "powrprof",
    "propsys",
    "secur32",
    "setupapi",
    "shell32",
    "shlwapi",
    "user32",
    "userenv",
    "uxtheme",
    "version",
    "winmm",
    "ws2_32",
];

/// How far to go.
#[derive(Args)]
pub(crate) struct WindowsArguments {
    /// Only see whether it compiles.
    #[arg(long)]
    check: bool,
    /// Build without optimising: to see that everything works, not to be given away.
    #[arg(long, conflicts_with = "check")]
    dev: bool,
    /// Name missing system packages instead of installing them.
    #[arg(long)]
    no_install: bool,
}

/// Builds and tries out.
///
/// # Errors
/// A step failed; the text names it.
pub(crate) fn run(arguments: &WindowsArguments) -> Result<()> {
    packages::require(&[packages::BUILD, packages::WINDOWS_BUILD], arguments.no_install)?;
    if !arguments.check {
        packages::require(&[packages::WINDOWS_TRY], arguments.no_install)?;
    }
    let folder = process::root().join("target/windows");
    let toolchain = folder.join("toolchain");
    step("compiler");
    let mut make = Command::new("sh");
    make.arg(process::root().join("xtask/windows/toolchain.sh")).arg(&toolchain);
    call(if arguments.check { make.arg("check") } else { &mut make })?;
    step(if arguments.check { "check" } else { "build" });
    compile(&folder, &toolchain, arguments)?;
    if arguments.check {
        return Ok(());
    }
    let program = folder.join("agent-desktop.exe");
    let built = folder.join("build").join(TARGET).join(if arguments.dev { "debug" } else { "release" }).join("agent-desktop.exe");
    call(Command::new("x86_64-w64-mingw32-strip").arg("-o").arg(&program).arg(built))?;
    step("libraries");
    check_libraries(&program)?;
    let wine = Wine::start(&folder)?;
    step("one call under wine");
    // The server and the citizen are this system's; only the desktop is the one for Windows.
    process::cargo(&["build", "--package", "call-server", "--package", "citizen", "--bins"])?;
    let site = folder.join("site");
    demo::one_call(&site, wine.run(&program))?;
    step("window under wine");
    wine.show_window(&program, &folder)?;
    step("installer");
    let installer = folder.join("hotline-agent-setup.exe");
    make_installer(&program, &installer)?;
    wine.install_and_remove(&installer, &site)?;
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len()) / 1024;
    println!(
        "{}",
        serde_json::json!({"program": program, "program_kib": size(&program), "installer": installer, "installer_kib": size(&installer)})
    );
    Ok(())
}

fn step(name: &str) {
    eprintln!("windows: {name} …");
}

fn compile(folder: &Path, toolchain: &Path, arguments: &WindowsArguments) -> Result<()> {
    let path = |path: PathBuf| path.to_str().map(str::to_owned).context("the workspace's path is not UTF-8");
    let (rustc, libraries) = (path(toolchain.join("usr/bin/rustc"))?, path(toolchain.join("usr/lib"))?);
    let build = path(folder.join("build"))?;
    let variables = [
        ("RUSTC", rustc.as_str()),
        ("LD_LIBRARY_PATH", &libraries),
        ("CARGO_TARGET_DIR", &build),
        ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc"),
    ];
    let mut all = vec![if arguments.check { "check" } else { "build" }, "--target", TARGET, "--package", "agent-desktop"];
    match (arguments.check, arguments.dev) {
        // The macros of others are compiled to run once or twice.
        (true, _) => all.extend(["--config", "profile.dev.package.'*'.opt-level=0"]),
        (false, true) => {}
        (false, false) => all.push("--release"),
    }
    process::cargo_with(&all, &variables)
}

/// Every library that is asked for is one that Windows has.
fn check_libraries(program: &Path) -> Result<()> {
    let text = process::output(Path::new("x86_64-w64-mingw32-objdump"), &["-p", text_of(program)?])?;
    let names: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DLL Name: "))
        .map(|name| name.to_ascii_lowercase().trim_end_matches(".dll").to_owned())
        .collect();
    ensure!(!names.is_empty(), "no library at all is named: was this a program for Windows?");
    let foreign: Vec<&String> = names.iter().filter(|name| !ALLOWED.contains(&name.as_str()) && !name.starts_with("api-ms-win-")).collect();
    ensure!(foreign.is_empty(), "these libraries are not on every Windows: {foreign:?}");
    eprintln!("windows: {} libraries, all of them Windows' own: {}", names.len(), names.join(" "));
    Ok(())
}

fn make_installer(program: &Path, installer: &Path) -> Result<()> {
    let packaging = process::root().join("agent-desktop/packaging");
    let define = |name: &str, value: &str| format!("-D{name}={value}");
    call(
        Command::new("makensis")
            .args(["-V2", "-INPUTCHARSET", "UTF8"])
            .arg(define("EXE", text_of(program)?))
            .arg(define("VERSION", env!("CARGO_PKG_VERSION")))
            .arg(define("OUT", text_of(installer)?))
            .arg(define("ICON", text_of(&packaging.join("hotline-agent.ico"))?))
            .arg(define("PICTURE", text_of(&packaging.join("hotline-agent.png"))?))
            .arg(packaging.join("installer.nsi")),
    )
}

/// A Windows of our own in a folder, with a display.
struct Wine {
    prefix: PathBuf,
    /// Its desktop and documents lie there, and not in those of whoever runs this.
    home: PathBuf,
    display: Display,
}

impl Wine {
    fn start(folder: &Path) -> Result<Self> {
        step("wine");
        let wine = Self { prefix: folder.join("wine"), home: folder.join("home"), display: Display::start(folder)? };
        std::fs::create_dir_all(&wine.home)?;
        let system = wine.prefix.join("drive_c/windows/system32");
        if !system.join("bcryptprimitives.dll").exists() {
            call(wine.command(Path::new(WINE)).args(["wineboot", "-i"]))?;
            wine.settle()?;
            let shim = folder.join("bcryptprimitives.dll");
            call(
                Command::new("x86_64-w64-mingw32-gcc")
                    .args(["-O2", "-s", "-shared", "-o"])
                    .arg(&shim)
                    .arg(process::root().join("xtask/windows/bcryptprimitives.c"))
                    .arg("-ladvapi32"),
            )?;
            std::fs::copy(shim, system.join("bcryptprimitives.dll"))?;
        }
        Ok(wine)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("WINEPREFIX", &self.prefix)
            .env("HOME", &self.home)
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            .env("DISPLAY", self.display.name());
        // Neither Mono nor Gecko is asked for: their installers would wait for a person.
        command.env("WINEDLLOVERRIDES", "mscoree=;mshtml=");
        command
    }

    fn run(&self, program: &Path) -> Command {
        let mut command = self.command(Path::new(WINE));
        command.arg(program);
        command
    }

    /// Waits until everything that was started has ended.
    fn settle(&self) -> Result<()> {
        call(self.command(Path::new(WINE_SERVER)).arg("-w"))
    }

    fn show_window(&self, program: &Path, folder: &Path) -> Result<()> {
        let mut command = self.run(program);
        command.args(["--server", "127.0.0.1:1", "--number", "1001"]);
        let mut window = Companion::start("the desktop for Windows", &mut command, &folder.join("window.log"))?;
        window.wait_for(LIMIT, "its window", |line| (line["event"] == "window_ready").then_some(()))?;
        self.display.picture(&folder.join("window.png"))?;
        ensure!(window.running(), "the window ended by itself: see {}", folder.join("window.log").display());
        window.stop(Duration::from_secs(1));
        call(self.command(Path::new(WINE_SERVER)).arg("-k"))
    }

    /// What is looked at are the files: a 32-bit installer would report success and do nothing here.
    fn install_and_remove(&self, installer: &Path, site: &Path) -> Result<()> {
        let place = self.prefix.join("drive_c/坐席");
        let (program, remover) = (place.join("agent-desktop.exe"), place.join("uninstall.exe"));
        call(self.run(installer).args(["/S", r"/D=C:\坐席"]))?;
        until("the installed program", || program.exists() && remover.exists())?;
        self.settle()?;
        let traces = self.traces()?;
        ensure!(traces == ALL_TRACES, "of links and places in the registry there are {traces:?} instead of {ALL_TRACES:?}");
        demo::one_call(site, self.run(&program)).context("with the installed program")?;
        call(self.run(&remover).arg("/S"))?;
        until("the end of the program's folder", || !place.exists())?;
        self.settle()?;
        let traces = self.traces()?;
        ensure!(traces == Traces::default(), "these are left: {traces:?}");
        eprintln!("windows: installed in a folder with a Chinese name, took a call, removed; nothing is left");
        Ok(())
    }

    /// What an installed program has left outside of its folder.
    fn traces(&self) -> Result<Traces> {
        let registry = std::fs::read_to_string(self.prefix.join("user.reg"))?;
        let has = |key: &str| registry.contains(&format!("[Software\\\\{key}]"));
        Ok(Traces {
            links: links_in(&self.prefix.join("drive_c/users")) + links_in(&self.home),
            own: has("HotlineAgent"),
            listed: has(r"Microsoft\\Windows\\CurrentVersion\\Uninstall\\HotlineAgent"),
            notifies: has(r"Classes\\AppUserModelId\\Hotline.AgentDesktop"),
        })
    }
}

/// Links, and places in the registry.
#[derive(Debug, PartialEq, Eq, Default)]
struct Traces {
    /// In the start menu and on the desktop.
    links: usize,
    /// Where it is installed.
    own: bool,
    /// Among the programs that can be removed.
    listed: bool,
    /// Among the programs that may notify.
    notifies: bool,
}

/// Those of an installed program.
const ALL_TRACES: Traces = Traces { links: 2, own: true, listed: true, notifies: true };

impl Drop for Wine {
    fn drop(&mut self) {
        // Its services go on without anybody otherwise.
        let _ = self.command(Path::new(WINE_SERVER)).arg("-k").status();
    }
}

/// Links of ours below a folder.
fn links_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => links_in(&entry.path()),
            Ok(_) => usize::from(entry.file_name().to_string_lossy() == "热线座席工作台.lnk"),
            Err(_) => 0,
        })
        .sum()
}

fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !holds() {
        ensure!(Instant::now() < end, "{what} did not come within {} s", LIMIT.as_secs());
        std::thread::yield_now();
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

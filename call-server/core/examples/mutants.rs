//! Breaks the core on purpose, in one place at a time, and asks the tests: each break must turn one of them red.
//! `cargo run -p call-core --example mutants`.
//!
//! `tests/mutants.txt` lists the breaks. All of them are built into one copy of the core, below the target folder, and switched on one by
//! one by an environment variable; the core itself is never touched.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const USAGE: &str = "usage: mutants [--build | --built] [--fast] [--only NUMBER] [--seeds N]
  --build        only build the copy
  --built        ask the copy that was built last
  --fast         ask no further once a program is red
  --only NUMBER  one break alone
  --seeds N      seeds of the simulation for each break; 400 if not said";

/// The switch that the copy is built with.
const SWITCH: &str = "//! Which break is switched on.

/// Whether this one is.
pub(crate) fn on(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| std::env::var(\"MUTANT\").ok().and_then(|text| text.parse().ok()).unwrap_or(0)) == number
}
";

/// One break: in a file of the core, one expression in place of another.
struct Mutant {
    what: String,
    file: String,
    /// Which of several places that read alike, from 1; 0 if there must be one alone.
    place: usize,
    from: String,
    to: String,
}

/// What was asked for on the command line.
struct Wish {
    build: bool,
    built: bool,
    fast: bool,
    only: Option<u32>,
    seeds: u64,
}

fn main() -> ExitCode {
    match read_arguments(std::env::args().skip(1)).and_then(|wish| run(&wish)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Returns how many breaks nobody noticed.
fn run(wish: &Wish) -> Result<usize, String> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = core.ancestors().nth(2).ok_or("the core lies two folders below the workspace")?;
    let list = fs::read_to_string(core.join("tests/mutants.txt")).map_err(|fault| fault.to_string())?;
    let mutants = read_list(&list)?;
    let copy = root.join("target/mutants");
    if !wish.built {
        make_copy(root, &copy, &mutants)?;
        build(&copy)?;
    }
    if wish.build {
        return Ok(0);
    }
    let programs = programs(&copy)?;
    let sound = failing(&programs, &copy, 0, wish)?;
    if !sound.is_empty() {
        return Err(format!("red without any break: {}", sound.join(", ")));
    }
    let mut unnoticed = 0;
    for (number, mutant) in (1..).zip(&mutants).filter(|(number, _)| wish.only.is_none_or(|only| only == *number)) {
        let red = failing(&programs, &copy, number, wish)?;
        unnoticed += usize::from(red.is_empty());
        let verdict = if red.is_empty() { "UNNOTICED".to_owned() } else { red.join("; ") };
        println!("{number:>3} {:<62} {:<22} {verdict}", mutant.what, mutant.file);
    }
    println!("{} breaks, {unnoticed} unnoticed", mutants.len());
    Ok(unnoticed)
}

/// `# what`, `@ file` with `#2` for the second place, `- expression`, `+ expression`.
fn read_list(text: &str) -> Result<Vec<Mutant>, String> {
    let (mut mutants, mut what, mut file, mut place, mut from) = (Vec::new(), String::new(), String::new(), 0, String::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(' ') {
            Some(("#", rest)) => rest.clone_into(&mut what),
            Some(("@", rest)) => {
                let (path, number) = rest.split_once(" #").unwrap_or((rest, "0"));
                path.clone_into(&mut file);
                place = number.parse().map_err(|_| format!("{line}: no number"))?;
            }
            Some(("-", rest)) => rest.clone_into(&mut from),
            Some(("+", rest)) => {
                let (what, file, from) = (what.clone(), file.clone(), from.clone());
                mutants.push(Mutant { what, file, place, from, to: rest.to_owned() });
            }
            _ => return Err(format!("{line}: is no line of a break")),
        }
    }
    Ok(mutants)
}

/// A workspace of its own with the core and what it shares.
fn make_copy(root: &Path, copy: &Path, mutants: &[Mutant]) -> Result<(), String> {
    let say = |fault: io::Error| fault.to_string();
    for folder in ["shared", "call-server"] {
        let old = copy.join(folder);
        if old.exists() {
            fs::remove_dir_all(old).map_err(say)?;
        }
    }
    copy_folder(&root.join("shared/src"), &copy.join("shared/src")).map_err(say)?;
    copy_folder(&root.join("call-server/core"), &copy.join("call-server/core")).map_err(say)?;
    fs::copy(root.join("shared/Cargo.toml"), copy.join("shared/Cargo.toml")).map_err(say)?;
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).map_err(say)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(say)?;
    fs::write(copy.join("Cargo.toml"), only_the_core(&manifest)?).map_err(say)?;
    let source = copy.join("call-server/core/src");
    for (number, mutant) in (1..).zip(mutants) {
        let path = source.join(&mutant.file);
        let text = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", mutant.file))?;
        fs::write(&path, broken(&text, number, mutant)?).map_err(say)?;
    }
    let lib = fs::read_to_string(source.join("lib.rs")).map_err(say)?;
    fs::write(source.join("lib.rs"), lib.replacen("mod acd;", "mod acd;\nmod mutant;", 1)).map_err(say)?;
    fs::write(source.join("mutant.rs"), SWITCH).map_err(say)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}

/// The workspace's manifest with two members and without profiles of packages that are not there.
fn only_the_core(manifest: &str) -> Result<String, String> {
    let (head, rest) = manifest.split_once("members = [").ok_or("the workspace has members")?;
    let (_, rest) = rest.split_once(']').ok_or("the list of members ends")?;
    let rest = rest.split("[profile.").next().unwrap_or(rest);
    Ok(format!("{head}members = [\"shared\", \"call-server/core\"]{rest}\n[profile.dev]\nopt-level = 1\ndebug = false\n"))
}

/// The file with the break in it, behind its switch.
fn broken(text: &str, number: u32, mutant: &Mutant) -> Result<String, String> {
    let Mutant { file, from, to, place, .. } = mutant;
    let (code, tests) = text.split_at(text.find("#[cfg(test)]").unwrap_or(text.len()));
    let found: Vec<usize> = code.match_indices(from.as_str()).map(|(at, _)| at).collect();
    let at = *found.get(place.saturating_sub(1)).ok_or_else(|| format!("break {number}: {file} has no place {place} of `{from}`"))?;
    if *place == 0 && found.len() > 1 {
        return Err(format!("break {number}: {file} has {} places of `{from}`; say which: #2", found.len()));
    }
    let mut broken = code[..at].to_owned();
    let _ = write!(broken, "(if crate::mutant::on({number}) {{ {to} }} else {{ {from} }})");
    Ok(broken + &code[at + from.len()..] + tests)
}

/// Builds the test programs of the copy and writes down where they are.
fn build(copy: &Path) -> Result<(), String> {
    let mut told = Vec::new();
    let tests =
        ["test", "--no-run", "--lib", "--test", "scenarios", "--test", "functions", "--test", "phones_of_the_house", "--test", "occupancy"];
    for what in [&tests[..], &["build", "--example", "simulate"]] {
        let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        command.args(what).args(["--offline", "--package", "call-core", "--message-format", "json-render-diagnostics"]);
        command.current_dir(copy).env("CARGO_TARGET_DIR", copy.join("target"));
        // What is broken on purpose may be odd.
        command.env("RUSTFLAGS", "--cap-lints allow").stderr(Stdio::inherit());
        let output = command.output().map_err(|fault| fault.to_string())?;
        if !output.status.success() {
            return Err("the copy does not build".to_owned());
        }
        told.extend(output.stdout);
    }
    fs::write(copy.join("programs.jsonl"), told).map_err(|fault| fault.to_string())
}

/// The test programs of the copy, by name.
fn programs(copy: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let text = fs::read_to_string(copy.join("programs.jsonl")).map_err(|fault| format!("nothing was built: {fault}"))?;
    Ok(text.lines().filter_map(program).collect())
}

/// Name and path of a program that was built, from a line of cargo's messages.
fn program(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let path = PathBuf::from(message.get("executable")?.as_str()?);
    let name = message.get("target")?.get("name")?.as_str()?;
    let name = match name {
        "call_core" | "call-core" => "unit tests",
        "simulate" => "simulation",
        other => other,
    };
    Some((name.to_owned(), path))
}

/// Which programs are red with this break, and by what.
fn failing(programs: &[(String, PathBuf)], copy: &Path, number: u32, wish: &Wish) -> Result<Vec<String>, String> {
    let mut red = Vec::new();
    for (name, path) in programs {
        let mut command = Command::new(path);
        command.env("MUTANT", number.to_string()).current_dir(copy.join("call-server/core"));
        if wish.fast && !red.is_empty() {
            break;
        }
        if name == "simulation" {
            command.args(["--seeds", &wish.seeds.to_string(), "--first"]);
        }
        let output = command.output().map_err(|fault| format!("{}: {fault}", path.display()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            red.push(format!("{name}: {}", cause(name, &text)));
        }
    }
    Ok(red)
}

/// What a red program says in one line.
fn cause(name: &str, text: &str) -> String {
    let clipped = |line: &str| line.trim().chars().take(70).collect::<String>();
    if name == "simulation" {
        let line = text.lines().find(|line| line.starts_with("seed ")).unwrap_or("ended early");
        let said = line.split_once(" ms: ").map_or(line, |(_, said)| said);
        return clipped(said.trim_start_matches("assertion `left == right` failed: "));
    }
    let failed = text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let stories = text.lines().filter_map(|line| Some(line.split_once(".txt: line")?.0.trim()));
    let all: Vec<&str> = if name == "scenarios" { stories.collect() } else { failed.collect() };
    let more = if all.len() > 1 { format!(" and {} more", all.len() - 1) } else { String::new() };
    format!("{}{more}", clipped(all.first().copied().unwrap_or("ended early")))
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish { build: false, built: false, fast: false, only: None, seeds: 400 };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--build" => wish.build = true,
            "--built" => wish.built = true,
            "--fast" => wish.fast = true,
            _ => number(&mut wish, &argument, arguments.next())?,
        }
    }
    Ok(wish)
}

fn number(wish: &mut Wish, argument: &str, value: Option<String>) -> Result<(), String> {
    let number: u64 = value.and_then(|text| text.parse().ok()).ok_or_else(|| format!("{argument}: a number is missing"))?;
    match argument {
        "--only" => wish.only = u32::try_from(number).ok(),
        "--seeds" => wish.seeds = number,
        other => return Err(format!("unknown argument {other}")),
    }
    Ok(())
}

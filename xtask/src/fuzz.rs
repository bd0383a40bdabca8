//! `fuzz`: libFuzzer over the targets of `tests/fuzz`, built by the stable compiler. Coverage comes from LLVM's own pass
//! (`-C passes=sancov-module`), which needs no nightly; the address sanitizer does, and our code has no unsafe that it could watch.

use crate::process;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest input, in bytes: a large SIP packet.
const MAX_INPUT: &str = "-max_len=4096";
/// What one input may take.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=2048"];

/// Which targets, and for how long.
#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// Targets, such as sip_message; without one: all, one after another.
    targets: Vec<String>,
    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Afterwards take the new inputs that reach new code into the committed corpus.
    #[arg(long)]
    keep: bool,
}

/// Builds the targets and runs them.
///
/// # Errors
/// A target does not exist or cannot be built, or something was found; the input that shows it is named above.
pub(crate) fn run(arguments: &FuzzArguments) -> Result<()> {
    let root = process::root();
    let all = targets(&root)?;
    if let Some(unknown) = arguments.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown}; there are: {}", all.join(", "));
    }
    let binaries = build(&root)?;
    for target in if arguments.targets.is_empty() { &all } else { &arguments.targets } {
        let (committed, grown) = (root.join("tests/fuzz/corpus").join(target), root.join("target/fuzz/corpus").join(target));
        std::fs::create_dir_all(&committed)?;
        std::fs::create_dir_all(&grown)?;
        let mut command = fuzzer(&binaries, target);
        command.arg(format!("-max_total_time={}", arguments.seconds)).args(LIMITS).arg(MAX_INPUT).args([&grown, &committed]);
        succeed(command, &format!("{target} found something"))?;
        if arguments.keep {
            let mut merge = fuzzer(&binaries, target);
            merge.arg("-merge=1").args(LIMITS).args([&committed, &grown]);
            succeed(merge, &format!("the corpus of {target} could not be merged"))?;
        }
    }
    Ok(())
}

/// Each source file of the package but `Cargo.toml` is a target.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("tests/fuzz"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Gives the folder of the binaries. `--target` keeps build scripts and macros free of instrumentation.
fn build(root: &Path) -> Result<PathBuf> {
    let triple = host()?;
    let folder = root.join("target/fuzz");
    let coverage = ["level=4", "inline-8bit-counters", "pc-table", "trace-compares"];
    let flags = ["-Cpasses=sancov-module", "-Ccodegen-units=1", "--cfg=fuzzing"].map(str::to_owned).into_iter();
    let flags: Vec<String> = flags.chain(coverage.map(|part| format!("-Cllvm-args=-sanitizer-coverage-{part}"))).collect();
    let manifest = root.join("tests/fuzz/Cargo.toml").to_string_lossy().into_owned();
    let place = folder.to_string_lossy().into_owned();
    let arguments = ["build", "--release", "--manifest-path", &manifest, "--target", &triple, "--target-dir", &place];
    process::cargo_with(&arguments, &[("RUSTFLAGS", &flags.join(" "))])?;
    Ok(folder.join(triple).join("release"))
}

fn host() -> Result<String> {
    let told = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc does not tell its host")
}

fn fuzzer(binaries: &Path, target: &str) -> Command {
    let mut command = Command::new(binaries.join(target));
    command.arg(format!("-artifact_prefix={}/{target}-", binaries.display()));
    command
}

fn succeed(mut command: Command, otherwise: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{} could not be started", command.get_program().display()))?;
    if status.success() { Ok(()) } else { bail!("{otherwise} ({status})") }
}

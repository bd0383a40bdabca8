//! `bench voice`: prepares a Python with PESQ and runs the program that makes and scores the calls.

use crate::{packages, process};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What scoring needs of PyPI: PESQ's reference implementation.
const MODULES: &[&str] = &["numpy==2.4.6", "pesq==0.0.4"];

/// Builds, prepares, measures, prints.
///
/// # Errors
/// Something could not be installed, built or measured.
pub(crate) fn run(codecs: &str, pieces: u32, seed: u64, json: bool) -> Result<()> {
    packages::require(&[packages::BUILD, packages::VOICE], false)?;
    process::cargo(&["build", "--workspace", "--bins"])?;
    let python = python()?;
    let (python, pieces, seed) = (python.display().to_string(), pieces.to_string(), seed.to_string());
    let mut all = vec!["--python", &python, "--codecs", codecs, "--pieces", &pieces, "--seed", &seed];
    if json {
        all.push("--json");
    }
    print!("{}", process::output(&process::program("quality", false), &all)?);
    Ok(())
}

/// A Python of our own under the build's folder, with the modules in it.
fn python() -> Result<PathBuf> {
    let folder = process::program("", false).with_file_name("voice-bench");
    let python = folder.join("bin/python");
    let mark = folder.join(MODULES.join("+"));
    if !mark.exists() {
        process::output(Path::new("python3"), &["-m", "venv", &folder.display().to_string()])?;
        let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        arguments.extend(MODULES);
        process::output(&python, &arguments)?;
        std::fs::write(mark, "")?;
    }
    Ok(python)
}

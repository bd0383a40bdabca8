//! PESQ by its reference implementation, in a Python of its own.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What was said again and again, and what was heard of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Task {
    /// One piece.
    pub(crate) reference: PathBuf,
    /// All pieces.
    pub(crate) heard: PathBuf,
    /// How many of them are scored.
    pub(crate) pieces: usize,
    /// Samples at the beginning that are not.
    pub(crate) skip: u64,
    /// What was heard still has to go through a trunk with A-law.
    pub(crate) trunk: bool,
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Scored {
    /// MOS-LQO of each piece.
    pub(crate) scores: Vec<f64>,
    /// The sample at which each piece begins in what was heard.
    pub(crate) places: Vec<u64>,
}

/// Scores all tasks, in order.
pub(crate) fn score(python: &Path, tasks: &[Task]) -> Result<Vec<Scored>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pesq/score.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} could not be started", python.display()))?;
    let mut input = child.stdin.take().context("standard input is piped")?;
    for task in tasks {
        writeln!(input, "{}", serde_json::to_string(task)?)?;
    }
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the scores could not be computed ({})", output.status);
    let scored: Vec<Scored> =
        String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a line of scores")?;
    ensure!(scored.len() == tasks.len(), "{} scores of {} files", scored.len(), tasks.len());
    Ok(scored)
}

/// The median; none of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}

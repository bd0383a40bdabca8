//! `status`: shows what the running server says about itself.

use super::control::{self, Request};
use super::{Failure, Outcome};
use serde_json::Value;
use std::path::Path;

pub(super) fn status(site: &Path) -> Result<Outcome, Failure> {
    let status = ask(site)?;
    Ok(Outcome::new(readable(&status), status))
}

/// The running server's status.
///
/// # Errors
/// `not_running`, or it does not answer.
pub(super) fn ask(site: &Path) -> Result<Value, Failure> {
    control::ask(site, &Request::Status)?.ok_or_else(|| {
        let message = format!("no server is running on the site {}", site.display());
        Failure::new("not_running", message, "Start it with `call-server run`, or name another site with --site DIR.")
    })
}

/// The object as indented lines, so that a figure the server adds shows up here without a change.
fn readable(value: &Value) -> String {
    let mut text = String::new();
    lines(&mut text, value, 0);
    text
}

fn lines(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let Value::Object(fields) = value else { return text.push_str(&format!("{indent}{}\n", inline(value))) };
    for (name, value) in fields {
        let name = name.replace('_', " ");
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                text.push_str(&format!("{indent}{name}:\n"));
                lines(text, value, depth + 1);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push_str(&format!("{indent}{name}:\n"));
                items.iter().for_each(|item| text.push_str(&format!("{indent}  {}\n", inline(item))));
            }
            other => text.push_str(&format!("{indent}{name}: {}\n", inline(other))),
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), inline(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::readable;
    use serde_json::json;

    #[test]
    fn a_status_reads_as_lines() {
        let status = json!({"version": "0.1.0", "calls": {"active": 2}, "queues": [{"name": "政务咨询", "waiting": 1}], "agents": {}});
        assert_eq!(readable(&status), "agents: none\ncalls:\n  active: 2\nqueues:\n  name 政务咨询, waiting 1\nversion: 0.1.0\n");
    }
}

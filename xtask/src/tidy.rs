//! The house rules that no compiler knows: sizes, module heads, and who may import whom.
//!
//! Crossing a size limit, or a test that is not always run, needs a line in `xtask/tidy-allow.txt` with its reason; a line that is no longer needed is a fault too.

use crate::process;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Longest function, in lines from its signature to its closing brace.
const FUNCTION_LINES: usize = 70;
/// Longest file without its tests, in lines.
const FILE_LINES: usize = 1_000;

/// Words that mean unfinished work; split so that this file does not find itself.
const UNFINISHED: [&str; 3] = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("#[ign", "ore")];

/// A room, by the beginning of its files' paths, and what its `use` lines and paths may not name (house.md, the import table).
const IMPORT_RULES: &[(&str, &[&str])] = &[
    ("shared/src/model/", &["tokio", "std::net", "std::fs", "std::thread", "crate::wire"]),
    ("shared/src/wire/", &["tokio", "std::net", "std::fs", "std::thread", "call_core"]),
    ("shared/voice/src/", &["tokio", "std::net", "std::fs", "std::thread", "std::time"]),
    (
        "call-server/core/src/",
        &["tokio", "std::net", "std::fs", "std::thread", "std::time", "shared::wire", "fastrand", "std::collections::HashMap"],
    ),
    ("call-server/core/src/plan/", &["crate::calls", "crate::acd", "crate::ledger", "crate::timer"]),
    ("call-server/core/src/calls/", &["crate::acd", "crate::ivr"]),
    ("call-server/core/src/acd/", &["crate::calls", "crate::ivr"]),
    ("call-server/core/src/ivr/", &["crate::acd", "crate::calls"]),
    ("call-server/core/src/ledger/", &["crate::calls", "crate::acd", "crate::ivr", "crate::plan", "crate::timer"]),
    (
        "call-server/sip/src/",
        &["tokio", "std::net::UdpSocket", "std::net::TcpStream", "std::fs", "std::thread", "std::time", "call_core", "shared"],
    ),
    ("call-server/citizen/src/", &["sip_core", "call_core", "shared"]),
    (
        "call-server/src/sip/",
        &["crate::media", "crate::recording", "crate::store", "crate::gateway", "crate::reports", "crate::admin", "rusqlite"],
    ),
    (
        "call-server/src/media/",
        &["crate::sip", "crate::recording", "crate::store", "crate::gateway", "crate::reports", "crate::admin", "tokio", "rusqlite"],
    ),
    ("call-server/src/recording/", &["crate::sip", "crate::gateway", "crate::reports", "crate::admin", "rusqlite", "tokio"]),
    ("call-server/src/store/", &["crate::sip", "crate::media", "crate::gateway", "crate::recording", "crate::admin"]),
    (
        "call-server/src/gateway/",
        &["crate::sip", "crate::media", "crate::store", "crate::recording", "crate::reports", "crate::admin", "rusqlite"],
    ),
    ("call-server/src/config/", &["rusqlite", "crate::switchboard"]),
    ("call-server/src/admin/", &["rusqlite"]),
    ("agent-desktop/core/src/", &["iced", "tokio", "std::net", "std::fs", "std::thread", "std::time"]),
    ("agent-desktop/src/screens/", &["crate::gateway", "crate::audio", "crate::platform", "crate::client", "tokio"]),
    ("agent-desktop/src/audio/", &["iced", "crate::gateway", "crate::screens", "crate::i18n"]),
    ("agent-desktop/src/platform/", &["iced", "crate::audio", "crate::gateway", "crate::screens", "crate::i18n", "crate::app"]),
    ("agent-desktop/src/gateway", &["iced", "crate::audio", "crate::screens", "crate::i18n"]),
    ("tests/", &["call_core", "sip_core", "desktop_core"]),
    ("xtask/src/", &["call_core", "sip_core", "shared", "voice", "citizen", "desktop_core"]),
];

/// Checks every tracked Rust file.
///
/// # Errors
/// Rules are broken; each breach has been printed with its place.
pub(crate) fn run() -> Result<()> {
    let root = process::root();
    let allowed = allow_list(&root.join("xtask/tidy-allow.txt"))?;
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    let files = tracked_files(&root)?;
    for path in &files {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        check_file(path, &text, &allowed, &mut used, &mut faults)?;
    }
    faults
        .extend(allowed.keys().filter(|key| !used.contains(*key)).map(|key| format!("xtask/tidy-allow.txt: `{key}` is no longer needed")));
    if faults.is_empty() {
        eprintln!("tidy: {} files in order", files.len());
        return Ok(());
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    bail!("tidy found {} faults", faults.len())
}

fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "*.rs"])
        .current_dir(root)
        .output()
        .context("git could not be started")?;
    let list = String::from_utf8(output.stdout).context("file names are UTF-8")?;
    Ok(list.lines().filter(|path| root.join(path).exists()).map(str::to_owned).collect())
}

fn allow_list(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (key, reason) =
                line.split_once(" -- ").with_context(|| format!("{}: `{line}` has no reason after ` -- `", path.display()))?;
            Ok((key.trim().to_owned(), reason.trim().to_owned()))
        })
        .collect()
}

fn check_file(
    path: &str,
    text: &str,
    allowed: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
    faults: &mut Vec<String>,
) -> Result<()> {
    let syntax = syn::parse_file(text).with_context(|| format!("{path} does not parse"))?;
    if !text.starts_with("//!") {
        faults.push(format!("{path}: begins without a `//!` head that says what it is"));
    }
    for (number, line) in text.lines().enumerate() {
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            permit(format!("{path}::{word}"), format!("{path}:{}: unfinished: {word}", number + 1), allowed, used, faults);
        }
    }
    let mut walk = Walk::default();
    walk.visit_file(&syntax);
    let own_lines = text.lines().count() - walk.test_lines;
    if own_lines > FILE_LINES {
        permit(path.to_owned(), format!("{path}: {own_lines} lines without tests, the limit is {FILE_LINES}"), allowed, used, faults);
    }
    for (name, line, length) in walk.functions {
        if length > FUNCTION_LINES {
            permit(
                format!("{path}::{name}"),
                format!("{path}:{line}: `{name}` has {length} lines, the limit is {FUNCTION_LINES}"),
                allowed,
                used,
                faults,
            );
        }
    }
    for (room, banned) in IMPORT_RULES.iter().filter(|(room, _)| path.starts_with(room)) {
        for (import, line) in &walk.imports {
            faults.extend(
                banned
                    .iter()
                    .filter(|name| names(import, name))
                    .map(|name| format!("{path}:{line}: the room {room} may not import `{name}`")),
            );
        }
    }
    Ok(())
}

fn permit(key: String, fault: String, allowed: &BTreeMap<String, String>, used: &mut BTreeSet<String>, faults: &mut Vec<String>) {
    if allowed.contains_key(&key) {
        used.insert(key);
    } else {
        faults.push(fault);
    }
}

/// Whether the path `import` is `name` or lies within it.
fn names(import: &str, name: &str) -> bool {
    import.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Functions, imports and tests of one file. Tests may import what they like: their peers are real.
#[derive(Default)]
struct Walk {
    functions: Vec<(String, usize, usize)>,
    imports: Vec<(String, usize)>,
    test_lines: usize,
}

impl Walk {
    fn function(&mut self, name: &syn::Ident, whole: proc_macro2::Span) {
        let (start, end) = (whole.start().line, whole.end().line);
        self.functions.push((name.to_string(), start, end + 1 - start));
    }

    fn use_tree(&mut self, prefix: &str, tree: &syn::UseTree, line: usize) {
        let join = |name: &syn::Ident| if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{name}") };
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&join(&path.ident), &path.tree, line),
            syn::UseTree::Name(name) => self.imports.push((join(&name.ident), line)),
            syn::UseTree::Rename(rename) => self.imports.push((join(&rename.ident), line)),
            syn::UseTree::Glob(_) => self.imports.push((prefix.to_owned(), line)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(prefix, item, line)),
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
        });
        if is_test {
            let span = module.span();
            self.test_lines += span.end().line + 1 - span.start().line;
        } else {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let span = function.sig.span().join(function.block.span()).unwrap_or_else(|| function.span());
        self.function(&function.sig.ident, span);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        let span = function.sig.span().join(function.block.span()).unwrap_or_else(|| function.span());
        self.function(&function.sig.ident, span);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree("", &item.tree, item.span().start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let text: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.imports.push((text.join("::"), path.span().start().line));
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        check_file(path, text, &BTreeMap::new(), &mut BTreeSet::new(), &mut faults).expect("the text parses");
        faults
    }

    #[test]
    fn a_forbidden_import_is_found_in_use_lines_and_in_paths() {
        let found = faults_of(
            "call-server/core/src/acd/line.rs",
            "//! Head.\nuse crate::{calls::Leg, plan::Plan};\nfn f() { std::time::Instant::now(); }\n",
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_long_function_is_found_and_an_allow_line_permits_it() {
        let text = format!("//! Head.\nfn long() {{\n{}}}\n", "    g();\n".repeat(70));
        assert_eq!(faults_of("shared/src/a.rs", &text).len(), 1);
        let allowed = BTreeMap::from([("shared/src/a.rs::long".to_owned(), "reason".to_owned())]);
        let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
        check_file("shared/src/a.rs", &text, &allowed, &mut used, &mut faults).expect("the text parses");
        assert!(faults.is_empty() && used.len() == 1);
    }

    #[test]
    fn a_missing_head_and_unfinished_work_are_found_and_test_modules_are_left_alone() {
        assert_eq!(faults_of("shared/src/a.rs", &format!("fn f() {{}} // {}\n", UNFINISHED[0])).len(), 2);
        assert!(faults_of("call-server/core/src/a.rs", "//! Head.\n#[cfg(test)]\nmod tests { use std::time::Instant; }\n").is_empty());
    }
}

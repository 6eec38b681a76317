//! Two runs compared: which cells changed, which evidence came and went, and what was
//! made otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::words::{one_line, shortened};

/// A run as its files tell it.
pub struct Run {
    pub name: String,
    record: Value,
    table: Value,
}

impl Run {
    /// Reads `run.json` and `table.json` of an output folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| -> Result<Value> {
            let path = folder.join(name);
            let source = fs::read(&path).with_context(|| {
                format!(
                    "{}: cannot be read; give the output folder of a run",
                    path.display()
                )
            })?;
            serde_json::from_slice(&source)
                .with_context(|| format!("{}: is no file of a run", path.display()))
        };
        Ok(Self {
            name: folder.display().to_string(),
            record: read("run.json")?,
            table: read("table.json")?,
        })
    }

    /// Essays by file.
    fn essays(&self) -> BTreeMap<&str, &Value> {
        by(&self.table["essays"], "file")
    }

    /// SHA-256 of every essay's file.
    fn sources(&self) -> BTreeMap<&str, &str> {
        let files = by(&self.record["essays"], "file").into_iter();
        files
            .map(|(file, essay)| (file, text(&essay["sha256"])))
            .collect()
    }

    /// SHA-256 of every weight file.
    fn weights(&self) -> BTreeMap<&str, &str> {
        let files = by(&self.record["weights"], "file").into_iter();
        files
            .map(|(file, of)| (file, text(&of["sha256"])))
            .collect()
    }
}

fn by<'v>(list: &'v Value, key: &str) -> BTreeMap<&'v str, &'v Value> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| (text(&item[key]), item)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// What changed from `old` to `new`, as text; nothing where nothing did.
pub fn diff(old: &Run, new: &Run) -> Option<String> {
    let causes = causes(old, new);
    let (before, after) = (old.essays(), new.essays());
    let (old_sources, new_sources) = (old.sources(), new.sources());
    let files: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut out = String::new();
    let (mut cells, mut came, mut went) = (0, 0, 0);
    for file in files {
        let (Some(a), Some(b)) = (before.get(file), after.get(file)) else {
            let what = if before.contains_key(file) {
                "gone"
            } else {
                "new"
            };
            line(&mut out, format_args!("{file}: {what}"));
            continue;
        };
        let own = old_sources.get(file) != new_sources.get(file);
        let lines = essay(a, b, own, &mut (&mut cells, &mut came, &mut went));
        if lines.is_empty() && !own {
            continue;
        }
        let why = match (own, causes.is_empty()) {
            (true, true) => " (its file changed)",
            (true, false) => " (its file changed, and what is named above)",
            (false, _) => "",
        };
        line(&mut out, format_args!("{file}{why}"));
        for change in lines {
            line(&mut out, format_args!("  {change}"));
        }
    }
    if out.is_empty() && causes.is_empty() {
        return None;
    }
    let mut whole = format!("from {} to {}\n", old.name, new.name);
    for cause in &causes {
        line(&mut whole, format_args!("{cause}"));
    }
    line(
        &mut whole,
        format_args!("{cells} cells changed, {came} evidence sentences came, {went} went"),
    );
    Some(whole + &out)
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    writeln!(out, "{text}").expect("a string takes every write");
}

/// What of the run itself changed.
fn causes(old: &Run, new: &Run) -> Vec<String> {
    let mut causes = Vec::new();
    let (a, b) = (&old.record, &new.record);
    for (field, what) in [
        ("version", "the program"),
        ("study", "the study"),
        ("codebook", "the codebook"),
        ("thresholds", "the thresholds"),
        ("confidence", "the calibration of confidence"),
        ("passes", "the passes"),
        ("zero_shot", "the theses known by definition alone"),
        ("by_definition", "going by definitions alone"),
        ("engine", "the engine"),
    ] {
        if a[field] != b[field] {
            let short = |value: &Value| match value {
                Value::String(s) if field == "codebook" => s.chars().take(12).collect(),
                Value::String(s) => s.clone(),
                other => other.to_string(),
            };
            causes.push(format!(
                "{what} changed: {} to {}",
                short(&a[field]),
                short(&b[field])
            ));
        }
    }
    let (of_a, of_b) = (old.weights(), new.weights());
    let files: BTreeSet<&str> = of_a.keys().chain(of_b.keys()).copied().collect();
    for file in files
        .into_iter()
        .filter(|file| of_a.get(file) != of_b.get(file))
    {
        causes.push(format!("the weights changed: {file}"));
    }
    let only_pipeline = causes.is_empty() && a["pipeline"] != b["pipeline"];
    if only_pipeline {
        causes
            .push("pipeline.toml changed, but neither codebook, passes nor thresholds".to_owned());
    }
    causes
}

/// The changes of one essay, a line each; counts cells, evidence that came and that went.
///
/// Evidence is the same where it stands at the same place, and in a file that changed where
/// it has the same words.
fn essay(
    a: &Value,
    b: &Value,
    moved: bool,
    counts: &mut (&mut usize, &mut usize, &mut usize),
) -> Vec<String> {
    let mut lines = Vec::new();
    let none = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    if a["primary"] != b["primary"] {
        lines.push(format!(
            "primary: {} to {}",
            none(&a["primary"]),
            none(&b["primary"])
        ));
    }
    let (of_a, of_b) = (&a["theses"], &b["theses"]);
    let keys = |of: &Value| -> Vec<String> {
        let object = of.as_object().into_iter().flatten();
        object.map(|(thesis, _)| thesis.clone()).collect()
    };
    let theses: BTreeSet<String> = keys(of_a).into_iter().chain(keys(of_b)).collect();
    for thesis in &theses {
        let (x, y) = (&of_a[thesis], &of_b[thesis]);
        let shown = |cell: &Value| match cell.as_object() {
            Some(_) => format!(
                "{} {:.0} % (confidence {:.2})",
                text(&cell["stance"]),
                100.0 * cell["weight"].as_f64().unwrap_or(0.0),
                cell["confidence"].as_f64().unwrap_or(0.0)
            ),
            None => "not asked".to_owned(),
        };
        let same = ["stance", "weight", "confidence"]
            .iter()
            .all(|f| x[*f] == y[*f]);
        if !same {
            *counts.0 += 1;
            lines.push(format!("{thesis}: {} to {}", shown(x), shown(y)));
        }
        let evidence = |cell: &Value| -> BTreeMap<(u64, String), Value> {
            let all = cell["evidence"].as_array().into_iter().flatten();
            let key = |e: &Value| match moved {
                true => (0, text(&e["quote"]).to_owned()),
                false => (
                    e["start"].as_u64().unwrap_or(0),
                    text(&e["quote"]).to_owned(),
                ),
            };
            all.map(|e| (key(e), e.clone())).collect()
        };
        let (old, new) = (evidence(x), evidence(y));
        for (key, e) in &new {
            let stance = text(&e["stance"]);
            let Some(before) = old.get(key) else {
                *counts.1 += 1;
                lines.push(format!("{thesis} + {stance}: {}", short(&key.1)));
                continue;
            };
            let changed: Vec<String> = ["stance", "voice", "source", "score"]
                .into_iter()
                .filter(|field| before[*field] != e[*field])
                .map(|field| format!("{field} {} to {}", before[field], e[field]))
                .collect();
            if !changed.is_empty() {
                lines.push(format!(
                    "{thesis} ~ {}: {}",
                    changed.join(", "),
                    short(&key.1)
                ));
            }
        }
        for (key, e) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
            *counts.2 += 1;
            lines.push(format!(
                "{thesis} - {}: {}",
                text(&e["stance"]),
                short(&key.1)
            ));
        }
    }
    lines
}

fn short(quote: &str) -> String {
    shortened(&one_line(quote), 90)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(version: &str, stance: &str, quotes: &[&str]) -> Run {
        let evidence: Vec<Value> = (quotes.iter())
            .map(|quote| json!({"quote": quote, "stance": "asserts"}))
            .collect();
        let cell =
            json!({"stance": stance, "weight": 1.0, "confidence": 0.5, "evidence": evidence});
        Run {
            name: version.to_owned(),
            record: json!({"version": version, "essays": [{"file": "a.txt", "sha256": "1"}]}),
            table: json!({"essays": [{"file": "a.txt", "primary": null, "theses": {"t": cell}}]}),
        }
    }

    #[test]
    fn the_same_run_has_no_difference() {
        assert_eq!(
            diff(
                &run("1", "endorses", &["A."]),
                &run("1", "endorses", &["A."])
            ),
            None
        );
    }

    #[test]
    fn a_changed_cell_is_named_with_its_cause_and_evidence() {
        let found = diff(&run("1", "endorses", &["A."]), &run("2", "absent", &["B."])).unwrap();
        assert_eq!(
            found,
            "from 1 to 2\nthe program changed: 1 to 2\n\
             1 cells changed, 1 evidence sentences came, 1 went\na.txt\n  \
             t: endorses 100 % (confidence 0.50) to absent 100 % (confidence 0.50)\n  \
             t + asserts: B.\n  t - asserts: A.\n"
        );
    }
}

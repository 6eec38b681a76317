//! A study: a question, its codebook, and how its essays are to be read.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::layers::{EntityKind, Layer, check_order};
use crate::store;

/// `pipeline.toml`, read and checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Short name; also the name of the output folder.
    pub name: String,
    /// The question that every essay answers.
    pub question: String,
    #[serde(default)]
    pub licence: Option<String>,
    /// The passes, in the order in which they run.
    pub passes: Vec<Layer>,
    /// The codebook.
    #[serde(rename = "thesis")]
    pub theses: Vec<Thesis>,
    #[serde(default)]
    pub thresholds: Thresholds,
    #[serde(default)]
    pub confidence: Calibration,
    /// How the table for a paper is laid out.
    #[serde(default)]
    pub table: TableOptions,
    /// Names that stand for one person, body or place in this study.
    #[serde(default, rename = "alias")]
    pub aliases: Vec<Alias>,
    /// The study's folder.
    #[serde(skip)]
    pub folder: PathBuf,
    /// SHA-256 of `pipeline.toml`.
    #[serde(skip)]
    pub sha256: String,
}

/// One answer of the codebook.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thesis {
    pub id: String,
    pub label: String,
    /// The label in other languages, for the table of a paper.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Language, String>,
    /// What an essay says that holds the thesis; the judge network reads this.
    pub definition: String,
    /// Settled cases, for the people who label.
    #[serde(default)]
    pub clarifications: Vec<String>,
    /// Statements that somebody who holds the thesis would sign.
    #[serde(default)]
    pub hypotheses: Vec<String>,
    /// Sentences that are evidence for the thesis.
    #[serde(default)]
    pub positive: Vec<String>,
    /// Sentences that look alike and are not.
    #[serde(default)]
    pub negative: Vec<String>,
}

/// The layout of the table for a paper.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableOptions {
    /// What stands before the theses.
    pub columns: Vec<Column>,
    pub order: Order,
    /// Of the tables' own words, and of the theses' labels where they have one in it.
    pub language: Language,
    /// A LaTeX length.
    pub width: String,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            columns: vec![Column::Essay],
            order: Order::File,
            language: Language::En,
            width: "\\textwidth".to_owned(),
        }
    }
}

/// A column before the theses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// Author and year in one.
    Essay,
    Author,
    Title,
    Year,
    Primary,
}

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    File,
    Author,
    Year,
}

/// A language that the table for a paper knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    De,
    Fr,
    Es,
}

/// When a probability becomes a statement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// A sentence is evidence from this probability on.
    pub evidence: f64,
    /// An essay speaks of a thesis at all from this many sure sentences on.
    pub cell: f64,
    /// A thesis can be the main one from this many sure assertions on.
    pub primary: f64,
}

/// For a study without hand labels: the best for 46 essays that the judge read by
/// definitions alone (`models/README.md`).
impl Default for Thresholds {
    fn default() -> Self {
        Self {
            evidence: 0.2,
            cell: 0.5,
            primary: 0.5,
        }
    }
}

/// How often a cell is right, by logistic regression on hand labels: for an
/// absent cell `absent`, else the logistic function of `intercept` + `share` ×
/// the stance's share of the mass + `mass` × the mass's logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub absent: f64,
    pub intercept: f64,
    pub share: f64,
    pub mass: f64,
}

impl Calibration {
    /// Whether labels were there to count on.
    pub fn is_known(&self) -> bool {
        *self != Self::default()
    }
}

/// Without labels nothing is known: every cell is as likely right as wrong.
impl Default for Calibration {
    fn default() -> Self {
        Self {
            absent: 0.5,
            intercept: 0.0,
            share: 0.0,
            mass: 0.0,
        }
    }
}

/// Spellings of one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: EntityKind,
    pub also: Vec<String>,
}

impl Thesis {
    /// The label in a language, or else as it is.
    pub fn label_in(&self, language: Language) -> &str {
        self.labels.get(&language).unwrap_or(&self.label)
    }

    /// The thesis as the judge network reads it.
    pub fn statement(&self) -> String {
        format!("{}: {}", self.label, self.definition)
    }

    /// The theses as the judge network reads them.
    pub fn statements(theses: &[Self]) -> Vec<String> {
        theses.iter().map(Self::statement).collect()
    }
}

impl Study {
    /// Drops what was chosen on hand labels, thresholds and calibration, for the
    /// defaults.
    pub fn forget_labels(&mut self) {
        self.thresholds = Thresholds::default();
        self.confidence = Calibration::default();
    }

    /// Reads the study in a folder.
    ///
    /// # Errors
    /// One sentence that names the file and, for a fault in it, the line and field.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("pipeline.toml");
        let shown = path.display();
        let source = fs::read_to_string(&path).with_context(|| {
            format!("{shown}: cannot be read; a study is a folder that holds a pipeline.toml")
        })?;
        let mut study: Study = toml::from_str(&source).map_err(|e| {
            let line = e
                .span()
                .map_or(1, |s| 1 + source[..s.start].matches('\n').count());
            anyhow::anyhow!("{shown}, line {line}: {}", e.message().replace('\n', " "))
        })?;
        study.folder = folder.to_owned();
        study.sha256 = store::sha256(source.as_bytes());
        study.check().with_context(|| shown.to_string())?;
        Ok(study)
    }

    /// Finds a study by path, or by name among `pipelines/`.
    pub fn find(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if path.is_dir() {
            return Self::read(path);
        }
        match store::locate(&Path::new("pipelines").join(name)) {
            Some(folder) => Self::read(&folder),
            None => bail!("{name}: no such study; give a folder, or the name of one in pipelines/"),
        }
    }

    /// SHA-256 of the question and the codebook, whatever else the file says.
    pub fn codebook_sha256(&self) -> String {
        let codebook = serde_json::to_vec(&(&self.question, &self.theses));
        store::sha256(&codebook.expect("a codebook is strings"))
    }

    fn check(&self) -> Result<()> {
        let plain = |s: &str| {
            !s.is_empty()
                && s.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        ensure!(
            plain(&self.name) && !self.name.starts_with('.'),
            "name = {:?}: use letters, digits, '-' and '_' only (it names a folder)",
            self.name
        );
        ensure!(
            !self.theses.is_empty(),
            "no [[thesis]]: a codebook needs at least one"
        );
        ensure!(
            !self.table.columns.is_empty(),
            "table.columns is empty: name at least one, such as \"essay\""
        );
        let mut seen = HashMap::new();
        for (i, thesis) in self.theses.iter().enumerate() {
            let nth = i + 1;
            ensure!(
                plain(&thesis.id),
                "thesis {nth}, id = {:?}: use letters, digits, '-' and '_' only",
                thesis.id
            );
            ensure!(
                !["all", "none"].contains(&thesis.id.as_str()),
                "thesis {nth}, id = {:?}: outputs use this word; choose another",
                thesis.id
            );
            for (field, value) in [("label", &thesis.label), ("definition", &thesis.definition)] {
                ensure!(
                    !value.trim().is_empty(),
                    "thesis {nth} ({}): {field} is empty",
                    thesis.id
                );
            }
            if let Some(first) = seen.insert(&thesis.id, nth) {
                bail!(
                    "theses {first} and {nth} have the same id, {:?}; give each its own",
                    thesis.id
                );
            }
        }
        ensure!(
            (0.0..=1.0).contains(&self.thresholds.evidence),
            "thresholds.evidence = {}: must lie between 0 and 1",
            self.thresholds.evidence
        );
        ensure!(
            (0.0..=1.0).contains(&self.confidence.absent),
            "confidence.absent = {}: must lie between 0 and 1",
            self.confidence.absent
        );
        for (field, value) in [
            ("cell", self.thresholds.cell),
            ("primary", self.thresholds.primary),
        ] {
            ensure!(
                value.is_finite() && value >= 0.0,
                "thresholds.{field} = {value}: must be 0 or more"
            );
        }
        let mut owner: HashMap<&str, &str> = HashMap::new();
        for alias in &self.aliases {
            for spelling in alias.also.iter().chain([&alias.name]) {
                if let Some(other) = owner.insert(spelling, &alias.name)
                    && other != alias.name
                {
                    bail!(
                        "{spelling:?} is an alias of both {other:?} and {:?}",
                        alias.name
                    );
                }
            }
        }
        check_order(&self.passes)
    }
}

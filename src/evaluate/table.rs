//! `table.json`, read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::layers::{SentenceStance, Speaker};
use crate::reading::{CellStance, Mass};
use crate::text::file_name;

/// What scoring needs of a `table.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    pub essays: Vec<EssayRow>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EssayRow {
    pub file: String,
    pub primary: Option<String>,
    pub theses: BTreeMap<String, Cell>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Cell {
    pub stance: CellStance,
    pub confidence: f64,
    pub evidence: Vec<Evidence>,
    #[serde(default)]
    pub explanation: Mass,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Evidence {
    pub start: usize,
    pub end: usize,
    pub quote: String,
    pub stance: SentenceStance,
    pub voice: Speaker,
    pub source: Option<String>,
    pub score: f64,
    #[serde(flatten)]
    pub mass: Mass,
}

impl Table {
    /// The table of a run's output folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("table.json");
        let source =
            fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        serde_json::from_slice(&source)
            .with_context(|| format!("{}: is not the table of a run", path.display()))
    }
}

impl EssayRow {
    /// The file's name without its folders; labels name essays so.
    pub fn file_name(&self) -> &str {
        file_name(&self.file)
    }
}

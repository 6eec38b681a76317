//! `table.json`, read back.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::layers::SentenceStance;
use crate::reading::CellStance;

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
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Evidence {
    pub start: usize,
    pub end: usize,
    pub quote: String,
    pub stance: SentenceStance,
}

impl EssayRow {
    /// The file's name without its folders; labels name essays so.
    pub fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }
}

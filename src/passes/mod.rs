//! The passes. Each adds one layer to an essay and is a pure function of the
//! layers before it.

pub mod aliases;
mod claims;
pub mod classes;
mod entities;
pub mod sentences;
pub mod stances;
mod tags;
pub mod trained;
mod voices;

use std::path::Path;

use anyhow::{Context, Result};

use crate::engine::Workers;
use crate::layers::{Annotated, Layer};
use crate::networks::{Judge, Reader, WeightFile};
use crate::study::{Calibration, Study, Thesis};
use trained::Trained;

/// The passes of a study, with the networks that they use.
pub struct Pipeline {
    study: Study,
    reader: Option<Reader>,
    judge: Option<Judge>,
}

impl Pipeline {
    /// Loads what the study's passes use from the folder of networks.
    pub fn load(study: Study, models: &Path, workers: &Workers) -> Result<Self> {
        let uses = |pass| study.passes.contains(&pass);
        Ok(Self {
            reader: uses(Layer::Tags)
                .then(|| Reader::load(models, workers))
                .transpose()?,
            judge: uses(Layer::Stances)
                .then(|| Judge::load(models, workers))
                .transpose()?,
            study,
        })
    }

    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The passes in order.
    pub fn passes(&self) -> &[Layer] {
        &self.study.passes
    }

    /// Theses that the judge was not fitted to.
    pub fn unknown_theses(&self) -> Vec<&str> {
        let knows = |thesis: &Thesis| {
            self.judge
                .as_ref()
                .is_none_or(|j| j.knows(&thesis.statement()))
        };
        let theses = self.study.theses.iter().filter(|thesis| !knows(thesis));
        theses.map(|thesis| thesis.id.as_str()).collect()
    }

    /// Whether the judge was fitted to hand labels of the file with this SHA-256.
    pub fn learned_from(&self, sha256: &str) -> bool {
        let theses = Thesis::statements(&self.study.theses);
        let judge = self.judge.as_ref();
        judge.is_some_and(|judge| judge.learned_from(sha256, &theses))
    }

    /// The judge, if the study has a use for it.
    pub fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// Takes what the study has learned from hand labels.
    pub fn teach(&mut self, trained: Trained, models: &Path, workers: &Workers) -> Result<()> {
        let fitted = &trained.config.fitted.theses;
        let mut theses = self.study.theses.iter().map(Thesis::statement);
        if theses.any(|thesis| fitted.contains(&thesis)) {
            self.study.thresholds = trained.config.thresholds;
            self.study.confidence = trained.config.confidence;
        }
        match &mut self.judge {
            Some(judge) => trained.teach(judge, models, workers),
            None => Ok(()),
        }
    }

    /// Drops the calibration of confidence: it holds of a judge that labels taught all theses.
    pub fn forget_calibration(&mut self) {
        self.study.confidence = Calibration::default();
    }

    /// Makes every thesis unknown, as in a study without hand labels.
    pub fn forget_labels(&mut self) {
        if let Some(judge) = &mut self.judge {
            judge.forget_labels();
        }
    }

    /// The weight files in use, each once.
    pub fn weights(&self) -> Vec<&WeightFile> {
        let reader = self.reader.iter().flat_map(|r| &r.weights);
        let judge = self.judge.iter().flat_map(|j| &j.weights);
        let mut files: Vec<&WeightFile> = Vec::new();
        for file in reader.chain(judge) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    /// Runs one pass over one essay.
    pub fn apply(&self, pass: Layer, on: &mut Annotated) -> Result<()> {
        let added = self.add(pass, on);
        added.with_context(|| format!("{}: {}", on.essay.file, pass.name()))
    }

    fn add(&self, pass: Layer, on: &mut Annotated) -> Result<()> {
        let reader = || self.reader.as_ref().context("the reader is not loaded");
        let document = &on.essay.document;
        match pass {
            Layer::Sentences => on.sentences = sentences::find(document),
            Layer::Tags => on.tags = tags::read(document, &on.sentences, reader()?)?,
            Layer::Entities => {
                on.entities = entities::find(
                    document,
                    &on.sentences,
                    &on.tags,
                    reader()?,
                    &self.study.aliases,
                );
            }
            Layer::Claims => {
                on.claims = claims::find(document, &on.sentences, &on.tags, reader()?);
            }
            Layer::Voices => {
                on.voices =
                    voices::find(document, &on.sentences, &on.tags, &on.entities, reader()?);
            }
            Layer::Stances => {
                let judge = self.judge.as_ref().context("the judge is not loaded")?;
                (on.stances, on.nearest) =
                    stances::find(document, &on.sentences, &on.voices, judge, &self.study)?;
            }
        }
        Ok(())
    }
}

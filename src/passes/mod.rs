//! The passes. Each adds one layer to an essay and is a pure function of the
//! layers before it.

pub mod aliases;
mod claims;
mod entities;
pub mod sentences;
mod stances;
mod tags;
mod voices;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::engine::Workers;
use crate::layers::{Annotated, Layer};
use crate::networks::{Judge, Reader, WeightFile};
use crate::study::Study;

impl Layer {
    /// The layers that a pass reads.
    pub fn needs(self) -> &'static [Layer] {
        match self {
            Layer::Sentences => &[],
            Layer::Tags => &[Layer::Sentences],
            Layer::Entities | Layer::Claims | Layer::Voices => &[Layer::Tags],
            Layer::Stances => &[Layer::Sentences, Layer::Voices],
        }
    }

    /// The pass's name, as in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Sentences => "sentences",
            Layer::Tags => "tags",
            Layer::Entities => "entities",
            Layer::Claims => "claims",
            Layer::Voices => "voices",
            Layer::Stances => "stances",
        }
    }
}

/// Checks that every pass comes after the passes that it needs.
pub fn check_order(passes: &[Layer]) -> Result<()> {
    for (i, pass) in passes.iter().enumerate() {
        if passes[..i].contains(pass) {
            bail!("passes: {} stands there twice", pass.name());
        }
        if let Some(missing) = pass.needs().iter().find(|need| !passes[..i].contains(need)) {
            bail!("passes: {} needs {} before it", pass.name(), missing.name());
        }
    }
    if !passes.contains(&Layer::Stances) {
        bail!("passes: stances is missing, and without it there is no table");
    }
    Ok(())
}

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

    /// The weight files in use.
    pub fn weights(&self) -> Vec<&WeightFile> {
        let reader = self.reader.iter().map(|r| &r.weights);
        reader
            .chain(self.judge.iter().map(|j| &j.weights))
            .collect()
    }

    /// Runs one pass over one essay.
    pub fn apply(&self, pass: Layer, on: &mut Annotated) -> Result<()> {
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
                on.claims = claims::find(&on.sentences, &on.tags, reader()?);
            }
            Layer::Voices => {
                on.voices = voices::find(document, &on.sentences, &on.tags, reader()?);
            }
            Layer::Stances => {
                let judge = self.judge.as_ref().context("the judge is not loaded")?;
                on.stances =
                    stances::find(document, &on.sentences, &on.voices, judge, &self.study)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_must_follow_what_it_needs() {
        use Layer::*;
        assert!(check_order(&[Sentences, Tags, Entities, Claims, Voices, Stances]).is_ok());
        let error = check_order(&[Sentences, Entities, Tags]).unwrap_err();
        assert_eq!(error.to_string(), "passes: entities needs tags before it");
        let error = check_order(&[Sentences, Sentences]).unwrap_err();
        assert_eq!(error.to_string(), "passes: sentences stands there twice");
        assert!(check_order(&[Sentences]).is_err(), "no stances, no table");
    }
}

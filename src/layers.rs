//! The layers that the passes lay over an essay.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::networks::SentenceTags;
use crate::text::{Essay, Span};

/// A layer, named as the pass that adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    Sentences,
    /// What the reader network says of each sentence and word piece; entities,
    /// claims and voices are decoded from it.
    Tags,
    Entities,
    Claims,
    Voices,
    Stances,
}

impl Layer {
    /// The layers that a pass cannot do without. Stances also read the voices, if there
    /// are any; else every sentence is the author's.
    pub fn needs(self) -> &'static [Layer] {
        match self {
            Layer::Sentences => &[],
            Layer::Tags => &[Layer::Sentences],
            Layer::Entities | Layer::Claims => &[Layer::Tags],
            Layer::Voices => &[Layer::Tags, Layer::Entities],
            Layer::Stances => &[Layer::Sentences],
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
        if *pass == Layer::Voices && passes[..i].contains(&Layer::Stances) {
            bail!("passes: voices stands after stances, which says whose words a sentence gives");
        }
        if let Some(missing) = pass.needs().iter().find(|need| !passes[..i].contains(need)) {
            bail!("passes: {} needs {} before it", pass.name(), missing.name());
        }
    }
    Ok(())
}

/// One essay and all that is known of it so far.
#[derive(Clone, Debug)]
pub struct Annotated {
    pub essay: Essay,
    pub sentences: Vec<Sentence>,
    pub tags: Vec<SentenceTags>,
    pub entities: Vec<Entity>,
    pub claims: Vec<Claim>,
    pub voices: Vec<Voice>,
    /// Sorted by sentence, then by thesis; only where a sentence bears on a thesis.
    pub stances: Vec<Stance>,
    /// For every thesis the sentence that came nearest to bearing on it and does not.
    pub nearest: Vec<Stance>,
    /// What networks of others say, where they were asked.
    pub classes: Vec<Class>,
}

impl Annotated {
    pub fn new(essay: Essay) -> Self {
        Self {
            essay,
            sentences: Vec::new(),
            tags: Vec::new(),
            entities: Vec::new(),
            claims: Vec::new(),
            voices: Vec::new(),
            stances: Vec::new(),
            nearest: Vec::new(),
            classes: Vec::new(),
        }
    }
}

/// A sentence of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub span: Span,
    /// Index of its block in the document.
    pub block: usize,
}

/// A named thing in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    #[serde(flatten)]
    pub span: Span,
    #[serde(rename = "type")]
    pub kind: EntityKind,
    /// One name for all spellings of the same person, body or place.
    pub canonical: String,
}

/// Types of named things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EntityKind {
    /// A person.
    Per,
    /// An organisation: party, union, committee, state body.
    Org,
    /// A place or country.
    Loc,
    /// An event: war, revolution, congress.
    Event,
    /// A book, article, newspaper or other work.
    Work,
}

/// A sentence that argues.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    #[serde(flatten)]
    pub span: Span,
    pub kind: ClaimKind,
    /// Probability, 0 to 1.
    pub score: f64,
    /// Of a causal sentence, what brings what about.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Causation>,
}

/// What a sentence says brings what about, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Causation {
    pub cause: Span,
    pub effect: Span,
    /// The words that tie them together ("because", "led to"), if any.
    pub signal: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// States a position that could be disputed.
    Claim,
    /// Gives evidence or a reason.
    Premise,
    /// Says that something brought something else about.
    Causal,
}

/// Words that are somebody else's, or are given as somebody's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Voice {
    /// The content attributed, within one sentence.
    #[serde(flatten)]
    pub span: Span,
    /// The person or group named as holding it, as the text has it.
    pub source: Option<String>,
    /// The words that attribute it ("argues", "according to"), if any.
    pub cue: Option<String>,
    /// How far the author of the essay is committed to the content: from -3,
    /// sure that it is not so, over 0, left open, to 3, sure that it is so.
    pub commitment: f64,
}

/// What one sentence says of one thesis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stance {
    #[serde(flatten)]
    pub span: Span,
    /// Index of the thesis in the codebook.
    #[serde(skip)]
    pub thesis_index: usize,
    pub thesis: String,
    pub stance: SentenceStance,
    pub voice: Speaker,
    pub source: Option<String>,
    /// Probability that the sentence bears on the thesis in this way, 0 to 1.
    pub score: f64,
    /// Probabilities of asserts, denies and reports, rounded as `score` is.
    #[serde(skip)]
    pub probabilities: [f64; 3],
}

/// A label of a network of others, on a sentence or on words of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    #[serde(flatten)]
    pub span: Span,
    pub network: String,
    /// As the network calls it.
    pub label: String,
    /// The label's probability.
    pub score: f64,
}

/// Where the author of the essay stands in one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SentenceStance {
    Asserts,
    Denies,
    Reports,
}

impl SentenceStance {
    pub const ALL: [Self; 3] = [Self::Asserts, Self::Denies, Self::Reports];

    pub fn name(self) -> &'static str {
        match self {
            Self::Asserts => "asserts",
            Self::Denies => "denies",
            Self::Reports => "reports",
        }
    }
}

/// Whose words a sentence gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    Author,
    Cited,
}

impl Speaker {
    pub fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Cited => "cited",
        }
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
        assert!(check_order(&[Sentences, Stances]).is_ok());
        assert!(check_order(&[Sentences, Stances, Tags, Entities, Voices]).is_err());
        let error = check_order(&[Sentences, Sentences]).unwrap_err();
        assert_eq!(error.to_string(), "passes: sentences stands there twice");
    }
}

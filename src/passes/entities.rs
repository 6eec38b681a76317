//! Entities: named persons, bodies, places, events and works.

use super::aliases::Names;
use super::tags::runs;
use crate::layers::{Entity, EntityKind, Sentence};
use crate::networks::{Reader, SentenceTags};
use crate::study::Alias;
use crate::text::Document;

pub fn find(
    document: &Document,
    sentences: &[Sentence],
    tags: &[SentenceTags],
    reader: &Reader,
    aliases: &[Alias],
) -> Vec<Entity> {
    let mut entities = Vec::new();
    for (sentence, tags) in sentences.iter().zip(tags) {
        let surface = document.surface(sentence.span);
        for run in runs(&tags.entities, &reader.entity_labels, &tags.words) {
            let Some(kind) = kind(run.label) else {
                continue;
            };
            entities.push(Entity {
                span: surface.span(run.start, run.end),
                kind,
                canonical: surface.text[run.start..run.end].to_owned(),
            });
        }
    }
    Names::new(aliases).unify(&mut entities, document);
    entities
}

fn kind(label: &str) -> Option<EntityKind> {
    Some(match label {
        "PER" => EntityKind::Per,
        "ORG" => EntityKind::Org,
        "LOC" => EntityKind::Loc,
        "EVENT" => EntityKind::Event,
        "WORK" => EntityKind::Work,
        _ => return None,
    })
}

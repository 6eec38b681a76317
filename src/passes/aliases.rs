//! One name for all spellings of a person, body or place.
//!
//! Two spellings are one name when the study's alias list says so, when the
//! essay itself does ("the State Political Administration (GPU)"), when they
//! differ only in how Cyrillic was transcribed, or when a surname stands alone
//! and one person of that surname is named in full. Nothing else is merged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::layers::{Entity, EntityKind};
use crate::study::Alias;
use crate::text::{Document, Span};

/// The names that a study settles.
pub struct Names<'a> {
    /// By key of the spelling.
    listed: HashMap<String, &'a Alias>,
}

impl<'a> Names<'a> {
    pub fn new(aliases: &'a [Alias]) -> Self {
        let mut listed = HashMap::new();
        for alias in aliases {
            for spelling in alias.also.iter().chain([&alias.name]) {
                listed.insert(key(spelling), alias);
            }
        }
        Self { listed }
    }

    /// Sets `canonical` (which holds each entity's own words) to one name a
    /// group, and the type to the listed one where the study lists the name, else
    /// to the one that most of the group have: one sense per discourse (Gale,
    /// Church and Yarowsky 1992).
    pub fn unify(&self, entities: &mut [Entity], document: &Document) {
        let acronyms = acronyms(entities, document);
        let persons: BTreeSet<&str> = entities
            .iter()
            .filter(|e| e.kind == EntityKind::Per)
            .map(|e| e.canonical.as_str())
            .collect();
        let full = full_names(&persons);
        // Each group is shown by its commonest spelling, the longer, then the
        // first in the alphabet, where two are as common.
        let mut spellings: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let mut kinds: BTreeMap<String, BTreeMap<EntityKind, usize>> = BTreeMap::new();
        let mut groups = Vec::with_capacity(entities.len());
        for entity in entities.iter() {
            let own = entity.canonical.as_str();
            let expanded = acronyms.get(own).map_or(own, String::as_str);
            let named = match entity.kind {
                EntityKind::Per => full
                    .get(&surname(expanded))
                    .map_or(expanded, |f| f.as_str()),
                _ => expanded,
            };
            let listed = self
                .listed
                .get(&key(own))
                .or_else(|| self.listed.get(&key(named)));
            let (group, shown) = match listed {
                Some(alias) => (key(&alias.name), alias.name.as_str()),
                None => (key(named), bare(named)),
            };
            let counts = spellings.entry(group.clone()).or_default();
            *counts.entry(shown.to_owned()).or_default() += 1;
            let kinds = kinds.entry(group.clone()).or_default();
            *kinds.entry(entity.kind).or_default() += 1;
            groups.push((group, listed.map(|alias| alias.kind)));
        }
        for (entity, (group, kind)) in entities.iter_mut().zip(groups) {
            let shown = spellings[&group]
                .iter()
                .max_by(|a, b| (a.1, a.0.len()).cmp(&(b.1, b.0.len())).then(b.0.cmp(a.0)));
            if let Some((name, _)) = shown {
                entity.canonical.clone_from(name);
            }
            let commonest = kinds[&group]
                .iter()
                .max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
            entity.kind = kind
                .or(commonest.map(|(&kind, _)| kind))
                .unwrap_or(entity.kind);
        }
    }
}

/// A name without article and possessive ending.
fn bare(name: &str) -> &str {
    let name = ["the ", "The ", "THE "]
        .iter()
        .find_map(|article| name.strip_prefix(article))
        .unwrap_or(name);
    name.strip_suffix("'s")
        .or_else(|| name.strip_suffix("’s"))
        .unwrap_or(name)
}

/// What two spellings of one name share: letters and digits in lower case,
/// with the letters that transcriptions of Cyrillic disagree on made alike
/// (Miasnikov, Myasnikov; Kerenski, Kerensky, Kerenskii).
fn key(name: &str) -> String {
    let mut key: String = bare(name)
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace())
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'y' | 'j' => 'i',
            c => c,
        })
        .collect();
    while key.contains("ii") {
        key = key.replace("ii", "i");
    }
    key
}

fn surname(name: &str) -> String {
    key(name.rsplit(' ').next().unwrap_or(name))
}

/// Surnames that exactly one person in the essay bears, with the full name.
fn full_names(persons: &BTreeSet<&str>) -> HashMap<String, String> {
    let mut bearers: HashMap<String, BTreeMap<String, &str>> = HashMap::new();
    for person in persons {
        let person = bare(person);
        if person.contains(' ') {
            bearers
                .entry(surname(person))
                .or_default()
                .insert(key(person), person);
        }
    }
    bearers
        .into_iter()
        .filter(|(_, people)| people.len() == 1)
        .map(|(surname, people)| (surname, people.into_values().collect()))
        .collect()
}

/// Acronyms that the essay itself explains: "Long Name (LN)".
fn acronyms(entities: &[Entity], document: &Document) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for pair in entities.windows(2) {
        let [long, short] = pair else { continue };
        let between = (long.span.end <= short.span.start).then(|| {
            Span::new(long.span.end, short.span.start)
                .of(&document.text)
                .trim()
        });
        let initials: String = long
            .canonical
            .split([' ', '-'])
            .filter_map(|word| word.chars().next())
            .filter(|c| c.is_uppercase())
            .collect();
        let letters: String = short
            .canonical
            .chars()
            .filter(|c| c.is_alphabetic())
            .collect();
        if between == Some("(") && initials.chars().count() > 1 && initials == letters {
            found.insert(short.canonical.clone(), long.canonical.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unified(text: &str, names: &[(&str, EntityKind)], aliases: &[Alias]) -> Vec<String> {
        let entities = entities(text, names, aliases);
        entities.into_iter().map(|e| e.canonical).collect()
    }

    fn entities(text: &str, names: &[(&str, EntityKind)], aliases: &[Alias]) -> Vec<Entity> {
        let mut at = 0;
        let mut entities: Vec<Entity> = names
            .iter()
            .map(|&(name, kind)| {
                let start = at + text[at..].find(name).expect("the text holds the name");
                at = start + name.len();
                Entity {
                    span: Span::new(start, at),
                    kind,
                    canonical: name.to_owned(),
                }
            })
            .collect();
        let document = Document {
            text: text.to_owned(),
            ..Document::default()
        };
        Names::new(aliases).unify(&mut entities, &document);
        entities
    }

    use EntityKind::{Loc, Org, Per};

    #[test]
    fn a_name_has_one_type_in_an_essay() {
        let names = [
            ("Minsk", Loc),
            ("Minsk", Per),
            ("Minsk", Loc),
            ("Orel", Per),
            ("Orel", Loc),
        ];
        let found = entities("Minsk Minsk Minsk Orel Orel", &names, &[]);
        let kinds: Vec<EntityKind> = found.iter().map(|e| e.kind).collect();
        assert_eq!(kinds[..3], [Loc; 3], "as most have it");
        assert_eq!(
            kinds[3..],
            [Per; 2],
            "of equals the first in the list of types"
        );
    }

    #[test]
    fn transcriptions_of_one_name_are_one() {
        let names = [("Miasnikov", Per), ("Myasnikov", Per), ("Myasnikov's", Per)];
        let text = "Miasnikov wrote; Myasnikov spoke; Myasnikov's letter.";
        assert_eq!(unified(text, &names, &[]), ["Myasnikov"; 3]);
        let names = [("Kerenski", Per), ("Kerensky", Per), ("Kerenskii", Per)];
        let all = unified("Kerenski, Kerensky, Kerenskii", &names, &[]);
        assert!(all.iter().all(|name| name == &all[0]));
    }

    #[test]
    fn a_surname_alone_is_the_one_person_who_bears_it() {
        let names = [("Vera Figner", Per), ("Figner", Per)];
        assert_eq!(
            unified("Vera Figner … Figner", &names, &[]),
            ["Vera Figner"; 2]
        );
        let names = [
            ("Ivan Smirnov", Per),
            ("Vladimir Smirnov", Per),
            ("Smirnov", Per),
        ];
        let text = "Ivan Smirnov, Vladimir Smirnov, Smirnov";
        assert_eq!(unified(text, &names, &[])[2], "Smirnov", "two bear it");
    }

    #[test]
    fn bodies_are_merged_only_on_somebodys_word() {
        let names = [("GPU", Org), ("OGPU", Org)];
        assert_eq!(unified("GPU and OGPU", &names, &[]), ["GPU", "OGPU"]);
        let alias = Alias {
            name: "OGPU".into(),
            kind: Org,
            also: vec!["GPU".into()],
        };
        assert_eq!(unified("GPU and OGPU", &names, &[alias]), ["OGPU", "OGPU"]);
        let names = [
            ("State Political Administration", Org),
            ("SPA", Org),
            ("SPA", Org),
        ];
        let text = "the State Political Administration (SPA) … SPA";
        assert_eq!(
            unified(text, &names, &[]),
            ["State Political Administration"; 3]
        );
    }

    #[test]
    fn articles_do_not_make_another_name() {
        let names = [
            ("the Workers’ Opposition", Org),
            ("Workers' Opposition", Org),
        ];
        let text = "the Workers’ Opposition; Workers' Opposition";
        let all = unified(text, &names, &[]);
        assert_eq!(all[0], all[1]);
    }
}

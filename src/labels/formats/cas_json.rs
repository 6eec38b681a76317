//! UIMA CAS JSON 0.4.0, as INCEpTION and dkpro-cassis read and write it: a file an
//! essay, offsets in UTF-16 units.
//!
//! `webanno.custom.Thesis` is a mark (`thesis`, `stance`, `voice`, `source`, or
//! `contested` with the readers' stances) and `webanno.custom.Essay` a part of the text
//! (`part` is body or skip); the body's `rest` is what the label says of the whole essay,
//! as JSON. A project needs these two layers with these features to show them.
//! Documentation: SPECIFICATION.adoc of apache/uima-uimaj-io-jsoncas.
//!
//! Nothing is lost. INCEpTION drops empty features, so a contested mark on which no
//! reader says anything does not come back from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{
    File, read_stance, read_stances, read_voice, rest_of, slice, stances_text, stem, take_rest,
};
use crate::labels::Label;
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::text::Span;

const THESIS: &str = "webanno.custom.Thesis";
const ESSAY: &str = "webanno.custom.Essay";
const META: &str = "de.tudarmstadt.ukp.dkpro.core.api.metadata.type.DocumentMetaData";
const SOFA: &str = "uima.cas.Sofa";

pub fn write(labels: &[(&Label, &str)]) -> Vec<File> {
    (labels.iter())
        .map(|&(label, text)| File::new(format!("{}.json", stem(&label.doc)), cas(label, text)))
        .collect()
}

/// A file as it is written. UIMA reads it from its beginning, so that the types have to
/// stand before what is of them.
#[derive(Serialize)]
struct Cas {
    #[serde(rename = "%TYPES")]
    types: Map<String, Value>,
    #[serde(rename = "%FEATURE_STRUCTURES")]
    structures: Vec<Value>,
    #[serde(rename = "%VIEWS")]
    views: BTreeMap<&'static str, View>,
}

#[derive(Serialize)]
struct View {
    #[serde(rename = "%SOFA")]
    sofa: usize,
    #[serde(rename = "%MEMBERS")]
    members: Vec<usize>,
}

fn cas(label: &Label, text: &str) -> Vec<u8> {
    let count = Counter::new(text, Unit::Utf16);
    let mut structures = vec![json!({
        "%ID": 1, "%TYPE": SOFA, "sofaNum": 1, "sofaID": "_InitialView",
        "mimeType": "text/plain", "sofaString": text,
    })];
    let mut add = |kind: &str, span: Span, features: &[(&str, &str)]| {
        let (begin, end) = count.span(span);
        let mut structure = json!({
            "%ID": structures.len() + 1, "%TYPE": kind, "@sofa": 1, "begin": begin, "end": end,
        });
        for &(name, value) in features {
            structure[name] = value.into();
        }
        structures.push(structure);
    };
    let title = ("documentTitle", label.doc.as_str());
    let whole = Span::new(0, text.len());
    add(META, whole, &[title, ("documentId", stem(&label.doc))]);
    let mut rest = rest_of(label, text);
    rest.insert("doc".to_owned(), label.doc.as_str().into());
    let rest = Value::Object(rest).to_string();
    add(ESSAY, label.body, &[("part", "body"), ("rest", &rest)]);
    for &skip in &label.skip {
        add(ESSAY, skip, &[("part", "skip")]);
    }
    for mark in &label.marks {
        let mut features = vec![
            ("thesis", mark.thesis.as_str()),
            ("stance", mark.stance.name()),
            ("voice", mark.voice.name()),
        ];
        // UIMA has nothing rather than an empty text.
        if !mark.source.is_empty() {
            features.push(("source", &mark.source));
        }
        add(THESIS, mark.span, &features);
    }
    for mark in &label.contested {
        let stances = stances_text(&mark.stances);
        let features = [("thesis", mark.thesis.as_str()), ("contested", &stances)];
        add(THESIS, mark.span, &features);
    }
    let annotation = "uima.tcas.Annotation";
    let cas = Cas {
        types: [
            kind(
                META,
                "uima.tcas.DocumentAnnotation",
                &["documentTitle", "documentId"],
            ),
            kind(ESSAY, annotation, &["part", "rest"]),
            kind(
                THESIS,
                annotation,
                &["thesis", "stance", "voice", "source", "contested"],
            ),
        ]
        .into_iter()
        .collect(),
        views: [(
            "_InitialView",
            View {
                sofa: 1,
                members: (2..=structures.len()).collect(),
            },
        )]
        .into(),
        structures,
    };
    let mut bytes = serde_json::to_vec_pretty(&cas).expect("only string keys");
    bytes.push(b'\n');
    bytes
}

/// A type and its features, all of them text.
fn kind(name: &str, above: &str, features: &[&str]) -> (String, Value) {
    let mut kind = json!({"%NAME": name, "%SUPER_TYPE": above});
    for &feature in features {
        kind[feature] = json!({"%NAME": feature, "%RANGE": "uima.cas.String"});
    }
    (name.to_owned(), kind)
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    (files.iter())
        .filter(|file| file.name.ends_with(".json"))
        .map(|file| read_one(file).with_context(|| file.name.clone()))
        .collect()
}

/// What is read of a file.
#[derive(Deserialize)]
struct Read {
    #[serde(rename = "%FEATURE_STRUCTURES")]
    structures: Option<Structures>,
}

/// A list of feature structures, or an object that has them by their id.
struct Structures(Vec<Map<String, Value>>);

impl<'de> Deserialize<'de> for Structures {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Structures;

            fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
                to.write_str("feature structures, in a list or by their id")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Structures, A::Error> {
                let mut all = Vec::new();
                while let Some(structure) = from.next_element()? {
                    all.push(structure);
                }
                Ok(Structures(all))
            }

            // An id that stands twice has to be seen, so no map is made of them.
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Structures, A::Error> {
                let mut all = Vec::new();
                while let Some((id, mut structure)) =
                    from.next_entry::<String, Map<String, Value>>()?
                {
                    let id = id.parse::<u64>().map_or(Value::String(id), Value::from);
                    structure.insert("%ID".to_owned(), id);
                    all.push(structure);
                }
                Ok(Structures(all))
            }
        }
        from.deserialize_any(Either)
    }
}

fn read_one(file: &File) -> Result<Draft> {
    let read: Read =
        serde_json::from_str(file.text()?).map_err(|e| anyhow!("line {}: {e}", e.line()))?;
    let Some(Structures(structures)) = read.structures else {
        bail!("no %FEATURE_STRUCTURES: this is no UIMA CAS JSON; export it as that");
    };
    let mut ids = BTreeSet::new();
    // A text may stand after what refers to it.
    let mut texts: BTreeMap<String, &str> = BTreeMap::new();
    let mut title = None;
    for structure in &structures {
        let id = structure
            .get("%ID")
            .map(Value::to_string)
            .unwrap_or_default();
        ensure!(
            id.is_empty() || ids.insert(id.clone()),
            "%ID {id} stands twice; give each feature structure its own"
        );
        match feature(structure, "%TYPE") {
            Some(SOFA) => {
                texts.insert(id, feature(structure, "sofaString").unwrap_or_default());
            }
            Some(META) => title = feature(structure, "documentTitle"),
            _ => {}
        }
    }
    let mut draft = Draft::new("", Unit::Utf16);
    for structure in &structures {
        let kind = feature(structure, "%TYPE").unwrap_or_default();
        if kind == THESIS || kind == ESSAY {
            let id = structure
                .get("%ID")
                .map_or("without %ID".to_owned(), Value::to_string);
            let place = place(structure, &texts);
            place
                .and_then(|place| match kind {
                    THESIS => take_thesis(&mut draft, structure, place),
                    _ => take_essay(&mut draft, structure, place),
                })
                .with_context(|| format!("{} {id}", kind.rsplit('.').next().unwrap_or(kind)))?;
        }
    }
    if draft.doc.is_empty() {
        draft.doc = match title {
            Some(title) => title.to_owned(),
            None => format!("{}.txt", stem(&file.name)),
        };
    }
    Ok(draft)
}

fn feature<'a>(structure: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    structure.get(name).and_then(Value::as_str)
}

/// Where an annotation is, and the words of its text there.
fn place(structure: &Map<String, Value>, texts: &BTreeMap<String, &str>) -> Result<Place> {
    let text = match structure.get("@sofa") {
        Some(sofa) => texts.get(&sofa.to_string()),
        None => texts.values().next(),
    };
    let text = text.context("its @sofa is not in the file; export the text too")?;
    let at = |name: &str| {
        let at = structure.get(name).and_then(Value::as_u64);
        at.and_then(|at| usize::try_from(at).ok())
            .with_context(|| format!("{name} is no number of UTF-16 units; give one"))
    };
    let (start, end) = (at("begin")?, at("end")?);
    let quote = slice(text, Unit::Utf16, start, end).with_context(|| {
        format!("{start} to {end} does not lie in the text or divides a character; correct it")
    })?;
    Ok(Place {
        start,
        end,
        quote: Some(quote.to_owned()),
    })
}

fn take_thesis(draft: &mut Draft, structure: &Map<String, Value>, place: Place) -> Result<()> {
    let thesis = feature(structure, "thesis").unwrap_or_default().to_owned();
    ensure!(
        !thesis.is_empty(),
        "no thesis; give the feature thesis a thesis's id"
    );
    if let Some(stance) = feature(structure, "stance") {
        draft.marks.push(DraftMark {
            place,
            thesis,
            stance: read_stance(stance)?,
            voice: read_voice(feature(structure, "voice").unwrap_or_default())?,
            source: feature(structure, "source").unwrap_or_default().to_owned(),
        });
    } else if let Some(stances) = feature(structure, "contested") {
        draft.contested.push(DraftContested {
            place,
            thesis,
            stances: read_stances(stances)?,
        });
    } else {
        bail!(
            "{thesis} at {} to {} has no stance; give the feature stance asserts, denies or reports",
            place.start,
            place.end
        );
    }
    Ok(())
}

fn take_essay(draft: &mut Draft, structure: &Map<String, Value>, place: Place) -> Result<()> {
    match feature(structure, "part") {
        Some("skip") => draft.skip.push(place),
        Some("body") => {
            ensure!(draft.body.is_none(), "a second body; leave one");
            draft.body = Some(place);
            if let Some(rest) = feature(structure, "rest") {
                let mut rest: Map<String, Value> =
                    serde_json::from_str(rest).context("rest is no JSON object")?;
                if let Some(Value::String(doc)) = rest.remove("doc") {
                    draft.doc = doc;
                }
                take_rest(draft, rest).context("rest")?;
            }
        }
        other => bail!(
            "part {:?} is neither body nor skip; write one",
            other.unwrap_or_default()
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::formats::tests::{TEXT, check_fixture, label};

    const FIXTURE: &str = include_str!("../../../tests/formats/uima-cas-json/doc.json");

    fn error(json: &str) -> String {
        let error = read(&[File::new("a.json", json)]).unwrap_err();
        format!("{error:#}")
    }

    #[test]
    fn the_file_of_cassis_is_read() {
        check_fixture(&read(&[File::new("a.json", FIXTURE)]).unwrap());
    }

    #[test]
    fn offsets_count_utf16() {
        let files = write(&[(&label(), TEXT)]);
        assert_eq!(files[0].name, "a.json");
        let cas: Value = serde_json::from_slice(&files[0].bytes).unwrap();
        assert_eq!(cas["%FEATURE_STRUCTURES"][0]["sofaString"], TEXT);
        assert_eq!(cas["%FEATURE_STRUCTURES"][4]["begin"], 3);
        assert_eq!(cas["%FEATURE_STRUCTURES"][5]["contested"], "asserts,-");
    }

    #[test]
    fn structures_by_id_with_the_text_last_are_read() {
        let cas: Value = serde_json::from_str(FIXTURE).unwrap();
        let mut by_id = String::new();
        for structure in cas["%FEATURE_STRUCTURES"].as_array().unwrap().iter().rev() {
            let mut structure = structure.clone();
            let id = structure.as_object_mut().unwrap().remove("%ID").unwrap();
            by_id = format!(
                "{by_id}{}\"{id}\": {structure}",
                if by_id.is_empty() { "" } else { "," }
            );
        }
        let drafts = read(&[File::new(
            "a.json",
            format!("{{\"%FEATURE_STRUCTURES\": {{{by_id}}}}}"),
        )]);
        let mut drafts = drafts.unwrap();
        drafts[0].marks.reverse();
        check_fixture(&drafts);
        let twice = format!(r#"{{"%FEATURE_STRUCTURES": {{"3": {{}}, {by_id}}}}}"#);
        assert!(error(&twice).contains("a.json: %ID 3 stands twice"));
    }

    #[test]
    fn errors_name_the_place_and_what_to_do() {
        for (from, to, wanted) in [
            ("\"%ID\": 4", "\"%ID\": 3", "%ID 3 stands twice"),
            (
                "\"stance\": \"reports\",",
                "",
                "Thesis 3: continuity at 33 to 74 has no stance; give the feature stance",
            ),
            (
                "\"end\": 74",
                "\"end\": 740",
                "Thesis 3: 33 to 740 does not lie in the text",
            ),
            (
                "\"begin\": 33",
                "\"begin\": 16",
                "Thesis 3: 16 to 74 does not lie in the text or divides",
            ),
            (
                "\"begin\": 33",
                "\"begin\": -3",
                "Thesis 3: begin is no number",
            ),
            (
                "\"voice\": \"cited\"",
                "\"voice\": \"me\"",
                "\"me\" is no voice",
            ),
            ("\"part\": \"skip\"", "\"part\": \"body\"", "a second body"),
            (
                "\"%FEATURE_STRUCTURES\"",
                "\"x\"",
                "this is no UIMA CAS JSON",
            ),
        ] {
            assert!(FIXTURE.contains(from), "{from}");
            let error = error(&FIXTURE.replacen(from, to, 1));
            assert!(error.contains(wanted), "{error}");
        }
        assert!(error(&FIXTURE[..FIXTURE.find("%VIEWS").unwrap()]).contains("line "));
        let latin = read(&[File::new("a.json", b"{\n\"\xe9\"}".to_vec())]).unwrap_err();
        assert_eq!(
            format!("{latin:#}"),
            "a.json: line 2: not UTF-8; save it as UTF-8"
        );
    }
}

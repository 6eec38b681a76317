//! Label Studio JSON: `label-studio.json`, a list of tasks of which each is an essay, and
//! `config.xml`, the labelling interface. Offsets in Unicode code points; exports of
//! Label Studio 1.3 and older count UTF-16, which shows where the words kept with a
//! region fit in no other way.
//!
//! A mark is a region with a label of `thesis`, and `stance`, `voice` and `source` of
//! its own; a contested one has the readers' stances in `contested`. `region` labels the
//! body and the skipped parts. Of the whole essay `primary`, `summary-THESIS` and
//! `weight-THESIS` hold what has one value; `data.konspekt` holds all of it, and what
//! the fields say goes before it.
//! Documentation: labelstud.io/tags/text; web/libs/editor of HumanSignal/label-studio.
//!
//! Nothing is lost. A field that a person empties comes back as it was.

use anyhow::{Context, Result, anyhow, bail, ensure};
use quick_xml::escape::escape;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::whole::{self, Fields};
use super::{File, read_stance, read_stances, read_voice, rest_of, slice, stances_text, take_rest};
use crate::labels::Label;
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::layers::SentenceStance;
use crate::reading::CellStance;
use crate::text::Span;

pub fn write(labels: &[(&Label, &str)], theses: &[&str]) -> Vec<File> {
    let tasks: Vec<Value> = (labels.iter().enumerate())
        .map(|(i, &(label, text))| {
            json!({
                "id": i + 1,
                "data": {"name": label.doc, "text": text, "konspekt": rest_of(label, text)},
                "annotations": [{"id": i + 1, "result": results(label, text)}],
            })
        })
        .collect();
    let mut bytes = serde_json::to_vec_pretty(&tasks).expect("only string keys");
    bytes.push(b'\n');
    vec![
        File::new("label-studio.json", bytes),
        File::new("config.xml", config(&whole::theses(labels, theses))),
    ]
}

fn results(label: &Label, text: &str) -> Vec<Value> {
    let count = Counter::new(text, Unit::CodePoints);
    let mut results = Vec::new();
    let mut add = |id: &str, span: Option<Span>, name: &str, kind: &str, what: Value| {
        let mut value = json!({ kind: what });
        if kind == "textarea" {
            value = json!({ "text": what });
        }
        if let Some(span) = span {
            let (start, end) = count.span(span);
            value["start"] = start.into();
            value["end"] = end.into();
            // A text area keeps its answer where others keep the words.
            if kind != "textarea" {
                value["text"] = flat(span.of(text)).into();
            }
        }
        results.push(json!({
            "id": id, "from_name": name, "to_name": "text", "type": kind,
            "value": value, "origin": "manual",
        }));
    };
    add(
        "body",
        Some(label.body),
        "region",
        "labels",
        json!(["body"]),
    );
    for (i, &skip) in label.skip.iter().enumerate() {
        add(
            &format!("skip-{}", i + 1),
            Some(skip),
            "region",
            "labels",
            json!(["skip"]),
        );
    }
    for (i, mark) in label.marks.iter().enumerate() {
        let (id, span) = (format!("mark-{}", i + 1), Some(mark.span));
        add(&id, span, "thesis", "labels", json!([mark.thesis]));
        add(&id, span, "stance", "choices", json!([mark.stance.name()]));
        add(&id, span, "voice", "choices", json!([mark.voice.name()]));
        if !mark.source.is_empty() {
            add(&id, span, "source", "textarea", json!([mark.source]));
        }
    }
    for (i, mark) in label.contested.iter().enumerate() {
        let (id, span) = (format!("contested-{}", i + 1), Some(mark.span));
        add(&id, span, "thesis", "labels", json!([mark.thesis]));
        add(
            &id,
            span,
            "contested",
            "textarea",
            json!([stances_text(&mark.stances)]),
        );
    }
    for (name, value) in whole::fields(label, '-') {
        match value.parse::<u8>() {
            Ok(weight) if name.starts_with("weight-") => {
                add(&name, None, &name, "number", weight.into());
            }
            _ => add(&name, None, &name, "choices", json!([value])),
        }
    }
    results
}

/// The words of a region as Label Studio keeps them: a line break as `\n`.
fn flat(text: &str) -> String {
    text.replace(['\n', '\r'], "\\n")
}

fn config(theses: &[&str]) -> String {
    let list = |tag: &str, values: &[&str]| -> String {
        (values.iter())
            .map(|value| format!("    <{tag} value=\"{}\"/>\n", escape(*value)))
            .collect()
    };
    let of_mark = "toName=\"text\" perRegion=\"true\" whenTagName=\"thesis\"";
    let stances = SentenceStance::ALL.map(SentenceStance::name);
    let cells = CellStance::ALL.map(CellStance::name);
    let mut config =
        String::from("<View>\n  <Text name=\"text\" value=\"$text\" granularity=\"symbol\"/>\n");
    for (name, values) in [("thesis", theses), ("region", &["body", "skip"])] {
        let values = list("Label", values);
        config += &format!("  <Labels name=\"{name}\" toName=\"text\">\n{values}  </Labels>\n");
    }
    for (name, values) in [("stance", &stances[..]), ("voice", &whole::voices())] {
        let values = list("Choice", values);
        config += &format!(
            "  <Choices name=\"{name}\" {of_mark} choice=\"single\">\n{values}  </Choices>\n"
        );
    }
    for name in ["source", "contested"] {
        config += &format!("  <TextArea name=\"{name}\" {of_mark} maxSubmissions=\"1\"/>\n");
    }
    let whole = |name: &str, values: &[&str]| {
        let (name, values) = (escape(name), list("Choice", values));
        format!(
            "  <Choices name=\"{name}\" toName=\"text\" choice=\"single\">\n{values}  </Choices>\n"
        )
    };
    config += &whole("primary", &[theses, &["none"]].concat());
    for thesis in theses {
        config += &whole(&format!("summary-{thesis}"), &cells);
        let thesis = escape(*thesis);
        config +=
            &format!("  <Number name=\"weight-{thesis}\" toName=\"text\" min=\"0\" max=\"3\"/>\n");
    }
    config + "</View>\n"
}

#[derive(Deserialize)]
struct Task {
    id: Option<Value>,
    data: Option<Map<String, Value>>,
    #[serde(alias = "completions")]
    annotations: Option<Vec<Annotation>>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    was_cancelled: Option<bool>,
    #[serde(default)]
    result: Vec<Item>,
}

/// One answer: a region's label, a choice for it, or one for the whole text.
#[derive(Deserialize)]
struct Item {
    id: Option<Value>,
    from_name: Option<String>,
    value: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    start: Option<Value>,
    end: Option<Value>,
    #[serde(rename = "globalOffsets")]
    offsets: Option<Offsets>,
    text: Option<Value>,
    #[serde(default)]
    labels: Vec<String>,
    choices: Option<Value>,
    number: Option<f64>,
}

#[derive(Deserialize)]
struct Offsets {
    start: usize,
    end: usize,
}

impl Answer {
    /// Where its region is; nothing for an answer that is of the whole text.
    fn place(&self) -> Result<Option<(usize, usize)>> {
        if let Some(Offsets { start, end }) = self.offsets {
            return Ok(Some((start, end)));
        }
        let number = |value: &Value| {
            let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
            number.with_context(|| {
                format!("{value} is no offset; label the essay as plain text, not as HyperText")
            })
        };
        match (&self.start, &self.end) {
            (Some(start), Some(end)) => Ok(Some((number(start)?, number(end)?))),
            _ => Ok(None),
        }
    }

    fn choices(&self) -> Vec<&str> {
        texts(self.choices.as_ref())
    }
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(more)) => more.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// All answers to one region.
#[derive(Default)]
struct Region {
    id: String,
    start: usize,
    end: usize,
    /// The words that are kept with it.
    words: Option<String>,
    theses: Vec<String>,
    parts: Vec<String>,
    stance: Option<String>,
    voice: String,
    source: String,
    contested: Option<String>,
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    for file in files.iter().filter(|file| file.name.ends_with(".json")) {
        read_one(file, &mut drafts).with_context(|| file.name.clone())?;
    }
    Ok(drafts)
}

fn read_one(file: &File, drafts: &mut Vec<Draft>) -> Result<()> {
    let tasks: Vec<Task> =
        serde_json::from_str(file.text()?).map_err(|e| anyhow!("line {}: {e}", e.line()))?;
    for (i, task) in tasks.into_iter().enumerate() {
        let id = task
            .id
            .as_ref()
            .map_or((i + 1).to_string(), Value::to_string);
        drafts.extend(read_task(task).with_context(|| format!("task {id}"))?);
    }
    Ok(())
}

/// A task's label; nothing where nobody has labelled it.
fn read_task(task: Task) -> Result<Option<Draft>> {
    let mut data = (task.data).context("no data: export as JSON, not as JSON-MIN")?;
    let mut annotations = (task.annotations.unwrap_or_default().into_iter())
        .filter(|annotation| annotation.was_cancelled != Some(true));
    let Some(annotation) = annotations.next() else {
        return Ok(None);
    };
    ensure!(
        annotations.next().is_none(),
        "several annotations; keep one, or export each reader's to a file of its own"
    );
    let text = data.get("text").and_then(Value::as_str);
    let text = text.context("no data.text: give the essay's text")?;
    let doc = data.get("name").and_then(Value::as_str);
    let doc = doc.context("no data.name: give the essay's file name")?;

    let mut regions: Vec<Region> = Vec::new();
    let mut fields = Fields::default();
    for item in &annotation.result {
        // Relations between regions have no value.
        let (Some(name), Some(answer)) = (&item.from_name, &item.value) else {
            continue;
        };
        let id = match &item.id {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => String::new(),
        };
        match answer.place().with_context(|| format!("region {id}"))? {
            Some(place) => take(&mut regions, id, place, name, answer)?,
            None => {
                let number = answer.number.map(|number| number.to_string());
                for value in answer.choices().into_iter().chain(number.as_deref()) {
                    fields.take(name, '-', value)?;
                }
            }
        }
    }

    let fits = |region: &Region, unit| {
        let there = slice(text, unit, region.start, region.end);
        there.is_some_and(|there| {
            region
                .words
                .as_deref()
                .is_none_or(|w| flat(w) == flat(there))
        })
    };
    let unit = whole::unit(
        (regions.iter())
            .filter(|region| region.words.is_some())
            .map(|region| (fits(region, Unit::CodePoints), fits(region, Unit::Utf16))),
    );
    let mut draft = Draft::new(doc, unit);
    for region in regions {
        let (start, end) = (region.start, region.end);
        let quote = if fits(&region, unit) {
            slice(text, unit, start, end).map(str::to_owned)
        } else {
            // They are looked for in the essay.
            region
                .words
                .as_deref()
                .map(|words| words.replace("\\n", "\n"))
        };
        let quote = quote.with_context(|| {
            format!(
                "region {}: {start} to {end} does not lie in data.text; correct it",
                region.id
            )
        })?;
        let place = Place {
            start,
            end,
            quote: Some(quote),
        };
        let id = region.id.clone();
        take_region(&mut draft, region, place).with_context(|| format!("region {id}"))?;
    }
    if let Some(rest) = data.remove("konspekt") {
        let Value::Object(rest) = rest else {
            bail!("data.konspekt is no JSON object; remove it or restore it");
        };
        take_rest(&mut draft, rest).context("data.konspekt")?;
    }
    fields.lay_over(&mut draft)?;
    Ok(Some(draft))
}

/// Adds an answer to its region.
fn take(
    regions: &mut Vec<Region>,
    id: String,
    (start, end): (usize, usize),
    name: &str,
    answer: &Answer,
) -> Result<()> {
    let region = match regions.iter_mut().find(|region| region.id == id) {
        Some(region) => region,
        None => {
            regions.push(Region {
                id,
                start,
                end,
                ..Region::default()
            });
            regions.last_mut().expect("just pushed")
        }
    };
    ensure!(
        (region.start, region.end) == (start, end),
        "region {}: it is at {} to {} and at {start} to {end}; give each region an id of its own",
        region.id,
        region.start,
        region.end
    );
    if let Some(Value::String(words)) = &answer.text
        && name != "source"
        && name != "contested"
    {
        region.words = Some(words.clone());
    }
    let choice = || answer.choices().first().map(|&choice| choice.to_owned());
    let written = || texts(answer.text.as_ref()).join(" ");
    match name {
        "thesis" => region.theses.extend(answer.labels.iter().cloned()),
        "region" => region.parts.extend(answer.labels.iter().cloned()),
        "stance" => region.stance = choice(),
        "voice" => region.voice = choice().unwrap_or_default(),
        "source" => region.source = written(),
        "contested" => region.contested = Some(written()),
        _ => {}
    }
    Ok(())
}

fn take_region(draft: &mut Draft, region: Region, place: Place) -> Result<()> {
    for part in &region.parts {
        match part.as_str() {
            "skip" => draft.skip.push(place.clone()),
            "body" => {
                ensure!(draft.body.is_none(), "a second body; leave one");
                draft.body = Some(place.clone());
            }
            other => bail!("{other:?} is neither body nor skip; label it as one"),
        }
    }
    if region.theses.is_empty() {
        ensure!(
            region.stance.is_none() && region.contested.is_none(),
            "a stance on no thesis; label the region with a thesis"
        );
        return Ok(());
    }
    for thesis in region.theses {
        let place = place.clone();
        match (&region.stance, &region.contested) {
            (Some(stance), None) => draft.marks.push(DraftMark {
                place,
                thesis,
                stance: read_stance(stance)?,
                voice: read_voice(&region.voice)?,
                source: region.source.clone(),
            }),
            (None, Some(stances)) => draft.contested.push(DraftContested {
                place,
                thesis,
                stances: read_stances(stances)?,
            }),
            (None, None) => bail!("{thesis} has no stance; choose asserts, denies or reports"),
            (Some(_), Some(_)) => {
                bail!("{thesis} has a stance and is contested; remove one of the two")
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::formats::tests::{TEXT, check_fixture, label};

    const FIXTURE: &str = include_str!("../../../tests/formats/label-studio/doc.json");
    const OLD: &str = include_str!("../../../tests/formats/label-studio/doc-legacy-utf16.json");

    fn drafts(json: &str) -> Result<Vec<Draft>> {
        read(&[
            File::new("config.xml", "<View/>"),
            File::new("a.json", json),
        ])
    }

    fn error(json: &str) -> String {
        format!("{:#}", drafts(json).unwrap_err())
    }

    #[test]
    fn exports_new_and_old_are_read() {
        let new = drafts(FIXTURE).unwrap();
        assert_eq!(new[0].unit, Unit::CodePoints);
        check_fixture(&new);
        let old = drafts(OLD).unwrap();
        assert_eq!(old[0].unit, Unit::Utf16);
        check_fixture(&old);
    }

    #[test]
    fn line_breaks_stand_as_label_studio_writes_them() {
        let label = label();
        let files = write(&[(&label, TEXT)], &["t", "v&w"]);
        let tasks: Value = serde_json::from_slice(&files[0].bytes).unwrap();
        let body = &tasks[0]["annotations"][0]["result"][0]["value"];
        assert_eq!(body["text"], "🚩 Ruin came.\\n\\nWar & <ruin> went.");
        assert_eq!(body["end"], 32);
        let config = String::from_utf8(files[1].bytes.clone()).unwrap();
        for part in [
            "<Label value=\"v&amp;w\"/>",
            "\"summary-u\"",
            "\"weight-v&amp;w\"",
        ] {
            assert!(config.contains(part), "{config}");
        }
    }

    #[test]
    fn what_a_person_changed_goes_before_what_was_written() {
        let files = write(&[(&label(), TEXT)], &["t"]);
        let written = String::from_utf8(files[0].bytes.clone()).unwrap();
        let mut tasks: Value = serde_json::from_str(&written).unwrap();
        let results = tasks[0]["annotations"][0]["result"].as_array_mut().unwrap();
        for result in results.iter_mut() {
            match result["from_name"].as_str().unwrap() {
                "primary" => result["value"]["choices"][0] = "none".into(),
                "weight-t" => result["value"]["number"] = 1.into(),
                _ => {}
            }
        }
        let draft = drafts(&tasks.to_string()).unwrap().remove(0);
        assert_eq!(draft.primary, [None]);
        assert_eq!(draft.cells["t"].weights, [1]);
        assert_eq!(draft.cells["u"], label().cells["u"]);
        assert_eq!(draft.rest, label().rest);
    }

    #[test]
    fn an_edited_text_is_found_by_its_words() {
        let mut tasks: Value = serde_json::from_str(FIXTURE).unwrap();
        let text = tasks[0]["data"]["text"].as_str().unwrap();
        tasks[0]["data"]["text"] = format!("Essay\n{text}").into();
        let draft = drafts(&tasks.to_string()).unwrap().remove(0);
        assert_eq!(
            draft.marks[1].place.quote.as_deref(),
            Some("The civil war, not the party,\nruined the soviets.")
        );
    }

    #[test]
    fn tasks_that_nobody_labelled_are_passed_over() {
        let task = |annotations: &str| {
            format!(
                r#"[{{"data": {{"text": "É", "name": "a.txt"}}, "annotations": {annotations}}}]"#
            )
        };
        assert!(drafts(&task("[]")).unwrap().is_empty());
        assert!(
            drafts(&task(r#"[{"was_cancelled": true}]"#))
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            error(&task("[{}, {}]")),
            "a.json: task 1: several annotations; keep one, or export each reader's to a file of its own"
        );
    }

    #[test]
    fn errors_name_the_region_and_what_to_do() {
        for (from, to, wanted) in [
            (
                "\"start\": 32",
                "\"start\": 33",
                "region span1: it is at 33 to 73 and at 32 to 73",
            ),
            (
                "\"start\": 32",
                "\"start\": \"/p[1]\"",
                "region span1: \"/p[1]\" is no offset",
            ),
            (
                "\"from_name\": \"stance\"",
                "\"from_name\": \"x\"",
                "region span1: continuity has no stance",
            ),
            (
                "\"from_name\": \"thesis\"",
                "\"from_name\": \"x\"",
                "region span1: a stance on no thesis",
            ),
            ("\"reports\"", "\"report\"", "\"report\" is no stance"),
            (
                "\"id\": \"span2\"",
                "\"id\": \"span1\"",
                "give each region an id of its own",
            ),
            ("\"skip\"", "\"body\"", "region skip1: a second body"),
            (
                "\"data\"",
                "\"x\"",
                "task 1: no data: export as JSON, not as JSON-MIN",
            ),
            ("\"name\"", "\"x\"", "no data.name"),
            (
                "\"number\": 3",
                "\"number\": 2.5",
                "weight-objective-conditions: \"2.5\" is no weight",
            ),
        ] {
            assert!(FIXTURE.contains(from), "{from}");
            let error = error(&FIXTURE.replacen(from, to, 1));
            assert!(error.starts_with("a.json: task 1"), "{error}");
            assert!(error.contains(wanted), "{error}");
        }
        let mut past: Value = serde_json::from_str(FIXTURE).unwrap();
        let value = &mut past[0]["annotations"][0]["result"][0]["value"];
        value["end"] = 999.into();
        value.as_object_mut().unwrap().remove("text");
        past[0]["annotations"][0]["result"] =
            json!([{"id": "a", "from_name": "thesis", "value": value}]);
        assert!(error(&past.to_string()).contains("region a: 32 to 999 does not lie in data.text"));
        assert!(error("[{").starts_with("a.json: line 1: "));
        assert!(read(&[File::new("a.json", vec![0xff, 0xfe])]).is_err());
    }
}

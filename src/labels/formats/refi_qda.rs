//! REFI-QDA project exchange, which ATLAS.ti, MAXQDA, NVivo and QualCoder read:
//! `konspekt.qdpx`, a ZIP of `project.qde` (XML) and the essays as text files. Offsets in
//! Unicode code points; some tools count UTF-16, which shows where the beginning of a
//! selection's words, kept as its name, fits in no other way.
//!
//! A mark is a selection with a code each of the groups `thesis`, `stance` and `voice`,
//! and a note `source`; a contested one has the code `contested` and a note of that name
//! with the readers' stances. Codes of the group `region` are the body and the skipped
//! parts. Of the whole essay the variables `primary`, `summary:THESIS` and
//! `weight:THESIS` hold what has one value; the essay's note `konspekt` holds all of it
//! as JSON, and what the variables say goes before it.
//! Documentation: Project.xsd of QDA-XML 1.0 (qdasoftware.org).
//!
//! Nothing is lost here. Tools differ in what they keep: one that drops notes loses the
//! sources, the contested readings, and what has no variable.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result, anyhow, bail, ensure};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipArchive, ZipWriter};

use super::whole::{self, Fields};
use super::{File, read_stance, read_stances, read_voice, rest_of, slice, stances_text, take_rest};
use crate::labels::Label;
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::layers::SentenceStance;
use crate::text::Span;
use crate::words::one_line;

/// Why a file is left unread, so that a small ZIP cannot fill the memory.
const MAX_ENTRIES: usize = 10_000;
const MAX_FILE: u64 = 16 << 20;
const MAX_TOTAL: u64 = 64 << 20;
const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 1_000_000;

/// Tools ask for a time; one that never changes keeps the bytes the same.
const TIME: &str = "creationDateTime=\"2000-01-01T00:00:00Z\"";
const COLORS: [&str; 6] = [
    "#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d",
];

pub fn write(labels: &[(&Label, &str)], theses: &[&str]) -> Result<Vec<File>> {
    let theses = whole::theses(labels, theses);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    zip.start_file("project.qde", options)?;
    zip.write_all(project(labels, &theses)?.as_bytes())?;
    for (label, text) in labels {
        zip.start_file(format!("sources/{}.txt", source_guid(label)), options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(vec![File::new("konspekt.qdpx", zip.finish()?.into_inner())])
}

/// An id that is the same whenever the same thing is written: a UUID of version 8, of
/// the SHA-256 of what it names.
fn guid(of: &[&str]) -> String {
    let hash = Sha256::digest(format!("konspekt\0{}", of.join("\0")));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    let mut id = u128::from_be_bytes(bytes);
    id = id & !(0xf << 76) | 8 << 76;
    id = id & !(3 << 62) | 2 << 62;
    let hex = format!("{id:032x}");
    let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

fn source_guid(label: &Label) -> String {
    guid(&["source", &label.doc])
}

/// Whether XML can hold a character at all.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A text as XML has it, in an element or an attribute.
fn xml(text: &str) -> Result<String> {
    if let Some(c) = text.chars().find(|&c| !is_legal(c)) {
        bail!("{text:?}: XML cannot hold the character {c:?}; remove it");
    }
    // Line breaks in an attribute would come back as spaces.
    let text = escape::escape(text).replace('\n', "&#10;");
    Ok(text.replace('\t', "&#9;"))
}

fn project(labels: &[(&Label, &str)], theses: &[&str]) -> Result<String> {
    let user = guid(&["user"]);
    let mut xml_text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Project xmlns=\"urn:QDA-XML:project:1.0\" name=\"konspekt\" origin=\"konspekt\" \
         creatingUserGUID=\"{user}\" {TIME}>\n\
         <Users>\n<User guid=\"{user}\" name=\"konspekt\"/>\n</Users>\n<CodeBook>\n<Codes>\n"
    );
    let stances = SentenceStance::ALL.map(SentenceStance::name);
    let groups: [(&str, &[&str]); 4] = [
        ("thesis", theses),
        ("stance", &[&stances[..], &["contested"]].concat()),
        ("voice", &whole::voices()),
        ("region", &["body", "skip"]),
    ];
    for (group, names) in groups {
        let id = guid(&["code", group]);
        xml_text += &format!("<Code guid=\"{id}\" name=\"{group}\" isCodable=\"false\">\n");
        for (i, name) in names.iter().enumerate() {
            let (id, color) = (guid(&["code", group, name]), COLORS[i % COLORS.len()]);
            let name = xml(name)?;
            xml_text += &format!(
                "<Code guid=\"{id}\" name=\"{name}\" isCodable=\"true\" color=\"{color}\"/>\n"
            );
        }
        xml_text += "</Code>\n";
    }
    xml_text += "</Codes>\n</CodeBook>\n<Variables>\n";
    let mut variables = vec![("primary".to_owned(), "Text")];
    for thesis in theses {
        variables.push((format!("summary:{thesis}"), "Text"));
        variables.push((format!("weight:{thesis}"), "Integer"));
    }
    for (name, kind) in variables {
        let (id, name) = (guid(&["variable", &name]), xml(&name)?);
        xml_text +=
            &format!("<Variable guid=\"{id}\" name=\"{name}\" typeOfVariable=\"{kind}\"/>\n");
    }
    xml_text += "</Variables>\n";
    let mut notes = String::new();
    let mut sources = String::new();
    for &(label, text) in labels {
        let essay = source(label, text, &user, &mut notes);
        sources += &essay.with_context(|| label.doc.clone())?;
    }
    // A list with nothing in it is not valid.
    for (list, all) in [("Sources", sources), ("Notes", notes)] {
        if !all.is_empty() {
            xml_text += &format!("<{list}>\n{all}</{list}>\n");
        }
    }
    Ok(xml_text + "</Project>\n")
}

/// An essay with its selections; notes of it go to `notes`.
fn source(label: &Label, text: &str, user: &str, notes: &mut String) -> Result<String> {
    let count = Counter::new(text, Unit::CodePoints);
    let by = format!("creatingUser=\"{user}\" {TIME}");
    let mut note = |what: &str, name: &str, content: &str| -> Result<String> {
        let (id, content) = (guid(&["note", &label.doc, what]), xml(content)?);
        *notes += &format!(
            "<Note guid=\"{id}\" name=\"{name}\" {by}><PlainTextContent>{content}</PlainTextContent></Note>\n"
        );
        Ok(format!("<NoteRef targetGUID=\"{id}\"/>\n"))
    };
    let (id, name) = (source_guid(label), xml(&label.doc)?);
    let mut source = format!(
        "<TextSource guid=\"{id}\" name=\"{name}\" plainTextPath=\"internal://{id}.txt\" {by}>\n"
    );
    let mut select = |what: &str, span: Span, codes: &[[&str; 2]], note: &str| -> Result<()> {
        let (id, name) = (
            guid(&["selection", &label.doc, what]),
            xml(&beginning(span.of(text)))?,
        );
        let (start, end) = count.span(span);
        source += &format!(
            "<PlainTextSelection guid=\"{id}\" name=\"{name}\" startPosition=\"{start}\" endPosition=\"{end}\" {by}>\n"
        );
        for [group, code] in codes {
            let (id, code) = (
                guid(&["coding", &label.doc, what, group]),
                guid(&["code", group, code]),
            );
            source +=
                &format!("<Coding guid=\"{id}\" {by}><CodeRef targetGUID=\"{code}\"/></Coding>\n");
        }
        source += &format!("{note}</PlainTextSelection>\n");
        Ok(())
    };
    select("body", label.body, &[["region", "body"]], "")?;
    for (i, &skip) in label.skip.iter().enumerate() {
        select(&format!("skip {i}"), skip, &[["region", "skip"]], "")?;
    }
    for (i, mark) in label.marks.iter().enumerate() {
        let what = format!("mark {i}");
        // Some tools keep only the first code of a selection.
        let codes = [
            ["thesis", &mark.thesis],
            ["stance", mark.stance.name()],
            ["voice", mark.voice.name()],
        ];
        let source = match mark.source.as_str() {
            "" => String::new(),
            source => note(&what, "source", source)?,
        };
        select(&what, mark.span, &codes, &source)?;
    }
    for (i, mark) in label.contested.iter().enumerate() {
        let what = format!("contested {i}");
        let codes = [["thesis", mark.thesis.as_str()], ["stance", "contested"]];
        let stances = note(&what, "contested", &stances_text(&mark.stances))?;
        select(&what, mark.span, &codes, &stances)?;
    }
    let mut rest = rest_of(label, text);
    rest.insert("doc".to_owned(), label.doc.as_str().into());
    source += &note("rest", "konspekt", &Value::Object(rest).to_string())?;
    for (name, value) in whole::fields(label, ':') {
        let kind = if name.starts_with("weight:") {
            "IntegerValue"
        } else {
            "TextValue"
        };
        let (id, value) = (guid(&["variable", &name]), xml(&value)?);
        source += &format!(
            "<VariableValue><VariableRef targetGUID=\"{id}\"/><{kind}>{value}</{kind}></VariableValue>\n"
        );
    }
    Ok(source + "</TextSource>\n")
}

/// The beginning of a selection's words, which tools show as its name.
fn beginning(words: &str) -> String {
    let words = one_line(words);
    words.chars().filter(|&c| is_legal(c)).take(40).collect()
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    for file in files {
        if file.name.to_ascii_lowercase().ends_with(".qdpx") {
            read_one(file, &mut drafts).with_context(|| file.name.clone())?;
        }
    }
    Ok(drafts)
}

/// A ZIP's files by name in small letters, read as they are wanted.
struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    names: BTreeMap<String, usize>,
    /// Bytes that may still be read.
    left: u64,
}

impl<'a> Package<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| anyhow!("no whole ZIP file ({e}); export it again"))?;
        ensure!(
            zip.len() <= MAX_ENTRIES,
            "{} files in it, of {MAX_ENTRIES} that are read at most; export fewer essays",
            zip.len()
        );
        let mut names = BTreeMap::new();
        for i in 0..zip.len() {
            if let Some(Ok(name)) = zip.name_for_index(i) {
                names.insert(name.to_lowercase(), i);
            }
        }
        Ok(Self {
            zip,
            names,
            left: MAX_TOTAL,
        })
    }

    /// Reads a file, no further than the limits: what the ZIP says of its size may be
    /// wrong.
    fn read(&mut self, name: &str) -> Result<String> {
        let index = self.names.get(&name.to_lowercase());
        let index = *index.with_context(|| format!("no {name} in it; export it again"))?;
        let mut bytes = Vec::new();
        let damaged =
            |e: &dyn std::fmt::Display| anyhow!("{name} is damaged ({e}); export it again");
        let entry = self.zip.by_index(index).map_err(|e| damaged(&e))?;
        let limit = MAX_FILE.min(self.left);
        (entry.take(limit + 1).read_to_end(&mut bytes)).map_err(|e| damaged(&e))?;
        let length = u64::try_from(bytes.len()).expect("a length is less than 2^64");
        ensure!(
            length <= limit,
            "{name} is too large unpacked: at most {} MB a file and {} MB in all are read; \
             export fewer essays",
            MAX_FILE >> 20,
            MAX_TOTAL >> 20
        );
        self.left -= length;
        let error = |e: std::string::FromUtf8Error| {
            let line = e.as_bytes()[..e.utf8_error().valid_up_to()]
                .iter()
                .filter(|&&b| b == b'\n');
            anyhow!(
                "{name}, line {}: not UTF-8; save it as UTF-8",
                line.count() + 1
            )
        };
        String::from_utf8(bytes).map_err(error)
    }
}

/// An element of the XML.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.all(name).next()
    }

    fn all<'e, 'n>(&'e self, name: &'n str) -> impl Iterator<Item = &'e Element> + use<'e, 'n> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Its id, or the id that it refers to.
    fn guid(&self, attribute: &str) -> Option<String> {
        let guid = self.get(attribute)?.trim();
        Some(guid.trim_matches(['{', '}']).to_ascii_lowercase())
    }

    fn required_guid(&self) -> Result<String> {
        self.guid("guid")
            .with_context(|| format!("a {} has no guid; give it one", self.name))
    }
}

/// Reads XML into elements. Entities are not followed, so none can grow.
fn parse(source: &str) -> Result<Element> {
    let mut reader = Reader::from_str(source);
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        let event = reader.read_event();
        let line = || {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let read = source.as_bytes().get(..at).unwrap_or(source.as_bytes());
            read.iter().filter(|&&b| b == b'\n').count() + 1
        };
        let event = event.map_err(|e| anyhow!("line {}: {e}; export it again", line()))?;
        let last = open.last_mut().expect("the root is never closed");
        match event {
            Event::Start(start) => {
                elements += 1;
                ensure!(
                    open.len() <= MAX_DEPTH && elements <= MAX_ELEMENTS,
                    "line {}: too many elements; export fewer essays",
                    line()
                );
                open.push(element(&start).with_context(|| format!("line {}", line()))?);
            }
            Event::Empty(start) => {
                elements += 1;
                ensure!(
                    elements <= MAX_ELEMENTS,
                    "line {}: too many elements; export fewer essays",
                    line()
                );
                let element = element(&start).with_context(|| format!("line {}", line()))?;
                last.children.push(element);
            }
            Event::End(_) => {
                // The reader has checked that it closes the last one.
                let element = open.pop().expect("opened");
                open.last_mut()
                    .expect("the root is never closed")
                    .children
                    .push(element);
            }
            Event::Text(text) => last.text += &text.xml10_content(),
            Event::CData(text) => last.text += &text.xml10_content(),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => last.text.push(c),
                Ok(None) => {
                    let known = escape::resolve_predefined_entity(&name);
                    last.text += known.with_context(|| {
                        format!(
                            "line {}: unknown entity &{};; write the words",
                            line(),
                            &*name
                        )
                    })?;
                }
                Err(e) => bail!("line {}: {e}; export it again", line()),
            },
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = open.pop().filter(|_| open.is_empty());
    let root = root.context("the XML ends too early; export it again")?;
    let project = root
        .children
        .into_iter()
        .find(|child| child.name == "Project");
    project.context("no Project in the XML; export it as a REFI-QDA project")
}

fn element(start: &BytesStart) -> Result<Element> {
    let mut element = Element {
        name: start.local_name().as_ref().to_owned(),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute?;
        let value: Cow<str> = attribute.normalized_value(XmlVersion::Explicit1_0)?;
        let name = attribute.key.local_name().as_ref().to_owned();
        element.attributes.insert(name, value.into_owned());
    }
    Ok(element)
}

/// What the elements that others refer to are, by their ids.
#[derive(Default)]
struct Project {
    /// The group and the name of each code.
    codes: BTreeMap<String, (String, String)>,
    variables: BTreeMap<String, String>,
    /// The name and the words of each note.
    notes: BTreeMap<String, (String, String)>,
}

fn read_one(file: &File, drafts: &mut Vec<Draft>) -> Result<()> {
    let mut package = Package::new(&file.bytes)?;
    let qde = package.read("project.qde")?;
    let root = parse(qde.strip_prefix('\u{feff}').unwrap_or(&qde)).context("project.qde")?;
    let mut ids = BTreeSet::new();
    check_ids(&root, &mut ids)?;
    let mut project = Project::default();
    for codes in root.all("CodeBook").flat_map(|book| book.all("Codes")) {
        take_codes(codes, "", &mut project)?;
    }
    for variable in root.all("Variables").flat_map(|all| all.all("Variable")) {
        let name = variable.get("name").unwrap_or_default().to_owned();
        project.variables.insert(variable.required_guid()?, name);
    }
    let origin = root.get("origin").unwrap_or_default();
    for note in root.all("Notes").flat_map(|all| all.all("Note")) {
        let name = note.get("name").unwrap_or_default();
        // A person's own notes may be anything.
        if ["konspekt", "source", "contested"].contains(&name) {
            let words = text_of(note, &mut package, origin)?;
            project
                .notes
                .insert(note.required_guid()?, (name.to_owned(), words));
        }
    }
    for source in root.all("Sources").flat_map(|all| all.all("TextSource")) {
        let name = source.get("name").unwrap_or_default();
        let text = text_of(source, &mut package, origin).with_context(|| name.to_owned())?;
        let draft = read_source(source, &text, &project).with_context(|| name.to_owned())?;
        drafts.push(draft);
    }
    Ok(())
}

/// Ids of codes and the like stand once, or a reference would be to two of them.
fn check_ids(element: &Element, ids: &mut BTreeSet<(String, String)>) -> Result<()> {
    const WITH_ID: [&str; 5] = [
        "Code",
        "Variable",
        "Note",
        "TextSource",
        "PlainTextSelection",
    ];
    if WITH_ID.contains(&element.name.as_str())
        && let Some(guid) = element.guid("guid")
    {
        ensure!(
            ids.insert((element.name.clone(), guid.clone())),
            "the guid {guid} stands at two elements {}; give each its own",
            element.name
        );
    }
    element
        .children
        .iter()
        .try_for_each(|child| check_ids(child, ids))
}

fn take_codes(of: &Element, group: &str, project: &mut Project) -> Result<()> {
    for code in of.all("Code") {
        let name = code.get("name").unwrap_or_default();
        project
            .codes
            .insert(code.required_guid()?, (group.to_owned(), name.to_owned()));
        take_codes(code, name, project)?;
    }
    Ok(())
}

/// The text of a source or a note: in the XML or in a file of its own.
fn text_of(source: &Element, package: &mut Package, origin: &str) -> Result<String> {
    if let Some(content) = source.child("PlainTextContent") {
        return Ok(content.text.clone());
    }
    let path = source
        .get("plainTextPath")
        .context("no text; export the texts too")?;
    let name = path.strip_prefix("internal://").with_context(|| {
        format!("{path} is not in the project; export the texts as internal files")
    })?;
    let text = package.read(&format!("sources/{}", name.trim_start_matches('/')))?;
    if origin == "konspekt" {
        return Ok(text);
    }
    // Others count neither a byte order mark nor, ATLAS.ti, the second half of a line end.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(if origin.to_ascii_uppercase().contains("ATLAS") {
        text.replace("\r\n", "\n")
    } else {
        text.to_owned()
    })
}

/// The codes and notes of one selection, or of several at the same place.
#[derive(Default)]
struct Coded {
    start: usize,
    end: usize,
    theses: Vec<String>,
    stances: Vec<String>,
    voices: Vec<String>,
    parts: Vec<String>,
    source: String,
    contested: String,
    /// Whether it has some of a mark's codes or notes and not what every mark needs.
    is_part: bool,
}

impl Coded {
    fn add(&mut self, other: Coded) {
        for (mine, others) in [
            (&mut self.theses, other.theses),
            (&mut self.stances, other.stances),
            (&mut self.voices, other.voices),
            (&mut self.parts, other.parts),
        ] {
            for other in others {
                if !mine.contains(&other) {
                    mine.push(other);
                }
            }
        }
        for (mine, others) in [
            (&mut self.source, other.source),
            (&mut self.contested, other.contested),
        ] {
            if mine.is_empty() {
                *mine = others;
            }
        }
    }
}

fn read_source(source: &Element, text: &str, project: &Project) -> Result<Draft> {
    let mut all = Vec::new();
    for selection in source.all("PlainTextSelection") {
        all.push((read_selection(selection, project)?, selection.get("name")));
    }
    let unit = whole::unit(all.iter().filter_map(|(coded, name)| {
        let name = beginning((*name)?);
        let name = name.trim_end_matches(['…', '.']);
        let fits = |unit| {
            slice(text, unit, coded.start, coded.end)
                .is_some_and(|words| beginning(words).starts_with(name))
        };
        (!name.is_empty()).then(|| (fits(Unit::CodePoints), fits(Unit::Utf16)))
    }));
    let mut marks: Vec<Coded> = Vec::new();
    for (coded, _) in all {
        // Some tools write a selection for each code.
        let same = marks.iter_mut().find(|other| {
            other.is_part && coded.is_part && (other.start, other.end) == (coded.start, coded.end)
        });
        match same {
            Some(other) => other.add(coded),
            None => marks.push(coded),
        }
    }

    let name = source.get("name").unwrap_or_default();
    let mut draft = Draft::new(name, unit);
    for coded in marks {
        let (start, end) = (coded.start, coded.end);
        let at = || format!("selection {start} to {end}");
        let quote = slice(text, unit, start, end).with_context(|| {
            format!(
                "{} does not lie in the text or divides a character; correct it",
                at()
            )
        })?;
        let place = Place {
            start,
            end,
            quote: Some(quote.to_owned()),
        };
        take_coded(&mut draft, coded, place).with_context(at)?;
    }
    for (name, words) in notes(source, project) {
        if name == "konspekt" {
            let mut rest: Map<String, Value> =
                serde_json::from_str(words).context("the note konspekt is no JSON object")?;
            if let Some(Value::String(doc)) = rest.remove("doc") {
                draft.doc = doc;
            }
            take_rest(&mut draft, rest).context("the note konspekt")?;
        }
    }
    let mut fields = Fields::default();
    for value in source.all("VariableValue") {
        let variable = value
            .child("VariableRef")
            .and_then(|r| r.guid("targetGUID"));
        let variable = variable.and_then(|guid| project.variables.get(&guid));
        let given = value
            .children
            .iter()
            .find(|child| child.name.ends_with("Value"));
        // A tool may write every variable, those without a value too.
        if let (Some(name), Some(given)) = (variable, given)
            && !given.text.trim().is_empty()
        {
            fields.take(name, ':', &given.text)?;
        }
    }
    fields.lay_over(&mut draft)?;
    ensure!(
        !draft.doc.is_empty(),
        "a TextSource has no name; give it the essay's file name"
    );
    Ok(draft)
}

/// The notes that an element refers to: name and words.
fn notes<'p>(of: &Element, project: &'p Project) -> Vec<(&'p str, &'p str)> {
    (of.all("NoteRef"))
        .filter_map(|note| project.notes.get(&note.guid("targetGUID")?))
        .map(|(name, words)| (name.as_str(), words.as_str()))
        .collect()
}

fn read_selection(selection: &Element, project: &Project) -> Result<Coded> {
    let position = |name: &str| {
        let position = selection.get(name).and_then(|at| at.trim().parse().ok());
        position.with_context(|| {
            let guid = selection.get("guid").unwrap_or_default();
            format!("selection {guid}: {name} is no number of characters; give one")
        })
    };
    let mut coded = Coded {
        start: position("startPosition")?,
        end: position("endPosition")?,
        ..Coded::default()
    };
    let mut noted = notes(selection, project);
    for coding in selection.all("Coding") {
        noted.extend(notes(coding, project));
        let code = coding
            .child("CodeRef")
            .and_then(|code| code.guid("targetGUID"));
        let Some((group, name)) = code.and_then(|guid| project.codes.get(&guid)) else {
            bail!(
                "selection {} to {}: a code that is not in the code book; export the codes too",
                coded.start,
                coded.end
            );
        };
        match group.as_str() {
            "thesis" => coded.theses.push(name.clone()),
            "stance" => coded.stances.push(name.clone()),
            "voice" => coded.voices.push(name.clone()),
            "region" => coded.parts.push(name.clone()),
            // A person's own codes.
            _ => {}
        }
    }
    for (name, words) in noted {
        match name {
            "source" => coded.source = words.to_owned(),
            "contested" => coded.contested = words.to_owned(),
            _ => {}
        }
    }
    let whole = !coded.theses.is_empty() && !coded.stances.is_empty();
    let some = [&coded.theses, &coded.stances, &coded.voices].map(|codes| !codes.is_empty());
    let noted = !coded.source.is_empty() || !coded.contested.is_empty();
    coded.is_part = !whole && coded.parts.is_empty() && (some.contains(&true) || noted);
    Ok(coded)
}

fn take_coded(draft: &mut Draft, coded: Coded, place: Place) -> Result<()> {
    for part in &coded.parts {
        match part.as_str() {
            "skip" => draft.skip.push(place.clone()),
            "body" => {
                ensure!(draft.body.is_none(), "a second body; leave one");
                draft.body = Some(place.clone());
            }
            other => bail!("{other:?} is neither body nor skip; code it as one"),
        }
    }
    let stance = match coded.stances.as_slice() {
        [one] => one,
        [] if coded.theses.is_empty() => {
            ensure!(
                coded.voices.is_empty(),
                "a voice on no thesis; code it with a thesis too"
            );
            return Ok(());
        }
        [] => bail!(
            "{} has no stance; code it with asserts, denies or reports too",
            coded.theses.join(", ")
        ),
        more => bail!(
            "it has the stances {}, and which is on which thesis is not said; code each thesis \
             and its stance in a selection of their own",
            more.join(", ")
        ),
    };
    ensure!(
        !coded.theses.is_empty(),
        "{stance} on no thesis; code it with a thesis too"
    );
    ensure!(coded.voices.len() < 2, "it has two voices; keep one");
    let voice = coded.voices.first().map_or("", String::as_str);
    for thesis in coded.theses {
        let place = place.clone();
        if stance == "contested" {
            let stances = read_stances(&coded.contested)?;
            draft.contested.push(DraftContested {
                place,
                thesis,
                stances,
            });
        } else {
            draft.marks.push(DraftMark {
                place,
                thesis,
                stance: read_stance(stance)?,
                voice: read_voice(voice)?,
                source: coded.source.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Voice;
    use crate::labels::formats::tests::{TEXT, check_fixture, label};

    const FIXTURE: &[u8] = include_bytes!("../../../tests/formats/refi-qda/doc.qdpx");
    const UTF16: &[u8] = include_bytes!("../../../tests/formats/refi-qda/doc-utf16.qdpx");
    const QDE: &str = include_str!("../../../tests/formats/refi-qda/project.qde");
    const ESSAY: &str = include_str!("../../../tests/formats/doc.txt");

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// The fixture with another `project.qde`, its folder and id in capitals.
    fn with(qde: &str) -> Vec<u8> {
        let name = QDE
            .split("internal://")
            .nth(1)
            .unwrap()
            .split('.')
            .next()
            .unwrap();
        let name = format!("Sources/{}.TXT", name.to_uppercase());
        packed(&[("project.qde", qde.as_bytes()), (&name, ESSAY.as_bytes())])
    }

    fn drafts(bytes: impl Into<Vec<u8>>) -> Result<Vec<Draft>> {
        read(&[File::new("a.QDPX", bytes), File::new("a.txt", "")])
    }

    fn error(bytes: impl Into<Vec<u8>>) -> String {
        format!("{:#}", drafts(bytes).unwrap_err())
    }

    fn written() -> Vec<u8> {
        write(&[(&label(), TEXT)], &["t"]).unwrap().remove(0).bytes
    }

    #[test]
    fn projects_in_code_points_and_in_utf16_are_read() {
        let points = drafts(FIXTURE).unwrap();
        assert_eq!(points[0].unit, Unit::CodePoints);
        check_fixture(&points);
        let utf16 = drafts(UTF16).unwrap();
        assert_eq!(utf16[0].unit, Unit::Utf16);
        check_fixture(&utf16);
        check_fixture(&drafts(with(QDE)).unwrap());
    }

    #[test]
    fn ids_are_uuids_and_the_bytes_the_same_every_time() {
        let id = guid(&["source", "a.txt"]);
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "8");
        assert!(["8", "9", "a", "b"].contains(&&id[19..20]), "{id}");
        assert_eq!(written(), written());
    }

    #[test]
    fn ids_are_the_same_in_capitals_and_braces() {
        let mut changed = String::new();
        for (i, part) in QDE.split("targetGUID=\"").enumerate() {
            if i == 0 {
                changed += part;
                continue;
            }
            let (id, rest) = part.split_once('"').unwrap();
            changed += &format!("targetGUID=\"{{{}}}\"{rest}", id.to_uppercase());
        }
        check_fixture(&drafts(with(&changed)).unwrap());
    }

    #[test]
    fn a_selection_for_each_code_is_one_mark() {
        // Splits every selection into one a coding.
        let mut split = String::new();
        let mut head = String::new();
        for (i, line) in QDE.lines().enumerate() {
            let line = line.trim();
            if line.starts_with("<PlainTextSelection") {
                head = line.to_owned();
            } else if line.starts_with("<Coding") || line.starts_with("<NoteRef") {
                let (start, rest) = head.split_at(head.find("guid=\"").unwrap() + 6);
                split += &format!(
                    "{start}{i:08}{}\n{line}\n</PlainTextSelection>\n",
                    &rest[8..]
                );
            } else if line != "</PlainTextSelection>" {
                split += &format!("{line}\n");
            }
        }
        // Two theses at one place: which stance is on which is not said any more.
        let error = error(with(&split));
        assert!(
            error.contains("selection 74 to 123: it has the stances asserts, denies"),
            "{error}"
        );
        let apart = split.replacen(
            "startPosition=\"74\" endPosition=\"123\"",
            "startPosition=\"75\" endPosition=\"123\"",
            3,
        );
        let draft = drafts(with(&apart)).unwrap().remove(0);
        assert_eq!(draft.marks.len(), 4);
        assert_eq!(draft.marks[0].source, "he");
        assert_eq!(draft.marks[0].voice, Voice::Cited);
    }

    #[test]
    fn a_code_that_is_of_no_mark_is_an_error() {
        // The first mark's voice moves to a selection of its own beside it.
        let first = QDE.split("<PlainTextSelection ").nth(1).unwrap();
        let head = first.split('>').next().unwrap();
        let voice = first.lines().nth(3).unwrap();
        let alone = head.replacen("guid=\"", "guid=\"0", 1);
        let alone = format!("<PlainTextSelection {alone}>{voice}</PlainTextSelection>");
        let qde = QDE.replacen(voice, "", 1);
        let at = qde.rfind("<PlainTextSelection").unwrap();
        let qde = format!("{}{alone}{}", &qde[..at], &qde[at..]);
        let error = error(with(&qde));
        assert!(
            error.contains("selection 32 to 73: a voice on no thesis"),
            "{error}"
        );
    }

    #[test]
    fn what_xml_escapes_comes_back() {
        let mut label = label();
        label.marks[0].source = "<&>\"' ]]>\r\n\té".to_owned();
        label.doc = "a & \"b\".txt".to_owned();
        let file = &write(&[(&label, TEXT)], &[]).unwrap()[0];
        let draft = drafts(file.bytes.clone()).unwrap().remove(0);
        assert_eq!(draft.place(TEXT).unwrap().label, label);
        label.marks[0].source = "\u{1}".to_owned();
        let error = write(&[(&label, TEXT)], &[]).unwrap_err();
        assert!(format!("{error:#}").contains("XML cannot hold the character '\\u{1}'"));
    }

    #[test]
    fn what_a_person_changed_goes_before_the_note() {
        let mut package = ZipArchive::new(Cursor::new(written())).unwrap();
        let mut qde = String::new();
        package
            .by_name("project.qde")
            .unwrap()
            .read_to_string(&mut qde)
            .unwrap();
        let qde = qde
            .replace("<TextValue>t<", "<TextValue>none<")
            .replace("<IntegerValue>3<", "<IntegerValue>1<");
        let source = format!("sources/{}.txt", source_guid(&label()));
        let bytes = packed(&[("project.qde", qde.as_bytes()), (&source, TEXT.as_bytes())]);
        let draft = drafts(bytes).unwrap().remove(0);
        assert_eq!(draft.primary, [None]);
        assert_eq!(draft.cells["t"].weights, [1]);
        assert_eq!(draft.cells["u"], label().cells["u"]);
    }

    #[test]
    fn line_ends_and_byte_order_marks_count_as_their_tool_counts_them() {
        let qde = |origin: &str| {
            format!(
                "<Project origin=\"{origin}\"><Sources><TextSource guid=\"1\" name=\"a.txt\" plainTextPath=\"internal://1.txt\">\
                 <PlainTextSelection guid=\"2\" startPosition=\"2\" endPosition=\"3\"><Coding guid=\"3\"><CodeRef targetGUID=\"4\"/></Coding></PlainTextSelection>\
                 </TextSource></Sources><CodeBook><Codes><Code guid=\"5\" name=\"region\"><Code guid=\"4\" name=\"body\"/></Code></Codes></CodeBook></Project>"
            )
        };
        let text = "\u{feff}a\r\nb";
        let body = |origin: &str| {
            let bytes = packed(&[
                ("project.qde", qde(origin).as_bytes()),
                ("sources/1.txt", text.as_bytes()),
            ]);
            drafts(bytes)
                .unwrap()
                .remove(0)
                .body
                .unwrap()
                .quote
                .unwrap()
        };
        assert_eq!(body("ATLAS.ti 23"), "b");
        assert_eq!(body("NVivo"), "\n");
        assert_eq!(body("konspekt"), "\r");
    }

    #[test]
    fn errors_name_the_place_and_what_to_do() {
        let first = QDE.split("<PlainTextSelection guid=\"").nth(1).unwrap();
        let second = QDE.split("<PlainTextSelection guid=\"").nth(2).unwrap();
        let code = &QDE[QDE.find("<CodeRef").unwrap()..];
        for (from, to, wanted) in [
            (
                &second[..36],
                &first[..36],
                "stands at two elements PlainTextSelection",
            ),
            (
                &code[..57],
                "<CodeRef targetGUID=\"0",
                "selection 32 to 73: a code that is not in the code book",
            ),
            (
                "endPosition=\"73\"",
                "endPosition=\"730\"",
                "doc.txt: selection 32 to 730 does not lie in the text",
            ),
            (
                "startPosition=\"32\"",
                "startPosition=\"-1\"",
                "startPosition is no number",
            ),
            (
                ">he<",
                ">&boom;<",
                "project.qde: line 88: unknown entity &boom;",
            ),
            ("name=\"reports\"", "name=\"x\"", "\"x\" is no stance"),
            (
                "internal://",
                "absolute:///home/",
                "is not in the project; export the texts as internal",
            ),
            ("internal://", "internal://x", "no sources/x"),
            (
                ">3<",
                ">4<",
                "weight:objective-conditions: \"4\" is no weight",
            ),
        ] {
            assert!(QDE.contains(from), "{from}");
            let error = error(with(&QDE.replace(from, to)));
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn damaged_files_are_errors() {
        assert!(error(&FIXTURE[..FIXTURE.len() / 2]).contains("no whole ZIP file"));
        assert!(error("<Project/>").contains("no whole ZIP file"));
        assert!(error(packed(&[("a", b"")])).contains("no project.qde in it"));
        assert!(error(with(&QDE[..QDE.len() / 2])).contains("project.qde"));
        assert!(error(with("<Project>")).contains("ends too early"));
        assert!(error(with("<a/>")).contains("no Project"));
        assert!(
            error(packed(&[("project.qde", b"<a>\n\xe9")]))
                .contains("project.qde, line 2: not UTF-8")
        );
        let deep = "<a>".repeat(100_000);
        assert!(error(with(&deep)).contains("too many elements"));
        let entities =
            "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><Project>&c;</Project>";
        assert!(error(with(entities)).contains("unknown entity &c;"));
        let attribute = "<Project name=\"&c;\"/>";
        assert!(error(with(attribute)).contains("project.qde: line 1"));
    }

    #[test]
    fn a_zip_bomb_stops_at_the_limit() {
        let zeros = vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1];
        let bomb = packed(&[("project.qde", &zeros)]);
        assert!(bomb.len() < 100_000);
        let wanted = "a.QDPX: project.qde is too large unpacked: at most 16 MB a file and 64 MB \
                      in all are read; export fewer essays";
        assert_eq!(error(bomb.clone()), wanted);
        // The same where the headers say that it is small.
        let small = 10_u32.to_le_bytes();
        let large = u32::try_from(zeros.len()).unwrap().to_le_bytes();
        let mut lying = bomb;
        for at in 0..lying.len() - 4 {
            if lying[at..at + 4] == large {
                lying[at..at + 4].copy_from_slice(&small);
            }
        }
        let error_text = error(lying);
        assert!(
            error_text == wanted || error_text.contains("is damaged"),
            "{error_text}"
        );
        // Five texts of 15 MB are too much in all.
        let text = vec![b'a'; 15 << 20];
        let names: Vec<String> = (0..5).map(|i| format!("sources/{i}.txt")).collect();
        let sources: String = (0..5)
            .map(|i| {
                format!(
                    "<TextSource guid=\"{i}\" name=\"{i}\" plainTextPath=\"internal://{i}.txt\"/>"
                )
            })
            .collect();
        let qde = format!("<Project><Sources>{sources}</Sources></Project>");
        let mut files: Vec<(&str, &[u8])> = vec![("project.qde", qde.as_bytes())];
        files.extend(names.iter().map(|name| (name.as_str(), text.as_slice())));
        assert!(error(packed(&files)).contains("sources/4.txt is too large"));
        // Many files.
        let names: Vec<String> = (0..=MAX_ENTRIES).map(|i| i.to_string()).collect();
        let files: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert!(error(packed(&files)).contains("10001 files in it"));
    }
}

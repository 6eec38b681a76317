//! A table, `labels.csv` (separated by commas) or `labels.tsv` (by tabs), a row a mark.
//! Counts Unicode code points.
//!
//! Columns, in any order: `doc`, the essay's file name, and as `kind` says
//!
//! - `mark` (also where `kind` is empty or not there): `start`, `end`, `quote`, `thesis`,
//!   `stance`, `voice` (author where empty), `source`. Places may be left out where the
//!   quote is there, which is then looked for;
//! - `contested`: as a mark, with what every reader says as stance (`asserts,-,denies`);
//! - `body`, `skip`: `start` and `end`, or `quote`;
//! - `cell`: `thesis`, `stance` and `weight`, several values joined with `/`;
//! - `primary`: `thesis`, or none, a row each;
//! - `sentence`: the sentence that states the main explanation, as `quote`;
//! - `field`: any other field of the guide's JSON, its name as `source` and its value, in
//!   JSON, as `quote`.
//!
//! Documentation: RFC 4180; UTF-8, and a byte order mark is passed over. Fields with
//! tabs are quoted in the table with tabs, too, as spreadsheets do and as the media type
//! text/tab-separated-values, which has no quotes, does not.
//!
//! Lost: nothing. The body's words are not written, since they fit no spreadsheet's cell.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::{File, read_stance, read_stances, read_voice, stances_text};
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::labels::{Label, LabelCell};
use crate::reading::CellStance;
use crate::text::Span;

const COLUMNS: [&str; 10] = [
    "doc", "kind", "start", "end", "quote", "thesis", "stance", "weight", "voice", "source",
];

pub fn write(labels: &[(&Label, &str)], delimiter: u8) -> Vec<File> {
    let mut table = WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    let mut add = |row: &[&str; COLUMNS.len()]| {
        (table.write_record(row)).expect("memory takes what is written, and all rows are as long");
    };
    add(&COLUMNS);
    for &(label, text) in labels {
        write_label(label, text, &mut add);
    }
    let bytes = table.into_inner().expect("memory takes what is written");
    let name = match delimiter {
        b'\t' => "labels.tsv",
        _ => "labels.csv",
    };
    vec![File::new(name, bytes)]
}

fn write_label(label: &Label, text: &str, add: &mut impl FnMut(&[&str; COLUMNS.len()])) {
    let doc = label.doc.as_str();
    let count = Counter::new(text, Unit::CodePoints);
    let place = |span: Span| {
        let (start, end) = count.span(span);
        (start.to_string(), end.to_string())
    };
    let (start, end) = place(label.body);
    add(&[doc, "body", &start, &end, "", "", "", "", "", ""]);
    for &span in &label.skip {
        let (start, end) = place(span);
        let quote = span.of(text);
        add(&[doc, "skip", &start, &end, quote, "", "", "", "", ""]);
    }
    for mark in &label.marks {
        let (start, end) = place(mark.span);
        let quote = mark.span.of(text);
        let (stance, voice) = (mark.stance.name(), mark.voice.name());
        let (thesis, source) = (&mark.thesis, &mark.source);
        add(&[
            doc, "mark", &start, &end, quote, thesis, stance, "", voice, source,
        ]);
    }
    for mark in &label.contested {
        let (start, end) = place(mark.span);
        let quote = mark.span.of(text);
        let (thesis, stances) = (&mark.thesis, stances_text(&mark.stances));
        add(&[
            doc,
            "contested",
            &start,
            &end,
            quote,
            thesis,
            &stances,
            "",
            "",
            "",
        ]);
    }
    for (thesis, cell) in &label.cells {
        let stances = cell.stances.iter().map(|s| s.name()).collect::<Vec<_>>();
        let weights = cell.weights.iter().map(u8::to_string).collect::<Vec<_>>();
        let (stances, weights) = (stances.join("/"), weights.join("/"));
        add(&[doc, "cell", "", "", "", thesis, &stances, &weights, "", ""]);
    }
    for primary in &label.primary {
        let thesis = primary.as_deref().unwrap_or("none");
        add(&[doc, "primary", "", "", "", thesis, "", "", "", ""]);
    }
    if !label.sentence.is_empty() {
        let sentence = &label.sentence;
        add(&[doc, "sentence", "", "", sentence, "", "", "", "", ""]);
    }
    for (name, value) in &label.rest {
        let value = value.to_string();
        add(&[doc, "field", "", "", &value, "", "", "", "", name]);
    }
}

pub fn read(files: &[File], delimiter: u8) -> Result<Vec<Draft>> {
    let ending = match delimiter {
        b'\t' => ".tsv",
        _ => ".csv",
    };
    let mut drafts = Vec::new();
    for file in files.iter().filter(|file| file.name.ends_with(ending)) {
        drafts.extend(read_one(file, delimiter).with_context(|| file.name.clone())?);
    }
    Ok(drafts)
}

fn read_one(file: &File, delimiter: u8) -> Result<Vec<Draft>> {
    let text = file.text()?;
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = table.records();
    let first = records.next().transpose()?.unwrap_or_default();
    let header: Vec<String> = first
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    ensure!(
        header.iter().any(|name| name == "doc"),
        "line 1: no column doc; the first line names the columns, with {} between them",
        match delimiter {
            b'\t' => "tabs",
            _ => "commas",
        }
    );
    if let Some((_, twice)) = (header.iter().enumerate())
        .find(|(i, name)| COLUMNS.contains(&name.as_str()) && header[..*i].contains(name))
    {
        bail!("line 1: two columns are called {twice}; keep one");
    }
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for record in records {
        let record = record?;
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let at = || format!("line {}", line(text, &record));
        let mut add = || -> Result<()> {
            ensure!(
                record.len() == header.len(),
                "{} fields where the first line names {}; put fields that hold the separator or \
                 line breaks in quotes",
                record.len(),
                header.len()
            );
            let row = Row {
                header: &header,
                record: &record,
            };
            let doc = row.needed("doc")?;
            let draft =
                (drafts.entry(doc.to_owned())).or_insert_with(|| Draft::new(doc, Unit::CodePoints));
            row.add_to(draft)
        };
        add().with_context(at)?;
    }
    Ok(drafts.into_values().collect())
}

/// The line in which a record begins.
fn line(text: &str, record: &StringRecord) -> usize {
    let at = record.position().map_or(0, |position| position.byte());
    let at = usize::try_from(at).unwrap_or(text.len()).min(text.len());
    let (before, after) = text.as_bytes().split_at(at);
    // The line break before a record may be counted as the record's.
    let breaks = after.iter().take_while(|byte| b"\r\n".contains(byte));
    let count = |bytes: &mut dyn Iterator<Item = &u8>| bytes.filter(|&&b| b == b'\n').count();
    count(&mut before.iter()) + count(&mut breaks.into_iter()) + 1
}

/// A row's fields by their columns' names.
struct Row<'r> {
    header: &'r [String],
    record: &'r StringRecord,
}

impl<'r> Row<'r> {
    /// Empty where there is no such column.
    fn field(&self, column: &str) -> &'r str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.record.get(at)).unwrap_or("")
    }

    fn needed(&self, column: &str) -> Result<&'r str> {
        let field = self.field(column).trim();
        ensure!(!field.is_empty(), "{column} is empty; fill it in");
        Ok(field)
    }

    fn add_to(&self, draft: &mut Draft) -> Result<()> {
        match self.field("kind").trim() {
            "" | "mark" => draft.marks.push(DraftMark {
                place: self.place()?,
                thesis: self.needed("thesis")?.to_owned(),
                stance: read_stance(self.needed("stance")?)?,
                voice: read_voice(self.field("voice"))?,
                source: self.field("source").to_owned(),
            }),
            "contested" => draft.contested.push(DraftContested {
                place: self.place()?,
                thesis: self.needed("thesis")?.to_owned(),
                stances: read_stances(self.field("stance"))?,
            }),
            "body" => {
                ensure!(draft.body.is_none(), "a second body; keep one");
                draft.body = Some(self.place()?);
            }
            "skip" => draft.skip.push(self.place()?),
            "cell" => {
                let thesis = self.needed("thesis")?;
                let cell = LabelCell {
                    stances: joined(self.needed("stance")?, |name| {
                        let stance = CellStance::ALL.into_iter().find(|s| s.name() == name);
                        stance.with_context(|| {
                            format!(
                                "{name:?} is no stance of a cell; write endorses, rejects, \
                                 reports or absent"
                            )
                        })
                    })?,
                    weights: joined(self.needed("weight")?, |weight| {
                        let number = weight.parse().ok().filter(|weight| *weight <= 3);
                        number.with_context(|| format!("{weight:?} is no weight; write 0 to 3"))
                    })?,
                };
                let other = draft.cells.insert(thesis.to_owned(), cell);
                ensure!(other.is_none(), "a second cell for {thesis}; keep one");
            }
            "primary" => {
                let thesis = self.needed("thesis")?;
                draft
                    .primary
                    .push((thesis != "none").then(|| thesis.to_owned()));
            }
            "sentence" => self.field("quote").clone_into(&mut draft.sentence),
            "field" => {
                let value = serde_json::from_str(self.field("quote"))
                    .context("the quote of a field is no JSON; leave it as it was written")?;
                draft.rest.insert(self.needed("source")?.to_owned(), value);
            }
            other => bail!(
                "{other:?} is no kind; write mark, contested, body, skip, cell, primary, sentence \
                 or field"
            ),
        }
        Ok(())
    }

    fn place(&self) -> Result<Place> {
        let quote = Some(self.field("quote"))
            .filter(|quote| !quote.trim().is_empty())
            .map(str::to_owned);
        let number = |column| -> Result<Option<usize>> {
            match self.field(column).trim() {
                "" => Ok(None),
                text => Ok(Some(text.parse().with_context(|| {
                    format!("{column} is {text:?}; write a number of characters")
                })?)),
            }
        };
        match (number("start")?, number("end")?) {
            (Some(start), Some(end)) => {
                ensure!(start <= end, "start {start} lies after end {end}");
                Ok(Place { start, end, quote })
            }
            (None, None) => {
                ensure!(
                    quote.is_some(),
                    "neither a quote nor start and end; give one of them"
                );
                Ok(Place {
                    start: 0,
                    end: 0,
                    quote,
                })
            }
            _ => bail!("start or end is empty; give both or none"),
        }
    }
}

/// Values with `/` between them.
fn joined<T>(text: &str, read: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
    text.split('/').map(|value| read(value.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Voice;
    use crate::layers::SentenceStance::{Asserts, Denies};

    const TEXT: &str = "“É!”, 🚩 Ruin\r\ncame. Ruin came again.";

    fn one(table: impl Into<Vec<u8>>) -> Result<Draft> {
        let mut drafts = read(
            &[
                File::new("in/a.txt", "passed over"),
                File::new("in/labels.csv", table),
            ],
            b',',
        )?;
        Ok(drafts.pop().unwrap())
    }

    fn error(table: impl Into<Vec<u8>>) -> String {
        format!("{:#}", one(table).unwrap_err())
    }

    #[test]
    fn columns_are_known_by_their_names_and_most_may_be_missing() {
        let table = "\u{feff}Stance,quote,remark,thesis,DOC\r\n\
                     asserts,\"“É!”, 🚩 Ruin\ncame.\",x,t,a.txt\r\n,,,,\r\n\r\n\
                     denies,Ruin came again.,,u,a.txt\r\n";
        let label = one(table).unwrap().place(TEXT).unwrap().label;
        let marks: Vec<_> = (label.marks.iter())
            .map(|m| (m.span.of(TEXT), m.thesis.as_str(), m.stance, m.voice))
            .collect();
        assert_eq!(
            marks,
            [
                ("“É!”, 🚩 Ruin\r\ncame.", "t", Asserts, Voice::Author),
                ("Ruin came again.", "u", Denies, Voice::Author),
            ]
        );
        assert_eq!(label.body, Span::new(0, TEXT.len()));
    }

    #[test]
    fn every_kind_of_row_is_written_and_read() {
        let table = "doc,kind,start,end,quote,thesis,stance,weight,voice,source\n\
                     a.txt,body,8,37,,,,,,\n\
                     a.txt,skip,0,5,“É!”,,,,,\n\
                     a.txt,mark,8,19,\"Ruin\r\ncame.\",t,asserts,,cited,\"“É”, she\"\n\
                     a.txt,contested,20,36,Ruin came again.,t,\"asserts,-\",,,\n\
                     a.txt,cell,,,,t,endorses/reports,2/3,,\n\
                     a.txt,primary,,,,t,,,,\n\
                     a.txt,primary,,,,none,,,,\n\
                     a.txt,sentence,,,Ruin came.,,,,,\n\
                     a.txt,field,,,\"[1,\"\"x\"\"]\",,,,,entities\n";
        let draft = one(table
            .replace("8,37", "7,36")
            .replace("mark,8,19", "mark,7,19"))
        .unwrap();
        assert_eq!(draft.cells["t"].weights, [2, 3]);
        assert_eq!(draft.primary, [Some("t".to_owned()), None]);
        assert_eq!(draft.rest["entities"][1], "x");
        let label = draft.place(TEXT).unwrap().label;
        for delimiter in [b',', b'\t'] {
            let files = write(&[(&label, TEXT)], delimiter);
            let again = read(&files, delimiter).unwrap().pop().unwrap();
            assert_eq!(again.place(TEXT).unwrap().label, label);
        }
    }

    #[test]
    fn one_table_holds_many_essays() {
        let table = "doc,quote,thesis,stance\nb.txt,War,t,asserts\na.txt,War,t,asserts\n\
                     b.txt,War,t,denies\n";
        let file = File::new("x.csv", table);
        let drafts = read(&[file], b',').unwrap();
        let counts: Vec<_> = drafts
            .iter()
            .map(|d| (d.doc.as_str(), d.marks.len()))
            .collect();
        assert_eq!(counts, [("a.txt", 1), ("b.txt", 2)]);
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_to_do() {
        let head = "doc,kind,start,end,quote,thesis,stance,weight\r\n";
        for (rows, expected) in [
            (
                "a.txt,mark,1,2,x\r\n",
                "line 2: 5 fields where the first line names 8",
            ),
            (
                "a.txt,mark,1,2,\"x\r\ny\",t,asserts,\r\n\r\na.txt,mark,1,2,x,t,no,\r\n",
                "line 5: \"no\" is no stance; write asserts, denies or reports",
            ),
            (
                ",mark,1,2,x,t,asserts,\r\n",
                "line 2: doc is empty; fill it in",
            ),
            (
                "a.txt,mark,1,2,x,,asserts,\r\n",
                "line 2: thesis is empty; fill it in",
            ),
            (
                "a.txt,mark,1,2,x,t,,\r\n",
                "line 2: stance is empty; fill it in",
            ),
            (
                "a.txt,mark,1,,x,t,asserts,\r\n",
                "line 2: start or end is empty; give both",
            ),
            (
                "a.txt,mark,,,,t,asserts,\r\n",
                "line 2: neither a quote nor start and end",
            ),
            (
                "a.txt,mark,one,2,x,t,asserts,\r\n",
                "line 2: start is \"one\"; write a number",
            ),
            (
                "a.txt,mark,2,1,x,t,asserts,\r\n",
                "line 2: start 2 lies after end 1",
            ),
            (
                "a.txt,notes,1,2,x,t,asserts,\r\n",
                "line 2: \"notes\" is no kind; write mark",
            ),
            (
                "a.txt,cell,,,,t,asserts,2\r\n",
                "line 2: \"asserts\" is no stance of a cell",
            ),
            (
                "a.txt,cell,,,,t,absent,4\r\n",
                "line 2: \"4\" is no weight; write 0 to 3",
            ),
            (
                "a.txt,cell,,,,t,absent,0\r\na.txt,cell,,,,t,absent,0\r\n",
                "line 3: a second cell for t; keep one",
            ),
            (
                "a.txt,field,,,{,,,\r\n",
                "line 2: the quote of a field is no JSON",
            ),
            (
                "a.txt,body,0,1,,,,\r\na.txt,body,0,1,,,,\r\n",
                "line 3: a second body; keep one",
            ),
        ] {
            let error = error(format!("{head}{rows}"));
            let expected = format!("in/labels.csv: {expected}");
            assert!(error.starts_with(&expected), "{error} is not {expected}");
        }
        let semicolons = error("doc;quote;thesis\na;b;c\n");
        assert!(
            semicolons.contains("with commas between them"),
            "{semicolons}"
        );
        let twice = error("doc,quote,quote\n");
        assert!(
            twice.contains("line 1: two columns are called quote"),
            "{twice}"
        );
        let latin = error(b"doc,quote\na.txt,Caf\xe9\n".as_slice());
        assert!(latin.contains("line 2: not UTF-8"), "{latin}");
    }

    #[test]
    fn a_place_past_the_end_is_named() {
        let table = "doc,start,end,thesis,stance\na.txt,30,99,t,asserts\n";
        let error = one(table).unwrap().place(TEXT).unwrap_err().to_string();
        assert!(
            error.contains("mark 1: 30 to 99 does not lie in a.txt"),
            "{error}"
        );
    }
}

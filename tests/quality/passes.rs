//! Measures the passes that work by rules: how well they find sentences and the
//! essay proper, and how fast (on one core).
//!
//! ```text
//! cargo run --release --example quality -- golden FILE.jsonl...
//! cargo run --release --example quality -- conllu FILE.conllu...
//! cargo run --release --example quality -- speed  FILE.conllu...
//! cargo run --release --example quality -- body   CORPUS... -- LABELS...
//! ```
//!
//! - `golden`: cases divided exactly as wanted, by set; each line of the file is
//!   one, `{"set": "…", "text": "…", "sentences": ["…"]}`.
//! - `conllu`: precision, recall and F1 of sentences with both ends right.
//! - `speed`: megabytes of the same treebanks' text divided in a second.
//! - `body`: what is lost of the body that hand labels give, what is kept beside
//!   it, and how many of their marks begin and end where sentences do.
//!
//! Files must be unpacked; folders are read without the folders in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use konspekt::passes::sentences::{find, split_plain};
use konspekt::text::{Document, Role, Span};
use konspekt::{ingest, labels};
use serde::Deserialize;

const USAGE: &str = "usage: golden FILE.jsonl..., conllu FILE.conllu..., speed FILE.conllu..., \
                     or body CORPUS... -- LABELS...";

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let measure = args.next().unwrap_or_default();
    let paths: Vec<PathBuf> = args.map(PathBuf::from).collect();
    ensure!(!paths.is_empty(), USAGE);
    match measure.as_str() {
        "golden" => golden(&paths),
        "conllu" => conllu(&paths),
        "speed" => speed(&paths),
        "body" => {
            let cut = paths.iter().position(|path| path.as_os_str() == "--");
            let cut = cut.context(USAGE)?;
            body(&paths[..cut], &paths[cut + 1..])
        }
        _ => bail!(USAGE),
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[derive(Deserialize)]
struct Case {
    set: String,
    text: String,
    sentences: Vec<String>,
}

fn golden(files: &[PathBuf]) -> Result<()> {
    let mut sets: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in files {
        for line in read(file)?.lines() {
            let case: Case = serde_json::from_str(line)?;
            let found = split_plain(&case.text);
            let found = found.iter().map(|span| span.of(&case.text));
            let (right, cases) = sets.entry(case.set).or_default();
            *right += usize::from(found.eq(case.sentences.iter().map(|s| s.trim())));
            *cases += 1;
        }
    }
    for (set, (right, cases)) in sets {
        println!("{set}: {right} of {cases}");
    }
    Ok(())
}

/// A treebank's document: its text as it was before it was divided.
#[derive(Default)]
struct Text {
    text: String,
    sentences: Vec<Span>,
}

/// The documents of [CoNLL-U](https://universaldependencies.org/format.html)
/// files. Between two sentences stands a blank line where a paragraph begins
/// (`newpar`, and GUM's `newpar_block`), nothing after `SpaceAfter=No`, and a
/// space otherwise.
fn treebank(files: &[PathBuf]) -> Result<Vec<Text>> {
    let mut documents: Vec<Text> = Vec::new();
    for file in files {
        let mut space = true;
        for block in read(file)?.split("\n\n") {
            let comment = |key| {
                let mut comments = block.lines().filter_map(|line| line.strip_prefix("# "));
                comments.find_map(|comment| comment.strip_prefix(key))
            };
            if comment("newdoc").is_some() {
                documents.push(Text::default());
            }
            let Some(sentence) = comment("text =").map(str::trim) else {
                continue;
            };
            let Text { text, sentences } = documents.last_mut().context("text before newdoc")?;
            if !text.is_empty() {
                text.push_str(match comment("newpar") {
                    Some(_) => "\n\n",
                    None if space => " ",
                    None => "",
                });
            }
            sentences.push(Span::new(text.len(), text.len() + sentence.len()));
            text.push_str(sentence);
            space = space_after(block);
        }
    }
    ensure!(!documents.is_empty(), "no documents");
    Ok(documents)
}

/// Whether a space follows a sentence's last token. A token of several words,
/// `11-12`, stands before them and speaks for them; empty nodes, `8.1`, do not.
fn space_after(sentence: &str) -> bool {
    let (mut space, mut words) = (true, 0);
    for token in sentence.lines().filter(|line| !line.starts_with('#')) {
        let id = token.split('\t').next().unwrap_or_default();
        let misc = token.rsplit('\t').next().unwrap_or_default();
        let last = id.rsplit('-').next().and_then(|id| id.parse().ok());
        if let Some(last) = last.filter(|&last: &usize| last > words) {
            space = misc.split('|').all(|field| field != "SpaceAfter=No");
            words = last;
        }
    }
    space
}

fn conllu(files: &[PathBuf]) -> Result<()> {
    let (mut hits, mut found, mut wanted) = (0, 0, 0);
    for document in treebank(files)? {
        let spans: HashSet<Span> = split_plain(&document.text).into_iter().collect();
        let gold = &document.sentences;
        hits += gold.iter().filter(|span| spans.contains(span)).count();
        found += spans.len();
        wanted += gold.len();
    }
    println!(
        "sentences: precision {:.4}, recall {:.4}, F1 {:.4} ({hits} of {wanted} right, {found} found)",
        hits as f64 / found as f64,
        hits as f64 / wanted as f64,
        2.0 * hits as f64 / (found + wanted) as f64,
    );
    Ok(())
}

fn speed(files: &[PathBuf]) -> Result<()> {
    const SIZE: usize = 20_000_000;
    const RUNS: usize = 5;
    let documents = treebank(files)?;
    let once: String = documents.iter().map(|d| d.text.clone() + "\n\n").collect();
    let text = once.repeat(SIZE.div_ceil(once.len()));
    let mut seconds = f64::INFINITY;
    for _ in 0..RUNS {
        let begin = Instant::now();
        std::hint::black_box(split_plain(&text));
        seconds = seconds.min(begin.elapsed().as_secs_f64());
    }
    let megabytes = text.len() as f64 / 1e6;
    let rate = megabytes / seconds;
    println!("{rate:.1} MB/s ({megabytes:.1} MB, best of {RUNS} runs)");
    Ok(())
}

fn body(corpus: &[PathBuf], labelled: &[PathBuf]) -> Result<()> {
    let essays = essays(corpus)?;
    let labels::Labels {
        labels, unknown, ..
    } = labels::read(&labels::files(labelled)?, |name| {
        essays.get(name).map(|document| document.text.as_str())
    })?;
    ensure!(unknown.is_empty(), "no essays: {}", unknown.join(", "));
    let (mut wanted, mut lost, mut kept, mut outside) = (0, 0, 0, 0);
    let (mut marks, mut inside, mut whole) = (0, 0, 0);
    for label in &labels {
        let document = &essays[&label.doc];
        let text = &document.text;
        let mut is_wanted = bytes(text, [label.body]);
        for skip in &label.skip {
            is_wanted[skip.start..skip.end].fill(false);
        }
        let is_kept = bytes(text, document.body_spans());
        // White space, headings and markup count for nothing.
        let headings = document.blocks.iter().filter(|b| b.role == Role::Heading);
        let mut blank = document.markup.clone();
        blank.extend(headings.map(|block| block.span));
        let is_blank = bytes(text, blank);
        let visible = text.char_indices().filter(|(_, c)| !c.is_whitespace());
        for (i, c) in visible.filter(|&(i, _)| !is_blank[i]) {
            wanted += c.len_utf8() * usize::from(is_wanted[i]);
            kept += c.len_utf8() * usize::from(is_kept[i]);
            lost += c.len_utf8() * usize::from(is_wanted[i] && !is_kept[i]);
            outside += c.len_utf8() * usize::from(is_kept[i] && !is_wanted[i]);
        }
        let sentences = find(document).into_iter();
        let bounds = sentences.map(|s| (s.span.start, s.span.end));
        let (starts, ends): (HashSet<usize>, HashSet<usize>) = bounds.unzip();
        let marked = label.marks.iter().map(|mark| mark.span);
        for span in marked.chain(label.contested.iter().map(|mark| mark.span)) {
            let Span { start, end } = span;
            marks += 1;
            inside += usize::from(is_kept[start..end].iter().all(|&byte| byte));
            whole += usize::from(starts.contains(&start) && ends.contains(&end));
        }
    }
    let share = |what, part, whole| {
        let percent = 100.0 * part as f64 / whole as f64;
        println!("{what}: {part} of {whole} ({percent:.3} %)");
    };
    println!("essays: {}", labels.len());
    share("bytes of the body lost", lost, wanted);
    share("bytes kept outside the body", outside, kept);
    share("marks inside the body kept", inside, marks);
    share("marks on sentence boundaries", whole, marks);
    Ok(())
}

/// The essays of folders, by file name.
fn essays(folders: &[PathBuf]) -> Result<HashMap<String, Document>> {
    let mut essays = HashMap::new();
    for folder in folders {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if ingest::is_essay(&name) {
                let document = ingest::read(&name, fs::read(&path)?);
                let document = document.with_context(|| path.display().to_string())?;
                essays.insert(name.into_owned(), document);
            }
        }
    }
    Ok(essays)
}

/// For each byte of `text`, whether it lies in one of `spans`.
fn bytes(text: &str, spans: impl IntoIterator<Item = Span>) -> Vec<bool> {
    let mut inside = vec![false; text.len()];
    for span in spans {
        inside[span.start..span.end].fill(true);
    }
    inside
}

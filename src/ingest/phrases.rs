//! Set phrases and shapes by which a part shows what it is: captions, bylines,
//! notices, editors' notes, authors' biographies.

use crate::text::Reason;

use super::prose;

/// Words without marks at their ends.
pub(super) fn bare(words: &str) -> &str {
    words.trim_matches(|c: char| matches!(c, '*' | '_' | '#' | '>') || prose::is_blank(c))
}

/// Letters and digits in lower case, for comparing titles and names.
pub(super) fn normal(words: &str) -> String {
    let letters = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    letters.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The author that a byline names: `By A. Name | date`, `A. Name, 1920`,
/// `Posted on date by A. Name`.
pub(super) fn byline(words: &str) -> Option<String> {
    if prose::longer_than(words, 14) {
        return None;
    }
    let words = bare(words).replace(['\r', '\n', '\u{a0}'], " ");
    for start in [
        "by ",
        "written by ",
        "reviewed by ",
        "compiled by ",
        "words by ",
        "text by ",
        "author: ",
    ] {
        if starts_with_any(&words, &[start]) {
            return leading_name(&words[start.len()..]);
        }
    }
    if starts_with_any(&words, &["posted ", "published "])
        && let Some((_, name)) = words.split_once(" by ")
    {
        return leading_name(name);
    }
    let (name, rest) = words.split_once(',')?;
    let rest = rest.trim_start();
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let dated = rest.len() == after.len() + 4
        && prose::year(rest).is_some()
        && !after.starts_with(['-', '–']);
    (dated && prose::is_name(name) && !prose::longer_than(rest, 6)).then(|| name.trim().to_owned())
}

/// The name at the head of `words`, up to a date or a mark that parts entries.
fn leading_name(words: &str) -> Option<String> {
    let entry = words.split(['|', ',', '·', '•', '(', '—', '–']).next()?;
    let name = entry.split_whitespace().take_while(|word| {
        !word.starts_with(|c: char| c.is_ascii_digit()) && !prose::is_month(word)
    });
    let name = name.collect::<Vec<_>>().join(" ");
    prose::is_name(&name).then_some(name)
}

pub(super) fn starts_with_any(words: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| {
        words
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    })
}

fn contains_any(lower: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| lower.contains(phrase))
}

pub(super) fn is_caption(words: &str) -> bool {
    const CREDITS: [&str; 8] = [
        "Credit:",
        "Photo:",
        "Image:",
        "Photo by ",
        "Photograph by ",
        "Photo credit",
        "Image credit",
        "Courtesy of ",
    ];
    !prose::longer_than(words, 50) && contains_any(words, &CREDITS)
}

pub(super) fn is_related(words: &str) -> bool {
    if prose::longer_than(words, 60) {
        return false;
    }
    let starts = [
        "also read",
        "read also",
        "read more",
        "read next",
        "see also:",
        "related:",
        "more on this",
        "you may also like",
        "recommended:",
    ];
    let lower = words.to_lowercase();
    starts_with_any(words, &starts) && !prose::longer_than(words, 30)
        || contains_any(
            &lower,
            &[
                "previous installments",
                "earlier installments",
                "other articles in this series",
                "other parts of this series",
            ],
        )
}

pub(super) fn is_notice(words: &str) -> bool {
    let lower = words.to_lowercase();
    contains_any(
        &lower,
        &[
            "copyright (c)",
            "copyright ©",
            "all rights reserved",
            "anti-copyright",
            "permission is granted to copy",
        ],
    ) || words.starts_with('©')
        || !prose::longer_than(words, 50)
            && contains_any(
                &lower,
                &[
                    "creative commons",
                    "we use cookies",
                    "uses cookies",
                    "accept all cookies",
                    "click here to",
                    "subscribe to our",
                    "sign up for our",
                    "sign up to our",
                ],
            )
}

/// A note by an editor or translator. Unbracketed ones are sought only at the
/// `edge`s of the file.
pub(super) fn is_editor_note(words: &str, edge: bool) -> bool {
    let inner = bare(words);
    let lower = inner.to_lowercase();
    let signed = [
        "translator",
        "editor’s note",
        "editor's note",
        "—ed.",
        "—trans.",
        " ed.]",
        " trans.]",
        "translated from",
    ];
    if inner.starts_with('[') && inner.ends_with([']', '.']) && contains_any(&lower, &signed) {
        return true;
    }
    let starts = [
        "edited by",
        "produced by",
        "prepared by",
        "transcribed by",
        "transcription",
        "translated by",
        "translated from",
        "translation:",
        "proofread by",
        "first published",
        "originally published",
        "first appeared in",
        "originally appeared",
        "reprinted from",
        "reprinted with permission",
        "editor's note",
        "editor’s note",
        "editors' note",
        "editors’ note",
        "translator's note",
        "translator’s note",
        "this article was first",
        "this article first",
        "this article originally",
        "this article was originally",
        "this essay was first",
        "this essay first",
        "this essay originally",
        "this essay was originally",
        "this text was first",
        "this text was originally",
        "this piece was",
        "source:",
    ];
    edge && !prose::longer_than(inner, 35) && starts_with_any(inner, &starts)
        || is_italic(words)
            && (starts_with_any(inner, &starts)
                || starts_with_any(inner, &["note:", "the following is"]))
}

/// True when the whole block is set in italics.
pub(super) fn is_italic(words: &str) -> bool {
    let words = words.trim();
    ['*', '_'].iter().any(|&mark| {
        words
            .strip_prefix(mark)
            .and_then(|words| words.strip_suffix(mark))
            .is_some_and(|inner| {
                !inner.starts_with(mark)
                    && inner.matches(mark).count() % 2 == 0
                    && inner.len() > 2
                    && !closes_early(inner, mark)
            })
    })
}

/// True when emphasis opened before `inner` closes within it (`*one* and *two*`).
fn closes_early(inner: &str, mark: char) -> bool {
    inner.find(mark).is_some_and(|first| {
        let before = inner[..first].chars().next_back();
        let after = inner[first + 1..].chars().next();
        before.is_some_and(|c| !c.is_whitespace()) && after.is_some_and(|c| !c.is_alphanumeric())
    })
}

/// What the section under a heading with these words holds, if it is not essay.
pub(super) fn section(title: &str) -> Option<Reason> {
    match title {
        "contents" | "table of contents" | "in this article" | "on this page" => {
            Some(Reason::TableOfContents)
        }
        "references"
        | "bibliography"
        | "select bibliography"
        | "selected bibliography"
        | "works cited"
        | "further reading"
        | "sources"
        | "suggested reading"
        | "recommended reading"
        | "what else to read"
        | "what to read"
        | "notes"
        | "endnotes"
        | "footnotes"
        | "notes and references"
        | "external links" => Some(Reason::Bibliography),
        "about the author" | "about the authors" | "author" | "author bio" => {
            Some(Reason::AuthorBiography)
        }
        "related"
        | "related posts"
        | "related articles"
        | "see also"
        | "read next"
        | "you may also like"
        | "more from this author" => Some(Reason::RelatedPosts),
        "comments" | "leave a comment" | "leave a reply" | "responses" | "readers comments"
        | "reader comments" | "discussion" => Some(Reason::Comments),
        _ => {
            let (count, rest) = title.split_once(' ')?;
            let counted = count.bytes().all(|byte| byte.is_ascii_digit()) && count.len() <= 5;
            (counted
                && (rest.starts_with("comment")
                    || rest.starts_with("response")
                    || rest.starts_with("repl")))
            .then_some(Reason::Comments)
        }
    }
}

/// Prose that tells what to read: of books, their publishing and reading.
pub(super) fn names_books(words: &str) -> bool {
    if prose::longer_than(words, 120) {
        return false;
    }
    const OF_BOOKS: [&str; 18] = [
        "read",
        "reading",
        "introduction",
        "introductions",
        "published",
        "publishes",
        "edition",
        "edited",
        "book",
        "books",
        "author",
        "volume",
        "review",
        "account",
        "accounts",
        "masterpiece",
        "essay",
        "press",
    ];
    let (mut hits, mut capitals, mut count) = (0, 0, 0);
    for word in prose::words(words) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        count += 1;
        hits += usize::from(OF_BOOKS.contains(&word.to_lowercase().as_str()));
        capitals += usize::from(word.starts_with(char::is_uppercase));
    }
    hits >= 2 || hits >= 1 && capitals * 6 > count || capitals * 4 > count
}

/// True when the first two words or more are capitals and the rest is not.
pub(super) fn opens_in_capitals(words: &str) -> bool {
    let words = bare(words);
    let capitals = prose::words(words)
        .take(40)
        .take_while(|word| prose::all_capitals(word))
        .count();
    let letters: usize = prose::words(words)
        .take(capitals)
        .flat_map(str::chars)
        .filter(|c| c.is_alphabetic())
        .count();
    capitals >= 2 && letters >= 5 && words.contains(char::is_lowercase)
}

/// A name of two or three words in capitals with a verb after it, as a
/// standfirst introduces its author (`JANE DOE reviews …`).
pub(super) fn name_in_capitals(words: &str) -> Option<String> {
    let all: Vec<&str> = prose::words(words).take(80).collect();
    for start in 0..all.len() {
        let run = all[start..]
            .iter()
            .take_while(|word| {
                prose::all_capitals(word)
                    && word
                        .chars()
                        .all(|c| c.is_alphabetic() || "'’.-".contains(c))
            })
            .count();
        let verb = all.get(start + run).is_some_and(|word| {
            let word = word.trim_matches(|c: char| !c.is_alphabetic());
            word.len() >= 4 && word.ends_with('s') && word.chars().all(char::is_lowercase)
        });
        if (2..=3).contains(&run) && verb {
            return Some(
                all[start..start + run]
                    .iter()
                    .map(|word| capitalised(word))
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
    }
    None
}

/// `D'AMATO` as `D'Amato`.
pub(super) fn capitalised(word: &str) -> String {
    let mut first = true;
    let letters = word.chars().flat_map(|c| {
        let begins = std::mem::replace(&mut first, !c.is_alphabetic());
        if begins {
            vec![c]
        } else {
            c.to_lowercase().collect()
        }
    });
    letters.collect()
}

/// The person that a short paragraph at the end introduces as its author:
/// a name, a verb in the present tense, and what that person does.
pub(super) fn biography(words: &str, author: Option<&str>) -> Option<String> {
    const VERBS: [&str; 14] = [
        "is",
        "are",
        "teaches",
        "works",
        "writes",
        "lives",
        "has",
        "currently",
        "edits",
        "serves",
        "holds",
        "studies",
        "runs",
        "was",
    ];
    const ROLES: [&str; 20] = [
        "professor",
        "lecturer",
        "editor",
        "author",
        "writer",
        "historian",
        "journalist",
        "teaches",
        "teacher",
        "researcher",
        "fellow",
        "activist",
        "scholar",
        "student",
        "books",
        "magazine",
        "university",
        "member",
        "economist",
        "columnist",
    ];
    if prose::longer_than(words, 90) {
        return None;
    }
    if let Some(author) =
        author.filter(|author| prose::is_name(author) && words.starts_with(author))
    {
        return Some(author.to_owned());
    }
    let all: Vec<&str> = words.split_whitespace().collect();
    let verb = all.iter().take(7).position(|word| VERBS.contains(word))?;
    let name = all[..verb].join(" ");
    let name = name.trim_end_matches(',');
    let known = author.is_some_and(|author| {
        let last = author.split_whitespace().next_back().unwrap_or(author);
        name.contains(last)
    }) || name.eq_ignore_ascii_case("the author")
        || name.eq_ignore_ascii_case("the writer");
    let lower = words.to_lowercase();
    let role = prose::words(&lower)
        .any(|word| ROLES.contains(&word.trim_matches(|c: char| !c.is_alphanumeric())));
    let stranger = author.is_none()
        && prose::is_name(name)
        && all[verb] != "was"
        && !prose::longer_than(words, 45);
    ((known || stranger) && role).then(|| name.to_owned())
}

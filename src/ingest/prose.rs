//! Small questions about text that several readers ask.

use crate::text::Span;

/// White space, and the byte order mark, which is no more to a reader.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// The numbers and signs that mark notes in transcriptions: `[13]`, `[*]`.
pub(super) fn is_note_number(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 4
        && label
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'*')
}

/// `span` without the white space at its ends.
pub(super) fn trim(text: &str, span: Span) -> Span {
    let words = span.of(text);
    let trimmed = words.trim_start_matches(is_blank);
    let start = span.start + words.len() - trimmed.len();
    Span::new(start, start + trimmed.trim_end_matches(is_blank).len())
}

/// The lines of `text` from byte `from` on, with their line ends.
pub(super) fn lines(text: &str, from: usize) -> impl Iterator<Item = Span> + '_ {
    text[from..]
        .split_inclusive('\n')
        .scan(from, |start, line| {
            let span = Span::new(*start, *start + line.len());
            *start = span.end;
            Some(span)
        })
}

/// Words, a word being whatever stands between white space and holds a letter or digit.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
}

/// True when `text` has more than `limit` words; reads no further than it must.
pub(super) fn longer_than(text: &str, limit: usize) -> bool {
    words(text).nth(limit).is_some()
}

/// True when `text` ends as a sentence does.
pub(super) fn ends_sentence(text: &str) -> bool {
    stop(text).is_some()
}

/// The stop at the end of `text`, quotation marks, marks of emphasis and
/// footnote marks (`[^1]`, or a number straight after the stop) aside.
pub(super) fn stop(text: &str) -> Option<char> {
    let closing =
        |c: char| matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | '*' | '_') || c.is_whitespace();
    let mut text = text.trim_end();
    while let Some(rest) = text.strip_suffix(']') {
        text = match rest.rfind('[') {
            Some(open) if rest.len() - open < 20 => rest[..open].trim_end_matches('^'),
            _ => rest,
        };
    }
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let text = if before.ends_with(char::is_whitespace) {
        text
    } else {
        before
    };
    let last = text.trim_end_matches(closing).chars().next_back()?;
    matches!(last, '.' | '?' | '!' | '…' | ':' | ';' | ',').then_some(last)
}

/// True when no sentence ends within `text`.
pub(super) fn is_one_sentence(text: &str) -> bool {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let capital = words
            .peek()
            .is_some_and(|next| next.starts_with(char::is_uppercase));
        // Not an initial or a short abbreviation (`J.`, `Dr.`).
        if capital && word.len() > 3 && matches!(stop(word), Some('.' | '?' | '!')) {
            return false;
        }
    }
    true
}

/// True when no letter is lower case and some are upper case.
pub(super) fn all_capitals(text: &str) -> bool {
    text.contains(char::is_uppercase) && !text.contains(char::is_lowercase)
}

/// True for `I`, `XIV.` and the like, and for `3` or `2.5`.
pub(super) fn is_numeral(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['.', ':', ')']);
    !text.is_empty()
        && text.len() <= 8
        && (text.bytes().all(|byte| b"IVXLCDM".contains(&byte))
            || text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// The year in `text`: the first number of four digits from 1500 to 2199.
pub(super) fn year(text: &str) -> Option<i32> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .find_map(|digits| {
            digits
                .parse()
                .ok()
                .filter(|year| (1500..2200).contains(year))
        })
}

/// True when `text` reads as a person's name: two to five words that begin with
/// capitals (`de`, `von` and the like aside), and nothing else.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.');
    let (mut count, mut capitals) = (0, 0);
    for word in text.split_whitespace() {
        count += 1;
        let letters = word
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '’'));
        if count > 5 || !letters {
            return false;
        }
        if word.starts_with(char::is_uppercase) {
            capitals += 1;
        } else if !PARTICLES.contains(&word) {
            return false;
        }
    }
    capitals >= 2
        && !["A", "An", "The"]
            .iter()
            .any(|article| text.split_whitespace().next() == Some(article))
}

const PARTICLES: [&str; 14] = [
    "de", "del", "della", "di", "du", "da", "la", "le", "van", "von", "der", "den", "and", "bin",
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// True for the name of a month, or its first three letters.
pub(super) fn is_month(word: &str) -> bool {
    let word = word
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    MONTHS
        .iter()
        .any(|month| *month == word || word == month[..3])
}

/// True for a short line that gives a date: it names a month and a year, or is a
/// date in figures, and says little more (`December 12, 2003 | Page 10`).
pub(super) fn is_date_line(text: &str) -> bool {
    if longer_than(text, 9) || year(text).is_none() {
        return false;
    }
    let mut all = words(text);
    let figures = text.chars().filter(char::is_ascii_digit).count();
    all.any(is_month) || figures >= 6 && !text.contains(char::is_alphabetic)
}

/// A line of short entries set side by side (`Home | About | Contact`).
pub(super) fn is_menu_line(text: &str) -> bool {
    let mut entries = text
        .split(['|', '·', '»', '›'])
        .filter(|entry| entry.contains(char::is_alphanumeric));
    let short = entries
        .clone()
        .all(|entry| !longer_than(entry, 6) && !ends_sentence(entry));
    short && entries.nth(1).is_some()
}

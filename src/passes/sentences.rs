//! Sentences: where the prose of one block divides.
//!
//! Rules, not statistics: the scan stops at every mark that can end a sentence,
//! takes in what closes with it (quotation marks, brackets, note marks), and
//! decides from the word before and the word after. A full stop inside an open
//! quotation ends a sentence like any other, since evidence is quoted by the
//! sentence; a quotation followed by lower case ("Why?" he asked) does not.
//!
//! The scan is linear: every look to the left or right is bounded by
//! [`WORD_MAX`] bytes, or moves the scan forward.

use std::borrow::Cow;

use crate::layers::Sentence;
use crate::text::{Document, Span};

/// Longest word, in bytes, that a rule looks at.
const WORD_MAX: usize = 48;

/// Sentences of the essay proper.
pub fn find(document: &Document) -> Vec<Sentence> {
    let blocks = document.blocks.iter().enumerate();
    blocks
        .filter(|(_, block)| block.role.is_prose())
        .flat_map(|(i, block)| {
            let spans = split(&document.text, block.span, &document.markup);
            spans
                .into_iter()
                .map(move |span| Sentence { span, block: i })
        })
        .collect()
}

/// Sentences of one block of prose (a paragraph, an item, a quotation), in
/// order, trimmed of white space, disjoint, and together covering every byte of
/// the block that is not white space. Line breaks are white space.
///
/// `markup` holds the bytes of `text` that are markup and not words (disjoint,
/// sorted, anywhere in the text). The rules do not see them; markup that touches
/// a sentence's last word, and a note mark after it, belong to that sentence.
pub fn split(text: &str, block: Span, markup: &[Span]) -> Vec<Span> {
    let Some(block) = trimmed(text, block) else {
        return Vec::new();
    };
    let surface = Surface::new(text, block, markup);
    let mut sentences = Vec::new();
    let mut start = block.start;
    for (end, next) in Scanner::new(&surface.text).boundaries() {
        let cut = surface.cut(text, end, next);
        sentences.extend(trimmed(text, Span::new(start, cut)));
        start = cut;
    }
    sentences.extend(trimmed(text, Span::new(start, block.end)));
    sentences
}

/// Sentences of plain text without marks; blank lines divide its paragraphs.
pub fn split_plain(text: &str) -> Vec<Span> {
    let mut sentences = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            sentences.extend(split(text, Span::new(start, at), &[]));
            start = at + line.len();
        }
        at += line.len();
    }
    sentences.extend(split(text, Span::new(start, text.len()), &[]));
    sentences
}

fn trimmed(text: &str, span: Span) -> Option<Span> {
    let inside = span.of(text).trim_start();
    let start = span.end - inside.len();
    let end = start + inside.trim_end().len();
    (start < end).then(|| Span::new(start, end))
}

/// A block's words: its text with the markup cut out.
struct Surface<'a> {
    text: Cow<'a, str>,
    block: Span,
    /// The markup inside the block, with the surface offset at which each was cut.
    cuts: Vec<(usize, Span)>,
}

impl<'a> Surface<'a> {
    fn new(text: &'a str, block: Span, markup: &[Span]) -> Self {
        let first = markup.partition_point(|m| m.end <= block.start);
        let mut words = String::new();
        let mut cuts = Vec::new();
        let mut at = block.start;
        for m in markup[first..].iter().take_while(|m| m.start < block.end) {
            let m = Span::new(m.start.max(at), m.end.min(block.end));
            words.push_str(&text[at..m.start]);
            cuts.push((words.len(), m));
            at = m.end;
        }
        let rest = &text[at..block.end];
        let text = if cuts.is_empty() {
            Cow::Borrowed(rest)
        } else {
            Cow::Owned(words + rest)
        };
        Self { text, block, cuts }
    }

    /// Where in the file to cut for a boundary between the surface offsets `end`
    /// (of the last word) and `next` (of the first word after it): at the white
    /// space between them, so that markup goes with the word that it touches.
    fn cut(&self, text: &str, end: usize, next: usize) -> usize {
        // In the file, `end` lies before the markup cut out there, `next` after it.
        let before = self.cuts.partition_point(|&(at, _)| at < end);
        let after = self.cuts.partition_point(|&(at, _)| at <= next);
        let from = self.file_offset(end, before);
        let to = self.file_offset(next, after);
        let between = &self.cuts[before..after];
        // Gaps between the pieces of markup hold the white space.
        let mut at = from;
        for &(_, m) in between {
            if !text[at..m.start].is_empty() && !m.of(text).starts_with("[^") {
                return at;
            }
            at = m.end;
        }
        if at == to { to } else { at }
    }

    /// File offset of the surface offset `at`, before which `cuts` pieces of
    /// markup were cut out.
    fn file_offset(&self, at: usize, cuts: usize) -> usize {
        match cuts.checked_sub(1).map(|last| self.cuts[last]) {
            Some((cut_at, m)) => m.end + (at - cut_at),
            None => self.block.start + at,
        }
    }
}

/// A mark that may end a sentence, and what stands around it.
struct Mark<'a> {
    kind: Kind,
    /// Whether a quotation, and whether a bracket, closes with it.
    quotes: bool,
    brackets: bool,
    /// The word that it follows, inner full stops included: `U.S`, `p`, `1917`.
    word: &'a str,
    /// The beginning of the sentence so far, the mark left out.
    sentence: &'a str,
    /// The text from the next word on.
    after: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Stop,
    /// An ellipsis, or several full stops.
    Ellipsis,
    /// Three points set off by a space: words left out of a sentence.
    Omission,
    /// A question or exclamation mark is among the marks.
    Exclamation,
}

/// Walks one block's words and finds the boundaries.
struct Scanner<'a> {
    text: &'a str,
    /// Where the present sentence starts.
    start: usize,
    /// The list that the block opens with.
    list: Option<List>,
    /// Where the last time stamp ended.
    stamp_end: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            start: 0,
            list: List::open(text),
            stamp_end: 0,
        }
    }

    /// The boundaries, each as the end of a sentence and the start of the next.
    fn boundaries(mut self) -> Vec<(usize, usize)> {
        let text = self.text;
        let mut found = Vec::new();
        let (mut at, mut token) = (0, 0);
        while let Some(step) = text.as_bytes()[at..]
            .iter()
            .position(|&b| STOPS_SCAN[b as usize])
        {
            at += step;
            let rest = &text[at..];
            let c = rest.chars().next().unwrap_or_default();
            if c.is_whitespace() {
                let next = text.len() - rest.trim_start().len();
                if self.breaks_at_space(&text[token..at], at, next) {
                    found.push((at, next));
                    self.start = next;
                }
                at = next;
                token = next;
            } else if is_terminator(c) {
                let (end, next, ends) = self.judge(at);
                at = end;
                if ends {
                    found.push((end, next));
                    self.start = next;
                    at = next;
                    token = next;
                }
            } else {
                at += c.len_utf8();
            }
        }
        found
    }

    /// Whether a sentence ends at white space with no mark before it: the next
    /// item of a list, a bracketed sentence, and what web pages and mail put on
    /// lines of their own. `token` is what stands before the white space.
    fn breaks_at_space(&mut self, token: &str, end: usize, next: usize) -> bool {
        let (text, after) = (self.text, &self.text[next..]);
        if self.list.as_mut().is_some_and(|list| list.goes_on(after)) {
            return true;
        }
        if let Some(len) = time_stamp(after) {
            self.stamp_end = next + len;
            return !matches!(token, "on" | "at" | "of" | "dated" | "from");
        }
        let upper = after.starts_with(char::is_uppercase);
        let sentence = &text[self.start..end];
        match token.as_bytes().last() {
            _ if is_rule(token) => upper,
            _ if upper && end == self.stamp_end => true,
            Some(b']' | b')') if upper && is_one_bracket(sentence) => true,
            Some(b',') if upper => VALEDICTIONS.contains(&sentence),
            _ if is_smiley(token) || token == ">>" => upper,
            _ if is_url(token) => upper || after.starts_with("http"),
            _ => is_rule(after.split(char::is_whitespace).next().unwrap_or_default()),
        }
    }

    /// The mark at `at`: where what closes with it ends, where the next word
    /// starts, and whether a sentence ends between the two.
    fn judge(&self, at: usize) -> (usize, usize, bool) {
        let text = self.text;
        let mut end = at;
        let mut dots = 0;
        let (mut exclaims, mut quotes, mut brackets) = (0, false, false);
        // Marks and what closes with them: `.`, `?!`, `. . .`, `.”`, `?”).`
        while let Some(c) = text[end..].chars().next() {
            let len = c.len_utf8();
            if is_terminator(c) {
                match c {
                    '.' => dots += 1,
                    '…' => dots += 3,
                    _ => exclaims += 1,
                }
            } else if is_closing_quote(c) {
                quotes = true;
            } else if is_closing_bracket(c) {
                brackets = true;
            } else if c.is_whitespace() && exclaims == 0 && is_spaced_dot(&text[end + len..]) {
                // `compounds. . . . The`: a full stop, then an omission that
                // opens the next sentence.
                if dots == 1 && end == at + 1 && !text[..at].ends_with(char::is_whitespace) {
                    let omission =
                        text[end..].trim_start_matches(|c: char| c == '.' || c.is_whitespace());
                    let len = text[end..].len() - omission.len();
                    if text[end..end + len].matches('.').count() == 3
                        && omission.starts_with(char::is_uppercase)
                    {
                        return (end, end + 1, true);
                    }
                }
            } else if !matches!(c, '*' | '_') {
                break;
            }
            end += len;
        }
        let word = word_before(text, at);
        end += note_marks(word, &text[at..end], &text[end..]);
        let after = text[end..].trim_start();
        let next = text.len() - after.len();
        let mark = Mark {
            kind: match (exclaims, dots) {
                (1.., _) => Kind::Exclamation,
                (_, 1) => Kind::Stop,
                (_, 3) if text[..at].ends_with(char::is_whitespace) => Kind::Omission,
                _ => Kind::Ellipsis,
            },
            quotes,
            brackets,
            word,
            sentence: bounded(&text[self.start..at]),
            after,
        };
        let ends = if next > end {
            mark.ends_sentence()
        } else {
            mark.ends_sentence_unspaced()
        };
        (end, next, ends && !after.is_empty())
    }
}

impl Mark<'_> {
    /// Whether a sentence ends at this mark, white space following.
    fn ends_sentence(&self) -> bool {
        // A sentence has a word: `... love` opens with its omission.
        if self.word.is_empty() && !self.sentence.contains(char::is_alphanumeric)
            || is_list_mark(self.sentence)
        {
            return false;
        }
        let next = Next::read(self.after);
        // `"..." (Smith 55).`, `Viva Maria! (1965), and`
        if (self.quotes || self.kind == Kind::Exclamation) && bracket_goes_on(self.after) {
            return false;
        }
        match self.kind {
            _ if next.initial == Initial::Lower => self.ends_before_lower_case(&next),
            Kind::Exclamation => !(self.quotes && next.reports()),
            Kind::Omission => false,
            Kind::Ellipsis => next.word != "I",
            Kind::Stop if self.quotes || self.brackets => true,
            Kind::Stop => self.stop_ends_sentence(&next),
        }
    }

    /// Lower case goes on with the sentence; but careless writing has it after
    /// any mark, so where nothing else explains the mark the sentence ends.
    fn ends_before_lower_case(&self, next: &Next) -> bool {
        let opens = self.after.starts_with(['(', '[']);
        if (self.quotes || self.brackets) && !opens {
            return is_url(next.word);
        }
        let plain = self.word.chars().count() > 1 && self.word.chars().all(char::is_alphanumeric);
        match self.kind {
            Kind::Ellipsis | Kind::Omission => false,
            Kind::Exclamation => {
                !self.names() && !next.reports() && !REPORTING.contains(&next.word)
            }
            Kind::Stop => {
                plain
                    && abbreviation(self.word).is_none()
                    && !(opens && bracket_goes_on(self.after))
            }
        }
    }

    /// Whether the mark is part of a name, as in `works at Yahoo! in`.
    fn names(&self) -> bool {
        self.word.starts_with(char::is_uppercase)
            && self.word.contains(char::is_lowercase)
            && self.sentence.len() > self.word.len()
    }

    /// A single full stop, with anything but lower case after it.
    fn stop_ends_sentence(&self, next: &Next) -> bool {
        let starter = next.is_starter();
        match abbreviation(self.word) {
            Some(Abbreviation::Title | Abbreviation::Inner) => false,
            Some(Abbreviation::Number) => !next.is_number() && starter,
            Some(Abbreviation::Closing) => next.initial != Initial::Digit,
            // `At 5 a.m. Mr. Smith went`: an adverbial, not yet a sentence.
            Some(Abbreviation::Time) => {
                starter
                    || next.initial == Initial::Upper
                        && self.sentence.split_whitespace().nth(4).is_some()
            }
            Some(Abbreviation::Any) => starter,
            None if self.word.eq_ignore_ascii_case("no") => !next.is_number(),
            None if is_initial(self.word) || is_acronym(self.word) => starter,
            None => true,
        }
    }

    /// No white space after the mark: a space forgotten (`the end.Next`), or a
    /// mark inside a name, a number or an address.
    fn ends_sentence_unspaced(&self) -> bool {
        let word = self.word.trim_end_matches('.');
        let (next, rest) = first_word(self.after);
        let plain = |w: &str| w.len() > 1 && w.chars().skip(1).all(char::is_lowercase);
        plain(word)
            && word.starts_with(char::is_lowercase)
            && (plain(next) || next == "I" || next == "A")
            && next.starts_with(char::is_uppercase)
            && rest.starts_with([' ', ','])
            && !self.sentence.ends_with('@')
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Initial {
    Upper,
    Lower,
    Digit,
    /// Neither letter nor figure, or a letter without case.
    Other,
}

/// The first word after a mark.
struct Next<'a> {
    initial: Initial,
    word: &'a str,
    /// What follows the word.
    rest: &'a str,
}

impl<'a> Next<'a> {
    fn read(after: &'a str) -> Self {
        let text = after.trim_start_matches(|c: char| is_opener(c) || matches!(c, '-' | '–' | '—'));
        let text = if text.len() + 4 * WORD_MAX < after.len() {
            after
        } else {
            text.trim_start()
        };
        let initial = match text.chars().next() {
            // `eHow was`: a name with a capital inside.
            Some(c) if c.is_lowercase() && !first_word(text).0.contains(char::is_uppercase) => {
                Initial::Lower
            }
            Some(c) if c.is_lowercase() => Initial::Other,
            Some(c) if c.is_uppercase() => Initial::Upper,
            Some(c) if c.is_numeric() => Initial::Digit,
            _ => Initial::Other,
        };
        let (word, rest) = first_word(text);
        Self {
            initial,
            word,
            rest,
        }
    }

    /// A common word, capitalised because a sentence starts with it.
    fn is_starter(&self) -> bool {
        self.initial == Initial::Upper
            && !self.rest.starts_with('.')
            && STARTERS.contains(&self.word)
    }

    /// A figure or a Roman numeral.
    fn is_number(&self) -> bool {
        self.initial == Initial::Digit || self.word.chars().all(|c| "IVXLCDMivxlcdm".contains(c))
    }

    /// `Smith asked`, `I said`: who spoke the quotation before.
    fn reports(&self) -> bool {
        let mut rest = self.rest;
        for _ in 0..3 {
            let (word, more) = first_word(rest.trim_start());
            if REPORTING.contains(&word) {
                return true;
            }
            if !word.starts_with(char::is_uppercase) {
                return false;
            }
            rest = more;
        }
        false
    }
}

/// The items of a list run on in one line: `1) The first 2) The second`.
struct List {
    bullet: Option<char>,
    /// Number, or position in the alphabet, of the next item, and what closes it.
    next: Option<(Enumerator, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Enumerator {
    Number(u32),
    Letter(u8),
}

impl List {
    /// The list that a block opens with.
    fn open(text: &str) -> Option<Self> {
        let bullet = text.chars().next().filter(|c| BULLETS.contains(c));
        let rest = bullet.map_or(text, |c| text[c.len_utf8()..].trim_start());
        let next = enumerator(rest).map(|(e, close)| (e.next(), close));
        (bullet.is_some() || next.is_some()).then_some(Self { bullet, next })
    }

    /// Whether the list's next item starts here.
    fn goes_on(&mut self, text: &str) -> bool {
        let mut rest = text;
        if let Some(b) = self.bullet {
            match text.strip_prefix(b) {
                Some(r) => rest = r.trim_start(),
                None => return false,
            }
        }
        match (self.next, enumerator(rest)) {
            (None, _) => true,
            (Some((want, close)), Some((found, closed))) if want == found && close == closed => {
                self.next = Some((found.next(), closed));
                true
            }
            _ => false,
        }
    }
}

impl Enumerator {
    fn next(self) -> Self {
        match self {
            Self::Number(n) => Self::Number(n.saturating_add(1)),
            Self::Letter(b) => Self::Letter(b.saturating_add(1)),
        }
    }
}

/// `1.`, `1)`, `1.)`, `(1)`, `a.`, `b)` with a word after it.
fn enumerator(text: &str) -> Option<(Enumerator, &'static str)> {
    let text = text.strip_prefix('(').unwrap_or(text);
    let digits = text.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let (e, rest) = match digits {
        0 => {
            let b = *text.as_bytes().first().filter(|b| b.is_ascii_lowercase())?;
            (Enumerator::Letter(b), &text[1..])
        }
        1..=3 => (
            Enumerator::Number(text[..digits].parse().ok()?),
            &text[digits..],
        ),
        _ => return None,
    };
    let close = [".)", ")", "."]
        .into_iter()
        .find(|&c| rest.starts_with(c))?;
    rest[close.len()..]
        .starts_with(char::is_whitespace)
        .then_some((e, close))
}

/// `1`, `2.3`, `a`, `iv`, `Figure 2`: what numbers or labels the text that follows.
fn is_list_mark(sentence: &str) -> bool {
    let mark = sentence
        .trim_start_matches(|c: char| is_opener(c) || BULLETS.contains(&c) || c.is_whitespace());
    let mark = match mark.split_once(char::is_whitespace) {
        Some((label, number)) if LABELS.contains(&label) => number,
        _ => mark,
    };
    let mark = mark.trim_end_matches(['.', ')']);
    match mark.len() {
        0 | 9.. => false,
        1 if mark != "I" => mark.bytes().all(|b| b.is_ascii_alphanumeric()),
        _ => {
            mark.split('.')
                .all(|n| (1..=2).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
                || mark.bytes().all(|b| b"ivx".contains(&b))
        }
    }
}

/// Whether the bracket that `text` opens is followed by more of its sentence.
fn bracket_goes_on(text: &str) -> bool {
    let close = match text.as_bytes().first() {
        Some(b'(') => b')',
        Some(b'[') => b']',
        _ => return false,
    };
    let Some(end) = text.bytes().take(4 * WORD_MAX).position(|b| b == close) else {
        return false;
    };
    let rest = &text[end + 1..];
    rest.starts_with(['.', ',', ';', ':', '?', '!'])
        || rest.trim_start_matches(' ').starts_with(char::is_lowercase)
}

/// `[Author, Title, p. 7]`, `(Page 170)`: a bracket that is all of its sentence.
fn is_one_bracket(sentence: &str) -> bool {
    let inside = match sentence.as_bytes() {
        [b'[', .., b']'] | [b'(', .., b')'] => &sentence[1..sentence.len() - 1],
        _ => return false,
    };
    (WORD_MAX / 8..8 * WORD_MAX).contains(&inside.len())
        && inside.contains(' ')
        && !inside.contains(['[', ']', '(', ')'])
}

/// A line that only divides: `-----`, `***`.
fn is_rule(token: &str) -> bool {
    let b = token.as_bytes();
    b.len() >= 3 && b"-=_*~#".contains(&b[0]) && b.iter().all(|&c| c == b[0])
}

fn is_smiley(token: &str) -> bool {
    matches!(
        token,
        ":)" | ":-)"
            | ";)"
            | ";-)"
            | ":("
            | ":-("
            | "=)"
            | "=("
            | ":D"
            | ":P"
            | ":p"
            | "^_^"
            | "^^"
            | "<3"
            | ":O"
            | ">:("
            | "xD"
            | "XD"
    )
}

fn is_url(token: &str) -> bool {
    token.contains("://") || token.starts_with("http")
}

/// Length of the time stamp of a quoted message, `01/26/2001 11:36 AM`, that `text` starts with.
fn time_stamp(text: &str) -> Option<usize> {
    let len = text
        .bytes()
        .take(24)
        .take_while(|b| b.is_ascii_digit() || b"/: APM".contains(b))
        .count();
    let stamp = text[..len].trim_end();
    let (date, time) = stamp.split_once(' ')?;
    let half = time.split_once(' ').map_or("", |(_, half)| half);
    (date.matches('/').count() == 2 && time.contains(':') && matches!(half, "AM" | "PM"))
        .then_some(stamp.len())
}

/// How far note marks run on after a full stop: `.[12]`, `.12`, `.¹`, `. [4]`,
/// and a smiley.
fn note_marks(word: &str, mark: &str, after: &str) -> usize {
    let mut len = 0;
    // `state.12 The`, `state. 12 The`: figures that are neither a decimal nor a sentence's first word.
    let figures = after.strip_prefix(' ').unwrap_or(after);
    let touching = figures.len() == after.len();
    let digits = figures
        .bytes()
        .take(4)
        .take_while(u8::is_ascii_digit)
        .count();
    let rest = &figures[digits..];
    if (1..=3).contains(&digits)
        && (word.ends_with(char::is_alphabetic) || mark.len() > 1)
        && abbreviation(word).is_none()
        && rest.starts_with(char::is_whitespace)
        && (touching || Next::read(rest.trim_start()).is_starter())
    {
        len = after.len() - rest.len();
    }
    loop {
        let rest = &after[len..];
        if let Some(c) = rest.chars().next().filter(|c| "¹²³⁰⁴⁵⁶⁷⁸⁹†‡".contains(*c))
        {
            len += c.len_utf8();
            continue;
        }
        let unspaced = rest.trim_start_matches(' ');
        let spaced = unspaced.len() < rest.len();
        let token = unspaced
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        if spaced && is_smiley(token) {
            len = after.len() - unspaced.len() + token.len();
            continue;
        }
        let Some(inside) = unspaced.strip_prefix('[') else {
            return len;
        };
        let Some(n) = inside.bytes().take(WORD_MAX).position(|b| b == b']') else {
            return len;
        };
        let note = inside[..n].trim_start_matches('^');
        let numeric = !note.is_empty()
            && note
                .bytes()
                .all(|b| b.is_ascii_digit() || b", -".contains(&b));
        let known = ["citation needed", "...", "…"].contains(&note);
        if numeric || known || !spaced && (1..=3).contains(&note.len()) {
            len = after.len() - inside.len() + n + 1;
        } else {
            return len;
        }
    }
}

/// The word that ends at `at`, inner full stops and apostrophes included.
fn word_before(text: &str, at: usize) -> &str {
    let mut start = at;
    for (i, c) in text[..at].char_indices().rev() {
        if !(c.is_alphanumeric() || matches!(c, '.' | '\'' | '’' | '-' | '&' | '°'))
            || at - i > WORD_MAX
        {
            break;
        }
        start = i;
    }
    &text[start..at]
}

/// The word that `text` starts with, and what follows it.
fn first_word(text: &str) -> (&str, &str) {
    let end = text
        .char_indices()
        .find(|&(i, c)| !c.is_alphanumeric() && !matches!(c, '\'' | '’' | '-') || i > WORD_MAX)
        .map_or(text.len(), |(i, _)| i);
    let word = &text[..end];
    let word = word.split(['\'', '’']).next().unwrap_or(word);
    (word, &text[end..])
}

/// The first [`WORD_MAX`] bytes, so that a look at a long sentence costs nothing.
fn bounded(text: &str) -> &str {
    let mut end = text.len().min(WORD_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn is_spaced_dot(text: &str) -> bool {
    text.starts_with('.') && !text[1..].starts_with(char::is_alphanumeric)
}

fn is_initial(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_none()
}

/// `U.S`, `a.m`, `Ph.D`: short pieces, each of letters.
fn is_acronym(word: &str) -> bool {
    word.split('.')
        .all(|p| (1..=3).contains(&p.chars().count()) && p.chars().all(char::is_alphabetic))
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉' | '。' | '！' | '？' | '．' | '｡'
    )
}

/// Closes a quotation where it touches a terminator, whatever it does elsewhere.
fn is_closing_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '”' | '’' | '“' | '‘' | '»' | '›' | '«' | '‹' | '」' | '』' | '`' | '´'
    )
}

fn is_closing_bracket(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '）')
}

fn is_opener(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '‘'
            | '”'
            | '’'
            | '„'
            | '‚'
            | '«'
            | '‹'
            | '»'
            | '›'
            | '('
            | '['
            | '{'
            | '「'
            | '『'
            | '（'
            | '*'
            | '_'
            | '`'
            | '¿'
            | '¡'
    )
}

const BULLETS: [char; 8] = ['•', '⁃', '◦', '▪', '●', '‣', '·', '■'];

/// First bytes at which the scan looks closer.
const STOPS_SCAN: [bool; 256] = {
    let mut t = [false; 256];
    let stops = b".!? \n\t\xE2\xE3\xEF";
    let mut i = 0;
    while i < stops.len() {
        t[stops[i] as usize] = true;
        i += 1;
    }
    t
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Abbreviation {
    /// A name follows: Dr., Gen.
    Title,
    /// More of the sentence always follows: e.g., cf.
    Inner,
    /// A number follows, or the word is not an abbreviation here: p., vol., No.
    Number,
    /// Often closes a sentence: etc., ibid.
    Closing,
    /// a.m., p.m.
    Time,
    /// May stand anywhere: Inc., Jan.
    Any,
}

fn abbreviation(word: &str) -> Option<Abbreviation> {
    use Abbreviation::*;
    let word = word.trim_start_matches(['\'', '’', '-', '.']);
    if word.is_empty() || word.len() > 8 {
        return None;
    }
    let capital = word.starts_with(char::is_uppercase);
    let lower = word.to_ascii_lowercase();
    Some(match lower.as_str() {
        "mr" | "mrs" | "ms" | "messrs" | "mm" | "mme" | "mlle" | "dr" | "drs" | "prof"
        | "profs" | "rev" | "fr" | "hon" | "sen" | "rep" | "reps" | "gov" | "pres" | "gen"
        | "col" | "capt" | "cpt" | "lt" | "cmdr" | "maj" | "sgt" | "adm" | "cde" | "supt"
        | "msgr" | "amb" | "mt" | "ft"
            if capital =>
        {
            Title
        }
        "e.g" | "eg" | "i.e" | "ie" | "cf" | "viz" | "vs" | "v" | "ca" | "c" | "approx" | "esp"
        | "incl" | "f.e" | "resp" | "trans" | "transl" => Inner,
        "p" | "pp" | "vol" | "vols" | "nos" | "n°" | "nr" | "ch" | "chap" | "chs" | "fig"
        | "figs" | "sec" | "sect" | "art" | "arts" | "pt" | "pts" | "bk" | "fol" | "ff" | "l"
        | "ll" | "n" | "nn" | "fn" | "par" | "para" | "paras" | "eq" | "eqs" | "app" | "ver"
        | "ed" | "eds" | "op" | "s" | "ss" | "d" | "b" | "r" | "m" | "div" | "rs" | "tab"
        | "tbl" | "ref" | "refs" | "lib" | "cap" => Number,
        "cent" | "etc" | "ibid" | "al" | "seq" | "passim" | "cit" | "op.cit" | "loc.cit"
        | "esq" => Closing,
        "a.m" | "p.m" => Time,
        "inc" | "ltd" | "co" | "corp" | "bros" | "llc" | "plc" | "gmbh" | "jr" | "sr" | "dept"
        | "univ" | "assn" | "natl" | "intl" | "govt" | "st" | "ste" | "ave" | "blvd" | "rd"
        | "hwy" | "apt" | "bldg" | "est" | "ext" | "tel" | "attn" | "misc" | "orig" | "publ"
        | "repr" | "rpt" | "suppl" | "ser" | "ms" | "mss" | "mfg" | "med" | "min" | "max"
        | "hr" | "hrs" | "lb" | "lbs" | "oz" | "km" | "cm" | "mm" | "rev" | "diss" | "enl"
        | "introd" | "anon" | "ann" | "arr" | "arrv" | "lv" | "dep" | "asst" | "ass't"
        | "int'l" => Any,
        "jan" | "feb" | "mar" | "apr" | "jun" | "jul" | "aug" | "sep" | "sept" | "oct" | "nov"
        | "dec" | "mon" | "tue" | "tues" | "wed" | "weds" | "thu" | "thur" | "thurs" | "fri"
        | "sat" | "sun" | "calif" | "mass" | "penn" | "conn" | "wash" | "minn" | "wis" | "ont"
        | "que" | "ga" | "fla" | "va" | "ill" | "mich" | "mo" | "pa" | "ky" | "la" | "tenn"
        | "tex" | "ariz"
            if capital =>
        {
            Any
        }
        _ => return None,
    })
}

/// Words that open a sentence far oftener than a name.
const STARTERS: [&str; 128] = [
    "The",
    "A",
    "An",
    "This",
    "That",
    "These",
    "Those",
    "It",
    "He",
    "She",
    "They",
    "We",
    "I",
    "You",
    "His",
    "Her",
    "Their",
    "Our",
    "My",
    "Your",
    "Its",
    "There",
    "Here",
    "What",
    "When",
    "Where",
    "Who",
    "Whom",
    "Whose",
    "Why",
    "How",
    "Which",
    "If",
    "But",
    "And",
    "Or",
    "So",
    "Yet",
    "For",
    "In",
    "On",
    "At",
    "By",
    "From",
    "To",
    "With",
    "After",
    "Before",
    "Since",
    "While",
    "As",
    "Although",
    "Though",
    "However",
    "Thus",
    "Hence",
    "Therefore",
    "Moreover",
    "Then",
    "Now",
    "Not",
    "No",
    "Nor",
    "Do",
    "Does",
    "Did",
    "Is",
    "Are",
    "Was",
    "Were",
    "Has",
    "Have",
    "Had",
    "Can",
    "Could",
    "Will",
    "Would",
    "Should",
    "May",
    "Might",
    "Must",
    "All",
    "Some",
    "Many",
    "Most",
    "Each",
    "Every",
    "Both",
    "Such",
    "Other",
    "Another",
    "One",
    "Only",
    "Even",
    "Once",
    "Under",
    "Over",
    "Between",
    "Because",
    "Unlike",
    "Despite",
    "During",
    "Through",
    "Throughout",
    "According",
    "Instead",
    "Indeed",
    "Finally",
    "Still",
    "Also",
    "Please",
    "Let",
    "Just",
    "Of",
    "Nobody",
    "Everyone",
    "Nothing",
    "Everything",
    "Neither",
    "Either",
    "Until",
    "Whether",
    "Whatever",
    "Perhaps",
    "Meanwhile",
    "Nevertheless",
    "Again",
    "Without",
];

/// Words that label a numbered caption or section.
const LABELS: [&str; 10] = [
    "Figure", "Fig.", "Table", "Chapter", "Part", "Section", "Act", "Scene", "Box", "Listing",
];

/// Closing formulas of letters, on a line of their own.
const VALEDICTIONS: [&str; 12] = [
    "Thanks,",
    "Many thanks,",
    "Thank you,",
    "Regards,",
    "Best,",
    "Best regards,",
    "Kind regards,",
    "Best wishes,",
    "Sincerely,",
    "Yours sincerely,",
    "Cheers,",
    "Love,",
];

/// Verbs that name the speaker of a quotation just closed.
const REPORTING: [&str; 24] = [
    "said",
    "says",
    "asked",
    "asks",
    "wrote",
    "writes",
    "cried",
    "replied",
    "answered",
    "exclaimed",
    "demanded",
    "declared",
    "added",
    "shouted",
    "inquired",
    "wondered",
    "remarked",
    "observed",
    "continued",
    "insisted",
    "thought",
    "called",
    "told",
    "explained",
];

//! Sentences: where the prose of one block divides.
//!
//! Rules, not statistics: the scan stops at every mark that can end a sentence,
//! takes in what closes with it (quotation marks, brackets, note marks), and
//! decides from the word before and the word after. A full stop inside an open
//! quotation ends a sentence like any other, since evidence is quoted by the
//! sentence; a quotation followed by lower case ("Why?" he asked) does not.
//!
//! The rules were drawn from the golden rules of the Pragmatic Segmenter and
//! checked on the training parts of GUM and UD English EWT (web text and mail,
//! hence the smileys).
//!
//! The scan is linear: every look to the left or right is bounded by a few times
//! [`WORD_MAX`] bytes, or moves the scan forward.

mod lines;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::layers::Sentence;
use crate::text::{Document, Span};
use lines::{
    List, dateline, is_caption_label, is_list_mark, is_mail_address, is_one_bracket, is_rule,
    is_smiley, is_valediction, is_web_address, time_stamp,
};
use words::{Abbreviation, REPORTING, STARTERS, abbreviation};

/// Longest word, in bytes, that a rule looks at.
const WORD_MAX: usize = 48;

/// Sentences of the essay proper.
pub fn find(document: &Document) -> Vec<Sentence> {
    let blocks = document.blocks.iter().enumerate();
    blocks
        .filter(|(_, block)| block.role.is_prose())
        .flat_map(|(i, block)| {
            split(&document.text, block.span, &document.markup)
                .into_iter()
                .filter_map(|span| after_block_marks(document, span))
                .map(move |span| Sentence { span, block: i })
        })
        .collect()
}

/// A sentence without marks of its block at its head (`>`, `-`, `1.`), if words
/// are left; emphasis that opens with its first word stays.
fn after_block_marks(document: &Document, mut sentence: Span) -> Option<Span> {
    let text = &document.text;
    let first = document.markup.partition_point(|m| m.end <= sentence.start);
    for mark in &document.markup[first..] {
        let inline = ['*', '_', '`', '[', '<', '!', '\\'];
        let at_head = mark.start < sentence.end
            && text[sentence.start..mark.start.max(sentence.start)]
                .trim()
                .is_empty();
        if !at_head || mark.of(text).trim_start().starts_with(inline) {
            break;
        }
        sentence.start = mark.end.min(sentence.end);
    }
    trimmed(text, sentence)
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
            let start = m.start.max(at);
            let m = Span::new(start, m.end.min(block.end).max(start));
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
        // In the file, `end` lies before the markup that was cut out there.
        let before = self.cuts.partition_point(|&(at, _)| at < end);
        let after = self.cuts.partition_point(|&(at, _)| at <= next);
        let mut at = self.file_offset(end, before);
        for &(_, m) in &self.cuts[before..after] {
            if !text[at..m.start].is_empty() && !m.of(text).starts_with("[^") {
                return at;
            }
            at = m.end;
        }
        at
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
    /// Whether a quotation, a bracket, or words set off by `*` or `_` close with it.
    quotes: bool,
    brackets: bool,
    emphasis: bool,
    /// Whether a full stop follows what closes: `(ed.).`
    has_stop: bool,
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
    /// The list whose items this text may run on.
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
            .position(|&b| SCAN_STOPS[b as usize])
        {
            at += step;
            let rest = &text[at..];
            let c = rest.chars().next().unwrap_or_default();
            if c.is_whitespace() {
                let next = text.len() - rest.trim_start().len();
                if self.breaks_at_space(&text[token..at], at, next) {
                    found.push((at, next));
                    self.start_sentence(next);
                }
                at = next;
                token = next;
            } else if is_terminator(c) {
                let (end, next, ends) = self.judge(at);
                at = end;
                if ends {
                    found.push((end, next));
                    self.start_sentence(next);
                    at = next;
                    token = next;
                }
            } else {
                at += c.len_utf8();
            }
        }
        found
    }

    /// A new sentence starts, and perhaps a list with it.
    fn start_sentence(&mut self, at: usize) {
        self.start = at;
        self.list = List::open(&self.text[at..]).or(self.list.take());
    }

    /// Whether a sentence ends at white space with no mark before it: the next
    /// item of a list, a bracketed sentence, and what web pages and mail put on
    /// lines of their own. `token` is what stands before the white space.
    fn breaks_at_space(&mut self, token: &str, end: usize, next: usize) -> bool {
        let (text, after) = (self.text, &self.text[next..]);
        if self.list.as_mut().is_some_and(|list| list.goes_on(after)) {
            return true;
        }
        let upper = after.starts_with(char::is_uppercase);
        let dated = token.ends_with(',') || matches!(token, "on" | "at" | "of" | "dated" | "from");
        let stamp = match upper {
            true if dated => None,
            true => dateline(after),
            false => time_stamp(after),
        };
        if let Some(len) = stamp {
            self.stamp_end = next + len;
            return !dated;
        }
        let sentence = &text[self.start..end];
        match token.as_bytes().last() {
            _ if upper && end == self.stamp_end => true,
            _ if is_rule(token) => upper,
            Some(b'0'..=b'9') if upper => is_caption_label(sentence),
            Some(b']') if upper && is_one_bracket(sentence) => true,
            Some(b',') if upper => is_valediction(sentence),
            _ if is_smiley(token) || token == ">>" => upper,
            _ if is_web_address(token) => upper || after.starts_with("http"),
            _ if upper && is_mail_address(token) => {
                let next = first_token(after);
                token.ends_with('>') || next.ends_with(':') || STARTERS.contains(&next)
            }
            _ => is_rule(first_token(after)),
        }
    }

    /// The mark at `at`: where what closes with it ends, where the next word
    /// starts, and whether a sentence ends between the two.
    fn judge(&self, at: usize) -> (usize, usize, bool) {
        let text = self.text;
        let mut end = at;
        let mut dots = 0;
        let mut exclaims = 0;
        let (mut quotes, mut brackets, mut emphasis) = (false, false, false);
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
                if dots == 1
                    && end == at + 1
                    && !text[..at].ends_with(char::is_whitespace)
                    && opens_with_omission(&text[end..])
                {
                    return (end, end + len, true);
                }
            } else if matches!(c, '*' | '_') {
                emphasis = true;
            } else {
                break;
            }
            end += len;
        }
        let word = word_before(text, at);
        end += note_marks(&text[..at], &text[at..end], &text[end..]);
        let after = text[end..].trim_start();
        let next = text.len() - after.len();
        let mark = Mark {
            kind: match (exclaims, dots) {
                (1.., _) => Kind::Exclamation,
                (_, 1) => Kind::Stop,
                (_, 3) if !quotes && text[..at].ends_with(char::is_whitespace) => Kind::Omission,
                _ => Kind::Ellipsis,
            },
            quotes,
            brackets,
            emphasis,
            has_stop: text[at..end].ends_with('.'),
            word,
            sentence: bounded(&text[self.start..at]),
            after,
        };
        let ends = match next > end {
            true => mark.ends_sentence(),
            // Full-width marks stand without white space.
            false if !quotes && text[at..].starts_with(['。', '！', '？']) => true,
            false => mark.ends_sentence_unspaced(),
        };
        (end, next, ends && !after.is_empty())
    }
}

impl Mark<'_> {
    /// Whether a sentence ends at this mark, white space following.
    fn ends_sentence(&self) -> bool {
        // A sentence has a word: `... love` opens with its omission.
        let wordless = self.word.is_empty() && !self.sentence.contains(char::is_alphanumeric);
        if wordless || is_list_mark(self.sentence) || self.after.starts_with([',', ';', ':']) {
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
            // `the thing is . . . I mean`
            Kind::Omission => next.is_starter() && next.word != "I",
            // `the party [...] Lenin`
            Kind::Ellipsis => self.quotes || !self.brackets || self.has_stop || next.is_starter(),
            Kind::Stop if self.quotes => true,
            Kind::Stop => self.stop_ends_sentence(&next),
        }
    }

    /// Lower case goes on with the sentence; but careless writing has it after
    /// any mark, so where nothing else explains the mark the sentence ends.
    fn ends_before_lower_case(&self, next: &Next) -> bool {
        let opens = self.after.starts_with(['(', '[']);
        let closes = self.quotes || self.brackets || self.emphasis;
        if closes && !opens || self.after.starts_with(['-', '–', '—']) {
            return is_web_address(next.word);
        }
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’');
        let plain = self.word.chars().count() != 1 && self.word.chars().all(in_word);
        match self.kind {
            Kind::Ellipsis | Kind::Omission => is_web_address(next.word),
            Kind::Exclamation => {
                !self.is_inner() && !next.reports() && !REPORTING.contains(&next.word)
            }
            Kind::Stop => plain && abbreviation(self.word).is_none(),
        }
    }

    /// Whether the mark belongs to a name or an interjection: `works at Yahoo!
    /// in`, `Alas! the`.
    fn is_inner(&self) -> bool {
        self.word.starts_with(char::is_uppercase) && self.word.contains(char::is_lowercase)
    }

    /// A single full stop, with anything but lower case after it.
    fn stop_ends_sentence(&self, next: &Next) -> bool {
        let starter = next.is_starter();
        match abbreviation(self.word) {
            // `(He went.) Next`
            None if self.brackets => !is_acronym(self.word) || starter,
            Some(Abbreviation::Title | Abbreviation::Inner) => false,
            Some(Abbreviation::Number) => !next.is_number() && starter,
            Some(Abbreviation::NumberOrWord) => !next.is_number() || next.word == "I",
            Some(Abbreviation::Closing) => next.initial != Initial::Digit,
            // `At 5 a.m. Mr. Smith went`: an adverbial, not yet a sentence.
            Some(Abbreviation::Time) => {
                starter
                    || next.initial == Initial::Upper
                        && self.sentence.split_whitespace().nth(4).is_some()
            }
            Some(Abbreviation::Any) => starter,
            None if is_initial(self.word) || is_acronym(self.word) => starter,
            None => true,
        }
    }

    /// No white space after the mark: a space forgotten (`the end.Next`), or a
    /// mark inside a name, a number or an address.
    fn ends_sentence_unspaced(&self) -> bool {
        let (next, rest) = first_word(self.after);
        let plain = |w: &str| w.len() > 1 && w.chars().skip(1).all(char::is_lowercase);
        let starts = match self.kind {
            Kind::Exclamation => plain(next),
            _ => {
                next.starts_with(char::is_uppercase) && (plain(next) || next == "I" || next == "A")
            }
        };
        let word = self.word.trim_end_matches('.');
        starts
            && plain(word)
            && word.starts_with(char::is_lowercase)
            && !rest.starts_with(['.', '/', '=', '@', '_'])
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
        self.initial == Initial::Digit
            || !self.word.is_empty() && self.word.chars().all(|c| "IVXLCDMivxlcdm".contains(c))
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

/// Length of the note marks after a full stop, `.[12]`, `.12`, `.¹`, `. [4]`, or
/// of a smiley: they belong to the sentence that ends there.
fn note_marks(before: &str, mark: &str, after: &str) -> usize {
    let mut len = 0;
    // `state.12 The`, `state. 12 The`: figures that are neither a decimal nor a
    // sentence's first word.
    let figures = after.strip_prefix(' ').unwrap_or(after);
    let touching = figures.len() == after.len();
    let digits = figures
        .bytes()
        .take(4)
        .take_while(u8::is_ascii_digit)
        .count();
    let rest = &figures[digits..];
    if (1..=3).contains(&digits)
        && (mark.len() > 1
            || before.ends_with(|c: char| {
                c.is_alphabetic() || is_closing_quote(c) || is_closing_bracket(c)
            }))
        && abbreviation(word_before(before, before.len())).is_none()
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
        let token = first_token(unspaced);
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

/// What stands before the first white space, cut to [`WORD_MAX`] bytes.
fn first_token(text: &str) -> &str {
    bounded(text)
        .split(char::is_whitespace)
        .next()
        .unwrap_or_default()
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

/// Whether ` . . . The` or ` ... and`, after a full stop, opens the next sentence
/// with an omission.
fn opens_with_omission(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
    let omission = text[..text.len() - rest.len()].trim();
    let next = rest.chars().next().unwrap_or('.');
    omission == "..." && next.is_alphabetic() || omission == ". . ." && next.is_uppercase()
}

fn is_initial(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_none()
}

/// `U.S`, `a.m`, `Ph.D`: short pieces, each of letters.
fn is_acronym(word: &str) -> bool {
    word.contains('.')
        && word
            .split('.')
            .all(|p| (1..=3).contains(&p.chars().count()) && p.chars().all(char::is_alphabetic))
}

fn is_terminator(c: char) -> bool {
    ".!?…‼⁇⁈⁉。！？．｡".contains(c)
}

/// Closes a quotation where it touches a terminator, whatever it does elsewhere.
fn is_closing_quote(c: char) -> bool {
    "\"'”’“‘»›«‹」』`´".contains(c)
}

fn is_closing_bracket(c: char) -> bool {
    ")]}）".contains(c)
}

/// What may stand before the first letter of a sentence.
fn is_opener(c: char) -> bool {
    "\"'“‘”’„‚«‹»›([{「『（*_`¿¡".contains(c)
}

/// First bytes at which the scan looks closer.
const SCAN_STOPS: [bool; 256] = {
    let mut t = [false; 256];
    let stops = b".!? \n\r\t\xE2\xE3\xEF";
    let mut i = 0;
    while i < stops.len() {
        t[stops[i] as usize] = true;
        i += 1;
    }
    t
};

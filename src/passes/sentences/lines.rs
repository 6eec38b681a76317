//! What divides a text with no mark at the end of the sentence: the items of a
//! list, and what web pages and mail put on lines of their own, which copying
//! runs together.

use super::{
    WORD_MAX, bounded, first_word, is_opener,
    words::{LABELS, VALEDICTIONS},
};

const BULLETS: [char; 8] = ['•', '⁃', '◦', '▪', '●', '‣', '·', '■'];

#[rustfmt::skip]
const SMILEYS: [&str; 15] = [
    ":)", ":-)", ";)", ";-)", ":(", ":-(", "=)", "=(", ":D", ":P", ":p", "^_^", ">:(", "xD", "XD",
];

/// The items of a list run on in one line: `1) The first 2) The second`.
pub(super) struct List {
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
    /// The list whose first item `text` opens with.
    pub(super) fn open(text: &str) -> Option<Self> {
        let bullet = text.chars().next().filter(|c| BULLETS.contains(c));
        let rest = bullet.map_or(text, |c| text[c.len_utf8()..].trim_start());
        let next = enumerator(rest).map(|(e, close)| (e.next(), close));
        (bullet.is_some() || next.is_some()).then_some(Self { bullet, next })
    }

    /// Whether the list's next item starts here.
    pub(super) fn goes_on(&mut self, text: &str) -> bool {
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
pub(super) fn is_list_mark(sentence: &str) -> bool {
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

/// `Figure 1.3`, before the words of its caption.
pub(super) fn is_caption_label(sentence: &str) -> bool {
    let number = sentence
        .strip_prefix("Figure ")
        .or(sentence.strip_prefix("Table "));
    number.is_some_and(|n| {
        n.len() < 8 && n.contains('.') && n.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

/// `[Author, Title, p. 7]`: a bracket that is all of its sentence.
pub(super) fn is_one_bracket(sentence: &str) -> bool {
    let inside = sentence.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    inside.is_some_and(|s| s.len() < 8 * WORD_MAX && s.contains(' ') && !s.contains(['[', ']']))
}

/// A line that only divides: `-----`, `***`.
pub(super) fn is_rule(token: &str) -> bool {
    let b = token.as_bytes();
    // A short row of low lines is a blank to fill in.
    let least = if b.starts_with(b"_") { 20 } else { 4 };
    (b.len() >= least || token == "***")
        && b"-=*~#_".contains(&b[0])
        && b.iter().all(|&c| c == b[0])
}

pub(super) fn is_smiley(token: &str) -> bool {
    SMILEYS.contains(&token)
}

/// An address whose own full stops hide the sentence's.
pub(super) fn is_web_address(token: &str) -> bool {
    token.starts_with("http") || token.contains("://")
}

pub(super) fn is_mail_address(token: &str) -> bool {
    token
        .split_once('@')
        .is_some_and(|(_, host)| host.contains('.'))
}

/// `Kind regards,`, before the writer's name.
pub(super) fn is_valediction(sentence: &str) -> bool {
    if sentence.len() > WORD_MAX {
        return false;
    }
    let formula = sentence.trim_end_matches(',').to_ascii_lowercase();
    let last = formula.rsplit(' ').next().unwrap_or_default();
    formula == "best" || formula.split(' ').count() <= 3 && VALEDICTIONS.contains(&last)
}

/// Length of the dateline, `Friday, May 7, 2015`, that `text` starts with and
/// that ends the text or has a capital after it.
pub(super) fn dateline(text: &str) -> Option<usize> {
    let (weekday, rest) = first_word(text);
    if !weekday.ends_with("day") {
        return None;
    }
    let (date, rest) = bounded(rest.strip_prefix(", ")?).split_once(", ")?;
    let len = weekday.len() + date.len() + ", , 2015".len();
    let after = text.get(len..)?.trim_start();
    let year = rest.bytes().take_while(u8::is_ascii_digit).count() == 4;
    let apart = after.is_empty() || after.starts_with(char::is_uppercase);
    (year && apart).then_some(len)
}

/// Length of the time stamp of a quoted message, `01/26/2001 11:36 AM`, that `text` starts with.
pub(super) fn time_stamp(text: &str) -> Option<usize> {
    let digits = text
        .bytes()
        .take(20)
        .take_while(|b| b.is_ascii_digit() || b"/: ".contains(b))
        .count();
    let stamp = text[..digits].trim_end();
    let (date, time) = stamp.split_once(' ')?;
    let half = ["AM", "PM"]
        .into_iter()
        .find(|&half| text[digits..].starts_with(half));
    (date.matches('/').count() == 2 && time.contains(':'))
        .then_some(half.map_or(stamp.len(), |h| digits + h.len()))
}

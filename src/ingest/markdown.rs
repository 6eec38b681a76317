//! The block reader for plain text and Markdown.
//!
//! Plain text is read as Markdown because saved essays mix the two, but by
//! rules of its own rather than CommonMark's, which would take an indented
//! quotation for code and a wrapped line that begins with a dash for a list.
//! Marks inside a block are left to [`inline`], which asks a Markdown parser.

use crate::text::{Reason, Span};

use super::metadata;
use super::{Draft, Kind, Part, inline, prose};

/// A block and what is needed to judge it by its neighbours.
struct Block {
    part: Part,
    /// Where the words begin, after `#`, `-` or `[^1]:`.
    content: usize,
    /// Columns before the first line, and before the least indented line after it.
    first_indent: usize,
    rest_indent: Option<usize>,
}

pub(super) fn read(text: String) -> Draft {
    let bom = text.len() - text.trim_start_matches('\u{feff}').len();
    let front = bom + metadata::front_matter(&text[bom..]);
    let mut blocks = Reader {
        text: &text,
        at: front,
        blocks: Vec::new(),
    }
    .read();
    find_quotations(&mut blocks);

    let mut draft = Draft::default();
    let definitions = inline::Definitions::of(&text, blocks.iter().map(|block| &block.part));
    if front > bom {
        let span = prose::trim(&text, Span::new(bom, front));
        draft.parts.push(Part {
            span,
            kind: Kind::Outside(Reason::FrontMatter),
        });
        draft.metadata = metadata::parse(span.of(&text));
    }
    for block in blocks {
        if !matches!(block.part.kind, Kind::Outside(_)) {
            inline::read(
                &text,
                block.part.span,
                block.content,
                &definitions,
                &mut draft,
            );
        }
        draft.parts.push(block.part);
    }
    draft
        .markup
        .extend(inline::divided_words(&text, &draft.parts));
    draft.text = text;
    draft
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    blocks: Vec<Block>,
}

/// What a line that begins a block begins.
enum Opening {
    Rule,
    Heading(u8, usize),
    Quote,
    Item(usize),
    Note(String, usize),
    /// A block that runs, over blank lines too, to a line with this in it.
    Until(&'static str, Kind),
    Paragraph,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Block> {
        while let Some(line) = self.line(self.at) {
            let words = prose::trim(self.text, line);
            if words.is_empty() {
                self.at = line.end;
            } else {
                let opening = self.opening(words);
                self.block(line, words, opening);
            }
        }
        self.blocks
    }

    /// The line that begins at byte `at`, its line end included.
    fn line(&self, at: usize) -> Option<Span> {
        let rest = &self.text[at..];
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        (length > 0).then(|| Span::new(at, at + length))
    }

    fn opening(&self, words: Span) -> Opening {
        let line = words.of(self.text);
        if is_rule(line) {
            return Opening::Rule;
        }
        match line.as_bytes()[0] {
            b'#' => {
                let level = line.bytes().take_while(|&byte| byte == b'#').count();
                let rest = &line[level..];
                if level <= 6 && rest.starts_with([' ', '\t']) {
                    return Opening::Heading(level as u8, line.len() - rest.trim_start().len());
                }
            }
            b'>' => return Opening::Quote,
            b'{' if line.starts_with("{{%") => {
                return Opening::Until("%}}", Kind::Outside(Reason::Caption));
            }
            b'{' if line.starts_with("{{<") => {
                return Opening::Until(">}}", Kind::Outside(Reason::Caption));
            }
            b'[' => return bracket(line),
            b'<' => return tag(line),
            _ => {}
        }
        match item_marker(line) {
            0 => Opening::Paragraph,
            length => Opening::Item(length),
        }
    }

    fn block(&mut self, line: Span, words: Span, opening: Opening) {
        self.at = line.end;
        let (kind, marker) = match opening {
            Opening::Rule => (Kind::Outside(Reason::Rule), 0),
            Opening::Heading(level, marker) => (Kind::Heading(level), marker),
            Opening::Until(close, kind) => return self.push_until(close, kind, words),
            Opening::Quote => return self.quotation(words),
            Opening::Item(marker) => (Kind::Item, marker),
            Opening::Note(label, marker) => (Kind::Note(label), marker),
            Opening::Paragraph => (Kind::Paragraph, 0),
        };
        let mut block = Block {
            part: Part { span: words, kind },
            content: words.start + marker,
            first_indent: indent(self.text, line),
            rest_indent: None,
        };
        if !matches!(block.part.kind, Kind::Outside(_) | Kind::Heading(_)) {
            self.continue_block(&mut block);
        }
        self.blocks.push(block);
    }

    /// Takes in the lines that go on with `block`.
    fn continue_block(&mut self, block: &mut Block) {
        let mut last = block.part.span;
        let mut last_indent = block.first_indent;
        let mut gap = false;
        while let Some(line) = self.line(self.at) {
            let words = prose::trim(self.text, line);
            let indent = indent(self.text, line);
            if words.is_empty() {
                // A note goes on after a blank line if it is indented there.
                if gap || !matches!(block.part.kind, Kind::Note(_)) {
                    return;
                }
                gap = true;
                self.at = line.end;
                continue;
            }
            if gap && indent < 2 {
                return;
            }
            let above = last.of(self.text);
            let here = words.of(self.text);
            if is_underline(here)
                && block.part.kind == Kind::Paragraph
                && last == block.part.span
                && above.len() < 120
            {
                block.part.kind = Kind::Heading(if here.starts_with('=') { 1 } else { 2 });
                block.part.span.end = words.end;
                self.at = line.end;
                return;
            }
            let ends = match self.opening(words) {
                Opening::Paragraph => {
                    let paragraph = block.part.kind == Kind::Paragraph;
                    let ended = prose::ends_sentence(above);
                    // Paragraphs without blank lines: each is one long line, or
                    // its first line is indented.
                    let long_lines = above.len() > 160 && ended;
                    let first_line_indent =
                        indent >= last_indent + 2 && last_indent <= 1 && ended && here.len() > 40;
                    paragraph && (long_lines || first_line_indent)
                }
                // A dash at the head of a wrapped line is no list; a bullet is.
                Opening::Item(_) => {
                    block.part.kind == Kind::Item
                        || above.ends_with(':')
                        || here.starts_with(['•', '‣', '◦'])
                }
                _ => true,
            };
            if ends {
                return;
            }
            gap = false;
            self.at = line.end;
            block.part.span.end = words.end;
            block.rest_indent = Some(block.rest_indent.map_or(indent, |least| least.min(indent)));
            (last, last_indent) = (words, indent);
        }
    }

    /// A paragraph of a block quotation; lines that hold only `>` part paragraphs.
    fn quotation(&mut self, first: Span) {
        let is_empty = |span: Span| {
            span.of(self.text)
                .trim_matches(|c| c == '>' || prose::is_blank(c))
                .is_empty()
        };
        let mut span = first;
        let mut empty = is_empty(first);
        let only_marks = |empty| {
            if empty {
                Kind::Outside(Reason::Rule)
            } else {
                Kind::Quotation
            }
        };
        let mut parted = false;
        while let Some(line) = self.line(self.at) {
            let words = prose::trim(self.text, line);
            let marked = words.of(self.text).starts_with('>');
            if words.is_empty() || (!marked && !matches!(self.opening(words), Opening::Paragraph)) {
                break;
            }
            let line_empty = is_empty(words);
            if parted && !line_empty {
                break;
            }
            parted = line_empty && !empty;
            empty &= line_empty;
            span.end = words.end;
            self.at = line.end;
        }
        let part = Part {
            span,
            kind: only_marks(empty),
        };
        self.blocks.push(Block {
            part,
            content: span.start,
            first_indent: 0,
            rest_indent: None,
        });
    }

    /// A block up to the line that holds `close`. Where that never comes, or
    /// only far below, the block is its first line.
    fn push_until(&mut self, close: &str, kind: Kind, first: Span) {
        const LONGEST: usize = 4000;
        let mut limit = self.text.len().min(first.start + LONGEST.max(first.len()));
        while !self.text.is_char_boundary(limit) {
            limit -= 1;
        }
        let mut span = first;
        if let Some(found) = self.text[first.start..limit].find(close) {
            let last = first.start + found + close.len() - 1;
            if last >= first.end {
                let line_end = self.text[last..]
                    .find('\n')
                    .map_or(self.text.len(), |end| last + end + 1);
                self.at = line_end;
                span = prose::trim(self.text, Span::new(first.start, line_end));
            }
        }
        self.blocks.push(Block {
            part: Part { span, kind },
            content: span.start,
            first_indent: 0,
            rest_indent: None,
        });
    }
}

/// Paragraphs set in from the rest of the text are quotations, unless they
/// go on with a list item, or the text sets in the first lines of paragraphs.
fn find_quotations(blocks: &mut [Block]) {
    const WIDEST: usize = 40;
    /// A longer line is a whole paragraph.
    const UNWRAPPED: usize = 100;
    let mut bytes_at = [0; WIDEST + 1];
    let mut first_lines = 0;
    for block in blocks
        .iter()
        .filter(|block| block.part.kind == Kind::Paragraph)
    {
        bytes_at[block.indent().min(WIDEST)] += block.part.span.len();
        first_lines += usize::from(
            block
                .rest_indent
                .is_some_and(|rest| rest + 2 <= block.first_indent),
        );
    }
    let usual = (0..=WIDEST)
        .rev()
        .max_by_key(|&indent| bytes_at[indent])
        .unwrap_or(0);
    let mut in_list = false;
    for block in blocks {
        let set_in = block.indent() >= usual + 2;
        match block.part.kind {
            Kind::Item => in_list = true,
            Kind::Paragraph if set_in => {
                let one_line = block.rest_indent.is_none();
                let first_line_only =
                    one_line && (first_lines >= 3 || block.part.span.len() > UNWRAPPED);
                if !in_list && !first_line_only {
                    block.part.kind = Kind::Quotation;
                }
            }
            _ => in_list = false,
        }
    }
}

impl Block {
    fn indent(&self) -> usize {
        self.rest_indent
            .map_or(self.first_indent, |rest| rest.min(self.first_indent))
    }
}

/// The columns of white space at the head of a line.
fn indent(text: &str, line: Span) -> usize {
    line.of(text)
        .bytes()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .map(|byte| if byte == b'\t' { 4 } else { 1 })
        .sum()
}

/// A line of nothing but rule marks, three or more (`* * *`, `---`, `⁂`).
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line == "⁂"
        || line.chars().all(|c| {
            matches!(
                c,
                '*' | '-' | '_' | '=' | '~' | '#' | '•' | '·' | '—' | '–' | '+' | '`'
            ) || c.is_whitespace()
        }) && line.chars().filter(|c| !c.is_whitespace()).nth(2).is_some()
        || line.starts_with("```") && !line.contains(' ')
}

/// The underline of a heading written on the line above.
fn is_underline(line: &str) -> bool {
    line.len() >= 3
        && (line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-'))
}

/// The length of the marker that begins a list item: `- `, `• `, `12. `, `(3) `.
fn item_marker(line: &str) -> usize {
    let rest = if let Some(rest) = line.strip_prefix(['-', '*', '+', '•', '‣', '◦', '▪', '–'])
    {
        rest
    } else {
        let inner = line.strip_prefix('(').unwrap_or(line);
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        match inner[digits..].strip_prefix(['.', ')']) {
            Some(rest) if (1..=3).contains(&digits) => rest,
            _ => return 0,
        }
    };
    if rest.starts_with([' ', '\t', '\u{a0}']) {
        line.len() - rest.trim_start().len()
    } else {
        0
    }
}

/// Lines that begin with `[`: footnotes, link definitions, captions of
/// transcriptions.
fn bracket(line: &str) -> Opening {
    for picture in ["[Illustration", "[Figure", "[Image", "[Photo"] {
        if line
            .get(..picture.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(picture))
        {
            return Opening::Until("]", Kind::Outside(Reason::Caption));
        }
    }
    if let Some(rest) = line.strip_prefix("[Footnote ")
        && let Some((label, _)) = rest.split_once(':')
        && prose::is_note_number(label)
    {
        return Opening::Until("]", Kind::Note(label.to_owned()));
    }
    let Some(close) = line.bytes().take(64).position(|byte| byte == b']') else {
        return Opening::Paragraph;
    };
    let (label, rest) = (&line[1..close], &line[close + 1..]);
    let colon = rest.starts_with(':');
    let marker = |rest: &str| line.len() - rest.trim_start().len();
    if let Some(label) = label.strip_prefix('^').filter(|_| colon) {
        Opening::Note(label.to_owned(), marker(&rest[1..]))
    } else if colon && !label.is_empty() && !rest[1..].trim().contains(' ') {
        Opening::Rule
    } else if prose::is_note_number(label) && (colon || rest.starts_with([' ', '\t', '\u{a0}'])) {
        Opening::Note(
            label.to_owned(),
            marker(rest.strip_prefix(':').unwrap_or(rest)),
        )
    } else {
        Opening::Paragraph
    }
}

/// Lines that begin with an HTML tag.
fn tag(line: &str) -> Opening {
    let name: String = line[1..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let caption = Kind::Outside(Reason::Caption);
    match name.as_str() {
        "figure" => Opening::Until("</figure>", caption),
        "figcaption" => Opening::Until("</figcaption>", caption),
        "iframe" => Opening::Until("</iframe>", caption),
        "video" => Opening::Until("</video>", caption),
        "img" => Opening::Until(">", caption),
        "script" => Opening::Until("</script>", Kind::Outside(Reason::Notice)),
        "style" => Opening::Until("</style>", Kind::Outside(Reason::Notice)),
        _ if line.starts_with("<!--") => Opening::Until("-->", Kind::Outside(Reason::Rule)),
        _ if is_inline(&name) || !line.ends_with('>') => Opening::Paragraph,
        _ if inline::outside_tags(line).next().is_none() => Opening::Rule,
        _ => Opening::Paragraph,
    }
}

/// Tags that stand within a line of text.
fn is_inline(name: &str) -> bool {
    super::html::INLINE.contains(&name)
}

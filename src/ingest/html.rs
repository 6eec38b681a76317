//! Web pages: the text that a reader sees, in blocks parted by blank lines,
//! with what the page's structure says of each.
//!
//! The page is read as a stream of tags with a stack of open elements and no
//! tree, so that time is linear and depth costs no recursion.

use std::collections::HashMap;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use crate::text::{Reason, Span};
use crate::words::one_line;

use super::metadata::Metadata;
use super::{Draft, Kind, Part, prose};

pub(super) fn read(html: &str) -> Draft {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => page.start(&tag),
            Token::EndTag(tag) => page.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.finish()
}

/// An open element.
struct Element {
    name: String,
    /// Where blocks inside belong, if they are not the essay.
    region: Option<usize>,
    /// The innermost `main` or `article`.
    container: Option<usize>,
    hidden: bool,
    /// For a link to a place on the page: where its words begin, and the place.
    link: Option<(usize, String)>,
}

/// A stretch of the page that its tag, class or role names as something else
/// than the essay.
struct Region {
    reason: Option<Reason>,
    /// Named by its tag or role, not guessed from a class.
    certain: bool,
    stands: bool,
    parent: Option<usize>,
    /// Bytes of whole sentences inside.
    prose: usize,
}

struct Container {
    parent: Option<usize>,
    prose: usize,
}

/// A block with what is known of its surroundings.
struct Block {
    part: Part,
    region: Option<usize>,
    container: Option<usize>,
    linked: usize,
}

#[derive(Default)]
struct Page {
    out: String,
    open: Vec<Element>,
    /// How many elements of a name are open.
    count: HashMap<String, usize>,
    blocks: Vec<Block>,
    regions: Vec<Region>,
    containers: Vec<Container>,
    /// The block being written.
    start: usize,
    linked: usize,
    breaks: usize,
    /// Ids of elements that begin in the block being written, and of all blocks.
    pending_ids: Vec<String>,
    ids: HashMap<String, usize>,
    marks: Vec<(Span, String)>,
    /// Text that is not shown but read: `<title>` and JSON-LD.
    aside: String,
    meta: Metadata,
    page_title: Option<String>,
    time: Option<i32>,
}

const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

const INVISIBLE: [&str; 14] = [
    "head", "script", "style", "template", "noscript", "svg", "iframe", "object", "textarea",
    "title", "video", "audio", "canvas", "math",
];

/// Elements that stand within a line of text.
pub(super) const INLINE: [&str; 34] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "u", "var",
];

impl Page {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let attribute = |key: &str| {
            tag.attributes
                .get(key.as_bytes())
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        match name.as_str() {
            "br" => return self.line_break(),
            "meta" => return self.meta_tag(attribute),
            // The page's text begins here even where `</head>` was left out.
            "body" => self.close_to("head"),
            // These end without an end tag when the next one begins.
            "li" => self.close_within("li", &["ul", "ol", "menu"]),
            "dt" | "dd" => {
                self.close_within("dt", &["dl"]);
                self.close_within("dd", &["dl"]);
            }
            "option" => self.close_within("option", &["select"]),
            _ => {}
        }
        let inline = INLINE.contains(&name.as_str());
        if !inline {
            self.flush();
            self.close_within(
                "p",
                &[
                    "div",
                    "section",
                    "article",
                    "td",
                    "li",
                    "blockquote",
                    "body",
                ],
            );
        }
        for key in ["id", "name"] {
            if let Some(id) = attribute(key).filter(|_| key == "id" || name == "a") {
                self.pending_ids.push(id);
            }
        }
        if name == "time" && self.time.is_none() {
            self.time = attribute("datetime").and_then(|date| prose::year(&date));
        }
        if VOID.contains(&name.as_str()) || tag.self_closing && !inline {
            return;
        }

        let parent = self.open.last();
        let mut region = parent.and_then(|element| element.region);
        let mut container = parent.and_then(|element| element.container);
        let style = attribute("style").unwrap_or_default().replace(' ', "");
        let hidden = parent.is_some_and(|element| element.hidden)
            || INVISIBLE.contains(&name.as_str())
            || attribute("hidden").is_some()
            || style.contains("display:none");
        let role = attribute("role").unwrap_or_default();
        let classes = [attribute("class"), attribute("id"), attribute("epub:type")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        if matches!(name.as_str(), "main" | "article")
            || matches!(role.as_str(), "main" | "article")
        {
            self.containers.push(Container {
                parent: container,
                prose: 0,
            });
            container = Some(self.containers.len() - 1);
        }
        if let Some((reason, certain)) = region_of(&name, &role, &classes) {
            self.regions.push(Region {
                reason,
                certain,
                stands: true,
                parent: region,
                prose: 0,
            });
            region = Some(self.regions.len() - 1);
        }
        if matches!(name.as_str(), "script" | "title") {
            self.aside.clear();
            // Only JSON-LD scripts are read; the others leave nothing.
            if name == "script" && attribute("type").as_deref() != Some("application/ld+json") {
                self.aside.push('\0');
            }
        }
        let link = match attribute("href") {
            Some(href) if name == "a" => Some((self.out.len(), href)),
            _ => None,
        };
        *self.count.entry(name.clone()).or_default() += 1;
        self.open.push(Element {
            name,
            region,
            container,
            hidden,
            link,
        });
    }

    fn end(&mut self, name: &str) {
        match name {
            "br" => return self.line_break(),
            "title"
                if self.page_title.is_none()
                    && self.count.get("svg").is_none_or(|&count| count == 0) =>
            {
                self.page_title = Some(one_line(&self.aside));
            }
            "script" if !self.aside.starts_with('\0') => {
                if let Ok(value) = serde_json::from_str(&self.aside) {
                    json_ld(&value, &mut self.meta);
                }
            }
            _ => {}
        }
        if !INLINE.contains(&name) {
            self.flush();
        }
        self.close_to(name);
    }

    /// Closes elements up to and with the innermost one of this name, if any.
    fn close_to(&mut self, name: &str) {
        if self.count.get(name).is_none_or(|&count| count == 0) {
            return;
        }
        while let Some(element) = self.open.pop() {
            if let Some(count) = self.count.get_mut(&element.name) {
                *count -= 1;
            }
            if let Some((start, href)) = element.link {
                self.end_link(start, &href);
            }
            if element.name == name {
                break;
            }
        }
    }

    /// Closes the innermost element of this name, unless one of `scope` or much
    /// else was opened since.
    fn close_within(&mut self, name: &str, scope: &[&str]) {
        const FAR: usize = 16;
        let near = self
            .open
            .iter()
            .rev()
            .take(FAR)
            .take_while(|element| !scope.contains(&element.name.as_str()));
        if near.into_iter().any(|element| element.name == name) {
            self.flush();
            self.close_to(name);
        }
    }

    fn end_link(&mut self, start: usize, href: &str) {
        let start = start.max(self.start);
        if start >= self.out.len() {
            return;
        }
        let span = prose::trim(&self.out, Span::new(start, self.out.len()));
        self.linked += span.len();
        let label = span.of(&self.out);
        if let Some((_, id)) = href.split_once('#')
            && is_note_mark(label)
        {
            self.marks.push((span, id.to_owned()));
        }
    }

    fn text(&mut self, text: &str) {
        let hidden = self.open.last().is_some_and(|element| element.hidden);
        if hidden {
            let read = self
                .open
                .last()
                .is_some_and(|element| matches!(element.name.as_str(), "script" | "title"));
            if read && !self.aside.starts_with('\0') {
                self.aside.push_str(text);
            }
            return;
        }
        if self.count.get("pre").is_some_and(|&count| count > 0) {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.line_break();
                }
                self.words(line);
            }
        } else {
            self.words(text);
        }
    }

    /// Adds words to the block, with white space folded.
    fn words(&mut self, text: &str) {
        for piece in text.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end_matches(char::is_whitespace);
            if !word.is_empty() {
                self.breaks = 0;
                self.out.push_str(word);
            }
            if word.len() < piece.len()
                && self.out.len() > self.start
                && !self.out.ends_with([' ', '\n'])
            {
                self.out.push(' ');
            }
        }
    }

    /// One break is a line end, two together end the paragraph.
    fn line_break(&mut self) {
        self.breaks += 1;
        if self.breaks > 1 {
            self.flush();
        } else if self.out.len() > self.start {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.push('\n');
        }
    }

    /// Ends the block being written.
    fn flush(&mut self) {
        self.breaks = 0;
        let span = prose::trim(&self.out, Span::new(self.start, self.out.len()));
        if span.is_empty() {
            self.out.truncate(self.start);
            self.linked = 0;
            return;
        }
        self.out.truncate(span.end);
        let kind =
            self.open
                .iter()
                .rev()
                .take(64)
                .find_map(|element| match element.name.as_bytes() {
                    [b'h', level @ b'1'..=b'6'] => Some(Kind::Heading(level - b'0')),
                    b"li" | b"dd" | b"dt" => Some(Kind::Item),
                    b"blockquote" => Some(Kind::Quotation),
                    _ => None,
                });
        let kind = kind.unwrap_or(Kind::Paragraph);
        let (region, container) = self
            .open
            .last()
            .map_or((None, None), |element| (element.region, element.container));
        let prose = if prose::ends_sentence(span.of(&self.out)) {
            span.len()
        } else {
            0
        };
        for id in self.pending_ids.drain(..) {
            self.ids.entry(id).or_insert(self.blocks.len());
        }
        if let Some(region) = region {
            self.regions[region].prose += prose;
        }
        self.blocks.push(Block {
            part: Part { span, kind },
            region,
            container,
            linked: self.linked,
        });
        self.out.push_str("\n\n");
        self.start = self.out.len();
        self.linked = 0;
    }

    fn meta_tag(&mut self, attribute: impl Fn(&str) -> Option<String>) {
        let name = attribute("name")
            .or_else(|| attribute("property"))
            .or_else(|| attribute("itemprop"));
        let (Some(name), Some(content)) = (name, attribute("content")) else {
            return;
        };
        let content = one_line(&content);
        match name.to_ascii_lowercase().as_str() {
            "og:title" | "citation_title" | "dc.title" | "dcterms.title" | "twitter:title"
            | "headline" => {
                self.meta.title.get_or_insert(content);
            }
            "author" | "article:author" | "citation_author" | "dc.creator" | "dcterms.creator"
                if !content.contains("://") && !content.is_empty() =>
            {
                self.meta.author.get_or_insert(content);
            }
            "article:published_time"
            | "citation_publication_date"
            | "citation_date"
            | "dc.date"
            | "dcterms.date"
            | "date"
            | "pubdate"
            | "datepublished"
            | "dcterms.issued" => {
                self.meta.year = self.meta.year.or(prose::year(&content));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Draft {
        self.flush();
        self.close_regions();
        let reasons = self.reasons();
        let kept = self.container(&reasons);
        let mut inside: Vec<bool> = Vec::with_capacity(self.containers.len());
        for (index, container) in self.containers.iter().enumerate() {
            inside
                .push(kept == Some(index) || container.parent.is_some_and(|parent| inside[parent]));
        }
        let mut parts: Vec<Part> = Vec::with_capacity(self.blocks.len());
        let mut inside_seen = false;
        for block in &self.blocks {
            let mut part = block.part.clone();
            let inside =
                kept.is_none() || block.container.is_some_and(|container| inside[container]);
            inside_seen |= inside;
            let words = part.span.of(&self.out);
            let links_only =
                block.linked * 10 >= part.span.len() * 9 && !prose::ends_sentence(words);
            if let Some(reason) = block.region.and_then(|region| reasons[region]) {
                part.kind = reason.map_or_else(|| Kind::Note(String::new()), Kind::Outside);
            } else if !inside {
                part.kind = Kind::Outside(if inside_seen {
                    Reason::RelatedPosts
                } else {
                    Reason::Menu
                });
            } else if links_only && !matches!(part.kind, Kind::Heading(_)) {
                part.kind = Kind::Outside(Reason::Menu);
            }
            parts.push(part);
        }
        // A mark's note is the block that it points forward to.
        for (mark, id) in &self.marks {
            if let Some(&target) = self.ids.get(id)
                && parts[target].span.start > mark.end
                && matches!(
                    parts[target].kind,
                    Kind::Paragraph | Kind::Item | Kind::Note(_) | Kind::Outside(Reason::Notice)
                )
            {
                parts[target].kind = Kind::Note(id.clone());
            }
        }
        let mut metadata = self.meta;
        // The page's title often adds author or site to that of the essay, which
        // then stands in a heading.
        if let Some(full) = metadata.title.clone().or(self.page_title) {
            let heading = parts
                .iter()
                .filter(|part| matches!(part.kind, Kind::Heading(1 | 2)))
                .map(|part| one_line(part.span.of(&self.out)))
                .find(|heading| full.contains(heading.as_str()));
            metadata.title = heading
                .or_else(|| Some(without_site(&full)))
                .filter(|title| !title.is_empty());
        }
        metadata.year = metadata.year.or(self.time);
        self.out.truncate(self.out.trim_end().len());
        Draft {
            text: self.out,
            parts,
            markup: Vec::new(),
            marks: self.marks,
            metadata,
        }
    }

    /// Drops the regions guessed from a class that hold most of the page's prose:
    /// such a class speaks of the page (`with-sidebar`), not of what is inside.
    fn close_regions(&mut self) {
        let total: usize = self
            .blocks
            .iter()
            .filter(|block| prose::ends_sentence(block.part.span.of(&self.out)))
            .map(|block| block.part.span.len())
            .sum();
        for region in (0..self.regions.len()).rev() {
            let Region { parent, prose, .. } = self.regions[region];
            if let Some(parent) = parent {
                self.regions[parent].prose += prose;
            }
        }
        for region in &mut self.regions {
            let share = if region.reason == Some(Reason::Comments) {
                9
            } else {
                5
            };
            region.stands = region.certain || region.prose * 10 <= total * share;
        }
    }

    /// For each region what it makes of the blocks in it: the reason of the
    /// innermost region that stands, but comments and related posts are that in
    /// all their parts. `Some(None)` is a region of notes.
    fn reasons(&self) -> Vec<Option<Option<Reason>>> {
        let mut reasons: Vec<Option<Option<Reason>>> = Vec::with_capacity(self.regions.len());
        for region in &self.regions {
            // A region's parent comes before it.
            let around = region.parent.and_then(|parent| reasons[parent]);
            let whole = matches!(around, Some(Some(Reason::Comments | Reason::RelatedPosts)));
            reasons.push(if region.stands && !whole {
                Some(region.reason)
            } else {
                around
            });
        }
        reasons
    }

    /// The `main` or `article` that holds most of the prose: from the page
    /// inwards, as long as one holds most of what is there.
    fn container(&mut self, reasons: &[Option<Option<Reason>>]) -> Option<usize> {
        let is_prose = |block: &&Block| {
            block.region.and_then(|region| reasons[region]).is_none()
                && prose::ends_sentence(block.part.span.of(&self.out))
        };
        let mut around = 0;
        for block in self.blocks.iter().filter(is_prose) {
            around += block.part.span.len();
            if let Some(container) = block.container {
                self.containers[container].prose += block.part.span.len();
            }
        }
        for index in (0..self.containers.len()).rev() {
            if let Container {
                parent: Some(parent),
                prose,
            } = self.containers[index]
            {
                self.containers[parent].prose += prose;
            }
        }
        let mut kept = None;
        for (index, container) in self.containers.iter().enumerate() {
            if container.parent == kept && container.prose * 10 > around * 6 {
                kept = Some(index);
                around = container.prose;
            }
        }
        kept
    }
}

/// What an element's tag, role or class says of its contents, and whether that
/// is certain. `Some((None, _))` is a region of notes.
fn region_of(name: &str, role: &str, classes: &str) -> Option<(Option<Reason>, bool)> {
    use Reason::*;
    let lower = classes.to_ascii_lowercase();
    if lower.contains("pullquote") || lower.contains("pull-quote") || lower.contains("pull_quote") {
        return Some((Some(PullQuote), true));
    }
    let certain = match (name, role) {
        (_, "navigation" | "search" | "menu" | "menubar") => Some(Menu),
        (_, "contentinfo" | "dialog" | "alertdialog" | "alert") => Some(Notice),
        (_, "doc-footnote" | "doc-endnote" | "doc-endnotes") => return Some((None, true)),
        ("nav" | "menu", _) => Some(Menu),
        ("figure" | "figcaption" | "caption", _) => Some(Caption),
        ("footer" | "form" | "button" | "select" | "dialog", _) => Some(Notice),
        _ => None,
    };
    if let Some(reason) = certain {
        return Some((Some(reason), true));
    }
    if matches!(name, "html" | "body" | "main" | "article") {
        return None;
    }
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let has = |candidates: &[&str]| words.iter().any(|word| candidates.contains(word));
    let reason = if has(&[
        "comment",
        "comments",
        "commentlist",
        "respond",
        "disqus",
        "replies",
    ]) {
        Comments
    } else if has(&[
        "related",
        "recommended",
        "sidebar",
        "newsletter",
        "subscribe",
        "promo",
        "trending",
        "readmore",
    ]) {
        RelatedPosts
    } else if has(&[
        "cookie",
        "cookies",
        "consent",
        "gdpr",
        "copyright",
        "license",
        "licence",
        "advert",
        "advertisement",
        "ads",
        "popup",
        "modal",
        "footer",
        "donate",
        "paywall",
    ]) {
        Notice
    } else if has(&[
        "nav",
        "navbar",
        "navigation",
        "menu",
        "breadcrumb",
        "breadcrumbs",
        "share",
        "sharing",
        "social",
        "pagination",
        "pager",
        "skip",
        "toolbar",
        "tags",
    ]) {
        Menu
    } else if has(&["caption", "credit", "credits"]) {
        Caption
    } else if has(&["bio", "biography"])
        || lower.contains("about-the-author")
        || lower.contains("about-author")
        || lower.contains("author-info")
    {
        AuthorBiography
    } else if has(&["toc"]) || lower.contains("table-of-contents") {
        TableOfContents
    } else if has(&["footnote", "footnotes", "endnote", "endnotes", "reflist"]) {
        // A single mark in a line of text may carry the class of its note.
        return (!INLINE.contains(&name)).then_some((None, false));
    } else if has(&["bibliography"]) {
        Bibliography
    } else if has(&[
        "byline",
        "dateline",
        "author",
        "authors",
        "pubdate",
        "timestamp",
    ]) || lower.contains("entry-meta")
        || lower.contains("post-meta")
    {
        Byline
    } else if has(&[
        "standfirst",
        "subtitle",
        "subheading",
        "subheadline",
        "deck",
        "dek",
    ]) {
        Standfirst
    } else if name == "aside" || role == "complementary" {
        return Some((Some(RelatedPosts), true));
    } else {
        return None;
    };
    // A word inside a paragraph is part of it, whatever its class.
    (!INLINE.contains(&name)).then_some((Some(reason), false))
}

/// `1`, `[12]`, `*`, `†`, `↩` and the like.
fn is_note_mark(label: &str) -> bool {
    label.chars().count() <= 6
        && label.chars().all(|c| {
            c.is_ascii_digit()
                || matches!(
                    c,
                    '[' | ']'
                        | '('
                        | ')'
                        | '*'
                        | '†'
                        | '‡'
                        | '§'
                        | '↩'
                        | '↑'
                        | '^'
                        | '\u{fe0e}'
                        | '.'
                )
        })
}

/// A page's title without the site's name: `Title | Site`, `Title – Site`.
fn without_site(title: &str) -> String {
    let cut = [" | ", " – ", " — ", " - ", " « ", " · "]
        .iter()
        .filter_map(|bar| title.find(bar))
        .min();
    cut.map_or(title, |cut| &title[..cut]).trim().to_owned()
}

/// Reads headline, author and date out of schema.org data.
fn json_ld(value: &serde_json::Value, meta: &mut Metadata) {
    use serde_json::Value;
    match value {
        Value::Array(values) => values.iter().for_each(|value| json_ld(value, meta)),
        Value::Object(object) => {
            if let Some(Value::String(title)) = object.get("headline") {
                meta.title.get_or_insert(one_line(title));
                let author = object
                    .get("author")
                    .map(names)
                    .filter(|names| !names.is_empty());
                meta.author = meta.author.take().or(author.map(|names| names.join(", ")));
                let date = object.get("datePublished").and_then(Value::as_str);
                meta.year = meta.year.or(date.and_then(prose::year));
            }
            object
                .get("@graph")
                .into_iter()
                .for_each(|graph| json_ld(graph, meta));
        }
        _ => {}
    }
}

fn names(value: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    match value {
        Value::String(name) if !name.contains("://") => vec![one_line(name)],
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::Object(object) => object.get("name").map(names).unwrap_or_default(),
        _ => Vec::new(),
    }
}

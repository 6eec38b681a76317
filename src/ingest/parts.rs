//! Which part of a file is what: the essay proper, its notes, and all that
//! stands around it.
//!
//! The rules look at structure first (marked headings, order, repetition, what
//! a part stands next to) and at set phrases second. In doubt a part is kept:
//! a caption read as essay costs less than a paragraph lost.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::text::{Block, Document, NoteLink, Reason, Role, Span};

use super::metadata::Metadata;
use super::{Draft, Kind, Part, prose};

/// Decides what each part is and lays out the document.
pub(super) fn arrange(draft: Draft, verbatim: bool) -> Document {
    let Draft {
        text,
        parts,
        mut markup,
        marks,
        metadata,
    } = draft;
    markup.sort_unstable();
    let mut sorter = Sorter {
        text: &text,
        parts,
        metadata,
    };
    sorter.resolve_numbered_notes(&marks);
    sorter.split_heads();
    sorter.drop_empty(&markup);
    sorter.find_headings();
    sorter.judge_each();
    let kept = sorter.clone_kinds();
    sorter.judge_sections();
    sorter.judge_head();
    sorter.judge_tail();
    sorter.find_pull_quotes();
    sorter.restore_if_lost(kept);
    let Sorter {
        parts, metadata, ..
    } = sorter;

    let (blocks, notes) = lay_out(&text, &parts, &marks);
    markup.extend(notes.iter().map(|link| link.mark));
    let markup = inside_body(markup, &blocks);
    let Metadata {
        title,
        author,
        year,
    } = metadata;
    Document {
        text,
        verbatim,
        title,
        author,
        year,
        blocks,
        markup,
        notes,
    }
}

struct Sorter<'a> {
    text: &'a str,
    parts: Vec<Part>,
    metadata: Metadata,
}

/// Words within which a head must end: nobody writes more above a byline.
const HEAD_WORDS: usize = 150;
/// A head has no more parts than this.
const HEAD_PARTS: usize = 30;

impl<'a> Sorter<'a> {
    fn words(&self, index: usize) -> &'a str {
        self.parts[index].span.of(self.text)
    }

    /// The words of a part without marks at their ends.
    fn bare(&self, index: usize) -> &'a str {
        bare(self.words(index))
    }

    fn is_body(&self, index: usize) -> bool {
        !matches!(self.parts[index].kind, Kind::Outside(_) | Kind::Note(_))
    }

    /// Running prose: sentences of the essay, if it is the essay.
    fn is_prose(&self, index: usize) -> bool {
        matches!(
            self.parts[index].kind,
            Kind::Paragraph | Kind::Quotation | Kind::Item
        ) && prose::longer_than(self.words(index), 10)
            && (prose::ends_sentence(self.words(index))
                || prose::longer_than(self.words(index), 30))
    }

    fn is_short(&self, index: usize) -> bool {
        !prose::longer_than(self.words(index), 20)
    }

    fn leave_out(&mut self, index: usize, reason: Reason) {
        if self.is_body(index) {
            self.parts[index].kind = Kind::Outside(reason);
        }
    }

    fn clone_kinds(&self) -> Vec<Kind> {
        self.parts.iter().map(|part| part.kind.clone()).collect()
    }

    /// `[13] …` is a note only where the text has a mark of that number.
    fn resolve_numbered_notes(&mut self, marks: &[(Span, String)]) {
        let labels: std::collections::HashSet<&str> =
            marks.iter().map(|(_, label)| label.as_str()).collect();
        for part in &mut self.parts {
            if let Kind::Note(label) = &part.kind
                && super::markdown::is_note_number(label)
                && !labels.contains(label.as_str())
            {
                part.kind = Kind::Paragraph;
            }
        }
    }

    /// Parts a block at the head that holds title and byline on lines of its own.
    fn split_heads(&mut self) {
        for index in 0..self.parts.len().min(3) {
            let span = self.parts[index].span;
            if self.parts[index].kind != Kind::Paragraph
                || prose::longer_than(self.words(index), 60)
            {
                continue;
            }
            let lines: Vec<Span> = prose::lines(span.of(self.text), 0)
                .map(|line| {
                    prose::trim(
                        self.text,
                        Span::new(span.start + line.start, span.start + line.end),
                    )
                })
                .filter(|line| !line.is_empty())
                .collect();
            let head = |line: &Span| {
                byline(line.of(self.text)).is_some() || prose::is_date_line(line.of(self.text))
            };
            if (2..=5).contains(&lines.len()) && lines.iter().any(head) {
                let kind = Kind::Paragraph;
                self.parts.splice(
                    index..=index,
                    lines.into_iter().map(|span| Part {
                        span,
                        kind: kind.clone(),
                    }),
                );
                return;
            }
        }
    }

    /// Parts that hold nothing but markup: images, shortcodes, empty tags.
    fn drop_empty(&mut self, markup: &[Span]) {
        for index in 0..self.parts.len() {
            if !self.is_body(index) {
                continue;
            }
            let span = self.parts[index].span;
            let first = markup.partition_point(|mark| mark.end <= span.start);
            let mut at = span.start;
            let mut empty = true;
            for mark in markup[first..]
                .iter()
                .take_while(|mark| mark.start < span.end)
            {
                empty &= !self.text[at..mark.start.max(at)].contains(char::is_alphanumeric);
                at = at.max(mark.end);
                if !empty {
                    break;
                }
            }
            if empty && (at >= span.end || !self.text[at..span.end].contains(char::is_alphanumeric))
            {
                self.parts[index].kind = Kind::Outside(Reason::Rule);
            }
        }
    }

    /// Headings that only stand alone: short lines that end no sentence.
    fn find_headings(&mut self) {
        for index in 0..self.parts.len() {
            let words = self.bare(index);
            if self.parts[index].kind != Kind::Paragraph
                && self.parts[index].kind != Kind::Quotation
                || prose::longer_than(words, 10)
            {
                continue;
            }
            let lines = words.lines().count();
            let starts = words.trim_start_matches(['"', '\'', '“', '‘', '(', '[', '*', '_']);
            let starts = starts.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
            let alone = lines == 1 || prose::all_capitals(words) && lines <= 3;
            if alone && starts && (prose::is_numeral(words) || !prose::ends_sentence(words)) {
                self.parts[index].kind = Kind::Heading(BARE);
            }
        }
    }

    /// What a part shows by itself, or with its neighbour.
    fn judge_each(&mut self) {
        let last = self.parts.len();
        for index in 0..last {
            if !self.is_body(index) || prose::longer_than(self.words(index), 120) {
                continue;
            }
            let words = self.bare(index);
            let edge = index < 12 || index + 12 >= last;
            let repeated =
                index > 0 && self.bare(index - 1) == words && prose::longer_than(words, 2);
            let reason = if is_caption(words) || repeated && !self.is_title(words) {
                Reason::Caption
            } else if is_related(words) {
                // With the label that such a box carries.
                if index > 0
                    && self.parts[index - 1].kind == Kind::Heading(BARE)
                    && !self.is_title(self.bare(index - 1))
                {
                    self.leave_out(index - 1, Reason::RelatedPosts);
                }
                Reason::RelatedPosts
            } else if is_notice(words) {
                Reason::Notice
            } else if is_editor_note(self.words(index), edge) {
                Reason::EditorNote
            } else if prose::is_menu_line(words) {
                Reason::Menu
            } else {
                continue;
            };
            if reason == Reason::Caption && repeated && self.is_body(index - 1) {
                self.leave_out(index - 1, reason);
            }
            self.leave_out(index, reason);
        }
    }

    /// Sections under a heading that names them.
    fn judge_sections(&mut self) {
        let total = self.text.len();
        let mut index = 0;
        while index < self.parts.len() {
            let Part { span, kind } = self.parts[index].clone();
            let Kind::Heading(level) = kind else {
                if self.opens_comments(index) {
                    return self.leave_out_from(index, Reason::Comments);
                }
                index += 1;
                continue;
            };
            let title = normal(self.bare(index));
            let late = span.start * 10 > total * 5;
            let next = index + 1;
            match section(&title) {
                Some(Reason::TableOfContents) if span.start * 10 < total * 5 => {
                    self.leave_out(index, Reason::TableOfContents);
                    index = next;
                    while index < self.parts.len()
                        && !self.is_prose_line(index)
                        && !matches!(self.parts[index].kind, Kind::Heading(1..=6))
                    {
                        self.leave_out(index, Reason::TableOfContents);
                        index += 1;
                    }
                    // Its last entries are the headings of what follows.
                }
                Some(Reason::Comments) if late => {
                    return self.leave_out_from(index, Reason::Comments);
                }
                Some(
                    reason
                    @ (Reason::Bibliography | Reason::AuthorBiography | Reason::RelatedPosts),
                ) if level == BARE || late => {
                    let mut end = next;
                    while end < self.parts.len() && self.belongs(end, level, late) {
                        end += 1;
                    }
                    if end > next || late {
                        (index..end).for_each(|part| self.leave_out(part, reason));
                    }
                    index = end.max(next);
                }
                _ => index = next,
            }
        }
    }

    /// Whether a part goes on with the apparatus section under a heading of `level`.
    fn belongs(&self, index: usize, level: u8, late: bool) -> bool {
        match self.parts[index].kind {
            Kind::Heading(here) if level == BARE || here == BARE => false,
            Kind::Heading(here) => here > level,
            Kind::Outside(_) | Kind::Note(_) => true,
            Kind::Item => true,
            _ => level != BARE && late || names_books(self.words(index)),
        }
    }

    fn is_prose_line(&self, index: usize) -> bool {
        self.is_prose(index)
            && prose::longer_than(self.words(index), 25)
            && !self.words(index).contains('\t')
    }

    fn leave_out_from(&mut self, index: usize, reason: Reason) {
        (index..self.parts.len()).for_each(|part| self.leave_out(part, reason));
    }

    /// A list item that is only a name, with a paragraph under it, near the end
    /// or with others like it: readers' comments.
    fn opens_comments(&self, index: usize) -> bool {
        let signed = |index: usize| {
            self.parts[index].kind == Kind::Item
                && prose::is_name(
                    self.words(index)
                        .trim_start_matches(|c: char| !c.is_alphanumeric()),
                )
                && self
                    .parts
                    .get(index + 1)
                    .is_some_and(|next| matches!(next.kind, Kind::Paragraph | Kind::Quotation))
        };
        self.parts[index].span.start * 2 > self.text.len()
            && signed(index)
            && (index + 1..self.parts.len().min(index + 8)).any(signed)
    }

    /// The head: everything down to the last byline, date line or repetition of
    /// the title that stands above the prose, and what still follows of titles
    /// and standfirsts.
    fn judge_head(&mut self) {
        let window = self.head_window();
        let title = self.find_title(window);
        let title_words = title.map(|index| normal(self.bare(index)));
        let repeats = |words: &str| title_words.as_deref().is_some_and(|title| title == words);
        let mut end = title.map_or(0, |index| index + 1);
        for index in 0..window {
            if !self.is_short(index)
                || !self.is_body(index)
                    && !matches!(self.parts[index].kind, Kind::Outside(Reason::Byline))
            {
                continue;
            }
            let words = self.bare(index);
            let is_author = self
                .metadata
                .author
                .as_deref()
                .is_some_and(|author| normal(author) == normal(words));
            let name_alone = title.is_some_and(|title| title + 1 == index)
                && prose::is_name(words)
                && self.parts.get(index + 1).is_some_and(|next| {
                    prose::year(next.span.of(self.text)).is_some() && next.span.len() < 40
                });
            let dated = prose::is_date_line(words)
                || end > 0
                    && prose::longer_than(words, 0)
                    && !prose::longer_than(words, 1)
                    && prose::year(words).is_some();
            if let Some(name) = byline(words).or_else(|| name_alone.then(|| words.to_owned())) {
                self.metadata.author.get_or_insert(name);
            } else if !is_author && !dated && !repeats(&normal(words)) {
                continue;
            }
            if repeats(&normal(words)) {
                self.leave_out(index, Reason::Title);
            } else {
                self.metadata.year = self.metadata.year.or(prose::year(words));
                self.leave_out(index, Reason::Byline);
            }
            end = index + 1;
        }
        for index in 0..end {
            let reason = match title {
                Some(title) if index == title => Reason::Title,
                _ if matches!(self.parts[index].kind, Kind::Heading(_))
                    && !self.is_prose(index) =>
                {
                    Reason::Menu
                }
                Some(title)
                    if index > title
                        && self.is_prose(index)
                        && !self.repeats_later(title, index, end) =>
                {
                    Reason::Standfirst
                }
                _ => Reason::Notice,
            };
            self.leave_out(index, reason);
        }
        self.judge_standfirst(end, window);
        // What is left above the prose: numbers and titles of chapters.
        let first = (end..self.parts.len())
            .find(|&index| self.is_prose(index))
            .unwrap_or(end);
        for index in end..first {
            if self.parts[index].kind == Kind::Heading(BARE) && end > 0 {
                self.leave_out(index, Reason::Title);
            }
        }
    }

    /// Whether the title of the page is repeated after `index`, so that what
    /// stands between belongs to the site.
    fn repeats_later(&self, title: usize, index: usize, end: usize) -> bool {
        (index..end).any(|later| normal(self.bare(later)) == normal(self.bare(title)))
    }

    /// How many parts may belong to the head.
    fn head_window(&self) -> usize {
        let mut words = 0;
        for index in 0..self.parts.len().min(HEAD_PARTS) {
            if self.is_prose(index) {
                words += prose::words(self.words(index)).take(HEAD_WORDS + 1).count();
            }
            if words > HEAD_WORDS {
                return index;
            }
        }
        self.parts.len().min(HEAD_PARTS)
    }

    /// The part that holds the title, if one does.
    fn find_title(&mut self, window: usize) -> Option<usize> {
        let bodies: Vec<usize> = (0..window).filter(|&index| self.is_body(index)).collect();
        if let Some(title) = self.metadata.title.as_deref() {
            let title = normal(title);
            let same = |&&index: &&usize| self.is_short(index) && normal(self.bare(index)) == title;
            return bodies.iter().find(same).copied();
        }
        let before_prose: Vec<usize> = bodies
            .iter()
            .copied()
            .take_while(|&index| !self.is_prose(index))
            .collect();
        let marked = before_prose.iter().copied().find(|&index| {
            matches!(self.parts[index].kind, Kind::Heading(level) if level != BARE)
                && section(&normal(self.bare(index))).is_none()
        });
        let first = before_prose
            .first()
            .copied()
            .filter(|&index| self.is_short(index) && self.parts[index].kind != Kind::Item);
        // A short label may stand above the title.
        let second = before_prose.get(1).copied().filter(|&index| {
            let label = first.is_some_and(|first| {
                self.parts[first].kind == Kind::Heading(BARE)
                    && !prose::longer_than(self.words(first), 3)
            });
            label
                && self.is_short(index)
                && prose::longer_than(self.words(index), 5)
                && byline(self.bare(index)).is_none()
        });
        let plain = second
            .or(first)
            .filter(|&index| byline(self.bare(index)).is_none());
        // A line that names title, author and year stands above all headings.
        let above = plain.filter(|&index| {
            marked.is_none_or(|marked| index < marked && byline(self.bare(index + 1)).is_some())
        });
        let title = above.or(marked)?;
        self.metadata.title = Some(clean(self.bare(title)));
        Some(title)
    }

    fn is_title(&self, words: &str) -> bool {
        self.metadata
            .title
            .as_deref()
            .is_some_and(|title| normal(title) == normal(words))
    }

    /// The standfirst, below the head: a paragraph cut off by a rule or a
    /// picture, one set in italics, or one above the paragraph that opens the
    /// article with words in capitals.
    fn judge_standfirst(&mut self, start: usize, window: usize) {
        if start == 0 && self.metadata == Metadata::default() {
            return;
        }
        let prose: Vec<usize> = (start..window)
            .filter(|&index| self.is_prose(index))
            .collect();
        let lead_in = prose
            .iter()
            .copied()
            .rfind(|&index| opens_in_capitals(self.words(index)));
        let cut = (start..window).find(|&index| {
            matches!(
                self.parts[index].kind,
                Kind::Outside(Reason::Rule | Reason::Caption)
            ) && prose.first().is_some_and(|&first| first < index)
                && prose.get(1).is_none_or(|&second| second > index)
                && prose
                    .first()
                    .is_some_and(|&first| !prose::longer_than(self.words(first), 60))
        });
        let italic = (start..window)
            .take_while(|&index| !self.is_prose(index) || is_italic(self.words(index)))
            .filter(|&index| self.is_prose(index))
            .last();
        let end = [lead_in, cut, italic.map(|index| index + 1)]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(start);
        for index in start..end {
            if self.metadata.author.is_none() && self.is_body(index) {
                self.metadata.author = name_in_capitals(self.words(index));
            }
            self.leave_out(index, Reason::Standfirst);
        }
        // The author's name in capitals, with what the author does here.
        if let Some(&first) = prose.iter().find(|&&index| index >= end)
            && prose.len() > 1
            && !prose::longer_than(self.words(first), 40)
            && let Some(name) = name_in_capitals(self.words(first))
        {
            self.metadata.author.get_or_insert(name);
            self.leave_out(first, Reason::Standfirst);
        }
    }

    /// From the end upwards, as long as parts are not the essay.
    fn judge_tail(&mut self) {
        let count = self.parts.len();
        let from = count.saturating_sub(HEAD_PARTS);
        // Below a notice in the last part of the file all is the site's.
        let late = |part: &Part| part.span.start * 20 > self.text.len() * 17;
        let notice = (from..count).find(|&index| {
            late(&self.parts[index]) && self.parts[index].kind == Kind::Outside(Reason::Notice)
        });
        if let Some(notice) = notice
            && (notice..count)
                .all(|index| !self.is_body(index) || !prose::longer_than(self.words(index), 60))
        {
            self.leave_out_from(notice, Reason::Notice);
        }
        for index in (from..count).rev() {
            if !self.is_body(index) {
                continue;
            }
            let words = self.bare(index);
            let is_author = self
                .metadata
                .author
                .as_deref()
                .is_some_and(|author| normal(author) == normal(words));
            let dated = !prose::longer_than(words, 6)
                && prose::year(words).is_some()
                && words.contains(',');
            if is_author || dated {
                self.leave_out(index, Reason::Byline);
            } else if let Some(name) = biography(words, self.metadata.author.as_deref()) {
                self.metadata.author.get_or_insert(name);
                self.leave_out(index, Reason::AuthorBiography);
            } else if self.is_title(words) {
                self.leave_out(index, Reason::Title);
            } else {
                return;
            }
        }
    }

    /// A block whose words all stand, five by five, in longer blocks of the essay.
    fn find_pull_quotes(&mut self) {
        const LONGEST: usize = 60;
        let bodies: Vec<usize> = (0..self.parts.len())
            .filter(|&index| self.is_body(index))
            .collect();
        let short = |index: &&usize| {
            prose::longer_than(self.words(**index), 7)
                && !prose::longer_than(self.words(**index), LONGEST)
                && !matches!(self.parts[**index].kind, Kind::Heading(1..=6))
        };
        // For each run of words in a short block, the longest block that has it.
        let mut longest: HashMap<u64, usize> = HashMap::new();
        for &index in bodies.iter().filter(short) {
            longest.extend(
                shingles(self.words(index))
                    .into_iter()
                    .map(|shingle| (shingle, 0)),
            );
        }
        if longest.is_empty() {
            return;
        }
        for &index in &bodies {
            let shingles = shingles(self.words(index));
            for shingle in &shingles {
                if let Some(length) = longest.get_mut(shingle) {
                    *length = shingles.len().max(*length);
                }
            }
        }
        let quotes: Vec<usize> = bodies
            .iter()
            .filter(short)
            .filter(|&&index| {
                let shingles = shingles(self.words(index));
                shingles
                    .iter()
                    .all(|shingle| longest[shingle] > shingles.len())
            })
            .copied()
            .collect();
        for index in quotes {
            self.leave_out(index, Reason::PullQuote);
        }
    }

    /// Should the rules have left out more than half of the prose, they have
    /// misread the file: what no structure names is essay again.
    fn restore_if_lost(&mut self, before: Vec<Kind>) {
        let prose_bytes = |kinds: &mut dyn Iterator<Item = (&Part, &Kind)>| -> usize {
            kinds
                .filter(|(_, kind)| matches!(kind, Kind::Paragraph | Kind::Quotation | Kind::Item))
                .map(|(part, _)| part.span.len())
                .sum()
        };
        let had = prose_bytes(&mut self.parts.iter().zip(&before));
        let has = prose_bytes(&mut self.parts.iter().map(|part| (part, &part.kind)));
        let comments = self
            .parts
            .iter()
            .any(|part| part.kind == Kind::Outside(Reason::Comments));
        if has == 0 || has * 2 < had && !comments {
            for (part, kind) in self.parts.iter_mut().zip(before) {
                part.kind = kind;
            }
        }
    }
}

/// The level of headings that no mark shows.
const BARE: u8 = 7;

/// The document's blocks and the links from marks to notes. What no part
/// covers, such as stray marks, becomes a block of markup.
fn lay_out(text: &str, parts: &[Part], marks: &[(Span, String)]) -> (Vec<Block>, Vec<NoteLink>) {
    let mut blocks: Vec<Block> = Vec::with_capacity(parts.len());
    let mut notes: HashMap<&str, usize> = HashMap::new();
    let mut at = 0;
    let stray = |from: usize, to: usize, blocks: &mut Vec<Block>| {
        let span = prose::trim(text, Span::new(from, to));
        if !span.is_empty() {
            blocks.push(Block {
                span,
                role: Role::Outside(Reason::Rule),
            });
        }
    };
    for part in parts {
        stray(at, part.span.start, &mut blocks);
        at = part.span.end;
        let role = match &part.kind {
            Kind::Paragraph => Role::Paragraph,
            Kind::Heading(_) => Role::Heading,
            Kind::Item => Role::Item,
            Kind::Quotation => Role::Quotation,
            Kind::Outside(reason) => Role::Outside(*reason),
            Kind::Note(label) => {
                notes.entry(label).or_insert(blocks.len());
                Role::Note
            }
        };
        blocks.push(Block {
            span: part.span,
            role,
        });
    }
    stray(at, text.len(), &mut blocks);
    let mut links: Vec<NoteLink> = marks
        .iter()
        .filter_map(|(mark, label)| {
            Some(NoteLink {
                mark: *mark,
                note: *notes.get(label.as_str())?,
            })
        })
        .filter(|link| {
            !blocks[link.note].span.contains(link.mark) && body_block(&blocks, link.mark).is_some()
        })
        .collect();
    links.sort_unstable_by_key(|link| link.mark);
    (blocks, links)
}

/// The body block that holds `span` whole.
fn body_block(blocks: &[Block], span: Span) -> Option<&Block> {
    let index = blocks.partition_point(|block| block.span.end < span.end);
    let block = blocks
        .get(index)
        .filter(|block| block.span.contains(span))?;
    (!matches!(block.role, Role::Note | Role::Outside(_))).then_some(block)
}

/// The markup inside body blocks, disjoint and in order.
fn inside_body(mut markup: Vec<Span>, blocks: &[Block]) -> Vec<Span> {
    markup.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(markup.len());
    for span in markup
        .into_iter()
        .filter(|&span| !span.is_empty() && body_block(blocks, span).is_some())
    {
        match merged.last_mut() {
            Some(last)
                if span.start <= last.end
                    && body_block(blocks, *last).is_some_and(|block| block.span.contains(span)) =>
            {
                last.end = last.end.max(span.end);
            }
            _ => merged.push(span),
        }
    }
    merged
}

fn bare(words: &str) -> &str {
    words.trim_matches(|c: char| matches!(c, '*' | '_' | '#' | '>') || c.is_whitespace())
}

/// Letters and digits in lower case, for comparing titles and names.
fn normal(words: &str) -> String {
    let letters = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    letters.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A title on one line and without tags.
fn clean(words: &str) -> String {
    let pieces = super::inline::outside_tags(words).map(|piece| piece.of(words));
    let words = pieces
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ");
    words.replace(['*', '_'], "")
}

/// The author that a byline names: `By A. Name | date`, `A. Name, 1920`.
fn byline(words: &str) -> Option<String> {
    if prose::longer_than(words, 14) {
        return None;
    }
    let words = bare(words);
    for start in ["by ", "written by ", "author: ", "von ", "par "] {
        if words
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
        {
            let name = words[start.len()..]
                .split(['|', ',', '·', '•', '(', '\n', '—', '–'])
                .next()?
                .trim();
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_whitespace());
            return prose::is_name(name).then(|| name.to_owned());
        }
    }
    let (name, rest) = words.split_once(',')?;
    let dated =
        prose::year(rest).is_some() && rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
    (dated && prose::is_name(name) && !prose::longer_than(rest, 6)).then(|| name.trim().to_owned())
}

fn starts_with_any(words: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| {
        words
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    })
}

fn contains_any(lower: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| lower.contains(phrase))
}

fn is_caption(words: &str) -> bool {
    if prose::longer_than(words, 50) {
        return false;
    }
    let lower = words.to_lowercase();
    contains_any(
        &lower,
        &[
            "credit:",
            "photo:",
            "photo by ",
            "photograph by ",
            "image:",
            "photo credit",
            "image credit",
            "courtesy of the ",
        ],
    ) && !lower.contains("\n\n")
}

fn is_related(words: &str) -> bool {
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

fn is_notice(words: &str) -> bool {
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
fn is_editor_note(words: &str, edge: bool) -> bool {
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
    edge && !prose::longer_than(inner, 60) && starts_with_any(inner, &starts)
        || is_italic(words)
            && (starts_with_any(inner, &starts)
                || starts_with_any(inner, &["note:", "the following is"]))
}

/// True when the whole block is set in italics.
fn is_italic(words: &str) -> bool {
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
fn section(title: &str) -> Option<Reason> {
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
fn names_books(words: &str) -> bool {
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
fn opens_in_capitals(words: &str) -> bool {
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
fn name_in_capitals(words: &str) -> Option<String> {
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
fn capitalised(word: &str) -> String {
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
fn biography(words: &str, author: Option<&str>) -> Option<String> {
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
    ((known || prose::is_name(name) && all[verb] != "was") && role).then(|| name.to_owned())
}

/// Hashes of every run of five words, in lower case and without punctuation.
fn shingles(words: &str) -> Vec<u64> {
    let hashes: Vec<u64> = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            hash(
                word.chars()
                    .flat_map(char::to_lowercase)
                    .collect::<String>(),
            )
        })
        .collect();
    hashes.windows(5).map(hash).collect()
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

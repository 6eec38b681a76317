//! Which part of a file is what: the essay proper, its notes, and all that
//! stands around it.
//!
//! The rules look at structure first (marked headings, order, repetition, what
//! a part stands next to) and at set phrases second. In doubt a part is kept:
//! a caption read as essay costs less than a paragraph lost.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::text::{Block, Document, NoteLink, Reason, Role, Span};
use crate::words::one_line;

use super::metadata::Metadata;
use super::phrases::*;
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
        markup: &markup,
        metadata,
    };
    sorter.resolve_numbered_notes(&marks);
    sorter.split_heads();
    sorter.drop_empty();
    sorter.find_headings();
    sorter.judge_each();
    let all = sorter.kinds();
    sorter.judge_sections();
    let sections = sorter.kinds();
    sorter.judge_head();
    sorter.judge_tail();
    sorter.find_pull_quotes();
    sorter.restore_if_lost(sections, 2);
    sorter.restore_if_lost(all, 20);
    sorter.judge_empty_headings();
    let Sorter {
        parts,
        mut metadata,
        ..
    } = sorter;
    metadata.author = metadata
        .author
        .map(|author| match prose::all_capitals(&author) {
            true => author
                .split_whitespace()
                .map(capitalised)
                .collect::<Vec<_>>()
                .join(" "),
            false => author,
        });

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
    markup: &'a [Span],
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

    fn is_author(&self, words: &str) -> bool {
        let author = self.metadata.author.as_deref();
        author.is_some_and(|author| normal(author) == normal(words))
    }

    fn is_short(&self, index: usize) -> bool {
        !prose::longer_than(self.words(index), 20)
    }

    fn leave_out(&mut self, index: usize, reason: Reason) {
        if self.is_body(index) {
            self.parts[index].kind = Kind::Outside(reason);
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        self.parts.iter().map(|part| part.kind.clone()).collect()
    }

    /// `[13] …` is a note only where the text has a mark of that number.
    fn resolve_numbered_notes(&mut self, marks: &[(Span, String)]) {
        let labels: std::collections::HashSet<&str> =
            marks.iter().map(|(_, label)| label.as_str()).collect();
        for part in &mut self.parts {
            if let Kind::Note(label) = &part.kind
                && prose::is_note_number(label)
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
                let line = line.of(self.text);
                byline(line).is_some() || prose::is_date_line(line) || self.is_person(line)
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

    /// A name of which no word occurs in lower case: `Red Terror` is none where
    /// the essay speaks of terror.
    fn is_person(&self, words: &str) -> bool {
        const NO_NAMES: [&str; 10] = [
            "chapter",
            "part",
            "section",
            "book",
            "volume",
            "appendix",
            "introduction",
            "preface",
            "conclusion",
            "epilogue",
        ];
        let titled =
            prose::words(words).any(|word| NO_NAMES.contains(&word.to_lowercase().as_str()));
        if titled || words.contains('\n') || !prose::is_name(words) {
            return false;
        }
        let letters = |text: &'a str| text.split(|c: char| !c.is_alphabetic());
        let name: Vec<String> = words
            .split_whitespace()
            .map(|word| word.trim_matches('.').to_lowercase())
            .filter(|word| word.len() > 2)
            .collect();
        !letters(self.text).any(|word| {
            word.starts_with(char::is_lowercase) && name.iter().any(|part| part == word)
        })
    }

    /// Parts that hold nothing but markup: images, shortcodes, empty tags.
    fn drop_empty(&mut self) {
        for index in 0..self.parts.len() {
            if !self.is_body(index) {
                continue;
            }
            if !self
                .pieces(self.parts[index].span)
                .any(|piece| piece.contains(char::is_alphanumeric))
            {
                self.parts[index].kind = Kind::Outside(Reason::Rule);
            }
        }
    }

    /// The text under `span` between the markup.
    fn pieces(&self, span: Span) -> impl Iterator<Item = &'a str> {
        let text = self.text;
        let first = self.markup.partition_point(|mark| mark.end <= span.start);
        let marks = self.markup[first..]
            .iter()
            .take_while(move |mark| mark.start < span.end);
        let gaps = marks
            .map(|mark| (mark.start, mark.end))
            .chain([(span.end, span.end)]);
        gaps.scan(span.start, move |at, (start, end)| {
            let piece = &text[*at..start.max(*at)];
            *at = end.max(*at);
            Some(piece)
        })
    }

    /// Headings that only stand alone: short lines that end no sentence.
    fn find_headings(&mut self) {
        for index in 0..self.parts.len() {
            let words = self.bare(index);
            let is_item = |index: usize| {
                self.parts
                    .get(index)
                    .is_some_and(|part| part.kind == Kind::Item)
            };
            // A numbered line by itself is no list.
            let lone_item =
                is_item(index) && !is_item(index + 1) && !(index > 0 && is_item(index - 1));
            if !lone_item && !matches!(self.parts[index].kind, Kind::Paragraph | Kind::Quotation)
                || prose::longer_than(words, 12)
            {
                continue;
            }
            let lines = words.lines().count();
            let numbered = words.lines().next().is_some_and(|line| {
                prose::is_numeral(line) || starts_with_any(line, &["chapter ", "part ", "section "])
            });
            let starts = words.trim_start_matches(['"', '\'', '“', '‘', '(', '[', '*', '_']);
            let starts = starts.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
            let alone = lines == 1 || lines <= 3 && (numbered || prose::all_capitals(words));
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
            } else if prose::is_menu_line(words)
                && byline(words).is_none()
                && !prose::is_date_line(words)
            {
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
        // The lines between which transcriptions of books put the book itself.
        let find = |phrases: &[&str]| {
            (0..self.parts.len()).find(|&index| {
                starts_with_any(self.bare(index), phrases)
                    && !prose::longer_than(self.words(index), 20)
            })
        };
        let (start, end) = (
            find(&["START OF TH", "END THE SMALL PRINT"]),
            find(&["END OF TH", "END OF PROJECT"]),
        );
        if let (Some(start), Some(end)) = (start, end)
            && start < end
        {
            for part in 0..=start {
                if let Some((key, value)) = self.bare(part).split_once(": ") {
                    match key {
                        "Title" => self.metadata.title = Some(value.to_owned()),
                        "Author" => self.metadata.author = Some(value.to_owned()),
                        _ => {}
                    }
                }
                self.leave_out(part, Reason::Notice);
            }
            self.leave_out_from(end, Reason::Notice);
        }
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
            _ => {
                let last = self.parts[index].span.start * 20 > self.text.len() * 17;
                level != BARE && late
                    || last && !prose::longer_than(self.words(index), 60)
                    || names_books(self.words(index))
            }
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
            let is_author = self.is_author(words);
            // Above the title a name may be that of the site's section (`World
            // Affairs`), so there it must have an initial or be in the title's block.
            let below = title.is_some_and(|title| title < index);
            let joined = !self.parts.get(index + 1).is_some_and(|next| {
                self.text[self.parts[index].span.end..next.span.start]
                    .matches('\n')
                    .nth(1)
                    .is_some()
            });
            let name_alone = title != Some(index)
                && (below || joined || words.contains('.'))
                && self.is_person(words);
            let above: usize = (0..index)
                .filter(|&part| self.is_prose(part))
                .map(|part| prose::words(self.words(part)).take(80).count())
                .sum();
            // Below more than a deck, a date is that of a diary or letter.
            let dated = above <= 80 && prose::is_date_line(words)
                || end > 0
                    && prose::longer_than(words, 0)
                    && !prose::longer_than(words, 1)
                    && prose::year(words).is_some();
            // `By` on a line of its own.
            let by = |index: usize| self.bare(index).eq_ignore_ascii_case("by");
            let under_by = index > 0 && by(index - 1) && prose::is_name(words);
            let name_alone = name_alone || under_by;
            if let Some(name) = byline(words).or_else(|| name_alone.then(|| words.to_owned())) {
                // The author of a review is not that of the book.
                if starts_with_any(words, &["reviewed by "]) {
                    self.metadata.author = Some(name);
                } else {
                    self.metadata.author.get_or_insert(name);
                }
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
            match self.parts[index].kind {
                Kind::Heading(BARE) if end > 0 => self.leave_out(index, Reason::Title),
                Kind::Paragraph
                    if end > 0
                        && self.is_short(index)
                        && !prose::ends_sentence(self.words(index)) =>
                {
                    self.leave_out(index, Reason::Standfirst);
                }
                _ => {}
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
        let mut lines = before_prose.iter().copied().filter(|&index| {
            let words = self.bare(index);
            let menu =
                words.lines().count() > 1 && words.lines().all(|line| !prose::longer_than(line, 1));
            !menu
                && byline(words).is_none()
                && !prose::is_date_line(words)
                && !self.is_person(words)
        });
        let first = lines.next().filter(|&index| {
            let words = self.bare(index);
            let sentence = matches!(prose::stop(words), Some('.' | ',' | ';' | ':'))
                && !prose::all_capitals(words);
            self.is_short(index) && !sentence && self.parts[index].kind != Kind::Item
        });
        // A short label may stand above the title.
        let second = lines.next().filter(|&index| {
            let label = first.is_some_and(|first| {
                self.parts[first].kind == Kind::Heading(BARE)
                    && !prose::longer_than(self.words(first), 3)
            });
            label && self.is_short(index) && prose::longer_than(self.words(index), 5)
        });
        let plain = second.or(first);
        // A line that names title, author and year stands above all headings.
        let above = plain.filter(|&index| {
            marked.is_none_or(|marked| index < marked && byline(self.bare(index + 1)).is_some())
        });
        let title = above.or(marked)?;
        // A line in capitals over others that are not is title over subtitle.
        let words: String = self.pieces(self.parts[title].span).collect();
        let first_line = words.trim().lines().next().unwrap_or("");
        let alone = prose::all_capitals(first_line) && !prose::all_capitals(&words);
        let words = if alone { first_line } else { &words };
        self.metadata.title = Some(one_line(words));
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
        let deck = prose.first().copied().filter(|&first| {
            let under_heading =
                (start..first).any(|index| matches!(self.parts[index].kind, Kind::Heading(1..=6)));
            !under_heading && !prose::longer_than(self.words(first), 45)
        });
        let cut = deck.and_then(|deck| {
            (deck + 1..window)
                .take_while(|&index| !self.is_prose(index))
                .find(|&index| match self.parts[index].kind {
                    Kind::Outside(Reason::Rule) => {
                        !self.words(index).contains(char::is_alphanumeric)
                    }
                    Kind::Outside(Reason::Caption) => prose::is_one_sentence(self.words(deck)),
                    _ => false,
                })
        });
        let italic = (start..window)
            .take_while(|&index| !self.is_prose(index) || is_italic(self.words(index)))
            .filter(|&index| self.is_prose(index))
            .last();
        let end = cut
            .or(italic.map(|index| index + 1))
            .or(lead_in)
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
            let is_author = self.is_author(words);
            // Place and date: `Ghent, 3 May 1911.`
            let dated = !prose::longer_than(words, 6)
                && prose::year(words).is_some()
                && words.contains(',')
                && !words
                    .split_whitespace()
                    .any(|word| word.starts_with(char::is_lowercase));
            if is_author || dated || self.is_person(words) {
                if !dated {
                    self.metadata
                        .author
                        .get_or_insert_with(|| words.trim_end_matches('.').to_owned());
                }
                self.leave_out(index, Reason::Byline);
            } else if let Some(name) = biography(words, self.metadata.author.as_deref()) {
                self.metadata.author.get_or_insert(name);
                self.leave_out(index, Reason::AuthorBiography);
            } else if self.is_title(words)
                || matches!(normal(words).as_str(), "the end" | "end" | "finis")
            {
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

    /// Should the rules have left less than one part in `share` of the prose,
    /// they have misread the file: what was essay `before` is essay again.
    fn restore_if_lost(&mut self, before: Vec<Kind>, share: usize) {
        let bytes = |part: &Part, kind: &Kind| match kind {
            Kind::Paragraph | Kind::Quotation | Kind::Item => part.span.len(),
            _ => 0,
        };
        let had: usize = self
            .parts
            .iter()
            .zip(&before)
            .map(|(part, kind)| bytes(part, kind))
            .sum();
        let has: usize = self.parts.iter().map(|part| bytes(part, &part.kind)).sum();
        if has * share < had {
            for (part, kind) in self.parts.iter_mut().zip(before) {
                part.kind = kind;
            }
        }
    }

    /// A heading with nothing under it but what was left out goes with that.
    fn judge_empty_headings(&mut self) {
        let mut below = None;
        for index in (0..self.parts.len()).rev() {
            match &self.parts[index].kind {
                Kind::Outside(
                    reason @ (Reason::Menu
                    | Reason::RelatedPosts
                    | Reason::Notice
                    | Reason::Comments
                    | Reason::AuthorBiography
                    | Reason::Bibliography),
                ) => below = Some(*reason),
                Kind::Outside(_) | Kind::Note(_) => {}
                Kind::Heading(_) => {
                    if let Some(reason) = below {
                        self.leave_out(index, reason);
                    }
                }
                _ => below = None,
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

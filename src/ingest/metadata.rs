//! Title, author and year, as a file states them at its head.

use super::prose;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub title: Option<String>,
    pub author: Option<String>,
    pub year: Option<i32>,
}

/// The length of the front matter at the head of `text`: from a line `---` (or
/// `+++`) to the next such line or `...`; 0 when there is none. Its first line
/// must be a `key:`, or a text that opens with a rule would be swallowed.
pub(super) fn front_matter(text: &str) -> usize {
    let mut end = 0;
    let mut fence = "";
    for (number, line) in text.split_inclusive('\n').enumerate() {
        end += line.len();
        let trimmed = line.trim_end();
        match number {
            0 if matches!(trimmed, "---" | "+++") => fence = trimmed,
            0 => return 0,
            1 if entry(line).is_none() => return 0,
            _ if trimmed == fence || trimmed == "..." => return end,
            _ => {}
        }
    }
    0
}

/// Reads `key: value` lines (YAML, or TOML with `=`). Written by hand because
/// front matter in the wild is often not valid YAML (`title: One: Two`).
pub(super) fn parse(front_matter: &str) -> Metadata {
    let mut metadata = Metadata::default();
    let mut subtitle = None;
    let mut key = String::new();
    let mut authors: Vec<String> = Vec::new();
    for line in front_matter.lines() {
        let value = match entry(line) {
            Some((name, value)) => {
                key = name.to_ascii_lowercase();
                value
            }
            None => line.trim_start().strip_prefix("- ").unwrap_or(""),
        };
        let value = unquote(value);
        if value.is_empty() {
            continue;
        }
        match key.as_str() {
            "title" => metadata.title = metadata.title.or(Some(value)),
            "subtitle" => subtitle = Some(value),
            "author" | "authors" | "by" | "creator" if !value.eq_ignore_ascii_case("unknown") => {
                authors.extend(list(&value).map(person))
            }
            "year" | "date" | "published" | "publisheddate" => {
                metadata.year = metadata.year.or(prose::year(&value));
            }
            _ => {}
        }
    }
    if let (Some(title), Some(subtitle)) = (&mut metadata.title, subtitle)
        && title.ends_with(':')
    {
        *title = format!("{title} {subtitle}");
    }
    metadata.author = (!authors.is_empty()).then(|| authors.join(", "));
    metadata
}

/// A line `key: value` or `key = value` that is not indented.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once([':', '='])?;
    let plain = !key.is_empty()
        && key
            .trim_end()
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    plain.then(|| (key.trim_end(), value.trim()))
}

/// The entries of `[a, b]`, or the value itself.
fn list(value: &str) -> impl Iterator<Item = String> + '_ {
    let inner = value
        .strip_prefix('[')
        .and_then(|value| value.strip_suffix(']'));
    let separator = if inner.is_some() { ',' } else { '\0' };
    inner
        .unwrap_or(value)
        .split(separator)
        .map(unquote)
        .filter(|entry| !entry.is_empty())
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
        {
            return if quote == '"' {
                inner.replace("\\\"", "\"")
            } else {
                inner.replace("''", "'")
            };
        }
    }
    value.to_owned()
}

/// `Last, First` as `First Last`.
fn person(name: String) -> String {
    match name.split_once(',') {
        Some((last, first))
            if !first.contains(',')
                && !prose::longer_than(last, 3)
                && prose::is_name(&format!("{} {last}", first.trim())) =>
        {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => name,
    }
}

//! Text as text in markup: shown, never obeyed.

use crate::words::one_line;

/// For HTML, in elements and in quoted attributes.
pub fn html(text: &str) -> String {
    escape(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    })
}

/// For LaTeX in UTF-8.
pub fn latex(text: &str) -> String {
    escape(text, |c| match c {
        '&' => Some("\\&"),
        '%' => Some("\\%"),
        '$' => Some("\\$"),
        '#' => Some("\\#"),
        '_' => Some("\\_"),
        '{' => Some("\\{"),
        '}' => Some("\\}"),
        '~' => Some("\\textasciitilde{}"),
        '^' => Some("\\textasciicircum{}"),
        '\\' => Some("\\textbackslash{}"),
        '"' => Some("\\textquotedbl{}"),
        '<' => Some("\\textless{}"),
        '>' => Some("\\textgreater{}"),
        // At the beginning of a row these would be options of the line before.
        '[' => Some("{[}"),
        ']' => Some("{]}"),
        '*' => Some("{*}"),
        // TeX stops at some; a blank line would end a caption.
        c if c.is_control() => Some(" "),
        _ => None,
    })
}

/// For a table cell or a line of Markdown; white space becomes one space.
pub fn markdown(text: &str) -> String {
    let folded = one_line(text);
    let mut out = String::with_capacity(folded.len());
    for c in folded.chars() {
        if "\\`*_[]<>|#~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn escape(text: &str, special: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match special(c) {
            Some(escaped) => out.push_str(escaped),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_an_essay_is_shown_as_it_is() {
        assert_eq!(markdown("a *b*\n| c <i>"), "a \\*b\\* \\| c \\<i\\>");
        assert_eq!(html("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
        assert_eq!(
            latex("50 % & {a_b}\\"),
            "50 \\% \\& \\{a\\_b\\}\\textbackslash{}"
        );
        assert_eq!(latex("a\n\nb\u{1b}"), "a  b ");
    }
}

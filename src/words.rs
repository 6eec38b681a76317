//! Short texts for people.

/// Every run of white space as one space; control characters count as such, since on a
/// terminal they would be obeyed. A word divided at the end of a line keeps its hyphen.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.split(|c: char| c.is_whitespace() || c.is_control());
        for (i, word) in words.filter(|word| !word.is_empty()).enumerate() {
            let hyphen = out.strip_suffix('-');
            let divided = i == 0
                && word.starts_with(char::is_lowercase)
                && hyphen.is_some_and(|before| before.ends_with(char::is_alphabetic));
            if !out.is_empty() && !divided {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    out
}

/// At most so many characters; where it is longer, the last of them says so.
pub fn shortened(text: &str, columns: usize) -> String {
    match text.chars().nth(columns) {
        None => text.to_owned(),
        Some(_) => text.chars().take(columns - 1).chain(['…']).collect(),
    }
}

/// "1 essay", "2 essays".
pub fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(one_line(" a\r\n\u{1b}[31mb\u{7}\u{85}c "), "a [31mb c");
    }

    #[test]
    fn a_word_divided_at_the_end_of_a_line_is_whole() {
        assert_eq!(one_line("house-\r\n  holders"), "house-holders");
        assert_eq!(
            one_line("bread -\nand Anglo-\nSaxon"),
            "bread - and Anglo- Saxon"
        );
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(shortened("éàü", 3), "éàü");
        assert_eq!(shortened("éàüö", 3), "éà…");
    }
}

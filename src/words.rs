//! Short texts for people.

/// Every run of white space as one space.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(shortened("éàü", 3), "éàü");
        assert_eq!(shortened("éàüö", 3), "éà…");
    }
}

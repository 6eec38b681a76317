//! Word pieces and their case.

use anyhow::{Result, anyhow};
use tokenizers::Tokenizer;

/// An uncased WordPiece tokenizer (Wu et al. 2016, as in BERT).
pub struct Wordpiece {
    tokenizer: Tokenizer,
    pub cls: i32,
    pub sep: i32,
    pub pad: i32,
}

/// The pieces of a text, without special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    pub ids: Vec<i32>,
    pub shapes: Vec<CaseShape>,
    pub words: Vec<Word>,
}

/// A word: its bytes in the text and its first piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    pub piece: usize,
    pub start: usize,
    pub end: usize,
}

impl Pieces {
    pub fn len(&self) -> usize {
        self.ids.len()
    }
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Wordpiece {
    pub fn new(json: &[u8]) -> Result<Self> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| anyhow!("{e}"))?;
        tokenizer
            .with_truncation(None)
            .map_err(|e| anyhow!("{e}"))?;
        tokenizer.with_padding(None);
        let id = |token: &str| {
            tokenizer
                .token_to_id(token)
                .map(|id| id as i32)
                .ok_or_else(|| anyhow!("the vocabulary has no {token}"))
        };
        let (cls, sep, pad) = (id("[CLS]")?, id("[SEP]")?, id("[PAD]")?);
        Ok(Self {
            tokenizer,
            cls,
            sep,
            pad,
        })
    }

    pub fn pieces(&self, text: &str) -> Result<Pieces> {
        let encoding = self
            .tokenizer
            .encode(text, false)
            .map_err(|e| anyhow!("{e}"))?;
        let offsets = encoding.get_offsets();
        let of = encoding.get_word_ids();
        let mut words: Vec<Word> = Vec::new();
        for (piece, &(start, end)) in offsets.iter().enumerate() {
            match words.last_mut() {
                Some(word) if of[piece].is_some() && of[piece] == of[word.piece] => word.end = end,
                _ => words.push(Word { piece, start, end }),
            }
        }
        Ok(Pieces {
            ids: encoding.get_ids().iter().map(|&id| id as i32).collect(),
            shapes: offsets
                .iter()
                .map(|&(a, b)| CaseShape::of(&text[a..b]))
                .collect(),
            words,
        })
    }
}

/// The case of a piece's letters, which an uncased vocabulary throws away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CaseShape {
    /// No letter and no digit; special tokens and padding.
    None = 0,
    Lower = 1,
    /// The first letter is a capital, the others (if any) are not.
    Capitalised = 2,
    /// Two letters or more, all capitals.
    Upper = 3,
    Mixed = 4,
    /// No letter, but a digit.
    Digit = 5,
}

impl CaseShape {
    /// The shape of a piece, from its own bytes of the text.
    pub fn of(piece: &str) -> Self {
        let mut letters = piece.chars().filter(|c| c.is_alphabetic());
        let Some(first) = letters.next() else {
            return if piece.chars().any(char::is_numeric) {
                Self::Digit
            } else {
                Self::None
            };
        };
        let rest: Vec<bool> = letters.map(char::is_uppercase).collect();
        let any = rest.contains(&true);
        match (first.is_uppercase(), any, rest.iter().all(|&upper| upper)) {
            (false, false, _) => Self::Lower,
            (true, false, _) => Self::Capitalised,
            (true, true, true) => Self::Upper,
            _ => Self::Mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        use CaseShape::*;
        for (piece, shape) in [
            ("—", None),
            ("", None),
            ("soviet", Lower),
            ("Lenin", Capitalised),
            ("S", Capitalised),
            ("NEP", Upper),
            ("McKay", Mixed),
            ("eSR", Mixed),
            ("1917", Digit),
            ("Троцкий", Capitalised),
            ("ÉTÉ", Upper),
            ("文", Lower),
        ] {
            assert_eq!(CaseShape::of(piece), shape, "{piece}");
        }
    }
}

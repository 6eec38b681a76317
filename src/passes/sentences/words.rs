//! The words by which the sentence rules know an abbreviation, a sentence's
//! first word, and who speaks a quotation.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Abbreviation {
    /// A name follows: Dr., Gen.
    Title,
    /// More of the sentence always follows: e.g., cf.
    Inner,
    /// A number follows: p., vol.
    Number,
    /// A number follows, or it is no abbreviation but a word: No., art.
    NumberOrWord,
    /// Often closes a sentence: etc., ibid.
    Closing,
    /// a.m., p.m.
    Time,
    /// May stand anywhere: Inc., Jan.
    Any,
}

/// What kind of abbreviation `word`, without its last full stop, is.
pub(super) fn abbreviation(word: &str) -> Option<Abbreviation> {
    use Abbreviation::*;
    let word = word.trim_start_matches(['\'', '’', '-', '.']);
    let capital = word.starts_with(char::is_uppercase);
    // One capital letter is an initial.
    if word.len() > 8 || word.len() == 1 && capital {
        return None;
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "mr" | "mrs" | "ms" | "messrs" | "mm" | "mme" | "mlle" | "dr" | "drs" | "prof"
        | "profs" | "rev" | "fr" | "hon" | "sen" | "rep" | "reps" | "gov" | "pres" | "gen"
        | "col" | "capt" | "lt" | "cmdr" | "maj" | "sgt" | "adm" | "cde" | "supt" | "msgr"
        | "mt" | "ft"
            if capital =>
        {
            Title
        }
        "e.g" | "eg" | "i.e" | "ie" | "cf" | "viz" | "vs" | "v" | "ca" | "c" | "approx" | "esp"
        | "incl" | "f.e" | "p.s" | "resp" | "trans" | "transl" => Inner,
        "p" | "pp" | "vol" | "vols" | "nos" | "n°" | "nr" | "chap" | "chs" | "fig" | "figs"
        | "sect" | "arts" | "pt" | "pts" | "bk" | "fol" | "f" | "ff" | "l" | "ll" | "n" | "nn"
        | "fn" | "para" | "paras" | "eq" | "eqs" | "ver" | "ed" | "eds" | "op" | "s" | "ss"
        | "d" | "b" | "r" | "m" | "t" | "div" | "rs" | "tbl" | "refs" => Number,
        "no" | "art" | "par" | "app" | "tab" | "ref" | "ch" | "sec" => NumberOrWord,
        "cent" | "etc" | "ibid" | "al" | "seq" | "passim" | "cit" | "op.cit" | "loc.cit"
        | "esq" => Closing,
        "a.m" | "p.m" => Time,
        "inc" | "ltd" | "co" | "corp" | "bros" | "llc" | "plc" | "gmbh" | "jr" | "sr" | "dept"
        | "univ" | "assn" | "natl" | "intl" | "govt" | "st" | "ste" | "ave" | "blvd" | "rd"
        | "hwy" | "apt" | "bldg" | "est" | "ext" | "tel" | "attn" | "misc" | "orig" | "publ"
        | "repr" | "rpt" | "suppl" | "ser" | "ms" | "mss" | "mfg" | "med" | "min" | "max"
        | "hr" | "hrs" | "yr" | "yrs" | "rec" | "info" | "lb" | "lbs" | "oz" | "km" | "cm"
        | "mm" | "rev" | "diss" | "enl" | "introd" | "anon" | "ann" | "arr" | "dep" | "asst"
        | "ass't" | "int'l" => Any,
        "jan" | "feb" | "mar" | "apr" | "jun" | "jul" | "aug" | "sep" | "sept" | "oct" | "nov"
        | "dec" | "mon" | "tue" | "tues" | "wed" | "thu" | "thur" | "thurs" | "fri" | "sat"
        | "sun" | "calif" | "mass" | "penn" | "conn" | "wash" | "minn" | "wis" | "ont" | "que"
        | "ga" | "fla" | "va" | "ill" | "mich" | "pa" | "ky" | "tenn" | "tex" | "ariz"
            if capital =>
        {
            Any
        }
        _ => return None,
    })
}

/// Words that open a sentence far oftener than a name.
#[rustfmt::skip]
pub(super) const STARTERS: &[&str] = &[
    "The", "A", "An", "This", "That", "These", "Those", "It", "He", "She", "They", "We", "I", "You",
    "His", "Her", "Their", "Our", "My", "Your", "Its", "There", "Here", "What", "When", "Where",
    "Who", "Whom", "Whose", "Why", "How", "Which", "If", "But", "And", "Or", "So", "Yet", "For",
    "In", "On", "At", "By", "From", "To", "With", "After", "Before", "Since", "While", "As",
    "Although", "Though", "However", "Thus", "Hence", "Therefore", "Moreover", "Then", "Now", "Not",
    "No", "Nor", "Do", "Does", "Did", "Is", "Are", "Was", "Were", "Has", "Have", "Had", "Can",
    "Could", "Will", "Would", "Should", "May", "Might", "Must", "All", "Some", "Many", "Most",
    "Each", "Every", "Both", "Such", "Other", "Another", "One", "Only", "Even", "Once", "Under",
    "Over", "Between", "Because", "Unlike", "Despite", "During", "Through", "Throughout",
    "According", "Instead", "Indeed", "Finally", "Still", "Also", "Please", "Let", "Just", "Of",
    "Like", "Nobody", "Everyone", "Nothing", "Everything", "Neither", "Either", "Until", "Whether",
    "Whatever", "Perhaps", "Meanwhile", "Nevertheless", "Again", "Without",
];

/// Words that label a numbered caption or section.
#[rustfmt::skip]
pub(super) const LABELS: &[&str] = &[
    "Figure", "Fig.", "Table", "Chapter", "Part", "Section", "Act", "Scene", "Box", "Listing",
];

/// Last words of the formulas that close a letter.
pub(super) const VALEDICTIONS: &[&str] = &[
    "regards",
    "wishes",
    "thanks",
    "sincerely",
    "truly",
    "faithfully",
    "cordially",
    "respectfully",
    "cheers",
];

/// Verbs that name the speaker of a quotation just closed.
#[rustfmt::skip]
pub(super) const REPORTING: &[&str] = &[
    "said", "says", "asked", "asks", "wrote", "writes", "cried", "replied", "answered", "exclaimed",
    "demanded", "declared", "added", "shouted", "inquired", "wondered", "remarked", "observed",
    "continued", "insisted", "thought", "called", "told", "explained", "yelled", "whispered",
    "protested", "objected", "retorted", "responded", "noted", "argued", "concluded",
];

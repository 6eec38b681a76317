//! `table.xlsx`: the table and all of its evidence for a spreadsheet, linked both ways.
//!
//! Text is always written as text, so that a title that begins with `=` is no formula.

mod about;
mod evidence;
mod table;

use rust_xlsxwriter::utility::row_col_to_cell;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, Url, Workbook, Worksheet, XlsxError,
};

use super::Comparison;

type Result<T> = std::result::Result<T, XlsxError>;

/// What Excel takes: UTF-16 units in a cell, rows after the header, links of a sheet.
const TEXT: usize = 32_767;
const ROWS: usize = 1_048_575;
const LINKS: usize = 65_530;
/// Columns before those of the theses, columns of a thesis, and the most theses
/// that there are columns for.
const ESSAY_COLUMNS: usize = 5;
const THESIS_COLUMNS: usize = 3;
const THESES: usize = (16_384 - ESSAY_COLUMNS) / THESIS_COLUMNS;

const CUT: &str = " … [cut here, for a cell holds no more; whole in table.json]";

/// The comparison as a workbook.
pub fn workbook(comparison: &Comparison) -> Vec<u8> {
    write(comparison).expect("sheets within Excel's limits, written to memory")
}

fn write(comparison: &Comparison) -> Result<Vec<u8>> {
    let mut workbook = Workbook::new();
    // A fixed date, so that the same table has the same bytes.
    let properties = DocProperties::new()
        .set_title(fit(&comparison.study.question))
        .set_author(program())
        .set_creation_datetime(&ExcelDateTime::from_ymd(2000, 1, 1)?);
    workbook.set_properties(&properties);
    let formats = Formats::new();
    table::write(workbook.add_worksheet(), comparison, &formats)?;
    evidence::write(workbook.add_worksheet(), comparison, &formats)?;
    about::write(workbook.add_worksheet(), comparison, &formats)?;
    workbook.save_to_buffer()
}

fn program() -> String {
    format!("konspekt {}", env!("CARGO_PKG_VERSION"))
}

struct Formats {
    plain: Format,
    bold: Format,
    head: Format,
    wrapped: Format,
    percent: Format,
    link: Format,
    bold_link: Format,
}

impl Formats {
    fn new() -> Self {
        let plain = Format::new().set_align(FormatAlign::Top);
        Self {
            bold: plain.clone().set_bold(),
            head: plain.clone().set_bold().set_text_wrap(),
            wrapped: plain.clone().set_text_wrap(),
            percent: plain.clone().set_num_format("0%"),
            link: plain.clone().set_hyperlink(),
            bold_link: plain.clone().set_hyperlink().set_bold(),
            plain,
        }
    }
}

/// Header, filters and widths, and how the sheet is printed.
fn frame(
    sheet: &mut Worksheet,
    columns: &[(String, f64)],
    rows: usize,
    formats: &Formats,
) -> Result<()> {
    for (column, (name, width)) in (0..).zip(columns) {
        text(sheet, 0, column, name, &formats.head)?;
        sheet.set_column_width(column, *width)?;
    }
    sheet.autofilter(0, 0, rows.min(ROWS) as u32, columns.len() as u16 - 1)?;
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(0, 0)?;
    Ok(())
}

fn stance_column(thesis: usize) -> u16 {
    (ESSAY_COLUMNS + THESIS_COLUMNS * thesis.min(THESES - 1)) as u16
}

fn link(sheet: &str, row: u32, column: u16) -> Url {
    Url::new(format!("internal:{sheet}!{}", row_col_to_cell(row, column)))
}

fn text(sheet: &mut Worksheet, row: u32, column: u16, text: &str, format: &Format) -> Result<()> {
    sheet.write_string_with_format(row, column, fit(text), format)?;
    Ok(())
}

/// Text as a cell takes it: its lines end with a line feed alone, since a carriage
/// return shows as `_x000D_`, and it is cut where a cell is full.
fn fit(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.encode_utf16().count() <= TEXT {
        return text;
    }
    let mut room = TEXT - CUT.encode_utf16().count();
    let kept = text.chars().take_while(|c| {
        let fits = c.len_utf16() <= room;
        room = room.saturating_sub(c.len_utf16());
        fits
    });
    kept.chain(CUT.chars()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use calamine::{Data, Range, Reader, Xlsx, open_workbook_from_rs};

    use super::*;
    use crate::comparison::example;

    fn sheet(bytes: &[u8], name: &str) -> Range<Data> {
        let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes.to_vec())).unwrap();
        assert_eq!(workbook.sheet_names(), ["Table", "Evidence", "About"]);
        let formulas = workbook.worksheet_formula(name).unwrap();
        assert!(
            formulas.used_cells().next().is_none(),
            "a formula in {name}"
        );
        workbook.worksheet_range(name).unwrap()
    }

    fn row(range: &Range<Data>, row: usize) -> Vec<String> {
        range[row].iter().map(ToString::to_string).collect()
    }

    /// One file of the archive, as text.
    fn part(bytes: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let file = archive.by_name(name).unwrap();
        std::io::read_to_string(file).unwrap()
    }

    #[test]
    fn the_table_is_read_back() {
        let (study, essays) = example::hostile();
        let table = sheet(&workbook(&Comparison::new(&study, &essays)), "Table");
        let head = row(&table, 0);
        assert_eq!(head[..5], ["File", "Author", "Title", "Year", "Primary"]);
        assert_eq!(head[5], "+First: stance");
        assert_eq!(head[10], "Second: confidence");
        assert_eq!(head.len(), 11);
        let first = row(&table, 1);
        assert_eq!(first[0], "=a.txt");
        assert_eq!(first[1], "", "no author");
        assert_eq!(table[(1, 2)], Data::String(example::FORMULA.to_owned()));
        assert_eq!(table[(1, 3)], Data::Float(1924.0));
        assert_eq!(first[4..6], ["+First", "endorses"]);
        assert_eq!(table[(1, 6)], Data::Float(1.0));
        assert_eq!(row(&table, 2)[5], "absent");
    }

    #[test]
    fn the_evidence_is_read_back() {
        let (study, essays) = example::hostile();
        let evidence = sheet(&workbook(&Comparison::new(&study, &essays)), "Evidence");
        assert_eq!(evidence.height(), 4);
        let quotes: Vec<String> = (1..4).map(|at| row(&evidence, at)[6].clone()).collect();
        assert_eq!(quotes[0], "-2+3 cmd|' /C calc'!A0\nso.");
        assert_eq!(quotes[1], example::FORMULA);
        assert_eq!(quotes[2].encode_utf16().count(), TEXT);
        assert!(quotes[2].ends_with(CUT));
        let first = row(&evidence, 1);
        assert_eq!(
            first[..6],
            ["=a.txt", "+First", "asserts", "cited", "@Martov", "0.75"]
        );
        assert_eq!(evidence[(1, 7)], Data::Float(0.0));
        assert_eq!(evidence[(1, 8)], Data::Float(27.0));
    }

    #[test]
    fn the_two_sheets_link_to_each_other() {
        let (study, essays) = example::hostile();
        let bytes = workbook(&Comparison::new(&study, &essays));
        let table = part(&bytes, "xl/worksheets/sheet1.xml");
        assert!(table.contains(r#"<hyperlink ref="F2" location="Evidence!A2""#));
        assert_eq!(
            table.matches("<hyperlink ").count(),
            1,
            "none where none is"
        );
        let evidence = part(&bytes, "xl/worksheets/sheet2.xml");
        for at in 2..5 {
            let link = format!(r#"<hyperlink ref="A{at}" location="Table!F2""#);
            assert!(evidence.contains(&link), "{link}");
        }
        assert!(table.contains(r#"<autoFilter ref="A1:K3"/>"#));
        assert!(evidence.contains(r#"<autoFilter ref="A1:I4"/>"#));
        assert!(table.contains(r#"xSplit="1" ySplit="1" topLeftCell="B2""#));
        assert!(evidence.contains(r#"<pane ySplit="1" topLeftCell="A2""#));
    }

    #[test]
    fn the_theses_are_defined() {
        let (study, essays) = example::hostile();
        let about = sheet(&workbook(&Comparison::new(&study, &essays)), "About");
        let rows: Vec<_> = (0..about.height()).map(|at| row(&about, at)).collect();
        assert_eq!(rows[1][..2], ["Question", "@What came of it?"]);
        assert!(rows.contains(&vec![
            "+First".to_owned(),
            "first".to_owned(),
            "=1+1 & <so> on.".to_owned()
        ]));
    }

    #[test]
    fn a_study_without_essays_has_its_headers() {
        let (study, _) = example::hostile();
        let bytes = workbook(&Comparison::new(&study, &[]));
        assert_eq!(sheet(&bytes, "Table").height(), 1);
        assert_eq!(sheet(&bytes, "Evidence").height(), 1);
    }

    #[test]
    fn the_bytes_are_the_same_at_another_time() {
        let (study, essays) = example::hostile();
        let comparison = Comparison::new(&study, &essays);
        let before = workbook(&comparison);
        // The times of an archive's entries count in steps of two seconds.
        std::thread::sleep(Duration::from_millis(2_100));
        assert!(before == workbook(&comparison));
    }

    #[test]
    fn a_sheet_has_no_more_links_than_excel_takes() {
        let (study, essays) = example::hostile();
        let mut comparison = Comparison::new(&study, &essays);
        let evidence = &mut comparison.rows[0].reading.cells[0].evidence;
        let short = evidence.remove(0);
        *evidence = vec![short; LINKS + 9];
        let bytes = workbook(&comparison);
        let sheet2 = part(&bytes, "xl/worksheets/sheet2.xml");
        assert_eq!(sheet2.matches("<hyperlink ").count(), LINKS);
        let last = row(&sheet(&bytes, "Evidence"), LINKS + 9);
        assert_eq!(last[0], "=a.txt");
    }

    #[test]
    fn text_is_cut_between_characters() {
        let full = "a".repeat(TEXT);
        assert_eq!(fit(&full), full);
        let cut = fit(&"𝄞".repeat(TEXT));
        assert!(cut.starts_with('𝄞') && cut.ends_with(CUT));
        assert!((TEXT - 1..=TEXT).contains(&cut.encode_utf16().count()));
    }
}

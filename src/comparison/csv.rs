//! `table.csv` (one row per essay and thesis) and `evidence.csv` (one row per
//! evidence sentence): tidy tables that R's `read.csv` and pandas' `read_csv`
//! read without options.
//!
//! What is not known is an empty field, not `NA`, so that programs other than
//! these two find no such word among the values.

use csv::Writer;
use serde::Serialize;

use super::{Comparison, tidy};

/// One row per essay and thesis.
pub fn table(comparison: &Comparison) -> Vec<u8> {
    bytes(&tidy::CELL_COLUMNS, &tidy::cells(comparison))
}

/// One row per evidence sentence; offsets are bytes, as in `table.json`.
pub fn evidence(comparison: &Comparison) -> Vec<u8> {
    bytes(&tidy::EVIDENCE_COLUMNS, &tidy::evidence(comparison))
}

/// The header is written by hand so that a table without rows has one too.
fn bytes<T: Serialize>(columns: &[&str], rows: &[T]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let write = |writer: &mut Writer<Vec<u8>>| -> csv::Result<()> {
        writer.write_record(columns)?;
        rows.iter().try_for_each(|row| writer.serialize(row))
    };
    write(&mut writer).expect("rows of plain fields, written to memory");
    writer.into_inner().expect("memory takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::example;

    #[test]
    fn truth_is_written_as_r_reads_it() {
        let (study, essays) = example::hostile();
        let table = table(&Comparison::new(&study, &essays));
        let mut reader = csv::Reader::from_reader(table.as_slice());
        assert_eq!(reader.headers().unwrap(), &tidy::CELL_COLUMNS[..]);
        let primary: Vec<String> = reader
            .records()
            .map(|record| record.unwrap()[10].to_owned())
            .collect();
        assert_eq!(primary, ["TRUE", "FALSE", "FALSE", "FALSE"]);
    }

    #[test]
    fn no_rows_leave_a_header() {
        let (study, _) = example::hostile();
        let evidence = evidence(&Comparison::new(&study, &[]));
        let wanted = tidy::EVIDENCE_COLUMNS.join(",") + "\n";
        assert_eq!(String::from_utf8(evidence).unwrap(), wanted);
    }
}

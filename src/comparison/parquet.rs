//! `cells.parquet` and `evidence.parquet`: the rows of `table.csv` and
//! `evidence.csv` with their types.
//!
//! The columns are not compressed: what repeats is in dictionaries, and the
//! quotes of a hundred essays are small.

use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::data_type::{Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{Comparison, tidy};

/// In this form ("… version …") readers parse it to know of the faults of old writers.
const CREATED_BY: &str = concat!("konspekt version ", env!("CARGO_PKG_VERSION"));

const CELLS: &str = "message cells {
    REQUIRED BYTE_ARRAY essay (STRING);
    REQUIRED BYTE_ARRAY file (STRING);
    OPTIONAL BYTE_ARRAY title (STRING);
    OPTIONAL BYTE_ARRAY author (STRING);
    OPTIONAL INT32 year;
    REQUIRED BYTE_ARRAY thesis (STRING);
    REQUIRED BYTE_ARRAY stance (STRING);
    REQUIRED DOUBLE weight;
    REQUIRED DOUBLE confidence;
    REQUIRED INT64 evidence;
    REQUIRED BOOLEAN primary;
}";

/// One row per essay and thesis.
pub fn cells(comparison: &Comparison) -> Vec<u8> {
    let rows = tidy::cells(comparison);
    file(CELLS, rows.len(), |to| {
        to.text(rows.iter().map(|row| row.essay))?;
        to.text(rows.iter().map(|row| row.file))?;
        to.text_or_null(rows.iter().map(|row| row.title))?;
        to.text_or_null(rows.iter().map(|row| row.author))?;
        to.nullable::<Int32Type>(rows.iter().map(|row| row.year))?;
        to.text(rows.iter().map(|row| row.thesis))?;
        to.text(rows.iter().map(|row| row.stance.name()))?;
        to.column::<DoubleType>(rows.iter().map(|row| row.weight))?;
        to.column::<DoubleType>(rows.iter().map(|row| row.confidence))?;
        to.column::<Int64Type>(rows.iter().map(|row| row.evidence as i64))?;
        to.column::<BoolType>(rows.iter().map(|row| row.primary))
    })
}

const EVIDENCE: &str = "message evidence {
    REQUIRED BYTE_ARRAY essay (STRING);
    REQUIRED BYTE_ARRAY file (STRING);
    REQUIRED BYTE_ARRAY thesis (STRING);
    REQUIRED BYTE_ARRAY stance (STRING);
    REQUIRED BYTE_ARRAY voice (STRING);
    OPTIONAL BYTE_ARRAY source (STRING);
    REQUIRED DOUBLE score;
    REQUIRED INT64 start;
    REQUIRED INT64 end;
    REQUIRED BYTE_ARRAY quote (STRING);
}";

/// One row per evidence sentence; offsets are bytes, as in `table.json`.
pub fn evidence(comparison: &Comparison) -> Vec<u8> {
    let rows = tidy::evidence(comparison);
    file(EVIDENCE, rows.len(), |to| {
        to.text(rows.iter().map(|row| row.essay))?;
        to.text(rows.iter().map(|row| row.file))?;
        to.text(rows.iter().map(|row| row.thesis))?;
        to.text(rows.iter().map(|row| row.stance.name()))?;
        to.text(rows.iter().map(|row| row.voice.name()))?;
        to.text_or_null(rows.iter().map(|row| row.source))?;
        to.column::<DoubleType>(rows.iter().map(|row| row.score))?;
        to.column::<Int64Type>(rows.iter().map(|row| row.start as i64))?;
        to.column::<Int64Type>(rows.iter().map(|row| row.end as i64))?;
        to.text(rows.iter().map(|row| row.quote))
    })
}

/// A file of one row group, or of none where there are no rows.
fn file(
    schema: &str,
    rows: usize,
    columns: impl FnOnce(&mut Columns<'_, '_>) -> Result<()>,
) -> Vec<u8> {
    let write = || -> Result<Vec<u8>> {
        let schema = Arc::new(parse_message_type(schema)?);
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .build();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        if rows > 0 {
            let mut group = file.next_row_group()?;
            columns(&mut Columns(&mut group))?;
            group.close()?;
        }
        file.into_inner()
    };
    write().expect("columns as in the schema, written to memory")
}

/// The columns of a row group, written in the schema's order.
struct Columns<'g, 'b>(&'g mut SerializedRowGroupWriter<'b, Vec<u8>>);

impl Columns<'_, '_> {
    fn column<T: DataType>(&mut self, values: impl Iterator<Item = T::T>) -> Result<()> {
        self.write::<T>(&values.collect::<Vec<_>>(), None)
    }

    fn nullable<T: DataType>(&mut self, values: impl Iterator<Item = Option<T::T>>) -> Result<()> {
        let mut present = Vec::new();
        // Level 1 is a value, level 0 is none.
        let levels: Vec<i16> = values
            .map(|value| {
                let level = i16::from(value.is_some());
                present.extend(value);
                level
            })
            .collect();
        self.write::<T>(&present, Some(&levels))
    }

    fn text<'a>(&mut self, values: impl Iterator<Item = &'a str>) -> Result<()> {
        self.column::<ByteArrayType>(values.map(ByteArray::from))
    }

    fn text_or_null<'a>(&mut self, values: impl Iterator<Item = Option<&'a str>>) -> Result<()> {
        self.nullable::<ByteArrayType>(values.map(|value| value.map(ByteArray::from)))
    }

    fn write<T: DataType>(&mut self, values: &[T::T], levels: Option<&[i16]>) -> Result<()> {
        let next = self.0.next_column()?;
        let mut column = next.expect("the schema has a column for every call");
        column.typed::<T>().write_batch(values, levels, None)?;
        column.close()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    use super::*;
    use crate::comparison::example;

    /// The rows, and the names of the columns as the tidy tables have them.
    fn read(bytes: Vec<u8>, columns: &[&str]) -> Vec<Row> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        std::fs::write(&path, bytes).unwrap();
        let reader = SerializedFileReader::try_from(Path::new(&path)).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.created_by(), Some(CREATED_BY));
        let schema = metadata.schema_descr();
        let names: Vec<_> = schema.columns().iter().map(|c| c.name()).collect();
        assert_eq!(names, columns);
        reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    fn fields(row: &Row) -> Vec<Field> {
        row.get_column_iter()
            .map(|(_, field)| field.clone())
            .collect()
    }

    fn text(text: &str) -> Field {
        Field::Str(text.to_owned())
    }

    #[test]
    fn cells_are_read_back() {
        let (study, essays) = example::hostile();
        let rows = read(
            cells(&Comparison::new(&study, &essays)),
            &tidy::CELL_COLUMNS,
        );
        assert_eq!(rows.len(), 4);
        let first = fields(&rows[0]);
        let wanted = [
            text("=a"),
            text("=a.txt"),
            text(example::FORMULA),
            Field::Null,
            Field::Int(1924),
            text("first"),
            text("endorses"),
            Field::Double(1.0),
        ];
        assert_eq!(first[..8], wanted);
        assert_eq!(first[9..], [Field::Long(3), Field::Bool(true)]);
        let last = fields(&rows[3]);
        assert_eq!(last[2..5], [Field::Null, Field::Null, Field::Null]);
        assert_eq!(last[9..], [Field::Long(0), Field::Bool(false)]);
    }

    #[test]
    fn evidence_is_read_back_whole() {
        let (study, essays) = example::hostile();
        let comparison = Comparison::new(&study, &essays);
        let rows = read(evidence(&comparison), &tidy::EVIDENCE_COLUMNS);
        let wanted = tidy::evidence(&comparison);
        assert_eq!(rows.len(), wanted.len());
        for (row, wanted) in rows.iter().zip(&wanted) {
            let got = fields(row);
            let expected = [
                text(wanted.voice.name()),
                wanted.source.map_or(Field::Null, text),
                Field::Double(wanted.score),
                Field::Long(wanted.start as i64),
                Field::Long(wanted.end as i64),
                text(wanted.quote),
            ];
            assert_eq!(got[4..], expected);
        }
    }

    #[test]
    fn no_rows_leave_the_columns() {
        let (study, _) = example::hostile();
        let comparison = Comparison::new(&study, &[]);
        assert!(read(cells(&comparison), &tidy::CELL_COLUMNS).is_empty());
        assert!(read(evidence(&comparison), &tidy::EVIDENCE_COLUMNS).is_empty());
    }

    #[test]
    fn the_bytes_are_the_same_every_time() {
        let (study, essays) = example::hostile();
        let comparison = Comparison::new(&study, &essays);
        assert_eq!(cells(&comparison), cells(&comparison));
        assert_eq!(evidence(&comparison), evidence(&comparison));
    }
}

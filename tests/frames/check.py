"""Opens the tables of one run in the programs that people open them in.

    python check.py FOLDER

Every table must say what table.json says, value by value.
"""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

TEXT, YEAR, COUNT, REAL, TRUTH = "text", "year", "count", "real", "truth"

# Column: type, may be missing.
CELLS = {
    "essay": (TEXT, False),
    "file": (TEXT, False),
    "title": (TEXT, True),
    "author": (TEXT, True),
    "year": (YEAR, True),
    "thesis": (TEXT, False),
    "stance": (TEXT, False),
    "weight": (REAL, False),
    "confidence": (REAL, False),
    "evidence": (COUNT, False),
    "primary": (TRUTH, False),
}
EVIDENCE = {
    "essay": (TEXT, False),
    "file": (TEXT, False),
    "thesis": (TEXT, False),
    "stance": (TEXT, False),
    "voice": (TEXT, False),
    "source": (TEXT, True),
    "score": (REAL, False),
    "start": (COUNT, False),
    "end": (COUNT, False),
    "quote": (TEXT, False),
}

# The types of each in Parquet, as pyarrow, polars and DuckDB call them.
ARROW = {
    TEXT: pa.string(),
    YEAR: pa.int32(),
    COUNT: pa.int64(),
    REAL: pa.float64(),
    TRUTH: pa.bool_(),
}
POLARS = {TEXT: pl.String, YEAR: pl.Int32, COUNT: pl.Int64, REAL: pl.Float64, TRUTH: pl.Boolean}
DUCKDB = {TEXT: "VARCHAR", YEAR: "INTEGER", COUNT: "BIGINT", REAL: "DOUBLE", TRUTH: "BOOLEAN"}

# What pandas must take a column of CSV for; it has no whole numbers beside missing
# ones unless asked.
PANDAS = {
    TEXT: pd.api.types.is_string_dtype,
    YEAR: pd.api.types.is_numeric_dtype,
    COUNT: pd.api.types.is_integer_dtype,
    REAL: pd.api.types.is_numeric_dtype,
    TRUTH: pd.api.types.is_bool_dtype,
}

# What pandas takes for a missing value unless told otherwise; R takes NA.
MISSING = {
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
}  # fmt: skip


def wanted(table):
    """The two tidy tables, from table.json."""
    cells, evidence = [], []
    for essay in table["essays"]:
        names = {"essay": essay["id"], "file": essay["file"]}
        for thesis, cell in essay["theses"].items():
            cells.append(
                names
                | {name: essay[name] for name in ("title", "author", "year")}
                | {"thesis": thesis, "evidence": len(cell["evidence"])}
                | {name: cell[name] for name in ("stance", "weight", "confidence")}
                | {"primary": essay["primary"] == thesis}
            )
            for found in cell["evidence"]:
                rest = [name for name in EVIDENCE if name not in ("essay", "file", "thesis")]
                evidence.append(names | {"thesis": thesis} | {name: found[name] for name in rest})
    return cells, evidence


def same(what, got, expected, columns):
    """Rows of the same values and, but for whole numbers read as real ones, types."""
    assert len(got) == len(expected), f"{what}: {len(got)} rows, not {len(expected)}"
    for i, (row, other) in enumerate(zip(got, expected)):
        assert list(row) == list(columns), f"{what}: columns {list(row)}"
        for name, value in row.items():
            right = value == other[name] and (value is None) == (other[name] is None)
            if isinstance(value, bool) or isinstance(other[name], (bool, str)):
                right = right and type(value) is type(other[name])
            assert right, f"{what}, row {i}, {name}: {value!r}, not {other[name]!r}"
    print(f"{what}: {len(got)} rows are as in table.json")


def records(frame):
    """Rows of a pandas frame, with None for what is missing and Python's own types."""
    rows = frame.astype(object).to_dict("records")
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in rows
    ]


def query(sql, path, *values):
    with duckdb.connect() as database:
        return database.execute(sql, [str(path), *values]).fetchall()


def parquet(path, columns, expected):
    what = path.name
    file = pq.ParquetFile(path)
    assert file.metadata.created_by.startswith("konspekt version "), file.metadata.created_by
    table = pq.read_table(path)
    for field in table.schema:
        kind, nullable = columns[field.name]
        assert field.type == ARROW[kind] and field.nullable == nullable, f"{what}: {field}"
    same(f"{what}, pyarrow", table.to_pylist(), expected, columns)
    same(f"{what}, pandas", records(pd.read_parquet(path)), expected, columns)
    frame = pl.read_parquet(path)
    assert dict(frame.schema) == {name: POLARS[kind] for name, (kind, _) in columns.items()}, (
        frame.schema
    )
    same(f"{what}, polars", frame.to_dicts(), expected, columns)
    described = query("DESCRIBE SELECT * FROM read_parquet(?)", path)
    types = {name: kind for name, kind, *_ in described}
    assert types == {name: DUCKDB[kind] for name, (kind, _) in columns.items()}, types
    rows = [dict(zip(columns, row)) for row in query("SELECT * FROM read_parquet(?)", path)]
    same(f"{what}, DuckDB", rows, expected, columns)
    # A condition is answered from the statistics of the file, which must be right too.
    last = expected[-1]["essay"] if expected else ""
    found = query("SELECT count(*) FROM read_parquet(?) WHERE essay = ?", path, last)
    assert found == [(sum(row["essay"] == last for row in expected),)], found


def csv_by_hand(path, columns, expected):
    """What R and pandas rely on and no reader tells."""
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf"), f"{path.name}: a byte order mark"
    text = data.decode("utf-8")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert rows[0] == list(columns), rows[0]
    for i, row in enumerate(rows):
        assert len(row) == len(columns), f"{path.name}, row {i}: {len(row)} fields"
        for value in row:
            assert value not in MISSING, f"{path.name}, row {i}: {value} would be no value"
    # A quotation mark stands only around a field, or twice in one.
    outside = "".join(text.split('"')[::2])
    assert text.count('"') % 2 == 0, f"{path.name}: a stray quotation mark"
    assert outside.count("\n") == len(rows) and "\r" not in outside, f"{path.name}: line ends"
    for i, (row, other) in enumerate(zip(rows[1:], expected, strict=True)):
        for value, name in zip(row, columns):
            right = written(other[name])
            fits = value == right if isinstance(right, str) else float(value) == right
            assert fits, f"{path.name}, row {i}, {name}: {value!r}, not {right!r}"
    print(f"{path.name}, by hand: {len(rows) - 1} rows are as in table.json")


def written(value):
    """As a field: nothing for what is missing, truth as R knows it."""
    if isinstance(value, bool):
        return str(value).upper()
    return "" if value is None else value


def csv_by_pandas(path, columns, expected):
    frame = pd.read_csv(path)
    for name, (kind, nullable) in columns.items():
        column = frame[name]
        if column.isna().all():
            assert nullable or not expected, f"{path.name}: {name} is empty"
            continue
        assert PANDAS[kind](column), f"{path.name}: pandas takes {name} for {column.dtype}"
    same(f"{path.name}, pandas", records(frame), expected, columns)


def csv_by_r(path, columns, expected):
    if shutil.which("Rscript") is None:
        print(f"{path.name}, R: not installed here, passed over")
        return
    script = Path(__file__).with_name("check.R")
    output = subprocess.run(
        ["Rscript", "--vanilla", script, path], check=True, capture_output=True, text=True
    )
    lines = [line.split("\t") for line in output.stdout.splitlines()]
    assert [line[0] for line in lines] == list(columns), output.stdout
    classes = {
        TEXT: {"character"},
        YEAR: {"integer"},
        COUNT: {"integer"},
        REAL: {"numeric", "integer"},
        TRUTH: {"logical"},
    }
    read = {}
    for name, kind, *values in lines:
        # A column without a single value is logical to R.
        empty = all(row[name] is None for row in expected)
        assert empty or kind in classes[columns[name][0]], f"{path.name}: R takes {name} for {kind}"
        read[name] = [from_r(value) for value in values]
    rows = [dict(zip(read, row)) for row in zip(*read.values())]
    # R keeps an empty text where pandas has none, and ends lines with a line feed.
    as_r = [{name: r_text(value) for name, value in row.items()} for row in expected]
    got = [{name: r_text(value) for name, value in row.items()} for row in rows]
    same(f"{path.name}, R", got, as_r, columns)


def from_r(value):
    if value.startswith("x"):
        return bytes.fromhex(value[1:]).decode("utf-8")
    words = {"NA": None, "TRUE": True, "FALSE": False}
    return words[value] if value in words else float(value)


def r_text(value):
    return None if value == "" else unix(value)


def unix(value):
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def cell_text(value):
    """As the workbook has it: lines end with a line feed, and a cell has an end."""
    assert not isinstance(value, str) or len(value) < 32767
    return unix(value)


def workbook(path, table):
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Table", "Evidence", "About"], book.sheetnames
    for sheet in book:
        for cell in (cell for row in sheet for cell in row):
            assert cell.data_type != "f", f"{sheet.title}, {cell.coordinate} is a formula"
    labels = {thesis["id"]: thesis["label"] for thesis in table["theses"]}
    sheet, evidence = book["Table"], book["Evidence"]
    head = ["File", "Author", "Title", "Year", "Primary"]
    for label in labels.values():
        head += [f"{label}: stance", f"{label}: weight", f"{label}: confidence"]
    assert [cell.value for cell in sheet[1]] == head
    assert sheet.freeze_panes == "B2" and evidence.freeze_panes == "A2"
    assert (
        sheet.auto_filter.ref == sheet.dimensions
        and evidence.auto_filter.ref == evidence.dimensions
    )
    assert sheet.max_row == 1 + len(table["essays"])
    at = 1
    for row, essay in zip(sheet.iter_rows(min_row=2), table["essays"]):
        got = [cell.value for cell in row[:5]]
        right = [
            essay["file"],
            essay["author"],
            essay["title"],
            essay["year"],
            labels.get(essay["primary"]),
        ]
        assert got == list(map(cell_text, right)), f"{got}, not {right}"
        for i, (thesis, cell) in enumerate(essay["theses"].items()):
            stance, weight, confidence = row[5 + 3 * i : 8 + 3 * i]
            got = (stance.value, weight.value, confidence.value)
            assert got == (cell["stance"], cell["weight"], cell["confidence"]), got
            assert weight.number_format == confidence.number_format == "0%"
            assert bool(stance.font.bold) == (thesis == essay["primary"]), stance.coordinate
            link = stance.hyperlink and stance.hyperlink.location
            assert link == (f"Evidence!A{at + 1}" if cell["evidence"] else None), link
            for found in cell["evidence"]:
                at += 1
                line = evidence[at]
                right = [essay["file"], labels[thesis]]
                right += [
                    found[name]
                    for name in ("stance", "voice", "source", "score", "quote", "start", "end")
                ]
                got = [cell.value for cell in line]
                assert got == list(map(cell_text, right)), f"{got}, not {right}"
                assert line[0].hyperlink.location == f"Table!{stance.coordinate}"
    assert evidence.max_row == at, f"{evidence.max_row} rows, not {at}"
    about = [row for row in book["About"].iter_rows(values_only=True)]
    assert about[0][:2] == ("Study", table["study"]) and about[1][:2] == (
        "Question",
        table["question"],
    )
    assert [(row[1], row[0]) for row in about[-len(labels) :]] == list(labels.items())
    counts = f"{sheet.max_row - 1} essays and {at - 1} sentences"
    print(f"{path.name}, openpyxl: {counts} are as in table.json")


def main():
    folder = Path(sys.argv[1])
    table = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    cells, evidence = wanted(table)
    parquet(folder / "cells.parquet", CELLS, cells)
    parquet(folder / "evidence.parquet", EVIDENCE, evidence)
    for name, columns, expected in [
        ("table.csv", CELLS, cells),
        ("evidence.csv", EVIDENCE, evidence),
    ]:
        csv_by_hand(folder / name, columns, expected)
        csv_by_pandas(folder / name, columns, expected)
        csv_by_r(folder / name, columns, expected)
    workbook(folder / "table.xlsx", table)


if __name__ == "__main__":
    main()

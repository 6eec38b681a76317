"""The fixture as brat has it, in the order in which konspekt writes it."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import DOC, ROOT, SPANS, TEXT, frags

D = ROOT / "brat"
lines, spans, attributes, notes = [], 0, 0, 0


def span(kind, fragments):
    global spans
    spans += 1
    places = ";".join(f"{b} {e}" for b, e in fragments)
    lines.append(f"T{spans}\t{kind} {places}\t{' '.join(TEXT[b:e] for b, e in fragments)}")
    return f"T{spans}"


def attribute(name, of, value):
    global attributes
    attributes += 1
    lines.append(f"A{attributes}\t{name} {of} {value}")


def note(of, text):
    global notes
    notes += 1
    lines.append(f"#{notes}\tAnnotatorNotes {of}\t{text}")


CELL = {"asserts": "endorses", "denies": "rejects", "reports": "reports"}
rest = {
    "doc": "doc.txt",
    "primary": DOC["primary"],
    "sentence": "",
    "summary": {t: {"stance": CELL[s], "weight": w} for t, (s, w) in sorted(DOC["summary"].items())},
}
body = span("Body", frags(*DOC["body"]))
note(body, "konspekt: " + json.dumps(rest, separators=(",", ":"), sort_keys=True))
for b, e in DOC["skip"]:
    span("Skip", frags(b, e))
for b, e, thesis, stance, voice, source in SPANS:
    mark = span(thesis, frags(b, e))
    attribute("Stance", mark, stance)
    attribute("Voice", mark, voice)
    if source:
        note(mark, f"source: {source}")
(D / "doc.txt").write_bytes(TEXT.encode())
(D / "doc.ann").write_bytes(("\n".join(lines) + "\n").encode())
theses = "|".join(DOC["summary"])
(D / "annotation.conf").write_text(
    "[entities]\n" + "\n".join([*DOC["summary"], "Body", "Skip"])
    + "\n\n[relations]\n\n<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>\n\n[events]\n\n[attributes]\n"
    + f"Stance\tArg:{theses}, Value:asserts|denies|reports\nVoice\tArg:{theses}, Value:author|cited|either\n")

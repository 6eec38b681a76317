"""Shared test document and expected labels (CC0). Offsets are Python str indices = Unicode code points."""
import json, pathlib
ROOT = pathlib.Path(__file__).resolve().parent
TEXT = ("Caf\u00e9 \u201cOctober\u201d \U0001F6A9 began in hope. Lenin paved the way for Stalin, he wrote.\n"
        "The civil war, not the party,\nruined the soviets. Nothing of the kind \u2013 e\u0301 \u2013 was inevitable.\n")
S = ["Caf\u00e9 \u201cOctober\u201d \U0001F6A9 began in hope.", "Lenin paved the way for Stalin, he wrote.",
     "The civil war, not the party,\nruined the soviets.", "Nothing of the kind \u2013 e\u0301 \u2013 was inevitable."]
SENT = []
_p = 0
for s in S:
    b = TEXT.index(s, _p); SENT.append((b, b + len(s))); _p = b + len(s)
SPANS = [  # (start, end, thesis, stance, voice, source)
    (*SENT[1], "continuity", "reports", "cited", "he"),
    (*SENT[2], "objective-conditions", "asserts", "author", None),
    (*SENT[2], "party-state-fusion", "denies", "author", None),
    (*SENT[3], "continuity", "denies", "author", None)]
DOC = {"body": (SENT[0][0], SENT[3][1]), "skip": [SENT[0]], "primary": "objective-conditions",
       "summary": {"objective-conditions": ("endorses", 3), "party-state-fusion": ("rejects", 1), "continuity": ("rejects", 2)}}
def u16(i): return len(TEXT[:i].encode("utf-16-le")) // 2
def u8(i): return len(TEXT[:i].encode("utf-8"))
def frags(b, e):
    """split [b,e) at newlines into non-empty fragments (brat)"""
    out = []
    for line in TEXT[b:e].split("\n"):
        if line: out.append((b, b + len(line)))
        b += len(line) + 1
    return out
if __name__ == "__main__":
    (ROOT / "doc.txt").write_bytes(TEXT.encode("utf-8"))
    exp = {"bytes": len(TEXT.encode()), "codepoints": len(TEXT), "utf16": u16(len(TEXT)),
           "sentences": [{"cp": [b, e], "utf16": [u16(b), u16(e)], "bytes": [u8(b), u8(e)]} for b, e in SENT],
           "spans": [{"cp": [b, e], "utf16": [u16(b), u16(e)], "bytes": [u8(b), u8(e)], "thesis": t, "stance": st,
                      "voice": v, "source": so} for b, e, t, st, v, so in SPANS],
           "body": {"cp": DOC["body"]}, "skip": [{"cp": x} for x in DOC["skip"]], "primary": DOC["primary"],
           "summary": {k: {"stance": a, "weight": w} for k, (a, w) in DOC["summary"].items()}}
    (ROOT / "expected.json").write_text(json.dumps(exp, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(exp, ensure_ascii=False))

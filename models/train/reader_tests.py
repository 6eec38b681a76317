"""Test figures of the reader, each beside a baseline, and reference outputs."""

import random
import re

import numpy as np

import reader_data as data

ENTITIES = list(data.ENTITY_TYPES)
LABELS = {"entities": data.ENTITY_LABELS, "voice": data.VOICE_LABELS}


def decode(text, offsets, logits, labels):
    """Spans (start, end, type) of the best label of every word's first piece."""
    spans, current, previous_end = [], None, -1
    best = logits.argmax(-1)
    for (a, b), k in zip(offsets, best):
        if a == b:
            continue
        inside_word = a == previous_end and a > 0 and text[a - 1].isalnum() and text[a].isalnum()
        previous_end = b
        if inside_word:
            if current:
                current[1] = b
            continue
        label = labels[k]
        if label == "O":
            current = None
        elif label[0] == "I" and current and current[2] == label[2:]:
            current[1] = b
        else:
            current = [a, b, label[2:]]
            spans.append(current)
    return [tuple(s) for s in spans]


def scores(right, found, gold):
    precision, recall = right / max(found, 1), right / max(gold, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {"precision": round(100 * precision, 2), "recall": round(100 * recall, 2), "f1": round(100 * f1, 2), "gold": gold}


NAME = re.compile(r"\b[A-Z][\w.-]*(?:\s+(?:(?:of|the|de|von|van)\s+)*[A-Z][\w.-]*)*")
PLACE = re.compile(r"\b(?:in|from|at|to|near)\s+$", re.I)
GROUP = re.compile(r"Party|Council|Committee|Union|University|Army|Ministry|Company|Inc|Association|Government|^[A-Z]{2,5}$")
HAPPENING = re.compile(r"[Ee]lection|War|Revolution|Congress|Conference|Rebellion")


def capitals(text):
    """The baseline: runs of capitalised words, not opening the sentence alone;
    a type by a few telling words, else a person."""
    out = []
    for m in NAME.finditer(text):
        if m.start() == 0 and " " not in m.group():
            continue
        name = m.group().rstrip(".")
        kind = ("EVENT" if HAPPENING.search(name) else "ORG" if GROUP.search(name)
                else "LOC" if PLACE.search(text[:m.start()]) else "PER")
        out.append((m.start(), m.start() + len(name), kind))
    return out


def names(sentences, found, kinds):
    """Strict span F1 over `kinds`; found spans over words whose label the
    annotation leaves open to them are not counted."""
    right = total = gold_count = 0
    each = {k: [0, 0, 0] for k in kinds}
    for sentence, spans in zip(sentences, found):
        gold = {(a, b, next(iter(t))) for a, b, t in sentence.entities[0] if len(t) == 1 and t <= set(kinds)}
        unsure = [(a, b, t) for a, b, t in sentence.entities[0] if len(t) > 1]
        mine = {s for s in spans if s[2] in kinds and not any(s[2] in t and s[0] < b and a < s[1] for a, b, t in unsure)}
        for k in kinds:
            g, m = {s for s in gold if s[2] == k}, {s for s in mine if s[2] == k}
            each[k] = [x + y for x, y in zip(each[k], (len(g & m), len(m), len(g)))]
        right, total, gold_count = right + len(gold & mine), total + len(mine), gold_count + len(gold)
    return scores(right, total, gold_count) | {"f1 by type": {k: scores(*v)["f1"] for k, v in each.items() if v[2]}}


def average_precision(target, score):
    """Sum of precision times gain in recall over the distinct scores, so that the
    order of equal scores does not count."""
    order = np.argsort(-score, kind="stable")
    hits, score = np.cumsum(target[order]), score[order]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    return float((hits[last] / (last + 1) * np.diff(hits[last], prepend=0)).sum() / max(hits[-1], 1))


def binary(target, score, threshold):
    positive = score >= threshold
    return scores(int((positive & (target == 1)).sum()), int(positive.sum()), int(target.sum())) | {
        "average precision": round(100 * average_precision(target, score), 2), "sentences": len(target)}


def best_threshold(target, score):
    grid = np.linspace(0.05, 0.9, 86)
    return float(grid[np.argmax([binary(target, score, t)["f1"] for t in grid])])


KEYWORDS = {
    "claim": re.compile(r"\b(should|must|argue[sd]?|claim(s|ed)?|believe[sd]?|harm(s|ful)?|better|right to|benefits?|critics|supporters|lead(s)? to|cause[sd]?)\b", re.I),
    "premise": re.compile(r"\b(study|studies|research(ers)?|survey|report(ed)?|found|according to|professor|per ?cent|percent)\b|%", re.I),
    "causal": re.compile(r"\b(because|caus(e[sd]?|ing)|due to|led to|lead(s|ing)? to|result(s|ed|ing)?|after|as a result|since|so that|in protest|to protest|over|therefore|thus)\b", re.I),
}
SAYING = re.compile(r"\b(" + "|".join(data.SAYING) + r"|according to|found|show(s|ed)?|suggest(s|ed)?|announced|reported)\b", re.I)
QUOTED = re.compile(r"[\"“][^\"”]*[\"”]?")


def voice_by_rule(text):
    """The baseline: what stands in quotation marks; else what follows a verb of
    saying, or precedes one that closes the sentence."""
    quoted = [m.span() for m in QUOTED.finditer(text)]
    if quoted:
        return quoted
    verb = SAYING.search(text)
    if not verb:
        return []
    return [(verb.end(), len(text))] if len(text) - verb.end() > 12 else [(0, verb.start())]


def voices(sentences, found):
    """Attributed or not, by sentence; CONTENT, CUE and SOURCE by token."""
    sentence_counts, token_counts = [0, 0, 0], {k: [0, 0, 0] for k in data.VOICE_TYPES}
    for sentence, spans in zip(sentences, found):
        gold = [(a, b, next(iter(t))) for a, b, t in sentence.voice[0]]
        says, mine = any(s[2] == "CONTENT" for s in gold), any(s[2] == "CONTENT" for s in spans)
        sentence_counts = [x + y for x, y in zip(sentence_counts, (says and mine, mine, says))]
        for kind in data.VOICE_TYPES:
            cover = lambda s: {t for t in sentence.tokens for a, b, k in s if k == kind and a <= t[0] < b}
            g, m = cover(gold), cover(spans)
            token_counts[kind] = [x + y for x, y in zip(token_counts[kind], (len(g & m), len(m), len(g)))]
    return {"attributed sentence": scores(*map(int, sentence_counts))} | {
        f"{k} token": scores(*v) for k, v in token_counts.items()}


def essay_names(run, shared):
    """Distinct (form, type) pairs found in the bodies of labelled essays."""
    out = {}
    for essay, body, gold in data.essays(shared):
        found, by_rule = set(), set()
        clean = lambda s: " ".join(re.sub(r"[*_]+|\[\^?\d+\]", "", s).split())
        texts = [clean(p[a:b]) for p in re.split(r"\n\s*\n", body) for a, b in data.split_sentences(p)]
        texts = [t for t in texts if t]
        for text, (offsets, entities, _, _) in zip(texts, run(texts)):
            found |= {(text[a:b], k) for a, b, k in decode(text, offsets, entities, LABELS["entities"])}
            by_rule |= {(text[a:b], k) for a, b, k in capitals(text)}
        out[essay] = {"reader": scores(len(found & gold), len(found), len(gold)),
                      "capitals": scores(len(by_rule & gold), len(by_rule), len(gold))}
    return out


def figures(run, folder, shared, seed, thresholds=None):
    """All figures in percent, and the thresholds of the claim heads (set on
    development sentences where not given)."""
    dev, test = data.development(folder, random.Random(seed)), data.tests(folder, random.Random(seed))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    claim_scores = lambda rows: sigmoid(np.array([o[2] for o in run([s.text for s in rows])]))
    target = lambda rows, k: np.array([s.claims[k] for s in rows])
    heads = {0: "ibm", 1: "ibm", 2: "causal"}
    if thresholds is None:
        score = {name: claim_scores(dev[name]) for name in ("ibm", "causal")}
        thresholds = [best_threshold(target(dev[s], k), score[s][:, k]) for k, s in heads.items()]

    report = {"entities": {}, "claims": {}}
    for name, kinds in (("ewt", ENTITIES[:3]), ("politics", ENTITIES[:4]), ("literature", ENTITIES),
                        ("wikigold", ENTITIES[:3]), ("ehri", ENTITIES[:3])):
        rows = test[name]
        found = [decode(s.text, o[0], o[1], LABELS["entities"]) for s, o in zip(rows, run([s.text for s in rows]))]
        report["entities"][name] = {"reader": names(rows, found, kinds),
                                    "capitals": names(rows, [capitals(s.text) for s in rows], kinds)}
    if shared:
        report["entities"]["own essays, distinct forms"] = essay_names(run, shared)
    score = {name: claim_scores(test[name]) for name in ("ibm", "causal")}
    for k, name in heads.items():
        rows, head = test[name], data.CLAIMS[k]
        word = np.array([float(bool(KEYWORDS[head].search(s.text))) for s in rows])
        report["claims"][head] = {"threshold": round(thresholds[k], 3),
                                  "reader": binary(target(rows, k), score[name][:, k], thresholds[k]),
                                  "keywords": binary(target(rows, k), word, 0.5),
                                  "always": binary(target(rows, k), np.ones(len(rows)), 0.5)}
    rows = test["gum"]
    found = [decode(s.text, o[0], o[3], LABELS["voice"]) for s, o in zip(rows, run([s.text for s in rows]))]
    report["voice"] = {"reader": voices(rows, found),
                       "quotation marks and verbs of saying":
                           voices(rows, [[(a, b, "CONTENT") for a, b in voice_by_rule(s.text)] for s in rows])}
    return report, thresholds


# Written for this file: odd inputs for the Rust side to agree on.
ODD = [
    "", " ", "Yes", "1917", "I", "A", "…", "—", "Trotsky", "USSR", "u.s.s.r.", "naïve café résumé", "ÉMILE ZOLA",
    "THE OLD MISTAKE of every garrison was to wait.", "“We were,” she wrote, “never asked.”", "‘Bread!’ they cried.",
    "Łódź, Kraków and Besançon sent delegates to Zürich.", "Ленин и Троцкий приехали в Петроград.",
    "Она said “нет” to the Комитет.", "The vote passed 🎉🎉 in Ghent 🇧🇪.", "中国 and 日本 signed in 1902.",
    "McDonald’s iPhone eBay x2 3rd 1920s ½ IV", "e-mail: someone@example.org, see https://example.org/a_b?c=1.",
    "Rosa Luxemburg, in The Accumulation of Capital, argued that expansion feeds on its own outside.",
    "According to the Ghent Workers’ Council, the strike of 1893 failed because the railwaymen stayed at work.",
    "The harvest failed; hence the towns starved, and the army fed itself by force.",
    "ﬁnally the ﬂag—torn, half‐burnt—came down on the Danube.", "a\u0301 e\u0300 combining marks; soft\u00adhyphen; zero\u200bwidth",
    "Straße, Ærø, Þingvellir, Ǆ, İstanbul", "antidisestablishmentarianism counterrevolutionaries’ deindustrialisation",
    "The " + "very " * 60 + "long road to Antwerp, which the Belgian Workers’ Party had mapped, " + "and then " * 30 + "ended.",
    "pneumonoultramicroscopicsilicovolcanoconiosis " * 10,
]


def reference(run, encode):
    """Inputs and logits of `run` (the rounded float model) on `ODD`; of inputs over
    40 pieces the first four rows and the best label of every piece."""
    cases = []
    for text, (_, entities, claims, voice) in zip(ODD, run(ODD)):
        ids, shapes, _ = encode(text)
        case = {"text": text, "input_ids": ids, "shape_ids": shapes, "claims": np.round(claims.astype(float), 5).tolist()}
        for name, logits in (("entities", entities), ("voice", voice)):
            kept = logits if len(ids) <= 40 else logits[:4]
            case[name] = np.round(kept.astype(float), 5).tolist()
            case[f"{name}_best"] = logits.argmax(-1).tolist()
        cases.append(case)
    return cases


def tables(report, plain):
    """The figures as Markdown tables; `plain`: those of the float weights."""
    lines = ["| entities, strict spans | F1 | float F1 | precision | recall | `capitals` F1 | names |", "| --- | --- | --- | --- | --- | --- | --- |"]
    entities, before = dict(report["entities"]), dict(plain["entities"])
    before |= {f"essay {essay}": row for essay, row in before.pop("own essays, distinct forms", {}).items()}
    for essay, scores_of in entities.pop("own essays, distinct forms", {}).items():
        entities[f"essay {essay}"] = scores_of
    for name, row in entities.items():
        r = row["reader"]
        kinds = ", ".join(f"{k} {v}" for k, v in r.get("f1 by type", {}).items())
        lines.append(f"| {name}{f' ({kinds})' if kinds else ''} | {r['f1']} | {before[name]['reader']['f1']} | {r['precision']} | {r['recall']} | {row['capitals']['f1']} | {r['gold']} |")
    lines += ["", "| claims | threshold | F1 | float F1 | average precision | `keywords` F1 | `keywords` average precision | always yes: F1 | sentences (yes) |", "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for head, row in report["claims"].items():
        r, k = row["reader"], row["keywords"]
        lines.append(f"| {head} | {row['threshold']} | {r['f1']} | {plain['claims'][head]['reader']['f1']} | {r['average precision']} | {k['f1']} | {k['average precision']} | {row['always']['f1']} | {r['sentences']} ({r['gold']}) |")
    reader, rule = report["voice"].values()
    lines += ["", "| voice | F1 | float F1 | precision | recall | `rule` F1 | true |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, r in reader.items():
        unrounded = plain["voice"]["reader"][name]["f1"]
        baseline = rule[name]["f1"] if "SOURCE" not in name and "CUE" not in name else "–"
        lines.append(f"| {name} | {r['f1']} | {unrounded} | {r['precision']} | {r['recall']} | {baseline} | {r['gold']} |")
    return "\n".join(lines)

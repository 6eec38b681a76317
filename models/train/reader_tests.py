"""Test figures of the reader, each beside a baseline, and reference outputs."""

import random
import re

import numpy as np

import reader_data as data

ENTITIES = list(data.ENTITY_TYPES)
LABELS = {"entities": data.ENTITY_LABELS, "voice": data.VOICE_LABELS}


HYPHENS = set("-‐‑")


def words_of(text, offsets):
    """[first piece, start, end] of every word; a word is a run of letters and digits, or a mark."""
    words, previous_end = [], -1
    for i, (a, b) in enumerate(offsets):
        if a == b:
            continue
        if a == previous_end and a > 0 and text[a - 1].isalnum() and text[a].isalnum():
            words[-1][2] = b
        else:
            words.append([i, a, b])
        previous_end = b
    return words


def decode(text, offsets, logits, labels):
    """Spans (start, end, type) of the best labels of the words (a word has its first
    piece's logits) of all in which a span begins with B and goes on with I, and a
    hyphenated word is not divided (Viterbi 1967)."""
    words = words_of(text, offsets)
    if not words:
        return []
    inside = np.array([label[0] == "I" for label in labels])
    goes_on = np.array([[a != "O" and a[2:] == b[2:] for b in labels] for a in labels])
    free = ~inside[None, :] | goes_on
    joined = np.array([[(a == b == "O") or (b[0] == "I" and on) for b, on in zip(labels, row)] for a, row in zip(labels, goes_on)])
    logits = np.asarray(logits, np.float64)
    score, back = np.where(inside, -1e9, logits[words[0][0]]), []
    for (_, a, b), (piece, c, d) in zip(words, words[1:]):
        one = b == c and (text[a:b] in HYPHENS or text[c:d] in HYPHENS)
        total = score[:, None] + np.where(joined if one else free, 0, -1e9)
        back.append(total.argmax(0))
        score = total.max(0) + logits[piece]
    path = [int(score.argmax())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    spans = []
    for (_, a, b), k in zip(words, reversed(path)):
        if labels[k][0] == "B":
            spans.append([a, b, labels[k][2:]])
        elif labels[k][0] == "I":
            spans[-1][1] = b
    return [tuple(span) for span in spans]


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


def plain(body):
    """The body as a reader sees it: Markdown marks and note marks cut out."""
    clean = lambda s: " ".join(re.sub(r"[*_]+|\[\^?\d+\]", "", s).split())
    return "\n\n".join(filter(None, map(clean, re.split(r"\n\s*\n", body))))


def essay_names(run, shared):
    """Distinct (form, type) pairs found in the bodies of labelled essays."""
    out = {}
    for essay, body, gold in data.essays(shared):
        found, by_rule = set(), set()
        texts = [p[a:b].strip() for p in plain(body).split("\n\n") for a, b in data.split_sentences(p)]
        for text, (offsets, entities, *_) in zip(texts, run(texts)):
            found |= {(text[a:b], k) for a, b, k in decode(text, offsets, entities, LABELS["entities"])}
            by_rule |= {(text[a:b], k) for a, b, k in capitals(text)}
        out[essay] = {"reader": scores(len(found & gold), len(found), len(gold)),
                      "capitals": scores(len(by_rule & gold), len(by_rule), len(gold))}
    return out


def by_keyword_and_place(head, k, rows, dev, past):
    """The baseline: logistic regression on the list of words, each word of the list by
    itself, the sentence's length and where it stands in its paragraph and article. Scores
    of `rows`, and the threshold that is best on `dev`."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    def features(sentence):
        found = {m.group().lower(): 1 for m in KEYWORDS[head].finditer(sentence.text)}
        paragraph, number, last = sentence.place
        return found | {"any": bool(found), "length": len(sentence.text) / 100, "lead": paragraph == 0, "paragraph": min(paragraph, 40) / 40,
                        "first": number == 0, "last": last}

    target = lambda sentences: np.array([s.claims[k] for s in sentences])
    vectors = DictVectorizer()
    model = LogisticRegression(max_iter=2000).fit(vectors.fit_transform(map(features, past)), target(past))
    score = lambda sentences: model.predict_proba(vectors.transform(map(features, sentences)))[:, 1]
    return score(rows), best_threshold(target(dev), score(dev))


def nearest_pair(first, second):
    """The best two spans that do not overlap, (first, last) of each, by the sum of the
    scores of their ends; `first` and `second`: [pieces, 2]. One lies before the other."""
    best = None
    for swapped, (a, b) in enumerate(((first, second), (second, first))):
        before, after = best_spans(a), best_spans(b[::-1, ::-1])[::-1]
        for cut in range(len(a) - 1):
            score = before[cut][0] + after[cut + 1][0]
            if best is None or score > best[0]:
                last = len(b) - 1
                spans = before[cut][1:], (last - after[cut + 1][2], last - after[cut + 1][1])
                best = score, *(spans[::-1] if swapped else spans)
    return best[1:] if best else None


def best_spans(scores):
    """For every prefix of the pieces the best span in it: (score, first, last)."""
    out, start = [], 0
    for last, (_, closing) in enumerate(scores):
        if scores[last][0] > scores[start][0]:
            start = last
        span = (scores[start][0] + closing, start, last)
        out.append(span if not out or span[0] > out[-1][0] else out[-1])
    return out


def decode_causes(offsets, logits):
    """{part: (start, end)} of characters from the six ends of every piece."""
    inner = [i for i, (a, b) in enumerate(offsets) if b > a]
    if len(inner) < 2:
        return {}
    pair = nearest_pair(logits[inner, 0:2], logits[inner, 2:4])
    where = lambda span: (offsets[inner[span[0]]][0], offsets[inner[span[1]]][1])
    found = {"CAUSE": where(pair[0]), "EFFECT": where(pair[1])}
    score, first, last = best_spans(logits[inner, 4:6])[-1]
    if score > logits[0, 4] + logits[0, 5]:
        found["SIGNAL"] = where((first, last))
    return found


SIGNALS = [  # connective, whether the cause stands after it
    (r"because of|because|due to|as a result of|thanks to|after|since|over|in protest (?:at|against|over)|to protest(?: against)?|against|for|from", True),
    (r"led to|leads to|leading to|leaving|killing|caused|causing|triggered|sparked|sparking|prompted|prompting|resulted in|forced|so that|so|therefore|thus|hence", False),
]


def causes_by_rule(text):
    """The baseline: the sentence cut in two at the first word of a list."""
    hits = [(m.start(), m.end(), after) for words, after in SIGNALS for m in re.finditer(rf"\b(?:{words})\b", text)]
    hits = [h for h in hits if 0 < h[0] and h[1] < len(text.rstrip(" .")) - 1]
    if not hits:
        return {}
    start, end, after = min(hits)
    left, right = (0, len(text[:start].rstrip(" ,"))), (end + 1, len(text.rstrip(" .")))
    return {"CAUSE": right if after else left, "EFFECT": left if after else right, "SIGNAL": (start, end)}


def causes(sentences, found):
    """Exact spans of cause, effect and signal in the sentences that have a relation. Two
    counts: against the relation that the answer is nearest to, and against all relations
    (an answer is one relation, so that the others are lost)."""
    near, every = {k: [0, 0, 0] for k in data.CAUSES}, [0, 0, 0]
    add = lambda counts, g, m: [x + y for x, y in zip(counts, (len(g & m), len(m), len(g)))]
    for sentence, answer in zip(sentences, found):
        mine = set(answer.items())
        gold = max((set(r.items()) for r in sentence.causes), key=lambda r: len(r & mine))
        for part in data.CAUSES:
            near[part] = add(near[part], *({s for s in x if s[0] == part} for x in (gold, mine)))
        every = add(every, set().union(*(r.items() for r in sentence.causes)), mine)
    total = [sum(v) for v in zip(*near.values())]
    return scores(*total) | {"f1 by part": {k: scores(*v)["f1"] for k, v in near.items()}, "all relations": scores(*every)}


NEGATION = re.compile(r"\b(not|no|never|none|nobody|nothing|neither|nor|without|cannot|hardly|unlikely|refused?|failed?|den(?:y|ied|ies))\b|n't", re.I)


def three_way(values):
    return np.where(values >= 1, 1, np.where(values <= -1, -1, 0))


def commitment_figures(gold, said):
    """Pearson's r, mean absolute error and the macro-F1 of so, open, not so."""
    a, b = three_way(gold), three_way(said)
    f1 = [2 * ((a == k) & (b == k)).sum() / max(1, (a == k).sum() + (b == k).sum()) for k in (-1, 0, 1)]
    r = float(np.corrcoef(gold, said)[0, 1]) if said.std() > 0 else 0.0
    return {"r": round(r, 3), "mae": round(float(np.abs(gold - said).mean()), 2), "macro-F1": round(100 * float(np.mean(f1)), 1),
            "targets": len(gold)}


def commitment(run, test, train):
    """For every set: the reader, the training part's mean, and a word of negation."""
    report = {}
    for name in data.FACTUALITY:
        gold, said, negated = [], [], []
        rows = test[name]
        for sentence, out in zip(rows, run([s.text for s in rows])):
            for spans, value in sentence.commitment:
                under = data.pieces_under(spans, out[0])
                gold.append(value)
                said.append(float(out[5][under].mean()) if under else 0.0)
                negated.append(bool(NEGATION.search(sentence.text)))
        gold, said, negated = np.array(gold), np.array(said), np.array(negated)
        past = [(v, bool(NEGATION.search(s.text))) for s in train[name] for _, v in s.commitment]
        mean = lambda which: float(np.mean([v for v, n in past if which is None or n == which]))
        report[name] = {"reader": commitment_figures(gold, said),
                        "mean": commitment_figures(gold, np.full(len(gold), mean(None))),
                        "negation word": commitment_figures(gold, np.where(negated, mean(True), mean(False)))}
    return report


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
    past = {"ibm": list(data.ibm(folder, "train", random.Random(seed), 3)), "causal": data.nine_tenths(folder)}
    for k, name in heads.items():
        rows, head = test[name], data.CLAIMS[k]
        word = np.array([float(bool(KEYWORDS[head].search(s.text))) for s in rows])
        placed, threshold = by_keyword_and_place(head, k, rows, dev[name], past[name])
        report["claims"][head] = {"threshold": round(thresholds[k], 3),
                                  "reader": binary(target(rows, k), score[name][:, k], thresholds[k]),
                                  "keywords and position": binary(target(rows, k), placed, threshold),
                                  "keywords": binary(target(rows, k), word, 0.5),
                                  "always": binary(target(rows, k), np.ones(len(rows)), 0.5)}
    rows = test["gum"]
    found = [decode(s.text, o[0], o[3], LABELS["voice"]) for s, o in zip(rows, run([s.text for s in rows]))]
    report["voice"] = {"reader": voices(rows, found),
                       "quotation marks and verbs of saying":
                           voices(rows, [[(a, b, "CONTENT") for a, b in voice_by_rule(s.text)] for s in rows])}
    rows = [s for s in test["causal"] if s.causes]
    report["causes"] = {"reader": causes(rows, [decode_causes(o[0], o[4]) for o in run([s.text for s in rows])]),
                        "cut at a signal word": causes(rows, [causes_by_rule(s.text) for s in rows])}
    train = {name: list(data.factuality(folder, name, "train")) for name in data.FACTUALITY}
    report["commitment"] = commitment(run, test, train)
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
    for text, (_, entities, claims, voice, causes, commitment) in zip(ODD, run(ODD)):
        ids, shapes, _ = encode(text)
        case = {"text": text, "input_ids": ids, "shape_ids": shapes, "claims": np.round(claims.astype(float), 5).tolist()}
        for name, logits in (("entities", entities), ("voice", voice), ("causes", causes), ("commitment", commitment)):
            kept = logits if len(ids) <= 40 else logits[:4]
            case[name] = np.round(kept.astype(float), 5).tolist()
            if name in LABELS:
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
    lines += ["", "| claims | threshold | F1 | float F1 | average precision | `and place` F1 | its average precision | `keywords` F1 | always yes: F1 | sentences (yes) |",
              "|" + " --- |" * 10]
    for head, row in report["claims"].items():
        r, k = row["reader"], row["keywords and position"]
        lines.append(f"| {head} | {row['threshold']} | {r['f1']} | {plain['claims'][head]['reader']['f1']} | {r['average precision']} | {k['f1']} | {k['average precision']} | {row['keywords']['f1']} | {row['always']['f1']} | {r['sentences']} ({r['gold']}) |")
    lines += ["", "| causes, exact spans | cause F1 | effect F1 | signal F1 | together | float | against all relations |", "|" + " --- |" * 7]
    for name, row in report["causes"].items():
        before = plain["causes"][name]["f1"] if name == "reader" else "–"
        lines.append(f"| {'`rule`' if name != 'reader' else name} | " + " | ".join(str(row["f1 by part"][k]) for k in data.CAUSES)
                     + f" | {row['f1']} | {before} | {row['all relations']['f1']} |")
    reader, rule = report["voice"].values()
    lines += ["", "| voice | F1 | float F1 | precision | recall | `rule` F1 | true |", "|" + " --- |" * 7]
    for name, r in reader.items():
        unrounded = plain["voice"]["reader"][name]["f1"]
        baseline = rule[name]["f1"] if "SOURCE" not in name and "CUE" not in name else "–"
        lines.append(f"| {name} | {r['f1']} | {unrounded} | {r['precision']} | {r['recall']} | {baseline} | {r['gold']} |")
    lines += ["", "| commitment | Pearson's r | float r | mean error | three-way macro-F1 | `negation` r | its macro-F1 | `mean`'s macro-F1 | targets |", "|" + " --- |" * 9]
    for name, row in report["commitment"].items():
        r, n = row["reader"], row["negation word"]
        lines.append(f"| {name} | {r['r']} | {plain['commitment'][name]['reader']['r']} | {r['mae']} | {r['macro-F1']} | {n['r']} | {n['macro-F1']} | {row['mean']['macro-F1']} | {r['targets']} |")
    return "\n".join(lines)

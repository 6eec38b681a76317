"""Labelled sets for the reader, brought to one form: sentences with character spans.

A label is a *set* of types that the annotation leaves open. A set that never
marks works says of its unmarked words only that they are no person,
organisation or place, so they carry {O, EVENT, WORK}; the loss sums the
probability of all that is open (Cour et al. 2011, "Learning from Partial
Labels"). A layer that a set does not annotate is None and costs nothing.
"""

import ast
import csv
import gzip
import io
import json
import re
import tarfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

ENTITY_TYPES = ("PER", "ORG", "LOC", "EVENT", "WORK")
VOICE_TYPES = ("SOURCE", "CUE", "CONTENT")
CLAIMS = ("claim", "premise", "causal")
CAUSES = ("CAUSE", "EFFECT", "SIGNAL")
ENTITY_LABELS = ["O"] + [f"{p}-{t}" for t in ENTITY_TYPES for p in "BI"]
VOICE_LABELS = ["O"] + [f"{p}-{t}" for t in VOICE_TYPES for p in "BI"]

O = frozenset({"O"})
UNSAID = frozenset({"O", "EVENT", "WORK"})  # unmarked where only PER, ORG, LOC are annotated
ANY = frozenset({"O", *ENTITY_TYPES})
ANY_VOICE = frozenset({"O", *VOICE_TYPES})


@dataclass
class Sentence:
    text: str
    source: str
    # (spans [(start, end, types)], types of everything else)
    entities: tuple | None = None
    voice: tuple | None = None
    claims: tuple = (None, None, None)
    # every relation of cause as {"CAUSE": (start, end), ...}; SIGNAL may be missing
    causes: list = field(default_factory=list)
    # what the author says of events: (spans, value from -3, sure that not, to 3, sure that so)
    commitment: list = field(default_factory=list)
    place: tuple = (0, 0, True)  # paragraph of the article, sentence of the paragraph, whether its last
    tokens: list = field(default_factory=list)  # character spans, for scoring by token


def types(*names):
    return frozenset(names)


# --- word pieces ----------------------------------------------------------------

MAX_LENGTH = 192
SHAPES = 6


def shape(piece: str) -> int:
    """The case of a word piece as written: what an uncased encoder cannot see."""
    letters = [c for c in piece if c.isalpha()]
    if not letters:
        return 5 if any(c.isnumeric() for c in piece) else 0
    upper = [c.isupper() for c in letters]
    if not any(upper):
        return 1
    if all(upper) and len(letters) > 1:
        return 3
    return 2 if upper[0] and not any(upper[1:]) else 4


def load_tokenizer(base):
    tokenizer = Tokenizer.from_file(str(Path(base) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer


def encode(tokenizer, text):
    """Ids, shapes and character offsets of the pieces, [CLS] and [SEP] included."""
    encoding = tokenizer.encode(text)
    return encoding.ids, [shape(text[a:b]) for a, b in encoding.offsets], encoding.offsets


def pieces_under(spans, offsets):
    return [i for i, (a, b) in enumerate(offsets) if b > a and any(start <= a < end for start, end in spans)]


# --- text from tokens ---------------------------------------------------------

CLOSE = re.compile(r"^([.,;:!?%)\]}]|n't|'(s|re|ve|ll|d|m)?|''|’s|”)$", re.I)
OPEN = {"(", "[", "{", "``", "$", "“", "‘"}


def detokenise(words):
    """A natural surface of tokenised text, and the span of every token in it."""
    text, spans, quoted = "", [], False
    glue = True
    for word in words:
        word = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]"}.get(word, word)
        shown = {"``": '"', "''": '"'}.get(word, word)
        closes = CLOSE.match(word) is not None
        opens = word in OPEN
        if shown == '"':
            opens = word == "``" or (word == '"' and not quoted)
            closes, quoted = not opens, opens
        if text and not glue and not closes:
            text += " "
        spans.append((len(text), len(text) + len(shown)))
        text += shown
        glue = opens
    return text, spans


def align(words, text):
    """Spans of the tokens in the text they were cut from, or None."""
    spans, at = [], 0
    for word in words:
        found = text.find(word, at)
        if found < 0 or found - at > 3:
            return None
        spans.append((found, found + len(word)))
        at = found + len(word)
    return spans


def from_tags(words, tags, mapping, rest, source, text=None):
    """A sentence from BIO (or IOB1) tags; `mapping`: tag name to open types."""
    spans = align(words, text) if text else None
    if spans is None:
        text, spans = detokenise(words)
    found, previous = [], "O"
    for (start, end), tag in zip(spans, tags):
        name = tag[2:]
        if tag != "O" and name in mapping:
            if tag[0] == "I" and previous[2:] == name and found:
                found[-1] = (found[-1][0], end, mapping[name])
            else:
                found.append((start, end, mapping[name]))
        previous = tag
    return Sentence(text, source, entities=(found, rest), tokens=spans)


def read_text(path):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        return file.read()


def blocks(text):
    return [b.split("\n") for b in re.split(r"\n[ \t]*\n", text.replace("\r", "")) if b.strip()]


# --- entities -----------------------------------------------------------------

def ewt(data, part):
    """UNER EWT: OTH (nationalities, events, products) is known to be no PER, ORG, LOC."""
    name = {"train": "en_ewt-ud-train.2022-12-02.iob2.gz"}.get(part, f"en_ewt-ud-{part}.iob2")
    mapping = {"PER": types("PER"), "ORG": types("ORG"), "LOC": types("LOC"), "OTH": UNSAID}
    for lines in blocks(read_text(data / "ner-uner-ewt" / name)):
        text = next((l[9:] for l in lines if l.startswith("# text = ")), None)
        rows = [l.split("\t") for l in lines if not l.startswith("#")]
        if rows:
            yield from_tags([r[1] for r in rows], [r[2] for r in rows], mapping, UNSAID, "ewt", text)


# CrossNER's fine types, by open types; a type that is not named here is O.
CROSSNER = {
    **dict.fromkeys(("person", "politician", "writer", "musicalartist", "scientist", "researcher"), types("PER")),
    **dict.fromkeys(("organisation", "politicalparty", "band", "university"), types("ORG")),
    **dict.fromkeys(("country", "location"), types("LOC")),
    **dict.fromkeys(("event", "election"), types("EVENT")),
    **dict.fromkeys(("book", "poem", "album", "song"), types("WORK")),
    **dict.fromkeys(("magazine", "academicjournal"), types("ORG", "WORK")),
    "conference": types("O", "ORG", "EVENT"),
    "astronomicalobject": types("O", "LOC"),
    **dict.fromkeys(("misc", "product", "theory", "award"), UNSAID),
}


def crossner(data, domain, part):
    for lines in blocks(read_text(data / "ner-crossner" / domain / f"{part}.txt")):
        rows = [l.split("\t") for l in lines if "\t" in l]
        # misc is nationalities, works and the like: only what it is not is known
        yield from_tags([r[0] for r in rows], [r[1] for r in rows], CROSSNER, O, f"crossner-{domain}")


def wikigold(data, held_out):
    """Every fifth article is held out."""
    mapping = {"PER": types("PER"), "ORG": types("ORG"), "LOC": types("LOC"), "MISC": UNSAID}
    article = -1
    for lines in blocks("-DOCSTART- O\n\n" + read_text(data / "ner-wikigold" / "wikigold.conll.txt")):
        if lines[0].startswith("-DOCSTART-"):
            article += 1
            lines = lines[1:]
        rows = [l.rsplit(" ", 1) for l in lines if " " in l]
        if rows and (article % 5 == 4) == held_out:
            yield from_tags([r[0] for r in rows], [r[1] for r in rows], mapping, O, "wikigold")


def ehri(data, held_out):
    """Every fifth stretch of 50 sentences is held out."""
    place = dict.fromkeys(("LOC", "CAMP", "GHETTO"), types("LOC"))
    mapping = {"PERS": types("PER"), "ORG": types("ORG"), **place}
    for index, lines in enumerate(blocks(read_text(data / "ner-ehri-en" / "ehri_en.txt"))):
        rows = [l.rsplit(" ", 1) for l in lines if " " in l]
        if rows and (index // 50 % 5 == 4) == held_out:
            yield from_tags([r[0] for r in rows], [r[1] for r in rows], mapping, UNSAID, "ehri")


# --- GUM: names and attribution -------------------------------------------------

GUM_TYPES = {"person": "PER", "organization": "ORG", "place": "LOC", "event": "EVENT"}
TITLES = {"President", "Prime", "Minister", "Senator", "Judge", "Justice", "King", "Queen", "Mr.", "Mrs.", "Ms.",
          "Dr.", "Professor", "Sir", "Lord", "Lady", "General", "Mayor", "Governor", "Secretary", "Director"}


def gum_names(rows, spans):
    """Named mentions: those of a type above whose head is a proper noun. Only the
    run of proper nouns round the head is the name; a run that opens with a title
    is left open, since the sets disagree on titles."""
    is_name = [r[3] == "PROPN" for r in rows]
    stack, mentions = [], []
    for i, row in enumerate(rows):
        entity = re.search(r"(?:^|\|)Entity=([^|]+)", row[9])
        for piece in re.findall(r"\([^()]+\)?|[^()]+\)", entity.group(1)) if entity else []:
            if piece[0] == "(":
                parts = piece.strip("()").split("-")
                stack.append((parts[0], parts[1] if len(parts) > 1 else "", i))
            if piece[-1] == ")":
                key = piece.strip("()").split("-")[0]
                for k in range(len(stack) - 1, -1, -1):
                    if stack[k][0] == key:
                        _, kind, first = stack.pop(k)
                        mentions.append((first, i, kind))
                        break
    runs = []
    for first, last, kind in mentions:
        inside = range(first, last + 1)
        heads = [i for i in inside if not first <= int(rows[i][6]) - 1 <= last or rows[i][6] == "0"]
        if len(heads) != 1 or not is_name[heads[0]]:
            continue
        a = b = heads[0]
        while a > first and (is_name[a - 1] or (a - 1 > first and rows[a - 1][1] in ("of", "the", "-", "and", "for")
                                                and is_name[a - 2] and kind != "person")):
            a -= 1
        while b < last and (is_name[b + 1] or (b + 1 < last and rows[b + 1][1] in ("of", "-", "'s")
                                               and is_name[b + 2] and kind != "person")):
            b += 1
        if kind in GUM_TYPES:
            what = ANY if kind == "person" and rows[a][1] in TITLES else types(GUM_TYPES[kind])
        else:
            what = UNSAID
        runs.append((a, b, what))
    taken, found = set(), []
    for a, b, what in sorted(runs, key=lambda r: r[0] - r[1]):
        if not taken & set(range(a, b + 1)):
            taken |= set(range(a, b + 1))
            found.append((spans[a][0], spans[b][1], what))
    found += [(s, e, ANY) for i, (s, e) in enumerate(spans) if is_name[i] and i not in taken]
    return sorted(found), O


def runs_of(tokens):
    """Maximal runs of consecutive numbers."""
    out = []
    for t in sorted(tokens):
        if out and out[-1][1] == t - 1:
            out[-1][1] = t
        else:
            out.append([t, t])
    return out


def gum_voice(rows, spans, pairs):
    """SOURCE, CUE and CONTENT of a sentence from its attribution relations.

    `pairs`: (tokens of the attributing unit, tokens of the unit it attributes).
    The attributing unit's head is the cue, its subject the source; the content
    is the clause that depends on the cue, or the clause the cue interrupts."""
    parent = [int(r[6]) - 1 for r in rows]

    def subtree(root):
        inside = {root}
        grown = True
        while grown:
            new = {i for i in range(len(rows)) if parent[i] in inside} - inside
            inside |= new
            grown = bool(new)
        return inside

    def head(tokens):
        heads = [i for i in tokens if parent[i] not in tokens]
        return heads[0] if heads else None

    found, taken = [], set()

    def add(tokens, kind):
        for a, b in runs_of(tokens - taken):
            while a <= b and rows[a][1] in (",", ".", ":", ";", "?", "!"):
                a += 1
            while a <= b and rows[b][1] in (",", ".", ":", ";", "?", "!"):
                b -= 1
            if a <= b:
                found.append((spans[a][0], spans[b][1], types(kind)))
                taken.update(range(a, b + 1))

    for unit, content in pairs:
        cue, said = head(unit), head(content)
        if cue is None or said is None or cue in taken:
            continue
        if rows[cue][3] not in ("VERB", "AUX", "NOUN", "ADJ", "PROPN", "PRON"):
            continue
        below = subtree(cue)
        if said in below:
            top = said
            while parent[top] != cue and parent[top] in below:
                top = parent[top]
            clause = (subtree(top) | set(content)) - set(unit)
        else:
            clause = (subtree(said) | set(content)) - below - set(unit)
        if rows[cue][3] in ("VERB", "AUX"):
            cues = {cue} | {i for i in unit if parent[i] == cue and rows[i][7] == "compound:prt"}
            subjects = [i for i in unit if parent[i] == cue and rows[i][7].startswith("nsubj")]
            source = set().union(*[subtree(i) for i in subjects]) & set(unit) if subjects else set()
        elif [rows[i][1].lower() for i in sorted(unit)][:2] == ["according", "to"]:
            cues = set(sorted(unit)[:2])
            source = set(unit) - cues
        else:
            cues, source = {cue}, set()
        add(cues, "CUE")
        add(source, "SOURCE")
        add(clause, "CONTENT")
    return sorted(found), O


def gum(data, part):
    folder = data / "gum"
    units = {}
    with tarfile.open(folder / "rsd.tar.gz") as tar:
        for member in tar.getmembers():
            if member.name.endswith(".rsd"):
                lines = tar.extractfile(member).read().decode().splitlines()
                units[Path(member.name).stem] = [l.split("\t") for l in lines if l.strip()]
    with tarfile.open(folder / f"conllu-{part}.tar.gz") as tar:
        members = sorted((m for m in tar.getmembers() if m.name.endswith(".conllu")), key=lambda m: m.name)
        documents = [(Path(m.name).stem, tar.extractfile(m).read().decode()) for m in members]
    for name, document in documents:
        edus, token_unit = units[name], []
        for number, edu in enumerate(edus):
            token_unit += [number] * len(edu[1].split())
        relations = [(i, int(e[6]) - 1) for i, e in enumerate(edus) if e[7].startswith("attribution-")]
        at = 0
        for lines in blocks(document):
            text = next((l[9:] for l in lines if l.startswith("# text = ")), None)
            rows = [l.split("\t") for l in lines if l[:1].isdigit()]
            rows = [r for r in rows if r[0].isdigit()]
            if not rows:
                continue
            units_here = token_unit[at:at + len(rows)]
            at += len(rows)
            words = [r[1] for r in rows]
            spans = align(words, text)
            if spans is None:
                continue
            tokens_of = defaultdict(list)
            for i, unit in enumerate(units_here):
                tokens_of[unit].append(i)
            pairs = [(tokens_of[a], tokens_of[b]) for a, b in relations if a in tokens_of and b in tokens_of]
            sentence = Sentence(text, "gum", tokens=spans)
            sentence.entities = gum_names(rows, spans)
            sentence.voice = gum_voice(rows, spans, pairs)
            yield sentence
        assert at == len(token_unit), name


SAYING = """said says say saying asked asks answered answers replied replies cried exclaimed wrote writes argued argues
claimed claims insisted insists maintained maintains declared declares stated states remarked remarks observed observes
noted notes concluded concludes believed believes thought thinks admitted admits denied denies warned warns explained
explains suggested suggests told added returned whispered continued acknowledged contended contends held holds""".split()


def litbank(data, share, rng):
    """Direct speech in novels: the quotation is CONTENT; a verb of saying right
    after it is a CUE and the one or two words beside that its SOURCE."""
    with tarfile.open(data / "litbank" / "quotations-tsv.tar.gz") as tar:
        files = {m.name: tar.extractfile(m).read().decode() for m in tar.getmembers() if m.isfile()}
    for name in sorted(n for n in files if n.endswith(".ann")):
        lines = [l.split() for l in files[name[:-4] + ".txt"].split("\n")]
        inside = defaultdict(list)
        for row in (l.split("\t") for l in files[name].split("\n")):
            if row[0] == "QUOTE":
                s0, t0, s1, t1 = map(int, row[2:6])
                for s in range(s0, s1 + 1):
                    inside[s].append((t0 if s == s0 else 0, t1 if s == s1 else len(lines[s]) - 1))
        for number, words in enumerate(lines):
            if not words or (number not in inside and (not inside or rng.random() > share)):
                continue
            text, spans = detokenise(words)
            if number in inside and not re.search("[\"“”‘’]", text):
                continue  # amid a long quotation: nothing in the sentence tells
            found = []
            for a, b in inside.get(number, []):
                found.append((spans[a][0], spans[b][1], types("CONTENT")))
                after = words[b + 1:b + 4]
                verb = next((k for k, w in enumerate(after) if w.lower() in SAYING), None)
                if verb == 0 and len(after) > 1:
                    last = b + 2 + (words[b + 2] in ("the", "my", "his", "her", "Mr.", "Mrs.", "Miss", "Sir"))
                    subject = (b + 2, min(last, len(words) - 1))
                elif verb:
                    subject = (b + 1, b + verb)
                else:
                    continue
                found.append((*spans[b + 1 + verb], types("CUE")))
                found.append((spans[subject[0]][0], spans[subject[1]][1], types("SOURCE")))
            rest = O if number in inside else types("O", "SOURCE", "CUE", "CONTENT")
            if number not in inside and '"' not in text and not set(w.lower() for w in words) & set(SAYING):
                rest = O
            yield Sentence(text, "litbank", voice=(sorted(found), rest), tokens=spans)


# --- claims -------------------------------------------------------------------

END = re.compile(r"(?<=[.!?])[\"”’)\]]*\s+(?=[\"“‘(\[]?[A-Z0-9])")
ABBREVIATION = re.compile(r"(\b(Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|Gen|Sen|Rep|Gov|Jr|Sr|Inc|e\.g|i\.e|cf|pp?|[A-Z]))\.$")


def split_sentences(paragraph):
    """A plain splitter, good enough to cut training text and test essays."""
    out, start = [], 0
    for gap in END.finditer(paragraph):
        if ABBREVIATION.search(paragraph[start:gap.start()]):
            continue
        if paragraph[start:gap.end()].strip():
            out.append((start, gap.end()))
        start = gap.end()
    if paragraph[start:].strip():
        out.append((start, len(paragraph)))
    return out


def key(text):
    return re.sub(r"\W+", " ", text.replace("[REF]", " ").lower()).strip()


DEV_MOTIONS = 4


def ibm(data, part, rng, ratio):
    """Sentences of articles: with a claim, with evidence (premise), or neither
    (`ratio` of these for one of the others). `part`: train, dev (the last
    DEV_MOTIONS training motions) or test (the release's held-out motions)."""
    folder = data / "ibm-claims-evidence" / "emnlp2015"
    table = lambda name: [l.split("\t") for l in read_text(folder / name).split("\n") if "\t" in l]
    motions = table("motions.txt")[1:]
    training = [m[1] for m in motions if m[2].strip() == "train and test"]
    chosen = {"train": training[:-DEV_MOTIONS], "dev": training[-DEV_MOTIONS:],
              "test": [m[1] for m in motions if m[2].strip() != "train and test"]}[part]
    claims, evidence, articles = defaultdict(set), defaultdict(set), defaultdict(list)
    for topic, claim, *_ in table("claims.txt")[1:]:
        claims[topic].add(key(claim))
    for topic, _, text, *_ in table("evidence.txt.gz"):
        evidence[topic].add(key(text))
    for topic, _, number in table("articles.txt")[1:]:
        articles[topic].append(number.strip())
    with tarfile.open(folder / "articles.tar.gz") as tar:
        files = {Path(m.name).name: tar.extractfile(m).read().decode(errors="replace")
                 for m in tar.getmembers() if m.isfile()}
    for topic in chosen:
        held, neither, seen = [], [], set()
        for number in articles[topic]:
            for block, paragraph in enumerate(files.get(f"clean_{number}.txt", "").split("\n")):
                pieces = split_sentences(paragraph)
                for order, (a, b) in enumerate(pieces):
                    text = re.sub(r"\s+([.,;:])", r"\1", " ".join(paragraph[a:b].replace("[REF]", " ").split()))
                    k = key(text)
                    words = k.count(" ") + 1
                    if words < 5 or words > 100 or k in seen:
                        continue
                    seen.add(k)
                    claim = any(c in k for c in claims[topic] if c)
                    premise = any(e in k or (words > 7 and k in e) for e in evidence[topic] if e)
                    row = Sentence(text, "ibm", claims=(float(claim), float(premise), None),
                                   place=(block, order, order + 1 == len(pieces)))
                    (held if claim or premise else neither).append(row)
        rng.shuffle(neither)
        yield from held
        yield from neither[:int(ratio * len(held))]


def causal_news(data, part):
    folder = data / "causal-news-corpus" / "V2"
    relations = {}
    name = f"{part}_subtask2_grouped.csv" + (".gz" if part == "train" else "")
    for row in csv.DictReader(io.StringIO(read_text(folder / name))):
        relations[row["text"]] = [r for r in map(relation, ast.literal_eval(row["causal_text_w_pairs"])) if r]
    for row in csv.DictReader(io.StringIO(read_text(folder / f"{part}_subtask1.csv"))):
        words = row["text"].split()
        text, spans = detokenise(words)
        causes = [{k: (spans[a][0], spans[b - 1][1]) for k, (a, b) in r.items()} for r in relations.get(row["text"], [])]
        yield Sentence(text, "causal-news", claims=(None, None, float(row["label"])), causes=causes, tokens=spans)


CNC_TAG = re.compile(r"<(/?)(ARG0|ARG1|SIG0)>")
CNC_NAMES = {"ARG0": "CAUSE", "ARG1": "EFFECT", "SIG0": "SIGNAL"}


def relation(marked):
    """Token ranges [start, end) of a marked relation of the Causal News Corpus; of a
    broken signal the first part, as a span is one."""
    found, start, count = {}, {}, 0
    for piece in re.split(r"(</?(?:ARG0|ARG1|SIG0)>)", marked):
        tag = CNC_TAG.fullmatch(piece)
        if tag is None:
            count += len(piece.split())
        elif tag.group(1):
            found.setdefault(CNC_NAMES[tag.group(2)], (start[tag.group(2)], count))
        else:
            start[tag.group(2)] = count
    found = {k: v for k, v in found.items() if v[1] > v[0]}
    return found if "CAUSE" in found and "EFFECT" in found else None


def unicausal(data, rng, easy_negatives):
    """AltLex, BECAUSE and SemEval-2010 training parts; of SemEval's many short
    negatives only `easy_negatives`."""
    for name in ("altlex_train.csv", "because_train.csv", "semeval2010t8_train.csv.gz"):
        rows = csv.DictReader(io.StringIO(read_text(data / "unicausal" / "splits" / name)))
        sentences = {}
        for row in rows:
            label = max(float(row["seq_label"]), sentences.get(row["text"], 0.0))
            sentences[row["text"]] = label
        negative = [t for t, label in sentences.items() if not label]
        rng.shuffle(negative)
        dropped = set(negative[easy_negatives:]) if name.startswith("semeval") else set()
        for text, label in sentences.items():
            if text not in dropped:
                text, _ = detokenise(text.split())
                yield Sentence(text, "unicausal", claims=(None, None, label))


# --- commitment ---------------------------------------------------------------

FACTUALITY = ("CB", "MV2", "RP", "UDS_IH2")


def factuality(data, name, part):
    """How sure the author is that what the target says is so. Of a long passage the last
    90 tokens: its target stands at the end."""
    path = data / "factuality" / name / f"{part}.jsonl"
    path = path if path.exists() else path.with_suffix(".jsonl.gz")
    for line in read_text(path).splitlines():
        row = json.loads(line)
        words = row["text"].split()
        cut = max(0, max(t["span1"][1] for t in row["targets"]) - 90)
        text, spans = detokenise(words[cut:])
        targets = []
        for target in row["targets"]:
            a, b = (i - cut for i in target["span1"])
            if 0 <= a < b <= len(spans):
                targets.append((spans[a:b], float(target["label"])))
        yield Sentence(text, name, commitment=targets, tokens=spans)


# --- own examples -------------------------------------------------------------

def own(path, layers=("names",)):
    """Sentences written for konspekt, marked up as `{PER Rosa Luxemburg}`; spans
    may nest. Of `layers` (names: with voices; causes) everything is marked."""
    for line in read_text(path).split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        text, stack, found = "", [], []
        for piece in re.findall(r"\{[A-Z]+ |\}|[^{}]+", line.strip()):
            if piece[0] == "{":
                stack.append((len(text), piece[1:-1]))
            elif piece == "}":
                start, kind = stack.pop()
                found.append((start, len(text), types(kind)))
            else:
                text += piece
        assert not stack, line
        pick = lambda kinds: (sorted(s for s in found if set(s[2]) <= set(kinds)), O)
        sentence = Sentence(text, "own")
        if "names" in layers:
            sentence.entities, sentence.voice = pick(ENTITY_TYPES), pick(VOICE_TYPES)
        if "causes" in layers:
            parts = {}
            for start, end, kinds in pick(CAUSES)[0]:
                parts.setdefault(next(iter(kinds)), (start, end))
            whole = "CAUSE" in parts and "EFFECT" in parts
            sentence.causes, sentence.claims = [parts] if whole else [], (None, None, float(whole))
        yield sentence


# --- what is trained on, and on what it is tested ---------------------------------

def nine_tenths(data):
    """The training part of the Causal News Corpus less the tenth kept for development."""
    return [s for i, s in enumerate(causal_news(data, "train")) if i % 10]


def unseen(rows, *training):
    """Test sentences that do not stand in training material as well (motions share
    articles, news agencies sentences)."""
    seen = {key(s.text) for part in training for s in part}
    return [s for s in rows if key(s.text) not in seen]


def training(data, own_folder, rng):
    out = list(ewt(data, "train"))
    for domain in ("politics", "literature", "science", "music", "ai"):
        repeat = 2 if domain in ("politics", "literature") else 1  # nearest to essays
        for part in ("train", "dev"):
            out += list(crossner(data, domain, part)) * repeat
    out += list(wikigold(data, False)) * 2
    out += list(ehri(data, False))
    out += list(gum(data, "train")) * 2
    out += list(litbank(data, 0.02, rng))
    out += list(ibm(data, "train", rng, 2))
    out += nine_tenths(data)
    out += list(unicausal(data, rng, 1500))
    for part in ("train", "dev"):
        for name, repeat in (("CB", 3), ("MV2", 1), ("RP", 2), ("UDS_IH2", 1)):
            out += list(factuality(data, name, part)) * (repeat if part == "train" else 1)
    out += list(own(own_folder / "own_examples.txt")) * 3
    out += list(own(own_folder / "own_causes.txt", ("causes",))) * 2
    return out


def development(data, rng):
    """For thresholds and early looks; never tested on."""
    causal = list(causal_news(data, "train"))
    return {"ewt": list(ewt(data, "dev")), "gum": list(gum(data, "dev")), "ibm": list(ibm(data, "dev", rng, 3)),
            "causal": [s for i, s in enumerate(causal) if i % 10 == 0]}


def tests(data, rng):
    return {"ewt": list(ewt(data, "test")), "politics": list(crossner(data, "politics", "test")),
            "literature": list(crossner(data, "literature", "test")),
            "wikigold": list(wikigold(data, True)), "ehri": list(ehri(data, True)), "gum": list(gum(data, "test")),
            "ibm": unseen(ibm(data, "test", rng, 3), ibm(data, "train", rng, 1000)),
            "causal": unseen(causal_news(data, "dev"), causal_news(data, "train"), unicausal(data, rng, 10**6)),
            **{name: list(factuality(data, name, "test")) for name in FACTUALITY}}


def essays(shared):
    """Essays whose labels list named entities: (text of the body with regions
    that are not the essay cut out, {(form, type)})."""
    for path in sorted((shared / "labels").glob("*/*.json")):
        label = json.loads(path.read_text())
        if not label.get("entities"):
            continue
        text = (shared / "corpus" / path.parent.name / f"{path.stem}.txt").read_text(encoding="utf-8")
        body, at = "", label["body"][0]
        for start, end in sorted(label.get("skip", [])) + [[label["body"][1]] * 2]:
            body += text[at:start] + "\n\n"
            at = end
        gold = {(" ".join(e["quote"].split()), e["type"]) for e in label["entities"]}
        yield path.stem, body, gold

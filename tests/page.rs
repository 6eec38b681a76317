//! `table.html`, as its bytes and as a browser shows it.
//!
//! What needs Chromium and its driver (Debian: `chromium-driver`) is ignored unless asked
//! for: `cargo test --release --test page -- --include-ignored`. With
//! `SCREENSHOTS=FOLDER` it leaves pictures of every view there, to be looked at.

#[path = "page/driver.rs"]
mod driver;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use driver::{Browser, DOWN, ENTER, ESCAPE, TAB};
use konspekt::comparison::{Comparison, table_page};
use konspekt::ingest;
use konspekt::layers::{Annotated, Entity, EntityKind, SentenceStance, Speaker, Stance, Voice};
use konspekt::passes::sentences;
use konspekt::study::Study;
use konspekt::text::{Essay, Span};
use serde_json::{Value, json};
use tempfile::TempDir;

const STUDY: &str = "pipelines/origins-of-stalinism";
const SCRIPTS: [&str; 4] = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\">",
    "</script><script>window.hacked = 1</script>",
    "<!-- <svg onload='window.hacked = 1'>",
];

/// The essays of the bundled table.
fn bundled() -> Vec<Value> {
    let table = fs::read("tests/golden/origins-of-stalinism/table.json").unwrap();
    let table: Value = serde_json::from_slice(&table).unwrap();
    table["essays"].as_array().unwrap().clone()
}

/// The files of those that satisfy `wanted`.
fn files(wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let found = bundled().into_iter().filter(wanted);
    found
        .map(|e| e["file"].as_str().unwrap().to_owned())
        .collect()
}

// ---- Essays made up here, where no network need read them

/// An essay whose every third sentence is evidence and whose first words are a name.
fn annotated(id: &str, text: &str, study: &Study) -> Annotated {
    let document = ingest::read("essay.md", text.as_bytes().to_vec()).unwrap();
    let mut essay = Annotated::new(Essay {
        id: id.to_owned(),
        file: format!("{id}.md"),
        sha256: String::new(),
        document,
    });
    essay.sentences = sentences::find(&essay.essay.document);
    for (i, sentence) in essay.sentences.iter().enumerate() {
        let span = sentence.span;
        let first = span.of(text).split_whitespace().next().unwrap();
        let name = Span::new(span.start, span.start + first.len());
        essay.entities.push(Entity {
            span: name,
            kind: EntityKind::Per,
            canonical: "<b>Somebody</b>".to_owned(),
        });
        if i % 4 == 1 {
            essay.voices.push(Voice {
                span,
                source: Some("<i>Another</i>".to_owned()),
                cue: None,
                commitment: -1.26,
            });
        }
        if i % 3 == 0 {
            let thesis_index = i / 3 % study.theses.len();
            essay.stances.push(Stance {
                span,
                thesis_index,
                thesis: study.theses[thesis_index].id.clone(),
                stance: SentenceStance::ALL[i % 2],
                voice: Speaker::Author,
                source: None,
                score: 0.9,
                probabilities: [0.4, 0.3, 0.2],
            });
        }
    }
    essay
}

fn study() -> Study {
    Study::read(Path::new(STUDY)).unwrap()
}

/// So many essays of some length, from those of the bundled study.
fn many(count: usize, study: &Study) -> Vec<Annotated> {
    let texts = [
        "brandreth-1986",
        "okafor-2011",
        "rafferty-1979",
        "penhallow-2017",
    ]
    .map(|name| fs::read_to_string(format!("{STUDY}/essays/{name}.txt")).unwrap());
    (0..count)
        .map(|i| annotated(&format!("essay-{i:03}"), &texts[i % 4].repeat(6), study))
        .collect()
}

fn page_of(essays: &[Annotated], study: &Study) -> String {
    String::from_utf8(table_page(&Comparison::new(study, essays))).unwrap()
}

fn data_of(page: &str) -> Value {
    let (_, after) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(after.split_once("</script>").unwrap().0).unwrap()
}

// ---- The bytes

#[test]
fn the_same_table_gives_the_same_bytes() {
    let study = study();
    let essays = many(3, &study);
    assert_eq!(page_of(&essays, &study), page_of(&essays.clone(), &study));
}

#[test]
fn spans_are_those_of_a_javascript_string() {
    let study = study();
    let text = "\u{feff}Ленин 🥖 wrote it. É🥖 was told.\r\n\r\nThe e\u{301}tat was\r\nthe party. So it was.\n";
    let essays = [annotated("essay", text, &study)];
    let comparison = Comparison::new(&study, &essays);
    let data = data_of(&page_of(&essays, &study));
    let units: Vec<u16> = data[1]["text"].as_str().unwrap().encode_utf16().collect();
    let cut = |start: &Value, end: &Value| {
        let range = start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize;
        String::from_utf16(&units[range]).unwrap()
    };
    let mut seen = 0;
    for (cell, shown) in comparison.rows[0]
        .reading
        .cells
        .iter()
        .zip(data[1]["cells"].as_array().unwrap())
    {
        for (evidence, shown) in cell
            .evidence
            .iter()
            .zip(shown["evidence"].as_array().unwrap())
        {
            assert_eq!(cut(&shown["start"], &shown["end"]), evidence.quote);
            assert_eq!(shown["at"], evidence.span.start);
            seen += 1;
        }
    }
    assert!(seen > 0);
    for (sentence, shown) in essays[0]
        .sentences
        .iter()
        .zip(data[1]["sentences"].as_array().unwrap())
    {
        assert_eq!(cut(&shown[0], &shown[1]), sentence.span.of(text));
    }
}

#[test]
fn markup_in_an_essay_is_text_in_the_page() {
    let study = study();
    let mut essay = annotated("<script>id</script>", &SCRIPTS.join(" so it was. "), &study);
    essay.essay.document.title = Some(SCRIPTS[0].to_owned());
    essay.essay.document.author = Some(SCRIPTS[1].to_owned());
    let page = page_of(&[essay.clone()], &study);
    // Style, policy, data and script are the page's own; nothing of the essay is a tag.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    for tag in ["<img", "<!--", "<svg onload", "<b>Somebody"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let data = data_of(&page);
    assert_eq!(data[1]["text"], essay.essay.document.text);
    assert_eq!(data[0]["rows"][0]["title"], SCRIPTS[0]);
}

// ---- The browser

/// The folder of a run and the address of its page.
fn run(args: &[&str]) -> (TempDir, String) {
    let out = tempfile::tempdir().unwrap();
    let done = Command::cargo_bin("konspekt")
        .unwrap()
        .args(["run", "--quiet"])
        .args(args)
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let url = format!("file://{}/table.html", out.path().display());
    (out, url)
}

/// Names of the essays in sight, from the top.
fn shown(browser: &Browser) -> Vec<String> {
    let files = browser.run("return [...document.querySelectorAll('tbody tr:not([hidden]) .file')].map(e => e.textContent)");
    serde_json::from_value(files).unwrap()
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn a_reader_goes_from_a_cell_to_its_sentence_and_back() {
    let (out, url) = run(&[]);
    let browser = Browser::start();
    browser.open(&url);
    let table: Value =
        serde_json::from_slice(&fs::read(out.path().join("table.json")).unwrap()).unwrap();
    assert_eq!(shown(&browser).len(), 10);
    browser.picture("table");

    // By mouse: every cell lists its evidence, in the table's words.
    let essays = table["essays"].as_array().unwrap();
    for (i, essay) in essays.iter().enumerate() {
        for (t, thesis) in table["theses"].as_array().unwrap().iter().enumerate() {
            let cell = &essay["theses"][thesis["id"].as_str().unwrap()];
            browser.click(&format!("button[data-row='{i}'][data-thesis='{t}']"));
            let evidence = cell["evidence"].as_array().unwrap().iter();
            let wanted: Vec<&Value> = evidence
                .map(|e| &e["quote"])
                .chain(cell["explanation"]["nearest"].get("quote"))
                .collect();
            // The page follows its address, which takes a moment.
            browser.wait(&format!(
                "return !document.querySelector('#panel').hidden && JSON.stringify(\
                 [...document.querySelectorAll('#panel .evidence a')].map(a => a.textContent)) \
                 === JSON.stringify({})",
                json!(wanted)
            ));
        }
    }

    // Every sentence of a cell opens at its place, and is the bytes of the file.
    let vauquelin = essays
        .iter()
        .position(|e| e["id"] == "vauquelin-1949")
        .unwrap();
    let evidence = essays[vauquelin]["theses"]["party-state-fusion"]["evidence"]
        .as_array()
        .unwrap();
    let file = fs::read(out.path().join("texts/vauquelin-1949.txt")).unwrap();
    let cell = format!("button[data-row='{vauquelin}'][data-thesis='1']");
    browser.click(&cell);
    browser.picture("panel");
    for e in evidence {
        let at = e["start"].as_u64().unwrap() as usize;
        browser.click(&format!("#panel a[data-at='{at}']"));
        browser.wait("return !document.querySelector('#reader').hidden");
        let quote = browser.text("[aria-current=true]");
        assert_eq!(
            quote.as_bytes(),
            &file[at..e["end"].as_u64().unwrap() as usize]
        );
        assert_eq!(quote, e["quote"].as_str().unwrap());
        let seen = browser.run(
            "const box = document.activeElement.getBoundingClientRect();
             return document.activeElement.matches('.current.asserts-mark, .current.denies-mark, .current.reports-mark')
               && box.top >= 0 && box.bottom <= innerHeight",
        );
        assert_eq!(
            seen, true,
            "the sentence at {at} has the focus and is in sight"
        );
        browser.press(ESCAPE);
        browser.wait(&format!("return document.activeElement.dataset.at === '{at}' && !document.querySelector('#panel').hidden"));
    }
    browser.press(ESCAPE);
    browser.wait("return document.querySelector('#panel').hidden");
    assert_eq!(
        browser.run(&format!(
            "return document.activeElement.matches(\"{cell}\")"
        )),
        true,
        "the focus is back at the cell"
    );

    // By keys alone: on to the next cell, its evidence, the essay, and the browser's way back.
    browser.press(DOWN);
    browser.press(ENTER);
    browser.wait("return !document.querySelector('#panel').hidden && document.activeElement.id === 'panel-title'");
    browser.press(TAB);
    browser.press(TAB);
    browser.press(ENTER);
    browser.wait("return !document.querySelector('#reader').hidden");
    assert!(
        browser
            .run("return location.hash")
            .as_str()
            .unwrap()
            .starts_with("#essay=weiss-2019&thesis=party-state-fusion&at=")
    );
    browser.picture("essay");
    browser.back();
    browser.wait("return !document.querySelector('#panel').hidden");
    browser.back();
    browser.wait("return document.querySelector('#panel').hidden");

    // An address leads to its place on its own.
    browser.open("about:blank");
    let e = &evidence[0];
    browser.open(&format!("{url}#essay=vauquelin-1949&at={}", e["start"]));
    assert_eq!(
        browser.text("[aria-current=true]"),
        e["quote"].as_str().unwrap()
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn the_table_is_filtered_and_sorted() {
    let (_out, url) = run(&[]);
    let browser = Browser::start();
    browser.open(&url);
    let all = shown(&browser);
    let count = || browser.text("#count");
    assert_eq!(count(), "10 essays");

    browser.keys("[name=words]", "rene vau");
    assert_eq!(
        shown(&browser),
        ["vauquelin-1949.txt"],
        "letters without their accents find those with"
    );
    assert_eq!(count(), "1 of 10 essays");
    browser.click("[type=reset]");
    browser.wait("return document.querySelector('#count').textContent === '10 essays'");

    let choose = |name: &str, value: &str| {
        browser.click(&format!("[name={name}] option[value='{value}']"));
    };
    choose("thesis", "2");
    let third = |essay: &Value| essay["theses"]["continuity"]["stance"].clone();
    assert_eq!(shown(&browser), files(|e| third(e) != "absent"));
    choose("stance", "rejects");
    let rejecting = files(|e| third(e) == "rejects");
    assert!(!rejecting.is_empty());
    assert_eq!(shown(&browser), rejecting);
    choose("thesis", "");
    choose("stance", "primary");
    assert_eq!(shown(&browser), files(|e| !e["primary"].is_null()));
    browser.click("[type=reset]");
    browser.keys("[name=from]", "2018");
    assert_eq!(shown(&browser), ["castellano-2021.html", "weiss-2019.md"]);
    browser.click("[type=reset]");
    browser.wait("return document.querySelector('#count').textContent === '10 essays'");

    let sorted = |key: &str| {
        browser.run(&format!("return document.querySelector('[data-sort=\"{key}\"]').closest('th').getAttribute('aria-sort')"))
    };
    assert_eq!(sorted("file"), "ascending");
    browser.click("[data-sort=file]");
    assert_eq!(
        (sorted("file"), sorted("year")),
        (json!("descending"), json!("none"))
    );
    assert_eq!(
        shown(&browser),
        all.iter().rev().cloned().collect::<Vec<_>>()
    );
    browser.click("[data-sort=year]");
    assert_eq!(
        shown(&browser)[..3],
        [
            "penhallow-2017.txt",
            "weiss-2019.md",
            "castellano-2021.html"
        ]
    );
    browser.click("[data-sort=year]");
    assert_eq!(
        shown(&browser)[..4],
        [
            "castellano-2021.html",
            "weiss-2019.md",
            "penhallow-2017.txt",
            "brandreth-1986.txt"
        ]
    );
    browser.keys("[data-sort=author]", ENTER);
    assert_eq!(shown(&browser)[0], "brandreth-1986.txt");
    browser.click("[data-sort='0']");
    assert_eq!(
        (shown(&browser)[0].as_str(), sorted("0")),
        ("penhallow-2017.txt", json!("descending"))
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn layers_are_switched_on_and_off() {
    let (_out, url) = run(&[]);
    let browser = Browser::start();
    browser.open(&format!("{url}#essay=weiss-2019"));
    let switch = |words: &str| {
        browser.run(&format!("[...document.querySelectorAll('#layers label')].find(l => l.textContent.includes('{words}')).control.click()"));
    };
    let marks = || {
        browser
            .run("return document.querySelectorAll('[role=mark]').length")
            .as_u64()
            .unwrap()
    };
    let label = |layer: &str| {
        browser.run(&format!("return getComputedStyle(document.querySelector('.{layer}[data-label]'), '::after').content"))
    };
    let seen = |css: &str| {
        browser.run(&format!(
            "return document.querySelector('{css}').checkVisibility()"
        ))
    };

    let both = marks();
    switch("2 Party-state fusion");
    assert!(marks() > 0 && marks() < both);
    switch("3 Continuity");
    switch("1 Objective conditions");
    assert_eq!(marks(), 0);
    switch("1 Objective conditions");
    switch("2 Party-state fusion");
    switch("3 Continuity");
    assert_eq!(marks(), both);
    assert!(label("entities").as_str().unwrap().contains("place"));
    switch("Entities");
    assert_eq!(label("entities"), "none");
    assert!(label("voices").as_str().unwrap().contains("author"));
    switch("Voices");
    assert_eq!(label("voices"), "none");
    assert_eq!(label("claims"), "none");
    switch("Claims");
    assert_ne!(label("claims"), "none");
    assert_eq!(browser.text(".out .why"), "Left out: front matter");
    assert_eq!(seen(".out"), true);
    switch("Left out");
    assert_eq!(seen(".out"), false);
    assert_eq!(seen(".markup"), true);
    switch("Marks");
    assert_eq!(seen(".markup"), false);
    browser.picture("essay-claims");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn nothing_in_an_essay_runs() {
    let essays = tempfile::tempdir().unwrap();
    let prose = "It was hunger that made the clerk a master. No plan of Lenin's asked for that; the civil war did.";
    let link = "[click](javascript:window.hacked=1) <a href=\"javascript:window.hacked=1\" onclick='window.hacked=1'>here</a>";
    let put = |name: &str, text: String| fs::write(essays.path().join(name), text).unwrap();
    for (i, script) in SCRIPTS.iter().enumerate() {
        put(
            &format!("{i} <img src=x onerror=window.hacked=1>&\"'.md"),
            format!(
                "---\ntitle: '{}'\nauthor: {script}\n---\n\n{prose} {script} So it was {link} in the end.\n\n> {script} they said.\n\n{prose}\n",
                script.replace('\'', "''")
            ),
        );
    }
    put(
        "page.html",
        format!(
            "<html><head><title>&lt;script&gt;window.hacked=1&lt;/script&gt;</title></head><body><article><p>{prose} &lt;img src=x onerror=window.hacked=1&gt; was shown.</p><p>{prose}</p></article></body></html>"
        ),
    );
    let (_out, url) = run(&["--essays", essays.path().to_str().unwrap()]);
    let browser = Browser::start();
    browser.open(&url);
    assert_eq!(shown(&browser).len(), 5);
    for row in 0..5 {
        for thesis in 0..3 {
            browser.click(&format!("button[data-row='{row}'][data-thesis='{thesis}']"));
            browser.wait("return !document.querySelector('#panel').hidden");
            if browser.run("return document.querySelector('#panel .evidence a') !== null") == true {
                browser.click("#panel .evidence a");
                browser.wait("return !document.querySelector('#reader').hidden");
                browser.press(ESCAPE);
            }
        }
        browser.run(&format!(
            "document.querySelector('a[data-row=\"{row}\"]').click()"
        ));
        browser.wait("return !document.querySelector('#reader').hidden");
        for layer in 0..8 {
            browser.run(&format!(
                "document.querySelectorAll('#layers input')[{layer}].click()"
            ));
        }
        let shown = browser.text("#reader");
        assert!(shown.contains("window.hacked"), "{shown}");
        browser.press(ESCAPE);
        browser.wait("return !document.querySelector('#overview').hidden");
    }
    assert!(
        browser
            .text("#table")
            .contains("<script>window.hacked = 1</script>")
    );
    let made = browser.run(
        "return [...document.querySelectorAll('img, iframe, object, [onclick], [onerror], [onload], a[href^=javascript]')].length
           + document.querySelectorAll('script').length",
    );
    assert_eq!(
        made, 2,
        "the page has its own two scripts and nothing of the essays"
    );
    assert_eq!(browser.run("return typeof window.hacked"), "undefined");
    browser.picture("hostile");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // Were an essay's markup ever to come through, the page's policy would stop it.
    browser.run("const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s);
                 document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')");
    assert_eq!(browser.run("return typeof window.hacked"), "undefined");
    assert!(!browser.complaints().is_empty());
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn everyone_can_read_and_reach_everything() {
    let (_out, url) = run(&[]);
    let browser = Browser::start();
    let views = [
        ("table", url.clone()),
        (
            "panel",
            format!("{url}#essay=rafferty-1979&thesis=continuity"),
        ),
        (
            "essay",
            format!("{url}#essay=castellano-2021&thesis=party-state-fusion&at=1337"),
        ),
    ];
    for scheme in ["light", "dark"] {
        browser.emulate("prefers-color-scheme", scheme);
        for (view, url) in &views {
            browser.open("about:blank");
            browser.open(url);
            browser.run(
                "document.querySelectorAll('#layers input:not(:checked)').forEach(i => i.click())",
            );
            let faint = browser.run(include_str!("page/contrast.js"));
            assert_eq!(
                faint,
                json!([]),
                "{view}, {scheme}: text of too little contrast"
            );
            browser.picture(&format!("{view}-{scheme}"));
        }
    }
    browser.emulate("prefers-color-scheme", "light");
    for (view, url) in &views {
        browser.open("about:blank");
        browser.open(url);
        for id in browser.find_all("a[href], button, input, select, [tabindex='0']") {
            if browser.is_shown(&id) {
                assert_ne!(
                    browser.label(&id).trim(),
                    "",
                    "{view}: a control without a name"
                );
            }
        }
        let levels: Vec<u64> = serde_json::from_value(browser.run(
            "return [...document.querySelectorAll('h1, h2, h3, h4')].filter(h => h.checkVisibility()).map(h => Number(h.tagName[1]))",
        )).unwrap();
        assert_eq!(levels[0], 1);
        assert!(
            levels.windows(2).all(|w| w[1] <= w[0] + 1),
            "{view}: {levels:?}"
        );
        assert_eq!(levels.iter().filter(|&&level| level == 1).count(), 1);
        for (css, role) in [
            ("header", "banner"),
            ("main", "main"),
            ("footer", "contentinfo"),
            ("#filters", "search"),
            ("#panel", "complementary"),
            ("#reader", "article"),
            ("#layers", "form"),
        ] {
            let found = browser.find_all(css);
            if found.first().is_some_and(|id| browser.is_shown(id)) {
                assert_eq!(browser.role(&found[0]), role, "{view}: {css}");
            }
        }
        assert_eq!(browser.run("const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.length - new Set(ids).size"), 0);
    }

    // The focus starts at the way past the head, and goes as the page is read.
    browser.open("about:blank");
    browser.open(&url);
    let focus = || {
        browser.run("const e = document.activeElement; return e.name || e.dataset.sort || e.className || e.type || e.tagName")
    };
    let mut order = Vec::new();
    for _ in 0..16 {
        browser.press(TAB);
        order.push(focus().as_str().unwrap().to_owned());
    }
    assert_eq!(
        order,
        [
            "skip", "words", "thesis", "stance", "from", "to", "reset", "scroll", "author", "year",
            "file", "0", "1", "2", "A", "cell"
        ]
    );
    // The words of a cell's button are what a screen reader says.
    let id = &browser.find_all("button[data-row='8'][data-thesis='1']")[0];
    let essay = &bundled()[8];
    let cell = &essay["theses"]["party-state-fusion"];
    assert_eq!(essay["primary"], "party-state-fusion");
    let percent = |name: &str| (100.0 * cell[name].as_f64().unwrap()).round();
    let wanted = format!(
        "{}, main explanation, {}\u{a0}% of the argument, confidence {}\u{a0}%, {} sentences",
        cell["stance"].as_str().unwrap(),
        percent("weight"),
        percent("confidence"),
        cell["evidence"].as_array().unwrap().len(),
    );
    assert_eq!(browser.label(id), wanted);
    assert_eq!(browser.role(&browser.find_all("#count")[0]), "status");

    // In print the evidence follows the table, and what only a screen can do is away.
    browser.print(true);
    browser.open(&url);
    let seen = |css: &str| {
        browser.run(&format!(
            "return document.querySelector('{css}').checkVisibility()"
        ))
    };
    for (css, printed) in [
        ("#table", true),
        ("#strongest dd q", true),
        ("#filters", false),
        (".skip", false),
    ] {
        assert_eq!(seen(css), printed, "{css}");
    }
    browser.print(false);
    assert_eq!(seen("#strongest dd q"), false);

    // A narrow window needs no sideways scrolling but for the table's own.
    browser.narrow();
    for (view, url) in &views {
        browser.open("about:blank");
        browser.open(url);
        let over = browser.run(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert_eq!(over, 0, "{view}");
        browser.picture(&format!("{view}-narrow"));
    }
}

#[test]
#[ignore = "needs chromium and chromium-driver"]
fn two_hundred_essays_open_in_under_a_second() {
    // Eight theses: a table that scrolls sideways too.
    let mut study = study();
    for i in study.theses.len()..8 {
        let mut thesis = study.theses[0].clone();
        thesis.id += &i.to_string();
        study.theses.push(thesis);
    }
    let folder = tempfile::tempdir().unwrap();
    let page = page_of(&many(200, &study), &study);
    fs::write(folder.path().join("table.html"), &page).unwrap();
    let url = format!("file://{}/table.html", folder.path().display());
    let browser = Browser::start();
    // Other work on the machine can only make it slower: the best of three is the page's own,
    // and time is counted in what a plain loop takes, which is YARDSTICK where nothing else runs.
    const YARDSTICK: f64 = 230.0;
    let slow = |browser: &Browser| {
        let loop_takes = "const t = performance.now(); let s = 0; \
            for (let i = 0; i < 3e7; i++) s = (s * 31 + i) % 65521; \
            return performance.now() - t + s * 0";
        (browser.run(loop_takes).as_f64().unwrap() / YARDSTICK).max(1.0)
    };
    let times = (0..3).map(|_| {
        browser.open("about:blank");
        let slow = slow(&browser);
        browser.open(&url);
        browser.wait("return performance.getEntriesByName('first-contentful-paint').length > 0");
        let ms = |js: &str| browser.run(js).as_f64().unwrap();
        ms("return performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart")
            .max(ms("return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            / slow
    });
    let best = times.fold(f64::INFINITY, f64::min);
    println!("{} KB open in {best:.0} ms", page.len() / 1024);
    // A second where nothing else runs; half as much again for what the yardstick does not see.
    assert!(best < 1500.0, "{best} ms");

    let slow = slow(&browser);
    let frames = (0..3)
        .map(|_| {
            browser.run("document.querySelector('.scroll').scrollTop = 0");
            let frames = browser.run_async(include_str!("page/frames.js"));
            println!("scrolling: {frames}");
            frames
        })
        .min_by(|a, b| a["most"].as_f64().partial_cmp(&b["most"].as_f64()).unwrap())
        .unwrap();
    assert!(
        frames["middle"].as_f64().unwrap() < 30.0 * slow,
        "{frames}, {slow}"
    );
    assert!(
        frames["most"].as_f64().unwrap() < 60.0 * slow,
        "{frames}, {slow}"
    );

    let ms = browser
        .run("const start = performance.now(); location.hash = 'essay=essay-150'; return start")
        .as_f64()
        .unwrap();
    browser.wait("return !document.querySelector('#reader').hidden");
    let opened = browser.run("return performance.now()").as_f64().unwrap() - ms;
    println!("an essay opens in {opened:.0} ms");
    browser.press(ESCAPE);
    let typed = browser.run("const start = performance.now(); const box = document.querySelector('[name=words]'); box.value = '007'; box.dispatchEvent(new Event('input', { bubbles: true })); document.body.offsetHeight; return performance.now() - start");
    println!("a filter takes {typed} ms");
    assert_eq!(shown(&browser), ["essay-007.md"]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

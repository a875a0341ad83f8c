"""The pages: they need nothing else, and text stays text."""

from __future__ import annotations

import json
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
import report_results as rows
import tiny
from pages import Page, Tables, as_shown, plain, texts

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.report import verdicts
from ibsweep.analysis.report.arms import arms_table, confirmed_table
from ibsweep.analysis.report.cells import SIGNS
from ibsweep.analysis.report.provenance import sweeps_table
from ibsweep.analysis.report.tables import (
    efficiency_table,
    pairs_table,
    replications_table,
    sizes_needed_table,
)
from ibsweep.analysis.report.verdicts import claims_table
from ibsweep.errors import InputError, SweepError
from ibsweep.questions.schema import Question


def test_a_page_says_the_answer_first(page):
    text = plain(page)
    assert text.index("The CNN beats the MLP.") < text.index("Best configuration of every arm")
    assert "supported" in text
    assert "refuted" in text
    for heading in (
        "Number of images",
        "Published figures",
        "Arm by arm",
        "How it was done",
    ):
        assert heading in text
    figures = [tag for tag, _ in Page(page).tags if tag == "figure"]
    assert len(figures) == 4 + 2 * 6  # arms, profiles, images, replications; six of each arm


def test_the_tables_of_a_page_are_those_of_the_evidence_cell_by_cell(page, evidence):
    expected = {
        "arms": arms_table(evidence),
        "pairs": pairs_table(evidence),
        "wanted": sizes_needed_table(evidence),
        "efficiency": efficiency_table(evidence),
        "replications": replications_table(evidence),
        "sweeps": sweeps_table(evidence),
    }
    expected |= {
        f"tests-{one.claim.id}": verdicts.claim_tests_table(evidence, one)
        for one in evidence.claims
    }
    expected |= {
        f"confirmed-{arm}": confirmed_table(evidence, summary)
        for arm, summary in evidence.summaries.items()
    }
    found = Tables(page).found
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        assert table.rows
        assert found[name] == as_shown(table), name


def test_the_tables_of_the_index_cell_by_cell(results, evidence, tmp_path):
    index, _ = rows.write_report(results, tmp_path)
    found = Tables(index.read_text("utf-8")).found
    assert found == {
        "claims": as_shown(claims_table([evidence])),
        "questions": as_shown(verdicts.questions_table([evidence])),
        "arms": as_shown(arms_table(evidence)),
    }
    assert found["questions"][1][3:] == ["2 of 2 arms", "2 supported, 1 refuted"]


def test_a_page_says_what_its_numbers_are(page):
    text = plain(page)
    for note in (
        "the verdicts above are adjusted over the claims' tests",
        "An arm is called better where p, Holm is below 0.05",
        "ends are the outer ones of Student's t and of the studentised bootstrap",
        "optimistic where the winner of the sweep is the best",
        "where the mean curve over the replicates first reaches the figure",
        "chosen and scored on the same replicates, so that a little optimism remains.",
        "All arms share the replicate seeds, so that they are compared on the same images.",
        "Fewer than six replicates decide nothing.",
        "minutes of trials: trials.seconds added up by sweep",
        "it takes 30 trials that are not all alike, here are 4.",
    ):
        assert note in text, note
    svg = re.search(r"<svg[^>]*fig-importance-duel_cnn-title.*?</svg>", page, re.DOTALL)[0]
    assert "too few trials to tell" in svg


@pytest.mark.parametrize("apart", [False, True])
def test_the_code_of_the_page_finds_the_number_again(tmp_path, monkeypatch, apart):
    """With the path as it was given, from where it was given."""
    given = 'deep/my "results"'
    rows.add_sweep(tmp_path / given, "duel_cnn", apart=apart)
    monkeypatch.chdir(tmp_path)
    _, written = rows.write_report(load(given), tmp_path / "out")
    page = written.read_text("utf-8")
    code = re.search(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)[1]
    code = Page(f"<p>{code}</p>").text
    last = code.splitlines()[-1]
    names = {}
    assert f"ibsweep.load({json.dumps(given)})" in code
    exec(code.replace("ibsweep.load", "load").replace("import ibsweep", ""), {"load": load}, names)
    value = eval(last.split("#")[0], {}, names)
    assert f"# {value:.2f}," in last


def test_a_page_needs_no_other_file(page):
    parsed = Page(page)
    assert {tag for tag, _ in parsed.tags} & {"iframe", "object", "embed", "base"} == set()
    assert all(value.startswith("data:") for value in parsed.all("src"))
    links = parsed.all("href")
    assert "index.html" in links
    ids = parsed.all("id")
    assert max(Counter(ids).values()) == 1
    for link in links:
        assert link.startswith(("data:", "index.html")) or link.removeprefix("#") in ids
    assert set(re.findall(r"https?://[^\"' <]+", page)) == {"http://www.w3.org/2000/svg"}
    for reference in re.findall(r"url\(#([^)]+)\)", page):
        assert reference in ids


def test_figures_are_in_the_pages_ink_and_have_words(page):
    from ibsweep.analysis.plots import INK

    assert INK not in page.lower()
    assert "currentColor" in page
    drawings = re.findall(r"<svg (?!class=.strip).*?</svg>", page, re.DOTALL)
    assert len(drawings) == 16
    for each in drawings:
        root = ElementTree.fromstring(each)
        assert root.get("role") == "img"
        title, description = (root.find(f"{{*}}{tag}") for tag in ("title", "desc"))
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert len(description.text) > 10
        assert root.findall(".//{*}text")
        assert "font-family" not in each


def test_tables_can_be_read_aloud(page):
    parsed = Page(page)
    assert dict(parsed.tags)["html"] == {"lang": "en"}
    headings = [attributes for tag, attributes in parsed.tags if tag == "th"]
    assert headings
    assert {attributes["scope"] for attributes in headings} == {"col", "row"}
    ids = set(parsed.all("id"))
    assert all(set(value.split()) <= ids for value in parsed.all("aria-labelledby"))


def test_the_same_results_give_the_same_bytes(results, page, tmp_path):
    assert rows.write_report(results, tmp_path)[1].read_text("utf-8") == page


def test_hostile_text_stays_text(tmp_path):
    results = load(rows.full(tmp_path / "results", hostile=True))
    index, page = (
        path.read_text("utf-8") for path in rows.write_report(results, tmp_path / "out")
    )
    for text in (index, page):
        parsed = Page(text)
        assert [tag for tag, _ in parsed.tags].count("script") == 1  # ours
        assert not {tag for tag, _ in parsed.tags} & {"img"}
        assert not [key for _, attributes in parsed.tags for key in attributes if key[:2] == "on"]
        assert rows.HOSTILE in parsed.text
        assert "script-src 'sha256-" in text


def test_an_arm_without_anything_else(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", efficiency=False)
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "not swept yet: ibsweep tune duel_mlp" in text
    assert "ibsweep efficiency duel does it" in text
    assert "ibsweep replicate duel does it" in text
    assert "Arms compared two by two" not in text
    assert "replicate seeds that" not in text  # of one arm there is nothing to compare
    assert "All arms share" not in text


def test_nothing_is_confirmed_yet(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", confirmed=False)
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "not confirmed yet: ibsweep resume duel_cnn-1" in text
    tests = Tables(page.read_text("utf-8")).found["tests-duel_mlp_is_good"]
    assert [row[1] for row in tests] == ["verdict", "not tested", "not tested"]
    assert "The sweep, trial by trial" in text


def test_a_question_named_index_leaves_the_index_what_it_is(tmp_path):
    from ibsweep.results.store import SweepStore

    for name in ("duel", "index"):
        question = rows.question().model_copy(update={"question": name})
        SweepStore.create(tmp_path, rows.manifest("duel_cnn", f"{name}-1", question))
    index, *pages = rows.write_report(load(tmp_path), tmp_path / "out")
    assert [path.name for path in (index, *pages)] == [
        *("index.html", "duel.html", "index-question.html")
    ]
    text = index.read_text("utf-8")
    assert 'href="index-question.html">index</a>' in text
    assert 'href="duel.html">duel</a>' in text


def test_a_sweep_that_has_not_begun(tmp_path):
    from ibsweep.results.store import SweepStore

    SweepStore.create(tmp_path, rows.manifest("duel_cnn", "duel_cnn-1", rows.question()))
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    assert "not confirmed yet" in plain(page.read_text("utf-8"))


def test_arms_without_common_seeds_are_not_compared(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn")
    rows.add_sweep(tmp_path, "duel_mlp", seed=5000)
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "they share no replicate seeds" in text
    assert "All arms share" not in text
    assert "Arms are compared on the replicate seeds that they share" in text


def test_replications_of_a_question_that_was_never_swept(tmp_path):
    from ibsweep.questions.files import load_all
    from ibsweep.questions.published import published_settings
    from ibsweep.results.replications import ReplicationStore

    found = {
        (c.setting, c.arm, c.train_size): c for c, _ in published_settings([load_all()["q1"]])
    }
    row = tiny.replication(found["baseline", "q1_cnn", 10], 10, 80.0, exact=True)
    ReplicationStore(tmp_path).add([row])
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "No arm was swept yet." in text
    assert "too few seeds" in text


def test_the_index_covers_all_questions_and_leads_to_the_pages_that_there_are(results, tmp_path):
    rows.full(tmp_path)
    other = rows.question().model_dump(mode="json")
    text = str(other).replace("duel", "joust")
    rows.LEVELS |= {"joust_cnn": 80.0}
    asked = Question.model_validate(eval(text))
    rows.add_sweep(tmp_path, "joust_cnn", asked=asked)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    out = tmp_path / "out"
    first = rows.write_report(load(tmp_path), out, ["joust"])
    assert [path.name for path in first] == ["index.html", "joust.html"]
    index = Page(first[0].read_text("utf-8"))
    assert {link for link in index.all("href") if link.endswith("html")} == {"joust.html"}
    assert "The CNN beats the MLP." in index.text
    assert "broken" in index.text
    rows.write_report(load(tmp_path), out, ["duel"])
    index = Page(first[0].read_text("utf-8"))
    links = {link for link in index.all("href") if link.endswith("html")}
    assert links == {"joust.html", "duel.html"}
    lead = "2 questions, 3 arms with a confirmed sweep. Of 6 claims: 2 supported, 1 refuted, "
    assert f"{lead}3 not tested." in index.text


def test_open_is_not_the_same_as_not_tested(tmp_path):
    """An arm that is swept and not confirmed does not count either."""
    rows.add_sweep(tmp_path, "duel_cnn", confirmed=False)
    rows.add_sweep(tmp_path, "duel_mlp", better=30.5)
    results = load(tmp_path)
    index, _ = rows.write_report(results, tmp_path / "out")
    text = plain(index.read_text("utf-8"))
    expected = "1 question, 1 arm with a confirmed sweep. Of 3 claims: 1 open, 2 not tested."
    assert expected in text
    table = verdicts.questions_table(gather(results).values())
    assert texts(table, "claims") == ["1 open, 2 not tested"]
    assert texts(table, "confirmed") == ["1 of 2 arms"]


def test_verdicts_differ_in_word_sign_and_shape(page):
    """Not by their colour alone."""
    badges = [attrs for _, attrs in Page(page).tags if "badge" in attrs.get("class", "")]
    assert {each["class"] for each in badges} == {"badge supported", "badge refuted"}
    assert all(each["data-sign"] == SIGNS[each["class"].split()[1]] for each in badges)
    assert len(set(SIGNS.values())) == 5
    rules = dict(re.findall(r"\.badge\.(\w+) \{(.*?)\}", page))
    shapes = [re.sub(r"(color|background): [^;]+;", "", rules[name]).strip() for name in SIGNS]
    assert len(set(shapes)) == 5


def test_a_quick_look_says_so_wherever_it_shows_a_verdict(tmp_path):
    for arm in ("duel_cnn", "duel_mlp"):
        store = rows.add_sweep(tmp_path, arm)
        if arm == "duel_mlp":
            quick = {"command": ("ibsweep", "tune", arm, "--quick")}
            store.update_manifest(store.manifest.model_copy(update=quick))
    index, page = rows.write_report(load(tmp_path), tmp_path / "out")
    found = Tables(index.read_text("utf-8")).found
    assert [row[2] for row in found["claims"][1:]] == [
        "supported\na quick look",
        "supported\na quick look",
        "refuted\na quick look",
    ]
    assert found["questions"][1][4] == "2 supported, 1 refuted (a quick look)"
    text = plain(page.read_text("utf-8"))
    assert "A quick look: duel_mlp was tuned with --quick" in text
    assert "supported a quick look The CNN beats the MLP." in text


def test_a_page_says_whether_choice_and_score_are_apart(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", apart=True)
    rows.add_sweep(tmp_path, "duel_mlp")
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "duel_mlp: chosen and scored on the same replicates" in text
    assert "duel_cnn: chosen" not in text


def test_pages_are_not_written_through_planted_links(results, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "shared")  # the directory may be a link
    for name in ("index.html", "duel.html", ".index.html.new"):
        (tmp_path / f"victim-{name}").write_text("precious")
        (tmp_path / "out" / name).symlink_to(tmp_path / f"victim-{name}")
    for page in rows.write_report(results, tmp_path / "out"):
        assert "</html>" in page.read_text("utf-8")
        assert not page.is_symlink()
    assert {path.read_text() for path in tmp_path.glob("victim-*")} == {"precious"}


def test_a_directory_that_cannot_be_made(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out .*file is a file; name a directory"):
        rows.write_report(results, tmp_path / "file")
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    with pytest.raises(SweepError, match=r"cannot write .*index\.html"):
        rows.write_report(results, tmp_path / "out")

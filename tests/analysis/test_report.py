"""The report: every number traced to rows, pages that need nothing else, text that stays text."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import report_results as rows
import tiny
from rich.console import Console
from scipy import stats

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.report import verdicts
from ibsweep.analysis.report.cells import Cell
from ibsweep.analysis.report.provenance import settings_rows, sweeps_table
from ibsweep.analysis.report.svg import inline_svg, svg_settings
from ibsweep.analysis.report.tables import (
    arms_table,
    efficiency_table,
    images_needed_table,
    pairs_table,
    replications_table,
)
from ibsweep.analysis.report.verdicts import claims_table
from ibsweep.analysis.statistics import paired_difference
from ibsweep.cli.report import print_tables, report
from ibsweep.errors import InputError, SweepError
from ibsweep.questions.schema import Question


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(rows.full(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def evidence(results):
    return gather(results)["duel"]


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    written = rows.write_report(results, tmp_path_factory.mktemp("pages"))
    assert [path.name for path in written] == ["index.html", "duel.html"]
    return written[1].read_text("utf-8")


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def texts(table, name):
    return [cell.text for cell in column(table, name)]


# Numbers and the rows that they come from


def test_the_arms_are_means_of_rows(results, evidence):
    table = arms_table([evidence])
    frame = results.confirmations
    for row in table.rows:
        arm = row[0].text
        mine = frame[(frame["arm"] == arm) & (frame["images"] == 10)]
        best = mine[mine["role"] == "best"]["test_accuracy"]
        baseline = mine[mine["baseline"]]["test_accuracy"]
        interval = stats.ttest_1samp(best, 0).confidence_interval(0.95)
        shown = dict(zip(table.columns, row, strict=True))
        assert shown["test accuracy, %"] == (
            f"{best.mean():.2f} [{interval.low:.2f}, {interval.high:.2f}]",
            pytest.approx(best.mean()),
            False,
            None,
        )
        assert shown["baseline, %"].text.startswith(f"{baseline.mean():.2f} [")
        assert shown["replicates"].text == str(len(best)) == "8"
        trials = results.trials
        own = trials[(trials["arm"] == arm) & (trials["trial"] == 1)]
        assert shown["in its sweep, %"].text == f"{own['valid_accuracy'].item():.2f}"
        assert shown["configuration"].text == "lr 0.05, epochs 30, batch_size 5"
    assert texts(table, "published, %") == ["86.67", "58.00"]
    assert texts(table, "arm") == ["duel_cnn", "duel_mlp"]


def test_the_pairs_are_paired_by_seed(results, evidence):
    table = pairs_table(evidence)
    frame = results.confirmations
    best = frame[(frame["role"] == "best") & (frame["images"] == 10)]
    wide = best.pivot_table(index="seed", columns="arm", values="test_accuracy")
    found = paired_difference(wide["duel_cnn"], wide["duel_mlp"])
    (row,) = table.rows
    assert row[0].text == "duel_cnn over duel_mlp"
    assert row[1].text == f"{found.effect:+.2f}" == "+30.00"
    assert row[3].key == row[4].key == found.p
    assert texts(table, "settled") == ["yes"]


def test_three_pairs_are_adjusted_for_their_number(tmp_path):
    """The middle one's interval excludes 0 and its p is below 0.05, but not among three."""
    (evidence,) = gather(load(rows.trio(tmp_path))).values()
    table = pairs_table(evidence)
    assert texts(table, "arms") == [
        "duel_cnn over duel_deep",
        "duel_cnn over duel_wide",
        "duel_deep over duel_wide",
    ]
    assert texts(table, "difference, points") == ["+1.06", "+1.32", "+0.26"]
    assert texts(table, "95 % interval")[0] == "[+0.16, +1.62]"
    assert texts(table, "p") == ["0.031", "0.008", "0.523"]
    assert texts(table, "p, Holm") == ["0.062", "0.023", "0.523"]
    assert texts(table, "settled") == ["open", "yes", "open"]


def test_what_the_arms_table_says_of_training_images_and_of_the_notebooks_setting(tmp_path):
    (evidence,) = gather(load(rows.trio(tmp_path))).values()
    table = arms_table([evidence])
    assert texts(table, "training accuracy, %") == ["100.00 [100.00, 100.00]"] * 3
    assert "Training accuracy: the same replicates" in table.note
    assert "training accuracy the same of train_accuracy" in table.source
    own = "lr 0.01, epochs 20, batch_size 10 (the notebook's setting; nothing better was found)"
    found = "lr 0.05, epochs 30, batch_size 5"
    assert texts(table, "configuration") == [found, found, own]
    assert texts(table, "test accuracy, %")[2] == texts(table, "baseline, %")[2]


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ({"images": 10, "valid_accuracy": 58.0}, False),
        ({"images": 10, "train_accuracy": 58.0}, True),
    ],
)
def test_a_published_training_figure_is_shown_beside_ours(tmp_path, figure, shown):
    document = rows.question().model_dump(mode="json")
    document["arms"]["duel_mlp"]["notebook"] = [figure]
    asked = Question.model_validate(document)
    for arm in asked.arms:
        rows.add_sweep(tmp_path, arm, asked=asked)
    table = arms_table(gather(load(tmp_path)).values())
    assert ("training accuracy, %" in table.columns) is shown
    assert texts(table, "published, %")[1] == f"58.00{' (training)' * shown}"


def test_efficiency_and_images_needed(results, evidence):
    frame = results.confirmations
    means = frame[frame["role"] == "best"].groupby(["arm", "images"])["test_accuracy"].mean()
    table = efficiency_table(evidence)
    assert table.columns == ("arm", "10", "30", "100")
    for row in table.rows:
        for images, cell in zip((10, 30, 100), row[1:], strict=True):
            assert cell.key == pytest.approx(means[row[0].text, images])
    wanted = images_needed_table(evidence)
    assert texts(wanted, "arm") == ["duel_cnn", "duel_mlp", "duel_mlp", "duel_mlp"]
    targets = texts(wanted, "accuracy to reach, %")
    assert targets[:3] == ["85.00", "85.00", "99.00"]
    assert targets[3].splitlines() == [
        f"{means['duel_cnn', 10]:.2f}",
        "as good as duel_cnn with 10",
    ]
    images = texts(wanted, "images per class")
    assert images[0] == "10 or fewer"
    assert 30 < float(images[1]) < 100
    assert images[2] == "> 100"


def test_images_needed_beyond_what_was_tried(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", better=6)
    rows.add_sweep(tmp_path, "duel_mlp", better=-40)
    (evidence,) = gather(load(tmp_path)).values()
    found = dict(
        zip(
            *(texts(images_needed_table(evidence), c) for c in ("arm", "images per class")),
            strict=True,
        )
    )
    assert found["duel_mlp"] == "> 100"


def test_the_verdicts(evidence):
    table = claims_table([evidence])
    assert texts(table, "verdict") == ["supported", "supported", "refuted"]
    assert "+30.00 points" in texts(table, "in figures")[0]
    tests = [verdicts.claim_tests_table(result) for result in evidence.claims]
    assert [texts(test, "what must hold") for test in tests] == [
        ["duel_cnn over duel_mlp: more than 0 points"],
        ["duel_mlp needs more images than duel_cnn for 85 %"],
        [
            "duel_mlp, best: at least 90 %",
            "duel_mlp (batch_size 5), best: below 99 % with 100 images per class",
        ],
    ]
    for result, test in zip(evidence.claims, tests, strict=True):
        assert texts(test, "effect") == [f"{each.effect:.2f}" for each in result.tests]
        assert texts(test, "verdict") == [each.verdict.value for each in result.tests]


def test_the_replications_say_what_looks_like_luck(evidence):
    table = replications_table(evidence)
    assert texts(table, "looks like luck") == ["yes: lucky", "no"]
    assert texts(table, "published, %") == ["86.67", "58.00"]
    assert texts(table, "seed 10, %") == ["86.67 =", "58.00 ="]
    assert "lands on 2 of 2 of its figures" in table.note
    assert texts(table, "lowest to highest, %")[0] == "78.67 to 82.67"
    assert texts(table, "seeds") == ["24", "24"]


def test_the_sweeps_and_how_they_were_made(evidence):
    table = sweeps_table(evidence)
    assert texts(table, "sweep") == ["duel_cnn-1", "duel_mlp-1"]
    assert texts(table, "complete") == ["3", "3"]
    assert texts(table, "confirmation seeds") == ["1000010 to 1000017"] * 2
    facts = dict(settings_rows(evidence))
    assert facts["command"] == [
        ("duel_cnn", "ibsweep tune duel_cnn"),
        ("duel_mlp", "ibsweep tune duel_mlp"),
    ]
    ((arms, budget),) = facts["budget"]  # common to both
    assert arms == ""
    assert budget.startswith("5 trials of 4 replicates; 2 leaders")
    assert "resumed" not in facts


# Which sweeps are reported


def test_the_newest_confirmed_sweep_of_an_arm_is_shown_unless_another_is_named(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", name="old", created="2026-01-01T00:00:00+00:00")
    rows.add_sweep(tmp_path, "duel_cnn", name="new", created="2026-01-02T00:00:00+00:00", better=3)
    rows.add_sweep(
        tmp_path, "duel_cnn", name="newest", created="2026-01-03T00:00:00+00:00", confirmed=False
    )
    results = load(tmp_path)

    def shown(targets):
        return gather(results, targets)["duel"].summaries["duel_cnn"].name

    assert shown(None) == shown(["duel"]) == shown([]) == shown(["all"]) == "new"
    assert shown(["old"]) == shown(["duel", "old"]) == "old"
    old, new = (
        arms_table(gather(results, [name]).values()).rows[0][2].key for name in ("old", "new")
    )
    assert new == pytest.approx(old + 3)
    with pytest.raises(InputError, match="'old' and 'new' are sweeps of one arm, duel_cnn"):
        gather(results, ["old", "new"])


def test_a_directory_that_was_renamed_keeps_its_sweeps_name(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn").paths.root.rename(tmp_path / "renamed")
    assert gather(load(tmp_path), ["duel_cnn-1"])["duel"].summaries["duel_cnn"].best


def test_one_sweeps_directory_alone(tmp_path):
    store = rows.add_sweep(tmp_path, "duel_cnn")
    assert list(gather(load(store.paths.root))["duel"].summaries) == ["duel_cnn"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("dual", "'dual' is no question or sweep in .*; did you mean 'duel'"),
        ("broken", "sweep 'broken' cannot be read: .*manifest.json is damaged"),
    ],
)
def test_an_unknown_target(tmp_path, target, message):
    rows.add_sweep(tmp_path, "duel_cnn")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=message):
        gather(load(tmp_path), [target])


def test_nothing_to_report(tmp_path):
    with pytest.raises(InputError, match=r"no sweeps in .* yet: `ibsweep tune` makes them"):
        gather(load(tmp_path))


# Pages


class Tables(HTMLParser):
    """Collects the tables of a page by name: rows of the cells' texts, the headings first."""

    def __init__(self, text):
        super().__init__()
        self.found, self._cell = {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._rows = self.found.setdefault(dict(attrs)["id"].removeprefix("table-"), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._rows[-1].append(self._cell.replace("\xa0", " "))
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


def as_shown(table):
    """Return what a page must show of a table."""
    cells = [[cell.text.replace("`", "") for cell in row] for row in table.rows]
    return [list(table.columns), *cells]


class Page(HTMLParser):
    """Collects tags with their attributes, and the text outside of styles and scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, key):
        return [attributes[key] for _, attributes in self.tags if key in attributes]


def plain(text):
    return " ".join(Page(text).text.replace("\xa0", " ").split())


def test_a_page_says_the_answer_first(page):
    text = plain(page)
    assert text.index("The CNN beats the MLP.") < text.index("Best configuration of every arm")
    assert "supported" in text
    assert "refuted" in text
    for heading in (
        "Number of images",
        "The notebook, replicated",
        "Arm by arm",
        "How it was done",
    ):
        assert heading in text
    figures = [tag for tag, _ in Page(page).tags if tag == "figure"]
    assert len(figures) == 3 + 2 * 5  # arms, images, replications; five of each arm


def test_the_tables_of_a_page_are_those_of_the_evidence_cell_by_cell(page, evidence):
    expected = {
        "arms": arms_table([evidence]),
        "pairs": pairs_table(evidence),
        "wanted": images_needed_table(evidence),
        "efficiency": efficiency_table(evidence),
        "replications": replications_table(evidence),
        "sweeps": sweeps_table(evidence),
    }
    expected |= {
        f"tests-{one.claim.id}": verdicts.claim_tests_table(one) for one in evidence.claims
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
        "arms": as_shown(arms_table([evidence])),
    }
    assert found["questions"][1][3:] == ["2 of 2 arms", "2 supported, 1 refuted"]


def test_a_page_says_what_its_numbers_are(page):
    text = plain(page)
    for note in (
        "the verdicts above are adjusted over the claims' tests",
        "one can hold without the other",
        "The interval is Student's t over the replicates; verdicts use a bootstrap interval",
        "optimistic where the winner of the sweep is the best",
        "where the mean curve over the replicates first reaches the accuracy",
        "As choice and score share the trained replicates, a little optimism remains.",
        "All arms share the replicate seeds, so that they are compared on the same images.",
        "a failure that strikes one seed in ten",
        "minutes of trials: trials.seconds added up by sweep",
        "it takes 30 trials that are not all alike, here are 4.",
    ):
        assert note in text, note
    svg = re.search(r"<svg[^>]*fig-importance-duel_cnn-title.*?</svg>", page, re.DOTALL)[0]
    assert "too few trials to tell" in svg


def test_the_code_of_the_page_finds_the_number_again(tmp_path, monkeypatch):
    """With the path as it was given, from where it was given."""
    given = 'deep/my "results"'
    rows.full(tmp_path / given)
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
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 13
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
    assert [row[1] for row in tests] == ["verdict", "open", "open"]
    assert "The sweep, trial by trial" in text


def test_half_a_confirmation_names_no_best(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn").paths.best_config.unlink()
    rows.add_sweep(tmp_path, "duel_mlp")
    evidence = gather(load(tmp_path))["duel"]
    assert texts(arms_table([evidence]), "test accuracy, %")[0] == "-"
    assert evidence.pairs == ()
    assert [curve.arm for curve in evidence.efficiency] == ["duel_mlp"]
    assert set(evidence.confirmations["arm"]) == {"duel_mlp"}


def test_a_sweep_that_has_not_begun(tmp_path):
    from ibsweep.results.store import SweepStore

    SweepStore.create(tmp_path, rows.manifest("duel_cnn", "duel_cnn-1", rows.question()))
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    assert "not confirmed yet" in plain(page.read_text("utf-8"))


def test_arms_without_common_seeds_are_not_compared(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn")
    store = rows.add_sweep(tmp_path, "duel_mlp", confirmed=False)
    store.add_confirmations([rows.confirmation(1, 10, seed, 60.0) for seed in (5, 6, 7)])
    store.paths.best_config.write_text("trial: 1\n")
    _, page = rows.write_report(load(tmp_path), tmp_path / "out")
    text = plain(page.read_text("utf-8"))
    assert "they share no replicate seeds" in text
    assert "All arms share" not in text
    assert "Arms are compared on the replicate seeds that they share" in text


def test_replications_of_a_question_that_was_never_swept(tmp_path):
    from ibsweep.questions.files import load_all
    from ibsweep.questions.published import published_settings
    from ibsweep.results.store import ReplicationStore

    found = {(c.setting, c.arm, c.images): c for c, _ in published_settings([load_all()["q1"]])}
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
    assert f"{lead}3 not tested yet." in index.text


def test_open_is_not_the_same_as_not_tested_yet(tmp_path):
    """An arm that is swept and not confirmed does not count either."""
    rows.add_sweep(tmp_path, "duel_cnn", confirmed=False)
    rows.add_sweep(tmp_path, "duel_mlp", better=30.5)
    results = load(tmp_path)
    index, _ = rows.write_report(results, tmp_path / "out")
    text = plain(index.read_text("utf-8"))
    expected = "1 question, 1 arm with a confirmed sweep. Of 3 claims: 1 open, 2 not tested yet."
    assert expected in text
    table = verdicts.questions_table(gather(results).values())
    assert texts(table, "claims") == ["1 open, 2 not tested yet"]
    assert texts(table, "confirmed") == ["1 of 2 arms"]


def test_a_directory_that_cannot_be_made(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to .*file: .*; name another with --out"):
        rows.write_report(results, tmp_path / "file")
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    with pytest.raises(SweepError, match=r"cannot write .*index\.html"):
        rows.write_report(results, tmp_path / "out")


# Figures as SVG


def test_two_drawings_on_one_page_share_no_id():
    from matplotlib.figure import Figure

    def make(name, title="a < b & c"):
        with svg_settings(name):
            figure = Figure(figsize=(2, 2))
            ax = figure.add_axes((0.2, 0.2, 0.7, 0.7))
            ax.plot([0, 1], [0, 2], "o-", color="#7a7a7a")
            ax.set_title("<b>bold</b>", fontweight="bold", fontstyle="italic")
            return inline_svg(figure, name, title, "words", ["#7A7A7A"])

    one, other = make("one"), make("other")
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert all(ids)
    assert ids[0] & ids[1] == set()
    assert make("one") == one
    for svg in (one, other):
        references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)
        assert references
        assert {a or b for a, b in references} <= ids[0] | ids[1]
        assert "a &lt; b &amp; c" in svg
        assert "&lt;b&gt;bold" in svg
        assert "7a7a7a" not in svg
        (style,) = re.findall(r'style="([^"]*)"[^>]*>&lt;b&gt;bold', svg)
        assert "font-family" not in svg
        assert re.search(r"font-weight: (bold|700)", style)
        assert "font-style: italic" in style


# The terminal


def printed(results, width):
    console = Console(width=width, record=True, file=io.StringIO())
    print_tables(results, gather(results).values(), console)
    return console.export_text()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_the_same_figures(results, evidence, width):
    text = printed(results, width)
    for table in (arms_table([evidence]), pairs_table(evidence), efficiency_table(evidence)):
        for name in table.numeric:
            for cell in texts(table, name):
                for line in cell.splitlines():
                    assert line in text, (width, name)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert "supported" in text


def test_the_command(results, tmp_path, capsys):
    report(["duel"], results=results.path, out=tmp_path / "pages")
    out = capsys.readouterr().out
    assert "duel: two arms" in out
    assert "duel_cnn over duel_mlp" in out
    assert out.splitlines()[-1] == f"pages: {tmp_path / 'pages' / 'index.html'}"
    assert (tmp_path / "pages" / "duel.html").exists()


def test_pages_go_beside_the_results_unless_told_otherwise(tmp_path, capsys):
    rows.add_sweep(tmp_path, "duel_cnn", confirmed=False)
    report(results=tmp_path)
    assert (tmp_path / "report" / "duel.html").exists()
    capsys.readouterr()
    report(results=tmp_path)  # what it wrote is no sweep
    assert "left out" not in capsys.readouterr().out


def test_cells_sort_by_their_numbers(evidence):
    for table in (arms_table([evidence]), pairs_table(evidence), images_needed_table(evidence)):
        for name in table.numeric:
            for cell in column(table, name):
                assert cell == Cell("-") or isinstance(cell.key, int | float)

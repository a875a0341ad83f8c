"""The tables of a report: every number traced to rows."""

from __future__ import annotations

import numpy as np
import pytest
import report_results as rows
from pages import column, texts

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.report.arms import arms_table, confirmed_table
from ibsweep.analysis.report.cells import Cell
from ibsweep.analysis.report.tables import (
    efficiency_table,
    pairs_table,
    replications_table,
    sizes_needed_table,
)
from ibsweep.analysis.statistics import mean_interval, paired_difference
from ibsweep.questions.schema import Question


def test_the_arms_are_means_of_rows(results, evidence):
    table = arms_table(evidence)
    frame = results.confirmations
    for row in table.rows:
        arm = row[0].text
        mine = frame[(frame["arm"] == arm) & (frame["train_size"] == 10)]
        best = mine[mine["role"] == "best"]["test_accuracy"]
        baseline = mine[mine["baseline"]]["test_accuracy"]
        interval = mean_interval(best.to_list(), 0, 100)
        shown = dict(zip(table.columns, row, strict=True))
        assert shown["test accuracy, %"][:2] == (
            f"{best.mean():.2f} [{interval.low:.2f}, {interval.high:.2f}]",
            pytest.approx(best.mean()),
        )
        assert shown["baseline, %"].text.startswith(f"{baseline.mean():.2f} [")
        assert shown["runs that train"].text == f"{len(best)} of 8\nup to 31 % could fail"
        (strip,) = [cell.strip for cell in row if cell.strip]
        assert sorted(strip.values) == sorted(best)
        assert all(strip.trained)
        difference = paired_difference(best, baseline)
        assert shown["over the baseline"].text.splitlines() == [
            "better",
            f"{difference.effect:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]",
            "beats it in 100 % [63, 100]",
        ]
        trials = results.trials
        own = trials[(trials["arm"] == arm) & (trials["trial"] == 1)]
        assert shown["in its sweep, %"].text == f"{own['valid_accuracy'].item():.2f}"
        assert shown["configuration"].text == "lr 0.05, epochs 30, batch_size 5"
    assert texts(table, "published, %") == ["86.67", "58.00"]
    assert texts(table, "arm") == ["duel_cnn", "duel_mlp"]


def test_the_pairs_are_paired_by_seed(results, evidence):
    table = pairs_table(evidence)
    frame = results.confirmations
    best = frame[(frame["role"] == "best") & (frame["train_size"] == 10)]
    wide = best.pivot_table(index="seed", columns="arm", values="test_accuracy")
    found = paired_difference(wide["duel_cnn"], wide["duel_mlp"])
    (row,) = table.rows
    assert row[0].text == "duel_cnn over duel_mlp"
    assert row[1].text == f"{found.effect:+.2f}" == "+30.00"
    shown = dict(zip(table.columns, row, strict=True))
    # half of the level is kept for later looks
    assert shown["p"].key == found.p == shown["p, Holm"].key / 2
    assert shown["a fresh run of the first is better"].text == "100 % [63, 100]"
    assert texts(table, "first is") == ["better"]


def test_three_pairs_are_adjusted_for_their_number(tmp_path):
    (evidence,) = gather(load(rows.trio(tmp_path))).values()
    table = pairs_table(evidence)
    assert texts(table, "arms") == [
        "duel_cnn over duel_deep",
        "duel_cnn over duel_wide",
        "duel_deep over duel_wide",
    ]
    assert texts(table, "difference, points") == ["+1.06", "+1.32", "+0.26"]
    assert texts(table, "95 % interval")[0] == "[-0.30, +1.79]"
    assert texts(table, "p") == ["0.109", "0.007", "0.527"]
    assert texts(table, "p, Holm") == ["0.436", "0.044", "1.000"]
    assert [cell.key < 0.05 for cell in column(table, "p, Holm")] == [
        text == "better" for text in texts(table, "first is")
    ]


def test_what_the_arms_table_says_of_training_images_and_of_the_notebooks_setting(tmp_path):
    (evidence,) = gather(load(rows.trio(tmp_path))).values()
    table = arms_table(evidence)
    assert texts(table, "training accuracy, %") == ["100.00 [100.00, 100.00]"] * 3
    assert "Training accuracy: the same replicates" in table.note
    assert "training accuracy the same of train_accuracy" in table.source
    own = "lr 0.01, epochs 20, batch_size 10 (the baseline; nothing better was found)"
    found = "lr 0.05, epochs 30, batch_size 5"
    assert texts(table, "configuration") == [found, found, own]
    assert texts(table, "test accuracy, %")[2] == texts(table, "baseline, %")[2]


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ({"train_size": 10, "valid_accuracy": 58.0}, False),
        ({"train_size": 10, "train_accuracy": 58.0}, True),
    ],
)
def test_a_published_training_figure_is_shown_beside_ours(tmp_path, figure, shown):
    document = rows.question().model_dump(mode="json")
    document["arms"]["duel_mlp"]["published"] = [figure]
    asked = Question.model_validate(document)
    for arm in asked.arms:
        rows.add_sweep(tmp_path, arm, asked=asked)
    table = arms_table(gather(load(tmp_path))["duel"])
    assert ("training accuracy, %" in table.columns) is shown
    assert texts(table, "published, %")[1] == f"58.00{' (training)' * shown}"


def test_efficiency_and_images_needed(results, evidence):
    frame = results.confirmations
    means = frame[frame["role"] == "best"].groupby(["arm", "train_size"])["test_accuracy"].mean()
    table = efficiency_table(evidence)
    assert table.columns == ("arm", "10", "30", "100")
    for row in table.rows:
        for images, cell in zip((10, 30, 100), row[1:], strict=True):
            assert cell.key == pytest.approx(means[row[0].text, images])
    wanted = sizes_needed_table(evidence)
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
            *(texts(sizes_needed_table(evidence), c) for c in ("arm", "images per class")),
            strict=True,
        )
    )
    assert found["duel_mlp"] == "> 100"


def test_the_replications_say_what_looks_like_luck(evidence):
    table = replications_table(evidence)
    assert texts(table, "looks like luck") == ["yes: lucky", "no"]
    assert texts(table, "published, %") == ["86.67", "58.00"]
    assert texts(table, "seed 10, %") == ["86.67 =", "58.00 ="]
    assert "lands on 2 of 2 of its figures" in table.note
    assert texts(table, "lowest to highest, %")[0] == "78.67 to 82.67"
    assert texts(table, "seeds") == ["24", "24"]


def test_cells_sort_by_their_numbers(evidence):
    for table in (arms_table(evidence), pairs_table(evidence), sizes_needed_table(evidence)):
        for name in table.numeric:
            for cell in column(table, name):
                assert cell == Cell("-") or isinstance(cell.key, int | float)


def test_where_runs_fail_the_rate_stands_beside_the_figure_of_those_that_train(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", fails={1: 2})
    rows.add_sweep(tmp_path, "duel_mlp", fails={0: 8})
    (evidence,) = gather(load(tmp_path)).values()
    table = arms_table(evidence)
    assert texts(table, "runs that train") == [
        "6 of 8\n[35, 97 %]",
        "8 of 8\nup to 31 % could fail",
    ]
    (strip, _) = [cell.strip for row in table.rows for cell in row if cell.strip]
    assert strip.trained.count(False) == 2
    shown = column(table, "test accuracy of these, %")[0]
    assert shown.key == pytest.approx(np.mean([v for v in strip.values if v > 50]))
    of_all = column(table, "mean of all runs, %")[0]
    assert of_all.key == pytest.approx(np.mean(strip.values))
    assert of_all.text.endswith("\nnot to be trusted")
    assert "A run fails where it diverged" in table.note
    assert texts(table, "baseline, %")[1] == "trains in 0 of 8"
    better = texts(table, "over the baseline")[1].splitlines()
    assert better == ["better", "trains in 8, it in 0 of 8", "beats it in 100 % [63, 100]"]
    pairs = pairs_table(evidence)
    assert texts(pairs, "first trains") + texts(pairs, "second trains") == ["6 of 8", "8 of 8"]


def test_the_best_is_not_called_better_where_that_is_not_shown(tmp_path):
    """Most of its runs fail, where the baseline's train."""
    rows.add_sweep(tmp_path, "duel_cnn", fails={1: 3})
    (evidence,) = gather(load(tmp_path)).values()
    text = texts(arms_table(evidence), "over the baseline")[0]
    assert text.splitlines()[0] == "not shown to be better"
    rows.add_sweep(tmp_path, "duel_mlp", fails={1: 8})
    (evidence,) = gather(load(tmp_path)).values()
    text = texts(arms_table(evidence), "over the baseline")[1]
    assert text.splitlines()[0] == "worse"


def test_all_confirmed_configurations_of_a_sweep(evidence):
    table = confirmed_table(evidence, evidence.summaries["duel_cnn"])
    assert texts(table, "trial") == ["1, best", "2", "0, baseline"]
    assert "chosen and scored on the same replicates" in table.note
    assert len({(c.strip.low, c.strip.high) for row in table.rows for c in row if c.strip}) == 1


def test_the_figures_by_size_say_how_many_runs_train(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn", fails={1: 2})
    (evidence,) = gather(load(tmp_path)).values()
    first, second, _ = (cell.text for cell in efficiency_table(evidence).rows[0][1:])
    assert first.splitlines()[-1] == "6 of 8 train"
    assert "train" not in second


def test_a_leader_that_was_only_compared_has_no_score(tmp_path):
    store = rows.add_sweep(tmp_path, "duel_cnn", apart=True)
    (evidence,) = gather(load(tmp_path)).values()
    table = confirmed_table(evidence, evidence.summaries["duel_cnn"])
    assert texts(table, "trial") == ["1, best", "2", "0, baseline"]
    chose = texts(table, "validation accuracy, which chooses, %")
    assert chose == ["90.00 [90.00, 90.00]", "84.00 [84.00, 84.00]", "80.00 [80.00, 80.00]"]
    assert texts(table, "runs that train") == [
        "8 of 8\nup to 31 % could fail",
        "only compared",
        "8 of 8\nup to 31 % could fail",
    ]
    assert texts(table, "test accuracy, %")[1] == "-"
    assert [len(cell.strip.values) for row in table.rows for cell in row if cell.strip] == [8, 8]
    assert "chosen and scored on the same replicates" not in arms_table(evidence).note
    assert store.manifest.choice_replicates == 4

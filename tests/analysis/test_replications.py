"""Published figures against the seeds: which rows count, the luck rule at its edges, the words."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from ibsweep.analysis import frames
from ibsweep.analysis.replications import describe_replications, summarise_replications
from ibsweep.analysis.statistics import mean_interval
from ibsweep.questions.files import load_all
from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import PublishedFigure, Variant
from ibsweep.results.replications import Replication, ReplicationStore

ARM = tiny.arm(
    published=(
        PublishedFigure(train_size=10, column="valid_accuracy", value=86.67),
        PublishedFigure(train_size=10, column="train_accuracy", value=100.0),
    ),
    variants={
        "long": Variant(
            title="for longer",
            changes={"epochs": 40},
            published=(PublishedFigure(train_size=10, column="valid_accuracy", value=90.0),),
        )
    },
)
QUESTION = tiny.question().model_copy(update={"arms": {ARM.name: ARM}})
BASELINE, LONG = (cell for cell, _ in published_settings([QUESTION]))


def frame(rows):
    accuracy = dict.fromkeys(("valid", "train"), ("accuracy",))
    return frames.make_frame(frames.REPLICATIONS, rows, accuracy)


def summaries(rows):
    return summarise_replications({QUESTION.question: QUESTION}, frame(rows))


def others(*accuracies, of=BASELINE):
    """Rows of seeds 11, 12, ... with these accuracies."""
    return [tiny.replication(of, 11 + i, value) for i, value in enumerate(accuracies)]


def test_cells_know_their_settings():
    assert (BASELINE.name, BASELINE.setting) == ("tiny_cnn", "baseline")
    assert (LONG.name, LONG.setting, LONG.settings["epochs"]) == ("long", "long", 40)
    assert BASELINE.settings["epochs"] == 20
    assert [len(figures) for _, figures in published_settings([QUESTION])] == [2, 1]


def test_the_figures_of_a_summary():
    notebook = tiny.replication(BASELINE, 10, 86.66666666666667, train=100.0, exact=True)
    rows = [notebook, *others(80.0, 90.0, 70.0)]
    valid, train = summaries(rows)
    assert valid.seed10 == pytest.approx(86.67, abs=0.005)
    assert valid.reproduced is True
    assert valid.others == (70, 80, 90)
    assert valid.spread == (70, 90)
    assert valid.share_below == pytest.approx(2 / 3)
    assert valid.seeds == 4
    assert (valid.mean, valid.low, valid.high) == mean_interval([86.66666666666667, 80, 90, 70])
    assert valid.luck is None
    assert (train.metric, train.published, train.mean) == ("train_accuracy", 100, 100)
    assert train.share_below == 0.5  # all of them tie
    assert valid.to_json()["seed10"] == notebook.figure("valid_accuracy")


def test_a_figure_is_rounded_and_a_tie_counts_half():
    (found, _) = summaries(others(86.66666666666667, 86.0, 87.0, 87.5))
    assert found.share_below == pytest.approx((1 + 0.5) / 4)
    assert found.seed10 is None
    assert found.reproduced is None
    rerun = tiny.replication(BASELINE, 10, 86.0, exact=True)
    assert summaries([rerun])[0].reproduced is False
    assert summaries([rerun])[0].spread is None
    assert summaries([rerun])[0].low is None


@pytest.mark.parametrize(
    ("count", "as_high", "luck"),
    [
        (18, 0, None),
        (19, 0, "lucky"),
        (19, 1, "typical"),
        (39, 1, "lucky"),
        (39, 2, "typical"),
        (59, 2, "lucky"),
        (99, 4, "lucky"),
        (99, 5, "typical"),
    ],
)
def test_luck_at_its_boundary(count, as_high, luck):
    high = others(*[95.0] * as_high, *[70.0] * (count - as_high))
    low = others(*[70.0] * as_high, *[95.0] * (count - as_high))
    assert summaries(high)[0].luck == luck
    assert summaries(low)[0].luck == ("unlucky" if luck == "lucky" else luck)


def test_a_tie_is_as_high_and_as_low():
    """Where most seeds reach the ceiling too, reaching it is no luck."""
    figure = PublishedFigure(train_size=10, column="valid_accuracy", value=100.0)
    arm = ARM.model_copy(update={"published": (figure,), "variants": {}})
    question = QUESTION.model_copy(update={"arms": {arm.name: arm}})
    ceiling = others(*[100.0] * 30, *[99.0] * 9)
    (found,) = summarise_replications({"tiny": question}, frame(ceiling))
    assert found.luck == "typical"


def test_rows_of_another_task_or_setting_are_left_out():
    right = others(80.0, 82.0)
    wrong = [
        row.model_copy(update=update)
        for row in others(10.0)
        for update in (
            {"settings": {**BASELINE.settings, "lr": 0.5}},
            {"data": {**BASELINE.data, "max_edge_width": 2}},
            {"model": "wider_cnn"},
            {"question": "mine"},
            {"train_size": 30},
        )
    ]
    assert summaries(right + wrong)[0].others == (80, 82)
    assert summaries(wrong) == []
    (found,) = summaries(others(50.0, of=LONG))
    assert (found.name, found.epochs, found.mean) == ("long", 40, 50)


def test_replications_in_words():
    notebook = tiny.replication(BASELINE, 10, 86.66666666666667, train=90.0, exact=True)
    few = summaries([notebook, *others(80.0)])
    assert (
        describe_replications(few)
        == "Run again, the notebook lands on 1 of 2 of its figures to the digit."
    )
    again = tiny.replication(LONG, 10, 90.0, exact=True)
    many = summaries(
        [notebook, *others(*[80.0] * 24), again, *others(*[95.0] * 12, *[85.0] * 12, of=LONG)]
    )
    assert describe_replications(many) == (
        "Run again, the notebook lands on 2 of 3 of its figures to the digit. Over all 3 figures "
        "seed 10 is number 13 of 25 seeds, 1.1 points below their mean. Of 3 figures with seeds "
        "enough, 1 looks lucky (tiny_cnn at 10) and 0 look unlucky."
    )
    unlucky = summaries(others(*[95.0] * 24, of=LONG))
    assert describe_replications(unlucky) == (
        "Of 1 figure with seeds enough, 0 look lucky and 1 looks unlucky (long at 10)."
    )
    assert describe_replications([]) == ""


def test_rows_that_format_2_stored_still_count():
    """They have a task in place of a data document, and no settings that came later."""
    stored = ReplicationStore(Path(__file__).parents[1] / "results" / "format_2").rows()
    assert {type(row) for row in stored} == {Replication}
    settings = [setting for setting, _ in published_settings(load_all().values())]
    matched = [row for row in stored if any(setting.holds(row) for setting in settings)]
    assert len(matched) == len(stored) > 0
    columns = dict.fromkeys(("valid", "train"), ("accuracy",))
    rows = frames.make_frame(frames.REPLICATIONS, stored, columns)
    assert sum(one.seeds for one in summarise_replications(load_all(), rows)) >= len(stored)


def test_a_figure_as_format_2_stored_it():
    stored = {"train_size": 30, "valid_accuracy": 97.2, "train_accuracy": None}
    assert PublishedFigure.model_validate(stored) == PublishedFigure.model_validate(
        {"train_size": 30, "valid_accuracy": 97.2}
    )

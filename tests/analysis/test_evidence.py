"""Which sweeps a question's evidence comes from."""

from __future__ import annotations

import pytest
import report_results as rows
from pages import texts

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.report.arms import arms_table
from ibsweep.errors import InputError
from ibsweep.results import store
from ibsweep.results.store import SweepStore


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
        arms_table(gather(results, [name])["duel"]).rows[0][3].key for name in ("old", "new")
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


def test_half_a_confirmation_names_no_best(tmp_path):
    rows.add_sweep(tmp_path, "duel_cnn").paths.best_config.unlink()
    rows.add_sweep(tmp_path, "duel_mlp")
    evidence = gather(load(tmp_path))["duel"]
    assert texts(arms_table(evidence), "test accuracy, %")[0] == "-"
    assert evidence.pairs == ()
    assert [curve.arm for curve in evidence.efficiency] == ["duel_mlp"]
    assert set(evidence.confirmations["arm"]) == {"duel_mlp"}


def test_what_was_loaded_is_not_read_again(tmp_path, monkeypatch):
    results = load(rows.full(tmp_path))

    def refuse(*_):
        raise AssertionError("it is read again")

    monkeypatch.setattr(SweepStore, "trials", refuse)
    monkeypatch.setattr(SweepStore, "confirmations", refuse)
    monkeypatch.setattr(store, "read_manifest", refuse)
    assert gather(results)["duel"].claims

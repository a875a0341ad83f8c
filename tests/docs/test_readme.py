"""What the README says is there is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ibsweep.analysis.claims import RULE
from ibsweep.analysis.replications import LUCK
from ibsweep.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
STRUCTURE = (ROOT / "docs" / "structure.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    for link in links:
        assert "://" in link or (page.parent / link).exists(), link


def test_all_pages_are_looked_at():
    found = {page.name for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "structure.md", "kernels.md"} <= found


def test_the_files_that_the_page_of_the_structure_names_are_there():
    rows = STRUCTURE.split("\n## What else is where\n")[1]
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", rows)
    assert len(named) >= 15
    for name in named:
        assert (ROOT / "ibsweep" / name).exists(), name


def test_the_rules_stand_as_they_are_applied():
    words = " ".join(README.split())
    assert RULE in words
    assert LUCK in words


def test_every_command_is_in_the_table_and_exists():
    section = README.split("\n## Commands\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)[^`]*` \| \w", section, re.MULTILINE))
    assert {command.name for command in app.registered_commands} == named


def test_example_commands_parse(capsys):
    from typer.main import get_command

    examples = [
        shlex.split(line, comments=True)
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("ibsweep ")
    ]
    assert len(examples) >= 5
    group = get_command(app)
    for _, command, *words in examples:
        context = group.commands[command].make_context(command, words)
        assert context.params


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"`?make (\w+)", README)
    assert {"tune", "test", "lint"} <= set(targets)
    for target in set(targets):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_module_that_loads_best_pt_is_the_wider_cnn():
    """The README's ordinary module takes a lane of ours and gives the same logits."""
    torch = pytest.importorskip("torch")
    from ibsweep.models import build

    (block,) = (b for b in blocks("python") if "class WiderCNN" in b)
    definition = block.split("sweep = ")[0]
    names: dict[str, object] = {}
    exec(compile(definition, "README.md", "exec"), names)
    for pooling in ("max", "average"):
        ours = build("wider_cnn", [3], kernel_size=5, num_filters=7, pooling=pooling)
        plain = names["WiderCNN"](5, 7, pooling)
        plain.load_state_dict(ours.lane_state_dict(0))
        images = torch.rand(4, 1, 28, 28)
        torch.testing.assert_close(plain(images), ours(images.unsqueeze(0))[0])

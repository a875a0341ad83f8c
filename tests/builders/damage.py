"""Damage to stored results: what disks, copies, editors and people do to files."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chaos
import yaml

JOURNALS = ("proposals.jsonl", "trials.jsonl", "curves.jsonl", "confirmations.jsonl")
FILES = (*JOURNALS, "manifest.json", "best.yaml", "best.pt", "study.log")

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 9999, 9999.0, 1e308, -1e308, 2**53, 2**63, 2**64, 10**400),
    *(-0.0, 0.5, 1e-320, float("nan"), float("inf"), "", " ", "0", "yesterday", "x" * 10_000),
    *("[/red]", "\x1b[31m", "\x00", "../../x", "COMPLETE", "FAIL", "é\u202e", "\ud800"),
    *([], {}, [[]], [None], {"": {}}, [0] * 1000, {"lr": []}),
)
"""Values that stand where others should."""

Damage = Callable[[Path, random.Random], None]


def _plain(path: Path) -> Path:
    """Return a file's path; one that is no file any more is damaged enough."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise FileNotFoundError(path)
    return path


def damage(results: Path, sweep: str, draws: random.Random, times: int) -> list[str]:
    """Damage a sweep of a results directory so often, and return how."""
    done = []
    for _ in range(times):
        name = draws.choice(sorted(DAMAGES))
        state = draws.getstate()
        try:
            DAMAGES[name](results / sweep, draws)
        except (OSError, ValueError, TypeError, shutil.Error):  # it is damaged too much for this
            draws.setstate(state)
            draws.random()
            continue
        done.append(name)
    return done


def _file(root: Path, draws: random.Random) -> Path:
    """Return a file of a sweep, or now and then that of the replications."""
    replications = draws.random() < 0.05
    return _plain(
        root.parent / "replications.jsonl" if replications else root / draws.choice(FILES)
    )


def _journal(root: Path, draws: random.Random) -> Path:
    replications = draws.random() < 0.05
    return _plain(
        root.parent / "replications.jsonl" if replications else root / draws.choice(JOURNALS)
    )


def _other(path: Path, draws: random.Random) -> Path:
    """Return the same file of another sweep."""
    root = path.parent
    others = sorted(p for p in root.parent.iterdir() if p.is_dir() and p.name != root.name)
    return _plain(draws.choice(others) / path.name)


def _flip(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    content = bytearray(path.read_bytes())
    for _ in range(draws.choice((1, 1, 1, 2, 8))):
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    path.write_bytes(content)


def _overwrite(root: Path, draws: random.Random) -> None:
    """A block that never reached the disk, or was another file's."""
    path = _file(root, draws)
    content = bytearray(path.read_bytes())
    start, size = draws.randrange(len(content)), draws.choice((1, 8, 64, 512, 4096))
    block = bytes(size) if draws.random() < 0.5 else draws.randbytes(size)
    content[start : start + size] = block
    path.write_bytes(content)


def _cut_out(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    content = path.read_bytes()
    start = draws.randrange(len(content))
    path.write_bytes(content[:start] + content[start + draws.choice((1, 2, 16, 300)) :])


def _truncate(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    os.truncate(path, chaos.pick(draws, bound=path.stat().st_size))


def _append(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    tail = (b"\n", b"\n\n", b"{}\n", b"null\n", b"[]\n", b"{", b"\x00" * 512, b"\xff\xfe\n", b"x")
    with path.open("ab") as file:
        file.write(draws.choice(tail))


def _lines(change: Callable[[list[bytes], Path, random.Random], list[bytes]]) -> Damage:
    """Return damage to a journal that changes its lines."""

    def apply(root: Path, draws: random.Random) -> None:
        path = _journal(root, draws)
        lines = path.read_bytes().splitlines(keepends=True)
        if lines:
            path.write_bytes(b"".join(change(lines, path, draws)))

    return apply


def _drop(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    del lines[chaos.pick(draws, bound=len(lines))]
    return lines


def _repeat(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    line = draws.choice(lines)
    lines.insert(chaos.pick(draws, bound=len(lines) + 1), line)
    return lines


def _replace_by_another(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    lines[draws.randrange(len(lines))] = draws.choice(lines)
    return lines


def _swap(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    draws.shuffle(lines)
    return lines


def _empty_line(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    lines.insert(chaos.pick(draws, bound=len(lines) + 1), draws.choice((b"\n", b" \n", b"\r\n")))
    return lines


def _join(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    at = draws.randrange(len(lines))
    lines[at] = lines[at].rstrip(b"\n")
    return lines


def _carriage_returns(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    return [line.replace(b"\n", b"\r\n") for line in lines]


def _mix(lines: list[bytes], path: Path, draws: random.Random) -> list[bytes]:
    if path.name == "replications.jsonl":
        return lines
    theirs = _other(path, draws).read_bytes().splitlines(keepends=True)
    taken = draws.sample(theirs, draws.randint(1, len(theirs)))
    if draws.random() < 0.5:
        return lines + taken
    return taken + lines[len(taken) :]


def _huge(lines: list[bytes], _: Path, draws: random.Random) -> list[bytes]:
    size = draws.choice((10_000, 100_000, 1_000_000))
    line = draws.choice((b" ", b"9", b"[", b'{"a":', b"\x00", b'"')) * size + b"\n"
    lines.insert(draws.randrange(len(lines) + 1), line[: size + 1])
    return lines


def _values(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a JSON document."""
    found = [path] if path else []
    children = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in children:
        found += _values(value, (*path, key))
    return found


def _changed(document: Any, draws: random.Random) -> Any:
    """Return a JSON document with something in it replaced, removed, added or moved a little."""
    paths = _values(document)
    if not paths:
        return draws.choice(HOSTILE)
    *parents, last = draws.choice(paths)
    place = document
    for key in parents:
        place = place[key]
    kind = draws.random()
    if kind < 0.6:
        place[last] = draws.choice(HOSTILE)
    elif kind < 0.75:
        del place[last]
    elif isinstance(place[last], float | int) and not isinstance(place[last], bool):
        place[last] += draws.choice((1, -1, 10, 0.25))
    elif isinstance(place, dict):
        place[str(last) + draws.choice(("", "_", "x"))] = draws.choice(HOSTILE)
    else:
        place.append(place[last])
    return document


def _change_row(root: Path, draws: random.Random) -> None:
    path = _journal(root, draws)
    lines = path.read_bytes().splitlines()
    at = draws.randrange(len(lines))
    lines[at] = json.dumps(_changed(json.loads(lines[at]), draws)).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")


def _change_manifest(root: Path, draws: random.Random) -> None:
    path = _plain(root / "manifest.json")
    path.write_text(json.dumps(_changed(json.loads(path.read_bytes()), draws)))


def _change_best(root: Path, draws: random.Random) -> None:
    path = _plain(root / "best.yaml")
    document = _changed(yaml.safe_load(path.read_bytes()), draws)
    path.write_text(json.dumps(document))  # which is YAML too, and refuses nothing


def _forget(root: Path, draws: random.Random) -> None:
    """Remove all lines of a trial from some of the journals."""
    trial = f'"trial":{draws.randrange(8)},'.encode()
    for name in draws.sample(JOURNALS, draws.randint(2, 4)):
        lines = _plain(root / name).read_bytes().splitlines(keepends=True)
        (root / name).write_bytes(b"".join(line for line in lines if trial not in line))


def _break_manifest(root: Path, draws: random.Random) -> None:
    document = json.loads(_plain(root / "manifest.json").read_bytes())
    document |= draws.choice(
        (
            {"created": "yesterday"},
            {"arm": "of_nobody"},
            {"question": {}},
            {"name": "another"},
            {"format": draws.choice((0, 1, 5, 99, "4", None))},
            {"seed": 2**70},
            {"trials": -1},
            {"sampler": {}},
            {"pruner": {"name": "asha"}},
        )
    )
    (root / "manifest.json").write_text(json.dumps(document))


def _remove(root: Path, draws: random.Random) -> None:
    _file(root, draws).unlink()


def _empty(root: Path, draws: random.Random) -> None:
    _file(root, draws).write_bytes(b"")


def _directory(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    path.unlink()
    path.mkdir()


def _fifo(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    path.unlink()
    os.mkfifo(path)


def _link(root: Path, draws: random.Random) -> None:
    path = _file(root, draws)
    target = draws.choice(("/dev/null", "/etc/hostname", "nowhere", path.name, "."))
    path.unlink()
    path.symlink_to(target)


def _swap_files(root: Path, draws: random.Random) -> None:
    one, two = draws.sample(FILES, 2)
    _plain(root / one).write_bytes(_plain(root / two).read_bytes())


def _take_anothers(root: Path, draws: random.Random) -> None:
    path = _plain(root / draws.choice(FILES))
    path.write_bytes(_other(path, draws).read_bytes())


def _copy(root: Path, draws: random.Random) -> None:
    name = draws.choice((f"{root.name}.bak", f"{root.name}~", f"{root.name} (copy)", "0"))
    shutil.copytree(root, root.parent / name)


def _rename(root: Path, draws: random.Random) -> None:
    shutil.copytree(root, root.parent / f"{root.name}-renamed")
    shutil.rmtree(root)


def _link_sweep(root: Path, draws: random.Random) -> None:
    (root.parent / draws.choice(("a", "zz"))).symlink_to(draws.choice((root.name, "nowhere", ".")))


def _strangers(root: Path, draws: random.Random) -> None:
    """Put what is no sweep beside the sweeps."""
    folder = root.parent / draws.choice(("stranger", "a b", "index", "tiny"))
    folder.mkdir()
    if draws.random() < 0.7:
        (folder / "manifest.json").write_text(draws.choice(("", "{}", "[]", '{"format": 4}')))
    else:
        (folder / "manifest.json").mkdir()


DAMAGES: dict[str, Damage] = {
    "bits are flipped": _flip,
    "a block is overwritten": _overwrite,
    "bytes are cut out": _cut_out,
    "a file is truncated": _truncate,
    "something is appended": _append,
    "a line is dropped": _lines(_drop),
    "a line stands twice": _lines(_repeat),
    "a line is replaced by another": _lines(_replace_by_another),
    "lines are shuffled": _lines(_swap),
    "lines are joined": _lines(_join),
    "a line is empty": _lines(_empty_line),
    "lines end in CR LF": _lines(_carriage_returns),
    "lines of two sweeps are mixed": _lines(_mix),
    "a line is huge": _lines(_huge),
    "a value of a row is changed": _change_row,
    "another value of a row is changed": _change_row,
    "a value of the manifest is changed": _change_manifest,
    "the manifest is broken": _break_manifest,
    "a value of the best is changed": _change_best,
    "a trial is forgotten": _forget,
    "a file is removed": _remove,
    "a file is emptied": _empty,
    "a file is a directory": _directory,
    "a file is a FIFO": _fifo,
    "a file is a link": _link,
    "a file holds another": _swap_files,
    "a file is another sweep's": _take_anothers,
    "the sweep is copied": _copy,
    "the sweep is renamed": _rename,
    "the sweep is linked": _link_sweep,
    "strangers lie beside it": _strangers,
}

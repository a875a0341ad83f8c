"""Code of the user's own: what is imported, what is hashed, and what is said where it fails."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from ibsweep.errors import InputError
from ibsweep.user_code import code_files, is_reference, load, verify


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


@pytest.fixture(autouse=True)
def _imports_as_before():
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize("text", ["a.py:f", "sub/a.py:Net", "pkg.module:f", "pkg:Net.small"])
def test_references(text):
    assert is_reference(text)


@pytest.mark.parametrize("text", ["simple_cnn", "a.py", "a/b.csv:x", "a.py:", "a b:c d", ":f"])
def test_what_is_no_reference(text):
    assert not is_reference(text)


def test_a_file_imports_its_neighbours_and_both_are_hashed(tmp_path):
    write(tmp_path, net="import helper_one\nvalue = helper_one.VALUE", helper_one="VALUE = 3")
    write(tmp_path, other="raise RuntimeError")
    assert load("net.py:value", tmp_path) == 3
    files = code_files(["net.py:value"], tmp_path)
    assert set(files) == {"net.py", "helper_one.py"}
    assert files["net.py"] == hashlib.sha256((tmp_path / "net.py").read_bytes()).hexdigest()
    verify(files, tmp_path)


def test_an_edited_file_is_imported_anew_also_within_the_second(tmp_path):
    write(tmp_path, net="from helper_two import VALUE", helper_two="VALUE = 3")
    assert load("net.py:VALUE", tmp_path) == 3
    write(tmp_path, helper_two="VALUE = 4")
    assert load("net.py:VALUE", tmp_path) == 4


def test_an_unchanged_file_is_imported_once(tmp_path):
    write(tmp_path, net="class Net: pass")
    assert load("net.py:Net", tmp_path) is load("net.py:Net", tmp_path)


def test_two_folders_may_use_the_same_names(tmp_path):
    for value in (1, 2):
        folder = tmp_path / str(value)
        folder.mkdir()
        write(folder, models="from parts import VALUE", parts=f"VALUE = {value}")
    for value in (1, 2, 1):
        assert load("models.py:VALUE", tmp_path / str(value)) == value
    assert set(code_files(["models.py:VALUE"], tmp_path / "1")) == {"models.py", "parts.py"}


def test_a_file_may_have_the_name_of_an_installed_module(tmp_path):
    import random

    write(tmp_path, random="VALUE = 5")
    assert load("random.py:VALUE", tmp_path) == 5
    assert sys.modules["random"] is random


def test_names_of_classes_and_packages(tmp_path):
    assert load("fractions:Fraction.from_float", None)(0.5) == 0.5
    assert set(code_files(["fractions:Fraction"], tmp_path)) == {"fractions"}


def test_what_is_printed_at_import_stays_off_standard_output(tmp_path, capsys):
    write(tmp_path, loud="print('hello')\nx = 1")
    load("loud.py:x", tmp_path)
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "hello\n")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import torch\nx = nn.Linear", "bad.py:2: `x = nn.Linear`: NameError: name 'nn'"),
        ("def f(:\n  pass", "bad.py:1: SyntaxError"),
        ("import sys\nsys.exit(3)", "bad.py:2: `sys.exit(3)`: SystemExit: 3"),
        ("import not_there_at_all", "No module named 'not_there_at_all'"),
        ("y = 1", "bad.py has no 'x'; known are y"),
    ],
)
def test_a_file_that_fails_is_told_with_its_own_line(tmp_path, source, words):
    write(tmp_path, bad=source)
    with pytest.raises(InputError) as told:
        load("bad.py:x", tmp_path)
    assert words in str(told.value)
    assert str(told.value).startswith("bad.py:x: ")


def test_a_missing_file_names_where_it_was_looked_for(tmp_path):
    write(tmp_path, my_models="")
    with pytest.raises(InputError, match=r"no file .*my_model\.py; did you mean 'my_models\.py'"):
        load("my_model.py:Net", tmp_path)


@pytest.mark.parametrize("source", ["../x.py", "/x.py"])
def test_files_outside_the_folder_are_refused(tmp_path, source):
    with pytest.raises(InputError, match="must lie in the folder"):
        load(f"{source}:f", tmp_path)


def test_changed_and_missing_code_is_told_with_both_hashes(tmp_path):
    write(tmp_path, net="x = 1", other="y = 1")
    load("net.py:x", tmp_path)
    load("other.py:y", tmp_path)
    files = code_files(["net.py:x", "other.py:y"], tmp_path)
    write(tmp_path, net="x = 2")
    (tmp_path / "other.py").unlink()
    with pytest.raises(InputError) as told:
        verify(files, tmp_path)
    changed, missing = str(told.value).splitlines()
    assert "has changed" in changed
    assert files["net.py"] in changed
    assert hashlib.sha256(b"x = 2").hexdigest() in changed
    assert "other.py is missing" in missing


def test_the_script_that_runs_is_no_part_of_a_question(tmp_path):
    write(tmp_path, net="x = 1")
    (tmp_path / "script.py").write_text(
        "from pathlib import Path\n"
        "from ibsweep.user_code import code_files, load\n"
        "folder = Path(__file__).parent\n"
        "for value in (1, 2):\n"
        "    (folder / 'net.py').write_text(f'x = {value}')\n"
        "    assert load('net.py:x', folder) == value\n"
        "import sys\n"
        "assert '__main__' in sys.modules\n"
        "print(list(code_files(['net.py:x'], folder)))\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['net.py']\n"

"""Code of the user's own: found, hashed and imported by the name that a question file gives it.

A reference is ``file.py:name``, a file in the folder of the question, or ``package.module:name``.
What is imported runs: only the commands that train load anything here, never those that read.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ibsweep.errors import ChangedCodeError, InputError, suggestion
from ibsweep.paths import usable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

__all__ = ["code_files", "is_reference", "load", "verify"]

_REFERENCE = re.compile(r"([^:\\\0]+\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_][\w.]*)")

_sha256_when_loaded: dict[Path, str] = {}
"""By file: of every module that was imported from a question's folder."""


def is_reference(text: str) -> bool:
    """Tell whether a text is ``file.py:name`` or ``package.module:name``."""
    return _REFERENCE.fullmatch(text) is not None


def load(reference: str, folder: Path | None) -> Any:
    """Import what a reference names.

    A file is imported as it stands now: one that has changed since this process imported it, or
    whose neighbours have, is imported anew. What it prints meanwhile goes to standard error.

    Args:
        reference: ``file.py:name`` or ``package.module:name``.
        folder: The folder of the question file, where the file lies and may import others from.

    Returns:
        The object of that name.

    Raises:
        InputError: If there is no such file, module or name, or importing it fails; the message
            has the line of the user's code.

    Example:
        >>> load("torch.nn:Linear", None).__name__
        'Linear'
    """
    source, name = _parts(reference)
    path = _file(source, folder)
    with contextlib.redirect_stdout(sys.stderr), _importing(folder):
        try:
            found: Any = importlib.import_module(source) if path is None else _import_file(path)
        except (Exception, SystemExit) as error:
            raise InputError(f"{reference}: {_import_fault(source, path, error)}") from error
        finally:
            _remember(folder)
    for part in name.split("."):
        if not hasattr(found, part):
            names = [known for known in vars(found) if not known.startswith("_")]
            raise InputError(f"{reference}: {source} has no {name!r}; {suggestion(name, names)}")
        found = getattr(found, part)
    return found


def code_files(references: Iterable[str], folder: Path | None) -> dict[str, str]:
    """Return the sha256 of the code behind references that were loaded.

    Args:
        references: What was loaded.
        folder: The folder of the question file.

    Returns:
        By path within the folder, with slashes, those files that the references name and those
        that they import; by name the modules of installed packages.
    """
    files = {}
    for reference in references:
        source, _ = _parts(reference)
        if _file(source, folder) is None:
            module_file = getattr(sys.modules.get(source), "__file__", None)
            if module_file and not (folder and _lies_in(Path(module_file), folder)):
                files[source] = _sha256(Path(module_file))
    if folder is not None:
        for path, sha256 in _sha256_when_loaded.items():
            if _lies_in(path, folder):
                files[path.relative_to(folder.resolve()).as_posix()] = sha256
    return dict(sorted(files.items()))


def verify(files: Mapping[str, str], folder: Path | None) -> None:
    """Make sure that code is still what it was, without importing the files of the folder.

    Args:
        files: What ``code_files`` returned.
        folder: The folder of the question file.

    Raises:
        ChangedCodeError: One line for each file that is missing or has changed, with both sha256s.
    """
    faults = []
    for name, sha256 in files.items():
        path = _path_of(name, folder)
        if path is None or not path.is_file():
            faults.append(f"{path or name} is missing: its sha256 was {sha256}")
        elif (now := _sha256(path)) != sha256:
            faults.append(f"{path} has changed: its sha256 was {sha256} and is {now}")
    if faults:
        raise ChangedCodeError("\n".join(faults))


def _parts(reference: str) -> tuple[str, str]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InputError(
            f"{reference!r} must be `file.py:name` or `package.module:name`, such as "
            "'my_models.py:Net'"
        )
    return match[1], match[2]


def _file(source: str, folder: Path | None) -> Path | None:
    """Return the file that the first half of a reference names; None for a module."""
    if not source.endswith(".py"):
        return None
    if folder is None:
        raise InputError(f"{source} belongs to no question file, so there is no folder to find it")
    given = PurePosixPath(source.replace("\\", "/"))
    path = usable_path(given, folder).resolve()
    # Other nodes get this folder and nothing else.
    if given.is_absolute() or not path.is_relative_to(folder.resolve()):
        raise InputError(f"{source} must lie in the folder of the question file, {folder}")
    if not path.is_file():
        nearby = [other.name for other in path.parent.glob("*.py")]
        hint = f"; {suggestion(path.name, nearby)}" if nearby else ""
        raise InputError(f"{source}: there is no file {path}{hint}")
    return path


def _path_of(name: str, folder: Path | None) -> Path | None:
    """Return the file of a key of ``code_files``."""
    if name.endswith(".py"):
        return folder / name if folder else None
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            return Path(spec.origin)
    return None


def _import_file(path: Path) -> ModuleType:
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and _is_file_of(known, path):
        return known
    if known is not None or not name.isidentifier():
        name = f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        if name in sys.modules:
            return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "it ends in .py"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _importing(folder: Path | None) -> Iterator[None]:
    """Let the files of a folder import each other, as they are now.

    Two folders may both hold a ``models.py``: what was imported from another one is forgotten.
    """
    changed = any(
        not path.is_file() or _sha256(path) != sha256
        for path, sha256 in _sha256_when_loaded.items()
    )
    for path in list(_sha256_when_loaded):
        # A changed file may be part of what any other one imported from it.
        if changed or (folder is not None and not _lies_in(path, folder)):
            for name, module in list(sys.modules.items()):
                if name != "__main__" and _is_file_of(module, path):
                    del sys.modules[name]
            del _sha256_when_loaded[path]
    importlib.invalidate_caches()
    where = str(folder.resolve()) if folder else None
    if where is not None:
        # It stays: a function may import its neighbours when it is called.
        sys.path[:] = [where, *(entry for entry in sys.path if entry != where)]
    # A file that is edited within a second keeps its time stamp: no cached bytecode.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _remember(folder: Path | None) -> None:
    """Note what has been imported from a folder, whoever imported it."""
    if folder is None:
        return
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # The script that runs, and this package, are no part of a question.
        if name.split(".")[0] in ("__main__", "__mp_main__", __package__):
            continue
        if isinstance(file, str) and file.endswith(".py"):
            path = Path(file)
            if not path.is_absolute() or not path.is_file():
                continue  # torch has modules that name files of its build
            path = path.resolve()
            if _lies_in(path, folder) and path not in _sha256_when_loaded:
                _sha256_when_loaded[path] = _sha256(path)


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a file is part of a question's folder, and of no environment installed there."""
    if not path.is_relative_to(folder.resolve()):
        return False
    inside = path.relative_to(folder.resolve()).parts
    return "site-packages" not in inside and not any(part.startswith(".") for part in inside)


def _is_file_of(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_absolute() and Path(file).resolve() == path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _import_fault(source: str, path: Path | None, error: BaseException) -> str:
    """Say why an import failed, with the line of the user's own code where there is one."""
    kind = f"{type(error).__name__}: {error}".rstrip(": ").replace("\n", " ")
    if isinstance(error, SyntaxError) and error.filename:
        return f"cannot be imported: {Path(error.filename).name}:{error.lineno}: {kind}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and Path(f.filename).parent == path.parent]
    if own:
        line = own[-1].line or ""
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}: `{line}`"
        return f"cannot be imported: {where}: {kind}"
    return f"{source} cannot be imported: {kind}"

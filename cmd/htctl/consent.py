"""Whose posts a batch may use: a list of the handles that have agreed, where the batch file names one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import handles
from pipeline.schema import Problem


def problems(listed: str, folder: Path, groups: Sequence[tuple[int, Sequence[str]]]) -> Iterator[Problem]:
    """What is wrong with the list, or the handles of groups (by their number) that are not on it.

    A line of the list is a handle; what follows a # is for people: since when, and where it is written.
    """
    path = folder / Path(listed).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        yield Problem(("consent",), f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}")
        return
    agreed = {handles.name(line.partition("#")[0]) for line in text.splitlines()}
    for number, names in groups:
        for handle in dict.fromkeys(names):
            if handle.lower() not in agreed:
                told = f"@{handle} is not on the list of those who have agreed ({path}); ask, and write it there"
                yield Problem(("groups", number, "handles"), told)

"""Run the lines of the traps page that belong to one framework: `traps_run.py NAME < page`.

Prints one JSON object: per section of the page, the lines whose output was another than shown.
"""

from __future__ import annotations

import doctest
import io
import json
import re
import sys
from collections.abc import Iterator

PART = re.compile(
    r"^## (?P<title>[^\n]+)$|^```pycon (?P<name>\S+)\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Return (section, framework, lines) of every block; the imports have the section ""."""
    section = ""
    for found in PART.finditer(page):
        section = found["title"] or section
        if found["name"]:
            yield section, found["name"], found["lines"]


def failures(page: str, framework: str) -> dict[str, str]:
    """Return what doctest has to say about each section with a wrong line, run in order."""
    names: dict[str, object] = {}
    said: dict[str, str] = {}
    runner = doctest.DocTestRunner(verbose=False)
    for section, name, lines in blocks(page):
        if name != framework:
            continue
        test = doctest.DocTestParser().get_doctest(lines, names, section, "traps.md", 0)
        out = io.StringIO()
        if runner.run(test, out=out.write, clear_globs=False).failed:
            said[section] = out.getvalue()
        names = test.globs
    return said


if __name__ == "__main__":
    print(json.dumps(failures(sys.stdin.read(), sys.argv[1])))

"""A browser without a network for the tests of the page: any request or message is a failure."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from report_fixture import made

from samenet.report import page as report_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the made-up run."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_page.build_page(made()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return Chromium, without a window and without a network."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-background-networking"]
        found = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a file offline and fails on any request, message or error.

    A test that expects some gives its own list of troubles and looks at it.
    """
    unexpected: list[str] = []
    contexts = []

    def opened(
        path: Path, state: str = "", troubles: list[str] = unexpected, **options: Any
    ) -> Any:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda r: None if own(r.url, path) else troubles.append(r.url))
        page.goto(f"{path.as_uri()}#{state}" if state else path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert unexpected == []


def own(url: str, path: Path) -> bool:
    """Return whether a request is for the page itself or for a file it just made for saving."""
    return url.partition("#")[0] == path.as_uri() or url.startswith("blob:")

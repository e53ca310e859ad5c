"""Take the screens of a page: `python scripts/dev/screens.py report.html` writes docs/screens/.

    python scripts/dev/screens.py runs/2026-11-23-164200-main/report.html
    python scripts/dev/screens.py report.html --out /tmp/screens

Three widths, light and dark: the first screen, then the whole page with everything open. Needs the
`test` extra and Chromium. A label that is cut off or a page that scrolls sideways is named, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = {360: 740, 768: 1024, 1440: 900}
"""Of a phone, a tablet and a desk, with their heights, in CSS pixels."""

OPEN = "document.querySelectorAll('main details:not(.menu)').forEach(d => { d.open = true })"
CLIPPED = """() => [...document.querySelectorAll('svg.picture text')].filter(text => {
  const own = text.getBoundingClientRect();
  return own.width && (own.left < -1 || own.right > document.documentElement.clientWidth + 1);
}).map(text => text.textContent)"""
OVERLAPPING = """() => [...document.querySelectorAll('svg.picture')].flatMap(picture => {
  const texts = [...picture.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()])
    .filter(([, box]) => box.width);
  const inside = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.35 * Math.min(a.height, b.height);
  return texts.flatMap(([t, a], place) => texts.slice(place + 1).filter(([, b]) => inside(a, b))
    .map(([u]) => `${t.textContent} / ${u.textContent}`));
})"""


def main() -> int:
    """Take every screen and return 1 if something is cut off, overlaps or is too wide."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("page", type=Path, help="a report.html")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screens")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if chromium is None or not options.page.is_file():
        sys.exit(f"samenet: needs chromium and a page; {options.page} or chromium is not there.")
    options.out.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        wrong = taken(browser, options.page.resolve(), options.out)
        browser.close()
    print("\n".join(dict.fromkeys(wrong)) or f"The screens: {options.out}")
    return int(bool(wrong))


def taken(browser: Browser, path: Path, out: Path) -> list[str]:
    """Write the screens and return what is wrong with them, one sentence each."""
    wrong: list[str] = []
    for width, height in WIDTHS.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(path.as_uri())
            page.screenshot(path=out / f"{width}-{scheme}.png")
            page.evaluate(OPEN)
            page.wait_for_timeout(500)
            page.screenshot(path=out / f"{width}-{scheme}-open.png", full_page=True)
            wrong += faults(page, width)
            page.close()
    return wrong


def faults(page: Page, width: int) -> list[str]:
    """Return what is wrong with a page that is wholly open."""
    sideways = page.evaluate("document.documentElement.scrollWidth") > width
    return [
        *([f"{width}: the page scrolls sideways"] if sideways else []),
        *(f"{width}: cut off: {text}" for text in page.evaluate(CLIPPED)),
        *(f"{width}: one over the other: {pair}" for pair in page.evaluate(OVERLAPPING)),
    ]


if __name__ == "__main__":
    sys.exit(main())

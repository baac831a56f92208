"""A page in Debian's chromium, whose console, errors and requests are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Opened:
    """A page, and what it said and asked for while it was open."""

    page: Any
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start a browser for the session; skip where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens the text of a page and waits until its charts are drawn."""
    pages = []

    def open_text(text: str, *, width: int = 1280, scheme: str = "light") -> Opened:
        file = tmp_path / f"{len(pages)}.html"
        file.write_text(text, encoding="utf-8")
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_default_timeout(120_000)  # on a busy machine a browser starts slowly
        pages.append(page)
        opened = Opened(page)
        page.on("console", lambda message: opened.troubles.append(message.text))
        page.on("pageerror", lambda error: opened.troubles.append(str(error)))
        page.on("dialog", lambda dialog: (opened.troubles.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-drawn]")
        return opened

    yield open_text
    for page in pages:
        page.close()

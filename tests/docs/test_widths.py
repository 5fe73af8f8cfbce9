"""No page of the built documentation is wider than its window, on a phone or on a laptop; `make docs` builds them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import CHROMIUM, Browser

BUILT = Path(__file__).parents[2] / "build" / "docs"
PAGES = sorted(BUILT.rglob("*.html"))
WIDTHS = (360, 390, 480, 600, 768, 820, 1024, 1280, 1366, 1400, 1440, 1536, 1680, 1920)
EXCESS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium here.")
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.skipif(not PAGES, reason="The documentation is not built: run `make docs`.")
def test_no_page_is_wider_than_its_window(browser: Browser) -> None:
    wide = {}
    for page in PAGES:
        browser.open(page.as_uri())
        for width in WIDTHS:
            browser.resize(width, 900)
            if (excess := float(browser.run(EXCESS))) > 0:
                wide[str(page.relative_to(BUILT)), width] = excess
    assert wide == {}

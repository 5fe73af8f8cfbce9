"""The explorer: its figures are the library's, it fetches nothing, and a browser shows what its own Python prints."""

import contextlib
import importlib.util
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bargaining import nash
from browser import CHROMIUM, Browser

FOLDER = Path(__file__).parents[1] / "docs" / "_explorer"
VIEWS = [
    "r=15&reading=nash&route=closed&w=50",
    "r=7&reading=breakdown&route=open&rc=4&ru=9&b=25&case=2026-08-19",
    "r=24&reading=war&route=closed&rc=5&ru=3",
]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("explorer_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figures(build: ModuleType) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(build.FIGURES.read_text(encoding="utf-8"))
    return stored


@pytest.mark.parametrize(("case", "elasticities"), [("paper", "uniform5"), ("2026-08-19", "cp")])
def test_outcomes_are_those_of_the_library(
    build: ModuleType, figures: dict[str, Any], case: str, elasticities: str
) -> None:
    picked = [0, 17, 30]
    stored = figures["cases"][case][elasticities]
    computed = build.outcomes(case, elasticities, build.SHARES[picked])
    assert set(stored) == set(computed)
    for name, money in computed.items():
        np.testing.assert_allclose(np.array(stored[name])[picked], money, rtol=0, atol=2e-4)


def test_payments_are_those_of_the_paper(build: ModuleType, figures: dict[str, Any]) -> None:
    """With transfers the Nash solution splits the surplus over the war."""
    one = {name: np.array(money) for name, money in figures["cases"]["paper"]["uniform5"].items()}
    surplus = one["closed"].sum(axis=1) - one["war"].sum(axis=1)
    paid = one["closed"][:, 0] - one["war"][:, 0] - surplus / 2
    deal = build.Deal.at(build.talks("paper", "uniform5"), r=build.SHARES, route_survives=False)
    np.testing.assert_allclose(paid, deal.transfer(nash(deal.problem())), atol=5e-4)


def test_enforceable_sets_are_those_of_the_library(build: ModuleType, figures: dict[str, Any]) -> None:
    share, place = 12, 5
    stored = figures["sets"][share]
    computed = build.enforceable(float(build.SHARES[share]), (figures["discounts"][place],))
    for kind in ("stay", "leave"):
        assert stored[f"critical_{kind}"] == pytest.approx(computed[f"critical_{kind}"], abs=2e-4)
        for name, points in computed[kind][0].items():
            np.testing.assert_allclose(stored[kind][place][name], points, atol=2e-4)


def test_the_page_is_one_small_file_that_fetches_nothing(build: ModuleType) -> None:
    pytest.importorskip("vl_convert")
    text = build.page(build.FIGURES.read_text(encoding="utf-8"))
    assert len(text.encode()) < 5e6
    assert "/*CHARTS*/" not in text
    assert "/*FIGURES*/" not in text
    shell = (FOLDER / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)\s*=", shell) == []
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|import)\s*\(", shell)
    assert text.count("</script>") == shell.count("</script>")


@pytest.fixture(scope="module")
def page(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("vl_convert")
    path: Path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(build.page(build.FIGURES.read_text(encoding="utf-8")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def shown(browser: Browser) -> float:
    """Return what the page says that Canada pays, once the sentence has the same number."""
    paid = float(browser.run("document.querySelector('#answer').dataset.paid"))
    words = browser.run("document.querySelector('#answer strong').textContent")
    assert f"{abs(paid):.2f}" == words
    return paid


def printed(browser: Browser) -> float:
    """Return what the Python on the page prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(browser.run("document.querySelector('#code').textContent"), {})
    return float(out.getvalue())


def drag(browser: Browser, name: str, share: float) -> None:
    """Take the knob of a slider with the mouse and let it go at a share of the way."""
    left, top, width, height = browser.box(f"#{name}")
    knob = 16  # the knob's middle stays half its width away from the ends
    at = float(browser.run(f"(e => (e.value - e.min) / (e.max - e.min))(document.querySelector('#{name}'))"))
    start, end = (left + knob / 2 + part * (width - knob) for part in (at, share))
    middle = top + height / 2
    browser.pointer("mousePressed", start, middle)
    for step in range(1, 6):
        browser.pointer("mouseMoved", start + (end - start) * step / 5, middle)
    browser.pointer("mouseReleased", end, middle)


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_shows_what_the_python_below_it_prints(browser: Browser, page: str, view: str) -> None:
    browser.said.clear()
    browser.open(f"{page}#{view}")
    browser.until("document.documentElement.dataset.drawn === '1'")
    assert browser.run("document.querySelectorAll('svg.marks').length") == 2
    assert shown(browser) == pytest.approx(printed(browser), abs=5e-4)
    assert browser.said == []


@pytest.mark.dear("1280-False")
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_sliders_are_dragged_and_keys_pressed(
    browser: Browser, page: str, width: int, dark: bool, tmp_path: Path
) -> None:
    """The payment falls as the alternative grows, and is at each stop what the library says."""
    browser.said.clear()
    browser.open(page, width=width, dark=dark)
    browser.until("document.documentElement.dataset.drawn === '1'")
    before = shown(browser)
    drag(browser, "r", 0.8)
    assert browser.run("document.querySelector('#r').value") == "24"
    assert browser.run("document.querySelector('output[for=r]').textContent") == "24%"
    assert "r=24" in browser.run("location.hash")
    assert shown(browser) < before
    if not dark:
        assert shown(browser) == pytest.approx(printed(browser), abs=5e-4)
    browser.run("document.querySelector('#r').focus()")
    for _ in range(3):
        browser.key("ArrowLeft", 37)
    assert browser.run("document.querySelector('#r').value") == "21"
    drag(browser, "w", 0.25)
    assert browser.run("document.querySelector('output[for=w]').textContent") in ("0.27", "0.28")
    if not dark:
        assert shown(browser) == pytest.approx(printed(browser), abs=5e-4)
    assert browser.run("document.documentElement.scrollWidth") <= width
    page_colour = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (page_colour != "rgb(255, 255, 255)") == dark
    browser.picture(tmp_path / "explorer.png")
    assert (tmp_path / "explorer.png").stat().st_size > 20_000
    assert browser.said == []

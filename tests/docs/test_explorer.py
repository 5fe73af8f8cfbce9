"""The explorer: closed forms and figures are the library's, and a browser shows what its own Python prints."""

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

import bargaining
from bargaining import AlternatingOffers, Polytope, Problem, Status, TransferableSurplus
from browser import CHROMIUM, Browser

FOLDER = Path(__file__).parents[2] / "docs" / "_explorer"
WIDTHS = (360, 390, 480, 600, 768, 820, 1024, 1280, 1366, 1400, 1440, 1536, 1680, 1920)
TABS = ("solutions", "offers", "patience", "pair", "power")
SOLUTIONS = ("nash", "kalai_smorodinsky", "egalitarian", "utilitarian", "equal_loss")
VIEWS = [
    "tab=solutions",
    "tab=solutions&n=6&d-1=2&d-2=0.5&p1-2=9.3&lines=nash",
    "tab=offers&outside-1=0.7&proposer=1",
    "tab=offers&discount-1=0.6&inside-2=0.3&p=0.2&breakdown-1=0.5",
    "tab=patience&game=Prisoner%27s+dilemma&discount-of-both=9&option-1=4&option-2=1",
    "tab=patience&game=Tariffs+of+Canada+and+the+US&discount-of-both=12&option-1=3&option-2=4",
    "tab=patience&exit=none",
    "tab=pair&home=CAN&partner=USA&r=2&reading=breakdown&speed=0.25&rate-1=0.04&rate-2=0.09&route=closed",
    "tab=pair&home=DEU&partner=JPN&r=6&reading=exit",
    "tab=pair&home=IDN&partner=USA&r=6&route=closed",
    "tab=pair&home=IND&partner=BRA&r=4&reading=war&rate-1=0.07",
    "tab=pair&home=CHN&partner=USA&w=0.4",
    "tab=power&hegemon=USA&target=MEX&redirect=3&use=reserve&patience-of-both=0.9&lag=1&length=4",
    "tab=power&hegemon=CHN&target=AUS&patience-of-both=0.6&lag=0&length=8",
]
EXCESS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
DRAWN = "document.documentElement.dataset.drawn === '1'"
CODE = "document.querySelector('#code').textContent"
TABLE = "[...document.querySelectorAll('#{}-table tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
CUT = """(() => {  // the lists that show an option of theirs in part
const pen = document.createElement('canvas').getContext('2d');
const wide = list => [...list.options].some(one => pen.measureText(one.text).width > list.clientWidth - 32);
pen.font = getComputedStyle(document.querySelector('select')).font;
return [...document.querySelectorAll('select')].filter(one => one.clientWidth && wide(one)).map(one => one.id)})()"""


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


def see(browser: Browser, address: str, **look: Any) -> None:
    browser.said.clear()
    browser.open(address, **look)
    browser.until(DRAWN)


def shown(browser: Browser) -> list[float]:
    """Return the numbers that the Python on the page should print."""
    tab = browser.run("location.hash || '#tab=solutions'").split("tab=")[1].split("&")[0]
    rows = browser.run(TABLE.format(tab))
    if tab == "pair":
        words = browser.run("document.querySelector('#pair-said').textContent")
        home = browser.run("document.querySelector('#home').selectedOptions[0].text")
        found = re.search(r"^(.*) pays .* (\d+\.\d+) ", words)
        if found is None:
            assert words.startswith(("No deal", "Nobody pays"))
            return [np.nan if words.startswith("No deal") else 0.0]
        return [float(found[2]) * (1 if found[1] == home else -1)]
    if tab == "solutions":
        cells = [cell for row in rows for cell in row[1:3]]
    elif tab == "power":
        cells = [row[2] for row in rows[-2:]]
    elif tab == "offers":
        cells = rows[int(browser.run("document.querySelector('#proposer').value"))][1:]
    else:
        cells = rows[-1][2].split(", ")
    return [float(cell.replace("\u2212", "-")) for cell in cells]


def printed(browser: Browser) -> list[float]:
    """Return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(browser.run(CODE), {})
    return [float(word) for word in re.findall(r"-?\d+\.?\d*|nan", out.getvalue())]


@pytest.mark.parametrize(
    "name", ["Battle of the sexes", "Cournot, quantities 3, 4, 6", "Tariffs of Canada and the US"]
)
def test_payoff_sets_are_those_of_the_library(build: ModuleType, figures: dict[str, Any], name: str) -> None:
    game, options, _ = build.games()[name]
    for discount, place in ((4, 0), (10, 14), (15, 23)):
        pair = None if place == 0 else (options[0][(place - 1) // 6], options[1][(place - 1) % 6])
        computed = build.enforceable(game, build.DISCOUNTS[discount], pair)
        stored = figures["games"][name]["sets"][discount][place]
        assert set(stored) == set(computed)
        for what, points in computed.items():
            np.testing.assert_allclose(stored[what], points, atol=2e-4)


@pytest.mark.parametrize("countries", ["MEX-USA", "CHN-KOR"])
def test_pairs_are_those_of_the_library(build: ModuleType, figures: dict[str, Any], countries: str) -> None:
    computed, stored = build.pair(*countries.split("-")), figures["pairs"][countries]
    assert len(figures["pairs"]) == 19 * 18
    assert set(stored) == set(computed)
    for name, value in computed.items():
        if isinstance(value, list):
            np.testing.assert_allclose(stored[name], value, atol=2e-4 if name != "agreed" else 0.02)
        else:
            assert list(stored[name] or "") == list(value or "")


def test_the_page_is_one_small_file_that_fetches_nothing(build: ModuleType) -> None:
    pytest.importorskip("vl_convert")
    text = build.page(build.FIGURES.read_text(encoding="utf-8"))
    assert len(text.encode()) < 2e6
    assert not re.search(r"/\*(CHARTS|FIGURES|THEORY|PAGE)\*/", text)
    assert "Redistribution and use in source and binary forms" in text
    own = "".join(
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.html", "page.js", "theory.js")
    )
    assert re.findall(r"(?:src|href)\s*=", own) == []
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|import)\s*\(", own)
    assert text.count("</script>") == own.count("</script>")


def test_closed_forms_are_those_of_the_library(browser: Browser, page: str) -> None:
    """A hundred drawn sets, some without an agreement, and a hundred protocols with all three kinds of options."""
    rng = np.random.default_rng(5)
    sets = [
        (
            (rng.integers(0, 101, (rng.integers(1, 7), 2)) / 10).tolist(),
            (rng.integers(0, 60, 2) / 10).tolist(),
        )
        for _ in range(100)
    ]
    pairs = rng.integers(0, 11, (100, 3, 2)) / 20
    discounts, chances = rng.integers(0, 100, (100, 2)) / 100, rng.integers(0, 21, 100) / 20
    names = ("inside", "outside", "breakdownPayoffs")
    protocols = [
        {
            "discounts": list(patience),
            "breakdown": chance,
            **{name: list(x) for name, x in zip(names, three, strict=True)},
        }
        for patience, chance, three in zip(discounts, chances, pairs, strict=True)
    ]
    see(browser, page)
    divided = browser.run(f"{json.dumps(sets)}.map(one => theory.solutions(...one))")
    offered = browser.run(f"{json.dumps(protocols)}.map(theory.offers)")
    agreed = 0
    for (corners, disagreement), found in zip(sets, divided, strict=True):
        problem = Problem(Polytope(corners, free_disposal=True), disagreement)
        if found is None:
            assert bargaining.nash(problem).status in (Status.EMPTY, Status.DEGENERATE)
            continue
        agreed += 1
        for name in SOLUTIONS:
            np.testing.assert_allclose(found[name], getattr(bargaining, name)(problem).payoffs, atol=1e-9)
    assert 50 < agreed < 100
    for one, found in zip(protocols, offered, strict=True):
        for first in (0, 1):
            protocol = AlternatingOffers(
                one["discounts"], outside=one["outside"], breakdown=one["breakdown"],
                breakdown_payoffs=one["breakdownPayoffs"], proposer=first,
            )  # fmt: skip
            division = protocol(Problem(TransferableSurplus(1), one["inside"]))
            np.testing.assert_allclose(found[first], division.payoffs, atol=1e-9)


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_shows_what_the_python_beside_it_prints(browser: Browser, page: str, view: str) -> None:
    see(browser, f"{page}#{view}")
    assert shown(browser) == pytest.approx(printed(browser), abs=1.1e-3, nan_ok=True)
    before, tab = browser.run(CODE), view.split("&")[0].split("=")[1]
    browser.run(f"document.querySelector('#{tab} form[aria-label]').dispatchEvent(new Event('input')); 0")
    address = browser.run("location.href")
    for part in view.split("&"):
        assert part in address
    see(browser, address)
    assert browser.run(CODE) == before
    assert browser.said == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_tab_at_every_width_by_keyboard(browser: Browser, page: str, dark: bool) -> None:
    """Arrows choose a tab, Tab leads to its first control, an arrow moves it, and nothing is too wide or cut."""
    wrong = []
    for width in WIDTHS:
        see(browser, page, width=width, dark=dark)
        browser.run("document.querySelector('#tab-solutions').focus()")
        for tab in TABS:
            browser.until(DRAWN)
            if browser.run("document.activeElement.id") != f"tab-{tab}":
                wrong.append((width, tab, "focus"))
            excess, cut = browser.run(EXCESS), browser.run(CUT)
            pictures = browser.run(
                f"[...document.querySelectorAll('#{tab} .chart svg')].filter(one => one.clientWidth > 200).length"
            )
            if (
                excess > 0
                or cut
                or pictures != browser.run(f"document.querySelectorAll('#{tab} .chart').length")
            ):
                wrong.append((width, tab, excess, cut, pictures))
            before = browser.run(CODE)
            browser.key("Tab", 9)
            inside = browser.run(
                f"document.querySelector('#{tab} form[aria-label]').contains(document.activeElement)"
            )
            select = browser.run("document.activeElement.tagName === 'SELECT'")
            browser.key(*(("ArrowUp", 38) if select else ("ArrowLeft", 37)))
            if not inside or browser.run(CODE) == before:
                wrong.append((width, tab, "control"))
            browser.run(f"document.querySelector('#tab-{tab}').focus()")
            browser.key("ArrowRight", 39)
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (background != "rgb(255, 255, 255)") == dark
    assert wrong == []
    assert browser.said == []


@pytest.mark.parametrize("tab", TABS)
def test_every_control_has_a_name_and_is_reached(browser: Browser, page: str, tab: str) -> None:
    see(browser, f"{page}#tab={tab}")
    tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
    roles = {
        "slider",
        "spinbutton",
        "combobox",
        "button",
        "tab",
        "tabpanel",
        "image",
        "img",
        "form",
        "region",
    }
    named = [
        (one["role"]["value"], one.get("name", {}).get("value", ""))
        for one in tree
        if not one.get("ignored") and one["role"]["value"] in roles
    ]
    assert len(named) > 10
    assert [one for one in named if not one[1].strip()] == []
    controls = [name for role, name in named if role in ("slider", "spinbutton", "combobox")]
    assert len(set(controls)) == len(controls)
    browser.run(f"document.querySelector('#tab-{tab}').focus()")
    reached = set()
    for _ in range(len(controls)):
        browser.key("Tab", 9)
        reached.add(browser.run("document.activeElement.id"))
    assert reached == set(
        browser.run(
            f"[...document.querySelectorAll('#{tab} input, #{tab} select')].filter(e => e.clientWidth).map(e => e.id)"
        )
    )


def ring(browser: Browser, picture: str, k: int) -> tuple[float, float]:
    """Return where the k-th ring of a picture is on the screen, scrolled into view."""
    browser.box(f"#{picture}")
    x, y = browser.run(
        f"(b => [b.left + b.width / 2, b.top + b.height / 2])"
        f"(document.querySelectorAll('#{picture} .handle_marks path')[{k}].getBoundingClientRect())"
    )
    return x, y


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_rings_are_dragged(browser: Browser, page: str, width: int, dark: bool) -> None:
    """A better disagreement point helps its owner; an outside option only if it beats waiting."""
    see(browser, page, width=width, dark=dark)
    before = shown(browser)
    drag(browser, "plane", 4, 60.0, 0.0)
    assert float(browser.run("document.querySelector('#d-1').value")) > 1.5
    assert browser.run("document.querySelector('#d-2').value") in ("1", "1.0")
    assert shown(browser)[0] > before[0]
    assert shown(browser) == pytest.approx(printed(browser), abs=1.1e-3)
    see(browser, f"{page}#tab=offers", width=width, dark=dark)
    before = shown(browser)
    drag(browser, "worth", 0, 20.0, 0.0)
    assert float(browser.run("document.querySelector('#outside-1').value")) > 0.3
    assert shown(browser) == before
    drag(browser, "worth", 0, 130.0, 0.0)
    assert shown(browser)[0] > before[0]
    assert shown(browser) == pytest.approx(printed(browser), abs=1.1e-3)
    assert browser.said == []


def drag(browser: Browser, picture: str, k: int, right: float, down: float) -> None:
    """Move a ring: with the mouse, on a phone with a finger, for which the page must not scroll."""
    x, y = ring(browser, picture, k)
    way = [(x + part * right, y + part * down) for part in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    if browser.run("innerWidth") < 600:
        browser.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        for n, (a, b) in enumerate(way):
            point = [{"x": a, "y": b}]
            browser.ask(
                "Input.dispatchTouchEvent", type="touchMove" if n else "touchStart", touchPoints=point
            )
            browser.run("new Promise(requestAnimationFrame).then(() => 0)")
        browser.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        return
    browser.pointer("mousePressed", x, y)
    for a, b in way:
        browser.pointer("mouseMoved", a, b)
    browser.pointer("mouseReleased", *way[-1])


def test_it_prints_in_ink_on_white(browser: Browser, page: str) -> None:
    see(browser, page, dark=True)
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.ask("Emulation.setEmulatedMedia", media="print", features=features)
    try:
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert browser.run("getComputedStyle(document.querySelector('[role=tablist]')).display") == "none"
        assert (
            browser.run("getComputedStyle(document.querySelector('#plane text')).fill") == "rgb(31, 35, 40)"
        )
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="", features=features)

"""The explorer: its figures are the library's, it fetches nothing, and a browser shows what its own Python prints."""

import contextlib
import html
import importlib.util
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bargaining import nash

FOLDER = Path(__file__).parents[1] / "docs" / "_explorer"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
@pytest.mark.parametrize("view", VIEWS)
def test_a_browser_shows_what_the_python_below_it_prints(
    build: ModuleType, view: str, tmp_path: Path
) -> None:
    pytest.importorskip("vl_convert")
    page = tmp_path / "explorer.html"
    page.write_text(build.page(build.FIGURES.read_text(encoding="utf-8")), encoding="utf-8")
    command = [
        *(
            str(BROWSER),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
        ),
        *("--virtual-time-budget=8000", "--dump-dom", f"{page.as_uri()}#{view}"),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'data-errors="0"' in dom
    assert 'data-drawn="1"' in dom
    assert len(re.findall(r'<svg[^>]* class="marks"', dom)) == 2
    (shown,) = re.findall(r'data-paid="([^"]+)"', dom)
    (code,) = re.findall(r'<code id="code">(.*?)</code>', dom, flags=re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(html.unescape(code), {})
    assert float(shown) == pytest.approx(float(printed.getvalue()), abs=5e-4)
    assert f"{abs(float(shown)):.2f}" in dom

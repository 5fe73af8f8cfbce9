"""`import bargaining` is light, and its names are found on first use."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import bargaining
import bargaining.testing

HEAVY = {
    *("jinja2", "joblib", "matplotlib", "numba", "pandas", "tqdm", "xarray"),
    *("hypothesis", "nashpy", "scipy", "sympy"),
}


def loaded_after(statement: str) -> set[str]:
    """Return the top-level modules a fresh interpreter has loaded after `statement`."""
    return {name.partition(".")[0] for name in modules_after(statement)}


def modules_after(statement: str) -> list[str]:
    """Return all modules a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_source_folders())}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.split("\n")[-2].split()


def _source_folders() -> list[str]:
    import bargaining_models

    return [str(Path(package.__file__).parents[1]) for package in (bargaining, bargaining_models)]


def test_one_method_on_the_command_line_loads_no_other(tmp_path: Path) -> None:
    path = tmp_path / "cake.toml"
    path.write_text("[problem]\ndisagreement = [0, 0]\ntotal = 1\n")
    call = ["solve", str(path), "--method", "nash"]
    loaded = modules_after(f"from bargaining.cli import command\ncommand.main({call})")
    assert "bargaining.concepts.nash" in loaded
    assert not [
        name for name in loaded if name.startswith(("bargaining.protocols.", "bargaining.concepts.raiffa"))
    ]
    assert "urllib.request" not in loaded


def test_importing_bargaining_loads_not_even_numpy() -> None:
    assert loaded_after("import bargaining").isdisjoint(HEAVY | {"numpy"})


@pytest.mark.parametrize("statement", ["from bargaining import *", "import bargaining_models"])
def test_no_heavy_module_is_loaded_before_it_is_needed(statement: str) -> None:
    assert loaded_after(statement).isdisjoint(HEAVY)


def test_a_first_payoff_set_loads_little() -> None:
    """A new process should find its first set in little more than the time of `import numpy`."""
    first = "payoff_set(RepeatedGame(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), 0.6))"
    loaded = loaded_after(f"from bargaining import Game, RepeatedGame, payoff_set; {first}")
    rest = loaded - loaded_after("import numpy")
    assert "bargaining" in rest
    assert rest.isdisjoint({"difflib", "html", "pathlib", "secrets", "urllib"})


CORE = f"""
import sys
import bargaining, bargaining_models

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {(HEAVY | {"clarabel"}) - {"scipy"}}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from bargaining import *
assert all(getattr(bargaining, name) is not None for name in bargaining.__all__)
pie = Problem(TransferableSurplus(1.0), [0.0, 0.2])
assert nash(pie).payoffs.round(12).tolist() == [0.4, 0.6]
assert AlternatingOffers(0.9)(pie).ok and certify(nash(pie)).holds
venture = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
assert len(stage_equilibria(venture)) == 1 and payoff_set(RepeatedGame(venture, 0.6)).ok
from bargaining_models.trade import TradeModel
assert TradeModel.from_structure("icio2019").power("USA", "CAN").loss > 0
"""


def test_the_core_needs_numpy_and_scipy_alone() -> None:
    """Where no other package can be imported, as in a browser at first, names resolve and solvers work."""
    modules_after(CORE)


@pytest.mark.parametrize("name", bargaining.__all__)
def test_public_name_resolves_and_is_listed(name: str) -> None:
    assert getattr(bargaining, name) is getattr(import_module(bargaining._EXPORTS[name]), name)
    assert name in dir(bargaining)


@pytest.mark.parametrize("package", [bargaining, bargaining.testing], ids=lambda package: package.__name__)
def test_completion_offers_public_names_alone(package: ModuleType) -> None:
    offered = {name for name in dir(package) if not name.startswith("__")}
    assert offered == {*package.__all__, *getattr(package, "_MODULES", ())}


def test_modules_for_users_need_no_import_of_their_own() -> None:
    code = "import bargaining; print(bargaining.testing.verdict('nash', 'symmetry').answer, *bargaining._MODULES)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_source_folders())}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    answer, *modules = run.stdout.split()
    assert answer == "yes"
    assert [getattr(bargaining, name).__name__ for name in modules] == [
        f"bargaining.{name}" for name in modules
    ]


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bargaining' has no attribute 'nsah'"):
        _ = bargaining.nsah  # type: ignore[attr-defined]


def test_a_name_that_is_none_gets_the_one_that_was_meant():
    for name, meant in (("rubinstein", "AlternatingOffers"), ("kalai_smorodinski", "kalai_smorodinsky")):
        with pytest.raises(AttributeError, match=f"Did you mean {meant}?"):
            getattr(bargaining, name)

"""The public names, each with the module where it lives: the one list of them, read when this package is imported."""

from bargaining.testing.checks import AxiomsBroken as AxiomsBroken
from bargaining.testing.checks import Check as Check
from bargaining.testing.checks import check_axioms as check_axioms
from bargaining.testing.checks import find_violation as find_violation
from bargaining.testing.checks import parametrize_with_checks as parametrize_with_checks
from bargaining.testing.checks import replay as replay
from bargaining.testing.matrix import axiom_table as axiom_table
from bargaining.testing.matrix import proven as proven
from bargaining.testing.matrix import verdict as verdict
from bargaining.testing.strategies import discounts as discounts
from bargaining.testing.strategies import frontiers as frontiers
from bargaining.testing.strategies import games as games
from bargaining.testing.strategies import polytopes as polytopes
from bargaining.testing.strategies import problems as problems
from bargaining.testing.strategies import weights as weights

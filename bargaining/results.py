"""The classes that public functions return, in one place: for annotations and `isinstance`.

The functions themselves, and the classes that a user makes, are in `bargaining`.

Examples
--------
>>> from bargaining import Game, stage_equilibria
>>> from bargaining.results import StageEquilibria
>>> isinstance(stage_equilibria(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])), StageEquilibria)
True
"""

from __future__ import annotations

from bargaining.axioms.violation import Violation
from bargaining.descriptions import MethodCall
from bargaining.equilibria.node import Node
from bargaining.equilibria.pairs.lump_sums import LumpSums
from bargaining.equilibria.pairs.nash_in_nash import NashInNash
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.repeated.automaton import Automaton, History, State
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount
from bargaining.equilibria.repeated.joint import JointPayoffs, JointStep
from bargaining.equilibria.repeated.patient import FullRank, PatientPayoffs, RankFailure, Score
from bargaining.equilibria.repeated.public import PublicPayoffSet
from bargaining.equilibria.repeated.public_automaton import PublicAutomaton, PublicHistory, PublicState
from bargaining.equilibria.repeated.relational import RelationalContract
from bargaining.equilibria.repeated.renegotiation import RenegotiationProof
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.equilibria.repeated.symmetric import SymmetricPayoffs, SymmetricStep, TriggerStrategy
from bargaining.equilibria.repeated.transfers import TransferEquilibrium
from bargaining.equilibria.stage.equilibria import StageEquilibria
from bargaining.equilibria.stochastic.automaton import StateHistory, StochasticAutomaton
from bargaining.equilibria.stochastic.markov import MarkovEquilibria
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.equilibria.stochastic.payoff_sets import StatePayoffSet, StochasticPayoffSets
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining.equilibria.stochastic.transfers import StochasticTransferEquilibrium
from bargaining.equilibria.threats import ThreatDivision
from bargaining.estimation.chains import ChainEquilibrium
from bargaining.estimation.estimates import Comparison, Estimates
from bargaining.exact.public_certificate import PublicCertificate
from bargaining.exact.set_certificate import PayoffCertificate, StochasticCertificate, TwoSidedCertificate
from bargaining.feasible.base import FeasibleSet
from bargaining.games.coalitional import Allocation
from bargaining.games.monitoring import Rank
from bargaining.protocols.alternating_offers import OffersDivision, Phase
from bargaining.protocols.attrition import AttritionOutcome
from bargaining.protocols.demand_game import DemandDivision
from bargaining.protocols.hold_up import HoldUpOutcome
from bargaining.protocols.nonstationary import OfferPath
from bargaining.protocols.random_proposer import RandomProposerDivision
from bargaining.protocols.reputation import ReputationalOutcome
from bargaining.protocols.reputational_demands import DemandOutcome
from bargaining.protocols.screening import ScreeningOutcome, ScreeningPath
from bargaining.protocols.signalling import BluffOutcome, Kind, SignallingEquilibrium
from bargaining.protocols.stochastic import StochasticDivision

__all__ = [
    "Allocation",
    "AttritionOutcome",
    "Automaton",
    "BluffOutcome",
    "ChainEquilibrium",
    "Comparison",
    "CriticalDiscount",
    "DemandDivision",
    "DemandOutcome",
    "Estimates",
    "FeasibleSet",
    "FullRank",
    "History",
    "HoldUpOutcome",
    "JointPayoffs",
    "JointStep",
    "Kind",
    "LumpSums",
    "MarkovEquilibria",
    "MethodCall",
    "NashInNash",
    "Node",
    "OfferPath",
    "OffersDivision",
    "PatientPayoffs",
    "PayoffBounds",
    "PayoffCertificate",
    "PayoffPolygon",
    "Phase",
    "PublicAutomaton",
    "PublicCertificate",
    "PublicHistory",
    "PublicPayoffSet",
    "PublicState",
    "RandomProposerDivision",
    "Rank",
    "RankFailure",
    "RelationalContract",
    "RenegotiationProof",
    "ReputationalOutcome",
    "Score",
    "ScreeningOutcome",
    "ScreeningPath",
    "SignallingEquilibrium",
    "StageEquilibria",
    "State",
    "StateHistory",
    "StatePayoffSet",
    "StationaryProfile",
    "Stats",
    "StochasticAutomaton",
    "StochasticCertificate",
    "StochasticDivision",
    "StochasticPayoffBounds",
    "StochasticPayoffSets",
    "StochasticTransferEquilibrium",
    "SymmetricPayoffs",
    "SymmetricStep",
    "ThreatDivision",
    "TransferEquilibrium",
    "TriggerStrategy",
    "TwoSidedCertificate",
    "Violation",
]

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

from bargaining.axioms.violation import Violation as Violation
from bargaining.descriptions import MethodCall as MethodCall
from bargaining.equilibria.automaton import Automaton as Automaton
from bargaining.equilibria.automaton import History as History
from bargaining.equilibria.automaton import Node as Node
from bargaining.equilibria.automaton import PublicAutomaton as PublicAutomaton
from bargaining.equilibria.automaton import PublicHistory as PublicHistory
from bargaining.equilibria.automaton import PublicState as PublicState
from bargaining.equilibria.automaton import State as State
from bargaining.equilibria.automaton import StateHistory as StateHistory
from bargaining.equilibria.automaton import StochasticAutomaton as StochasticAutomaton
from bargaining.equilibria.pairs.lump_sums import LumpSums as LumpSums
from bargaining.equilibria.pairs.nash_in_nash import NashInNash as NashInNash
from bargaining.equilibria.payoff_polygon import PayoffPolygon as PayoffPolygon
from bargaining.equilibria.payoff_polygon import Stats as Stats
from bargaining.equilibria.payoff_set import PayoffBounds as PayoffBounds
from bargaining.equilibria.payoff_set import StochasticPayoffBounds as StochasticPayoffBounds
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount as CriticalDiscount
from bargaining.equilibria.repeated.joint import JointPayoffs as JointPayoffs
from bargaining.equilibria.repeated.joint import JointStep as JointStep
from bargaining.equilibria.repeated.joint import TransferEquilibrium as TransferEquilibrium
from bargaining.equilibria.repeated.patient import FullRank as FullRank
from bargaining.equilibria.repeated.patient import PatientPayoffs as PatientPayoffs
from bargaining.equilibria.repeated.patient import RankFailure as RankFailure
from bargaining.equilibria.repeated.patient import Score as Score
from bargaining.equilibria.repeated.public import PublicPayoffSet as PublicPayoffSet
from bargaining.equilibria.repeated.relational import RelationalContract as RelationalContract
from bargaining.equilibria.repeated.renegotiation import RenegotiationProof as RenegotiationProof
from bargaining.equilibria.repeated.symmetric import SymmetricPayoffs as SymmetricPayoffs
from bargaining.equilibria.repeated.symmetric import SymmetricStep as SymmetricStep
from bargaining.equilibria.repeated.symmetric import TriggerStrategy as TriggerStrategy
from bargaining.equilibria.stage.equilibria import StageEquilibria as StageEquilibria
from bargaining.equilibria.stochastic.markov import MarkovEquilibria as MarkovEquilibria
from bargaining.equilibria.stochastic.markov import StationaryProfile as StationaryProfile
from bargaining.equilibria.stochastic.payoff_sets import StatePayoffSet as StatePayoffSet
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets as StochasticPayoffSets
from bargaining.equilibria.stochastic.transfers import (
    StochasticTransferEquilibrium as StochasticTransferEquilibrium,
)
from bargaining.equilibria.threats import ThreatDivision as ThreatDivision
from bargaining.estimation.chains import ChainEquilibrium as ChainEquilibrium
from bargaining.estimation.estimates import Comparison as Comparison
from bargaining.estimation.estimates import Estimates as Estimates
from bargaining.exact.set_certificate import PayoffCertificate as PayoffCertificate
from bargaining.exact.set_certificate import PublicCertificate as PublicCertificate
from bargaining.exact.set_certificate import StochasticCertificate as StochasticCertificate
from bargaining.exact.set_certificate import TwoSidedCertificate as TwoSidedCertificate
from bargaining.feasible.base import FeasibleSet as FeasibleSet
from bargaining.games.coalitional import Allocation as Allocation
from bargaining.games.monitoring import Rank as Rank
from bargaining.protocols.alternating_offers import OffersDivision as OffersDivision
from bargaining.protocols.alternating_offers import Phase as Phase
from bargaining.protocols.attrition import AttritionOutcome as AttritionOutcome
from bargaining.protocols.demand_game import DemandDivision as DemandDivision
from bargaining.protocols.hold_up import HoldUpOutcome as HoldUpOutcome
from bargaining.protocols.mechanisms import Mechanism as Mechanism
from bargaining.protocols.nonstationary import OfferPath as OfferPath
from bargaining.protocols.random_proposer import RandomProposerDivision as RandomProposerDivision
from bargaining.protocols.reputation import DemandOutcome as DemandOutcome
from bargaining.protocols.reputation import ReputationalOutcome as ReputationalOutcome
from bargaining.protocols.screening import ScreeningOutcome as ScreeningOutcome
from bargaining.protocols.screening import ScreeningPath as ScreeningPath
from bargaining.protocols.signalling import BluffOutcome as BluffOutcome
from bargaining.protocols.signalling import Kind as Kind
from bargaining.protocols.signalling import SignallingEquilibrium as SignallingEquilibrium
from bargaining.protocols.stochastic import StochasticDivision as StochasticDivision

__all__ = sorted(name for name, item in globals().items() if isinstance(item, type) and item.__name__ == name)

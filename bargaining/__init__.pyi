"""The public names, each with the module where it lives: the one list of them, read when `bargaining` is imported."""

from bargaining._config import show_config as show_config
from bargaining.concepts.conley_wilkie import conley_wilkie as conley_wilkie
from bargaining.concepts.continuous_raiffa import continuous_raiffa as continuous_raiffa
from bargaining.concepts.dictatorial import dictatorial as dictatorial
from bargaining.concepts.egalitarian import egalitarian as egalitarian
from bargaining.concepts.equal_loss import equal_loss as equal_loss
from bargaining.concepts.gupta_livne import gupta_livne as gupta_livne
from bargaining.concepts.kalai_smorodinsky import kalai_smorodinsky as kalai_smorodinsky
from bargaining.concepts.lexicographic import lexicographic_egalitarian as lexicographic_egalitarian
from bargaining.concepts.lexicographic import (
    lexicographic_kalai_smorodinsky as lexicographic_kalai_smorodinsky,
)
from bargaining.concepts.nash import nash as nash
from bargaining.concepts.nash import nash_set as nash_set
from bargaining.concepts.perles_maschler import perles_maschler as perles_maschler
from bargaining.concepts.raiffa import raiffa as raiffa
from bargaining.concepts.utilitarian import optimal_face as optimal_face
from bargaining.concepts.utilitarian import utilitarian as utilitarian
from bargaining.concepts.yu import yu as yu
from bargaining.descriptions import Description as Description
from bargaining.descriptions import read_description as read_description
from bargaining.division import Division as Division
from bargaining.division import Method as Method
from bargaining.equilibria.pairs.lump_sums import lump_sum_nash_in_nash as lump_sum_nash_in_nash
from bargaining.equilibria.pairs.nash_in_nash import BilateralDeal as BilateralDeal
from bargaining.equilibria.pairs.nash_in_nash import nash_in_nash as nash_in_nash
from bargaining.equilibria.payoff_set import payoff_bounds as payoff_bounds
from bargaining.equilibria.payoff_set import payoff_set as payoff_set
from bargaining.equilibria.repeated.critical_discount import critical_discount as critical_discount
from bargaining.equilibria.repeated.critical_discount import critical_discounts as critical_discounts
from bargaining.equilibria.repeated.critical_discount import critical_exit as critical_exit
from bargaining.equilibria.repeated.joint import joint_payoffs as joint_payoffs
from bargaining.equilibria.repeated.joint import transfer_equilibrium as transfer_equilibrium
from bargaining.equilibria.repeated.patient import full_rank as full_rank
from bargaining.equilibria.repeated.patient import patient_payoffs as patient_payoffs
from bargaining.equilibria.repeated.patient import patient_score as patient_score
from bargaining.equilibria.repeated.payoff_set import PayoffSet as PayoffSet
from bargaining.equilibria.repeated.payoff_set import payoff_sets as payoff_sets
from bargaining.equilibria.repeated.relational import bonus_spread as bonus_spread
from bargaining.equilibria.repeated.relational import relational_contract as relational_contract
from bargaining.equilibria.repeated.renegotiation import (
    patient_renegotiation_proof as patient_renegotiation_proof,
)
from bargaining.equilibria.repeated.renegotiation import renegotiation_proof as renegotiation_proof
from bargaining.equilibria.repeated.symmetric import symmetric_payoffs as symmetric_payoffs
from bargaining.equilibria.repeated.symmetric import trigger_strategy as trigger_strategy
from bargaining.equilibria.stage.correlated import correlated_payoffs as correlated_payoffs
from bargaining.equilibria.stage.equilibria import stage_equilibria as stage_equilibria
from bargaining.equilibria.stochastic.markov import directional_equilibria as directional_equilibria
from bargaining.equilibria.stochastic.markov import markov_equilibria as markov_equilibria
from bargaining.equilibria.stochastic.markov import stationary_profile as stationary_profile
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets as stochastic_payoff_sets
from bargaining.equilibria.stochastic.transfers import (
    stochastic_transfer_equilibrium as stochastic_transfer_equilibrium,
)
from bargaining.equilibria.threats import coco_value as coco_value
from bargaining.equilibria.threats import variable_threats as variable_threats
from bargaining.errors import BargainingError as BargainingError
from bargaining.errors import InvalidInput as InvalidInput
from bargaining.errors import NotApplicable as NotApplicable
from bargaining.errors import Status as Status
from bargaining.errors import Unsolved as Unsolved
from bargaining.estimation.chains import VerticalChain as VerticalChain
from bargaining.estimation.models import DelayModel as DelayModel
from bargaining.estimation.models import EfficientDelayModel as EfficientDelayModel
from bargaining.estimation.models import NashInNashModel as NashInNashModel
from bargaining.estimation.models import OffersModel as OffersModel
from bargaining.estimation.models import WageModel as WageModel
from bargaining.estimation.models import WeightedNashModel as WeightedNashModel
from bargaining.exact.certify import Certificate as Certificate
from bargaining.exact.certify import certify as certify
from bargaining.feasible.frontier import Frontier as Frontier
from bargaining.feasible.image import LinearImage as LinearImage
from bargaining.feasible.points import FreeDisposalHull as FreeDisposalHull
from bargaining.feasible.polytope import Polytope as Polytope
from bargaining.feasible.program import ConvexProgram as ConvexProgram
from bargaining.feasible.surplus import TransferableSurplus as TransferableSurplus
from bargaining.feasible.union import Union as Union
from bargaining.games.bayesian import BayesianProblem as BayesianProblem
from bargaining.games.coalitional import CoalitionalGame as CoalitionalGame
from bargaining.games.monitoring import Monitoring as Monitoring
from bargaining.games.normal_form import Game as Game
from bargaining.games.repeated import Exit as Exit
from bargaining.games.repeated import RepeatedGame as RepeatedGame
from bargaining.games.stochastic import StochasticGame as StochasticGame
from bargaining.plots.plot import plot as plot
from bargaining.plots.plot import save_figure as save_figure
from bargaining.problem import Problem as Problem
from bargaining.protocols.alternating_offers import AlternatingOffers as AlternatingOffers
from bargaining.protocols.attrition import WarOfAttrition as WarOfAttrition
from bargaining.protocols.continuous_offers import ContinuousOffers as ContinuousOffers
from bargaining.protocols.demand_game import NashDemandGame as NashDemandGame
from bargaining.protocols.hold_up import HoldUp as HoldUp
from bargaining.protocols.hold_up import deal_me_out as deal_me_out
from bargaining.protocols.hold_up import risk_of_breakdown as risk_of_breakdown
from bargaining.protocols.hold_up import split_the_difference as split_the_difference
from bargaining.protocols.mechanisms import double_auction as double_auction
from bargaining.protocols.mechanisms import harsanyi_selten as harsanyi_selten
from bargaining.protocols.mechanisms import neutral as neutral
from bargaining.protocols.mechanisms import posted_price as posted_price
from bargaining.protocols.mechanisms import random_offerer as random_offerer
from bargaining.protocols.mechanisms import second_best as second_best
from bargaining.protocols.nonstationary import NonstationaryOffers as NonstationaryOffers
from bargaining.protocols.random_proposer import RandomProposer as RandomProposer
from bargaining.protocols.reputation import ReputationalBargaining as ReputationalBargaining
from bargaining.protocols.reputation import ReputationalDemands as ReputationalDemands
from bargaining.protocols.reputation import kambe_limit as kambe_limit
from bargaining.protocols.screening import OutsideOptionScreening as OutsideOptionScreening
from bargaining.protocols.screening import TwoTypeScreening as TwoTypeScreening
from bargaining.protocols.screening import screen_types as screen_types
from bargaining.protocols.signalling import Bluff as Bluff
from bargaining.protocols.signalling import CostlyStep as CostlyStep
from bargaining.protocols.signalling import credibility as credibility
from bargaining.protocols.stochastic import StochasticBargaining as StochasticBargaining
from bargaining.scenarios import outcome_problem as outcome_problem
from bargaining.scenarios import read_scenario as read_scenario
from bargaining.statics import sensitivity as sensitivity
from bargaining.sweeps.sweep import open_sweep as open_sweep
from bargaining.sweeps.sweep import sweep as sweep
from bargaining.sweeps.sweep import vectorized as vectorized
from bargaining.tables.table import Column as Column
from bargaining.tables.table import Table as Table
from bargaining.tables.table import compare as compare

__version__: str
_EXPORTS: dict[str, str]

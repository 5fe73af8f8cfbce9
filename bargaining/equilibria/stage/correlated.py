"""Correlated equilibria: what a mediator can reach who recommends actions in private."""

from __future__ import annotations

import numpy as np

from bargaining._arguments import flag
from bargaining._calls import suggesting
from bargaining.errors import InvalidInput, NotApplicable, with_article
from bargaining.feasible.image import LinearImage
from bargaining.games.normal_form import Game

MOST = 10**6  # profiles: a limit, since each is a variable


@suggesting
def correlated_payoffs(game: Game, *, coarse: bool = False) -> LinearImage:
    r"""Return the payoffs of the correlated equilibria of a finite game: what a mediator's offers can reach.

    A mediator draws a profile of actions with chances p(a) and recommends each player her action in private. It is an
    equilibrium to obey if no player gains by another action at any recommendation:

    .. math:: \sum_{a_{-i}} p(a_i, a_{-i}) \big(u_i(b_i, a_{-i}) - u_i(a_i, a_{-i})\big) \le 0
        \quad\text{for all } i, a_i, b_i.

    Parameters
    ----------
    game : Game
        Any number of players.
    coarse : bool, default False
        Whether players decide before they hear the recommendation whether to obey it (coarse correlated equilibria):
        then only the sum over recommendations has to keep them.

    Returns
    -------
    LinearImage
        A feasible set: ``contains``, ``support``, and for two players ``vertices``. A decision of it is the
        distribution p, in the order of ``game.payoffs``.

    Raises
    ------
    NotApplicable
        If the game has more than a million profiles.

    References
    ----------
    Aumann, R. J. (1974). Subjectivity and correlation in randomized strategies. *Journal of Mathematical
    Economics* 1(1), 67-96. doi:10.1016/0304-4068(74)90037-8

    Examples
    --------
    >>> from bargaining import Game, Problem, correlated_payoffs, nash
    >>> chicken = Game([[6, 2], [7, 0]], [[6, 7], [2, 0]])
    >>> correlated_payoffs(chicken).vertices.round(9).tolist()
    [[7.0, 2.0], [5.25, 5.25], [2.0, 7.0], [3.6, 3.6]]
    >>> nash(Problem(correlated_payoffs(chicken), [2, 2])).payoffs.round(9)
    array([5.25, 5.25])
    """
    from scipy.sparse import csr_array, vstack

    if not isinstance(game, Game):
        raise InvalidInput(f"`game` must be a Game; got {with_article(game)}. From arrays make Game(A, B).")
    coarse = flag(coarse, "coarse")
    shape, n = game.payoffs.shape[:-1], game.payoffs.shape[-1]
    count = int(np.prod(shape))
    if count > MOST:
        raise NotApplicable(f"the game has {count:,} profiles; a linear program takes at most {MOST:,}.")
    numbers, rows = (
        np.arange(count).reshape(shape),
        [csr_array(np.ones((1, count))), csr_array(-np.ones((1, count)))],
    )
    for i in range(n):
        own, payoffs = np.moveaxis(numbers, i, 0).reshape(shape[i], -1), game.payoffs[..., i].ravel()
        for b in range(shape[i]):
            gain = payoffs[own[b]] - payoffs[own]  # by recommended action and actions of the others
            at = np.zeros_like(own) if coarse else np.broadcast_to(np.arange(shape[i])[:, None], own.shape)
            rows.append(
                csr_array((gain.ravel(), (at.ravel(), own.ravel())), shape=(1 if coarse else shape[i], count))
            )
    matrix = csr_array(vstack(rows))
    matrix.eliminate_zeros()
    limits = np.zeros(matrix.shape[0])
    limits[:2] = 1.0, -1.0
    return LinearImage(game.payoffs.reshape(count, n).T, matrix, limits)

"""Linear images against polytopes and plain programs; correlated equilibria against published sets."""

import numpy as np
import pytest

from bargaining import (
    Game,
    InvalidInput,
    LinearImage,
    NotApplicable,
    Polytope,
    Problem,
    correlated_payoffs,
    egalitarian,
    kalai_smorodinsky,
    nash,
    stage_equilibria,
    utilitarian,
)


@pytest.mark.parametrize("seed", range(8))
def test_mixtures_of_points_are_a_polytope(seed):
    rng = np.random.default_rng(seed)
    n = 2 + seed % 3
    points = rng.normal(size=(9, n)) * 10.0 ** rng.integers(-3, 4, n)
    points = np.vstack((points, points.max(axis=0)))  # so that everybody can gain
    image = LinearImage(points.T, np.vstack((np.ones(10), -np.ones(10))), [1, -1])
    hull, d = Polytope(points), points.mean(axis=0)
    weights, step = rng.normal(size=(5, n)) / np.abs(points).max(axis=0), np.abs(points).max(axis=0)
    assert image.support(weights)[0] == pytest.approx(hull.support(weights)[0], abs=1e-9)
    assert image.ray(d, step) == pytest.approx(hull.ray(d, step), abs=1e-9)
    assert image.ideal(d) == pytest.approx(hull.ideal(d), rel=1e-9)
    assert image.contains(points).all()
    assert not image.contains(points.max(axis=0) + step)
    for concept in (nash, kalai_smorodinsky, egalitarian):
        ours, theirs = concept(Problem(image, d)), concept(Problem(hull, d))
        assert ours.ok
        assert ours.payoffs == pytest.approx(theirs.payoffs, abs=1e-8 * step.max())
    reached = image.decision(nash(Problem(image, d)).payoffs)
    assert image.image @ reached == pytest.approx(
        nash(Problem(image, d)).payoffs, rel=1e-8, abs=1e-9 * step.max()
    )
    units = Problem(image, d).rescale(step, -d).relabel(range(n)[::-1])
    assert nash(units).payoffs[::-1] == pytest.approx(nash(Problem(image, d)).payoffs * step - d, rel=1e-7)
    if n == 2:
        assert len(image.vertices) == len(hull.vertices)
        assert np.sort(image.vertices, axis=0) == pytest.approx(np.sort(hull.vertices, axis=0), rel=1e-8)


def test_bounds_and_sets_without_them():
    box = LinearImage(np.eye(2), lower=[1, 2], upper=[3, 5])
    assert sorted(box.vertices.tolist()) == [[1, 2], [1, 5], [3, 2], [3, 5]]
    assert utilitarian(Problem(box, [0, 0])).payoffs.tolist() == [3, 5]
    assert box.ray([0, 0], [1, 1]) == 3
    assert box.ray([0, 9], [1, 0]) == -np.inf
    assert LinearImage(np.eye(2), lower=1, upper=1).vertices.tolist() == [[1, 1]]
    kept = Problem(LinearImage(np.eye(2), [[1, 1]], [4], lower=[2.5, 0]), [0, 0])
    assert nash(kept).payoffs == pytest.approx([2.5, 1.5])
    cone = LinearImage(np.eye(2))
    assert cone.support([1, 1])[0] == np.inf
    assert cone.ray([0, 0], [1, 1]) == np.inf
    assert (cone.ideal([0, 0]) == np.inf).all()
    with pytest.raises(NotApplicable, match="without a bound"):
        cone.vertices  # noqa: B018


@pytest.mark.parametrize("payoff", [1e-9, 1e-6, 1.0, 1e6, 1e9])
@pytest.mark.parametrize("decision", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("row", [1e-12, 1.0, 1e9])
def test_units_do_not_matter(payoff, decision, row):
    """Of payoffs, of decisions and of constraints; weights count by their ratios."""
    image = payoff * np.array([[3, 0, 2], [0, 2, 2]]) / decision
    work = LinearImage(image, [[row, row, row]], [row * decision])
    assert nash(Problem(work, [0, 0])).payoffs / payoff == pytest.approx([2, 2], rel=1e-9)
    assert kalai_smorodinsky(Problem(work, [0, 0])).payoffs / payoff == pytest.approx(
        [9 / 4, 3 / 2], rel=1e-9
    )
    assert nash(Problem(work, [0, 0]), weights=[1, 0]).payoffs / payoff == pytest.approx([3, 0], abs=1e-9)
    assert work.support([1e-12, 1e-12])[0] / payoff == pytest.approx(4e-12)
    assert work.contains([2 * payoff, 2 * payoff])
    assert not work.contains([2 * payoff, 2.0001 * payoff])
    z, price, gap = work.optimum([1, 1])
    assert z / decision == pytest.approx([0, 0, 1])
    assert price[0] * row * decision / payoff == pytest.approx(4)
    assert gap <= 1e-12


def test_points_within_edges_are_no_vertices():
    square = np.array([[x, y] for x in (0.0, 1.0, 2.0) for y in (0.0, 1.0, 2.0)])
    rng = np.random.default_rng(6)
    for _ in range(10):
        points = rng.permutation(square)
        found = LinearImage(points.T, np.vstack((np.ones(9), -np.ones(9))), [1, -1]).vertices
        assert sorted(found.round(9).tolist()) == [[0, 0], [0, 2], [2, 0], [2, 2]]


def test_an_optimum_is_proved_by_its_prices():
    rng = np.random.default_rng(4)
    for _ in range(20):
        image, matrix = rng.normal(size=(2, 5)), rng.uniform(0.1, 1, size=(4, 5))
        limits, w = rng.uniform(1, 2, 4), rng.uniform(0.1, 1, 2)
        z, price, gap = LinearImage(image, matrix, limits).optimum(w)
        assert gap <= 1e-9
        assert (price >= 0).all()
        assert (image.T @ w - matrix.T @ price <= 1e-9).all()
        assert limits @ price == pytest.approx(w @ image @ z, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearImage([[1, 2]], [[1, 1]]), "`matrix` and `limits` must be given together"),
        (lambda: LinearImage([[1, 2]], [[1]], [1]), r"`matrix` must have shape \(1, 2\)"),
        (lambda: LinearImage([[1, 2]], [[1, 1]], [-1]), "must allow some decision; they allow none"),
        (lambda: LinearImage([[1, 2]], lower=[1, 2, 3]), r"`lower` must be a number or have shape \(2,\)"),
        (lambda: LinearImage([[1, 2]], lower=2, upper=1), "`lower` must not exceed `upper`"),
        (lambda: correlated_payoffs([[1]]), "`game` must be a Game"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def area(vertices):
    x, y = vertices.T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_published_sets_of_correlated_payoffs():
    chicken = Game([[6, 2], [7, 0]], [[6, 7], [2, 0]])
    assert area(correlated_payoffs(chicken).vertices) == pytest.approx(33 / 4)
    assert area(correlated_payoffs(chicken, coarse=True).vertices) == pytest.approx(33 / 4)
    corners = [[2, 7], [3.6, 3.6], [5.25, 5.25], [7, 2]]
    assert np.array(sorted(correlated_payoffs(chicken).vertices.tolist())) == pytest.approx(np.array(corners))
    battle = Game([[3, 0], [0, 2]], [[2, 0], [0, 3]])
    assert area(correlated_payoffs(battle).vertices) == pytest.approx(13 / 10)
    corners = [[1.2, 1.2], [2, 3], [3, 2]]
    assert np.array(sorted(correlated_payoffs(battle).vertices.tolist())) == pytest.approx(np.array(corners))
    shapley = Game([[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert sorted(correlated_payoffs(shapley).vertices.ravel()) == pytest.approx([1 / 3, 1 / 3, 1 / 2, 1 / 2])
    assert area(correlated_payoffs(shapley, coarse=True).vertices) == pytest.approx(1 / 18)
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    assert correlated_payoffs(prisoners).vertices == pytest.approx(np.array([[3, 3]]))


def test_a_distribution_obeys_its_definition_and_equilibria_are_inside():
    rng = np.random.default_rng(3)
    for shape in ((2, 2), (3, 2), (3, 3), (2, 2, 2)):
        game = Game(*rng.normal(size=(len(shape), *shape)))
        mediated = correlated_payoffs(game)
        assert mediated.contains(game.payoffs[tuple(game.pure_equilibria().T)]).all()
        if len(shape) == 2:
            assert mediated.contains(stage_equilibria(game).payoffs).all()
        for weights in rng.normal(size=(3, len(shape))):
            point = mediated.support(weights)[1]
            p = mediated.decision(point).reshape(shape)
            assert (p >= -1e-9).all()
            assert p.sum() == pytest.approx(1)
            for i, count in enumerate(shape):
                payoff, chance = (np.moveaxis(a, i, 0) for a in (game.payoffs[..., i], p))
                for a in range(count):
                    for b in range(count):
                        assert (chance[a] * (payoff[b] - payoff[a])).sum() <= 1e-9

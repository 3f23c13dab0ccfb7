import numpy as np
import pytest
from scipy.stats import binomtest

from synthkit.evaluate.attacks.intervals import delong, newcombe, wilson


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (37, 1000)])
def test_wilson_agrees_with_scipy(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_newcombe_agrees_with_the_paper():
    # Newcombe 1998 (Stat. Med. 17:873), table II, contrasts (a) and (g), method 10.
    assert newcombe(56 / 70, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert newcombe(0.0, 10, 0.0, 20) == pytest.approx((-0.1611, 0.2775), abs=1e-4)


def test_delong_agrees_with_a_slow_count_of_all_pairs():
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 9, 40) + 1.0, rng.integers(0, 9, 30) * 1.0
    wins = (members[:, None] > others) + (members[:, None] == others) / 2
    variance = wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 30
    assert delong(members, others) == pytest.approx((wins.mean(), np.sqrt(variance)))

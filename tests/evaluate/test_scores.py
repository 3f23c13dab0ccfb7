import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from synthkit.evaluate.utility.scores import auc, bootstrap_weights, macro_auc, r_squared


def test_auc_agrees_with_sklearn_with_ties_and_weights():
    rng = np.random.default_rng(0)
    positive, scores = rng.random(300) < 0.3, rng.integers(0, 12, 300) / 12
    weights = np.vstack([np.ones(300), rng.integers(0, 4, 300)])
    expected = [roc_auc_score(positive, scores, sample_weight=w) for w in weights]
    np.testing.assert_allclose(auc(positive, scores, weights), expected)


def test_macro_auc_is_the_mean_over_classes_and_constant_scores_are_chance():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300)
    once = np.ones((1, 300))
    expected = roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert macro_auc(labels, scores, once)[0] == pytest.approx(expected)
    assert macro_auc(labels, np.zeros((300, 3)), once)[0] == 0.5


def test_r_squared_agrees_with_sklearn_and_needs_a_truth_that_varies():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200) + 3
    predicted = truth + rng.normal(size=200)
    weights = np.vstack([np.ones(200), rng.integers(0, 4, 200)]).astype(float)
    expected = [r2_score(truth, predicted, sample_weight=w) for w in weights]
    np.testing.assert_allclose(r_squared(truth, predicted, weights), expected)
    assert np.isnan(r_squared(np.ones(5), np.zeros(5), np.ones((1, 5)))[0])


def test_rows_of_one_person_are_drawn_together():
    units = np.repeat(np.arange(20), 5)
    weights = bootstrap_weights(units, 50, np.random.default_rng(0))
    assert weights.shape == (51, 100)
    assert np.all(weights[0] == 1)
    for replicate in weights[1:]:
        per_person = replicate.reshape(20, 5)
        assert np.all(per_person == per_person[:, :1])
        assert replicate.sum() == 100

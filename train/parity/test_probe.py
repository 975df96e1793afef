"""Our logistic regression beside scikit-learn's, and the digits that it ships."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from webimagetext_train.probe import accuracy, choose_c, fit
from webimagetext_train.sklearn_digits import TRAINING, read_digits


def test_the_same_minimum() -> None:
    x, y = load_digits(return_X_y=True)
    x = (x - x[:TRAINING].mean(axis=0)) / (x[:TRAINING].std(axis=0) + 1e-6)
    rows, targets = torch.from_numpy(x).float(), torch.from_numpy(y)
    for c in (0.01, 1.0):
        weights, biases = model = fit(rows[:TRAINING], targets[:TRAINING], 10, c)
        other = LogisticRegression(C=c, max_iter=5000, tol=1e-8).fit(rows[:TRAINING].double().numpy(), y[:TRAINING])
        # Softmax does not change when the same number is added to all biases.
        np.testing.assert_allclose(weights.numpy(), other.coef_, atol=2e-3)
        np.testing.assert_allclose((biases - biases.mean()).numpy(), other.intercept_ - other.intercept_.mean(), atol=5e-3)
        assert accuracy(model, rows[TRAINING:], targets[TRAINING:]) == other.score(rows[TRAINING:].double().numpy(), y[TRAINING:])
    assert 1e-4 < choose_c(rows[:TRAINING], targets[:TRAINING], 10) < 1e4


def test_digits_are_those_of_the_package() -> None:
    x, y = load_digits(return_X_y=True)
    train, test = read_digits()
    assert (len(train), len(test)) == (TRAINING, len(y) - TRAINING)
    assert [test.target(number) for number in range(len(test))] == y[TRAINING:].tolist()
    assert train.picture(0).startswith(b"\x89PNG")
    assert x[0].max() == train._rows[0, :64].max()

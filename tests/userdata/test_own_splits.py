"""Splits by content: equal examples together, no order, shares; what splits share."""

import numpy as np
import pytest

from vae_jax.userdata import from_arrays
from vae_jax.userdata._splits import example_digests, split_by_content

RNG = np.random.default_rng(1)
X = RNG.normal(size=(500, 3)).astype(np.float32)


def sets(parts, examples):
    return [{examples[i].tobytes() for i in part} for part in parts]


def test_equal_examples_are_in_one_split():
    twice = np.concatenate([X, X[:250], X[:100]])
    parts = split_by_content("mine", twice, (0.1, 0.2), 0)
    train, validation, test = sets(parts, twice)
    assert not train & validation
    assert not (train | validation) & test
    assert sorted(np.concatenate(parts)) == list(range(len(twice)))
    # a share is met to within the most copies of one example
    assert abs(len(parts[1]) - 85) <= 3
    assert abs(len(parts[2]) - 170) <= 3


def test_the_order_of_the_file_decides_nothing():
    order = RNG.permutation(len(X))
    one = sets(split_by_content("mine", X, (0.1, 0.1), 0), X)
    other = sets(split_by_content("mine", X[order], (0.1, 0.1), 0), X[order])
    assert one == other


def test_a_seed_makes_another_split():
    one = split_by_content("mine", X, (0.1, 0.1), 0)
    other = split_by_content("mine", X, (0.1, 0.1), 1)
    assert len(set(one[2]) & set(other[2])) < 25  # a tenth of a tenth is 5, by chance


def test_shares_of_many():
    parts = split_by_content("mine", X, (0.1, 0.2), 0)
    assert [len(part) for part in parts] == [350, 50, 100]


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="3 unlike examples or more.*got 2"):
        split_by_content("mine", np.repeat(X[:2], 10, axis=0), (0.1, 0.1), 0)
    with pytest.raises(ValueError, match="must hold more unlike examples"):
        split_by_content("mine", X[:3], (0.3, 0.9), 0)


def test_what_given_splits_share_is_said():
    with pytest.warns(UserWarning, match="7 of 50 examples of test are in train too"):
        from_arrays(X[:300], X[300:350], np.concatenate([X[350:393], X[:7]]))


def test_missing_splits_are_cut_from_training():
    made = from_arrays(X[:400], test=X[400:])
    assert [len(part.images) for part in made[1:4]] == [360, 40, 100]
    np.testing.assert_array_equal(made.test.images, X[400:])
    made = from_arrays(X[:400], X[400:])
    assert [len(part.images) for part in made[1:4]] == [360, 100, 40]


def test_labels_stay_with_their_examples():
    labels = np.arange(len(X))
    made = from_arrays(X, labels=[labels])
    for part in made[1:4]:
        np.testing.assert_array_equal(X[part.labels], part.images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "`split_seed` is for data that are not split"),
        ({"test_share": 0.2}, "`test_share` is for data without a split `test`"),
        ({"shape": (2, 2)}, r"`data_shape` must hold the 3 numbers.*got \[2, 2\]"),
        (
            {"labels": [np.zeros(3)]},
            "`labels` must be one array for each of train, val",
        ),
        ({"labels": [np.zeros(3)] * 3}, "one an example, 300 in 'train'; got 3"),
    ],
)
def test_what_changes_nothing_or_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(X[:300], X[300:400], X[400:], **options)


def test_digests_are_of_every_example():
    assert len(set(example_digests(X))) == len(X)
    assert example_digests(X[:1], "a")[0] != example_digests(X[:1], "b")[0]

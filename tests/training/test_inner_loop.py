"""When the inner loop ends and when aggressive training does, on scripted numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import training
from vae_jax.training import InnerLoop, Stream
from vae_jax.training._inner_loop import draw, improve
from vae_jax.training._judgement import first_judgement, judge

LONGEST = 40


def updates_by_hand(losses, max_inner, window):
    """The loop of He et al. (2019) as it stands in figures and prose: a plain loop."""
    sub_step, made, burn, previous = 1, 0, 0.0, np.inf
    while sub_step < max_inner:
        burn += losses[sub_step]
        made += 1
        if sub_step % window == 0:
            if burn / window > previous:
                break
            previous, burn = burn / window, 0.0
        sub_step += 1
    return made


@jax.jit
def scripted(losses, max_inner, window, going):
    """The sum of what was seen, and the number of updates."""
    return improve(
        lambda seen, step: (seen + losses[step].astype(jnp.float32), losses[step]),
        jnp.float32(0),
        InnerLoop(max_inner=max_inner, window=window),
        going,
    )


def test_the_loop_ends_with_the_first_window_that_is_worse():
    """Random losses, lengths and windows; eighths add up without rounding."""
    rng = np.random.default_rng(0)
    size = 200
    falling = np.linspace(20, 0, LONGEST)[None] * rng.integers(0, 2, (size, 1))
    losses = np.round(8 * (falling + rng.normal(size=(size, LONGEST)))) / 8
    losses = losses.astype(np.float32)
    max_inner = rng.integers(0, LONGEST, size).astype(np.int32)
    window = rng.integers(1, 9, size).astype(np.int32)
    seen, made = jax.vmap(scripted)(losses, max_inner, window, np.ones(size, bool))
    expected = [updates_by_hand(*row) for row in zip(losses, max_inner, window)]  # noqa: B905
    np.testing.assert_array_equal(made, expected)
    sums = [row[1 : n + 1].sum() for row, n in zip(losses, expected, strict=True)]
    np.testing.assert_array_equal(seen, sums)
    ended_early = np.asarray(expected) < np.maximum(max_inner - 1, 0)
    assert 0.2 < ended_early.mean() < 0.8


@pytest.mark.parametrize(
    ("losses", "made"),
    [
        # the first window has none before it, however large it is
        ([9e30, 9e30, 1, 1, 1, 1], 6),
        # an equal mean is not an increase
        ([2, 4, 3, 3, 4, 2], 6),
        ([2, 4, 3, 3.125, 0, 0], 4),
        # within a window it does not stop
        ([1, 1, 1.5, 0.25, 0, 0], 6),
    ],
)
def test_what_counts_as_worse(losses, made):
    row = np.array([0, *losses], np.float32)
    _, found = scripted(row, np.int32(7), np.int32(2), np.True_)
    assert int(found) == made == updates_by_hand(row, 7, 2)


def test_as_many_updates_as_he_et_al_make():
    """`while sub_iter < 100`, from 1: 99 of a loss that falls; 30 of one that rises."""
    falling = np.arange(200, 0, -1, dtype=np.float32)
    _, made = scripted(falling, *np.array(InnerLoop()[:2], np.int32), np.True_)
    assert int(made) == 99
    _, made = scripted(-falling, *np.array(InnerLoop()[:2], np.int32), np.True_)
    assert int(made) == 30
    _, made = scripted(falling, np.int32(100), np.int32(15), np.False_)
    assert int(made) == 0


def test_half_precision_losses_are_averaged_in_float32():
    """1000 + 0.5 has no bfloat16; the second window is worse by that."""
    losses = jnp.array([0, 1000, 0, 1000, 0.5], jnp.bfloat16)
    _, made = scripted(losses, np.int32(100), np.int32(2), np.True_)
    assert int(made) == 4


def text_rule(information):
    """`if cur_mi < pre_mi: aggressive = False`, for good."""
    aggressive, previous, found = True, -np.inf, []
    for current in information:
        aggressive = aggressive and not current < previous
        previous = current
        found.append(aggressive)
    return found


def image_rule(information, patience):
    """Off after it failed to beat its best so many times."""
    best, failures, found = -np.inf, 0, []
    for current in information:
        if current < best:
            failures += 1
        else:
            best = current
        found.append(failures < patience)
    return found


@jax.jit
def judged(information, patience, aggressive):
    def body(before, found):
        after = judge(before, found, patience)
        return after, after

    return jax.lax.scan(body, first_judgement(aggressive), information)[1]


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_aggressive_training_ends_as_in_the_paper(patience):
    rng = np.random.default_rng(patience)
    lengths = []
    for _ in range(30):
        # steps of a quarter, so that it often stays where it is
        information = np.cumsum(rng.integers(-1, 3, 12)).astype(np.float32) / 4
        found = judged(information, jnp.int32(patience), True)
        expected = image_rule(information, patience)
        np.testing.assert_array_equal(found.aggressive, expected)
        if patience == 1:
            assert expected == text_rule(information)
        np.testing.assert_array_equal(found.information, information)
        np.testing.assert_array_equal(found.best, np.maximum.accumulate(information))
        lengths.append(sum(expected))
    assert len(set(lengths)) > 3


def test_a_run_that_began_otherwise_is_never_aggressive():
    found = judged(np.arange(5, dtype=np.float32), 1, False)
    assert not np.asarray(found.aggressive).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_estimate_that_is_not_finite_counts_as_the_last(bad):
    found = judged(np.array([bad, 1, bad, 0.5], np.float32), 1, True)
    np.testing.assert_array_equal(found.information, [0, 1, 1, 0.5])
    np.testing.assert_array_equal(found.aggressive, [True, True, True, False])


ORDER, BATCH, STEP = jnp.arange(100, 113, dtype=jnp.int32), 4, 5


@jax.jit
def drawn(sub_step, member):
    rows, prepared, keys = draw(ORDER, jnp.int32(STEP), sub_step, member, BATCH)
    return rows, *(jax.random.key_data(k) for k in (prepared, *keys))


def test_the_first_inner_update_is_on_the_current_batch():
    member = training.member_key(3)
    rows, prepared, *noise = drawn(jnp.int32(1), member)
    # three batches an epoch: step 5 is the third of the second
    np.testing.assert_array_equal(rows, ORDER[8:12])
    current = [
        jax.random.key_data(training.example_keys(member, stream, STEP, BATCH))
        for stream in (Stream.BINARISE, Stream.NOISE, Stream.DROPOUT)
    ]
    np.testing.assert_array_equal(prepared, current[0])
    # but it draws its own z and dropout
    for own, of_step in zip(noise, current[1:], strict=True):
        assert not np.array_equal(own, of_step)


def test_the_other_inner_updates_are_on_batches_of_this_epoch():
    member, starts = training.member_key(3), []
    for sub_step in range(2, 92):
        rows = np.asarray(drawn(jnp.int32(sub_step), member)[0])
        np.testing.assert_array_equal(rows, rows[0] + np.arange(BATCH))
        starts.append(int(rows[0]))
    # 90 draws of three: 30 each, with a standard error of 4.5
    counts = {start: starts.count(start) for start in set(starts)}
    assert set(counts) == {100, 104, 108}
    assert min(counts.values()) > 30 - 5 * 4.5


def test_no_two_numbers_of_the_loop_share_a_key():
    member = training.member_key(0)
    words = [
        np.concatenate([np.asarray(k) for k in drawn(jnp.int32(i), member)[1:]])
        for i in range(2, 52)
    ]
    words = np.concatenate(words)
    assert len(np.unique(words, axis=0)) == len(words) == 50 * 3 * BATCH

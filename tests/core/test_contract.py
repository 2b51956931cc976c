"""Every public function of the core, through one table: right, or refused.

`entries.py` says what an entry holds. What is checked of each: the value against float64;
integers, booleans, bfloat16 and float64 in place of float32, in one array and in all of
them; numpy's and JAX's scalars as settings; complex numbers; a value outside every stated
range; a setting with a dimension too many, of every length that could broadcast; finite
slopes and curvatures at the stated ends.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from entries import KINDS, PACKAGES, back, cast, native, public, tables

TABLES = tables()
ENTRIES = [entry for table in TABLES.values() for entry in table]
COMPOSED = {
    "analytic.conditional_covariance",
    "analytic.linear_cvae_optimum",
    "diagnostics.collapse_report",
    "diagnostics.condition_information",
    "diagnostics.conditional_decomposition",
    "diagnostics.conditional_report",
    "diagnostics.grid_posterior",
    "diagnostics.linear_probe",
    "diagnostics.marginal_decomposition",
    "diagnostics.part_reports",
    "likelihoods.discretized_logistic_mixture",
    "likelihoods.negative_binomial",
    "likelihoods.zero_inflated_negative_binomial",
    "priors.autoregressive",
}
"""Long to run, and made of what is in the tables by itself: they are tried in one kind of
number by default, and in all of them by `slow`."""


def slow_if(slow, *case):
    return pytest.param(*case, marks=[pytest.mark.slow] if slow else [])


SET = [slow_if(entry.name in COMPOSED, entry) for entry in ENTRIES if entry.settings]
every = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
pytestmark = pytest.mark.usefixtures("users_view", "by_operations")

SCALARS = {
    "python": float,
    "numpy32": np.float32,
    "numpy64": np.float64,
    "jax": jnp.float32,
    "bfloat16": jnp.bfloat16,
    "int": lambda v: int(np.ceil(v)),
    "int64": lambda v: np.int64(np.ceil(v)),
    "bool": lambda v: np.bool_(v > 0),
}
ALONE = ("int32", "bfloat16")  # one that rounds, one that is narrow
REFUSED = (ValueError, TypeError)


@pytest.fixture
def by_operations():
    """No program is compiled: a scan over a function made anew is one anew at every call.

    What is promised of arguments is kept in Python, before and between operations; the
    values are those of programs, in `test_the_value_is_that_of_float64`.
    """
    with jax.disable_jit():
        yield


KNOWN = {}  # what calls gave: several kinds of number are the same numbers at home


def at_home(entry, changed):
    """The leaves of a call with arrays of the dtypes that the function is at home in."""
    unlike = {
        name: value
        for name, value in changed.items()
        if not np.array_equal(value, native(entry.arrays[name]))
    }
    call = (entry.name, *((name, value.tobytes()) for name, value in unlike.items()))
    if call not in KNOWN:
        KNOWN[call] = entry.leaves(**unlike)
    return KNOWN[call]


def outcome(entry, changed):
    """The arrays of a result, or the type of what was raised."""
    try:
        return entry.leaves(**changed)
    except REFUSED:
        return None


def assert_same(actual, expected):
    """The same numbers of the same dtypes."""
    assert len(actual) == len(expected)
    for got, right in zip(actual, expected, strict=True):
        assert got.dtype == right.dtype
        np.testing.assert_allclose(got, right, rtol=1e-6, atol=1e-7)


def refused(entry, argument, value):
    """It is refused, and the message names the argument."""
    with pytest.raises(REFUSED) as caught:
        entry.leaves(**{argument: value})
    assert f"`{argument}`" in str(caught.value), str(caught.value)


def counts(package):
    """How many functions there are, and how many calls of each sort are made of them."""
    table = TABLES[package]
    arrays = [len(entry.arrays) for entry in table]
    said = [kinds for entry in table for kinds in entry.refuses.values()]
    return {
        "functions": len(table),
        "right in float64": sum(entry.reference is not None for entry in table),
        "dtypes": sum(len(casts(entry, kind)) for entry in table for kind in KINDS),
        "dtypes refused": sum(map(len, said)) + sum(arrays),
        "settings": sum(len(entry.settings) for entry in table),
        "types of settings": len(SCALARS)
        * sum(bool(entry.settings) for entry in table),
        "outside a range": sum(
            len(values) + 5 * (name in entry.settings)
            for entry in table
            for name, values in entry.outside.items()
        ),
        "leading": sum(len(entry.leading) for entry in table),
        "slopes": 2 * sum(len(entry.steep) for entry in table),
    }


def test_counts():
    """As `pytest -s` prints them; a package without a table has no promise."""
    rows = {package: counts(package) for package in sorted(TABLES)}
    for package, row in rows.items():
        print(f"{package}: " + ", ".join(f"{n} {what}" for what, n in row.items()))
    assert tuple(sorted(TABLES)) == PACKAGES
    functions = {name for package in PACKAGES for name in public(package)}
    assert sum(row["functions"] for row in rows.values()) == len(functions)
    # every setting has a type and a shape that are tried; most have a range
    outside = sum(row["outside a range"] for row in rows.values())
    assert outside >= sum(row["settings"] for row in rows.values())


@pytest.mark.parametrize("package", TABLES)
def test_the_table_has_every_public_function(package):
    names = [entry.name for entry in TABLES[package]]
    assert sorted(names) == sorted(public(package))


@every
def test_every_argument_is_a_valid_one(entry):
    """What the table says of arguments is about arguments that there are."""
    given = {**entry.arrays, **entry.settings, **entry.fixed}
    for said in (entry.outside, entry.refuses, entry.ndim, entry.leading, entry.steep):
        assert set(said) <= set(given)
    assert set(entry.ndim) | set(entry.leading) <= set(entry.settings)
    assert set(entry.steep) | set(entry.refuses) <= set(entry.arrays)


@every
def test_the_value_is_that_of_float64(entry):
    # NaN is a fault also in branches that are not taken
    with jax.disable_jit(False), jax.debug_nans(True):
        results = entry.leaves()
    half = (np.float16, jnp.bfloat16)
    assert all(result.dtype not in half for result in results)
    if entry.reference is None:
        return
    expected = entry.expected()
    assert len(results) == len(expected)
    for got, right in zip(results, expected, strict=True):
        assert got.shape == right.shape
        np.testing.assert_allclose(got, right, rtol=entry.rtol, atol=entry.atol)


def casts(entry, kind):
    """The arrays that are given in another dtype at once."""
    alone = [
        {name: value}
        for name, value in entry.arrays.items()
        if kind in ALONE
        or kind in entry.refuses.get(name, ())
        or len(entry.arrays) == 1
    ]
    return alone + ([dict(entry.arrays)] if len(entry.arrays) > 1 else [])


def quick_kinds(entry):
    """Of numbers that the default suite tries."""
    return ALONE[1:] if entry.name in COMPOSED else ALONE


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        slow_if(kind not in quick_kinds(entry), entry, kind)
        for entry in ENTRIES
        for kind in KINDS
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_numbers_of_another_dtype(entry, kind):
    """All arrays, and each alone, for what is cast to another's dtype."""
    for chosen in casts(entry, kind):
        changed = {name: cast(value, kind) for name, value in chosen.items()}
        wrong = [name for name in chosen if kind in entry.refuses.get(name, ())]
        if wrong and len(chosen) == 1:
            refused(entry, wrong[0], changed[wrong[0]])
        elif not wrong:
            same = {name: back(changed[name], value) for name, value in chosen.items()}
            assert_same(entry.leaves(**changed), at_home(entry, same))


@every
def test_complex_numbers_are_refused(entry):
    for name, value in entry.arrays.items():
        with pytest.raises(REFUSED):
            entry.leaves(**{name: native(value).astype(np.complex64)})


@pytest.mark.parametrize("entry", SET, ids=lambda entry: entry.name)
def test_settings_of_another_type(entry):
    """The result is that of the same number as Python's float."""
    known = {}  # of the same numbers, which are those of several types
    for kind, convert in SCALARS.items():
        changed = {name: convert(value) for name, value in entry.settings.items()}
        same = {name: float(value) for name, value in changed.items()}
        numbers = tuple(same.values())
        if numbers not in known:
            known[numbers] = outcome(entry, same)
        actual, expected = outcome(entry, changed), known[numbers]
        assert (actual is None) == (expected is None), kind
        if actual is not None:
            assert_same(actual, expected)


@every
def test_what_is_outside_a_stated_range_is_refused(entry):
    for name, values in entry.outside.items():
        for value in values:
            refused(entry, name, value)
        if name in entry.settings:
            for kind in (float, np.float32, jnp.float32, np.asarray):
                refused(entry, name, kind(values[0]))
            refused(entry, name, np.nan)


@every
def test_a_setting_with_a_dimension_too_many_is_refused(entry):
    """Of every length that an array has, so that it could broadcast unseen."""
    lengths = {n for value in entry.arrays.values() for n in np.shape(value)} | {1, 2}
    for name in set(entry.settings) - set(entry.leading):
        ndim = entry.ndim.get(name, 0)
        for length in lengths:
            shape = (length,) * (ndim + 1)
            refused(entry, name, np.full(shape, entry.settings[name], np.float32))


@every
def test_leading_settings_are_axes_of_the_result(entry):
    """Each of the length of the array, which it must not meet."""
    length = max([1, *(np.shape(value)[-1] for value in entry.arrays.values())])
    for name in entry.leading:
        column = entry.settings[name] * np.linspace(1.0, 0.5, length, dtype="f")
        apart = [entry.leaves(**{name: value}) for value in column]
        expected = [np.stack(leaves) for leaves in zip(*apart, strict=True)]
        assert_same(entry.leaves(**{name: column}), expected)
    if len(entry.leading) > 1:
        outer, inner = entry.leading[:2]
        columns = {outer: np.full((2, 1), entry.settings[outer], "f")}
        columns[inner] = np.full((3,), entry.settings[inner], "f")
        for leaf, single in zip(entry.leaves(**columns), entry.leaves(), strict=True):
            expected = np.broadcast_to(single, (2, 3, *single.shape))
            np.testing.assert_allclose(leaf, expected, rtol=1e-6)


@every
def test_slopes_and_curvatures_are_finite_far_out(entry):
    for name, far in entry.steep.items():
        for end in (-far, far):
            start = jnp.full(np.shape(entry.arrays[name]), end, jnp.float32)
            assert_smooth(entry, name, start)


def assert_smooth(entry, name, start):
    def total(x):
        leaves = jax.tree.leaves(entry.call(**{name: x}))
        floats = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
        return sum(jnp.sum(leaf) for leaf in floats)

    value = total(start)
    slope, curvature = jax.jvp(jax.grad(total), (start,), (jnp.ones_like(start),))
    assert np.isfinite([float(value), *np.ravel(slope), *np.ravel(curvature)]).all()

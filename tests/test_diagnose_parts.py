"""The table of parts: one answer to how many units are alive, and where they are."""

import jax
import numpy as np
import pandas as pd

from vae_jax import cli, diagnostics
from vae_jax.cli import _parts


def part_table(means, logvars, axes):
    reports = diagnostics.part_reports(jax.random.key(0), means, logvars, axes)
    uses = _parts.which_used(means, logvars)
    return _parts.tabulate(reports, uses, axes), uses


def test_the_legend_has_the_thresholds_that_the_report_counts_by():
    for threshold in ("is 0.01 or more", "below 0.01 nats on 99%", "0.1 nats", "0.693"):
        assert threshold in _parts.legend()


def test_units_are_in_use_where_they_are_active_and_not_collapsed():
    """Weak, informative, constant far away, dead, and varying on one example only."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(400, 5)) * [0.3, 1, 0, 0, 0] + [0, 0, 3, 0, 0]
    means[0, 4] = 5.0  # a variance of 0.06, on less than 1 % of the examples
    means = means.astype(np.float32)
    logvars = np.zeros_like(means) + np.float32([0, -2, 0, 0, 0])
    table, uses = part_table(means, logvars, (1,))
    assert uses.active.tolist() == [True, True, False, False, True]
    assert uses.collapsed.tolist() == [False, False, False, True, True]
    assert table["active"].tolist() == ["yes", "yes", "no", "no", "yes"]
    assert table["collapsed"].tolist() == ["no", "no", "no", "yes", "yes"]
    words = ["in use", "in use", "not in use", "not in use", "not in use"]
    assert table["verdict"].tolist() == words


def test_a_channel_needs_no_bit_and_its_notes_are_printed_once(capsys):
    """Of 0.3 nats, which are few of a whole; two are dead for one reason."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(400, 2, 3)) * [0.6, 0, 0]
    means = means.astype(np.float32)
    table, _ = part_table(means, np.zeros_like(means), (2,))
    assert 0.1 < table["information"][0] < diagnostics.ONE_BIT
    assert table["verdict"].tolist() == ["healthy", "collapsed", "collapsed"]
    assert table["in use"].tolist() == [2, 0, 0]
    _parts.print_parts(table, "channel", 1.0)
    out = capsys.readouterr().out
    assert out.count("less than 0.1 nats about x") == 1
    assert "  - channels 1, 2: less than 0.1 nats about x." in out


def test_of_many_units_those_of_the_largest_rate_are_shown(capsys):
    count, alive = 100, [7, 90, 91, 92]
    rows = pd.DataFrame({"part": [str(i) for i in range(count)]})
    rows["rate"] = [1.0 + i if i in alive else 0.0 for i in range(count)]
    rows["verdict"] = ["in use" if i in alive else "not in use" for i in range(count)]
    rows["information"] = 0.0
    rows["notes"] = [()] * count
    _parts.print_parts(rows, "unit", 1.0)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["92", "91", "90", "7"]
    assert "These have the largest rates; 36 of 100 are not shown." in lines
    assert "In use: units 7, 90-92." in lines


def test_what_is_doubtful_of_a_file_is_printed_above_the_verdict(tmp_path, capsys):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(60, 3)).astype(np.float32)
    widths = np.full((60, 3), 0.05, np.float32)
    np.savez(tmp_path / "a.npz", means=samples, logvars=widths)
    cli.main(["diagnose", str(tmp_path / "a.npz"), "--logvar", "logvars"])
    out = capsys.readouterr().out
    head = out[: out.index("verdict:")]
    assert "Warning: `logvars` is believed to hold log-variances" in head
    assert "Warning: `means` look like samples of z" in head

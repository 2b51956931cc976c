"""A run folder, from which members are taken as trained models."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import assembly, checks, data, results, sweeps
from vae_jax.configs import Run, from_mapping
from vae_jax.records import ask
from vae_jax.trained._best import best_row
from vae_jax.trained._check import check_inputs, check_sources, inputs_of_member
from vae_jax.trained._member import Member
from vae_jax.userdata import NotHeld
from vae_jax.vae import Knobs

SHOWN = 5
"""Members that a run names when it is printed."""


def open_run(folder: str | os.PathLike[str]) -> "TrainedRun":
    """A run folder whose members can be used: `open_run(folder)[member]`.

    The folder may be of a sweep that has not ended; what has ended can be used.

    Args:
        folder: of `vae-jax train`, `vae-jax sweep` or `sweeps.run`.

    Raises:
        FileNotFoundError: it is no run folder.
        ValueError: no member of it has ended.
        results.DamagedFile: a file of it does not match its checksum.

    The README shows a member in use.
    """
    path = Path(folder).expanduser()
    stored = results.read(path)
    if not stored.runs.num_rows:
        raise ValueError(
            f"{path} has no results yet: 0 of {len(stored.missing)} members have ended. "
            "Give the command that began it again, and it goes on."
        )
    return TrainedRun(path, stored)


class TrainedRun:
    """The members of a run folder that have ended; `run[m]` is a trained model.

    Attributes:
        folder: where it lies.
        manifest: what the run is.
        rows: settings and metrics of every member that has ended, by its number.
    """

    def __init__(self, folder: Path, stored: results.Results) -> None:
        """Of what `results.read` found; no parameters are read yet."""
        self.folder, self.manifest = folder, stored.manifest
        self.rows: dict[int, dict[str, Any]] = {
            int(row["member"]): row for row in stored.runs.to_pylist()
        }
        self._missing = stored.missing
        self._members: dict[int, Member] = {}

    def __repr__(self) -> str:
        """The folder, and its members with their models, data and verdicts, briefly."""
        found = {
            number: f"{row['model']} on {row['dataset']}, {row.get('verdict')}"
            for number, row in self.rows.items()
        }
        shown = [f"{number}: {said}" for number, said in list(found.items())[:SHOWN]]
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        missing = [f"{len(self._missing)} not ended"] if self._missing else []
        return f"TrainedRun({self.folder}; {'; '.join([*shown, *more, *missing])})"

    def __len__(self) -> int:
        """The members that can be used."""
        return len(self.numbers())

    def __iter__(self) -> Iterator[Member]:
        """The members that can be used, in order."""
        return (self[number] for number in self.numbers())

    def __getitem__(self, member: int) -> Member:
        """A trained model, with its own settings, prior and kept parameters.

        Raises:
            ValueError: no such member, one that has not ended or has diverged, or whose
                parameters were not kept; its data or a file of the user's own has changed.
        """
        number = checks.whole("member", member)
        if number not in self._members:
            self._check_finished(number)
            self._members[number] = self._load(number)
        return self._members[number]

    def numbers(self) -> list[int]:
        """Of the members that can be used: those that have ended and did not diverge."""
        return [n for n, row in self.rows.items() if row["status"] != "diverged"]

    def best(
        self,
        metric: str,
        *,
        lowest: bool | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Member:
        """The best finished member by a metric, of a group; of equals the first.

        Args:
            metric: a number of the rows, as `nll`.
            lowest: whether the lowest is the best; may be left out for `nll`,
                `distortion`, `perplexity`, `mutual_information` and `active_units`.
            where: values of settings that the group shares, as `{"beta": 1.0}`.

        Raises:
            ValueError: an unknown metric or setting, or no finished member of such a group:
                those that diverged or were stopped are never the best.
        """
        return self[best_row(list(self.rows.values()), metric, lowest, where or {})]

    def _check_finished(self, number: int) -> None:
        row = self.rows.get(number)
        if row is not None and row["status"] != "diverged":
            return
        usable = ", ".join(map(str, self.numbers()[:20])) or "none"
        why = f"member {number} is not of this run"
        if row is not None:
            why = f"member {number} has {row['status']} at step {row['first_bad_step']}"
        elif number in self._missing:
            why = f"member {number} has not ended yet"
        raise ValueError(
            f"`member` must be one that can be used ({usable}); got {number}: {why}."
        )

    def _load(self, number: int) -> Member:
        stored = inputs_of_member(self.manifest, number)
        config = self.manifest["spec"]["configs"][number]
        run = from_mapping(sweeps.located(config, stored))
        kept = results.kept_about(self.folder, sweeps.data_digest(stored))
        about = None if kept is None else assembly.about_from_json(kept)
        job: assembly.Job | Exception
        try:
            job = assembly.job(run)
        except (FileNotFoundError, NotHeld) as gone:
            if about is None:
                raise
            check_sources(stored, run)
            job = gone
        else:
            check_inputs(stored, job, run)
            about = about or assembly.about(ask(run.data.load, data.Dataset))
        row = self.rows[number]
        try:
            params = results.load(self.folder, number, like=_like(run, about))
            known = results.load_knobs(self.folder, number)
        except KeyError as error:
            raise ValueError(
                f"member {number} of {self.folder} cannot be used: {error.args[0]}. Train "
                "it with its parameters kept."
            ) from error
        knobs = _knobs(known, row, run)
        return Member(number, run, row, params, knobs, about, job)


def _like(run: Run, about: assembly.About) -> Any:
    """The tree of parameters where a model of the user's own may have nodes of its own."""
    if not run.model.is_own:
        return None
    made = assembly.model(run, about.facts)
    return jax.eval_shape(made.init, jax.random.key(0))


def _knobs(known: Mapping[str, Any], row: Mapping[str, Any], run: Run) -> Knobs:
    """The stored settings of the model, in the dtypes of its program.

    Where the noise variance was fitted to the training set, it is the one of the row.
    """
    fitted = row.get("optimal_variance")
    values = {**known, **({} if fitted is None else {"variance": fitted})}
    like = run.on_device().knobs()._asdict()
    return Knobs(**{n: jnp.asarray(v, like[n].dtype) for n, v in values.items()})

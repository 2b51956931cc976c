"""What a folder grows by: members that are new, and members that go on from others."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_jax import assembly
from vae_jax.configs import Run
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.queue._work import Cohort
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.spec._stages import Stage
from vae_jax.sweeps.stored._going_on import same_step, why_other
from vae_jax.sweeps.stored._saver import kept_states


def usable_stages(
    out: Path,
    configs: Sequence[Run],
    cohorts: Sequence[Cohort],
    stages: Mapping[int, Sequence[Stage]],
    left: Collection[Stage],
    finished: Collection[str],
    make_job: Callable[[Run], assembly.Job],
) -> dict[int, list[Stage]]:
    """The stages of each member whose states are its own on the way.

    Args:
        out: the folder.
        configs: what is given.
        cohorts: of it.
        stages: earlier ones of each member, by its number.
        left: those of them that are not given again, and from which the members must go on.
        finished: identities of what is stored.
        make_job: see `run`.

    Raises:
        ValueError: a member would not go on from a stage that is left; says why.
    """
    required = {stage.id for stage in left}
    _refuse_unfinished(out, required - set(finished), left)
    usable: dict[int, list[Stage]] = {}
    for cohort in cohorts:
        same: dict[int, bool] = {}
        for member, hyper in cohort.hypers.items():
            later = configs[member], cohort.job._replace(hyper=hyper)
            for stage in stages.get(member, ()):
                run = configs[member].changed(num_steps=stage.num_steps)
                earlier = run, make_job(run)
                reason = why_other(earlier, later)
                if reason is None:
                    if stage.num_steps not in same:
                        same[stage.num_steps] = same_step(earlier[1], later[1])
                    if not same[stage.num_steps]:
                        reason = "the program of a step depends on their number."
                if reason is None:
                    usable.setdefault(member, []).append(stage)
                elif stage.id in required:
                    raise _not_gone_on(out, stage, configs[member], reason)
    return usable


def tell_growth(
    out: Path,
    before: Sequence[Stage],
    ids: Sequence[str],
    stages: Mapping[int, Sequence[Stage]],
    options: Options,
) -> None:
    """Say what is added to a folder, and from where it goes on."""
    known = {stage.id for stage in before}
    new = [member for member, one in enumerate(ids) if one not in known]
    if not known or not new:
        return
    progress = Progress(0, options.progress)
    progress.say(
        f"Members added to the {len(known)} of {out}, which stay as they are: {len(new)}. "
        "Numbers of members are those of this list; the rest come after it."
    )
    kept = kept_states(out)
    for steps in sorted({one.num_steps for m in new for one in stages.get(m, ())}):
        of = [s.id for m in new for s in stages.get(m, ())[:1] if s.num_steps == steps]
        going = sum(one in kept for one in of)
        if going:
            progress.say(f"Of them go on from step {steps}: {going}.")
        if len(of) > going:
            progress.say(
                "Of them are trained from their beginning, for the state after "
                f"{steps} steps was not kept (`keep_state`): {len(of) - going}."
            )


def _refuse_unfinished(
    out: Path, unfinished: Collection[str], left: Collection[Stage]
) -> None:
    if unfinished:
        steps = sorted({one.num_steps for one in left if one.id in unfinished})
        raise ValueError(
            f"`num_steps` can grow in a folder whose members have ended; {out} has "
            f"{len(unfinished)} of {' and '.join(map(str, steps))} steps that have not. "
            "Give their own command first, or name another folder."
        )


def _not_gone_on(out: Path, stage: Stage, run: Run, reason: Any) -> ValueError:
    return ValueError(
        f"`num_steps` must stay {stage.num_steps} in {out}; got {run.num_steps}, which is "
        f"another run and not more of this one: {reason} Name another folder, in which it "
        "is trained from its beginning."
    )

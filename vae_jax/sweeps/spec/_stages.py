"""Members of a folder that are earlier stages of others: the same run of fewer steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vae_jax import results
from vae_jax.configs import Run
from vae_jax.sweeps.spec._places import stored_config

STEPS = "num_steps"


class Stage(NamedTuple):
    """A stored member with the settings and inputs of another one, and fewer steps.

    Attributes:
        id: its identity.
        num_steps: after which it ended.
        config: its settings.
        inputs: what else it was made of.

    >>> Stage._fields
    ('id', 'num_steps', 'config', 'inputs')
    """

    id: str
    num_steps: int
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]


def stored_stages(out: Path) -> list[Stage]:
    """The members of a folder, all of which may be stages of something.

    >>> stored_stages(Path("no/such/folder"))
    []
    """
    if not (out / "manifest.json").exists():
        return []
    found = results.read_manifest(out)
    spec = found["spec"]
    if "members" not in found or "input_of" not in spec:  # of an older version
        return []
    return [
        Stage(one, config[STEPS], config, spec["inputs"][place])
        for one, config, place in zip(
            found["members"], spec["configs"], spec["input_of"], strict=True
        )
    ]


def stages_of(
    stored: Sequence[Stage],
    configs: Sequence[Run],
    inputs: Sequence[Mapping[str, Any]],
) -> dict[int, list[Stage]]:
    """The earlier stages of each member that has some, the longest first.

    >>> config, inputs = Run(num_steps=100), {"data": {}}
    >>> stage = Stage("ab", 50, stored_config(config) | {"num_steps": 50}, inputs)
    >>> [one.id for one in stages_of([stage], [config], [inputs])[0]]
    ['ab']
    """
    by_rest: dict[str, list[Stage]] = {}
    for stage in stored:
        by_rest.setdefault(_rest(stage.config, stage.inputs), []).append(stage)
    found = {}
    for member, (config, own) in enumerate(zip(configs, inputs, strict=True)):
        same = by_rest.get(_rest(stored_config(config), own), [])
        earlier = [stage for stage in same if stage.num_steps < config.num_steps]
        if earlier:
            found[member] = sorted(earlier, key=lambda one: -one.num_steps)
    return found


def left_behind(
    stored: Sequence[Stage], stages: Mapping[int, Sequence[Stage]], ids: Sequence[str]
) -> list[Stage]:
    """Stored members that are not given again and are stages of those that are.

    None where others are missing too: then the folder holds another run.

    >>> stage = Stage("ab", 50, {}, {})
    >>> left_behind([stage], {0: [stage]}, ["cd"])
    [Stage(id='ab', num_steps=50, config={}, inputs={})]
    >>> left_behind([stage], {}, ["cd"])
    []
    """
    earlier = {stage.id for of_one in stages.values() for stage in of_one}
    absent = [stage for stage in stored if stage.id not in set(ids)]
    return absent if all(stage.id in earlier for stage in absent) else []


def _rest(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """What two stages of a run have in common, in one number."""
    own = {name: value for name, value in config.items() if name != STEPS}
    return results.spec_hash({"config": own, "inputs": inputs})

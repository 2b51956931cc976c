"""A run as plain values, every setting by its name alone, and back."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING
from typing import Any

from vae_jax.configs._epochs import (
    epochs_name,
    in_steps,
    split_epochs,
    usual_rows,
)
from vae_jax.configs._names import (
    ALL_CHOICES,
    NOTHING,
    PARTS,
    UNSAID,
    check_value,
    field_kinds,
    find_own,
    owners,
    plain_value,
    times,
)
from vae_jax.configs._pick import pick
from vae_jax.configs._run import Run
from vae_jax.records import (
    CHOICES,
    SPEC,
    Record,
    alternatives,
    as_python,
    checked,
    shown,
)
from vae_jax.remedies import SWITCHED


def from_mapping(values: Mapping[str, Any]) -> Run:
    """A run from plain values, as TOML or JSON hold them; what is None is not given.

    Raises:
        ValueError: an unknown setting, with the nearest known name; a setting of a choice
            that this run does not make, with both; one that is needed and missing.

    >>> run = from_mapping({"hidden": [64], "beta": 2, "free_bits": 0.1})
    >>> run.model.hidden, run.beta.beta, run.remedies[0].free_bits
    ((64,), 2.0, 0.1)
    """
    for choice in ALL_CHOICES:
        find_own(choice, values.get(choice))
    said = values.get(SWITCHED)
    if not isinstance(said, str | None):
        raise ValueError(f"`{SWITCHED}` must be one text; got {shown(said)}.")
    given = {}
    for name, value in values.items():
        field_kinds(name, value)
        plain = plain_value(name, value)
        if plain is not None:
            given[name] = plain
        if name in CHOICES[SWITCHED]:  # what says that there is none is of its type too
            check_value(name, as_python(plain))
    given, epochs = split_epochs(given, times())
    made = _choices(given)
    _refuse_foreign(given, made, epochs)
    if epochs:
        given = _timed(given, epochs, dict(made)["data"])
    filled: dict[str, Any] = {
        place: _filled(cls, given) for place, cls in made if place != "remedies"
    }
    cures: Any = tuple(
        _filled(cls, given) for place, cls in made if place == "remedies"
    )
    own: dict[str, Any] = {
        name: checked(name, given[name], field.type, field.metadata[SPEC])
        for name, field in Run.settings().items()
        if name in given
    }
    return Run(**filled, remedies=cures, **own)


def to_mapping(run: Run) -> dict[str, Any]:
    """A run as plain values; the inverse of `from_mapping`.

    >>> from_mapping(to_mapping(Run())) == Run()
    True
    """
    values: dict[str, Any] = {}
    for choice, (place, _) in PARTS.items():
        part: Record = getattr(run, place)
        values |= _settings_of(part) | {choice: part.chosen_name}
    values |= {name: none for name, none in NOTHING.items() if name not in UNSAID}
    own = [
        one.chosen_name for one in run.remedies if one.choice == SWITCHED and one.path
    ]
    values[SWITCHED] = ", ".join(own) or "none"
    for key, cls in CHOICES[SWITCHED].items():
        values[key] = alternatives(cls.settings()[key].type)[0](0)
    for one in run.remedies:
        if one.choice in NOTHING:
            values[str(one.choice)] = one.chosen_name
        values |= _settings_of(one)
    return values | _settings_of(run)


def changed(run: Run, **values: Any) -> Run:
    """The run with other settings, by their names; None takes one back to its default.

    Of a choice that is made anew, settings stay that were not at their default and that
    the new one has too; the others go with it.

    >>> changed(Run(), beta=2.0).beta.beta
    2.0
    >>> changed(Run.of(beta=2.0), schedule="linear").beta
    Linear(beta=2.0, beta_start=0.0, warmup_steps=None, delay_steps=0, ...)
    """
    before = NOTHING | to_mapping(run)
    before |= _settings_of(run.data.unfitted(run.likelihood.wants))
    before |= {"dataset": run.data.chosen_name}
    for name, steps in times().items():
        if values.get(name) is not None:
            before.pop(steps, None)
            if steps == "num_steps":  # rows of history are made to fit it
                before.pop("log_every")
    for name, value in values.items():
        if name in ALL_CHOICES and before[name] != value:
            new = _new_settings(name, value)
            for gone, field in _settings_of_choice(run, name).items():
                if gone not in values and (
                    gone not in new or before[gone] == _plain(field.default)
                ):
                    before.pop(gone, None)
        if name in CHOICES[SWITCHED] and value is None:
            for gone in CHOICES[SWITCHED][name].settings():
                before.pop(gone, None)
    return from_mapping(before | values)


def _new_settings(choice: str, name: Any) -> dict[str, Any]:
    """The settings of what is chosen now."""
    if choice == SWITCHED or name in (None, NOTHING.get(choice)):
        return {}
    return dict(pick(choice, name).settings())


def _timed(
    given: dict[str, Any], epochs: Mapping[str, Any], data: type[Record]
) -> dict[str, Any]:
    """The settings with epochs turned into steps, and rows of history to fit them."""
    size = Run.settings()["batch_size"]
    batch = given.get("batch_size", size.default)
    batch = checked("batch_size", batch, size.type, size.metadata[SPEC])
    loaded: Any = _filled(data, given)
    given = given | in_steps(epochs, loaded, batch)
    if "num_steps" in epochs:
        steps = Run.settings()["num_steps"]
        checked("num_steps", given["num_steps"], steps.type, steps.metadata[SPEC])
        given.setdefault("log_every", usual_rows(given["num_steps"]))
    return given


def _choices(given: Mapping[str, Any]) -> list[tuple[str, type[Record]]]:
    """The place and the record of everything that is chosen."""
    made = [
        (place, pick(choice, given.get(choice, default)))
        for choice, (place, default) in PARTS.items()
    ]
    for choice, none in NOTHING.items():
        if given.get(choice, none) != none:
            made.append(("remedies", pick(choice, given[choice], none)))
    made += [("remedies", cls) for cls in _own_remedies(given.get(SWITCHED, "none"))]
    others = {name for _, cls in made for name in cls.settings()}
    asked = set(given) - others
    used = [cls for cls in CHOICES[SWITCHED].values() if _is_used(cls, given, asked)]
    return made + [("remedies", cls) for cls in used]


def _own_remedies(said: str) -> list[type[Record]]:
    """The records of paths with commas between them; `none` is none."""
    words = [word.strip() for word in said.split(",")]
    if words == ["none"]:
        return []
    for word in words:
        if ":" not in word:
            raise ValueError(
                "`remedy` must be a path, `package.module:name`, to a remedy of your own; "
                f"got {word!r}. Ready ones are chosen by their first setting: "
                f"{', '.join(CHOICES[SWITCHED])}."
            )
    return [pick(SWITCHED, word) for word in words]


def _is_used(cls: type[Record], given: Mapping[str, Any], asked: set[str]) -> bool:
    """Its first setting is given, and is not 0 by itself, which says that there is none.

    `asked` is what no other part of the run takes, a remedy of one's own among them.
    """
    rest = (set(cls.settings()) - {cls.name}) & asked
    return cls.name in asked and (bool(given[cls.name]) or bool(rest))


def _refuse_foreign(
    given: Mapping[str, Any],
    made: list[tuple[str, type[Record]]],
    epochs: Collection[str],
) -> None:
    """Every key belongs to something that was chosen.

    Raises:
        ValueError: names the key, what it belongs to and what this run has.
    """
    known = {name for _, cls in made for name in cls.settings()} | set(Run.settings())
    for name in given:
        none = name in CHOICES[SWITCHED] and not given[name]
        if name in known or name in ALL_CHOICES or none:
            continue
        said = epochs_name(name) if name in epochs else name
        raise ValueError(_whose(name, said, given))


def _whose(name: str, said: str, given: Mapping[str, Any]) -> str:
    """Which choice a setting belongs to that this run does not make."""
    of = owners(name)
    choice = str(of[0].choice)
    if choice == SWITCHED:
        switches = " or ".join(_switch(cls) for cls in of)
        return (
            f"`{said}` is a setting of {switches}, which this run has not; got "
            f"{said}={given[name]!r}. Give {switches} too, or leave it out."
        )
    default = PARTS[choice][1] if choice in PARTS else NOTHING[choice]
    has = given.get(choice, default)
    named = [cls.path or cls.name for cls in of]
    meant = " or ".join(repr(each) if each else "images" for each in named)
    return (
        f"`{said}` is a setting of {choice}={meant}; this run has {choice}={has!r}; got "
        f"{said}={given[name]!r}. Leave it out, or choose that."
    )


def _switch(cls: type[Record]) -> str:
    """What chooses a remedy of this choice."""
    return f"{SWITCHED}={cls.path!r}" if cls.path else f"`{cls.name}`"


def _filled(cls: type[Record], given: Mapping[str, Any]) -> Record:
    own = cls.settings()
    values = {name: given[name] for name in own if name in given}
    missing = [n for n, f in own.items() if f.default is MISSING and n not in values]
    # what was given is judged before what was not
    values = {
        name: checked(name, value, own[name].type, own[name].metadata[SPEC])
        for name, value in values.items()
    }
    if missing:
        said = f"{cls.choice}={(cls.path or cls.name)!r}"
        said = _switch(cls) if cls.choice == SWITCHED else said
        raise ValueError(
            f"`{missing[0]}` must be given with {said}: "
            f"{own[missing[0]].metadata[SPEC].text} Nothing was given."
        )
    return cls(**values)


def _settings_of(one: Record) -> dict[str, Any]:
    return {name: _plain(getattr(one, name)) for name in type(one).settings()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _settings_of_choice(run: Run, choice: str) -> dict[str, Any]:
    """The fields of what is chosen now; ready remedies are choices by themselves."""
    if choice in PARTS:
        part: Record = getattr(run, PARTS[choice][0])
        return dict(type(part).settings())
    chosen = [one for one in run.remedies if one.choice == choice]
    if choice == SWITCHED:
        chosen = [one for one in chosen if one.path]
    return {name: f for one in chosen for name, f in type(one).settings().items()}

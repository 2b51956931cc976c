"""One frozen record a choice, which JAX knows as a pytree of its data."""

import functools
from abc import ABC
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_type_hints

from vae_jax.records._choices import enter
from vae_jax.records._fields import SPEC, checked, data, static
from vae_jax.records._values import alternatives

PART = "vae_jax part"
"""Marks a field that holds other records."""

R = TypeVar("R", bound="type[Record]")


class Record(ABC):  # noqa: B024 - what is abstract, a choice says
    """A choice with its settings and nothing else.

    Records compare by value and can be hashed. As a pytree a record has its data as leaves
    and all else in its structure, so that two records shape the same program exactly if
    their structures are equal. What JAX makes of a record, with other leaves, is not
    checked again.

    Attributes:
        choice: what the record is one of; None for a part that every run has.
        name: of the choice, in the text form.
        path: to a record of the user's own.
        made: the class that the decorator made; no other may stand for it.
    """

    choice: ClassVar[str | None] = None
    name: ClassVar[str] = ""
    path: ClassVar[str] = ""
    made: ClassVar[Any] = None

    @property
    def chosen_name(self) -> str:
        """What the choice is called in the text form: a name, or a path to one's own."""
        return type(self).path or type(self).name

    def __post_init__(self) -> None:
        """Every setting by itself, then all together."""
        if type(self).made is not type(self):
            raise ValueError(
                f"{type(self).__qualname__} must be made a record itself, by "
                "`@record(...)` above its class; got a plain subclass of one."
            )
        for one in fields(self):  # type: ignore[arg-type]
            if SPEC in one.metadata:
                value = checked(
                    one.name, getattr(self, one.name), one.type, one.metadata[SPEC]
                )
                object.__setattr__(self, one.name, value)
        self.check()

    def check(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse settings that contradict each other."""

    @property
    def is_own(self) -> bool:
        """Whether it is the user's own, and known by its path."""
        return ":" in self.chosen_name

    @classmethod
    def settings(cls) -> dict[str, Field[Any]]:
        """The fields that have a plain value, by their names."""
        known: Any = cls
        found: dict[str, Field[Any]] = _settings(known)
        return found

    def rows(self, num_steps: int) -> dict[str, Any]:
        """The values at every step of the settings that change while a run trains."""
        del num_steps
        return {}

    def on_device(self, num_steps: int) -> Any:
        """The record for a compiled program: data as numpy's of 32 bits, rows tabulated."""
        values, rows = {}, self.rows(num_steps)
        for f in fields(self):  # type: ignore[arg-type]
            value, spec = getattr(self, f.name), f.metadata.get(SPEC)
            if spec is None:
                value = _placed(value, num_steps)
            elif spec.is_row:
                value = rows[f.name]
            elif spec.is_data:
                value = as_array(spec.none if value is None else value)
            values[f.name] = value
        made: Any = unchecked(type(self), values)
        return made


def parts(default: Any = MISSING) -> Any:
    """A field that holds a record, or a tuple of them.

    >>> parts(()).default
    ()
    """
    return field(default=default, metadata={PART: True})


@dataclass_transform(frozen_default=True, field_specifiers=(data, static, parts))
def record(choice: str | None = None, name: str = "") -> Callable[[R], R]:
    """Make a class of fields a record, and enter it under its choice.

    Args:
        choice: what it is one of, such as `schedule`.
        name: its name there.

    Raises:
        ValueError: when the class is made, for a name that is taken, or where a method is
            missing that every record of the choice must have.

    >>> @record()
    ... class Point(Record):
    ...     x: float = data("Where it is.", 0.0)
    ...     label: str = static("What it is called.", "origin")
    >>> import jax
    >>> jax.tree.leaves(Point(2)), jax.tree.map(lambda x: x + 1, Point(2)).x
    ([2.0], 3.0)
    >>> jax.tree.structure(Point(2)) == jax.tree.structure(Point(2, "other"))
    False
    """

    def decorate(cls: R) -> R:
        made: Any = dataclass(frozen=True)(cls)
        _resolve_types(made)
        made.made, made.path = made, ""
        if choice is not None or "choice" not in vars(made):
            made.choice, made.name = choice, name
        _register(made)
        if choice is not None:
            _check_whole(made)
            enter(made)
        return made  # type: ignore[no-any-return]

    return decorate


def walk(one: Any) -> Iterator[Record]:
    """A record and all that it holds, in the order of its fields.

    >>> len(list(walk(None)))
    0
    """
    if isinstance(one, tuple):
        for each in one:
            yield from walk(each)
    if isinstance(one, Record):
        yield one
        for f in fields(one):  # type: ignore[arg-type]
            if PART in f.metadata:
                yield from walk(getattr(one, f.name))


def at_step(settings: Any, index: Callable[[Any], Any]) -> Any:
    """Records at one step: `index(row)` in the place of every row.

    >>> at_step((), len)
    ()
    """
    if isinstance(settings, tuple):
        return tuple(at_step(each, index) for each in settings)
    if not isinstance(settings, Record):
        return settings
    values = {}
    for f in fields(settings):  # type: ignore[arg-type]
        value, spec = getattr(settings, f.name), f.metadata.get(SPEC)
        if spec is None:
            value = at_step(value, index)
        values[f.name] = index(value) if spec is not None and spec.is_row else value
    return unchecked(type(settings), values)


def rows_of(settings: Any) -> dict[str, Any]:
    """The rows of all records, by the names of their settings.

    >>> rows_of(())
    {}
    """
    return {
        f.name: getattr(one, f.name)
        for one in walk(settings)
        for f in fields(one)  # type: ignore[arg-type]
        if SPEC in f.metadata and f.metadata[SPEC].is_row
    }


@functools.cache
def _settings(cls: type[Any]) -> dict[str, Field[Any]]:
    return {f.name: f for f in fields(cls) if SPEC in f.metadata}


def _resolve_types(cls: type[Any]) -> None:
    """Types that are written as text become types; what may be none is none by default."""
    if any(isinstance(f.type, str) for f in fields(cls)):
        hints = get_type_hints(cls)
        for f in fields(cls):
            f.type = hints[f.name]
    for f in fields(cls):
        if not {SPEC, PART} & set(f.metadata):
            alone = f.default is MISSING
            raise ValueError(
                f"`{f.name}` of {cls.__qualname__} must be made by `data(...)` or "
                "`static(...)` of vae_jax.records; got "
                f"{'an annotation alone' if alone else repr(f.default)}."
            )
        may_be_none = SPEC in f.metadata and type(None) in alternatives(f.type)
        if may_be_none and f.default is not None:
            raise ValueError(
                f"`{f.name}` of {cls.__qualname__} may be None, which the text form takes "
                f"for not given; got the default {f.default!r}. Make None the default."
            )


def _check_whole(cls: type[Any]) -> None:
    """What can be chosen has every method that its choice leaves to it."""
    missing = sorted(cls.__abstractmethods__)
    if missing:
        words = " and ".join(f"`{name}`" for name in missing)
        raise ValueError(
            f"{cls.__qualname__}, a record of the choice {cls.choice!r}, must have its own "
            f"{words}; got none. Write {'it' if len(missing) == 1 else 'them'} as "
            f"{cls.__mro__[1].__qualname__} says."
        )


def _placed(part: Any, num_steps: int) -> Any:
    """A part for a compiled program: a record, a tuple of them, or none."""
    if isinstance(part, tuple):
        return tuple(each.on_device(num_steps) for each in part)
    return None if part is None else part.on_device(num_steps)


def unchecked(cls: type[Any], values: dict[str, Any]) -> Any:
    """A record of these values, as they are: traced ones, rows, or none.

    >>> from vae_jax.records import Record
    >>> unchecked(Record, {"x": 1}).x
    1
    """
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def as_array(value: Any) -> Any:
    """A number as numpy's of 32 bits; anything else as it is.

    >>> as_array(2.0), as_array(True).dtype
    (np.float32(2.0), dtype('bool'))
    """
    import numpy as np

    if isinstance(value, tuple):
        return tuple(map(as_array, value))
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return np.int32(value)
    return np.float32(value) if isinstance(value, float) else value


def _register(cls: type[Any]) -> None:
    # whoever makes records has imported JAX, whoever only asks for words has not
    import jax

    leaves = [
        f.name
        for f in fields(cls)
        if PART in f.metadata
        or (
            SPEC in f.metadata and (f.metadata[SPEC].is_data or f.metadata[SPEC].is_row)
        )
    ]
    others = [f.name for f in fields(cls) if f.name not in leaves]

    def flatten_with_keys(one: Any) -> Any:
        keyed = [(jax.tree_util.GetAttrKey(n), getattr(one, n)) for n in leaves]
        return keyed, tuple(getattr(one, name) for name in others)

    def flatten(one: Any) -> Any:
        own = [getattr(one, n) for n in leaves]
        return own, tuple(getattr(one, name) for name in others)

    def unflatten(aux: Any, children: Any) -> Any:
        values = dict(zip(leaves, children, strict=True))
        return unchecked(cls, values | dict(zip(others, aux, strict=True)))

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)

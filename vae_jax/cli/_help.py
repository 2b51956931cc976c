"""Help about the settings of a run: its choices, and what one of them has."""

import inspect
import re
import textwrap
from dataclasses import MISSING
from typing import Any

from vae_jax.configs import (
    NOTHING,
    OF_FUNCTIONS,
    PARTS,
    SWITCHED,
    Run,
    names,
    owners,
    paths,
    pick,
    times,
)
from vae_jax.data import NAMES
from vae_jax.own import user_object
from vae_jax.records import CHOICES, SPEC, Record, alternatives, did_you_mean

WIDTH = 88
COMMON = (
    "beta",
    "latent_dim",
    "hidden",
    "learning_rate",
    "batch_size",
    "num_steps",
    "seed",
)
"""Settings that most runs give."""

SAID = {
    "dataset": "What to train on",
    "model": "Encoder and decoder",
    "likelihood": "The density of the data given z",
    "prior": "The law of z",
    "schedule": "How beta changes while a run trains",
    "optimizer": "What moves the parameters",
    "condition": "What the model is told of an example",
    "posterior": "How the posterior is held",
    "feedback": "Steers beta",
    "regulariser": "What is charged beside the rate",
    "inference": "How the encoder is trained",
}
"""What each choice is about."""

IMAGES = "images"
"""What pages call the record of image sets, whose names are those of the sets."""

OWN_DATA = ", FILE, FOLDER/"

SOURCE = re.compile(r", [A-Z][^,()]* \(\d{4}\).*")
"""Who said it first, which the page of a record has, and one line has no room for."""

END = """\
A choice or a --remedy may be your own, `package.module:name` (`vae-jax settings prior`).
Times may be in epochs (--num-epochs). `vae-jax settings run` shows what else there is.
"""


def run_help() -> str:
    """Choices first, then the settings that most runs give.

    >>> "schedule" in run_help()
    True
    """
    lines = ["Choices, the default first; `vae-jax settings NAME` shows what each has:"]
    for choice in SAID:
        own = OWN_DATA if choice == "dataset" else ""
        said = f"{SAID[choice]}: {', '.join(known(choice))}{own}."
        lines += entry(f"--{choice}", said)
    lines += ["", "Remedies that are chosen by a setting of their own:"]
    for name, cls in CHOICES[SWITCHED].items():
        lines += entry(flag(name), SOURCE.sub(".", summary(cls)))
    lines += ["", "Settings that most runs give:"]
    for name in COMMON:
        lines += described(owners(name)[0], name)
    return "\n".join([*lines, "", END])


def known(choice: str) -> list[str]:
    """The names of a choice, the default first.

    >>> known("optimizer")[0]
    'adam'
    """
    default = PARTS[choice][1] if choice in PARTS else NOTHING.get(choice)
    first = NAMES if choice == "dataset" else [default] if default else []
    ready = CHOICES[choice].items()
    named = [n for n, cls in ready if n and getattr(cls, "has_a_name", True)]
    return list(dict.fromkeys([*first, *named]))


def flag(name: str) -> str:
    """A setting as a flag.

    >>> flag("num_steps")
    '--num-steps'
    """
    return f"--{name.replace('_', '-')}"


def entry(name: str, text: str) -> list[str]:
    """Lines of help: a name, and beside it what it is.

    >>> entry("--beta", "The weight.")
    ['  --beta                The weight.']
    """
    return textwrap.wrap(f"  {name:<21} {text}", WIDTH, subsequent_indent=" " * 24)


def summary(cls: Any) -> str:
    """The first line of what is said of a record or a method.

    >>> from vae_jax.training import SGD
    >>> summary(SGD)
    'Gradient descent without momentum.'
    """
    return (cls.__doc__ or "").strip().splitlines()[0]


def described(cls: type[Record], name: str) -> list[str]:
    """A setting with its sentence and default, as lines of help.

    >>> from vae_jax.schedules import Constant
    >>> described(Constant, "beta")
    ['  --beta                Final weight of the rate; 1 is the ELBO. Default: 1.0.']
    """
    field = cls.settings()[name]
    missing = field.default is MISSING
    words = alternatives(field.type)
    said = "not given" if field.default is None and "none" in words else None
    default = "Needed." if missing else f"Default: {said or _shown(field.default)}."
    return entry(
        flag(name), f"{field.metadata[SPEC].text} {_words(field.type)}{default}"
    )


def _words(annotation: Any) -> str:
    words = [kind for kind in alternatives(annotation) if isinstance(kind, str)]
    return f"One of {', '.join(words)}. " if words else ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "empty"
    return "none" if value is None else str(value)


def settings_help(name: str) -> str:
    """What a run has under a name: a choice, one of its records, or a setting.

    Raises:
        ValueError: nothing has this name.

    >>> print(settings_help("sgd").splitlines()[0])
    optimizer=sgd: Gradient descent without momentum.
    >>> print(settings_help("posterior").splitlines()[1])
      free                  Nothing of it.
    """
    name = name if ":" in name else name.replace("-", "_")
    if name in (*SAID, SWITCHED):
        return choice_page(name)
    from vae_jax.cli._help_own import function_pages  # it uses what is here

    if paths(name) and (pages := function_pages(name)):
        return "\n\n".join(pages)
    found = _named(name)
    if name == "run":
        found = [Run]
    if found:
        return "\n\n".join(record_page(cls) for cls in found)
    if name in times():
        steps = flag(times()[name])
        return f"{flag(name)}: {steps} in epochs.\n{setting_page(times()[name])}"
    if owners(name):
        return setting_page(name)
    given = [*SAID, *(n for choice in SAID for n in known(choice)), *names(), "run"]
    raise ValueError(
        "`settings` must be given a choice, the name of one of its records, a setting, or "
        f"`run`; got {name!r}.{did_you_mean(name, given)} Choices are {', '.join(SAID)}."
    )


def _named(name: str) -> list[type[Any]]:
    """All records of a name, ready ones or the user's own."""
    if paths(name):
        found = user_object(name, "settings")
        if isinstance(found, type) and issubclass(found, Record):
            return [found]
        raise ValueError(
            f"`settings` must name a record or a function of the choices "
            f"{', '.join(OF_FUNCTIONS)}; got {name!r}, {type(found).__name__}."
        )
    if name in (*NAMES, IMAGES):
        return [pick("dataset", name)]
    every = [cls for of in CHOICES.values() for cls in of.values()]
    return [cls for cls in every if name and cls.name == name]


def record_page(cls: type[Any]) -> str:
    """A record with all of its settings."""
    title = title_of(cls)
    lines = [line for each in cls.settings() for line in described(cls, each)]
    return "\n".join(
        [f"{title}: {summary(cls)}", *(lines or ["  It has no settings."])]
    )


def title_of(cls: type[Any]) -> str:
    """A record as it is chosen.

    >>> title_of(Run)
    'run'
    """
    called = cls.path or cls.name or IMAGES
    return f"{cls.choice}={called}" if cls.choice else cls.__name__.lower()


def choice_page(choice: str) -> str:
    """What may be chosen, and how to choose something of one's own."""
    none = NOTHING.get(choice)
    lines = [f"{choice}: {SAID.get(choice, 'What is meant to cure collapse')}."]
    lines += entry(none, "Nothing of it.") if none and choice != SWITCHED else []
    for name, cls in CHOICES[choice].items():
        lines += entry(name or IMAGES, summary(cls))
    if choice == "dataset":
        lines += [
            "",
            "`vae-jax settings files` shows the settings of files of your own.",
        ]
    lines += ["", *_own(choice)]
    return "\n".join(lines)


def choices_page() -> str:
    """All choices, a line each.

    >>> choices_page().splitlines()[1]
    '  dataset               What to train on.'
    """
    lines = ["Choices; `vae-jax settings NAME` shows what each has:"]
    for choice, said in SAID.items():
        lines += entry(choice, f"{said}.")
    lines += entry(SWITCHED, "What is meant to cure collapse.")
    lines += entry("run", "What every run has beside them.")
    return "\n".join(lines)


def _own(choice: str) -> list[str]:
    """The contract of what is the user's own."""
    ready = next(iter(CHOICES[choice].values()))
    base = next(c for c in ready.__mro__ if Record in c.__bases__)
    room = base.__module__.rpartition("._")[0]
    text = (
        "Your own is a class of a file of yours, chosen as `package.module:name`. It "
        f"inherits from {room}.{base.__name__} and stands below `@vae_jax.records.record("
        f"{choice!r}, 'name')`; its settings are fields, each made by `data(\"What it is.\""
        ", default, low=0)` or, where it shapes the program, by `static(...)`, of "
        "vae_jax.records. It may have these methods:"
    )
    lines = textwrap.wrap(text, WIDTH)
    for name, hook in vars(base).items():
        if inspect.isfunction(hook) and name[0] != "_":
            lines += entry(f"{name}{_arguments(hook)}", summary(hook))
    if choice in OF_FUNCTIONS:
        text = f"Or it is a function: {summary(OF_FUNCTIONS[choice])}"
        lines += ["", *textwrap.wrap(text, WIDTH)]
    return lines


def _arguments(function: Any) -> str:
    """What a method is called with, beside itself."""
    _, *names = inspect.signature(function).parameters
    return f"({', '.join(names)})"


def setting_page(name: str) -> str:
    """A setting, and whose it is."""
    pages: dict[str, list[str]] = {}
    for cls in owners(name):
        page = "\n".join(described(cls, name))
        pages.setdefault(page, []).append(title_of(cls))
    return "\n".join(
        line
        for page, of in pages.items()
        for line in (*textwrap.wrap(f"Of {', '.join(of)}:", WIDTH), page)
    )

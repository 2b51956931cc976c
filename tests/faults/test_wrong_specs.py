"""150 wrong specs, as files: each is refused with a text that names what is wrong.

They go through what the command line does before anything is compiled: the file is read
and expanded, and every run is checked against its data and its model.
"""

import re

import pytest

from vae_jax import assembly, sweeps

SECTIONS = {  # misplaced, unknown or missing parts of the file
    "beta = 2": "`beta` is a field of a run: it belongs in [base]",
    "[bse]\nbeta = 2": "Did you mean `base`",
    "[grids]\nbeta = [2]": "Did you mean `grid`",
    "[Base]\nbeta = 2": "`Base` is not a section",
    "[base]\nbeta = 2\n[base.more]\nx = 1": "`more` is not a field of a run",
    "[[base]]\nbeta = 2": "`base` must be one table",
    "base = 3": "`base` must be one table",
    "grid = 3": "`grid` must be tables",
    "grid = []": "`grid` must have a field",
    "grid = [1, 2]": "`grid` must be tables",
    "grid = [{beta = [1]}, {}]": "`grid` must have a field in every",
    "[[grid]]\nbeta = [1]\n[[grid]]": "`grid` must have a field in every",
    "[options]\nwidth = 3": "`options` is not a section",
    "": "must have a section",
    "# nothing": "must have a section",
    "[base]\nbetta = 2": "got betta = 2. Did you mean `beta`",
    "[[grid]]\nbetta = [2]": "Did you mean `beta`",
    "[[grid]]\nlearning-rate = [1e-3]": "Did you mean `learning_rate`",
    "[base]\nwidth = 3": "`width` is not a field",
    "[base]\nout = 'x'": "`out` is not a field",
    "[base]\nbeta = [1, 2]": "`beta` must be one value in [base]; got [1, 2]",
    "[base]\nbeta = {start = 0, stop = 1}": "`beta` must be one value in [base]",
    "[base]\nseed = []": "`seed` must be one value in [base]",
    "[base\nbeta = 2": "not valid TOML",
    "[base]\nbeta = 2\nbeta = 3": "not valid TOML",
    "[base]\nbeta = .5": "not valid TOML",
    "[base]\nbeta = 1e": "not valid TOML",
    "[base]\nmodel = mlp": "not valid TOML",
    "[base]\nseed = 007": "not valid TOML",
    "{'base': {'beta': 2}}": "not valid TOML",
    "x = " + "[" * 5000: "not valid TOML",
    "[base]\nseed = " + "9" * 5000: "not valid TOML",
}

RANGES = {  # of an axis, and the field that it is of
    ("beta", "[]"): "`beta` must have at least one value",
    ("seed", "[0, 0]"): "`seed` must have every value once",
    ("beta", "[1, 1.0]"): "`beta` must have every value once",
    ("beta", "[nan, nan]"): "`beta` must be finite",
    ("beta", "{}"): "`beta` must be a list or a range",
    ("beta", "{start = 0}"): "`beta` must be a list or a range",
    ("beta", "{stop = 1}"): "`beta` must be a list or a range",
    ("beta", "{start = 0, end = 1}"): "got the key 'end'",
    ("beta", "{start = 0, stop = 1, steps = 0.1}"): "Did you mean `step`",
    ("beta", "{start = 0, stop = 1, step = 0}"): "a `step` other than 0",
    ("beta", "{start = 0, stop = 1, step = 0.0}"): "a `step` other than 0",
    ("beta", "{start = 0, stop = 1, step = -0.1}"): "leads from start to stop",
    ("beta", "{start = 1, stop = 1}"): "leads from start to stop",
    ("beta", "{start = 1, stop = 0}"): "leads from start to stop",
    ("beta", "{start = 0, stop = 1, step = nan}"): "`step` is a finite number",
    ("beta", "{start = 0, stop = inf}"): "`stop` is a finite number",
    ("beta", "{start = '0', stop = 1}"): "`start` is a finite number; got '0'",
    ("beta", "{start = true, stop = 2}"): "`start` is a finite number; got True",
    ("beta", "{start = [0], stop = 1}"): "`start` is a finite number",
    ("beta", "{start = 0, stop = 1, step = '0.1'}"): "`step` is a finite number",
    ("beta", "{start = 0, stop = 1, num = 3.0}"): "`num` is a whole number",
    ("beta", "{start = 0, stop = 1, num = '3'}"): "`num` is a whole number",
    ("beta", "{start = 0, stop = 1, num = 0}"): "`num` is a whole number of at least 2",
    ("beta", "{start = 0, stop = 1, num = -3}"): "`num` is a whole number",
    ("beta", "{start = 0, stop = 1, num = 1}"): "of at least 2",
    ("beta", "{start = 0, stop = 1, num = true}"): "`num` is a whole number",
    ("beta", "{start = 2, stop = 2, num = 3}"): "ends differ",
    ("beta", "{start = 0, stop = 1, num = 3, step = 0.5}"): "either `step` or `num`",
    ("beta", "{start = 1, stop = 9, scale = 'log'}"): "with `num`",
    ("beta", "{start = 1, stop = 9, step = 2, scale = 'log'}"): "with `num`",
    ("beta", "{start = 1, stop = 9, num = 3, scale = 'logarithmic'}"): "linear or log",
    ("beta", "{start = 1, stop = 9, num = 3, scale = 'Log'}"): "linear or log",
    ("beta", "{start = 1, stop = 9, num = 3, scale = 10}"): "linear or log",
    ("beta", "{start = 0, stop = 9, num = 3, scale = 'log'}"): "numbers above 0",
    ("beta", "{start = -1, stop = 9, num = 3, scale = 'log'}"): "numbers above 0",
    ("beta", "{start = 0, stop = 1e300, num = 3}"): "`beta` must be finite in float32",
    ("seed", "{start = 0, stop = 1000000000}"): "at most 100000 runs; got 1000000000",
    ("beta", "{start = 0, stop = 1, num = 1000000000}"): "at most 100000 runs",
    ("beta", "{start = 0, stop = 1, step = 1e-300}"): "at most 100000 runs",
    ("seed", "{start = 0, stop = 5, num = 3}"): "range of whole numbers; got 2.5",
    ("latent_dim", "{start = 1, stop = 2, step = 0.5}"): "whole numbers; got 1.5",
    ("latent_dim", "{start = 1, stop = 9, num = 4, scale = 'log'}"): "got 2.08008",
    ("model", "{start = 0, stop = 3}"): "`model` must be a value or a list",
    ("skip", "{start = 0, stop = 2}"): "`skip` must be a value or a list",
    ("hidden", "{start = 8, stop = 64, num = 2}"): "`hidden` must be a value or a list",
    ("hidden", "[64, [32]]"): "`hidden` must be one list, or a list of such lists",
    ("beta", "[[1, 2]]"): "`beta` must be of type float; got (1, 2)",
    ("beta", "[{start = 0, stop = 1}]"): "`beta` must be of type float",
    ("beta", "[1, 'two']"): "`beta` must be of type float; got 'two'",
    (
        "seed",
        "{start = -2, stop = 2}",
    ): "`seed` must be at least 0 and at most 2147483647; got -2",
}

VALUES = {  # of a field of [base]
    ("beta", "'1'"): "`beta` must be of type float; got '1'",
    ("beta", "true"): "`beta` must be of type float; got True",
    ("beta", "1e300"): "`beta` must be finite in float32",
    ("beta", "1e-300"): "in float32, at least",
    ("beta", "inf"): "`beta` must be finite",
    ("beta", "nan"): "`beta` must be finite",
    ("beta", "-0.5"): "`beta` must be finite and at least 0; got -0.5",
    ("beta", "2024-01-01"): "`beta` must be of type float",
    ("beta", "1" + "0" * 400): "`beta` must be of type float",
    ("variance", "0"): "`variance` must be finite and above 0",
    ("variance", "1e39"): "`variance` must be finite in float32",
    ("learning_rate", "-1e-3"): "`learning_rate` must be finite and above 0",
    ("learning_rate", "1e-46"): "`learning_rate` must be 0 or, in float32",
    ("latent_dim", "0"): "`latent_dim` must be at least 1",
    ("latent_dim", "2.0"): "`latent_dim` must be of type int; got 2.0",
    ("latent_dim", "'8'"): "`latent_dim` must be of type int",
    ("latent_dim", "1000000000"): "`latent_dim` must be at least 1 and at most 100000",
    ("hidden", "64"): "`hidden` must be a list of whole numbers",
    ("hidden", "'64'"): "`hidden` must be a list of whole numbers",
    ("hidden", "[64.0]"): "`hidden` must be a list of whole numbers",
    ("hidden", "[64, -1]"): "`hidden` must be at least 1 and at most 100000; got -1",
    (
        "hidden",
        "[1000000000]",
    ): "`hidden` must be at least 1 and at most 100000; got 1000",
    ("hidden", "[[64]]"): "`hidden` must be a list of whole numbers",
    ("max_length", "10000000"): "must be at least 3 and at most 10000",
    ("max_length", "2"): "`max_length` must be at least 3 and at most 10000; got 2",
    ("vocab_size", "4"): "`vocab_size` must be at least 5 and at most 10000000; got 4",
    (
        "vocab_size",
        "1000000000000",
    ): "`vocab_size` must be at least 5 and at most 10000000",
    ("num_steps", "0"): "`num_steps` must be at least 1",
    ("num_steps", "120"): "`num_steps` must be a multiple of `log_every`",
    ("num_steps", "10000000000"): "`num_steps` must be at least 1 and at most 10000000",
    ("num_steps", "1e3"): "`num_steps` must be of type int; got 1000.0",
    ("batch_size", "-1"): "`batch_size` must be at least 1",
    ("batch_size", "1201"): "`batch_size` must be at most the 1200 training examples",
    (
        "eval_samples",
        "1000000000",
    ): "`eval_samples` must be at least 1 and at most 100000",
    ("kernel", "1000000"): "`kernel` must be at least 1 and at most 1001",
    ("blocks", "-1"): "`blocks` must be at least 0 and at most 1000; got -1",
    ("seed", "-1"): "`seed` must be at least 0 and at most 2147483647; got -1",
    ("seed", "2147483648"): "`seed` must be at least 0 and at most 2147483647",
    ("seed", "0.5"): "`seed` must be of type int",
    ("window", "'half'"): "`window` must be of type",
    ("window", "-1"): "`window` must be at least 0 and at most 2147483647",
    ("dropout", "1"): "`dropout` must be at least 0 and below 1",
    ("dropout", "0.99999999999"): "`dropout` must be at least 0 and below 1",
    ("cycle_ratio", "0"): "`cycle_ratio` must be above 0",
    ("clip_norm", "'nothing'"): "`clip_norm` must be of type",
    ("clip_norm", "0"): "`clip_norm` must be finite and above 0",
    ("skip", "1"): "`skip` must be of type bool; got 1",
    ("skip", "'yes'"): "`skip` must be of type bool",
    ("schedule", "'linaer'"): "Did you mean `linear`",
    ("schedule", "1"): "`schedule` must be one of",
    ("likelihood", "''"): "`likelihood` must be one of",
    ("likelihood", "'Bernoulli'"): "Did you mean `bernoulli`",
    ("binarize", "true"): "`binarize` must be one of",
    ("binarize", "'none'"): "binary data only",
    ("dataset", "'digit'"): "digits",
    ("dataset", "''"): "`dataset` must be a text of visible characters",
    ("dataset", "5"): "`dataset` must be of type str",
    ("data_folder", "'nowhere/at/all'"): "nowhere/at/all",
    ("data_folder", '"a\\u0000b"'): "`data_folder` must be a text",
    ("model", "'mpl'"): "Did you mean `mlp`",
    ("model", "'nowhere:build'"): "no module 'nowhere'",
    ("model", "'json:JSONDecoder'"): "`model` must name a function",
    ("model", "'json:lods'"): "Did you mean `loads`",
    ("model", "':'"): "`model` must be `package.module:function`",
    (
        "committed_rate",
        "100",
    ): "`committed_rate` must be at least 1e-06 and at most 40 nats",
    ("prior_correlation", "-1"): "`prior_correlation` must be above -1 and below 1",
    ("word_dropout", "0.5"): "`word_dropout` is a setting of model=",
    ("word_dropout", "1.5"): "`word_dropout` must be at least 0 and at most 1; got 1.5",
    ("stage_betas", "[1e300]"): "`stage_betas` must be finite in float32",
    ("stage_betas", "[-1]"): "`stage_betas` must be finite and at least 0; got -1",
    ("free_bits", "false"): "`free_bits` must be of type float; got False",
    ("dataset", "{}"): "`dataset` must be one value in [base]",
    ("pretraining_steps", "1500"): "`pretraining_steps` must be fewer",
}

TEXT = (
    "dataset = 'text'\ndata_folder = 'x'\nmodel = 'lstm'\nlikelihood = 'categorical'\n"
)
OWNERS = {  # what has to be chosen for a setting to be one of the run
    "variance": "likelihood = 'gaussian'\n",
    "max_length": TEXT,
    "vocab_size": TEXT,
    "kernel": "model = 'pixelcnn'\n",
    "blocks": "model = 'convolutional'\n",
    "window": "model = 'pixelcnn'\n",
    "cycle_ratio": "schedule = 'cyclical'\n",
    "committed_rate": "posterior = 'delta'\n",
    "prior_correlation": "prior = 'autoregressive'\n",
    ("word_dropout", "1.5"): "model = 'pixelcnn'\n",
    "stage_betas": "schedule = 'stages'\nstage_steps = [10]\n",
}
FOREIGN = {  # settings of a choice that the run does not make, or of nothing
    "num_cycles = 2": "a setting of schedule='cyclical'; this run has schedule='constant'",
    "dataset = 'text'\ndata_folder = 'x'\nmodel = 'lstm'\nlikelihood = 'categorical'\n"
    "binarize = 'static'": "`binarize` is a setting of dataset=images",
    "free_bits_over = 'total'": "`free_bits_over` is a setting of `free_bits`, which",
    "regulariser = 'mmd'": "`mmd_weight` must be given with regulariser='mmd'",
    "feedback = 'geco'": "`target` must be given with feedback='geco'",
    "capacity_weight = 1.0": "`capacity` must be given with `capacity_weight`",
    "schedule = 'linear'\nwarmup_steps = 5000": "`warmup_steps` must end within",
    "schedule = 'cyclical'\nnum_cycles = 1000\nnum_steps = 100": "at most half of the",
    "schedule = 'stages'\nstage_betas = [0.5]\nstage_steps = [1, 2]": "for each of",
}

FILES = {
    **SECTIONS,
    **{f"[base]\n{lines}": text for lines, text in FOREIGN.items()},
    **{f"[[grid]]\n{name} = {v}": text for (name, v), text in RANGES.items()},
    **{
        f"[base]\n{OWNERS.get((name, v), OWNERS.get(name, ''))}{name} = {v}": text
        for (name, v), text in VALUES.items()
    },
    "[[grid]]\n"
    + "\n".join(f"{name} = {{start = 1, stop = 101}}" for name in ("beta", "seed"))
    + "\nlatent_dim = {start = 1, stop = 101}": "got 1000000 (100 beta x 100 seed",
    "[[grid]]\nbeta = [1, 2]\n[[grid]]\nbeta = []": "`beta` must have at least one",
    "[base]\nmodel = 'transformer'\nhidden = [8, 16]\nlikelihood = 'categorical'\n"
    "dataset = 'ten_sequences'\nbatch_size = 10": "one width",
    "[base]\nmodel = 'pixelcnn'\nkernel = 4\nhidden = [8]": "`kernel`",
}


def refusal(path):
    """What the command line would say of this file; None if it would train."""
    try:
        for config in sweeps.read_spec(path):
            dataset = config.data.load()
            assembly.check(config, dataset)
    except (ValueError, OSError) as error:
        return str(error)
    return None


def test_there_are_as_many_as_said():
    assert len(FILES) >= 150


@pytest.mark.parametrize("text", FILES, ids=lambda text: repr(text[:60]))
def test_a_wrong_spec_is_refused(text, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    said = refusal(path)
    assert said is not None
    assert FILES[text] in said
    # the message is no traceback, and names what it is about
    assert "Traceback" not in said
    assert re.search("`|TOML|section|folder", said)


UNREADABLE = {
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "nothing": (lambda path: None, "does not exist"),
    "a link to nothing": (lambda path: path.symlink_to("gone"), "does not exist"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "latin-1": (lambda path: path.write_bytes(b"[base]\n# \xe9"), "TOML in UTF-8"),
    "UTF-16": (lambda path: path.write_bytes("[base]".encode("utf-16")), "in UTF-8"),
    "bytes": (lambda path: path.write_bytes(bytes(range(256))), "TOML in UTF-8"),
    "zeros": (lambda path: path.write_bytes(bytes(100)), "not valid TOML"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_readable_file_is_refused(case, tmp_path):
    make, message = UNREADABLE[case]
    path = tmp_path / "sweep[0]*.toml"
    make(path)
    said = refusal(path)
    assert said is not None
    assert message in said


def test_a_file_that_never_ends_is_refused():
    assert "longer than" in (refusal("/dev/zero") or "")


def test_a_path_below_a_file_and_one_with_a_nul(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file/sweep.toml", "a\0b"):
        assert "`spec` must be a TOML file" in (refusal(tmp_path / name) or "")


def test_what_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def forbidden(path, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    assert "may not be read by you" in (refusal(tmp_path / "sweep.toml") or "")

"""Parameters of `vae_jax.models` under the names and in the layouts of PyTorch."""

import re

import jax
import numpy as np

RENAMED = [  # of the paths that a family of layers has, in order
    (r"\bdown_(\d+)\.layer\b", r"down.\1"),
    (r"\bblocks_(\d+)\.block_(\d+)\b", r"blocks.\1.\2"),
    (r"\bend\.norm\b", "end.0"),
    (r"\boutput\.layer\b", "output"),
    (r"\bgated_(\d+)\b", r"gated.\1"),
    (r"\blstm_0\b", "lstm"),
    (r"\bcell_0\b", "cell"),
    (r"coder\.layer_(\d+)\b", r"coder.layers.\1"),
    (r"\bup_(\d+)\.layer\b", lambda found: f"up.{int(found[1]) - 1}"),
]
LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "shift": "bias"}
LSTM = {
    "input.kernel": "weight_ih_l0",
    "recurrent": "weight_hh_l0",
    "input.bias": "bias_ih_l0",
}


def renamed(path):
    """`encoder.down_0.layer.kernel` is `encoder.down.0.weight`."""
    for pattern, name in RENAMED:
        path = re.sub(pattern, name, path)
    for ours, theirs in LSTM.items():
        if ".lstm." in path and path.endswith(ours):
            return path.replace(ours, theirs)
    before, leaf = path.rsplit(".", 1)
    return f"{before}.{LEAVES.get(leaf, leaf)}"


def flat_names(params):
    """Leaves by PyTorch's names, as they are."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {
        renamed(jax.tree_util.keystr(path, simple=True, separator=".")): np.array(leaf)
        for path, leaf in leaves
    }


def laid_out(name, leaf, shape, small):
    """A leaf, or its gradient, in the layout that PyTorch has for this parameter.

    `small` is the last image of an encoder, (channels, height, width), where the model has
    one: its pixels are flattened channels first there, and last here.
    """
    if leaf.ndim == 4 and len(shape) == 4:
        leaf = leaf.transpose(3, 2, 0, 1)
    elif "weight" in name and leaf.ndim >= 2 and "embedding" not in name:
        leaf = leaf.reshape(len(leaf), -1)
        if small and name == "encoder.posterior.weight":
            leaf = channels_first(leaf.T, small).T
        if small and name.endswith("start.weight"):
            leaf = channels_first(leaf, small)
        leaf = leaf.T
    elif small and name.endswith("start.bias"):
        leaf = channels_first(leaf[None], small)[0]
    return np.ascontiguousarray(leaf.reshape(shape))


def channels_first(rows, small):
    """Rows over (height, width, channels) as rows over (channels, height, width)."""
    channels, height, width = small
    whole = rows.reshape(len(rows), height, width, channels)
    return whole.transpose(0, 3, 1, 2).reshape(rows.shape)


def hand_over(params, model, small=None):
    """Give a model of PyTorch the parameters; those that it has twice become 0."""
    import torch  # where it is not installed, nothing of it is tested

    known = flat_names(params)
    with torch.no_grad():
        for name, own in model.named_parameters():
            if name.endswith("bias_hh_l0"):
                own.zero_()
                continue
            value = laid_out(name, known.pop(name), own.shape, small)
            own.copy_(torch.from_numpy(value))
    assert not known, f"PyTorch's model lacks {sorted(known)}"

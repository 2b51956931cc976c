"""The Transformer's equations in float64: a sentence, a position and a head at a time."""

import jax
import jax.numpy as jnp
import numpy as np

BOS = 2


def parameters(vae, dtype=np.float32):
    """Of the model's shapes, all of them drawn, so that biases and norms matter too."""
    rng = np.random.default_rng(3)

    def draw(path, leaf):
        fan = leaf.shape[0] if path[-1].key == "kernel" else 1
        drawn = rng.normal(size=leaf.shape) / np.sqrt(fan)
        return jnp.asarray(drawn + (path[-1].key == "scale"), dtype)

    shapes = jax.eval_shape(vae.init, jax.random.key(0))
    return jax.tree.map_with_path(draw, shapes)


def norm(own, x):
    centred = x - x.mean()
    return own["scale"] * centred / np.sqrt((centred**2).mean() + 1e-6) + own["shift"]


def affine(own, x):
    return np.tensordot(x, own["kernel"], axes=1) + own["bias"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def sinusoid(time, width):
    """Vaswani et al.'s, sines first and then cosines."""
    angles = [time / 10_000 ** (2 * i / width) for i in range((width + 1) // 2)]
    return np.array([*np.sin(angles), *np.cos(angles)])[:width]


def attend(query, keys, values):
    """Of one position over those that it sees."""
    found = []
    for head, q in enumerate(query):
        scores = np.array([q @ k[head] / np.sqrt(len(q)) for k in keys])
        weights = np.exp(scores) / np.exp(scores).sum()
        found.append(sum(w * v[head] for w, v in zip(weights, values, strict=True)))
    return np.concatenate(found)


def layer(own, states, sees, memory=(), kept=(1.0, 1.0)):
    """`sees[t]` are the positions that t sees; `memory` is keys and values for all;
    `kept` multiplies what either branch adds."""
    projected = [affine(own["project"], norm(own["attention_norm"], h)) for h in states]
    mixed = []
    for time, positions in enumerate(sees):
        pairs = [*memory, *((projected[s][1], projected[s][2]) for s in positions)]
        mixed.append(attend(projected[time][0], *zip(*pairs, strict=True)))
    between = states + kept[0] * affine(own["attention_output"], np.array(mixed))
    hidden = [gelu(affine(own["feed"], norm(own["feed_norm"], h))) for h in between]
    return between + kept[1] * affine(own["feed_output"], np.array(hidden))


def embedded(own, tokens):
    table = own["embedding"]["embedding"]
    positions = [sinusoid(time, table.shape[1]) for time in range(len(tokens))]
    return table[np.asarray(tokens)] + np.array(positions)


def encode(own, x, num_layers):
    """Mean and log-variance of a sentence, which ends where its tokens do."""
    states = embedded(own, [BOS, *x])
    for number in range(num_layers):
        everything = [range(len(states))] * len(states)
        states = layer(own[f"layer_{number}"], states, everything)
    return np.split(affine(own["posterior"], norm(own["norm"], states[0])), 2)


def decode(own, z, x, num_layers, window, kept=lambda number: 1.0):
    """Logits of x given z; `kept` multiplies what dropout n acts on."""
    read = [BOS, *x[:-1]] if window else [BOS] * len(x)
    states, before, length = embedded(own, read) * kept(0), 0, len(x)
    if "add" in own:
        states = states + affine(own["add"], z)
    if "prefix" in own:
        states, before = np.concatenate([affine(own["prefix"], z)[None], states]), 1
    for number in range(num_layers):
        back = (max(window, 1) - 1 + num_layers - 1 - number) // num_layers
        back = length if window >= length else back
        # the prefix sees itself, and everybody sees the prefix
        sees = [[0]] * before + [
            [*range(before), *range(max(time - back, 0) + before, time + before + 1)]
            for time in range(length)
        ]
        memory = [affine(own["memory"], z)[number]] if "memory" in own else ()
        branches = kept(2 * number + 1), kept(2 * number + 2)
        states = layer(own[f"layer_{number}"], states, sees, memory, branches)
    outputs = np.array([norm(own["norm"], h) for h in states[before:]])
    return affine(own["output"], outputs * kept(2 * num_layers + 1))

"""Which layers draw noise for dropout while a model runs."""

from vae_jax.models._dropout import dropout


def recorded_layers(monkeypatch, *modules):
    """A list that fills with the numbers of the layers that modules drop units of."""
    layers = []

    def recorded(keys, rate):
        drop = dropout(keys, rate)

        def apply(activations, layer):
            layers.append(layer)
            return drop(activations, layer)

        return apply

    for module in modules:
        monkeypatch.setattr(module, "dropout", recorded)
    return layers

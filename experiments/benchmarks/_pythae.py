"""The same MLP VAE under pythae's own trainer (pythae 0.1.2)."""

import logging
from collections.abc import Callable

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback
from torch import Tensor, nn


class Encoder(BaseEncoder):
    def __init__(self, features: int, hidden: int, latent: int):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.mean, self.logvar = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, x: Tensor) -> ModelOutput:
        found = self.layer(x)
        return ModelOutput(
            embedding=self.mean(found), log_covariance=self.logvar(found)
        )


class Decoder(BaseDecoder):
    def __init__(self, features: int, hidden: int, latent: int):
        super().__init__()
        self.layer = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, features),
            # its loss takes probabilities
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layer(z))


def train_pythae(
    data: Tensor, sizes: tuple[int, int, int], batch: int, epoch: int
) -> Callable[[int], None]:
    """A function that trains for so many steps, a multiple of `epoch`, in its epochs."""
    trainer = make_trainer(data[: batch * epoch], sizes, batch)

    def run(num_steps: int) -> None:
        for number in range(num_steps // epoch):
            trainer.train_step(number + 1)

    return run


def make_trainer(data: Tensor, sizes: tuple[int, int, int], batch: int) -> BaseTrainer:
    """Its trainer with Adam; of its callbacks those that print are left out."""
    logging.getLogger("pythae.trainers.base_trainer.base_trainer").setLevel("WARNING")
    config = VAEConfig((sizes[0],), sizes[2], reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(*sizes), decoder=Decoder(*sizes))
    options = BaseTrainerConfig(
        learning_rate=1e-3, per_device_train_batch_size=batch, optimizer_cls="Adam"
    )
    labelled = BaseDataset(data, torch.zeros(len(data)))
    trainer = BaseTrainer(model, labelled, None, options)
    trainer.set_optimizer()
    trainer.callback_handler = CallbackHandler([TrainingCallback()], model)
    return trainer

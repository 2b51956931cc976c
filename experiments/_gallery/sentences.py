"""Sentences of both READMEs whose numbers are those of the committed rows.

`readme.py` finds them by their words and writes the numbers.
"""

from experiments._gallery import facts, facts_theory, speed
from experiments._gallery.facts import Fact, remedy
from experiments._gallery.tables import fixed

FACTS: list[Fact] = [
    (
        "(seed 0: {} nats with the MLP, {} with the full window)",
        facts.at_beta_one,
    ),
    (
        "the rate is {} to {} nats (`cyclical`: {} at the start, then peaks of {}, {} and "
        "{} after each restart)",
        facts.while_small,
    ),
    (
        "{} nat with `constant`, {} with `linear`, {} with `cyclical`",
        lambda: [
            fixed(facts.plain_arms().loc[name, "rate"], 2)
            for name in ("constant", "linear", "cyclical")
        ],
    ),
    (
        "zero KL on every example: {} nat of rate are left",
        lambda: [fixed(facts.plain_arms().loc["constant", "rate"], 2)],
    ),
    (
        "whatever the decoder ({} to {} nats)",
        lambda: facts.ends_of(facts.grid(1.0, False)["MI"], 1),
    ),
    (
        "({} to {} nats), and so is window 2 in two of its three cyclical runs ({}); all "
        "other autoregressive runs, windows 2 and 8 included, are collapsed ({} at most)",
        facts.grid_at_four,
    ),
    (
        "With free bits all keep {} to {} nats",
        lambda: facts.ends_of(facts.grid(4.0, True)["MI"], 1),
    ),
    ("window 8 goes from {} to between {} and {}", facts.window_eight),
    (
        "{} points are compared, {} with an eigenvalue within 10 % of the level are left "
        "out. The rate is off by {} % at most where theory has more than 0.5 nat, the "
        "distortion by {} nat",
        facts.linear,
    ),
    ("gets {} to {} nats of information for it here", facts.held),
    (
        "holds the same rate and gets {}: a rate",
        lambda: remedy("MI", 1, "delta-VAE"),
    ),
    (
        "lowest NLL ({} at a rate of {}), pre-training with free bits the next ({} at {})",
        lambda: [
            number
            for name in ("word dropout", "pre-training, free bits")
            for number in (*remedy("NLL", 2, name), *remedy("rate", 1, name))
        ],
    ),
    ("has a lower one ({})", lambda: remedy("NLL", 2, "dropout")),
    (
        "{} nats without a remedy, and {} to {} with those that keep the code",
        facts.objectives,
    ),
    (
        "annealing only delays, and {} and {} nats are left",
        lambda: remedy("MI", 2, "linear annealing", "cyclical annealing"),
    ),
    (
        "{} evaluations an update are about {} inner steps",
        lambda: facts.aggressive()[:2],
    ),
    ("at most {} of the 2000 steps were aggressive", lambda: facts.aggressive()[2:]),
    (
        "without z ({}); on the training split, where the constraint is, it gets to {}",
        lambda: [
            *facts.splits("distortion_test", 1, "none"),
            *facts.splits("distortion_train", 1, "GECO"),
        ],
    ),
    (
        "standard deviation is {} ({} without a remedy)",
        lambda: facts.splits("posterior_std", 2, "VampPrior", "none"),
    ),
    (
        "distortion of {} on the training split and {} on the test split ({} and {} "
        "without",
        lambda: [
            number
            for name in ("VampPrior", "none")
            for split in ("train", "test")
            for number in facts.splits(f"distortion_{split}", 1, name)
        ],
    ),
    (
        "where this decoder keeps {} nats anyway",
        lambda: remedy("rate", 0, "beta 1"),
    ),
    (
        "whose beta is 1 as well, keep {} and {}",
        lambda: remedy("rate", 1, "IWAE", "IWAE, doubly reparameterised"),
    ),
    ("(single runs from {} to {}, both cyclical)", lambda: facts.cyclical_ends()[:2]),
    (
        "larger than with one ramp by {} nat or more with every seed",
        lambda: facts.cyclical_ends()[2:],
    ),
    ("the ELBO differs by {} nats at most", facts.elbo_gap),
    (
        "{} of {} aggressive runs lose it: the distortion of the first two jumps to {} and "
        "{} nats in a window of 100 steps, from {} and {}, just before the information is "
        "looked at, and what is found is {} and {} nats, after {} and {}",
        facts_theory.lost_codes,
    ),
    ("it goes {}, {}, {}, {}, {}, {} along the window", facts.at_three),
    ("It is {}, {}, {}, {}, {} and {}; the information", facts.forecasts),
    (
        "is {} on average along beta (six rows) and {} along the window",
        lambda: facts.spearman("collapsed", "digits"),
    ),
    (
        "it is {} and, over four columns, {}: windows",
        lambda: facts.spearman("inactive", "digits"),
    ),
    (
        "There the forecast is {}, yet at beta = 1.5 {} nats are left",
        lambda: [facts.forecasts()[-1], *facts.unlimited(1.5, 1)],
    ),
    (
        "at beta = 2 with all pixels {} nat of information and no active unit",
        lambda: facts.unlimited(2.0, 2),
    ),
    (
        "along the power is {} on average (LSTM) and {} (Transformer); along beta it is {} "
        "and {}",
        facts.spearman_of_text,
    ),
    (
        "No run keeps more than {} nat from 1.1 on",
        facts.above_one,
    ),
    (
        "keep a little ({} nat at most), the Transformer's {}",
        facts.at_point_nine,
    ),
    (
        "with what is seen is {} and {} with the LSTM, at beta = 0.25 and 0.5, {} and {} "
        "with the Transformer; {} of these {} runs have none when they end",
        facts.arrivals,
    ),
    (
        "the Transformer keeps {} nats with a tenth of the words hidden and {} with three "
        "quarters",
        facts.transformer_half,
    ),
    (
        "its mean is {} nats in the first window of 50 steps only ({} with one seed), {} "
        "where the weight is {}, {} at {} and {} at {}",
        facts.annealed,
    ),
    (
        "perplexity pays for it with {}, and with pre-training, which has 400 steps fewer "
        "for its decoder, with {}",
        facts.paid,
    ),
    (
        "does {} % of what the fastest matrix product of this machine does, PyTorch {} to "
        "{} %",
        speed.of_peak,
    ),
    ("with every family: {} to {} of the steps a second", facts.slower),
    (
        "{} and {} % with free bits and with pre-training, for {} and {} % of a word",
        facts_theory.shares_saved,
    ),
    (
        "the first word saves {} and {} nats with free bits and with pre-training, the "
        "third {} and {}, the tenth {} and {}",
        facts_theory.first_words,
    ),
    (
        "{} of {} end farther from the diagonal than they began, all with {} of the {} "
        "seeds",
        facts_theory.too_far,
    ),
    (
        "its gradient is {}, with the others, which are there, {} at most",
        facts_theory.at_rest,
    ),
    ("anywhere from {} to {} nats", facts_theory.waiting_kl),
    (
        "so are all {} whose distortion tells another story than their information, which "
        "is {} to {} nats",
        facts_theory.on_the_way,
    ),
    (
        "it is as by theory, to {}; where what the weakest unit leaves is larger than "
        "that, it is up to {} above",
        facts_theory.residuals,
    ),
    (
        "{} of {} runs collapse at once and to the end: no rate, and a decoder's variance "
        "of one over the features. Of the others {} of {} count enough, the rest having "
        "only begun to use z, and {} of {} from exp(-6)",
        facts_theory.spheres,
    ),
]
"""Of the gallery."""

README_FACTS: list[Fact] = [
    ("neither does: {} and {} nats of information are left", facts.at_beta_one),
    (
        "have a test NLL of {}, {} and {}, the plain objective {}",
        lambda: remedy("NLL", 2, "dropout", "word dropout", "window 8", "none"),
    ),
    (
        "word dropout has a perplexity of {}, the plain VAE {}",
        facts.perplexities,
    ),
]
"""Of the README of the repository."""

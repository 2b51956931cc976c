"""The pages of the gallery in their order: a record each, short, for the table above all.

A page that has no record is found all the same (`listing.pages`).
"""

from typing import NamedTuple


class Page(NamedTuple):
    """One figure of the gallery, and how it is made.

    Attributes:
        name: of its committed rows and pictures.
        title: what it is about.
        paper: whose claim it tests.
        claim: what is claimed, in a sentence.
        module: below `experiments`; the name where it is empty.
        options: of the command, where it is a part of that page.
        after: the page whose runs it goes on from.
        named: it runs where it is named, and not with all.
    """

    name: str
    title: str
    paper: str
    claim: str
    module: str = ""
    options: tuple[str, ...] = ()
    after: str = ""
    named: bool = False

    @property
    def source(self) -> str:
        """The module below `experiments`.

        >>> Page("map_text", "Maps", "", "", "map", ("--text",)).source
        'map'
        """
        return self.module or self.name

    @property
    def command(self) -> str:
        """What runs it.

        >>> Page("map_text", "Maps", "", "", "map", ("--text",)).command
        'python -m experiments.map --text'
        """
        return " ".join(("python -m", f"experiments.{self.source}", *self.options))


PAGES = (
    Page(
        "annealing_schedules",
        "annealing schedules, the main job",
        "Bowman et al. (2016), Chen et al. (2017)",
        "a strong decoder collapses where a weak one does not; annealing delays it; at "
        "beta = 2 a smaller receptive field and free bits bring information back",
    ),
    Page(
        "annealing_schedules_full",
        "the same, complete",
        "Bowman et al. (2016), Chen et al. (2017)",
        "every schedule x beta x decoder x free bits x seed, 360 members",
        "annealing_schedules",
        ("--full",),
        named=True,  # an hour, of claims that the page before makes too
    ),
    Page(
        "linear_theory",
        "the linear VAE",
        "Lucas et al. (2019), Wang & Ziyin (2022)",
        "a linear VAE trained by the engine ends at the optimum that the eigenvalues "
        "predict",
    ),
    Page(
        "constraint_theory",
        "constraints on the rate",
        "Rezende & Viola (2018), Pelsmaeker & Aziz (2020)",
        "GECO, minimum rate, capacity, free bits, decoders of fixed slope, BN-VAE and "
        "delta-VAE end where the eigenvalues say",
    ),
    Page(
        "remedies",
        "remedies on equal footing",
        "those of the remedies",
        "every remedy keeps the code of the same strong decoder, after 2000 updates",
    ),
    Page(
        "cyclical_annealing",
        "cyclical annealing",
        "Fu et al. (2019)",
        "on ten sequences every schedule ends at the entropy of the data, the cyclical one "
        "with the larger KL",
    ),
    Page(
        "lagging_inference",
        "lagging inference",
        "He et al. (2019)",
        "basic training collapses because the encoder lags; an encoder that is trained "
        "first follows the true posterior",
    ),
    Page(
        "decoder_power",
        "the phase diagram of collapse",
        "Chen et al. (2017), Lucas et al. (2019)",
        "on digits, more units collapse the larger beta is and the more the decoder sees",
    ),
    Page(
        "decoder_power_text",
        "the same for text",
        "Bowman et al. (2016)",
        "beta x word dropout, LSTM and Transformer: the more the decoder sees, the more "
        "units collapse",
        "decoder_power",
        ("--text",),
    ),
    Page(
        "text_collapse",
        "an LSTM VAE on the Brown corpus",
        "Bowman et al. (2016)",
        "plain training ignores z, annealing has its spike of KL, remedies hold a code "
        "beside a language model",
    ),
    Page(
        "collapse_thresholds",
        "the exact thresholds of collapse",
        "Wang & Ziyin (2022)",
        "unit i of a linear VAE collapses where beta passes eigenvalue i of the data",
    ),
    Page(
        "learning_dynamics",
        "learning dynamics",
        "Ichikawa & Hukushima (2024)",
        "a differential equation of six numbers tells what online SGD does, and how fast "
        "to anneal",
    ),
    Page(
        "ppca_landscape",
        "the landscape of pPCA",
        "Lucas et al. (2019)",
        "a collapsed unit is a saddle where an unused eigenvalue exceeds the noise "
        "variance, and a maximum where none does",
    ),
    Page(
        "rate_distortion",
        "the rate-distortion plane",
        "Alemi et al. (2018)",
        "linear models end on Shannon's curve; equal ELBOs have rates that differ",
    ),
    Page(
        "free_bits_lottery",
        "do free bits put information into z?",
        "new here, on Kingma et al. (2016)",
        "with 1 free nat the KL of every seed should be alike, whether z is of use to it "
        "or not; it is not, and the lottery is a wait",
    ),
    Page(
        "collapse_cascade",
        "the cascade of collapse",
        "Li (2026)",
        "as the noise variance rises, the units of a ReLU VAE collapse one by one, each at "
        "an eigenvalue of the data",
    ),
    Page(
        "deep_collapse",
        "collapse of a deep VAE",
        "Lucas et al. (2019)",
        "the larger the noise variance, the more units collapse; a learned one depends on "
        "its start",
    ),
    Page(
        "dimension_count",
        "a VAE counts the dimensions of its data",
        "Koehler et al. (2022)",
        "with a variance that is learned, a linear VAE uses as many units as its data have "
        "dimensions",
    ),
    Page(
        "kl_is_not_information",
        "the KL is not information",
        "He et al. (2019), Hoffman & Johnson (2016)",
        "a remedy that holds the KL does not thereby put information into z",
    ),
    Page(
        "lagging_point",
        "the path of a single sentence",
        "He et al. (2019)",
        "basic training moves a sentence along the axis of the model alone; an encoder "
        "that is trained first brings it back to the diagonal",
    ),
    Page(
        "small_theory",
        "five small facts",
        "Razavi et al. (2019), Dang et al. (2024)",
        "a committed rate, a conditional VAE, a flat likelihood and two points end at "
        "their closed forms; active units stand apart from others",
    ),
    Page(
        "two_level",
        "collapse in two levels, exactly",
        "Dang et al. (2024)",
        "a linear VAE of two levels ends at its closed form, which names the level that "
        "collapses",
    ),
    Page(
        "words_of_z",
        "which words does z write?",
        "Bosc & Vincent (2020)",
        "what z is good for sits in the first words of a sentence and in its length",
        after="text_collapse",
    ),
)

"""What members of `text_collapse` write: of a trained model, by the words of its corpus."""

import pandas as pd

from experiments import text_collapse as page
from vae_jax import results, sweeps


def test_the_plain_arm_and_the_most_informative_one_write(tmp_path):
    """A member of the plain arm, and what the table says it is the best of."""
    corpus = page.small_corpus(tmp_path / "corpus")
    small = {"num_steps": 2, "log_every": 2, "eval_samples": 1}
    configs = [c.changed(**small) for c in page.configs_of(corpus, smoke=True)[:1]]
    out = tmp_path / "runs"
    sweeps.run(configs, out, sweeps.Options(progress=False))
    table = pd.DataFrame(
        {"arm": [page.PLAIN, "annealed"], "mutual_information": [1, 0]}
    )
    found = page.sentences_of(out, configs, table)
    assert set(found["arm"]) == {page.PLAIN}
    counts = found["kind"].value_counts().to_dict()
    paths = {"between two sentences": page.PATH, "samples of z": page.PATH}
    assert counts == {"an end of the path": 2, **paths}
    words = set(" ".join(found["sentence"]).split())
    known = set((tmp_path / "corpus" / "gallery.txt").read_text().lower().split())
    # of the corpus, or one of the few that stand for others
    assert len(words & known) > len(words) / 2
    assert len(results.read(out).runs) == 1

"""Sets of tensorflow-datasets, prepared for a test."""

import tensorflow_datasets as tfds


def prepare(root, splits, features, set_name):
    """Prepare a set as any user of tensorflow-datasets does, without TensorFlow.

    `splits` is name -> list of examples.
    """

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = set_name
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            described = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=described)

        def _split_generators(self, dl_manager):
            return {
                name: self._generate_examples(rows) for name, rows in splits.items()
            }

        def _generate_examples(self, rows):
            yield from enumerate(rows)

    builder = Builder(data_dir=root, file_format="array_record")
    builder.download_and_prepare()
    return root / set_name / "1.0.0"

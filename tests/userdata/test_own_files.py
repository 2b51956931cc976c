"""Files of every form as data of a run, and what is wrong with them."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_jax import assembly, configs
from vae_jax.configs import Run
from vae_jax.userdata import Files, form_of

RNG = np.random.default_rng(2)
TABLE = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"])
TABLE["kind"] = ["x", "y", "z"] * 20
SPLIT = TABLE.assign(part=["train"] * 40 + ["val"] * 10 + ["test"] * 10)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, table=TABLE):
    if name.endswith(".parquet"):
        table.to_parquet(name)
    else:
        table.to_csv(name, index=False, sep="\t" if ".tsv" in name else ",")
    return name


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.csv.gz", "t.parquet", "T.CSV", "below/t.csv"]
)
def test_tables(name, tmp_path):
    (tmp_path / "below").mkdir()
    made = Files(dataset=write(name), label_column="kind").load()
    assert made.holds == "real"
    assert made.label_names == ("x", "y", "z")
    rows = np.concatenate([part.images for part in made[1:4]])
    labels = np.concatenate([part.labels for part in made[1:4]])
    order = np.argsort(rows[:, 0])
    expected = TABLE.sort_values("a")
    np.testing.assert_array_equal(
        rows[order], np.float32(expected[["a", "b", "c"]].to_numpy())
    )
    assert [made.label_names[i] for i in labels[order]] == expected["kind"].tolist()


def test_a_column_of_splits():
    made = Files(
        dataset=write("t.csv", SPLIT), label_column="kind", split_column="part"
    ).load()
    assert [len(part.images) for part in made[1:4]] == [40, 10, 10]
    expected = np.float32(TABLE[["a", "b", "c"]].to_numpy()[50:])
    np.testing.assert_array_equal(made.test.images, expected)


def test_a_table_without_a_line_of_names():
    np.savetxt("t.csv", RNG.normal(size=(30, 4)), delimiter=",")
    made = Files(dataset="t.csv").load()
    assert sum(len(part.images) for part in made[1:4]) == 30


def test_a_byte_order_mark_is_no_name():
    text = "\ufeff" + TABLE.drop(columns="kind").to_csv(index=False)
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write(text)
    assert (
        Files(dataset="t.csv", without_columns=("a",)).load().train.images.shape[1] == 2
    )


def test_lists_of_parquet():
    images = RNG.integers(0, 256, (40, 16))
    table = pd.DataFrame({"image": list(images), "id": range(40)})
    write("t.parquet", table)
    made = Files(
        dataset="t.parquet", data_key="image", data_shape=(4, 4), data_values="levels"
    ).load()
    assert made.train.images.shape[1:] == (4, 4)
    assert made.max_value == 255


def test_arrays_of_one_name():
    np.savez("a.npz", x=RNG.random((50, 4, 4)), y=np.arange(50) % 3)
    made = Files(dataset="a.npz").load()
    assert made.holds == "unit"
    assert set(made.train.labels) == {0, 1, 2}


def test_arrays_of_three_splits():
    parts = {"x_train": 60, "x_val": 20, "x_test": 10}
    arrays = {name: RNG.integers(0, 2, (n, 6)) for name, n in parts.items()}
    labels = {name.replace("x_", "y_"): np.arange(n) for name, n in parts.items()}
    np.savez("a.npz", **arrays, **labels)
    with pytest.warns(UserWarning, match="to the bit"):  # 64 examples of 6 bits
        made = Files(dataset="a.npz").load()
    np.testing.assert_array_equal(made.validation.images, arrays["x_val"])
    np.testing.assert_array_equal(made.test.labels, np.arange(10))


def test_several_arrays_by_a_word():
    arrays = {
        f"{split}_{word}": RNG.random((30, size))
        for split in ("train", "test")
        for word, size in (("images", 5), ("codes", 2))
    }
    np.savez("a.npz", **arrays)
    with pytest.raises(
        ValueError, match="one array of examples for train; got several"
    ):
        Files(dataset="a.npz").load()
    made = Files(dataset="a.npz", data_key="images").load()
    assert made.train.images.shape[1:] == (5,)


def test_one_array():
    np.save("a.npy", RNG.integers(0, 256, (30, 8, 8, 3)).astype(np.uint8))
    assert Files(dataset="a.npy").load().train.images.shape[1:] == (8, 8, 3)


def picture(path, size=(6, 5), colour=False, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if colour else size
    levels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    Image.fromarray(levels).save(path)
    return levels


def test_a_folder_of_pictures(tmp_path):
    levels = [picture(tmp_path / f"p/{i}.png", seed=i) for i in range(20)]
    made = Files(dataset="p/").load()
    assert made.name == "p/"
    assert made.max_value == 255
    assert set(made.train.labels) == {-1}
    rows = np.concatenate([part.images for part in made[1:4]])
    assert {row.tobytes() for row in rows} == {each.tobytes() for each in levels}


def test_folders_are_splits_and_classes(tmp_path):
    for split in ("train", "valid", "test"):
        for label in ("cat", "dog"):
            for i in range(4):
                seed = int.from_bytes(f"{split}{label}{i}"[-7:].encode())
                picture(tmp_path / f"p/{split}/{label}/{i}.png", seed=seed)
    made = Files(dataset="./p").load()
    assert [len(part.images) for part in made[1:4]] == [8, 8, 8]
    assert made.label_names == ("cat", "dog")
    assert sorted(made.test.labels) == [0] * 4 + [1] * 4


def test_folders_are_classes(tmp_path):
    for label in ("b", "a"):
        for i in range(8):
            picture(tmp_path / f"p/{label}/{i}.png", seed=100 * ord(label) + i)
    assert Files(dataset="p/").load().label_names == ("a", "b")


def test_pictures_of_several_sizes(tmp_path):
    for i in range(12):
        picture(tmp_path / f"p/{i}.png", size=((6, 5), (8, 8), (4, 9))[i % 3], seed=i)
    with pytest.raises(
        ValueError, match=r"got 3 sizes: .*8x8 \(4 times\).*picture_size"
    ):
        Files(dataset="p/").load()
    made = Files(dataset="p/", picture_size=(7,)).load()
    assert made.train.images.shape[1:] == (7, 7)


def test_colours(tmp_path):
    for i in range(9):
        picture(tmp_path / f"p/{i}.png", colour=i > 4, seed=i)
    with pytest.warns(UserWarning, match="5 of 9 pictures are grey"):
        assert Files(dataset="p/").load().train.images.shape[1:] == (6, 5, 3)
    grey = Files(dataset="p/", picture_colours="grey").load()
    assert grey.train.images.shape[1:] == (6, 5)
    for i in range(9):
        picture(tmp_path / f"q/{i}.png", seed=i)
    rgb = Files(dataset="q/", picture_colours="rgb").load()
    assert rgb.train.images.shape[1:] == (6, 5, 3)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.npz", ".npz"),
        ("./a", "/"),
        ("~/pictures", "/"),
        ("/data/pictures", "/"),
        ("pictures/", "/"),
        ("emnist/letters", None),
        ("digits", None),
        ("mine:Set", None),
    ],
)
def test_names_that_are_paths(name, form):
    assert form_of(name) == form


def test_a_name_with_a_colon_is_a_file_all_the_same(tmp_path):
    write("a:b.csv")
    run = Run.of(dataset="a:b.csv", label_column="kind", likelihood="gaussian")
    assert run.data.load().train.images.shape[1:] == (3,)


def test_a_run_is_written_and_read(tmp_path):
    write("t.csv")
    run = Run.of(
        dataset="t.csv", label_column="kind", likelihood="gaussian", standardize=True
    )
    written = json.loads(json.dumps(configs.to_mapping(run)))
    assert configs.from_mapping(written) == run
    assert written["dataset"] == "t.csv"


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (TABLE, {}, "text in 'kind', such as 'x'.*label_column"),
        (TABLE, {"label_column": "knd"}, "must be a column.*got 'knd'.*'kind'"),
        (TABLE, {"without_columns": ("z",)}, "`without_columns` must be a column"),
        (
            TABLE.assign(a=[None] + [1.0] * 59),
            {"label_column": "kind"},
            "no gaps; got 1 in the column 'a', the first in row 0",
        ),
        (
            TABLE.assign(kind=[None] + ["x"] * 59),
            {"label_column": "kind"},
            "labels of .* must have no gaps; got 1",
        ),
        (
            SPLIT.assign(part="elsewhere"),
            {"label_column": "kind", "split_column": "part"},
            "must say train, validation or test; got 'elsewhere'",
        ),
        (
            SPLIT.assign(part="test"),
            {"label_column": "kind", "split_column": "part"},
            "must have a split `train`",
        ),
        (TABLE[:0], {}, "must have rows and columns"),
    ],
)
def test_a_wrong_table_is_named(table, options, message):
    write("t.csv", table)
    with pytest.raises(ValueError, match=message):
        Files(dataset="t.csv", **options).load()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.parquet", b"no table", "must be a table"),
        ("t.csv", b"", "must be a table"),
        ("a.npz", b"no archive", "must hold arrays of numbers"),
        ("a.npy", b"no array", "must hold one array of numbers"),
    ],
)
def test_a_damaged_file_is_named(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Files(dataset=name).load()


def test_an_array_of_objects_is_refused(tmp_path):
    np.save("a.npy", np.array([{"a": 1}, None], object), allow_pickle=True)
    with pytest.raises(ValueError, match="must hold one array of numbers"):
        Files(dataset="a.npy").load()


def test_another_file_among_pictures_is_refused(tmp_path):
    picture(tmp_path / "p/1.png")
    (tmp_path / "p/.hidden").touch()
    (tmp_path / "p/notes.txt").write_text("notes")
    with pytest.raises(ValueError, match=r"pictures alone.*got notes.txt"):
        Files(dataset="p/").load()


def test_what_is_no_picture_is_named(tmp_path):
    picture(tmp_path / "p/1.png")
    (tmp_path / "p/2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"p/2.png: cannot identify"):
        Files(dataset="p/").load()


@pytest.mark.parametrize("name", ["nothing.csv", "nothing/"])
def test_what_is_not_there_is_named(name):
    with pytest.raises(FileNotFoundError, match="that is there; got 'nothing"):
        Files(dataset=name).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"picture_size": (8,)}, "`picture_size` is for /"),
        ({"data_key": "a"}, "`data_key` is for .npz and .parquet and .h5ad"),
        ({"binarize": "static", "dequantize": True}, "`dequantize` must be False"),
    ],
)
def test_a_setting_of_another_form_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Files(dataset="t.csv", **options)


def test_a_file_that_changes_is_read_again(tmp_path):
    write("t.csv", TABLE.drop(columns="kind"))
    before = Files(dataset="t.csv").load()
    assert Files(dataset="t.csv").load() is before
    write("t.csv", TABLE.drop(columns="kind") + 1.0)
    after = Files(dataset="t.csv").load()
    assert not np.array_equal(after.train.images[:5], before.train.images[:5])


@pytest.mark.parametrize(
    ("values", "likelihood", "message"),
    [
        ("unit", "bernoulli", "holds numbers from 0 to 1.*continuous_bernoulli"),
        ("real", "bernoulli", "holds real numbers"),
        ("real", "continuous_bernoulli", "density of numbers from 0 to 1; .* real"),
        ("real", "poisson", "density of counts; .* holds real"),
        ("levels", "bernoulli", "holds grey levels, 0 to 25.*binarize='static'"),
        ("levels", "poisson", "data_values='counts'"),
        ("counts", "gaussian", "holds counts.*poisson or negative_binomial"),
        ("counts", "bernoulli", "holds counts.*data_values='levels'"),
    ],
)
def test_a_likelihood_of_other_data_is_refused(values, likelihood, message):
    arrays = {
        "unit": RNG.random((200, 4)),
        "real": RNG.normal(size=(200, 4)),
        "levels": np.resize(np.arange(256), (200, 4)),
        "counts": RNG.poisson(30.0, (200, 4)),
    }
    np.save("a.npy", arrays[values])
    run = Run.of(
        dataset="a.npy", data_values=values, likelihood=likelihood, batch_size=10
    )
    with pytest.raises(ValueError, match=message):
        assembly.job(run)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ("bits", {"likelihood": "bernoulli"}),
        ("unit", {"likelihood": "continuous_bernoulli"}),
        ("unit", {"likelihood": "bernoulli", "binarize": "dynamic"}),
        ("real", {"likelihood": "student_t"}),
        ("levels", {"likelihood": "bernoulli", "binarize": "static"}),
        ("levels", {"likelihood": "gaussian", "dequantize": True}),
        ("counts", {"likelihood": "zero_inflated_negative_binomial"}),
        ("counts", {"likelihood": "poisson", "library_size": True}),
    ],
)
def test_a_likelihood_that_fits_is_taken(values, options):
    arrays = {
        "bits": RNG.integers(0, 2, (200, 8)),
        "unit": RNG.random((200, 4)),
        "real": RNG.normal(size=(200, 4)),
        "levels": RNG.integers(0, 256, (200, 4, 1)),
        "counts": RNG.poisson(30.0, (200, 4)),
    }
    np.save("a.npy", arrays[values])
    if values == "bits":
        options = options | {"test_share": 0.2}
    job = assembly.job(Run.of(dataset="a.npy", batch_size=10, **options))
    assert job.splits.train.ndim == arrays[values].ndim


def test_gzip_is_read(tmp_path):
    text = TABLE.drop(columns="kind").to_csv(index=False)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert Files(dataset="t.csv.gz").load().train.images.shape[1:] == (3,)

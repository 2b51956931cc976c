"""Several folders are one table in which every member stands once."""

import numpy as np
import pytest
import tiny_rows

from vae_jax import results


@pytest.fixture
def folders(tmp_path):
    """Of members ab, of bc with one that has not ended, and of one alone."""
    return [
        tiny_rows.folder(tmp_path / "one", "ab"),
        tiny_rows.folder(tmp_path / "two", "bcd", ended="bc"),
        tiny_rows.folder(tmp_path / "three", "e"),
    ]


def test_members_are_distinct_and_say_where_they_are(folders):
    with pytest.warns(UserWarning, match="1 members of .*two are in .*one too"):
        found = results.read(folders)
    runs, metrics = found.to_pandas()
    assert runs["member_id"].tolist() == list("abce")
    assert runs["folder"].tolist() == [str(folders[i]) for i in (0, 0, 1, 2)]
    assert runs["member_in_folder"].tolist() == [0, 1, 1, 0]
    # numbers run on over all members of a folder, ended or not
    assert runs["member"].tolist() == [0, 1, 3, 5]
    assert found.missing == (4,)
    assert set(found.manifest["folders"]) == set(map(str, folders))
    for row in runs.to_dict("records"):
        alone = results.read(row["folder"]).metrics.to_pandas()
        alone = alone[alone["member"] == row["member_in_folder"]]
        mine = metrics[metrics["member"] == row["member"]]
        np.testing.assert_array_equal(mine["loss"], alone["loss"])


def test_one_folder_in_a_list_is_that_folder(folders):
    alone, listed = results.read(folders[0]), results.read([folders[0]])
    kept = listed.runs.drop_columns(["folder", "member_in_folder"])
    assert kept.equals(alone.runs)
    assert listed.metrics.equals(alone.metrics)


def test_no_folder_and_one_twice_are_refused(folders):
    with pytest.raises(ValueError, match="at least one, each another; got"):
        results.read([])
    with pytest.raises(ValueError, match="each another"):
        results.read([folders[0], f"{folders[0]}/"])

"""Where data is looked for, and what is said in seconds when it is not there."""

import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import small_sets

from vae_jax import data
from vae_jax.data import _locate, _network
from vae_jax.data._idx import FILES, SOURCES
from vae_jax.data._locate import find_prepared, locate
from vae_jax.data._network import why_unreachable


def no_work(*_):
    raise AssertionError("began to work")


OFFLINE = """
import socket, time
socket.getaddrinfo = lambda *_, **__: time.sleep(60)  # a name server that is silent
from vae_jax import data
start = time.monotonic()
try:
    data.load("mnist", data_dir={root!r})
except FileNotFoundError as error:
    print(time.monotonic() - start)
    print(error)
"""


def test_without_network_and_data_it_fails_in_seconds_with_the_commands(tmp_path):
    """The whole process, too: the look-up that still hangs does not keep it alive."""
    script = OFFLINE.format(root=str(tmp_path))
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        timeout=50,
        check=True,
    )
    seconds, message = done.stdout.split("\n", 1)
    assert float(seconds) < 5
    assert "cannot be reached (no answer within 3 s)" in message
    assert f"not in {tmp_path / 'mnist'}" in message
    assert 'data.load("mnist", folder="FOLDER")' in message
    assert "tfds build mnist --file_format=array_record" in message
    # the shell expands the braces to the four official addresses
    (curl,) = [line for line in message.splitlines() if "curl" in line]
    address = shlex.split(curl)[-1]
    head, names = address.rstrip("}").split("{")
    assert head == SOURCES["mnist"].url
    assert names.split(",") == [f"{file}.gz" for file in FILES.values()]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_a_refused_connection_is_said_at_once(family, tmp_path, name):
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match=f"{name}(.|\n)*refused(.|\n)*curl"):
        data.load(name, data_dir=tmp_path)
    assert time.monotonic() - start < _network.TIMEOUT_S
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(_network, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        start = time.monotonic()
        problem = why_unreachable(url)
    # a fifteenth of the waiting time that users have
    assert time.monotonic() - start < 3
    assert problem.startswith(f"{url} cannot be reached (")


def test_an_answer_other_than_http_is_a_problem():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
        assert "220 ready" in why_unreachable(url)
        thread.join()


def test_the_command_for_debian_is_given_where_there_is_a_package(
    family, tmp_path, monkeypatch
):
    folders = {"fashion_mnist": tmp_path / "usr"}
    monkeypatch.setattr(_locate, "SYSTEM_FOLDERS", folders)
    with pytest.raises(FileNotFoundError, match="install dataset-fashion-mnist$"):
        data.load("fashion_mnist", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError) as other:
        data.load("mnist", data_dir=tmp_path)
    assert "apt-get" not in str(other.value)


def test_files_that_the_system_brings_are_taken_before_the_network(
    family, idx_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(_locate, "SYSTEM_FOLDERS", {"mnist": idx_folder})
    monkeypatch.setattr(_locate, "why_unreachable", no_work)
    assert len(data.load("mnist", data_dir=tmp_path / "root").test.labels) == 20


def test_an_empty_folder_is_not_filled_from_the_network(family, tmp_path, monkeypatch):
    monkeypatch.setattr(_locate, "why_unreachable", no_work)
    with pytest.raises(FileNotFoundError, match=f"nothing of it is in {tmp_path}"):
        data.load("mnist", folder=tmp_path, data_dir=tmp_path / "root")


def test_missing_files_are_named(family, idx_folder, tmp_path):
    for key in ("train_labels", "test_images"):
        next(idx_folder.glob(f"{FILES[key]}*")).unlink()
    with pytest.raises(FileNotFoundError) as refused:
        data.load("mnist", folder=idx_folder, data_dir=tmp_path / "root")
    lacking = f"lacks {FILES['train_labels']}, {FILES['test_images']}."
    assert str(refused.value).endswith(lacking)


def test_the_newest_version_is_read(root):
    (root / "mnist" / "3.0.1").rename(root / "mnist" / "3.0.10")
    for older in ("3.0.9", "2.11.0", "backup"):
        (root / "mnist" / older).mkdir()
        (root / "mnist" / older / "dataset_info.json").write_text("{}")
    assert find_prepared("mnist", root) == root / "mnist" / "3.0.10"


@pytest.mark.parametrize("name", ["tiny_rgb", "mnist"])
@pytest.mark.parametrize("said", ['"fileFormat": "tfrecord",', ""])
def test_a_copy_that_only_tensorflow_reads_is_refused_with_the_command(
    root, name, said
):
    if name == "tiny_rgb":
        rows = {"train": small_sets.rgb_rows(3)}
        prepared = small_sets.prepare_stock(root, rows)
    else:
        prepared = root / "mnist" / "3.0.1"
    info = prepared / "dataset_info.json"
    info.write_text(info.read_text().replace('"fileFormat": "array_record",', said, 1))
    with pytest.raises(ValueError, match=f"{prepared} must be .* got tfrecord") as told:
        data.load(name, data_dir=root)
    command = f"tfds build {name} --file_format=array_record --data_dir=FOLDER"
    assert command in str(told.value)
    # ours are prepared without TensorFlow
    assert ("load with an empty data_dir" in str(told.value)) == (name == "mnist")


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_damaged_description_is_named(root, content):
    info = root / "mnist" / "3.0.1" / "dataset_info.json"
    info.write_bytes(content.encode("latin1"))
    with pytest.raises(ValueError, match=f"{info} is damaged .* Delete {info.parent}"):
        data.load("mnist", data_dir=root)


@pytest.mark.parametrize("how", ["network", "folder"])
@pytest.mark.parametrize("why", ["a file", "not allowed"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(
    family, idx_folder, tmp_path, monkeypatch, how, why
):
    root = tmp_path / "root"
    if why == "a file":
        root.write_text("")
    else:
        # root may write anywhere, so the answer of the system is given here
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    monkeypatch.setattr(_locate, "prepare", no_work)
    monkeypatch.setattr(_locate, "why_unreachable", no_work)
    folder = idx_folder if how == "folder" else None
    with pytest.raises(PermissionError, match=f"`data_dir` must be .* got {root}"):
        data.load("mnist", folder=folder, data_dir=root / "below" / "it")


def test_a_set_that_another_process_prepared_meanwhile_is_taken(
    family, idx_folder, root, tmp_path, monkeypatch
):
    late = tmp_path / "late"

    def overtaken(*_):
        root.rename(late)
        raise FileExistsError("the folder is there already")

    monkeypatch.setattr(_locate, "prepare", overtaken)
    assert locate("mnist", idx_folder, late) == late / "mnist" / "3.0.1"

"""No secret, host name or path of this machine is written into a run folder."""

import socket
from pathlib import Path

import pytest
import small
from states import files_under

from vae_jax import results
from vae_jax.sweeps.queue import _shard


class Stopped(Exception):
    pass


def test_a_folder_can_be_given_to_anybody(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "do-not-tell-anybody")
    monkeypatch.setattr(_shard, "next_chunk", lambda steps, seconds: 9)
    # a name that no word of a file has by chance
    monkeypatch.setattr(socket, "gethostname", lambda: "ada-of-this-laboratory")
    out = tmp_path / "run"

    def stop(chunk):
        if chunk.step > 15:
            raise Stopped

    with pytest.raises(Stopped):
        small.run(out, on_chunk=stop)
    of_saves = contents(out)
    assert any("step-" in name for name in of_saves)
    small.run(out)
    # tables are compressed: their values too
    table = str(results.read(out).runs.to_pylist()).encode()
    private = ["do-not-tell", "ada-of-this", str(tmp_path), str(Path.home())]
    private.append(str(Path(small.__file__).parent))
    for name, content in {**of_saves, **contents(out), "table": table}.items():
        for word in private:
            assert word.encode() not in content, (name, word)


def contents(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in files_under(out)}

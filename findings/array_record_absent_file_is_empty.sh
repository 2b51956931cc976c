#!/usr/bin/env bash
# array_record 0.8.6: a reader of a file that is not there reports 0 records.
#
# Behaviour: ArrayRecordReader(path) raises neither for an absent path nor for a folder;
# num_records() is 0, as for a sound, empty file. Only ok(), which the reader of a good
# file need not be asked, is False, and the error comes with the first read.
# Seen: num_records() 0 and ok() False for both; read_all() raises RuntimeError.
# Why it matters: sizing a training set or its steps by num_records() turns a mistyped
# shard name into an epoch of no batches, and an average over it into NaN or 0.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q array_record==0.8.6
cd "$scratch"
env/bin/python - <<'EOF'
import os

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

writer = ArrayRecordWriter("good", "group_size:1")
writer.write(b"one image")
writer.close()
os.mkdir("folder")
good = ArrayRecordReader("good")
assert good.num_records() == 1 and good.ok()
for path in ("absent", "folder"):
    reader = ArrayRecordReader(path)
    print(path, "records", reader.num_records(), "ok", reader.ok())
    assert reader.num_records() == 0 and not reader.ok()
    try:
        reader.read_all()
    except RuntimeError as error:
        print("  read_all:", str(error)[:60])
EOF

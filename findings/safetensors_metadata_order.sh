#!/usr/bin/env bash
# safetensors 0.8.0 (with numpy 2.4.6, Python 3.11, Linux x86-64): the same tensors with the same metadata, saved
# again, are not the same bytes. `save` orders the header's tensors, but the entries of `__metadata__` come in an order
# that differs from call to call inside one process (a hash map with a random key). So a checksum of a checkpoint with
# two entries of metadata or more says nothing about its contents; with one entry the bytes are stable.
#
# Seen: 40 calls with four entries gave 17 different byte strings (of 24 orders); 40 calls with one entry gave 1.
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load, save

tensors = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2, np.float32)}
several = {"classes": '["cat", "dog"]', "format": "pt", "mean": "0.5", "seed": "0"}
saved = {save(tensors, metadata=several) for _ in range(40)}
single = {save(tensors, metadata={"all": repr(several)}) for _ in range(40)}
same = all(np.array_equal(load(data)["weight"], tensors["weight"]) for data in saved)
print(f"four entries: {len(saved)} different files of 40; one entry: {len(single)}; tensors alike: {same}")
sys.exit(0 if len(saved) > 1 and len(single) == 1 and same else 1)
PYTHON

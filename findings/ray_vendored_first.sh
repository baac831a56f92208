#!/usr/bin/env bash
# ray 2.60.0 (Python 3.11, Linux x86-64): `import ray` puts its own folder `thirdparty_files` at the front of sys.path,
# in the driver too. What is imported afterwards as psutil or colorama is then Ray's copy, not the version that is
# installed and pinned, and importlib.metadata reports the copy's version as well: a process that records its
# environment tells another one after the import than before, and another than pip does.
#
# Seen: psutil 6.1.1 and colorama 0.4.5 are installed; after `import ray` both the module and its metadata are 7.2.2
# and 0.4.6. Imported before Ray, the module is the installed one and its metadata still become Ray's.
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ray==2.60.0 psutil==6.1.1 colorama==0.4.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import colorama

before = {name: version(name) for name in ("psutil", "colorama")}
path = list(sys.path)
import ray  # noqa: E402, F401

import psutil  # noqa: E402

after = {name: version(name) for name in before}
added = [entry for entry in sys.path if entry not in path]
print("metadata before:", before, "after:", after)
print("psutil, imported after:", psutil.__version__, "; colorama, imported before:", colorama.__version__)
print("added to sys.path at", [sys.path.index(entry) for entry in added], [entry.rpartition("/")[2] for entry in added])
as_installed = before == {"psutil": "6.1.1", "colorama": "0.4.5"} and colorama.__version__ == "0.4.5"
replaced = psutil.__version__ != "6.1.1" and after["psutil"] != "6.1.1" and after["colorama"] != "0.4.5"
sys.exit(0 if as_installed and replaced and sys.path[0] == added[0] else 1)
PYTHON

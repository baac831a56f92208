#!/usr/bin/env bash
# pytest-benchmark 5.3.1 beside pytest-xdist 3.8.0 (pytest 9.2.0): benchmarks are switched off by the word `--dist`
# alone. With `--dist loadfile` and no `-n` nothing is distributed: pytest-xdist starts no worker, all tests run in the
# one process; yet every benchmark is disabled ("Benchmarks are automatically disabled because xdist plugin is
# active"), its function is called once, and `--benchmark-json` holds no benchmark. So `--dist` in `addopts`, which
# has no effect on a run without `-n`, silently empties saved benchmarks and their comparisons.
#
# Seen: without --dist one benchmark in the JSON file, with `--dist loadfile` none (or no file), one process in both.
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pytest==9.2.0 pytest-benchmark==5.3.1 pytest-xdist==3.8.0
cd "$folder"
cat > test_sum.py <<'PYTHON'
import os


def test_sum(benchmark):
    benchmark(sum, range(100))
    with open("processes.txt", "a") as file:
        file.write(f"{os.getppid()} {os.environ.get('PYTEST_XDIST_WORKER', 'no worker')}\n")
PYTHON
count() {
    venv/bin/python -c 'import json, os, sys; f = sys.argv[1]
print(len(json.load(open(f))["benchmarks"]) if os.path.exists(f) and os.path.getsize(f) else 0)' "$1"
}
venv/bin/pytest -q --benchmark-json=plain.json > plain.txt 2>&1 || true
venv/bin/pytest -q --dist loadfile --benchmark-json=dist.json > dist.txt 2>&1 || true
plain=$(count plain.json)
dist=$(count dist.json)
echo "benchmarks saved: $plain without --dist, $dist with --dist loadfile and no -n; run by: $(sort -u processes.txt | cut -d' ' -f2- | sort -u)"
grep -h -i "xdist" dist.txt | head -2 || true
[ "$plain" = 1 ] && [ "$dist" = 0 ] && ! grep -q gw processes.txt

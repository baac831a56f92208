"""Tables as people have them, inside the wheels of public packages: does the plain command do right by them?

Each is run as `harness run -a mlp -d FILE` would, with the measure accuracy alone (and the floors that come with it),
and scikit-learn's linear model, boosting and multilayer perceptron are trained on the same training rows. Prints a
table in Markdown, as in README.md. Run by hand, for some ten minutes of CPU:

    pip install -e '.[evidence]'     # or: pip install --no-deps --target FOLDER statsmodels islp ...
    python tests/evidence/real_tables.py [FOLDER] [KEPT.jsonl]

Rows that are in the file KEPT.jsonl are not run again, and those that are run are added to it.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))
from here_engine import run_here

from harness.data.prepared import PreparedData
from harness.errors import HarnessError
from harness.store.run_data import ExampleArrays

PACKAGES = (
    "statsmodels",
    "islp",
    "lifelines",
    "plotnine",
    "palmerpenguins",
    "vega-datasets",
    "scikit-learn",
)
ROWS, COLUMNS, MOST = (100, 20_000), (3, 200), 60
TARGETS = {  # what the packages' own documentation tells; of the others the last column
    "Auto": "mpg", "Bikeshare": "bikers", "Boston": "medv", "Caravan": "Purchase", "Carseats": "Sales",
    "College": "Private", "Credit": "Balance", "Default": "default", "Hitters": "Salary", "OJ": "Purchase",
    "Smarket": "Direction", "Wage": "wage", "Weekly": "Direction", "penguins": "species", "diamonds": "price",
    "mpg": "hwy", "msleep": "sleep_total", "midwest": "category", "seattle-weather": "weather", "heart": "age",
    "fair": "affairs", "anes96": "PID", "rossi": "arrest", "lung": "status", "gbsg2": "cens",
    "breast_cancer": "", "wine_data": "", "iris": "", "diamonds-small": "price",
}  # fmt: skip


@dataclass
class Table:
    """A file inside a package."""

    package: str
    path: Path

    @property
    def target(self) -> str:
        return TARGETS.get(self.path.stem, "")


def find(folders: list[str]) -> list[Table]:
    """Return tables with a header, of a useful size, each content once, a like number of each package."""
    found: dict[str, list[Table]] = {}
    seen: set[bytes] = set()
    for one in distributions(path=folders):
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"] or "").lower()
        for file in one.files or () if name in PACKAGES else ():
            path = Path(str(one.locate_file(file)))
            if (
                path.suffix != ".csv"
                or re.search("result|test|resid", str(file))
                or not path.is_file()
            ):
                continue
            content = path.read_bytes()
            if content in seen or len(content) > 3_000_000:
                continue
            try:
                frame = pd.read_csv(
                    path, sep=None, engine="python", encoding="utf-8", nrows=ROWS[1] + 1
                )
            except Exception:  # noqa: S112 - what pandas cannot read is no table
                continue
            if ROWS[0] <= len(frame) <= ROWS[1] and COLUMNS[0] <= frame.shape[1] <= COLUMNS[1]:
                seen.add(content)
                found.setdefault(name, []).append(Table(name, path))
    chosen: list[Table] = []
    for place in range(max(map(len, found.values()), default=0)):
        chosen += [tables[place] for _, tables in sorted(found.items()) if place < len(tables)]
    return sorted(chosen[:MOST], key=lambda table: (table.package, table.path.name))


def score(wanted: np.ndarray[Any, Any], answers: np.ndarray[Any, Any], classes: bool) -> float:
    """Return accuracy or R2."""
    if classes:
        return float((wanted == answers).mean())
    return float(
        1 - ((wanted - answers) ** 2).sum() / max(((wanted - wanted.mean()) ** 2).sum(), 1e-300)
    )


def peers(data: PreparedData, net: ExampleArrays) -> tuple[dict[str, float], float]:
    """Return what scikit-learn's models reach, trained on the rows that the net was trained on.

    And how likely chance is to part our net from the linear model as far as it does, on the same test rows (`chance`).
    """
    split, targets = data.array("split"), np.asarray(data.array("targets"))
    inputs = np.asarray(data.array("inputs"), dtype=np.float64)
    train, test = split == 0, split == 2
    classes = data.task.problem == "classification"
    models = {
        "linear": LogisticRegression(max_iter=2000) if classes else Ridge(),
        "boosting": (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
            random_state=0
        ),
        "net": (MLPClassifier if classes else MLPRegressor)(random_state=0),
    }
    found = {}
    mean, deviation = (
        (0.0, 1.0) if classes else (targets[train].mean(), targets[train].std() or 1.0)
    )
    wanted = (targets - mean) / deviation if not classes else targets
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = (
                make_pipeline(StandardScaler(), model)
                .fit(inputs[train], wanted[train])
                .predict(inputs[test])
            )
        found[name] = score(wanted[test], answers, classes)
        if name == "linear":
            theirs = answers == wanted[test] if classes else (answers - wanted[test]) * deviation
    ids = np.asarray(data.array("ids"))[test]
    assert (np.sort(ids) == net.ids).all()
    ours = net.arrays["correct" if classes else "error"][np.searchsorted(net.ids, ids)]
    return found, chance(ours, theirs)


def chance(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    """Return the two-sided p value that two models are equally good on the same rows.

    The exact sign test where both are right or wrong (bool); of errors a permutation test of the mean of their squares. Both are
    scipy's, and none of the report's own.
    """
    if ours.dtype.kind == "b":
        differ = int((ours != theirs).sum())
        return float(stats.binomtest(int((ours & ~theirs).sum()), differ).pvalue) if differ else 1.0
    found = stats.permutation_test(
        (ours**2 - theirs**2,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _refusal(table: Table, reason: str) -> str:
    return reason.splitlines()[-1].replace(str(table.path), table.path.name)[:160]


def judge(table: Table, store: Path) -> dict[str, Any]:
    """Run one table, and say in words how it went."""
    item = f"{table.path}:target={table.target}" if table.target else str(table.path)
    row: dict[str, Any] = {
        "table": f"{table.package}: {table.path.stem}",
        "target": table.target or "last column",
    }
    try:
        run = run_here(
            "default", architectures=["mlp"], datasets=[item], measures=["accuracy"], store=store
        )
    except HarnessError as error:
        return row | {"verdict": f"refused: {_refusal(table, str(error))}"}
    (prepare,) = [job for job in run.data.jobs if job.sort == "prepare"]
    bad = [job for job in run.data.jobs if job.status != "ok"]
    if bad:
        return row | {"verdict": f"refused: {_refusal(table, bad[0].reason)}"}
    data = PreparedData.open(prepare.folder)
    rows = {one.architecture: one.figures["headline"] for one in run.summary.rows}
    (accuracy,) = [job for job in run.data.jobs if job.label.startswith("accuracy ")]
    kept = ExampleArrays.read(accuracy.folder)
    assert kept is not None
    mlp, (others, p_linear) = rows["mlp"], peers(data, kept)
    said = [one.flag for one in run.summary.findings if one.series == "mlp" and one.flag]
    row |= {
        "rows": sum(data.task.counts.values()),
        "of": "classes" if data.task.problem == "classification" else "numbers",
        "mlp": mlp.value,
        "low": mlp.low,
        "high": mlp.high,
        "constant": rows["constant"].value,
        **others,
        "said": "; ".join(dict.fromkeys(said)),
    }
    above = mlp.value >= others["net"] - 1e-9
    within = mlp.high is not None and others["net"] <= mlp.high
    row["reached"] = above or within
    words = (
        "above scikit-learn's net"
        if above
        else "its interval holds scikit-learn's net"
        if within
        else "below scikit-learn's net"
    )
    if mlp.value < others["linear"] and p_linear < 0.05:
        words += ", surely below its linear model" + (
            "" if "below linear" in row["said"] else ", and the report did not say so"
        )
    return row | {"verdict": words}


def main(arguments: list[str]) -> None:
    """Print the table and the shares."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    kept = next((Path(name) for name in arguments if name.endswith(".jsonl")), None)
    tables = find([*(name for name in arguments if not name.endswith(".jsonl")), *sys.path])
    store = Path(tempfile.mkdtemp())
    found = (
        [json.loads(line) for line in kept.read_text().splitlines()]
        if kept and kept.exists()
        else []
    )
    done = {row["table"] for row in found}
    for table in tables:
        if f"{table.package}: {table.path.stem}" in done:
            continue
        try:
            found.append(judge(table, store))
        except Exception as error:
            found.append(
                {
                    "table": f"{table.package}: {table.path.stem}",
                    "target": table.target,
                    "verdict": f"CRASHED: {type(error).__name__}: {error}",
                }
            )
        print(found[-1], file=sys.stderr, flush=True)
        if kept is not None:
            with kept.open("a") as file:
                file.write(json.dumps(found[-1]) + "\n")
    shutil.rmtree(store)
    keys = ("rows", "of", "constant", "linear", "boosting", "net", "mlp")
    print("| table | target | " + " | ".join(keys) + " | said by itself | verdict |")
    print("| --- " * (len(keys) + 4) + "|")
    for row in sorted(found, key=lambda row: row["table"]):
        cells = [
            f"{v:.3f}" if isinstance(v := row.get(k, ""), float) and math.isfinite(v) else str(v)
            for k in keys
        ]
        print(
            "| "
            + " | ".join([row["table"], row["target"], *cells, row.get("said", ""), row["verdict"]])
            + " |"
        )
    ran = [row for row in found if "mlp" in row]
    print(f"\n{len(found)} tables of {len({t.package for t in tables})} packages; {len(ran)} ran, "
          f"{sum(row['verdict'].startswith('refused') for row in found)} were refused; "
          f"{sum(row['reached'] for row in ran)} of {len(ran)} reach scikit-learn's net.")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])

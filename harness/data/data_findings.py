"""What a reader of the figures should know about the data themselves, whatever they were read from."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.catalogue.counts import counted, list_some
from harness.catalogue.finding import Finding
from harness.data.coincidence import chance_share, same_share
from harness.data.column_statistics import merged_share
from harness.data.identity import are_repeated
from harness.data.input_files import Written, blocks, rows_a_block
from harness.data.splits import SPLITS, TEST, TRAIN, Array
from harness.data.task import InputArray, LoadedData, Task

FAR = 20.0  # deviations from the mean of training
MERGED = 0.1  # of a column's distinct values, from which on their loss is told
LEAST = 0.01  # of the test examples, up to which no sort of them makes figures doubtful
# Of a column that are looked at for values that float32 merges: of millions of real numbers a tenth meets another
# by chance, which is no loss.
_MOST_VALUES = 25_000


def find_alike_classes(task: Task) -> Iterator[Finding]:
    """Yield a finding where names of classes, such as those of folders, differ in letters' case or blanks alone."""
    same: dict[str, list[str]] = {}
    for name in task.class_names:
        same.setdefault(" ".join(name.casefold().split()), []).append(name)
    alike = [" and ".join(map(repr, names)) for names in same.values() if len(names) > 1]
    if alike:
        yield Finding(
            code="classes-alike",
            sentence=f"Classes differ in capital letters or blanks alone: {list_some(alike)}.",
            advice="Write them alike, if they are one.",
        )


def find_copies(
    loaded: LoadedData, stored: Array, content: Array, targets: Array, split: Array
) -> Iterator[Finding]:
    """Yield a finding for each split that has examples whose inputs training has too.

    stored: ``(examples, *shape)``. content: ``(examples,)``, a digest of each example's inputs. targets: ``(examples,)``.

    Figures are doubtful where the test examples whose target training has beside the same inputs matter (see
    `matter`). Where training has copies of its own, it is those beyond what chance makes of few values (see
    `chance_share`) and of few classes; it also has them where every row is there several times. Copies for
    validation influence choices and no figure.
    """
    train = np.flatnonzero(split == TRAIN)
    if not len(train) or not are_repeated(content).any():
        return
    known, first, counts = np.unique(content[train], return_index=True, return_counts=True)
    own = int(counts[counts > 1].sum())  # copies inside training
    for code, name in enumerate(SPLITS):
        rows = np.flatnonzero(split == code)
        if code == TRAIN or not len(rows):
            continue
        places = np.searchsorted(known, content[rows]).clip(max=len(known) - 1)
        copied = known[places] == content[rows]
        if not copied.any():
            continue
        twins = train[np.isin(content[train], content[rows[copied]])]
        known_pairs = set(zip(content[twins].tolist(), targets[twins].tolist(), strict=True))
        mine = zip(content[rows[copied]].tolist(), targets[rows[copied]].tolist(), strict=True)
        count, alike = int(copied.sum()), sum(pair in known_pairs for pair in mine)
        one = int(np.flatnonzero(copied)[0])
        other = loaded.name_example(int(train[first[places[one]]]))
        doubtful = code == TEST and matter(alike, len(rows))
        if doubtful and own:
            lucky = count * same_share(targets[train])  # have the same target as any other two
            by_chance = chance_share(stored, train, rows)
            doubtful = matter((1.0 - by_chance) * (alike - lucky), len(rows))
        yield Finding(
            code=f"copies-in-{name}",
            sentence=f"{count:,} of {len(rows):,} {name} examples{_percent(count / len(rows))} {'has' if count == 1 else 'have'} "
            f"exactly the inputs of a training example, {'such as ' if count > 1 else ''}{loaded.name_example(int(rows[one]))} "
            f"those of {other}; {_with_target(count, alike)}.{_own_copies(own, len(train))}",
            advice=_COPIES_ADVICE[doubtful if code == TEST else None],
            numbers={"copies": count, "same_target": alike, "share": count / len(rows)},
            flag="test examples are in training" if doubtful else "",
        )


# By whether figures are doubtful; None for validation.
_COPIES_ADVICE = {
    True: "Remove the copies, or keep them on one side of the cut; a model that remembers them looks better than it is.",
    False: "Nothing for the figures: those with the same target are too few to change one by more than chance does, or "
    "no more than examples of so few values make anyway. Where inputs are the same and targets are not, see which is right.",
    None: "Figures are of test and do not change. Copies influence what is chosen on validation (when training stops, "
    "a searched learning rate) in favour of models that remember; where they are many, remove them.",
}


def matter(count: float, tested: int) -> bool:
    """Whether so many of the test examples matter: over 1 % of them, and over the standard error of a share.

    The standard error of a share of n examples is at most 1 / (2 sqrt(n)): fewer wrong or right answers change
    a figure by less than another draw of the test examples would.
    """
    return tested > 0 and count > max(LEAST * tested, math.sqrt(tested) / 2)


def _with_target(count: int, alike: int) -> str:
    if count == 1:
        return "its target is the same, too" if alike else "its target is another one"
    if alike in (0, count):
        return f"all have {'the same target, too' if alike else 'another target'}"
    rest = count - alike
    return f"{alike:,} {'has' if alike == 1 else 'have'} the same target, too, {rest:,} another one"


def _own_copies(own: int, train: int) -> str:
    if not own:
        return ""
    return (
        f" Among the {train:,} training examples, too, {own:,} share their inputs with another one."
    )


def _percent(share: float) -> str:
    return f" ({share:.0%})" if share >= 0.005 else ""


def find_torn_groups(groups: Array | None, split: Array) -> Iterator[Finding]:
    """Yield a finding for each split that has examples of a group of training, where the data fix their own splits.

    groups: labels ``(examples,)``; None where there are none.
    """
    if groups is None:
        return
    known = np.unique(groups[split == TRAIN])
    for code, name in enumerate(SPLITS):
        own = groups[split == code]
        torn = own[np.isin(own, known)]
        if code == TRAIN or not len(torn):
            continue
        labels = np.unique(torn)
        yield Finding(
            code=f"groups-in-{name}",
            sentence=f"{len(torn):,} of {len(own):,} {name} examples{_percent(len(torn) / len(own))} are of a group that "
            f"training has, too: {list_some([repr(str(label)) for label in labels])}.",
            advice="The data fix their own parts. Cut them by groups instead, or read the figures as those of groups that are "
            "known already.",
            numbers={"examples": len(torn), "groups": len(labels)},
            flag="groups of the test are in training"
            if code == TEST and matter(len(torn), len(own))
            else "",
        )


def find_merged(task: Task, values: InputArray, targets: Array) -> Iterator[Finding]:
    """Yield a finding for columns, channels and targets whose distinct values float32 makes one.

    values: ``(examples, *shape)`` as they were read; the first are looked at.
    """
    real = task.modality_item.input_type == "float32"
    if real and not np.can_cast(values.dtype, np.float32):
        axis = task.modality_item.feature_axis % len(task.input_shape)
        each = math.prod(task.input_shape) // task.input_shape[axis]
        columns = np.moveaxis(values[slice(-(-_MOST_VALUES // each))], 1 + axis, 0)
        offsets = task.offset or (0.0,) * len(columns)
        shares = [
            merged_share(column, offset) for column, offset in zip(columns, offsets, strict=True)
        ]
        lost = [j for j, share in enumerate(shares) if share >= MERGED]
        if lost:
            words = [f"{name_feature(task, j)} ({shares[j]:.0%})" for j in lost]
            yield Finding(
                code="float32-merges",
                sentence=f"float32, which models compute in, merges distinct values of {list_some(words)}.",
                advice="Subtract what all values have in common, or give the differences that matter a column of "
                "their own, such as the time since an event.",
                flag="float32 merges values of the inputs",
            )
    if task.problem_item.real_targets:
        share = merged_share(targets[:_MOST_VALUES].ravel(), task.target_offset)
        if share >= MERGED:
            yield Finding(
                code="float32-merges-targets",
                sentence=f"float32, which models compute in, merges {share:.0%} of the distinct targets.",
                advice="Predict a difference or a logarithm instead.",
                flag="float32 merges targets",
            )


def find_far(loaded: LoadedData, task: Task, written: Written, split: Array) -> Iterator[Finding]:
    """Yield a finding for values of tables and sequences far outside what training has: they are answered by
    extrapolation.

    Figures are doubtful where one of them is of a test example of a regression, as it can decide a mean, and where
    such examples matter (see `matter`) among those of a classification.
    """
    train, stored = np.flatnonzero(split == TRAIN), written.values
    modality = task.modality_item
    if modality.fixed_range or modality.input_type != "float32" or not len(train):
        return
    feature = 1 + modality.feature_axis % len(task.input_shape)
    axes = tuple(axis for axis in range(stored.ndim) if axis != feature)
    mean, std = np.array(task.mean), np.array(task.std)
    every = written.extremes(axes)
    if (np.abs(np.stack(every) - mean) <= FAR * std)[:, std > 0].all():
        return
    size = rows_a_block(stored.shape[1:], 8)
    least, most = np.full(mean.shape, np.inf), np.full(mean.shape, -np.inf)
    for part in blocks(len(train), size):
        learned = stored[train[part]]
        least = np.minimum(least, learned.min(axis=axes))
        most = np.maximum(most, learned.max(axis=axes))
    low = np.where(std > 0, np.minimum(least, mean - FAR * std), -np.inf)
    high = np.where(std > 0, np.maximum(most, mean + FAR * std), np.inf)
    rest = np.flatnonzero(split != TRAIN)
    found: list[tuple[int, int]] = []
    for part in blocks(len(rest), size):
        block = stored[rest[part]]
        for place in np.argwhere((block < low) | (block > high)):
            found.append((int(rest[part][place[0]]), int(place[-1])))
    if not found:
        return
    columns = list(dict.fromkeys(feature for _, feature in found))
    names = [name_feature(task, feature) for feature in columns]
    rows = list(dict.fromkeys(row for row, _ in found))
    examples = [loaded.name_example(row) for row in rows]
    tested = int((split[rows] == TEST).sum())
    doubtful = matter(tested, int((split == TEST).sum()))
    if task.problem_item.real_targets:
        doubtful = tested > 0
    yield Finding(
        code="far-outside",
        sentence=f"{counted(len(found), 'value')} of {counted(len(rows), 'example that is', 'examples that are')} not for training "
        f"{'lies' if len(found) == 1 else 'lie'} more than {FAR:g} deviations outside of it: {list_some(names)}, at "
        f"{list_some(examples)}.",
        advice="See whether they are errors of measurement; else give the column on a logarithmic scale.",
        numbers={"values": len(found), "examples": len(rows)},
        flag="some values lie far outside training" if doubtful else "",
    )


def name_feature(task: Task, feature: int) -> str:
    """Return a feature's name in quotes, or what it is called and its number."""
    if task.feature_names:
        return repr(task.feature_names[feature])
    return f"{task.modality_item.feature_word} {feature}"

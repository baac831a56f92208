"""How far a fit has come, kept on disk: killed, timed out or preempted, it goes on from there.

What is kept: the state of the model, its tensors outside of that, the state of the optimizer and of the scaler of
gradients, what techniques keep, the best weights so far, the curves, the tally of the epoch, the place in it, and the state
of the global generators of torch, numpy and Python. All other draws belong to examples (`harness.data.draws`), and the
schedule to the step and the curves. So on a CPU a fit that goes on ends bit for bit as one that was not disturbed; what a
module or an optimizer holds elsewhere, such as a number in a plain attribute, is not known to be state.

Where several processes train the model together, one file holds it all: what they have in common as the first one has it,
and of each what is its own (its generators, running statistics and tally).

The file is safetensors, with the rest as JSON; it is replaced whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from harness.errors import CheckpointError
from harness.train.length import Best
from harness.train.outside_state import outside, restore
from harness.train.ranks import ALONE, Ranks
from harness.train.techniques import Techniques
from harness.train.weights_file import Weights, read, write

_REST = "rest"  # the name of the JSON among the tensors
_FORMAT = 3
_DTYPES = {
    str(one).removeprefix("torch."): one
    for one in vars(torch).values()
    if isinstance(one, torch.dtype)
}


@dataclass(frozen=True)
class FitPosition:
    """How far a fit is.

    epoch: that it is in, from 1. batches: that it has taken of it. step: of the whole fit. times: what it took, as a `Clock` has
    it. curves: rows so far. tally: of the epoch, as its `state` gives it.
    """

    epoch: int = 1
    batches: int = 0
    step: int = 0
    times: Mapping[str, float] = field(default_factory=dict)
    curves: Sequence[dict[str, float | None]] = ()
    tally: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """What a fit changes as it goes on."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None
    best: Best
    techniques: Techniques = field(default_factory=Techniques)


class Keeper:
    """Keeps how far a fit has come in a file, every so many seconds."""

    def __init__(
        self,
        path: Path,
        every: float,
        report: Callable[[str], None] = lambda line: None,
        ranks: Ranks = ALONE,
    ) -> None:
        """Take the file, which may be there from an attempt that was killed.

        every: seconds from one writing to the next. report: is told, in a line, what becomes of it. ranks: the processes
        of the fit, each of which has a keeper.
        """
        self.path, self.every, self.report, self.ranks = path, every, report, ranks
        self.resumed = False
        self._start, self._next = "", 0.0

    def begin(self, parts: Parts, ids: Tensor) -> FitPosition:
        """Return where to begin: with the parts put back as they were kept, or at the first step.

        ids: of the examples to train on. A file of another start (other weights, other examples), or one that cannot
        be read, is said and left aside.
        """
        self._start = _start_of(parts.model, ids)
        self._next = time.monotonic() + self.every
        found = self._find() if self.ranks.is_first else None
        if not self.ranks.everybodys([found is not None])[0][0]:  # the first one decides for all
            return FitPosition()
        kept, rest = found or self._read()
        try:
            _put_back(parts, kept, rest, self.ranks.rank)
        except Exception:
            self.path.unlink(missing_ok=True)  # the next attempt begins anew
            raise
        others = [{}, *rest.get("others", [])]
        place = FitPosition(**rest["place"] | others[self.ranks.rank].get("place", {}))
        self.resumed = True
        self.report(f"goes on in epoch {place.epoch}, after step {place.step:,}")
        return place

    def _find(self) -> tuple[Weights, dict[str, Any]] | None:
        """Return what an earlier attempt has kept; None where there is nothing that can be used."""
        if not self.path.exists():
            return None
        try:
            return self._read()
        except (CheckpointError, ValueError, KeyError, AttributeError) as error:
            self.report(f"begins anew: what an earlier attempt has kept is not used ({error})")
            self.path.unlink()
            return None

    def _read(self) -> tuple[Weights, dict[str, Any]]:
        kept = read(self.path)
        rest = json.loads(bytes(kept.state[_REST].numpy()))
        count = 1 + len(rest.get("others", []))
        if (rest["format"], rest["start"], count) != (_FORMAT, self._start, self.ranks.count):
            raise ValueError("it is of another start")
        return kept, rest

    def is_due(self, step: int) -> bool:
        """Whether it is time to write, before a step; of several processes all say the same of the same step."""
        late = time.monotonic() >= self._next
        if self.ranks.count == 1:
            return late
        notice = self.ranks.notice
        if self.ranks.is_first and late and notice.read() < step:
            notice.write(step + 1)
        return notice.read() == step

    def save(self, parts: Parts, place: FitPosition) -> None:
        """Write how far the fit is. Where that cannot be told without running code, say so and never try again; where
        the disk does not take it, say so and go on with what was there before.
        """
        everybodys = self.ranks.gathered(_own(parts, place, self.ranks))
        if not self.ranks.is_first:
            return
        new = self.path.with_suffix(".new")
        try:
            write(new, _taken(parts, place, self._start, everybodys))
            with open(new, "rb") as file:
                os.fsync(file.fileno())
            os.replace(new, self.path)
        except (CheckpointError, TypeError, ValueError) as error:
            self.report(f"keeps nothing for the case that it is killed: {error}")
            self.every = math.inf
        except (OSError, SafetensorError) as error:
            self.report(
                f"what is kept for the case that it is killed could not be written: {error}"
            )
        finally:
            new.unlink(missing_ok=True)
        self._next = time.monotonic() + self.every


def _start_of(model: nn.Module, ids: Tensor) -> str:
    """Return a digest of what a fit starts from, cheap beside one step: sums of the weights, and the examples."""
    found = hashlib.sha256(ids.cpu().numpy().tobytes())
    for name, value in model.state_dict().items():
        if isinstance(value, Tensor):
            said = (name, tuple(value.shape), str(value.dtype), float(value.double().sum()))
            found.update(repr(said).encode())
    return found.hexdigest()


def _own(parts: Parts, place: FitPosition, ranks: Ranks) -> tuple[dict[str, Tensor], Any]:
    """Return what a process has of its own: tensors, and what JSON can hold."""
    tensors = {"generator": torch.get_rng_state()}
    device = next(parts.model.parameters()).device
    if device.type == "cuda":
        tensors["generator/cuda"] = torch.cuda.get_rng_state(device)
    legacy: Any = np.random.get_state()
    plain: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": [legacy[0], legacy[1].tolist(), *legacy[2:]],
    }
    if not ranks.is_first:  # the first one's statistics are in its model's state
        tensors |= {f"buffer/{n}": value.cpu() for n, value in parts.model.named_buffers()}
        plain["place"] = {"tally": place.tally, "times": place.times}
    return tensors, plain


def _taken(
    parts: Parts,
    place: FitPosition,
    start: str,
    everybodys: Sequence[tuple[dict[str, Tensor], dict[str, Any]]],
) -> Weights:
    """Return the parts as one file of weights. everybodys: what each process has of its own."""
    state: dict[str, Any] = {}
    model = parts.model.state_dict()
    for prefix, values in (
        ("model", model),
        ("outside", outside(parts.model)),
        ("best", parts.best.weights),
    ):
        state |= {f"{prefix}/{name}": value for name, value in values.items()}
    optimizer = _plain(parts.optimizer.state_dict(), state)
    techniques = _plain(parts.techniques.state(), state)
    (tensors, plain), *others = everybodys
    state |= tensors
    for rank, (its, _) in enumerate(others, start=1):
        state |= {f"rank/{rank}/{name}": value for name, value in its.items()}
    rest = {
        "format": _FORMAT,
        "start": start,
        "place": asdict(place),
        "best": {"epoch": parts.best.epoch, "rank": parts.best.rank},
        "optimizer": optimizer,
        "techniques": techniques,
        "scaler": None if parts.scaler is None else parts.scaler.state_dict(),
        **plain,
        "others": [its for _, its in others],
    }
    text = json.dumps(rest).encode()  # a TypeError where there is more than numbers and texts
    state[_REST] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return Weights(state=state, versions=getattr(model, "_metadata", {}))


def _put_back(parts: Parts, kept: Weights, rest: Mapping[str, Any], rank: int) -> None:
    device = next(parts.model.parameters()).device

    def below(prefix: str) -> dict[str, Any]:
        start = f"{prefix}/"
        return {n.removeprefix(start): v for n, v in kept.state.items() if n.startswith(start)}

    parts.model.load_state_dict(Weights(state=below("model"), versions=kept.versions).loadable())
    restore(parts.model, {name: value.to(device) for name, value in below("outside").items()})
    best = below("best")
    parts.best.epoch, parts.best.rank = rest["best"]["epoch"], tuple(rest["best"]["rank"])
    if best:
        parts.best.weights = Weights(state=best, versions=kept.versions).loadable()
    parts.optimizer.load_state_dict(_whole(rest["optimizer"], kept.state))
    _lay_out_alike(parts.optimizer)
    parts.techniques.load_state(_whole(rest["techniques"], kept.state))
    if parts.scaler is not None:
        parts.scaler.load_state_dict(rest["scaler"])
    own, plain = (
        (kept.state, rest) if rank == 0 else (below(f"rank/{rank}"), rest["others"][rank - 1])
    )
    for name, buffer in parts.model.named_buffers():
        if f"buffer/{name}" in own:
            buffer.copy_(own[f"buffer/{name}"])
    torch.set_rng_state(own["generator"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(own["generator/cuda"], device)
    version, words, gauss = plain["random"]
    random.setstate((version, tuple(words), gauss))
    name, legacy, *more = plain["numpy"]
    np.random.set_state((name, np.array(legacy, dtype=np.uint32), *more))


def _lay_out_alike(optimizer: torch.optim.Optimizer) -> None:
    """Lay what an optimizer keeps of a parameter out in memory as the parameter is.

    A file holds rows alone. Torch's fused optimizers on a CPU take the numbers of both in the order in which they lie in
    memory, and say nothing where the two orders differ, as with a network in channels_last.
    """
    for parameter, state in optimizer.state.items():
        if not isinstance(parameter, Tensor):
            continue
        for name, value in state.items():
            if not isinstance(value, Tensor) or value.shape != parameter.shape:
                continue
            if value.stride() != parameter.stride():
                room = torch.empty_like(parameter, dtype=value.dtype, device=value.device)
                state[name] = room.copy_(value)


def _plain(value: Any, tensors: dict[str, Any]) -> Any:
    """Return a value as JSON can hold it: its kind and its parts. Its tensors are put aside under names."""
    if isinstance(value, Tensor):
        name = f"part/{len(tensors)}"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[_plain(part, tensors) for part in pair] for pair in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_plain(part, tensors) for part in value]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    return value


def _whole(plain: Any, tensors: Mapping[str, Any]) -> Any:
    """Return what `_plain` took apart."""
    if not isinstance(plain, dict):
        return plain
    ((kind, parts),) = plain.items()
    if kind == "tensor":
        return tensors[parts]
    if kind == "dtype":
        return _DTYPES[parts]
    if kind == "dict":
        return {_whole(key, tensors): _whole(value, tensors) for key, value in parts}
    found = [_whole(part, tensors) for part in parts]
    return tuple(found) if kind == "tuple" else found

"""Files of weights: whatever a module's `state_dict` holds, written and read without executing code.

Ours are safetensors. What that format has no word for (the extra state of a module, quantised or sparse
tensors, the versions by which torch reads older states) is kept in the same file: packed by torch and
read by its restricted unpickler, or as JSON in the header.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from harness.errors import CheckpointError

HEADER = "harness"
FORMAT = 2  # 1 had no tensors outside the state
_OUTSIDE = "harness.outside."  # before the names of tensors that are not in the state
_WRAPPINGS = ("state_dict", "model", "model_state_dict")  # what training scripts put weights under
_PLAIN = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The contents of a file.

    state: as `load_state_dict` takes it. versions: of the modules, by their names, as torch keeps them
    with a state. class_names, feature_names: in the order of the outputs and of the inputs; () where the
    file does not say. outside: tensors that modules hold outside the state, by their names.
    """

    state: Mapping[str, Any]
    versions: Mapping[str, Any] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    outside: Mapping[str, Tensor] = field(default_factory=dict)

    def below(self, prefix: str) -> Weights:
        """Return what is named below a prefix such as "net.", without it."""
        return self._renamed(
            {name: name[len(prefix) :] for name in self.state if name.startswith(prefix)},
            {name: name[len(prefix) :] for name in self.versions if f"{name}.".startswith(prefix)},
            {name: name[len(prefix) :] for name in self.outside if name.startswith(prefix)},
        )

    def unwrapped(self) -> Weights:
        """Return it without what torch's wrappers (DataParallel, compile) put before names."""
        return self._renamed(
            *({n: _bare(n) for n in names} for names in (self.state, self.versions, self.outside))
        )

    def loadable(self) -> dict[str, Any]:
        """Return the state with its versions, for `load_state_dict`."""
        state: OrderedDict[str, Any] = OrderedDict(self.state)
        state._metadata = dict(self.versions)  # type: ignore[attr-defined]
        return state

    def _renamed(
        self, names: Mapping[str, str], modules: Mapping[str, str], outside: Mapping[str, str]
    ) -> Weights:
        return Weights(
            state={new: self.state[old] for old, new in names.items()},
            versions={new: self.versions[old] for old, new in modules.items()},
            class_names=self.class_names,
            feature_names=self.feature_names,
            outside={new: self.outside[old] for old, new in outside.items()},
        )


def keep_state(module: nn.Module) -> dict[str, Any]:
    """Return a copy of a module's state, as `load_state_dict` takes it back."""
    state = module.state_dict()
    for name, value in state.items():
        is_tensor = isinstance(value, Tensor)
        state[name] = value.detach().clone() if is_tensor else copy.deepcopy(value)
    return state


def write(path: Path, weights: Weights) -> None:
    """Write a state, with its names.

    Raises:
        CheckpointError: It holds what could not be read again without running code.
    """
    tensors: dict[str, Tensor] = {}
    packed = []
    for name, value in weights.state.items():
        if _is_plain(value):
            tensors[name] = _cloned(value)
        else:
            tensors[name] = _pack(name, value)
            packed.append(name)
    tensors |= {_OUTSIDE + name: _cloned(value) for name, value in weights.outside.items()}
    header = {
        "format": FORMAT,
        "packed": packed,
        "versions": weights.versions,
        "class_names": weights.class_names,
        "feature_names": weights.feature_names,
    }
    # One entry alone: safetensors writes several in an order that differs from process to process.
    save_file(tensors, path, {HEADER: json.dumps(header)})


def require_readable(state: Mapping[str, Any]) -> None:
    """Check that a state can be written, before a model is trained for hours.

    Raises:
        CheckpointError: As `write`.
    """
    for name, value in state.items():
        if not _is_plain(value):
            _pack(name, value)


def read(path: Path) -> Weights:
    """Read a file of weights: .safetensors, or torch's own format limited to what runs no code.

    Raises:
        CheckpointError: It is damaged, could run code, or holds no weights by their names.
    """
    try:
        return _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is refused: {_what_it_holds(str(error))}; save a dictionary of tensors, such as "
            "model.state_dict()"
        ) from None
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path} cannot be read as weights: {first}") from None
    except Exception as error:  # what the restricted unpickler raises on rubbish differs
        raise CheckpointError(f"{path} cannot be read as weights: {error!r}") from None


def _read_safetensors(path: Path) -> Weights:
    state: dict[str, Any] = load_file(path)
    with safe_open(path, framework="pt") as file:
        header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    if header.get("format", FORMAT) > FORMAT:
        raise CheckpointError(
            f"{path} is of format {header['format']}; this version reads up to {FORMAT}"
        )
    for name in header.get("packed", ()):
        state[name] = _unpack(state[name])
    kept = [name for name in state if name.startswith(_OUTSIDE)]
    outside = {name.removeprefix(_OUTSIDE): state.pop(name) for name in kept}
    return Weights(
        state=state,
        outside=outside,
        versions=header.get("versions", {}),
        class_names=tuple(header.get("class_names", ())),
        feature_names=tuple(header.get("feature_names", ())),
    )


def _read_torch(path: Path) -> Weights:
    with warnings.catch_warnings():  # about how a file was pickled; nothing of it is executed
        warnings.simplefilter("ignore")
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(state, dict):
        inner = [state[name] for name in _WRAPPINGS if isinstance(state.get(name), dict)]
        if not inner:
            break
        state = inner[0]
    if (
        not isinstance(state, dict)
        or not all(isinstance(name, str) for name in state)
        or not any(isinstance(value, Tensor) for value in state.values())
    ):
        raise CheckpointError(f"{path} holds no dictionary of tensors")
    return Weights(state=state, versions=getattr(state, "_metadata", {}))


def _is_plain(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and type(value) in (Tensor, torch.nn.Parameter)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_meta)
        and value.dtype in _PLAIN
    )


def _cloned(value: Tensor) -> Tensor:
    """Return a tensor's values alone: on the CPU, in order, no view, and no lazy negation."""
    values = value.detach().cpu().resolve_conj().resolve_neg()
    return values.clone(memory_format=torch.contiguous_format)


def _pack(name: str, value: Any) -> Tensor:
    """Return a value as bytes ``(size,)``, once it is known that they are read without code."""
    if isinstance(value, Tensor) and value.is_meta:
        raise CheckpointError(f"{name!r} of the model has no values: it is on the meta device")
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():  # about kinds of tensors that torch means to give up
            warnings.simplefilter("ignore")
            torch.save(value, buffer)
        packed = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
        _unpack(packed)
    except Exception as error:
        held = re.search(r"GLOBAL (\S+)", str(error))
        raise CheckpointError(
            f"the state of the model has {name!r}, a {type(value).__name__} "
            f"{f'that holds {held[1]} and ' if held else ''}that cannot be read again without running "
            "code; keep tensors, numbers, texts, lists and dictionaries in it"
        ) from error
    return packed


def _unpack(packed: Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(
            io.BytesIO(packed.numpy().tobytes()), map_location="cpu", weights_only=True
        )


def _bare(name: str) -> str:
    return name.removeprefix("module.").removeprefix("_orig_mod.")


def _what_it_holds(message: str) -> str:
    """Say what torch's restricted unpickler would not load, without its advice to allow it."""
    found = re.search(r"GLOBAL (\S+)", message)
    if found:
        return f"it holds {found[1]}, which is no tensor and could run code"
    return "it holds more than tensors, or is no file of weights"

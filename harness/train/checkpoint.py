"""Weights on disk: safetensors, read and written without executing code."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from harness.data.model import DataSpaceModel
from harness.errors import CheckpointError

NAME = "model.safetensors"
_WRAPPINGS = ("state_dict", "model", "model_state_dict")  # what training scripts put weights under


def save(model: nn.Module, folder: Path) -> Path:
    """Write a model's weights and buffers to `folder`."""
    state = {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}
    path = folder / NAME
    save_file(state, path)
    return path


def load(model: nn.Module, folder: Path) -> None:
    """Read what `save` wrote into the same model.

    Raises:
        CheckpointError: The file is of another model.
    """
    state = read(folder / NAME)
    problems = _differences(model.state_dict(), state)
    if problems:
        raise CheckpointError(f"{folder / NAME} does not fit the model: " + "; ".join(problems[:5]))
    model.load_state_dict(state)


def read(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors: .safetensors, or torch's own format limited to tensors.

    Raises:
        CheckpointError: It is damaged, or has anything but tensors in it.
    """
    try:
        if path.suffix == ".safetensors":
            return _by_bare_names(load_file(path))
        with warnings.catch_warnings():  # about how a file was pickled; nothing of it is executed
            warnings.simplefilter("ignore")
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
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
    while isinstance(state, dict):
        inner = [state[name] for name in _WRAPPINGS if isinstance(state.get(name), dict)]
        if not inner:
            break
        state = inner[0]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{path} holds no dictionary of tensors")
    return _by_bare_names(state)


def _by_bare_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what torch's wrappers (DataParallel, compile) put before the names of tensors."""
    return {
        str(name).removeprefix("module.").removeprefix("_orig_mod."): value
        for name, value in state.items()
    }


def _what_it_holds(message: str) -> str:
    """Say what torch's restricted unpickler would not load, without its advice to allow it."""
    found = re.search(r"GLOBAL (\S+)", message)
    if found:
        return f"it holds {found[1]}, which is no tensor and could run code"
    return "it holds more than tensors, or is no file of weights"


def find_head(net: nn.Module, outputs: int) -> str:
    """Return the name of the last layer that gives the outputs.

    Raises:
        CheckpointError: No linear or convolutional layer has that many outputs.
    """
    found = ""
    for name, module in net.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Linear | nn.Conv2d) and len(weight) == outputs:  # type: ignore[arg-type]
            found = name
    if not found and not isinstance(net, nn.Linear):
        raise CheckpointError(
            f"no layer of {type(net).__name__} gives {outputs} outputs, so its head is not known"
        )
    return found


def start_from(
    model: DataSpaceModel, path: Path, outputs: int, *, may_replace_head: bool
) -> list[str]:
    """Load a file of weights to fine-tune (or to measure) from; return what was done, in words.

    The file may be a checkpoint of ours or the weights of the bare network. Where only the head differs,
    it keeps its new random weights if `may_replace_head`.

    Raises:
        CheckpointError: Anything else differs.
    """
    state = read(path)
    wanted = model.net.state_dict()
    parts = {part: _below(part, state) for part in ("first", "net", "last")}
    ours = len(parts["net"].keys() & wanted.keys()) > len(state.keys() & wanted.keys())
    notes = []
    if ours:
        state = parts["net"]
        if _take_over(model.first, parts["first"]):
            notes.append("normalisation of the file")
    problems = _differences(wanted, state)
    if problems:
        head = find_head(model.net, outputs)
        prefix = f"{head}." if head else ""
        without = {k: v for k, v in wanted.items() if not k.startswith(prefix)}
        rest = {k: v for k, v in state.items() if not k.startswith(prefix)}
        others = _differences(without, rest)
        if others:
            raise CheckpointError(f"{path} does not fit the model: " + "; ".join(others[:5]))
        if not may_replace_head:
            raise CheckpointError(
                f"{path} has another head ({problems[0]}); with epochs = 0 it would be random: "
                "train it, or give weights for these classes"
            )
        state = {**wanted, **rest}
        notes.append(f"new head {head}")
    elif ours and _take_over(model.last, parts["last"]):
        notes.append("scale of the targets of the file")
    model.net.load_state_dict(state)
    return [f"weights of {path.name}", *notes]


def freeze_trunk(model: DataSpaceModel, outputs: int) -> None:
    """Let only the head of the network learn."""
    head = find_head(model.net, outputs)
    prefix = f"{head}." if head else ""
    for name, parameter in model.net.named_parameters():
        parameter.requires_grad_(name.startswith(prefix))


def _below(part: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one part of a `DataSpaceModel`, by their names in the part."""
    prefix = f"{part}."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _take_over(layers: nn.Module, state: dict[str, Tensor]) -> bool:
    """Load the state of the layers around the network where it fits; say whether it did."""
    if not state or _differences(layers.state_dict(), state):
        return False
    layers.load_state_dict(state)
    return True


def _differences(wanted: dict[str, Tensor], state: dict[str, Tensor]) -> list[str]:
    """Say how a file's tensors differ from those that a model has."""
    problems = []
    for name, tensor in wanted.items():
        if name not in state:
            problems.append(f"{name} is missing")
        elif state[name].shape != tensor.shape:
            got, want = tuple(state[name].shape), tuple(tensor.shape)
            problems.append(f"{name} has the shape {got}, wanted {want}")
    problems += [f"{name} is not in the model" for name in state if name not in wanted]
    return problems

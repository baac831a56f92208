"""How a pass is executed: in which precision, compiled or not, and what an error in it means."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable, OutOfMemory
from harness.measure.context import MeasureContext

if TYPE_CHECKING:
    import torch

_ALLOCATION = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "cudnn_status_alloc_failed",
)

Autocast = Callable[[], AbstractContextManager[Any]]


@contextlib.contextmanager
def precise(context: MeasureContext, precision: str) -> Iterator[Autocast]:
    """Yield the autocast of a precision, and hold CUDA's matrix products to it meanwhile.

    "suite" is the context's own precision, with torch's settings as they are: in fp32 these let
    CUDA's convolutions, though not its matrix products, use TF32. "fp32" and "tf32" settle both.
    "bf16" and "fp16" are torch's autocast, which casts the weights in each call.

    Raises:
        NotApplicable: The device does not have the precision.
    """
    import torch

    device = context.device
    if precision == "suite":
        yield context.autocast
        return
    if precision in ("tf32", "fp16") and device.type != "cuda":
        raise NotApplicable(f"{precision} needs a CUDA device; this one is {device.type}")
    if precision in ("bf16", "fp16"):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float16
        yield lambda: torch.autocast(device.type, dtype=dtype)
        return
    backends: list[Any] = [
        torch.backends.cuda.matmul,
        torch.backends.cudnn.conv,  # type: ignore[attr-defined]
        torch.backends.cudnn.rnn,
    ]
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield contextlib.nullcontext
    finally:
        for backend, was in zip(backends, before, strict=True):
            backend.fp32_precision = was


def compile_model(model: torch.nn.Module, dynamic: bool = False) -> Callable[..., Any]:
    """Return the model under torch.compile; it compiles when first called.

    dynamic: for batches of any size; else for one shape of inputs.

    The compiler works in this process: a pool of its own would outlive it, and be taken for others'
    work.
    """
    import torch
    import torch._dynamo
    import torch._inductor.config

    torch._inductor.config.compile_threads = 1
    # Jobs are told to be deterministic in the way that leaves the compiler unimported; here it is told, too.
    torch.use_deterministic_algorithms(
        torch.are_deterministic_algorithms_enabled(),
        warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch._dynamo.reset()  # else a seventh batch size would be refused, and run eagerly
    compiled: Callable[..., Any] = torch.compile(model, dynamic=dynamic)
    return compiled


@contextlib.contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn an error into NotApplicable, as `what` fails here; running out of memory stays itself.

    What torch and the exporter deprecate in their own code is not said.
    """
    try:
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            yield
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, NotApplicable):
            raise
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise NotApplicable(f"{what} fails here: {type(error).__name__}: {first_line}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that an allocation failed: Python's, torch's, CUDA's or one of several processes."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True  # torch's has that name; it is not imported to ask
    if not isinstance(error, RuntimeError):
        return False
    try:
        text = str(error).lower()
    except Exception:  # it is a plugin's
        return False
    return any(words in text for words in _ALLOCATION)

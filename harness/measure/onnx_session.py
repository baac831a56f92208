"""A model exported to ONNX, in a session of ONNX Runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable
from harness.measure.execution import refusing

if TYPE_CHECKING:
    import torch


def open_session(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    threads: int,
    device: torch.device,
    use_tf32: bool = False,
) -> Any:
    """Export a model for batches like `inputs`, and return an `onnxruntime.InferenceSession` on the device.

    It has one input and one output. The model must have been called before, so that nothing in it is lazy.

    Raises:
        NotApplicable: ONNX Runtime is missing or cannot use the device, or the model cannot be exported.
    """
    import torch

    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise NotApplicable(
            f"{error.name} is not installed: pip install 'model-harness[onnx]'"
        ) from error
    setting = onnxruntime.SessionOptions()
    setting.intra_op_num_threads, setting.inter_op_num_threads = threads, 1
    providers: list[Any] = ["CPUExecutionProvider"]
    if device.type == "cuda":
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise NotApplicable("this onnxruntime cannot use CUDA: pip install onnxruntime-gpu")
        cuda = {"device_id": device.index or 0, "use_tf32": int(use_tf32)}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    with tempfile.TemporaryDirectory() as folder, refusing("the export to ONNX"):
        path = Path(folder) / "model.onnx"
        with torch.inference_mode(False), torch.no_grad():
            torch.onnx.export(model, (inputs,), path, dynamo=True, verbose=False)
        return onnxruntime.InferenceSession(path, setting, providers=providers)

"""SAM 2.1's encoder run by OpenVINO where it is installed: the same but for rounding, sooner on a processor."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workers.engine.ahead import threads
from workers.engine.sam21 import StockSam2
from workers.engine.tensors import Features


class CompiledEncoder:
    """The encoder of a model, compiled for the processor; several threads may use it at a time.

    Parameters
    ----------
    model : StockSam2
        On the processor. Its precision ``bfloat16`` is that of the compiled encoder too.

    Notes
    -----
    It is made for one image at a time, takes some seconds to make, and has a copy of the weights.
    """

    def __init__(self, model: StockSam2) -> None:
        import openvino

        example = torch.zeros(1, 3, model.image_size, model.image_size)
        with torch.no_grad(), warnings.catch_warnings():
            # Of the trunk's branches, which one size of the image decides once; and of tracing itself, which is how
            # OpenVINO reads a module (what exports modules cannot follow the trunk's cache of places).
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            levels = _Levels(model).eval()
            levels(example)  # so that the places are known, and constants of the graph
            graph = openvino.convert_model(levels, example_input=example)
        streams = max(1, threads().encoders)
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if model.precision == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": streams * threads().encode,
            "NUM_STREAMS": streams,
            # Beside these threads there are those of the tracker.
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = openvino.Core().compile_model(graph, "CPU", options)
        self._own = threading.local()

    def __call__(self, images: Tensor) -> Features:
        """Return the features of one preprocessed image (1, 3, S, S)."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        found = request.infer({0: images.contiguous().numpy()}, share_inputs=True)
        # Copies: the next image is encoded into the same memory.
        quarter, eighth, deep = (torch.from_numpy(np.array(found[place])) for place in range(3))
        return Features(deep, (eighth, quarter))

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Return nothing: a copy of a model is made to get an adapter, which changes the encoder."""


class _Levels(nn.Module):
    """The encoder alone: image -> the features of three levels, the largest first."""

    def __init__(self, model: StockSam2) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model.forward_image(image)["backbone_fpn"])

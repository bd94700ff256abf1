"""An ONNX graph where the harness wants a torch module: its fp32 reference runs in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.errors import MissingPackage, NotMeasurable, one_line

if TYPE_CHECKING:
    import torch


def graph_network(path: Path) -> torch.nn.Module:
    """A module whose forward runs the graph of a file on the processor, without optimisations.

    It has no parameters of torch's; `held_weights` is the hash of the graph's.

    Raises:
        MissingPackage: onnxruntime is not installed.
        NotMeasurable: ONNX Runtime cannot take the graph.
    """
    import torch

    try:
        import onnxruntime
    except ImportError:
        raise MissingPackage("onnxruntime", needed_for=f"the reference of {path.name}") from None
    model = graphs.load(path, data=True)
    dtypes = [port.dtype for port in graphs.inputs(model, path)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    # the graph as it is written: a reference owes nothing to the optimiser that is judged
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own kinds share no base
        raise NotMeasurable(
            f"ONNX Runtime cannot take {path.name}: {one_line(error)[:300]}"
        ) from error
    names = [port.name for port in session.get_inputs()]

    class GraphNetwork(torch.nn.Module):
        held_weights = graphs.weights_hash(model)

        def forward(self, *inputs: torch.Tensor) -> Any:
            arrays = graphs.cast(tuple(each.numpy() for each in inputs), dtypes)
            try:
                found = session.run(None, dict(zip(names, arrays, strict=True)))
            except Exception as error:  # its own kinds share no base
                raise NotMeasurable(
                    f"{path.name} does not run on such inputs: {one_line(error)[:300]}"
                ) from error
            outputs = [
                each for each in found if hasattr(each, "dtype") and each.dtype.kind in "fiub"
            ]
            if len(outputs) < len(found):
                raise NotMeasurable(f"{path.name} gives an output that is no tensor of numbers")
            return tuple(torch.from_numpy(each) for each in outputs)

    return GraphNetwork().eval()

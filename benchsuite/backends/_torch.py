"""What backends that run torch modules share: the device, the layout, the precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from benchsuite import devices
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.backends import Job
from benchsuite.backends._artefacts import Shape, shape_of
from benchsuite.errors import NotMeasurable, one_line
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch

_LOWERED = {"bf16": "bfloat16", "fp16": "float16"}
# operators that do a network's work: the types they compute in are the precision that ran
_PRODUCTS = ("conv", "mm", "linear", "matmul", "lstm", "gru", "rnn", "attention")


def unsupported(backend: str, kind: str, precision: str) -> str | None:
    """Why torch does not compute at a precision on this kind of device; None if it does."""
    if precision == "fp32":
        return None
    if precision == "int8":
        return (
            f"backend {backend} does not run int8: it has no calibrated quantisation of its own; "
            "onnxruntime and openvino run it"
        )
    if precision == "tf32":
        return None if kind == "cuda" else f"tf32 is a format of NVIDIA's GPUs: not on {kind}"
    import torch

    if kind == "cuda":
        has = precision == "fp16" or torch.cuda.is_bf16_supported()
    else:
        oracle = {
            "bf16": torch.ops.mkldnn._is_mkldnn_bf16_supported,
            "fp16": torch.ops.mkldnn._is_mkldnn_fp16_supported,
        }
        has = bool(oracle[precision]())
    if has:
        return None
    return f"backend {backend} does not run {precision} here: this {kind} has no arithmetic for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A network on its device at its precision.

    Attributes:
        network: Takes and gives fp32, whatever it computes in.
        inner: The network itself, within the conversion of its inputs and outputs.
        layout: Memory layout of inputs by their number of dimensions.
        precision_ran: Read back from the operators of one query.
        how: Layout and precision in words.
    """

    network: torch.nn.Module
    inner: torch.nn.Module
    device: torch.device
    layout: dict[int, torch.memory_format]
    precision_ran: str
    how: str

    def inputs(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """Arrays as tensors on the device, in the network's layout."""
        placed = []
        for tensor in to_tensors(arrays):
            tensor = tensor.to(self.device)
            layout = self.layout.get(tensor.dim())
            placed.append(tensor if layout is None else tensor.to(memory_format=layout))
        return tuple(placed)


class TorchExecutable:
    """An `Executable` whose queries are calls of torch modules, one a shape or one for all."""

    def __init__(
        self, placed: Placed, call_of: Callable[[Shape], Callable[..., Any]], *, how: str
    ) -> None:
        self._placed = placed
        self._call_of = call_of
        self.precision_ran = placed.precision_ran
        self.how = how

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        return partial(self._call_of(shape_of(inputs)), *self._placed.inputs(inputs))

    def run(self, inputs: Arrays) -> Arrays:
        return as_arrays(self.bind(inputs)())


def place(network: torch.nn.Module, job: Job) -> Placed:
    """Puts a network on the job's device, channels-last, at the job's precision.

    Raises:
        NotMeasurable: The network does not run at that precision.
    """
    import torch

    if job.device.kind == "cuda":  # fp32 means fp32: torch may compute in TF32 otherwise
        tf32 = job.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
    device = torch.device(devices.device(job.device.kind).torch_name(job.device))
    network = network.to(device).eval()
    inner, layout = network, _channels_last(network)
    how = "channels-last" if layout else "contiguous"
    if job.precision in _LOWERED:
        network = lowered(network, job.precision)
        how += f", {_LOWERED[job.precision]} inside, fp32 in and out (converted in the query)"
    placed = Placed(
        network=network, inner=inner, device=device, layout=layout, precision_ran="", how=how
    )
    smallest = tuple(array[:1] for array in job.samples[0])
    try:
        ran = _precision_ran(network, placed.inputs(smallest))
    except RuntimeError as error:
        if job.precision not in _LOWERED:
            raise
        raise NotMeasurable(
            f"the network does not run in {job.precision}: {one_line(error)}"
        ) from error
    return replace(placed, precision_ran=ran)


def lowered(network: torch.nn.Module, precision: str) -> torch.nn.Module:
    """A network that computes in bf16 or fp16, weights included, and takes and gives fp32."""
    import torch

    kind: torch.dtype = getattr(torch, _LOWERED[precision])

    class Lowered(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.to(kind)

        def forward(self, *inputs: torch.Tensor) -> Any:
            given = [x.to(kind) if x.is_floating_point() else x for x in inputs]
            outputs = self.network(*given)
            if isinstance(outputs, torch.Tensor):
                return outputs.float() if outputs.is_floating_point() else outputs
            return tuple(out.float() if out.is_floating_point() else out for out in outputs)

    return Lowered().eval()


def _precision_ran(network: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> str:
    """The widest type in which the products of one query compute."""
    import torch
    from torch.overrides import TorchFunctionMode

    types: set[torch.dtype] = set()

    class Watch(TorchFunctionMode):  # a dispatch mode would import all of dynamo, for a second
        def __torch_function__(
            self, func: Any, types_: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            out = func(*args, **(kwargs or {}))
            first = out[0] if isinstance(out, (tuple, list)) and out else out
            called = getattr(func, "__name__", "")
            if isinstance(first, torch.Tensor) and any(name in called for name in _PRODUCTS):
                types.add(first.dtype)
            return out

    with torch.no_grad(), Watch():
        network(*inputs)
    if not types:  # a look-up: its table's type
        types = {p.dtype for p in network.parameters() if p.is_floating_point()}
    widest = max(types, key=lambda kind: kind.itemsize, default=torch.float32)
    for name, kind in _LOWERED.items():
        if widest is getattr(torch, kind):
            return name
    tf32 = inputs[0].is_cuda and torch.backends.cuda.matmul.allow_tf32
    return "tf32" if tf32 else "fp32"


def _channels_last(network: torch.nn.Module) -> dict[int, torch.memory_format]:
    """Puts convolutions' weights channels-last; gives the layout of inputs by dimensions."""
    import torch

    layout: dict[int, torch.memory_format] = {}
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            layout[4] = torch.channels_last
        elif isinstance(module, torch.nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
            layout[5] = torch.channels_last_3d
    return layout

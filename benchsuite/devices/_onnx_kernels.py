"""Compute kernels that ONNX Runtime runs on the processor, where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

from benchsuite.devices import Kernel

_PRODUCT = 768
_CHANNELS, _SIDE = 256, 28


def onnx_kernels(*, precision: str, threads: int) -> Iterator[Kernel]:
    """A matrix product and an unpadded 3x3 convolution in fp32; none without the packages."""
    if precision != "fp32":
        return
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        return
    yield Kernel(
        name=f"onnxruntime matrix product {_PRODUCT}",
        amount=2.0 * _PRODUCT**3,
        make=lambda: _session(
            "MatMul", (_PRODUCT, _PRODUCT), (_PRODUCT, _PRODUCT), threads=threads
        ),
    )
    yield Kernel(
        name=f"onnxruntime convolution 3x3 1x{_CHANNELS}x{_SIDE}x{_SIDE}",
        amount=2.0 * _CHANNELS * _CHANNELS * 9 * _SIDE * _SIDE,
        make=lambda: _session(
            "Conv",
            (1, _CHANNELS, _SIDE + 2, _SIDE + 2),
            (_CHANNELS, _CHANNELS, 3, 3),
            threads=threads,
        ),
    )


def _session(
    operator: str, data: tuple[int, ...], weight: tuple[int, ...], *, threads: int
) -> Callable[[], object]:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    constant = generator.standard_normal(weight, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"])],
        operator,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, data)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(constant, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = min(model.ir_version, 10)  # older runtimes refuse newer versions
    assert onnx is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    binding.bind_cpu_input("x", generator.standard_normal(data, dtype=np.float32))
    binding.bind_output("y")
    return lambda: session.run_with_iobinding(binding)

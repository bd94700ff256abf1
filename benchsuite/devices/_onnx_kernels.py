"""Compute kernels that ONNX Runtime runs on the processor, where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchsuite.devices import Kernel


def onnx_kernels(
    *,
    precision: str,
    threads: int,
    products: tuple[tuple[int, int, int], ...],
    convolutions: tuple[tuple[int, int, int], ...],
) -> Iterator[Kernel]:
    """Matrix products and unpadded 3x3 convolutions in fp32 or int8 (unsigned by signed).

    None without the packages, nor at other precisions.

    Args:
        precision: As in `--precision`.
        threads: Of a session.
        products: Rows, depth and columns of each.
        convolutions: Batch, channels and output side of each.
    """
    operators = {"fp32": ("MatMul", "Conv"), "int8": ("MatMulInteger", "QLinearConv")}
    if precision not in operators:
        return
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        return
    product, convolution = operators[precision]
    kind = "" if precision == "fp32" else f"{precision} "
    for rows, depth, columns in products:
        yield Kernel(
            name=f"onnxruntime {kind}matrix product {rows}x{depth}x{columns}",
            amount=2.0 * rows * depth * columns,
            make=partial(_session, product, (rows, depth), (depth, columns), threads=threads),
        )
    for batch, channels, side in convolutions:
        data = (batch, channels, side + 2, side + 2)
        weight = (channels, channels, 3, 3)
        yield Kernel(
            name=f"onnxruntime {kind}convolution 3x3 {batch}x{channels}x{side}x{side}",
            amount=2.0 * batch * channels * channels * 9 * side * side,
            make=partial(_session, convolution, data, weight, threads=threads),
        )


def _session(
    operator: str, data: tuple[int, ...], weight: tuple[int, ...], *, threads: int
) -> Callable[[], object]:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    given, made = TensorProto.FLOAT, TensorProto.FLOAT
    inputs = ["x", "w"]
    if operator in ("MatMulInteger", "QLinearConv"):
        value: Any = generator.integers(0, 256, data).astype(np.uint8)
        constants: dict[str, Any] = {"w": generator.integers(-127, 128, weight).astype(np.int8)}
        given, made = TensorProto.UINT8, TensorProto.INT32
        if operator == "QLinearConv":
            inputs = ["x", "scale", "zero", "w", "scale", "zero_w", "scale_y", "zero"]
            made = TensorProto.UINT8
            constants |= {
                "scale": np.float32(0.02),
                "scale_y": np.float32(0.2),
                "zero": np.uint8(128),
                "zero_w": np.int8(0),
            }
    else:
        value = generator.standard_normal(data, dtype=np.float32)
        constants = {"w": generator.standard_normal(weight, dtype=np.float32)}
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, ["y"])],
        operator,
        [helper.make_tensor_value_info("x", given, data)],
        [helper.make_tensor_value_info("y", made, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
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
    binding.bind_cpu_input("x", value)
    binding.bind_output("y")
    return lambda: session.run_with_iobinding(binding)

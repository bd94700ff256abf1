"""A stand-in for TensorRT's Python package: engines that ONNX Runtime runs on the processor.

Only what `backends/tensorrt.py` calls, with TensorRT 10's names and return values.
"""

from __future__ import annotations

import ctypes
import enum
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime


class _Enum(enum.Enum):
    def __int__(self) -> int:
        return int(self.value)


class DataType(_Enum):
    FLOAT, HALF, BF16, INT64, INT32, BOOL = range(6)


class LayerType(_Enum):
    CONVOLUTION, MATRIX_MULTIPLY, OTHER = range(3)


class TensorIOMode(_Enum):
    INPUT, OUTPUT = range(2)


class BuilderFlag(_Enum):
    TF32 = 0


class NetworkDefinitionCreationFlag(_Enum):
    STRONGLY_TYPED = 1


_TYPES = {1: DataType.FLOAT, 10: DataType.HALF, 16: DataType.BF16, 7: DataType.INT64,
          6: DataType.INT32, 9: DataType.BOOL}  # fmt: skip
_LAYERS = {"Conv": LayerType.CONVOLUTION, "MatMul": LayerType.MATRIX_MULTIPLY,
           "Gemm": LayerType.MATRIX_MULTIPLY}  # fmt: skip
CALLS: list[str] = []  # what was asked of the builder, for the tests


class Logger:
    ERROR = 1

    def __init__(self, level: int) -> None:
        self.level = level


class _Port:
    def __init__(self, value: Any) -> None:
        kind = value.type.tensor_type
        self.name = value.name
        self.dtype = _TYPES[kind.elem_type]
        self.shape = tuple(d.dim_value or -1 for d in kind.shape.dim)


class _Layer:
    def __init__(self, node: Any, types: dict[str, DataType]) -> None:
        self.type = _LAYERS.get(node.op_type, LayerType.OTHER)
        self._first = ModuleType("tensor")
        self._first.dtype = types.get(node.input[0] if node.input else "", DataType.FLOAT)  # type: ignore[attr-defined]

    def get_input(self, number: int) -> Any:
        return self._first


class _Network:
    def __init__(self, flags: int) -> None:
        assert flags == 2, "strongly typed"
        self.path = ""

    def fill(self, path: str) -> None:
        self.path = path
        model = onnx.shape_inference.infer_shapes(onnx.load(path))
        values = [*model.graph.value_info, *model.graph.input, *model.graph.output]
        types = {v.name: _TYPES[v.type.tensor_type.elem_type] for v in values}
        self._inputs = [_Port(value) for value in model.graph.input]
        self._layers = [_Layer(node, types) for node in model.graph.node]
        self.num_layers = len(self._layers)

    def get_input(self, number: int) -> _Port:
        return self._inputs[number]

    def get_layer(self, number: int) -> _Layer:
        return self._layers[number]


class OnnxParser:
    def __init__(self, network: _Network, logger: Logger) -> None:
        self._network = network
        self.num_errors = 0

    def parse_from_file(self, path: str) -> bool:
        if any(node.domain for node in onnx.load(path).graph.node):
            self.num_errors = 1
            return False
        self._network.fill(path)
        return True

    def get_error(self, number: int) -> Any:
        error = ModuleType("error")
        error.desc = lambda: "no importer for the operator"  # type: ignore[attr-defined]
        return error


class _Config:
    def __init__(self) -> None:
        self._flags = {BuilderFlag.TF32}  # on by default, as in TensorRT

    def set_flag(self, flag: BuilderFlag) -> None:
        self._flags.add(flag)

    def clear_flag(self, flag: BuilderFlag) -> None:
        self._flags.discard(flag)

    def get_flag(self, flag: BuilderFlag) -> bool:
        return flag in self._flags

    def add_optimization_profile(self, profile: Any) -> int:
        return 0


class _Profile:
    def set_shape(self, name: str, *shapes: tuple[int, ...]) -> None:
        CALLS.append(f"{name} {shapes[0]}")


class Builder:
    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def create_network(self, flags: int) -> _Network:
        return _Network(flags)

    def create_builder_config(self) -> _Config:
        return _Config()

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes:
        CALLS.append("built")
        content = Path(network.path).read_bytes()
        return json.dumps({"tf32": config.get_flag(BuilderFlag.TF32)}).encode() + b"\0" + content


class Runtime:
    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def deserialize_cuda_engine(self, plan: bytes) -> _Engine | None:
        return _Engine(plan.partition(b"\0")[2]) if b"\0" in plan else None


class _Engine:
    def __init__(self, content: bytes) -> None:
        self._model = onnx.load_from_string(content)
        self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.inputs = [_Port(value) for value in self._model.graph.input]
        self.outputs = [_Port(value) for value in self._model.graph.output]
        self.num_io_tensors = len(self.inputs) + len(self.outputs)

    def get_tensor_name(self, number: int) -> str:
        return [*self.inputs, *self.outputs][number].name

    def _port(self, name: str) -> _Port:
        return next(port for port in (*self.inputs, *self.outputs) if port.name == name)

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        entering = any(port.name == name for port in self.inputs)
        return TensorIOMode.INPUT if entering else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> DataType:
        return self._port(name).dtype

    def create_execution_context(self) -> _Context:
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name] = shape
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        batch = next(iter(self._shapes.values()))[0]
        shape = next(port.shape for port in self._engine.outputs if port.name == name)
        return (batch, *shape[1:])

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        given = {}
        for port in self._engine.inputs:
            shape = self._shapes[port.name]
            array = np.empty(shape, dtype={"FLOAT": "f4", "INT64": "i8"}[port.dtype.name])
            ctypes.memmove(array.ctypes.data, self._addresses[port.name], array.nbytes)
            given[port.name] = array
        for port, array in zip(self._engine.outputs, self._engine.session.run(None, given),
                               strict=True):  # fmt: skip
            array = np.ascontiguousarray(array)
            ctypes.memmove(self._addresses[port.name], array.ctypes.data, array.nbytes)
        return True

"""Counts work, bytes and parameters of a network by running it on the meta device.

Every operator passes through a dispatch mode, which looks up its FLOP; module hooks say to which
layer it belongs. A layer is a module without children, or an operator called directly by one
that has some. Recurrent layers and attention are taken whole, by closed forms, before torch would
unroll them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from benchsuite.accounting.formulas import GATES, flop, recurrent_work, valid_taps
from benchsuite.errors import NotMeasurable
from benchsuite.types import Count, Layer, Signature

if TYPE_CHECKING:
    import torch


def count(
    build: Callable[[], torch.nn.Module],
    signature: Signature,
    *,
    batch: int,
    training: bool = True,
) -> Count:
    """Counts one query of a network.

    Args:
        build: Makes the network; called under the meta device, so no memory is taken.
        signature: The sample's shapes.
        batch: Samples in the query.
        training: Count a forward and backward pass too.

    Raises:
        NotMeasurable: `build` failed, or the network does not run on the meta device; the text
            says which and why.
    """
    import torch

    try:
        with torch.device("meta"):
            network = build().eval()
    except (Exception, SystemExit) as error:
        raise NotMeasurable(f"build failed: {_first_line(error)}") from error
    lazy = unshaped(network)
    if lazy is not None:
        raise NotMeasurable(lazy)
    inputs = _meta_inputs(signature, batch=batch)
    record = _Record(network)
    try:
        with torch.no_grad(), record.watching():
            outputs = network(*inputs)
    except Exception as error:
        raise NotMeasurable(
            f"the network does not run on the meta device: {_first_line(error)}"
        ) from error
    if not isinstance(outputs, (torch.Tensor, tuple, list)):
        raise NotMeasurable(
            f"a network must give a tensor or a tuple of tensors, not {type(outputs).__name__}"
        )
    floats = [tensor for tensor in inputs if tensor.is_floating_point()]
    whole = [tensor for tensor in inputs if not tensor.is_floating_point()]
    work, reason = _training_work(network, inputs) if training else (None, "not asked for")
    return Count(
        batch=batch,
        frames=signature.frames * batch,
        share=signature.share,
        layers=record.layers(),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        input_elements=sum(tensor.numel() for tensor in floats),
        input_integer_b=sum(tensor.numel() * tensor.element_size() for tensor in whole),
        output_elements=sum(tensor.numel() for tensor in _tensors(outputs)),
        uncounted=tuple(sorted(record.uncounted)),
        training_work=work,
        training_reason=reason,
    )


def unshaped(network: torch.nn.Module) -> str | None:
    """Which weight of a lazy module has no shape yet, and what to do; None where all have one."""
    from torch.nn.parameter import is_lazy

    held = chain(network.named_parameters(), network.named_buffers())
    name = next((name for name, tensor in held if is_lazy(tensor)), None)
    if name is None:
        return None
    return (
        f"{name} is a lazy module's and has no shape before a first query: give the layer its "
        "sizes, or run the network once in build"
    )


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _training_work(
    network: torch.nn.Module, inputs: Sequence[Any]
) -> tuple[float | None, str | None]:
    """FLOP of a forward and a backward pass; the network's inputs need no gradient."""
    import torch

    network.train()
    record = _Record(network)
    try:
        with torch.enable_grad(), record.watching():
            outputs = [t for t in _tensors(network(*inputs)) if t.requires_grad]
            if not outputs:
                return None, "no output depends on a parameter"
            sum((t.sum() for t in outputs[1:]), outputs[0].sum()).backward()
    except (NotImplementedError, RuntimeError) as error:
        return None, f"the backward pass does not run on the meta device: {error}"
    return record.total, None


@dataclass(slots=True)
class _Row:
    """A layer while it is being counted."""

    name: str
    kind: str
    work: float = 0.0
    valid_work: float = 0.0
    parameters: int = 0
    shape: tuple[int, ...] = ()
    inputs: int = 0
    looked_up: int = 0
    outputs: int = 0
    integer_b: int = 0
    busy: bool = False
    seen: set[tuple[int, int, int]] = field(default_factory=set)
    read: dict[int, int] = field(default_factory=dict)

    @property
    def weights(self) -> int:
        """Elements of weights that are read: each part once, a table's rows at each look-up."""
        return sum(self.read.values()) + self.looked_up


class _Record:
    """The state of one counted pass: which layer is running and what it has cost so far."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network
        self._names = {id(module): name for name, module in network.named_modules()}
        self._weights: dict[int, int] = {}
        for parameter in network.parameters():
            storage = _storage(parameter)
            self._weights[storage] = self._weights.get(storage, 0) + parameter.numel()
        self._owned: set[int] = set()
        self._rows: dict[str, _Row] = {}
        self._stack: list[torch.nn.Module] = []
        self._leaf: _Row | None = None
        self._suspended = False
        self.total = 0.0
        self.uncounted: set[str] = set()

    def layers(self) -> tuple[Layer, ...]:
        """The rows that cost something or hold parameters."""
        return tuple(
            Layer(
                name=row.name,
                kind=row.kind,
                work=row.work,
                work_without_padding=row.valid_work,
                parameters=row.parameters,
                output_shape=row.shape,
                input_elements=row.inputs,
                weight_elements=row.weights,
                output_elements=row.outputs,
                integer_bytes=row.integer_b,
            )
            for row in self._rows.values()
            if row.busy or row.parameters
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Counts whatever runs inside."""
        from torch.nn import functional
        from torch.nn.modules.module import (
            register_module_forward_hook,
            register_module_forward_pre_hook,
        )

        before = register_module_forward_pre_hook(self._enter)
        after = register_module_forward_hook(self._leave, always_call=True)
        dispatch, functions = _modes(self)
        # inside torch's own Python functions (multi_head_attention_forward) the function mode is
        # off, so attention is caught by its name there
        kernel = functional.scaled_dot_product_attention
        functional.scaled_dot_product_attention = partial(_attention, self, kernel)
        try:
            with dispatch, functions:
                yield
        finally:
            functional.scaled_dot_product_attention = kernel
            before.remove()
            after.remove()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Operators inside are not counted: the layer that they stand for is taken whole."""
        self._suspended = True
        try:
            yield
        finally:
            self._suspended = False

    # --- which layer is running

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        self._stack.append(module)
        if self._leaf is not None or next(module.children(), None) is not None:
            return
        if id(module) not in self._names:
            return
        name = self._names[id(module)] or type(module).__name__
        row = self._rows.setdefault(name, _Row(name=name, kind=type(module).__name__))
        self._leaf = row
        self._own_parameters(row, module)

    def _leave(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        self._stack.pop()
        row = self._leaf
        if row is None or row.name != (self._names.get(id(module)) or type(module).__name__):
            return
        self._leaf = None
        if row.busy:
            self._move(row, inputs=_tensors(args), outputs=_tensors(output))

    def _own_parameters(self, row: _Row, module: torch.nn.Module) -> None:
        for parameter in module.parameters(recurse=False):
            self._own(row, _storage(parameter), parameter.numel())

    def _own(self, row: _Row, storage: int, elements: int) -> None:
        if storage not in self._owned:
            self._owned.add(storage)
            row.parameters += elements

    def _read(self, row: _Row, tensors: Sequence[Any]) -> None:
        """Adds the weights among the tensors; of a part that is cut out, that part."""
        for tensor in tensors:
            storage = _storage(tensor)
            if storage not in self._weights:
                continue
            self._own(row, storage, self._weights[storage])
            elements = _distinct(tensor)
            part = (storage, tensor.storage_offset(), elements)
            if part not in row.seen:
                row.seen.add(part)
                read = row.read.get(storage, 0) + elements
                row.read[storage] = min(read, self._weights[storage])

    def _look_up(self, row: _Row, table: Any, elements: int) -> None:
        """Adds a look-up's rows: one for each index, of a bag many where one is given out."""
        storage = _storage(table)
        if storage in self._weights:
            self._own(row, storage, self._weights[storage])
            row.looked_up += elements
        elif row is not self._leaf:  # whose inputs are its arguments
            row.inputs += elements

    def _move(self, row: _Row, *, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        for tensor in inputs:
            if _storage(tensor) in self._weights:
                continue  # counted where it is read
            if tensor.is_floating_point():
                row.inputs += tensor.numel()
            else:
                row.integer_b += tensor.numel() * tensor.element_size()
        for tensor in outputs:
            if tensor.is_floating_point():
                row.outputs += tensor.numel()
            else:
                row.integer_b += tensor.numel() * tensor.element_size()
        if outputs:
            row.shape = tuple(outputs[0].shape)

    # --- what it costs

    def operator(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Adds one operator's call."""
        if self._suspended:
            return
        work = flop(func, args, kwargs, out)
        name = str(func._schema.name).partition("::")[2]
        inputs, outputs = _tensors((args, kwargs)), _tensors(out)
        views = _views(func, inputs, outputs)
        if work is None:
            if not views:
                self.uncounted.add(name)
            work = 0.0
        self.total += work
        if views or not outputs or name in _MOVES_NOTHING:
            return
        table = args[0] if self._is_look_up(name, args) else None
        if table is not None:  # of a bag's other outputs a forward pass needs none
            inputs, outputs = inputs[1:], outputs[:1]
        row = self._charge(
            name,
            work=work,
            valid=work * _valid_share(func, args, out) if work else 0.0,
            inputs=inputs,
            outputs=outputs,
        )
        if table is not None:
            bag = name.startswith("_embedding_bag")
            elements = args[1].numel() * table.shape[-1] if bag else outputs[0].numel()
            self._look_up(row, table, elements)

    def _is_look_up(self, name: str, args: Any) -> bool:
        """Whether an operator takes rows of a table: an embedding, or an indexed weight."""
        if name.startswith(("embedding", "_embedding_bag")):
            return True
        return name in _TAKES_ELEMENTS and _storage(args[0]) in self._weights

    def composite(self, name: str, *, work: float, inputs: Sequence[Any], out: Any) -> None:
        """Adds a layer that was taken whole."""
        self.total += work
        self._charge(name, work=work, valid=work, inputs=inputs, outputs=_tensors(out))

    def _charge(
        self, name: str, *, work: float, valid: float, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> _Row:
        row = self._leaf
        if row is None:
            path = self._names.get(id(self._stack[-1]), "") if self._stack else ""
            base = f"{path}.{name}" if path else name
            key, copy = base, 1
            while key in self._rows:
                copy += 1
                key = f"{base}#{copy}"
            row = self._rows[key] = _Row(name=key, kind=name)
            self._move(row, inputs=inputs, outputs=outputs)
        self._read(row, inputs)
        row.busy = True
        row.work += work
        row.valid_work += valid
        return row


# Operators that read as many elements of their first argument as they give out.
_TAKES_ELEMENTS = frozenset(["index", "index_select", "gather", "take"])


# Bookkeeping of autograd and of tensors' making, which no inference backend would keep.
_MOVES_NOTHING = frozenset(
    [
        "detach",
        "alias",
        "lift_fresh",
        "empty",
        "zeros",
        "ones",
        "full",
        "arange",
        "scalar_tensor",
        "empty_like",
        "zeros_like",
        "ones_like",
        "full_like",
        "new_zeros",
        "new_empty",
        "expand_as",
        "_unsafe_view",
    ]
)


def _views(func: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> bool:
    """Whether an operator's outputs lie in its inputs' storage and nothing was written there.

    Some hide it from autograd (`unsafe_split`, `_reshape_alias`), some change a tensor's shape in
    place (`squeeze_`).
    """
    import torch

    if func.is_view or torch.Tag.inplace_view in func.tags:
        return True
    if func._schema.is_mutable or not outputs:
        return False
    known = {_storage(tensor) for tensor in inputs}
    return all(_storage(tensor) in known for tensor in outputs)


def _modes(record: _Record) -> tuple[Any, Any]:
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Dispatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if func.namespace == "prim":
                return func(*args, **kwargs)
            out = func(*args, **kwargs)
            record.operator(func, args, kwargs, out)
            return out

    class Functions(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            name = getattr(func, "__name__", "")
            if name in GATES and (call := _Call.of(args)) is not None:
                return _recurrent(record, name, call)
            if name == "scaled_dot_product_attention":
                return _attention(record, func, *args, **kwargs)
            if func is torch.bilinear:
                return _bilinear(record, *args, **kwargs)
            return func(*args, **kwargs)

    return Dispatch(), Functions()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What a recurrent layer's call says of its work; `data` of a packed one has no time axis."""

    data: Any
    state: Any
    weights: Sequence[Any]
    layers: int
    bidirectional: bool

    @classmethod
    def of(cls, args: Any) -> _Call | None:
        """A call by its nine arguments; a `PackedSequence`'s has the batch sizes second.

        Whole: data, state, weights, has_biases, layers, dropout, training, bidirectional,
        batch_first. Packed: data, batch_sizes, state, weights, has_biases, layers, dropout,
        training, bidirectional.
        """
        if len(args) != 9:
            return None
        rest = args[1:] if isinstance(args[3], bool) else args[2:]
        state, weights, _, layers, _, _, bidirectional = rest[:7]
        if not isinstance(weights, (list, tuple)):
            return None
        return cls(
            data=args[0], state=state, weights=weights, layers=layers, bidirectional=bidirectional
        )


def _recurrent(record: _Record, kind: str, call: _Call) -> Any:
    import torch

    data, state, weights = call.data, call.state, call.weights
    directions = 2 if call.bidirectional else 1
    hidden = weights[0].shape[0] // GATES[kind]
    first_state = state[0] if kind == "lstm" else state
    width = first_state.shape[-1]
    steps = math.prod(data.shape[:-1])
    work = recurrent_work(
        kind,
        steps=steps,
        inputs=data.shape[-1],
        hidden=hidden,
        layers=call.layers,
        directions=directions,
        projection=width if width != hidden else 0,
    )
    # the gradient of the first layer's input is not needed where the input needs none
    first_input = 2.0 * steps * directions * GATES[kind] * hidden * data.shape[-1]

    class Whole(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, data: Any, *weights: Any) -> Any:
            ctx.save_for_backward(data, *weights)
            return data.new_empty((*data.shape[:-1], width * directions))

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            saved = ctx.saved_tensors
            record.total += 2 * work - (0.0 if ctx.needs_input_grad[0] else first_input)
            return tuple(torch.empty_like(tensor) for tensor in saved)

    with record.suspended():
        out = Whole.apply(data, *weights)  # type: ignore[no-untyped-call]
    record.composite(kind, work=work, inputs=(data, *weights), out=out)
    return (out, *state) if kind == "lstm" else (out, state)


def _attention(
    record: _Record, kernel: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any
) -> Any:
    """Scaled dot-product attention as two products, whichever kernel would serve it."""
    import torch

    if torch.is_grad_enabled() and any(t.requires_grad for t in (query, key, value)):
        return kernel(query, key, value, *args, **kwargs)
    leading = query.shape[:-2]
    if not kwargs.get("enable_gqa"):  # there a key's head serves several of the queries'
        leading = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
            leading, key.shape[:-2], value.shape[:-2]
        )
    rows, columns = math.prod(leading) * query.shape[-2], key.shape[-2]
    work = 2.0 * rows * columns * (query.shape[-1] + value.shape[-1])
    with record.suspended():
        out = query.new_empty((*leading, query.shape[-2], value.shape[-1]))
    record.composite("scaled_dot_product_attention", work=work, inputs=(query, key, value), out=out)
    return out


def _bilinear(record: _Record, first: Any, second: Any, weight: Any, bias: Any = None) -> Any:
    """y[o] = sum over i, j of first[i] weight[o, i, j] second[j]: over i, then over j."""
    import torch

    outputs, width1, width2 = weight.shape
    rows = math.prod(first.shape[:-1])
    work = 2.0 * rows * outputs * width2 * (width1 + 1)
    if torch.is_grad_enabled():
        raise NotImplementedError("torch has no backward of bilinear there")
    with record.suspended():
        out = first.new_empty((*first.shape[:-1], outputs))
    inputs = (first, second, weight) if bias is None else (first, second, weight, bias)
    record.composite("bilinear", work=work, inputs=inputs, out=out)
    return out


def _valid_share(func: Any, args: Any, out: Any) -> float:
    """Share of an operator's taps that are not on padding; 1 for all but padded convolutions."""
    name = str(func._schema.name)
    if name not in ("aten::convolution", "aten::_convolution"):
        return 1.0
    data, weight, _, stride, padding, dilation, transposed = args[:7]
    dims = weight.dim() - 2
    if transposed or not any(padding):
        return 1.0
    return valid_taps(
        size=data.shape[-dims:],
        kernel=weight.shape[-dims:],
        stride=_spread(stride, dims),
        padding=_spread(padding, dims),
        dilation=_spread(dilation, dims),
        out=out.shape[-dims:],
    )


def _spread(values: Sequence[int], dims: int) -> Sequence[int]:
    return list(values) * dims if len(values) == 1 else values


def _meta_inputs(signature: Signature, *, batch: int) -> tuple[Any, ...]:
    import torch

    return tuple(
        torch.empty((batch, *spec.shape), dtype=getattr(torch, spec.dtype), device="meta")
        for spec in signature.inputs
    )


def _storage(tensor: Any) -> int:
    """What tells whether two tensors are views of one memory."""
    return int(tensor.untyped_storage()._cdata)


def _distinct(tensor: Any) -> int:
    """Elements of a view; those that an expansion repeats count once."""
    return math.prod(
        size for size, step in zip(tensor.shape, tensor.stride(), strict=True) if step or not size
    )


def _tensors(value: Any) -> list[Any]:
    """All tensors in nested tuples, lists and dicts."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []

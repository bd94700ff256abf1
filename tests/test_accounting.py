"""Tests of benchsuite.accounting against hand counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from benchsuite import catalog, probe
from benchsuite.accounting.count import count
from benchsuite.accounting.formulas import recurrent_work, valid_taps
from benchsuite.accounting.roofline import Roof, bound_by, roofline_seconds
from benchsuite.accounting.summary import as_json, count_workload
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.types import Count, Signature, TensorSpec


def signature(*shape: int, dtype: str = "float32") -> Signature:
    return Signature(inputs=(TensorSpec(shape=shape, dtype=dtype, high=10),))


def work_of(network: nn.Module, *shape: int, batch: int = 1) -> Count:
    return count(lambda: network.to("meta"), signature(*shape), batch=batch)


@pytest.mark.parametrize(
    ("layer", "shape", "work"),
    [
        (nn.Conv1d(4, 6, 3), (4, 10), 2 * 4 * 3 * 6 * 8),
        (nn.Conv2d(4, 8, 3), (4, 10, 10), 2 * 4 * 9 * 8 * 64),
        (nn.Conv2d(4, 8, 3, groups=4), (4, 10, 10), 2 * 1 * 9 * 8 * 64),
        (nn.Conv2d(4, 8, 3, stride=2, dilation=2), (4, 11, 11), 2 * 4 * 9 * 8 * 16),
        (nn.Conv3d(2, 4, (2, 3, 3)), (2, 4, 6, 6), 2 * 2 * 18 * 4 * 3 * 4 * 4),
        (nn.Conv1d(8, 8, 3, groups=8), (8, 10), 2 * 1 * 3 * 8 * 8),  # depthwise
        (nn.Conv1d(4, 6, 3, groups=2, dilation=2), (4, 10), 2 * 2 * 3 * 6 * 6),
        (nn.Conv2d(4, 8, (3, 1), groups=2), (4, 10, 10), 2 * 2 * 3 * 8 * 8 * 10),
        (nn.Conv3d(4, 4, 3, groups=4), (4, 5, 5, 5), 2 * 1 * 27 * 4 * 27),  # depthwise
        (nn.Conv3d(2, 4, 2, dilation=2), (2, 5, 5, 5), 2 * 2 * 8 * 4 * 27),
        # transposed: every input element meets every tap once
        (nn.ConvTranspose1d(4, 6, 3, stride=2), (4, 5), 2 * 4 * 3 * 6 * 5),
        (nn.ConvTranspose2d(4, 8, 2, stride=2), (4, 5, 5), 2 * 4 * 4 * 8 * 25),
        (nn.ConvTranspose2d(4, 8, 3, groups=4), (4, 5, 5), 2 * 1 * 9 * 8 * 25),
        (nn.ConvTranspose3d(2, 4, 2), (2, 3, 3, 3), 2 * 2 * 8 * 4 * 27),
        (nn.Linear(7, 5), (7,), 2 * 7 * 5),
        (nn.Bilinear(3, 4, 5), None, None),
        (nn.ReLU(), (7,), 0),
    ],
)
def test_a_layers_work_is_the_hand_count(
    layer: nn.Module, shape: tuple[int, ...] | None, work: int | None
) -> None:
    """A multiply-accumulate is two FLOP, for every kind of convolution and product."""
    if shape is None:
        layer_signature = Signature(inputs=(TensorSpec(shape=(3,)), TensorSpec(shape=(4,))))
        counted = count(lambda: layer.to("meta"), layer_signature, batch=2)
        assert counted.work == 2 * 2 * 5 * 4 * (3 + 1)
        return
    assert work_of(layer, *shape).work == work


def test_padding_taps_are_told_apart() -> None:
    """A 3x3 convolution with padding 1 on 8x8 has (22/24)^2 of its taps inside."""
    (layer,) = work_of(nn.Conv2d(1, 1, 3, padding=1), 1, 8, 8).layers
    assert layer.work == 2 * 9 * 64
    assert layer.work_without_padding == pytest.approx(2 * 22 * 22)


def test_valid_taps_by_brute_force() -> None:
    """The share of valid taps agrees with counting ones through a convolution of ones."""
    for size, kernel, stride, padding, dilation in [
        (9, 3, 2, 1, 1),
        (10, 5, 3, 2, 2),
        (7, 7, 1, 3, 1),
    ]:
        layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation, bias=False)
        nn.init.ones_(layer.weight)
        out = layer(torch.ones(1, 1, size)).detach()
        share = valid_taps(
            size=[size], kernel=[kernel], stride=[stride], padding=[padding],
            dilation=[dilation], out=[out.shape[-1]],
        )  # fmt: skip
        assert share == pytest.approx(float(out.sum()) / (out.shape[-1] * kernel))


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_are_seen(kind: type[nn.Module], gates: int) -> None:
    """Two bidirectional layers: per step and direction, gates x hidden x (input + hidden) MACs."""
    network = kind(16, 32, 2, bidirectional=True, batch_first=True)
    steps, directions = 10, 2
    first = gates * 32 * (16 + 32)
    second = gates * 32 * (64 + 32)
    counted = work_of(network, 10, 16)
    assert counted.work == 2 * steps * directions * (first + second)
    assert counted.parameters == sum(p.numel() for p in network.parameters())


def test_recurrent_projection() -> None:
    """An LSTM with a projection feeds the projected state back."""
    work = recurrent_work("lstm", steps=1, inputs=3, hidden=8, layers=1, directions=1, projection=2)
    assert work == 2 * (4 * 8 * (3 + 2) + 8 * 2)
    network = nn.LSTM(3, 8, proj_size=2, batch_first=True)
    assert work_of(network, 1, 3).work == work


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_a_packed_sequence_works_for_its_steps_alone(kind: type[nn.Module], gates: int) -> None:
    """Sequences of 9 and of 5 steps are 14 steps, whatever they would be padded to."""

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = kind(7, 16, bidirectional=True, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            lengths = torch.tensor([9, 5], device="cpu")
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            answer: torch.Tensor = self.layer(packed)[0].data
            return answer

    counted = work_of(Packed(), 9, 7, batch=2)
    assert counted.work == 2 * 14 * 2 * gates * 16 * (7 + 16)
    assert counted.uncounted == ()


def test_attention_is_two_products() -> None:
    """Self-attention: four projections and two products of tokens x tokens."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x, need_weights=False)[0]

    counted = work_of(Block(), 10, 32)
    assert counted.work == 2 * (4 * 10 * 32 * 32) + 2 * (2 * 10 * 10 * 32)
    assert counted.uncounted == ()


def test_transformer_layer_in_evaluation() -> None:
    """The encoder layer is counted whole although torch has a fast path for it."""
    counted = work_of(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 10, 32)
    assert counted.work == 2 * (4 * 10 * 32 * 32 + 2 * 10 * 10 * 32 + 2 * 10 * 32 * 64)


def test_an_embedding_costs_bytes_but_no_flop() -> None:
    """An embedding reads the rows it is asked for, not its table."""
    counted = count(
        lambda: nn.Embedding(100, 16, device="meta"), signature(5, dtype="int64"), batch=1
    )
    (layer,) = counted.layers
    assert counted.work == 0
    assert layer.weight_elements == 5 * 16
    assert layer.integer_bytes == 5 * 8
    assert counted.parameters == 1600


def test_a_bag_of_embeddings_reads_every_row_that_it_sums() -> None:
    """Three bags of five indices: 15 rows are read, three are given out, no FLOP."""
    counted = count(
        lambda: nn.EmbeddingBag(100, 16, device="meta"), signature(5, dtype="int64"), batch=3
    )
    (layer,) = counted.layers
    assert (counted.work, counted.uncounted, counted.parameters) == (0, (), 1600)
    assert layer.weight_elements == 3 * 5 * 16
    assert layer.output_elements == 3 * 16
    assert layer.integer_bytes == 3 * 5 * 8


def test_an_embedding_that_is_used_twice_is_read_twice() -> None:
    """Two look-ups of five rows through one module."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(100, 16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.table(x) + self.table(x)

    counted = count(lambda: Twice().to("meta"), signature(5, dtype="int64"), batch=1)
    assert counted.layers[0].weight_elements == 2 * 5 * 16
    assert counted.parameters == 1600


class _LooksUp(nn.Module):
    """A table of 100 rows of 16 and how rows are taken from it; a layer without children."""

    def __init__(self, take: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(100, 16))
        self._take = take

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._take(x, self.table)


class _WithChild(_LooksUp):
    """The same as a network with other layers: the operator is a layer of its own."""

    def __init__(self, take: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__(take)
        self.rest = nn.Identity()


_LOOK_UPS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "embedding": nn.functional.embedding,
    "index": lambda x, table: table[x],
    "index_select": lambda x, table: table.index_select(0, x.flatten()),
}


@pytest.mark.parametrize("network", [_LooksUp, _WithChild])
@pytest.mark.parametrize("way", _LOOK_UPS)
def test_rows_taken_from_a_parameter_are_read_not_its_table(
    network: type[_LooksUp], way: str
) -> None:
    """Two samples of five indices into 100 rows of 16, however they are looked up."""
    counted = count(lambda: network(_LOOK_UPS[way]), signature(5, dtype="int64"), batch=2)
    (layer,) = counted.layers
    assert layer.weight_elements == 2 * 5 * 16
    assert (layer.input_elements, layer.output_elements) == (0, 2 * 5 * 16)
    assert layer.integer_bytes == 2 * 5 * 8
    assert layer.parameters == counted.parameters == 100 * 16
    assert (counted.work, counted.uncounted) == (0, ())


@pytest.mark.parametrize("network", [_LooksUp, _WithChild])
def test_a_functional_bag_reads_every_row_that_it_sums(network: type[_LooksUp]) -> None:
    """Three bags of five indices: 15 rows are read, three are given out."""
    counted = count(
        lambda: network(nn.functional.embedding_bag), signature(5, dtype="int64"), batch=3
    )
    found = {layer.kind: layer for layer in counted.layers}
    layer = found.get("_embedding_bag") or found["_LooksUp"]
    assert sum(each.weight_elements for each in counted.layers) == 3 * 5 * 16
    assert layer.output_elements == 3 * 16


def test_a_tied_table_is_read_by_row_and_then_whole() -> None:
    """Five rows for the look-up, all 100 for the product that gives the scores."""
    tied = _WithChild(lambda x, table: nn.functional.embedding(x, table) @ table.T)
    counted = count(lambda: tied.to("meta"), signature(5, dtype="int64"), batch=1)
    assert [layer.weight_elements for layer in counted.layers] == [5 * 16, 100 * 16]
    assert [layer.parameters for layer in counted.layers] == [100 * 16, 0]
    assert counted.work == 2 * 5 * 16 * 100
    leaf = _LooksUp(tied._take)
    (layer,) = count(lambda: leaf.to("meta"), signature(5, dtype="int64"), batch=1).layers
    assert layer.weight_elements == 5 * 16 + 100 * 16


def test_a_table_that_is_no_parameter_is_read_by_row_too() -> None:
    """Sinusoidal positions lie in a buffer: the rows are an input of the look-up."""

    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", torch.empty(100, 16))
            self.rest = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.embedding(x, self.get_buffer("table"))

    (layer,) = count(Positions, signature(5, dtype="int64"), batch=1).layers
    assert (layer.weight_elements, layer.input_elements) == (0, 5 * 16)


@pytest.mark.parametrize("network", [_LooksUp, _WithChild])
def test_of_a_weight_that_is_cut_the_part_is_read(network: type[_LooksUp]) -> None:
    """Five of 100 positions are added; the halves of a packed weight are read once each."""
    counted = count(lambda: network(lambda x, table: x + table[:5]), signature(5, 16), batch=2)
    assert counted.layers[0].weight_elements == 5 * 16

    def packed(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        first, second = table.chunk(2)
        return x @ first.T + x @ second.T + x @ first.T

    counted = count(lambda: network(packed), signature(5, 16), batch=2)
    whole = sum(layer.weight_elements for layer in counted.layers)
    assert whole == (100 if network is _LooksUp else 150) * 16


def test_attention_alone_is_two_products() -> None:
    """4 heads, 10 queries, 12 keys of 8 and values of 6: (8 + 6) multiply-adds a pair."""

    class Attention(nn.Module):
        def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return nn.functional.scaled_dot_product_attention(q, k, v)

    shapes = ((4, 10, 8), (4, 12, 8), (4, 12, 6))
    inputs = tuple(TensorSpec(shape=shape) for shape in shapes)
    counted = count(Attention, Signature(inputs=inputs), batch=2)
    assert counted.work == 2 * 2 * 4 * 10 * 12 * (8 + 6)
    assert counted.uncounted == ()


@pytest.mark.parametrize(
    ("query", "key", "grouped"), [((1, 8), (2, 8), False), ((2, 1), (2, 8), False),
                                  ((2, 8), (2, 2), True)],
)  # fmt: skip
def test_attention_whose_heads_are_shared(
    query: tuple[int, int], key: tuple[int, int], grouped: bool
) -> None:
    """2 samples of 8 heads, 10 queries and 12 keys, one side's heads serving several."""

    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k = x.new_empty((*query, 10, 16)), x.new_empty((*key, 12, 16))
            return nn.functional.scaled_dot_product_attention(q, k, k, enable_gqa=grouped)

    counted = work_of(Attention(), 4)
    assert counted.work == 2 * (2 * 8 * 10 * 12) * (16 + 16)
    assert counted.layers[-1].output_shape == (2, 8, 10, 16)


def test_einsum_with_batch_dimensions_is_counted() -> None:
    """Scores of attention as an einsum: 2 x 4 heads, 10 x 12 pairs, 8 multiply-adds each."""

    class Scores(nn.Module):
        def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
            return torch.einsum("bihd,bjhd->bhij", q, k)

    inputs = (TensorSpec(shape=(10, 4, 8)), TensorSpec(shape=(12, 4, 8)))
    counted = count(Scores, Signature(inputs=inputs), batch=2)
    assert counted.work == 2 * 2 * 4 * 10 * 12 * 8
    assert counted.uncounted == ()


def test_a_module_called_twice_works_twice_and_weighs_once() -> None:
    """Weight sharing by one module: two products of 8x8, its 72 parameters once."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.shared(torch.relu(self.shared(x)))

    counted = work_of(Twice(), 8, batch=3)
    assert counted.work == 2 * (2 * 3 * 8 * 8)
    assert counted.parameters == 8 * 8 + 8
    assert sum(layer.parameters for layer in counted.layers) == 72


def test_products_without_modules_are_seen() -> None:
    """Functional products, matrix-vector ones and einsum are counted, weights as weights."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(16, 16))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.einsum("bi,ij->bj", torch.relu(x @ self.w), self.w)
            return torch.mv(self.w, y[0])

    counted = work_of(Functional(), 16, batch=3)
    assert counted.work == 2 * 3 * 16 * 16 * 2 + 2 * 16 * 16
    assert all(layer.weight_elements == 256 for layer in counted.layers if layer.work)
    assert counted.parameters == 256
    assert sum(layer.parameters for layer in counted.layers) == 256


def test_tied_weights_count_once() -> None:
    """Two layers that share a matrix have its parameters once and its work twice."""
    first = nn.Linear(8, 8, bias=False)
    second = nn.Linear(8, 8, bias=False)
    second.weight = first.weight
    network = nn.Sequential(first, second).to("meta")
    network[1].weight = network[0].weight
    counted = count(lambda: network, signature(8), batch=1)
    assert counted.parameters == 64
    assert counted.work == 2 * 2 * 64


@pytest.mark.parametrize(
    "layer",
    [
        nn.PReLU(),
        nn.LogSigmoid(),
        nn.RReLU(),
        nn.GLU(1),
        nn.ReflectionPad3d(1),
        nn.FractionalMaxPool2d(2, output_size=3),
        nn.Upsample(scale_factor=2, mode="nearest-exact"),
    ],
)
def test_what_is_done_element_by_element_is_known(layer: nn.Module) -> None:
    """Activations, pooling and padding of torch.nn have no work, and nobody is warned of them."""
    counted = (
        work_of(layer, 4, 6, 6)
        if layer.__class__ is not nn.ReflectionPad3d
        else work_of(layer, 4, 6, 6, 6)
    )
    assert (counted.work, counted.uncounted) == (0, ())


def test_lazy_layers_are_named() -> None:
    """A layer that waits for its first query to know its size cannot be counted."""
    with pytest.raises(NotMeasurable, match=r"0\.weight is a lazy module's.*give the layer"):
        count(lambda: nn.Sequential(nn.LazyLinear(5)), signature(7), batch=1)


def test_an_unknown_operator_is_named() -> None:
    """An operator with neither a formula nor a line among the free ones is not taken as free."""

    class Distances(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cdist(x, x)

    assert work_of(Distances(), 4, 4).uncounted == ("_cdist_forward",)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: torch.unsafe_split(x, 4, 1)[0],
        lambda x: torch.unsafe_split_with_sizes(x, [2, 6], 1)[1],
        lambda x: torch.unsafe_chunk(x, 2, 1)[1],
        lambda x: torch.view_as_real(torch.view_as_complex(x.view(-1, 4, 2)))[..., 0],
        lambda x: torch.ops.aten._reshape_alias(x, (2, 4), (4, 1)),
        lambda x: torch.ops.aten._reshape_alias(x.t(), (8,), (1,)),
        lambda x: x.unbind(1)[3].real,
        lambda x: x.view(1, 8, 1).squeeze_(2).unsqueeze_(0).transpose_(0, 1),
        lambda x: x.view(8).as_strided_((4,), (2,)),
        lambda x: torch.ops.aten._unsafe_view(x, (4, 2)),
        lambda x: x.chunk(2, 1)[0].unfold(1, 2, 1).movedim(0, 1).diagonal(),
    ],
)
def test_views_cost_and_move_nothing(view: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Whatever autograd is told of them: the outputs lie where the input does."""

    class Viewing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return view(x)

    counted = work_of(Viewing(), 8)
    assert counted.uncounted == ()
    assert counted.layers == ()


def test_a_cell_in_a_loop_is_counted_without_a_rest() -> None:
    """GRUCell takes its gates apart by `unsafe_split`, which is a view."""

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(4, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            state = x.new_zeros(x.shape[0], 8)
            for step in x.unbind(1):
                state = self.cell(step, state)
            return state

    counted = work_of(Loop(), 5, 4)
    assert counted.uncounted == ()
    assert counted.work == 5 * 2 * 3 * 8 * (4 + 8)


def test_what_writes_into_its_input_is_no_view() -> None:
    """It gives out its input's storage too, and moves data."""

    class Writing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.clone().index_fill_(0, torch.zeros(1, dtype=torch.int64, device=x.device), 1.0)

    assert work_of(Writing(), 8).layers


def test_training_is_about_three_times_and_less_for_the_first_layer() -> None:
    """Backward costs two forwards; a layer that sees only the input needs one of them."""
    assert work_of(nn.Linear(8, 8), 8, batch=4).training_work == pytest.approx(2 * (2 * 4 * 64))
    deep = work_of(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), 8, batch=4)
    assert deep.training_work == pytest.approx((2 + 3) * (2 * 4 * 64))


def test_training_of_a_recurrent_layer() -> None:
    """A recurrent layer's backward costs two forwards less the input's gradient."""
    counted = work_of(nn.GRU(4, 8, batch_first=True), 5, 4)
    forward = 2 * 5 * 3 * 8 * (4 + 8)
    assert counted.work == forward
    assert counted.training_work == 3 * forward - 2 * 5 * 3 * 8 * 4


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(6, 12, 5, stride=3, padding=2, dilation=2, groups=6), (6, 33)),
        (nn.Conv2d(4, 8, 3, groups=2), (4, 10, 10)),
        (nn.Conv3d(4, 4, 3, groups=4), (4, 5, 5, 5)),
        (nn.ConvTranspose2d(4, 8, 3, groups=4), (4, 5, 5)),
        (nn.ConvTranspose3d(4, 6, (3, 2, 3), stride=2, dilation=2, groups=2), (4, 5, 6, 7)),
    ],
)
def test_training_of_a_grouped_convolution(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """Each gradient meets the taps of the forward pass, and no others: groups stay apart."""
    counted = work_of(layer, *shape, batch=2)
    assert counted.training_work == 2 * counted.work  # the network's input needs no gradient
    behind = work_of(nn.Sequential(_Scaled(), layer), *shape, batch=2)
    assert behind.training_work == 3 * counted.work


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


def test_a_network_that_meta_cannot_run_says_why() -> None:
    """Data-dependent control flow is reported in one line."""

    class Branch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if bool(x.sum() > 0) else -x

    with pytest.raises(NotMeasurable, match="does not run on the meta device"):
        work_of(Branch(), 4)


def test_the_roofline_takes_the_longer_of_compute_and_traffic() -> None:
    """A layer's time is max(FLOP / peak, bytes / bandwidth), and the network's their sum."""
    counted = work_of(nn.Linear(1000, 1000), 1000)
    (layer,) = counted.layers
    bytes_moved = 4 * (1000 + 1_001_000 + 1000)
    assert layer.traffic(4.0) == bytes_moved
    slow_memory = roofline_seconds(counted, peak=1e12, bandwidth=1e9, element_b=4.0)
    assert slow_memory == pytest.approx(bytes_moved / 1e9)
    slow_compute = roofline_seconds(counted, peak=1e6, bandwidth=1e12, element_b=4.0)
    assert slow_compute == pytest.approx(2e6 / 1e6)
    assert bound_by(layer, peak=1e12, bandwidth=1e9, element_b=4.0) == "bandwidth"
    assert bound_by(layer, peak=1e6, bandwidth=1e12, element_b=4.0) == "compute"


def test_count_json_has_the_contracts_keys() -> None:
    """`count --json` gives every key that scripts rely on, and its layers sum to the whole."""
    entry = catalog.load_catalog(catalog.content_roots()).entries["image/lenet"]
    counted = as_json(count_workload(entry, scale="reference", batch=1))
    keys = (
        "workload scale batch work macs parameters model_size activations traffic uncounted layers"
    )
    assert set(keys.split()) <= set(counted)
    layer_keys = "name kind work parameters output_shape traffic"
    assert all(set(layer_keys.split()) <= set(layer) for layer in counted["layers"])
    assert counted["work"] == sum(layer["work"] for layer in counted["layers"])
    assert counted["macs"] * 2 == counted["work"]
    assert counted["parameters"] == 61_706


def test_count_gives_each_layer_its_roofline() -> None:
    """With a device's roof each layer has its least time, what bounds it, and the sum is told."""
    entry = catalog.load_catalog(catalog.content_roots()).entries["image/lenet"]
    roof = Roof(device="d", peak=1e9, bandwidth=1e9, how="a test's")
    counted = as_json(count_workload(entry, scale="reference", batch=1, roof=roof))
    for layer in counted["layers"]:
        assert layer["roofline_seconds"] == max(layer["work"], layer["traffic"]) / 1e9
        assert layer["bound_by"] == (
            "compute" if layer["work"] >= layer["traffic"] else "bandwidth"
        )
        assert layer["arithmetic_intensity"] == layer["work"] / layer["traffic"]
    total = sum(layer["roofline_seconds"] for layer in counted["layers"])
    assert counted["roofline"]["seconds"] == pytest.approx(total)
    assert counted["roofline"]["how"] == "a test's"
    bare = as_json(count_workload(entry, scale="reference", batch=1))
    assert bare["roofline"] is None
    assert bare["layers"][0]["roofline_seconds"] is None


def test_the_roof_is_a_device_models_or_the_pinned_probe(tmp_path: Path) -> None:
    """A model without a peak and a device that was not probed are one sentence with the remedy."""
    roots = catalog.content_roots()
    roof = probe.roof("a100-sxm4-80gb", device=None, cache=tmp_path, roots=roots)
    assert roof.peak == 19.5e12
    with pytest.raises(BadInput, match="no fp32 peak"):
        probe.roof("quadro-k1200", device=None, cache=tmp_path, roots=roots)
    with pytest.raises(BadInput, match="hw probe --device cpu"):
        probe.roof(None, device="cpu", cache=tmp_path, roots=roots)

"""Silero VAD: speech or not, in chunks of 32 ms, with the weights of its package."""

from __future__ import annotations

from pathlib import Path

from benchsuite import graphs
from benchsuite.types import Scale, Signature, TensorSpec, Workload

CHUNK = 512  # samples at 16 kHz
CONTEXT = 64  # samples of the chunk before
RATE = 16_000

WORKLOAD = Workload(
    title="Silero VAD",
    paper="Silero Team: Silero VAD: pre-trained enterprise-grade voice activity detector, 2021-",
    frame="chunk",
    rate=RATE / CHUNK,  # a microphone's
    latency_bound_s=CHUNK / RATE,
    scales={
        "reference": Scale(
            signatures=(
                Signature(
                    inputs=(TensorSpec(shape=(CONTEXT + CHUNK,)), TensorSpec(shape=(2, 128)))
                ),
            ),
        )
    },
    note=(
        "The graph for 16 kHz of the PyPI package silero-vad, as it is but for its interface: the "
        "sampling rate is a constant, and the recurrent state, an input and an output, has the "
        "batch first. One query is one chunk of 512 samples behind 64 of the chunk before. Random "
        "inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 576) sound and (n, 2, 128) state -> (n, 1) probability and (n, 2, 128) state.

    Raises:
        MissingPackage: silero-vad is not installed.
    """
    import numpy as np

    path = graphs.installed(
        "silero_vad", "data/silero_vad_16k_op15.onnx", needed_for="audio/silero_vad"
    )
    import onnx
    from onnx import helper

    from benchsuite.environment import cache_folder

    model = graphs.load(path)
    body = model.graph
    batch_first, state = "state_batch_first", body.output[1].name
    turned = helper.make_node("Transpose", [batch_first], ["state"], name="turn", perm=[1, 0, 2])
    back = helper.make_node("Transpose", [state], ["next_state"], name="turn_back", perm=[1, 0, 2])
    nodes = [turned, *body.node, back]
    del body.node[:]
    body.node.extend(nodes)
    sound = next(each for each in body.input if each.name == "input")
    answer = body.output[0].name

    def value(name: str, *shape: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    entering = [value(sound.name, "batch", CONTEXT + CHUNK), value(batch_first, "batch", 2, 128)]
    leaving = [value(answer, "batch", 1), value("next_state", "batch", 2, 128)]
    del body.input[:], body.output[:], body.value_info[:]
    body.input.extend(entering)
    body.output.extend(leaving)
    rate = onnx.numpy_helper.from_array(np.array(RATE, dtype=np.int64), "sr")
    body.initializer.append(rate)
    return graphs.keep(model, cache_folder() / "graphs")

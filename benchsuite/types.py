"""The data that passes between the layers: frozen, SI units, missing is None with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
    Arrays = tuple[Array, ...]
    Examples = Iterator[tuple[Arrays, dict[str, Array]]]
    Outputs = Sequence[Arrays]
else:  # numpy is imported only where it is used
    Array = Arrays = Examples = Outputs = Any

EMBEDDED = "embedded"
REFERENCE = "reference"
SCALES = (EMBEDDED, REFERENCE)
CONFIRMS = "confirms"  # the label of a run that measures again what another one made suspected
UNRANKED = "unranked"  # the class of a result that takes no place
COMMIT = "commit"  # the label that names the commit of the project that a run measured
TOO_FEW = "too few queries"  # begins the reason of a percentile that the window cannot give
USED_UP = "was used up (--budget)"  # ends the reason of what a run's budget skipped
# doubts that keep a result out of rankings
UNRANKING = (
    "contended", "throttled", "replayed", "parity", "above_peak_unexplained", "rate_missed",
)  # fmt: skip
DOMAINS = ("text", "audio", "image", "video")
DTYPES = ("float32", "int64")
OFFLINE = "Offline"
SINGLE_STREAM = "SingleStream"
MULTI_STREAM = "MultiStream"
SERVER = "Server"
REAL_TIME = "RealTime"
SCENARIOS = (OFFLINE, SINGLE_STREAM, MULTI_STREAM, SERVER, REAL_TIME)
SAMPLES_PER_QUERY = 8  # of MultiStream: MLPerf Inference's for every network


# --- what a workload file and a data set say of themselves --------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input tensor of a network, without its batch dimension.

    Attributes:
        shape: Dimensions after the batch dimension.
        dtype: `float32` or `int64`.
        high: For integers: random values lie in [0, high). None for floats (standard normal).
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The shapes of one query's sample; a workload has several where its data lie in buckets.

    Attributes:
        inputs: The network's inputs.
        frames: Frames in one sample (a second of audio per second; one image is 1.0).
        share: How many queries of a load cycle have this signature.
    """

    inputs: tuple[TensorSpec, ...]
    frames: float = 1.0
    share: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a network must reach on a data set.

    Attributes:
        measure: The accuracy measure by name, as shown (`top-1`, `1 - WER`, `Spearman rho`).
        target: The value that must be reached (higher is better for every measure).
        note: Where the target comes from, or what a reader must know of the set.
        epochs: Passes that `benchsuite train` makes over this set, where the recipe's number,
            which is meant for the default set, does not fit its size.
    """

    measure: str
    target: float
    note: str = ""
    epochs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The recipe by which `benchsuite train` reaches the quality target.

    Attributes:
        epochs: Passes over the training split.
        batch: Samples a step.
        learning_rate: The peak of the one-cycle schedule (or the constant rate).
        optimiser: `adamw` or `sgd` (momentum 0.9).
        schedule: `one-cycle` or `constant`.
        clip: Largest gradient norm; None does not clip.
    """

    epochs: int
    batch: int
    learning_rate: float
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    schedule: str = "one-cycle"
    clip: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A network at one size: its inputs, and where it has data, what it must reach on them.

    Attributes:
        signatures: Input shapes; one, or one a bucket.
        batch: Samples a query in `Offline` unless the user says otherwise.
        qualities: Data set name to what must be reached on it; the first is the default set.
        training: The recipe, where the scale can be trained here.
        buckets: Data set name to the signatures that it has in the place of `signatures`, the
            shortest first: for a user's set whose samples differ in length.
        fixed_batch: The network takes exactly `batch` samples a query, no other number.
    """

    signatures: tuple[Signature, ...]
    batch: int = 1
    qualities: Mapping[str, Quality] = field(default_factory=dict)
    training: Training | None = None
    buckets: Mapping[str, tuple[Signature, ...]] = field(default_factory=dict)
    fixed_batch: bool = False

    def on(self, dataset: str | None) -> Scale:
        """The scale as it is on a data set; None, or a set without buckets, leaves it."""
        return replace(self, signatures=self.buckets.get(dataset or "", self.signatures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A network with its data and its accuracy measure; a file's `WORKLOAD` (no torch needed).

    Attributes:
        title: The network's name as its paper has it.
        paper: Authors, title, venue, year.
        frame: What one unit of work is called (`image`, `clip`, `second`, `word`).
        scales: `embedded`, `reference` or both.
        note: What a reader must know (differences from the paper, what a small scale leaves out).
        rate: Frames a second that `RealTime` offers unless `--rate` says otherwise; None where the
            data have no rate of their own.
        latency_bound_s: What `Server` allows a query from its scheduled arrival to its answer;
            None where there is no such bound.
    """

    title: str
    paper: str
    frame: str
    scales: Mapping[str, Scale]
    note: str = ""
    rate: float | None = None
    latency_bound_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Samples of one signature, aligned with their targets.

    Attributes:
        inputs: Arrays as stored; empty where the samples are streamed.
        targets: The answers by name.
        samples: Of a streamed set: `formats.Sample`, decoded when asked for.
    """

    inputs: Arrays
    targets: dict[str, Array]
    samples: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.inputs[0] if self.samples is None else self.samples)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A data set's training or test half: one part a signature, in the signatures' order.

    Attributes:
        parts: The samples.
        facts: JSON-able facts (class names, alphabet, vocabulary size, shares left out).
    """

    parts: tuple[Part, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set's description; a file's `DATASET`.

    Attributes:
        title: What it is, plainly.
        version: Of the recipe; raise it when `prepare` gives other arrays.
        source: Where the raw data come from and who made them.
        packages: Importable modules it needs (`gensim`), brought by `extra`.
        places: What `--data NAME=DIR` must hold, in words; empty where no directory is needed.
        like: Data sets, or workloads as globs (`video/*`), whose networks at reference scale take
            this set too when the user gives it: judged with his weights, without a target.
    """

    title: str
    version: int
    source: str
    packages: tuple[str, ...] = ()
    extra: str = "bench"
    places: str = ""
    like: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An accuracy with what belongs beside it.

    Attributes:
        value: The workload's measure (1 is perfect).
        samples: How many test samples it rests on.
        low, high: 95 % interval where the measure has one.
        beside: Further figures by name (`top-5`, `out of vocabulary`), each a share of 1.
        how: One line: measure, data, protocol.
        left_out: Samples that could not be read.
    """

    value: float
    samples: int
    how: str
    low: float | None = None
    high: float | None = None
    beside: dict[str, float] = field(default_factory=dict)
    left_out: int = 0


# --- what is counted ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a network as counted for one sample batch.

    Attributes:
        name: Module path, with the operator's name where a module has several.
        kind: Module class or operator.
        work: FLOP per query (whole batch), padding taps included.
        work_without_padding: FLOP per query without taps on padding.
        parameters: Parameters owned by the layer (shared ones counted where first met).
        output_shape: Of its last output, batch dimension first.
        input_elements, weight_elements, output_elements: Elements read and written per query.
        integer_bytes: Bytes moved per query that do not scale with the precision (indices).
    """

    name: str
    kind: str
    work: float
    work_without_padding: float
    parameters: int
    output_shape: tuple[int, ...]
    input_elements: int
    weight_elements: int
    output_elements: int
    integer_bytes: int = 0

    def traffic(self, element_b: float) -> float:
        """Bytes read and written per query at `element_b` bytes an element."""
        elements = self.input_elements + self.weight_elements + self.output_elements
        return elements * element_b + self.integer_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one query of a network must compute and move, per signature, machine aside.

    Attributes:
        batch: Samples in the query.
        frames: Frames in the query.
        share: How many queries of a load cycle are of this kind.
        layers: In the order of execution.
        parameters: Distinct parameters of the network, tied ones once.
        input_elements, output_elements: Floating-point elements of the network's own inputs and
            outputs.
        input_integer_b: Bytes of its integer inputs, which do not scale with the precision.
        uncounted: Operators that are neither in the FLOP registry nor known to cost nothing.
        training_work: FLOP of one forward and backward pass for the query; None if not trainable.
        how: By what it was counted.
    """

    batch: int
    frames: float
    layers: tuple[Layer, ...]
    parameters: int
    share: int = 1
    input_elements: int = 0
    output_elements: int = 0
    input_integer_b: int = 0
    uncounted: tuple[str, ...] = ()
    training_work: float | None = None
    training_reason: str | None = None
    how: str = "on the meta device"

    def input_bytes(self, element_b: float) -> float:
        """Bytes of the network's own inputs at `element_b` bytes an element."""
        return self.input_elements * element_b + self.input_integer_b

    @property
    def work(self) -> float:
        """FLOP per query, padding taps included."""
        return sum(layer.work for layer in self.layers)


# --- what is measured ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemKey:
    """A system's identity in history: what, with what, on what."""

    workload: str
    scale: str
    dataset: str | None
    backend: str
    precision: str
    batch: int
    device_name: str
    device_count: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """One device as found on this machine.

    Attributes:
        kind: `cpu`, `cuda`, ... (the file in `benchsuite/devices/`).
        index: Among the devices of its kind that are visible.
        name: Marketing name, as the driver or the kernel gives it.
        count: How many such devices act as one (1 unless a fleet).
        units: Cores (cpu) or multiprocessors (gpu) that can be used.
        memory_b: Bytes of its main memory.
        uuid: The device's own identity where it has one.
        facts: Further facts for the environment (driver, clocks, caches, flags).
    """

    kind: str
    index: int
    name: str
    units: int
    memory_b: int
    count: int = 1
    uuid: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def units_of(self, threads: int) -> int:
        """Cores that `threads` can use at once; all units where threads are not chosen."""
        return min(self.units, threads) if self.kind == "cpu" and threads > 0 else self.units

    @property
    def label(self) -> str:
        """As given on the command line: `cpu`, `cuda:0`."""
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A measured or published quantity (FLOP/s, B/s, W) and how it was obtained.

    Attributes:
        low, high: What the measurement leaves open; None where that is not known.
    """

    value: float
    how: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a device can do with a number of threads at a precision, measured once and pinned.

    Attributes:
        precision: As in `--precision`.
        threads: Threads used (0 where the device has none of its own).
        peak: FLOP/s, the best any installed library reached; its winner in `how`.
        kernel: The winner's identity, so that a calibration can repeat it.
        bandwidth: B/s of main memory.
        calibration_peak, calibration_bandwidth: The best of the same kernels as a calibration
            runs them, measured right after the sweep: a later calibration is divided by these.
        measured_at: ISO time.
        disturbed: What else ran meanwhile, where the figures may be too low for it.
    """

    precision: str
    threads: int
    peak: Rate
    kernel: str
    bandwidth: Rate
    calibration_peak: float
    calibration_bandwidth: float
    measured_at: str
    disturbed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The pinned kernels run again beside a system (FLOP/s, B/s)."""

    peak: float
    bandwidth: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCourse:
    """Power in the course of a window, to be looked at; the joules do not rest on it.

    Attributes:
        at_s: Seconds since the window began, increasing; negative before it.
        power_w: Watts at those times.
        how: What was sampled, and how it was thinned.
    """

    at_s: tuple[float, ...]
    power_w: tuple[float, ...]
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyReading:
    """Energy over a window.

    Attributes:
        energy_j: Gross joules inside the window.
        seconds: The window's length.
        max_power_w: Largest sampled power; None where the meter only counts energy.
        idle_power_w: Measured before the window; None where it was not.
        idle_low_w, idle_high_w: What its measurement leaves open; None where that is not known.
        source: `nvml counter`, `nvml sampled`, `rapl`, `csv`, `modelled`; `nvml counter + rapl` of
            a sum; `replayed ...` of a recording.
        boundary: `board`, `package`, `board+host`, `wall`.
        how: One line of detail (periods in the window, samples, device).
        max_power_reason, idle_power_reason: Why those are None.
        low_j, high_j: What the meter's own granularity leaves open (one update period at each end,
            the counter's resolution); None where the source has none.
        disagreement: Integrated power samples over the counter, less 1; None where only one of
            them exists.
        course: Power over time; None where nothing was sampled, with its reason.
    """

    energy_j: float
    seconds: float
    source: str
    boundary: str
    how: str
    max_power_w: float | None = None
    max_power_reason: str | None = None
    idle_power_w: float | None = None
    idle_power_reason: str | None = None
    idle_low_w: float | None = None
    idle_high_w: float | None = None
    low_j: float | None = None
    high_j: float | None = None
    disagreement: float | None = None
    course: PowerCourse | None = None
    course_reason: str | None = None

    @property
    def mean_power_w(self) -> float:
        """Mean power over the window."""
        return self.energy_j / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """A device's clock and what holds it back, at one moment; None where the driver is silent.

    Attributes:
        sm_clock_hz: Of the multiprocessors (the slowest board's, of several).
        temperature_c: The hottest board's.
        power_cap_w, default_cap_w: The limit in force and the board's own.
        reasons: Why the clock is not higher, in the driver's terms.
    """

    sm_clock_hz: float | None = None
    temperature_c: float | None = None
    power_cap_w: float | None = None
    default_cap_w: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """A device's clocks over a window.

    Attributes:
        samples: Readings taken.
        sm_clock_hz, least_sm_clock_hz: Mean and smallest.
        temperature_c: The highest.
        reasons: Reason to its share of the readings.
    """

    samples: int
    sm_clock_hz: float | None = None
    least_sm_clock_hz: float | None = None
    temperature_c: float | None = None
    power_cap_w: float | None = None
    default_cap_w: float | None = None
    reasons: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contention:
    """What else the machine did during a window; None where the system does not tell.

    Attributes:
        involuntary_switches: Of the thread of this process that had most of them: each time
            something else took the processor that it was running on.
        steal_s: CPU time that the hypervisor gave to others.
        other_cpu_s: CPU time of other processes.
        counted: Where the two were counted: on which processors, or in which container.
        bound_cpu_s: CPU time that others and the hypervisor took of the processors that this
            process is bound to; None where it is bound to none.
        bound: Those processors, as the kernel lists them.
        programs: Other processes that computed on the accelerator's board at the window's start or
            end.
    """

    involuntary_switches: int | None = None
    steal_s: float | None = None
    other_cpu_s: float | None = None
    counted: str | None = None
    bound_cpu_s: float | None = None
    bound: str | None = None
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the queries of a window were scheduled, where they do not wait for one another.

    Attributes:
        rate: Queries a second, as scheduled.
        deadline_s: A query is late where its answer comes later than this after its scheduled
            arrival: `Server`'s latency bound, `RealTime`'s period.
        dropped: Queries that could not begin before their deadline and were not run (`RealTime`).
        share: The percentile that had to meet the deadline (`Server`).
        tries: Rates that the search tried, this one included (`Server`).
        capacity: Queries a second back to back, the search's upper end (`Server`).
    """

    rate: float
    deadline_s: float
    dropped: int = 0
    share: float | None = None
    tries: int | None = None
    capacity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The raw record of one scenario's measured window.

    Attributes:
        durations_ns: Per query, in time order (per cycle of queries where `queries_per_duration`
            is above 1: a GPU's queue is synchronised once a cycle). Where queries are scheduled
            (`pace`), from the scheduled arrival to the answer.
        queries: Queries answered in the window; each holds `batch` samples.
        frames: Frames in the window.
        seconds: From the first query's start to the last one's end; where queries are scheduled,
            at least as long as the schedule (`Server`: exactly).
        warmup_s: Time spent warming up before; `steady` says whether it became steady.
        movement: How far the median still moved in the last two looks of the warm-up (share of 1).
        clocks: The device's clocks and throttle reasons; None where its driver tells none.
        duration_digits: Significant digits to which a results file rounded `durations_ns`; None:
            as measured.
    """

    scenario: str
    batch: int
    durations_ns: tuple[int, ...]
    queries: int
    frames: float
    seconds: float
    warmup_s: float
    steady: bool
    movement: float | None
    queries_per_duration: int = 1
    energy: EnergyReading | None = None
    energy_reason: str | None = None
    contention: Contention = field(default_factory=Contention)
    clocks: Clocks | None = None
    peak_memory_b: int | None = None
    peak_memory_reason: str | None = None
    pace: Pace | None = None
    duration_digits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One of the short turns that a window was measured in beside another process's (`ab`).

    Attributes:
        rate: Frames a second.
        latency_p50_s: Median of its queries' durations.
        energy_j: Gross joules a frame; None where the meter gave none.
    """

    rate: float
    latency_p50_s: float
    energy_j: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far a system's outputs lie from eager fp32's on the same inputs.

    Attributes:
        relative_error: ||out - ref|| / ||ref|| over all compared outputs; None where outputs are
            not finite.
        agreement: Share of samples with the same largest output.
        tolerance: What this precision is allowed.
        samples: Samples compared.
    """

    relative_error: float | None
    agreement: float | None
    tolerance: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A reason to doubt a result: a code for programs, a message that ends with what to try."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Hashes that explain a change: which of these differ between two results."""

    network: str
    weights: str
    data: str
    software: str
    device: str
    configuration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A network of the user's that has no workload file.

    Attributes:
        text: A file, `timm:NAME`, `torchvision:NAME` or `module:function`.
        folder: The current folder when it was named: files and modules are looked for there.
        inputs: `NAME=1x3x224x224` of `--input`.
    """

    text: str
    folder: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSpec:
    """What a worker is to measure: one system, ready to start.

    Attributes:
        path: The workload file; `name` is its catalogue name.
        dataset, data: Name of the data set and its prepared folder; None for random inputs.
        data_hash: Of the data set's recipe and sources.
        weights: A safetensors file; None for random weights, with the reason.
        pretrained: The weights are those that the workload brings (`pretrained`, or in its graph).
        device: As on the command line.
        seconds: Least length of a window; a meter may need more.
        warmup_s: Longest warm-up.
        roots: Content folders, the user's first.
        min_queries: Least queries of a window in `SingleStream`, `MultiStream` and `Server`.
        samples_per_query: Of `MultiStream`.
        rate: Frames a second in `RealTime`.
        latency_bound_s: Of `Server`.
        candidates: Backends of which the fastest is to be measured (`--backend best`).
        trial: A short look: no accuracy, no stages, no calibration.
        turns: The worker asks for its turn before all that is timed: another one measures.
        target: The user's own network, which has no workload file; `path` is what it rests on.
        repeats: Processes that measure it, one after another among those of the other systems.
        cores: Processors that the worker binds itself to, empty for none; None to choose them.
            One that takes turns is bound during these alone: several get ready at once.
    """

    path: str
    name: str
    scale: str
    backend: str
    precision: str
    batch: int
    device: str
    threads: int
    scenarios: tuple[str, ...]
    seconds: float
    warmup_s: float
    meter: str
    cache: str
    roots: tuple[str, ...]
    dataset: str | None = None
    data: str | None = None
    data_hash: str | None = None
    data_reason: str | None = None
    weights: str | None = None
    weights_reason: str | None = None
    pretrained: bool = False
    seed: int = 0
    time_limit_s: float = 600.0
    min_queries: int = 1
    samples_per_query: int = SAMPLES_PER_QUERY
    rate: float | None = None
    latency_bound_s: float | None = None
    candidates: tuple[str, ...] = ()
    trial: bool = False
    target: Target | None = None
    turns: bool = False
    repeats: int = 1
    cores: tuple[int, ...] | None = None

    def batch_of(self, scenario: str) -> int:
        """Samples a query under a scenario."""
        return {OFFLINE: self.batch, MULTI_STREAM: self.samples_per_query}.get(scenario, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """A layer's measured time beside what its work and traffic allow; for one query.

    Attributes:
        name: As in the layer table (`Layer.name`).
        seconds: Measured, with whatever the backend fused into the layer.
        roofline_s: max(FLOP / peak, bytes / bandwidth) of the layer alone.
        work: FLOP of the layer; None in results stored before it was kept.
        traffic_b: Bytes that the layer reads and writes at the precision used; likewise.
        kind: Module class or operator; likewise empty.
    """

    name: str
    seconds: float
    roofline_s: float
    work: float | None = None
    traffic_b: float | None = None
    kind: str = ""

    @property
    def fraction_of_roofline(self) -> float:
        """Above 1 where fusion or caches beat the layer-by-layer model."""
        return self.roofline_s / self.seconds if self.seconds else 0.0

    @property
    def recoverable_s(self) -> float:
        """Seconds above the roofline."""
        return max(0.0, self.seconds - self.roofline_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTimes:
    """Where a query's time goes, as the backend's own profile tells.

    Attributes:
        layers: In the order of execution; a layer that was fused into another has no entry.
        elsewhere_s: Time of what belongs to no layer of the table (reordered memory, reshapes).
        batch: Samples in the query.
        how: The profile, and what it cannot tell.
    """

    layers: tuple[LayerTime, ...]
    elsewhere_s: float
    batch: int
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How `--backend best` came to a backend, for one scenario.

    Attributes:
        tried: Backend to its frames a second in a trial; the fastest was chosen.
        refused: Backend to the reason why it was no candidate.
        ready_s, ready_how: What the chosen one took to be made ready in its first trial, and how:
            afterwards what it made is in the cache.
        eager_ready_s: What eager took to be made ready; None where it was not tried.
        eager_query_s: What eager took for a query; None where it was not tried.
    """

    tried: dict[str, float]
    ready_s: float
    ready_how: str
    refused: dict[str, str] = field(default_factory=dict)
    eager_ready_s: float | None = None
    eager_query_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All that a worker measured of one system; raw, before any metric.

    Attributes:
        windows: One a scenario, but for those in `unmet`.
        turns: Scenario to the turns that make up its window, where it was measured in several.
        unmet: Scenario to the reason why it has no window (no rate meets `Server`'s bound).
        accuracy: Of the very executable that was timed; None with its reason.
        reference: Eager fp32 on the same weights and data; None with its reason.
        counts: One a signature and batch size.
        probe: Peak and bandwidth at the system's precision and threads, pinned.
        device_peak: fp32 on the whole device, pinned.
        calibrations: Probe kernels run right before and after the windows; none in a trial.
        compile_time_s: Preparing the executable (export, compile, optimise), the first call of each
            batch size and input shape included; never part of a warm-up or window.
        precision_ran: As read back from the backend.
        samples_trained: Training samples times epochs behind the weights; None if not known.
        preprocessing, postprocessing: Seconds a frame; None where there is no such stage.
        choices: Scenario to how its backend was chosen; empty where the user named it.
        layer_times: Of a query of the first signature at the first scenario's batch; None with
            its reason where the backend does not tell.
    """

    windows: tuple[Window, ...]
    counts: tuple[Count, ...]
    probe: Probe
    device_peak: Rate
    calibrations: tuple[Calibration, ...]
    compile_time_s: float
    compile_how: str
    precision_ran: str
    distance: Distance | None
    distance_reason: str | None
    accuracy: Score | None
    accuracy_reason: str | None
    reference: Score | None
    reference_reason: str | None
    fingerprint: Fingerprint
    device: DeviceInfo
    power_envelope: Rate | None = None
    power_cap: Rate | None = None
    idle_power: Rate | None = None
    idle_power_reason: str | None = None
    samples_trained: int | None = None
    preprocessing: Rate | None = None
    preprocessing_reason: str | None = None
    postprocessing: Rate | None = None
    postprocessing_reason: str | None = None
    doubts: tuple[Doubt, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)
    unmet: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    layer_times: LayerTimes | None = None
    layer_times_reason: str | None = None
    turns: dict[str, tuple[Turn, ...]] = field(default_factory=dict)


# --- what is reported ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A metric's value, or None with the reason; always with how it was obtained."""

    value: float | None
    how: str
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """What a metric is; computing it is the function `compute` beside it.

    Attributes:
        key: As in the public contract.
        title: For people.
        unit: SI unit; `1` for a share.
        better: `higher`, `lower` or `none`.
        team: `system`, `cnn`, `software` or `hardware`.
        influenced_by: Which of network, software, device, data move it.
        about: One sentence.
    """

    key: str
    title: str
    unit: str
    better: str
    team: str
    influenced_by: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one of several processes gave for a row.

    Attributes:
        values: Of the metrics that are not the same in all processes.
        doubts: What disturbed it.
    """

    measured_at: str
    values: Mapping[str, float | None] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One system under one scenario, as stored and shown.

    Attributes:
        beside: Figures that belong beside the accuracy (`top-5`, `out of vocabulary`).
        target: The accuracy that the workload must reach on this data; None where none is set.
        measure: The accuracy measure by name (`top-1`, `1 - WER`, `Spearman rho`).
        chosen: The backend was not named but chosen as the fastest (`--backend best`).
        layer_times: Where a query's time goes, on rows of the batch that was profiled.
        counts: What a query computes and moves, layer by layer, one a signature; empty where the
            row failed, or was stored (or its file written) before counts were kept.
        processes: Of `--repeats`, in the order they were measured; empty where one was asked for.
    """

    run: str
    environment: str
    key: SystemKey
    domain: str
    device: str
    weights: str | None
    scenario: str
    status: str
    reason: str | None
    rank_class: str
    class_reason: str | None
    frame: str
    fingerprint: Fingerprint | None
    metrics: Mapping[str, Value]
    doubts: tuple[Doubt, ...] = ()
    beside: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    measure: str | None = None
    measured_at: str = ""
    chosen: bool = False
    layer_times: LayerTimes | None = None
    counts: tuple[Count, ...] = ()
    processes: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One invocation of `benchsuite run`."""

    id: str
    started_at: str
    labels: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    seconds: float | None = None


# --- seams ---------------------------------------------------------------------------------------


class Executable(Protocol):
    """A network made ready by a backend for given signatures, batch, precision and device."""

    precision_ran: str
    how: str

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments that runs one query on `inputs`, already where they must be."""

    def run(self, inputs: Arrays) -> Arrays:
        """Runs one query and gives its outputs as arrays on the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a backend's profile, for one query.

    Attributes:
        names: Paths of the torch modules that it computes, fused ones included; empty where they
            did not survive the export.
    """

    names: tuple[str, ...]
    seconds: float


@runtime_checkable
class Profiled(Protocol):
    """An executable whose backend tells where a query's time goes."""

    def profile(self, inputs: Arrays) -> list[Step]:
        """Runs queries under the backend's own profile; each step's median, in order."""

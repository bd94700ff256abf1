"""What a container may use and has used: control groups of both versions, read as they stand.

Files: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max, cpu.stat, memory.max) and
cgroup-v1's cpu.cfs_quota_us, cpuacct.usage, memory.limit_in_bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_UNLIMITED_B = 1 << 60  # v1 writes a number near 2^63 where there is no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The tightest limits over this process's group and all above it; None without one.

    Attributes:
        cpus: Processors' worth of CPU time.
        memory_b: Bytes.
    """

    cpus: float | None = None
    memory_b: int | None = None


def limits(root: Path = Path("/")) -> Limits:
    """The limits in force.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    cpus, memory = [], []
    for group in _groups(root, "cpu"):
        quota = _quota(group)
        if quota is not None:
            cpus.append(quota)
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _read(group / name)
            if text.isdigit() and int(text) < _UNLIMITED_B:
                memory.append(int(text))
    return Limits(cpus=min(cpus, default=None), memory_b=min(memory, default=None))


def cpu_seconds(root: Path = Path("/")) -> float | None:
    """CPU time that all processes of this one's group have used; None where it is not told."""
    for group in _groups(root, "cpu"):
        for line in _read(group / "cpu.stat").splitlines():
            name, _, number = line.partition(" ")
            if name == "usage_usec" and number.isdigit():
                return int(number) * 1e-6
        break  # the groups above hold other containers too
    for group in _groups(root, "cpuacct"):
        text = _read(group / "cpuacct.usage")
        return int(text) * 1e-9 if text.isdigit() else None
    return None


def stopped(root: Path = Path("/")) -> tuple[int, int] | None:
    """In how many periods the quota stopped this process's group, of how many; None untold."""
    for group in _groups(root, "cpu"):
        numbers = dict(
            line.split(" ", 1) for line in _read(group / "cpu.stat").splitlines() if " " in line
        )
        times, periods = numbers.get("nr_throttled", ""), numbers.get("nr_periods", "")
        if times.isdigit() and periods.isdigit():
            return int(times), int(periods)
    return None


def memory_left(root: Path = Path("/")) -> int | None:
    """Bytes that may still be taken before the tightest limit; None without one.

    File pages that were not used lately do not count as taken: the kernel gives them up first.
    """
    left = []
    for group in _groups(root, "memory"):
        for limit, used, dropped in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _read(group / limit), _read(group / used)
            if most.isdigit() and now.isdigit() and int(most) < _UNLIMITED_B:
                lines = (line.partition(" ") for line in _read(group / "memory.stat").splitlines())
                spare = next((n for name, _, n in lines if name == dropped and n.isdigit()), "0")
                left.append(max(0, int(most) - max(0, int(now) - int(spare))))
    return min(left, default=None)


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of this process's group for a controller, then of those above it."""
    base = root / "sys/fs/cgroup"
    found: list[Path] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names and (base / "cgroup.controllers").exists():
            top = base
        elif controller in names.split(","):
            top = next((p for p in (base / names, base / controller) if p.is_dir()), base)
        else:
            continue
        parts = Path(path.strip("/")).parts
        # inside a container the path may be the host's, which is not mounted here
        inner = [top.joinpath(*parts[:n]) for n in range(len(parts), 0, -1)]
        found += [each for each in inner if each.is_dir() and ".." not in parts]
        found.append(top)
    return found


def _quota(group: Path) -> float | None:
    text = _read(group / "cpu.max").split()
    if len(text) == 2 and text[0].isdigit() and text[1].isdigit():
        return int(text[0]) / int(text[1]) if int(text[1]) else None
    quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit() and int(period):
        return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""

"""Server under overload, and tenants that share it with a greedy tenant.

    python benchmarks/overload.py                     all scenarios, about a quarter of an hour
    python benchmarks/overload.py --only unary noisy  some of them
    python benchmarks/overload.py --quick             a smoke run of seconds
    python benchmarks/overload.py --memory-mib 400    each server in a control group, as root

Calls are due at random moments, whether or not earlier ones were answered. Capacities are measured
in the same run, in a closed loop. Every scenario has a server of its own, which knows its tenants
by tokens, and at most 16 connections.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import load
from groups import memory_group
from load import Flow, Step
from pairs import Ratio
from processes import Process, call, serving, usage, wait_quiet
from traffic import BATCH_QUERY, QUERY, Traffic

from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QueryMemoriesRequest

CONNECTIONS = 16
STREAMS = 100
"""Concurrent calls on one connection; the server's default limit."""
FEW_STREAMS = 8
"""Rate at which calls wait in the clients: capacity x tolerated wait / connections."""
PATIENCE_S = 20.0
"""Deadline of calls whose latency does not count."""
BATCH, BULK_BATCH = 32, 128
FACTORS = (2, 5, 10)
NORMAL = 0.8
"""Offered load of the time before and after a surge, of the capacity."""
SHARES = 25
"""Tenants that a capacity is shared between in the scenario of the noisy neighbour."""
GREED = 20
"""Shares that the noisy one takes."""
PEERS = 8
COLD_SPACES = 4
MIB = 1024 * 1024
SURGE_HEADER = (
    "| offered | goodput: aim | here | p99: aim | here | p99 before, ms | back within: aim "
    "| here | RSS of server, workers | not OK |"
)

Report = list[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and durations of a run."""

    small: int = 1_000
    full: int = 20_000
    vectors: int = 10_240
    seconds: float = 10.0
    deadline_s: float = 2.0
    rounds: int = 3
    memory_mib: int = 0
    """Limit of a control group that servers run in; 0 is none."""


QUICK = Plan(small=100, full=1_000, vectors=640, seconds=1.5, deadline_s=0.5, rounds=1)


@dataclass(slots=True)
class Arena:
    """A server, its tenants and the requests."""

    folder: Path
    server: Process
    traffic: Traffic
    plan: Plan
    streams: int

    def flow(self, method: str, messages: Path, tenants: Sequence[str], **fields: Any) -> Flow:
        """Return calls of these tenants in turn."""
        return Flow(
            name=fields.pop("name", tenants[0]),
            target=self.server.target,
            method=method,
            messages=messages,
            metadata=[_credential(tenant) for tenant in tenants],
            **{
                "connections": CONNECTIONS,
                "in_flight": self.streams,
                "deadline_s": self.plan.deadline_s,
                **fields,
            },
        )

    def fill(self, space: str, count: int, tenants: Iterable[str]) -> None:
        """Create a space of each tenant and fill it."""
        for tenant in tenants:
            self.traffic.fill(
                self.server.target,
                space,
                count,
                capacity=max(count, self.plan.small),
                metadata=_credential(tenant),
            )

    def capacity(self, method: str, messages: Path, tenant: str, in_flight: int) -> float:
        """Return the number of calls answered in a second in a closed loop.

        A slow machine may refuse some of them, because they would wait too long.

        Raises:
            LoadError: A call failed for another reason.
        """
        self.quiet()
        seconds = self.plan.seconds
        steps = (Step(seconds / 4), Step(seconds))
        flow = self.flow(
            method, messages, [tenant], in_flight=in_flight, steps=steps, deadline_s=PATIENCE_S
        )
        (result,) = load.run(flow)
        answers = result["steps"][-1]["answers"]
        if not answers.keys() <= {"OK", "UNAVAILABLE BULKHEAD_FULL"}:
            raise load.LoadError(f"not all answers are OK: {answers}")
        return float(result["steps"][-1]["ok_items_per_s"])

    def quiet(self) -> None:
        """Wait until all earlier work has ended."""
        wait_quiet(self.server, timeout_s=self.plan.seconds)


def _credential(tenant: str) -> dict[str, str]:
    return {"authorization": f"Bearer token-of-{tenant}"}


@contextlib.contextmanager
def arena(
    folder: Path,
    plan: Plan,
    tenants: Sequence[str],
    traffic: Traffic | None = None,
    *,
    streams: int = STREAMS,
) -> Iterator[Arena]:
    """Run a server with one worker for some tenants; ``streams`` are allowed on a connection."""
    tokens = folder / "tokens.toml"
    entries = [
        f'[[token]]\nname = "{tenant}"\ntenant = "{tenant}"\n'
        f'sha256 = "{hashlib.sha256(f"token-of-{tenant}".encode()).hexdigest()}"\n'
        for tenant in tenants
    ]
    tokens.write_text("\n".join(entries))
    environment = {
        "MLSDM_SECURITY__MODE": "token",
        "MLSDM_SECURITY__TOKENS_FILE": str(tokens),
        "MLSDM_ENGINE__WORKERS": "1",
        "MLSDM_SERVER__MAX_CONCURRENT_STREAMS": str(streams),
    }
    if traffic is None:
        traffic = Traffic.of(folder, rows=plan.full, count=plan.vectors)
    with contextlib.ExitStack() as opened:
        limit, group = plan.memory_mib * MIB, None
        if limit:
            group = opened.enter_context(memory_group(limit))
        server = opened.enter_context(serving(folder / "data", environment, group=group))
        yield Arena(folder, server, traffic, plan, streams)
        if group is not None and group.oom_kills:
            raise load.LoadError(f"the kernel killed {group.oom_kills} processes")


# Surges.


def batch(folder: Path, plan: Plan) -> Report:
    """BatchQueryMemories over a full space: the work is in the worker."""
    with arena(folder, plan, ["one"]) as here:
        here.fill("full", plan.full, ["one"])
        messages = here.traffic.batch_queries("full", BATCH)
        title = f"BatchQueryMemories {BATCH}, full {plan.full}"
        return _surges(here, title, BATCH_QUERY, messages, in_flight=1, aims=(95, 90, 80))


def unary(folder: Path, plan: Plan) -> Report:
    """QueryMemories over a small space: the transport is the cost."""
    with arena(folder, plan, ["one"], streams=FEW_STREAMS) as here:
        here.fill("small", plan.small, ["one"])
        messages = here.traffic.queries("small")
        title = f"QueryMemories, {plan.small}"
        return _surges(here, title, QUERY, messages, in_flight=4, aims=(70, 40, 40))


def _surges(
    here: Arena, title: str, method: str, messages: Path, *, in_flight: int, aims: Sequence[int]
) -> Report:
    """Measure the calls during and after surges, each relative to its capacity."""
    lines, capacities = [SURGE_HEADER, "|" + "---|" * (SURGE_HEADER.count("|") - 1)], []
    for factor, aim in zip(FACTORS, aims, strict=True):
        surges = []
        for _ in range(here.plan.rounds):
            capacities.append(here.capacity(method, messages, "one", in_flight))
            surges.append(_surge(here, method, messages, capacities[-1], factor))
        lines.append(_surge_line(surges, factor, aim))
    said = (
        f"**{title}**, capacity {statistics.median(capacities):.0f} calls a second, measured "
        f"before each surge; before and after it {NORMAL} of that. Deadline "
        f"{here.plan.deadline_s} s; p99 of answered calls from when they were sent."
    )
    return [said, "", *lines]


@dataclass(frozen=True, slots=True)
class Surge:
    """Outcomes of the calls of one surge."""

    goodput: float
    """Calls answered a second, of the capacity."""
    p99_ms: float
    p99_before_ms: float
    recovery_s: float | None
    growth: tuple[int, int]
    """Bytes by which server and workers are larger after it."""
    lost: Counter[str]
    """Answers that were not OK, and calls that were not sent, of all calls of the surge."""


def _surge(here: Arena, method: str, messages: Path, capacity: float, factor: float) -> Surge:
    here.quiet()
    before = usage(here.server)
    seconds = here.plan.seconds
    rates = (NORMAL * capacity, factor * capacity, NORMAL * capacity)
    steps = [Step(seconds, rate) for rate in rates]
    (result,) = load.run(here.flow(method, messages, ["one"], steps=steps))
    here.quiet()
    after = usage(here.server)
    calm, surge, _ = result["steps"]
    lost = Counter({key: count for key, count in surge["answers"].items() if key != "OK"})
    lost["not sent"] = surge["not_sent"]
    return Surge(
        surge["ok_items_per_s"] / capacity,
        _loud_ms(surge, "ok_ms", "p99"),
        _calm_ms(calm, "ok_ms", "p99"),
        recovery_s(result["every_100_ms"], calm_s=seconds, end_s=2 * seconds),
        (
            after.server_rss_bytes - before.server_rss_bytes,
            after.minds_rss_bytes - before.minds_rss_bytes,
        ),
        lost,
    )


def _surge_line(surges: Sequence[Surge], factor: float, aim: int) -> str:
    goodput = statistics.median(surge.goodput for surge in surges)
    p99 = statistics.median(surge.p99_ms / surge.p99_before_ms for surge in surges)
    before_ms = statistics.median(surge.p99_before_ms for surge in surges)
    times = [surge.recovery_s for surge in surges]
    back = "not" if None in times else f"{max(filter(None, times), default=0.0):.1f} s"
    growth = ", ".join(
        f"{max(surge.growth[i] for surge in surges) / MIB:+.0f} MiB" for i in range(2)
    )
    lost: Counter[str] = sum((surge.lost for surge in surges), Counter())
    shares = [f"{key} {100 * n / lost.total():.0f} %" for key, n in lost.most_common(4)]
    return (
        f"| {factor}x | {aim} % | {100 * goodput:.0f} % | 2.5x | {p99:.2f}x | {before_ms:.1f} "
        f"| 5 s | {back} | {growth} | {', '.join(shares)} |"
    )


def recovery_s(series: dict[str, Any], *, calm_s: float, end_s: float) -> float | None:
    """Return the time after a surge until calls are as fast as before it for at least one second.

    That is: 99 % succeed, and the median time is at most half as long again.

    Args:
        series: Calls by the tenth of a second in which they were due.
        calm_s: Length of the time before the surge, seconds.
        end_s: End of the surge, seconds.

    Returns:
        Seconds; None when it does not come to that.
    """
    ok, failed, p50 = series["ok"], series["failed"], series["p50_ms"]
    calm = [value for value in p50[: round(10 * calm_s)] if value is not None]
    limit_ms = 1.5 * statistics.median(calm) if calm else 0.0
    first, last = round(10 * end_s), len(ok) - 1
    length = min(10, last - first)
    for start in range(first, last - length + 1):
        window = range(start, start + length)
        succeeded, all_due = sum(ok[i] for i in window), sum(ok[i] + failed[i] for i in window)
        times = [p50[i] for i in window if p50[i] is not None]
        if succeeded >= 0.99 * all_due and times and statistics.median(times) <= limit_ms:
            return (start - first) / 10
    return None


# Neighbours.


def noisy(folder: Path, plan: Plan) -> Report:
    """Measure a quiet tenant with one tenant of 20 shares, and with 20 tenants of one share."""
    many = [f"tenant-{i}" for i in range(GREED)]
    with arena(folder, plan, ["quiet", "noisy", *many]) as here:
        here.fill("small", plan.small, ["quiet", "noisy", *many])
        messages = here.traffic.queries("small")
        capacity = here.capacity(QUERY, messages, "quiet", 4)
        share = capacity / SHARES
        steps = [Step(plan.seconds / 4, share), Step(plan.seconds, share)]
        quiet = here.flow(QUERY, messages, ["quiet"], connections=2, steps=steps)
        rest = [Step(step.seconds, GREED * share) for step in steps]

        def beside(tenants: Sequence[str]) -> Callable[[], dict[str, Any]]:
            others = here.flow(QUERY, messages, tenants, connections=8, steps=rest)
            return lambda: load.run(quiet, others)[0]["steps"][-1]

        title = (
            f"**Noisy neighbour**: a quiet tenant at one of {SHARES} shares of {capacity:.0f} "
            f"calls a second, beside one tenant at {GREED} shares; before that, {GREED} tenants "
            "at one share each."
        )
        return [title, "", *_neighbours(here, beside(many), beside(["noisy"]))]


def bulk(folder: Path, plan: Plan) -> Report:
    """Measure interactive calls with large batches on one worker, at half and at full load."""
    with arena(folder, plan, ["quiet", "noisy"]) as here:
        here.fill("small", plan.small, ["quiet"])
        here.fill("full", plan.full, ["noisy"])
        messages = here.traffic.queries("small")
        batches = here.traffic.batch_queries("full", BULK_BATCH)
        share = here.capacity(QUERY, messages, "quiet", 4) / 10
        most = here.capacity(BATCH_QUERY, batches, "noisy", 1)
        seconds = (plan.seconds / 4, plan.seconds)
        quiet = here.flow(
            QUERY, messages, ["quiet"], connections=2, steps=[Step(s, share) for s in seconds]
        )

        def beside(rate: float) -> Callable[[], dict[str, Any]]:
            steps = [Step(s, rate) for s in seconds]
            others = here.flow(
                BATCH_QUERY, batches, ["noisy"], connections=8, steps=steps, deadline_s=PATIENCE_S
            )
            return lambda: load.run(quiet, others)[0]["steps"][-1]

        title = (
            f"**Bulk lane**: QueryMemories at {share:.0f} a second beside BatchQueryMemories of "
            f"{BULK_BATCH} over a full space of the same worker, at twice what it can do "
            f"({most:.0f} a second); before that, at half."
        )
        return [title, "", *_neighbours(here, beside(most / 2), beside(2 * most))]


def _neighbours(
    here: Arena, calm: Callable[[], dict[str, Any]], loud: Callable[[], dict[str, Any]]
) -> Report:
    """Return a table of the quiet tenant's calls in pairs of windows."""
    pairs = []
    for number in range(here.plan.rounds):
        here.quiet()
        if number % 2:
            after = loud()
            pairs.append((calm(), after))
        else:
            pairs.append((calm(), loud()))
    lines = ["| quiet tenant | aim | here | before, ms |", "|---|---|---|---|"]
    sent = sum(after["arrivals"] for _, after in pairs)
    fine = sum(after["ok_items"] for _, after in pairs)
    lines.append(f"| success | 99.9 % | {100 * fine / sent:.2f} % | |")
    for name, aim in (("p95", "1.5x"), ("p99", "2x")):
        kind = "ok_from_due_ms"
        before_ms = [_calm_ms(before, kind, name) for before, _ in pairs]
        after_ms = [_loud_ms(after, kind, name) for _, after in pairs]
        ratio = Ratio.between(after_ms, before_ms).median
        lines.append(f"| {name} | {aim} | {ratio:.2f}x | {statistics.median(before_ms):.1f} |")
    return lines


def fair(folder: Path, plan: Plan) -> Report:
    """Measure eight tenants that together request twice the capacity."""
    tenants = [f"tenant-{i}" for i in range(PEERS)]
    with arena(folder, plan, tenants) as here:
        here.fill("small", plan.small, tenants)
        messages = here.traffic.queries("small")
        rate = 2 * here.capacity(QUERY, messages, tenants[0], 4) / PEERS
        steps = [Step(plan.seconds / 4, rate), Step(plan.seconds, rate)]
        flows = [
            here.flow(QUERY, messages, [tenant], connections=CONNECTIONS // PEERS, steps=steps)
            for tenant in tenants
        ]
        rounds = []
        for _ in range(plan.rounds):
            here.quiet()
            rounds.append([result["steps"][-1]["ok_items_per_s"] for result in load.run(*flows)])
    index = statistics.median(map(jain_index, rounds))
    return [
        f"**Fairness**: {PEERS} tenants with {rate:.0f} calls a second each, twice the capacity.",
        "",
        "| | aim | here |",
        "|---|---|---|",
        f"| Jain index of the answered calls | 0.97 | {index:.3f} |",
    ]


def jain_index(amounts: Sequence[float]) -> float:
    """Return the fairness index: 1 for equal shares, 1 / n for a single holder, 0 for no shares."""
    squares = sum(amount * amount for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares) if squares else 0.0


def cold(folder: Path, plan: Plan) -> Report:
    """Measure calls to a hot space while full spaces of the same worker are loaded."""
    names = [f"cold-{i}" for i in range(COLD_SPACES)]
    with arena(folder, plan, ["one"]) as here:
        traffic = here.traffic
        for space in ("hot", *names):
            here.fill(space, plan.full, ["one"])
        messages = traffic.queries("hot")
        rate = here.capacity(QUERY, messages, "one", 4) / 4
    first = load.first_message(messages)
    touch = QueryMemoriesRequest.FromString(first)
    touches = folder / "touches"
    load.write_messages(touches, (_renamed(touch, name) for name in names))
    raises = []
    for _ in range(plan.rounds):
        with arena(folder, plan, ["one"], traffic) as here:
            call(here.server.target, QUERY, first, _credential("one"))
            raises.append(_while_loading(here, messages, touches, rate))
    worst = max(raises)
    title = (
        f"**Loading**: QueryMemories on a full space, {rate:.0f} a second, while {COLD_SPACES} "
        f"full spaces of the same worker are loaded. Median and largest of {plan.rounds}."
    )
    return [
        title,
        "",
        "| | aim | here |",
        "|---|---|---|",
        f"| p99 rises by | 15 ms | {statistics.median(raises):.1f} ms ({worst:.1f} ms) |",
    ]


def _renamed(request: QueryMemoriesRequest, space: str) -> bytes:
    request.space = space
    return request.SerializeToString()


def _while_loading(here: Arena, messages: Path, touches: Path, rate: float) -> float:
    """Return the increase of the p99, milliseconds."""
    seconds = here.plan.seconds
    steps = [Step(seconds / 4, rate), Step(seconds, rate), Step(seconds, rate)]
    hot = here.flow(QUERY, messages, ["one"], connections=8, steps=steps, name="hot")
    loads = [Step(1.25 * seconds, 0.0), Step(seconds, 2 * COLD_SPACES / seconds)]
    other = here.flow(QUERY, touches, ["one"], connections=1, steps=loads, name="cold")
    _, before, during = load.run(hot, other)[0]["steps"]
    kind = "ok_from_due_ms"
    return _loud_ms(during, kind, "p99") - _calm_ms(before, kind, "p99")


def _calm_ms(step: dict[str, Any], kind: str, quantile: str) -> float:
    """Return the latency without load, with which others are compared.

    Raises:
        LoadError: No call of the step was answered.
    """
    if step[kind] is None:
        raise load.LoadError(f"no call was answered: {step['answers']}")
    return float(step[kind][quantile])


def _loud_ms(step: dict[str, Any], kind: str, quantile: str) -> float:
    """Return the latency under load; infinite if no call of the step was answered."""
    return math.inf if step[kind] is None else float(step[kind][quantile])


SCENARIOS: dict[str, Callable[[Path, Plan], Report]] = {
    "batch": batch,
    "unary": unary,
    "noisy": noisy,
    "fair": fair,
    "bulk": bulk,
    "cold": cold,
}


def main() -> None:
    """Run and print; with ``--write`` also into a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="tiny data, for a smoke run")
    parser.add_argument("--seconds", type=float, default=Plan().seconds, help="of each part")
    parser.add_argument("--rounds", type=int, default=Plan().rounds)
    parser.add_argument("--memory-mib", type=int, default=0, help="limit of the control group")
    parser.add_argument("--write", type=Path, help="file that the tables are written to")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else Plan(seconds=arguments.seconds, rounds=arguments.rounds)
    plan = replace(plan, memory_mib=arguments.memory_mib)
    lines: Report = []
    for name in arguments.only:
        with tempfile.TemporaryDirectory(prefix="mlsdm-") as folder:
            found = SCENARIOS[name](Path(folder), plan)
        print("\n".join([*found, ""]), flush=True)
        lines += [*found, ""]
    if arguments.write:
        arguments.write.write_text("\n".join(lines))


if __name__ == "__main__":
    main()

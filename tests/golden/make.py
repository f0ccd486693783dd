"""Write the golden journals of the newest version of the rules: ``python tests/golden/make.py``.

What a journal gives when it is replayed must never change, so the files of a version are written
once. A journal that is there already is kept; ``--force`` writes all of them anew, which is for a
version that was never released. For a new kind of record or outcome add a function with a journal
of its own to ``JOURNALS`` and run the script; for a new version of the rules only run it.
"""

import base64
import json
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import journals
import numpy as np

from mlsdm_grpc.core.mind.consolidation import Rules, Window, plan
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    AcceptLoss,
    Consolidate,
    CreateSpace,
    DeleteMemory,
    MergeGroup,
    MergeMember,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    StreamItem,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
    UpgradeSemantics,
)
from mlsdm_grpc.core.model.new_memory import ExchangeRole, NewMemory, Provenance, Source, Vector
from mlsdm_grpc.core.model.parameters import (
    FIRST_MERGE_MIN_COSINE,
    MoralParameters,
    MoralPolicy,
    OntologyCategory,
    RhythmParameters,
    SpaceParameters,
    SynapticParameters,
)
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
    SetPolicy,
)
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.model.tenant import SetTenant, TenantSettings
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.journal.codec.records import decode_record, encode_record

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_700_000_000 * SECOND
LABELS = ("amber", "birch", "cedar", "dune")


class Writer:
    """Writes records as a server does, and applies them."""

    def __init__(self, seed, dimension, version=None):
        self.version = version or semantics.newest()
        self.rng = np.random.default_rng(seed)
        self.dimension = dimension
        self.mind = Mind()
        self.records = []
        self.now_ns = START

    def write(self, body, *, seconds=1, **fields):
        """Write one record, some time after the one before; return its outcome."""
        self.now_ns += seconds * SECOND
        contents = self.mind.contents
        creates = isinstance(body, CreateSpace)
        revision = self.mind.revision + 1
        record = Record(
            revision=revision,
            incarnation=0 if creates or contents is None else contents.incarnation,
            record_id=uuid.UUID(int=revision).bytes,
            time_ns=self.now_ns,
            body=body,
            principal="golden",
            semantics_version=self.mind.semantics_version or self.version,
        )
        raw = encode_record(replace(record, **fields))
        self.records.append(raw)
        return self.mind.apply(decode_record(raw))

    def put(self, *memories, **fields):
        replaces = fields.pop("allow_replace", False)
        return self.write(PutMemories(memories, replaces), **fields)

    def memory(self, memory_id, **fields):
        given = {"vector": self.vector(), "text": f"text of {memory_id}", **fields}
        return NewMemory(memory_id, **given)

    def vector(self, dimension=None, near=None):
        raw = self.rng.standard_normal(dimension or self.dimension)
        if near is not None:
            raw = near + 0.02 * raw / np.sqrt(len(raw))
        raw = raw.astype(np.float32)
        return Vector(raw, inverse_norm(raw))

    def chance(self, share):
        return self.rng.random() < share

    def pick(self, values):
        return values[int(self.rng.integers(len(values)))]

    def held(self):
        return [memory for memory, _ in self.mind.contents.pelm.history.memories()]

    def near_duplicates(self, prefix):
        """Return the merges that consolidation finds, with readable ids."""
        contents = self.mind.contents
        rules = Rules(self.mind.semantics_version, contents.parameters.embedder, 0.98)
        steps = plan(contents.pelm, Window(0, 2**62), rules, texts=True, now_ns=self.now_ns)
        groups, _ = finish(steps)
        return tuple(replace(group, memory_id=f"{prefix}-{i}") for i, group in enumerate(groups))

    def questions(self):
        """Return questions of all kinds about the current memories."""
        contents = self.mind.contents
        if contents is None:
            return []
        rows = [contents.pelm.row(memory.memory_id) for memory in self.held()]
        options = (
            {"top_k": 50, "phase_tolerance": 1.0},
            {"top_k": 5, "phase": 0.1},
            {"top_k": 5, "phase": 0.9, "phase_tolerance": 0.3, "min_confidence": 0.8},
            {"top_k": 9, "phase_tolerance": 1.0, "phase_weight": 0.7},
            {"top_k": 9, "phase_tolerance": 1.0, "synaptic_bias": 0.6},
            {"top_k": 9, "phase_tolerance": 1.0, "synaptic_bias": -0.4, "phase_weight": 1.0},
            {"top_k": 9, "phase_tolerance": 1.0, "labels": ["amber", "cedar"]},
            {"top_k": 50, "phase_tolerance": 1.0, "min_resonance": 0.25},
        )
        questions = []
        for i, given in enumerate(options):
            near = rows[i * len(rows) // len(options)]
            raw = (near + 0.3 * self.vector().raw / np.sqrt(self.dimension)).astype("<f4")
            encoded = base64.b64encode(raw.tobytes()).decode()
            questions.append({"phase": 0.5, **given, "vector": encoded})
        return questions


def every_kind():
    """Each kind of record and each way that it can end, one after the other."""
    writer = Writer(1, 8)
    writer.put(writer.memory("too-early"))
    for part in (_creations, _puts, _updates, _pins, _settings, _events, _others, _merges):
        part(writer)
    return writer


def _creations(writer):
    rhythm = RhythmParameters(wake_duration=2, sleep_duration=1)
    parameters = SpaceParameters(dimension=8, capacity=5, rhythm=rhythm)
    request = {"request_id": bytes(range(16)), "request_digest": bytes(32)}
    writer.write(CreateSpace(parameters), **request)
    writer.write(CreateSpace(parameters), **request)
    writer.write(CreateSpace(parameters))
    writer.write(CreateSpace(parameters, exclusive=True))
    writer.put(writer.memory("reused"), **{**request, "request_digest": b"1" * 32})


def _puts(writer):
    put, memory = writer.put, writer.memory
    put(memory("a", labels=("amber",), metadata=(("k", "v"), ("l", "ü"))))
    again = memory("b", phase=0.25, confidence=0.75, labels=("birch",))
    put(again)
    put(replace(again, memory_id="c", labels=("cedar",), pinned=True))
    put(memory("a"))
    put(memory("a", etag='"1"'), allow_replace=True)
    put(memory("a", etag='"7"', caller_chosen_id=True), allow_replace=True)
    put(memory("a", etag=writer.held()[0].etag), allow_replace=True)
    put(memory("d"), memory("e", confidence=0.4), memory("f"))
    put(memory("past", expire_time_ns=START))
    put(memory("long", vector=writer.vector(9)))
    put(memory("elsewhere"), incarnation=1)
    put(memory("bare", text=""), memory("soon", expire_time_ns=START + MINUTE))
    put(*(memory(f"batch-{i}", phase=i / 8) for i in range(4)))
    put(memory("late"), seconds=60)


def _updates(writer):
    write = writer.write
    write(UpdateMemory("late", add_labels=("x", "y"), pinned=True))
    write(UpdateMemory("late", remove_labels=("x",), expire_time_ns=writer.now_ns + MINUTE))
    write(UpdateMemory("late", add_labels=tuple(f"{i:02}" for i in range(40))))
    write(UpdateMemory("late", expire_time_ns=START))
    write(UpdateMemory("late", etag='"1"', pinned=False))
    write(UpdateMemory("gone", pinned=False))
    write(DeleteMemory("late", etag='"1"'))
    write(DeleteMemory("late"))
    write(DeleteMemory("late"))


def _pins(writer):
    for numbers in (range(4), range(4, 9)):
        writer.put(*(writer.memory(f"pinned-{i}", pinned=True) for i in numbers))


def _settings(writer):
    def change(etag="", **given):
        writer.write(UpdateSpace(etag, SpaceChange(**given)))

    change('"1"', capacity=9)
    change(dimension=9)
    change(capacity=1)
    change(moral_base=0.9, moral_ceiling=0.5)
    change(ontology=(OntologyCategory("z", writer.vector(3)),))
    categories = tuple(OntologyCategory(name, writer.vector()) for name in LABELS)
    change(capacity=9, ontology=categories, min_confidence=0.6)
    change(embedder="words")
    change(read_only=True)
    writer.put(writer.memory("closed"))
    change(read_only=False, default_ttl_ns=MINUTE)


def _events(writer):
    def event(memory_id, score=0.9, **fields):
        writer.write(ProcessEvent(writer.memory(memory_id, **fields), score))

    for score in (0.9, 0.4, 0.1, 0.95, 0.55, 0.2):
        event(f"event-{score}", score)
    gate = SpaceChange(sleep_gate=True, sleep_duration=3, moral_base=0.4)
    writer.write(UpdateSpace("", gate))
    for i in range(8):
        event(f"gated-{i}")
    event("unsure", confidence=0.1)
    event("narrow", vector=writer.vector(2))


def _others(writer):
    writer.write(SetPolicy(PolicySettings(base_moral_threshold=0.5), '"0"'))
    writer.write(UpgradeSemantics(semantics.newest()))
    writer.put(writer.memory("before"), seconds=-1_000)


def _merges(writer):
    """Memories that say the same: some that are merged, and every reason not to."""
    writer.write(UpdateSpace("", SpaceChange(capacity=12)))
    near = [
        writer.memory(
            f"near-{i}",
            vector=writer.vector(near=np.ones(8)),
            text="",
            phase=i / 4,
            labels=(label,),
        )
        for i, label in enumerate(LABELS[:2])
    ]
    vector = writer.vector()
    equal = [
        writer.memory(f"equal-{i}", vector=vector, text=f"Paid{end}", metadata=((key, "v"),))
        for i, (end, key) in enumerate(((".", "k"), ("", "l"), ("?", "m")))
    ]
    writer.put(*near, *equal, seconds=1_000)
    groups = writer.near_duplicates("merged")
    stale = MergeGroup("stale", tuple(replace(m, etag='"1"') for m in groups[0].members))
    gone = MergeGroup("gone", (MergeMember("nobody", '"1"'), *groups[0].members))
    writer.put(writer.memory("short", expire_time_ns=writer.now_ns + 5 * SECOND))
    sleep = Consolidate((stale, gone, *groups), trigger=2, examined_sequence=40, move_traces=True)
    writer.write(sleep, seconds=10)
    writer.write(sleep)
    writer.write(Consolidate((), move_traces=True))


def upgraded():
    """A space filled under version 1 and upgraded to version 2."""
    writer = Writer(9, 8, version=1)
    parameters = SpaceParameters(
        dimension=8, capacity=12, embedder="words", merge_min_cosine=FIRST_MERGE_MIN_COSINE
    )
    writer.write(CreateSpace(parameters))
    texts = ("one", "one.", "two", "")
    vectors = [writer.vector() for _ in texts]
    first = [
        writer.memory(f"first-{i}", vector=vector, text=text, labels=("amber",))
        for i, (vector, text) in enumerate(zip(vectors, texts, strict=True))
    ]
    writer.put(*first)
    writer.write(UpgradeSemantics(2))
    for i, each in enumerate(first):
        writer.put(replace(each, memory_id=f"again-{i}", embedding_model="words"))
        writer.put(replace(each, memory_id=f"vector-{i}"))
    told = replace(first[0], context="before", event_time_ns=START, conversation_id="talk")
    for i, each in enumerate((told, told, replace(told, role=ExchangeRole.PROMPT))):
        writer.put(replace(each, memory_id=f"told-{i}"))
    writer.write(Consolidate(writer.near_duplicates("merged")))
    return writer


def long_life():
    """A space that is full, driven by dice: every kind of record in any order."""
    writer = Writer(2, 16)
    parameters = SpaceParameters(
        dimension=16, capacity=40, rhythm=RhythmParameters(wake_duration=5, sleep_duration=2)
    )
    writer.write(CreateSpace(parameters))
    steps = (_dice_put, _dice_put, _dice_put, _dice_event, _dice_event, _dice_change, _dice_space)
    for number in range(500):
        writer.pick(steps)(writer, number)
    return writer


def _dice_memory(writer, memory_id):
    centre = np.roll(np.linspace(-1.0, 1.0, writer.dimension), int(writer.rng.integers(3)))
    phases = (None, None, 0.1, 0.9, float(writer.rng.random()))
    lives = (0, 0, 0, writer.now_ns + 30 * SECOND, writer.now_ns + 200 * SECOND)
    return writer.memory(
        memory_id,
        vector=writer.vector(near=centre if writer.chance(0.5) else None),
        phase=writer.pick(phases),
        confidence=float(writer.pick((1.0, 0.9, 0.7, 0.3))) if writer.chance(0.3) else 1.0,
        labels=tuple(label for label in LABELS if writer.chance(0.4)),
        caller_chosen_id=writer.chance(0.2),
        pinned=writer.chance(0.05),
        expire_time_ns=writer.pick(lives),
        provenance=Provenance(writer.pick(list(Source)), policy_version='"2"', parent_ids=("p",)),
    )


def _dice_put(writer, number):
    if writer.chance(0.2) and len(writer.held()):
        known = writer.pick(writer.held())
        row = writer.mind.contents.pelm.row(known.memory_id)
        again = NewMemory(
            f"m{number}", Vector(row, inverse_norm(row)), text=known.text, phase=known.phase
        )
        writer.put(again)
        return
    count = writer.pick((1, 1, 1, 3))
    ids = [f"m{number}-{i}" for i in range(count)]
    if writer.chance(0.15) and len(writer.held()):
        ids[0] = writer.pick(writer.held()).memory_id
    memories = [_dice_memory(writer, memory_id) for memory_id in ids]
    request = uuid.UUID(int=number // 3 + 1).bytes if writer.chance(0.5) else b""
    writer.put(
        *memories,
        allow_replace=writer.chance(0.8),
        seconds=int(writer.rng.integers(-2, 6)),
        request_id=request,
        request_digest=bytes(32) if request else b"",
    )


def _dice_event(writer, number):
    score = float(np.round(writer.rng.random() ** 0.5, 3))
    writer.write(ProcessEvent(_dice_memory(writer, f"e{number}"), score))


def _dice_change(writer, number):
    held = writer.held()
    if not held:
        return
    chosen = writer.pick(held)
    etag = writer.pick(("", "", chosen.etag, '"1"'))
    if writer.chance(0.3):
        writer.write(DeleteMemory(chosen.memory_id, etag))
        return
    writer.write(
        UpdateMemory(
            chosen.memory_id,
            etag,
            add_labels=(writer.pick(LABELS), f"l{number % 7}"),
            remove_labels=(writer.pick(LABELS),),
            pinned=False if chosen.pinned else writer.pick((None, None, True)),
            expire_time_ns=writer.pick((None, 0, writer.now_ns + 100 * SECOND)),
        )
    )


def _dice_space(writer, number):
    if writer.chance(0.5):
        groups = writer.near_duplicates(f"c{number}")
        trigger = writer.mind.contents.step if writer.chance(0.5) else 0
        writer.write(Consolidate(groups, trigger, move_traces=bool(trigger)))
        return
    contents = writer.mind.contents
    writer.write(
        UpdateSpace(
            writer.pick(("", contents.etag, '"1"')),
            SpaceChange(
                capacity=writer.pick((None, 30, 40, 50)),
                moral_policy=writer.pick((None, *MoralPolicy)),
                moral_base=writer.pick((None, 0.35, 0.6)),
                moral_ceiling=writer.pick((None, 0.6, 0.8)),
                wake_duration=writer.pick((None, 2, 5)),
                sleep_gate=writer.pick((None, True, False)),
                legacy_synapses=writer.pick((None, True, False)),
                merge_min_cosine=writer.pick((None, 0.98, 0.99)),
            ),
        )
    )


def many_requests():
    """More requests than the window must keep: repeats within it, and after their removal."""
    writer = Writer(3, 2)
    writer.write(CreateSpace(SpaceParameters(dimension=2, capacity=3)))

    def delete(number, digest=0, seconds=0):
        request = {
            "request_id": uuid.UUID(int=number).bytes,
            "request_digest": bytes([digest]) * 32,
        }
        writer.write(DeleteMemory("nobody"), seconds=seconds, **request)

    put = {"request_id": b"p" * 16, "request_digest": bytes(32)}
    for number in range(1, 201):
        delete(number)
    for number in (1, 50, 200):
        delete(number)
    delete(2, digest=1)
    writer.put(writer.memory("kept"), seconds=700, **put)
    for number in range(201, 401):
        delete(number)
    for number in range(401, 1_301):
        delete(number, seconds=400 if number == 401 else 0)
    for number in (3, 199, 201, 1_300):
        delete(number, seconds=7)
    writer.put(writer.memory("again"), **put)
    return writer


def events_of_384():
    """Events of 384 dimensions by the newer rules of threshold and traces."""
    moral = MoralParameters(policy=MoralPolicy.VIGILANT)
    return _life_of_events(Writer(4, 384), moral, SynapticParameters(), count=60)


def events_of_64():
    """Events of 64 dimensions by the rules of the original, refused while asleep."""
    moral = MoralParameters(policy=MoralPolicy.HOMEOSTATIC)
    return _life_of_events(Writer(5, 64), moral, SynapticParameters(legacy=True), count=200)


def _life_of_events(writer, moral, synapses, *, count):
    writer.write(
        CreateSpace(
            SpaceParameters(
                dimension=writer.dimension,
                capacity=count // 3,
                moral=moral,
                rhythm=RhythmParameters(sleep_gate=synapses.legacy),
                synapses=synapses,
            )
        )
    )
    for number in range(count):
        labels = LABELS[number % 3 : 3]
        score = float(np.round(writer.rng.beta(4, 2), 3))
        writer.write(ProcessEvent(writer.memory(f"e{number}", labels=labels), score))
    return writer


def policies():
    """The reserved space of a tenant, which begins under the oldest rules that there are."""
    writer = Writer(6, 1, version=semantics.oldest())
    rule = RuleSettings(
        "moral.threshold", 0.6, Decision.REFUSE, Enforcement.ENFORCE, OnError.REFUSE
    )
    writer.write(SetPolicy(PolicySettings((rule,), 0.6), '"0"'))
    writer.write(SetPolicy(PolicySettings((), 0.7), '"0"'))
    writer.put(writer.memory("nowhere"))
    writer.write(UpgradeSemantics(semantics.newest()))
    writer.write(SetPolicy(PolicySettings((RuleSettings("other"),)), '"1"'), request_id=b"p" * 16)
    return writer


def tenants():
    """The reserved space of a tenant with quotas and defaults beside a policy."""
    writer = Writer(15, 1)
    request = {"request_id": b"t" * 16, "request_digest": bytes(32)}
    writer.write(SetTenant(TenantSettings(10, 200_000, 10**9, 500), '"0"'), **request)
    writer.write(SetPolicy(PolicySettings((), 0.6), '"0"'))
    writer.write(SetTenant(TenantSettings(), '"0"'))
    writer.write(SetTenant(TenantSettings(max_spaces=0), '"1"'))
    writer.write(SetTenant(TenantSettings(10, 200_000, 10**9, 500), '"0"'), **request)
    writer.write(SetPolicy(PolicySettings(), '"2"'))
    writer.put(writer.memory("nowhere"))
    return writer


def accepted_losses():
    """A space that accepts two losses: records in the middle, then all of them."""
    writer = Writer(14, 8)
    writer.write(CreateSpace(SpaceParameters(dimension=8, capacity=6)))
    writer.put(writer.memory("kept"), request_id=b"k" * 16, request_digest=bytes(32))
    writer.write(StreamItems("stream", 0, 1, (StreamItem(1, writer.memory("streamed")),)))
    writer.write(AcceptLoss(4, 9), revision=10, incarnation=0)
    writer.put(writer.memory("late"), incarnation=1)
    writer.put(writer.memory("kept"), request_id=b"k" * 16, request_digest=bytes(32))
    writer.put(writer.memory("after"), writer.memory("and another"))
    writer.write(AcceptLoss(14, 13), revision=14, incarnation=0)
    writer.write(ProcessEvent(writer.memory("event"), 0.8))
    return writer


def streams():
    """Streams of memories and events: repeats, gaps, refused items, and more than may be known."""
    writer = Writer(7, 8)
    writer.write(CreateSpace(SpaceParameters(dimension=8, capacity=6)))

    def settle(stream_id, after, last, *items, **fields):
        replaces = fields.pop("allow_replace", False)
        numbered = tuple(StreamItem(after + 1 + i, body) for i, body in enumerate(items))
        writer.write(StreamItems(stream_id, after, last, numbered, replaces), **fields)

    memory = writer.memory
    settle("a", 0, 3, *(memory(f"a{i}") for i in range(3)))
    settle(
        "a", 1, 5, memory("a1"), memory("a2"), memory("a0"), memory("wide", vector=writer.vector(9))
    )
    settle("a", 5, 8, memory("low", confidence=0.1), memory("a3"))
    settle("a", 9, 9)
    settle("a", 8, 9, memory("a3", etag='"4"'), allow_replace=True)
    settle("new", 40, 42, memory("n1"), memory("n2"))
    events = (ProcessEvent(memory(f"e{i}"), i / 10) for i in range(12))
    settle("events", 0, 12, *events)
    settle("elsewhere", 0, 1, memory("other"), incarnation=9)
    settle("a", 9, 10, memory("late", expire_time_ns=START), seconds=30)
    for number in range(62):
        settle(f"job-{number}", 0, 1, memory(f"job-{number}"))
    settle("one too many", 0, 1, memory("refused"))
    settle("later", 0, 1, memory("later"), seconds=700)
    settle("new", 42, 43, memory("n3"))
    return writer


def finished_streams():
    """Streams that end: repeated, taken up again, ended too early, and more than are remembered."""
    writer = Writer(8, 8)
    writer.write(CreateSpace(SpaceParameters(dimension=8, capacity=6)))
    memory = writer.memory

    def settle(stream_id, after, last, *items, finished=True):
        numbered = tuple(StreamItem(after + 1 + i, body) for i, body in enumerate(items))
        writer.write(StreamItems(stream_id, after, last, numbered, finished=finished))

    settle("a", 0, 2, memory("a0"), memory("a1"))
    settle("b", 0, 2, memory("b0"), memory("b1"), finished=False)
    settle("b", 2, 2)
    settle("a", 1, 2, memory("a1"), finished=False)
    settle("c", 0, 3, *(memory(f"c{i}") for i in range(3)), finished=False)
    settle("c", 1, 2, memory("c1"))
    for number in range(63):
        settle(f"job-{number}", 0, 1, memory(f"job-{number}"), finished=False)
    settle("one too many", 0, 1, memory("refused"))
    settle("a", 1, 3, memory("a1"), memory("refused too"), finished=False)
    settle("a", 1, 2, memory("a1"))
    for number in range(62):
        settle(f"job-{number}", 1, 1)
    settle("a", 2, 3, memory("a2"), finished=False)
    for number in range(1_000):
        settle(f"more-{number}", 0, 1)
    settle("b", 1, 3, memory("b1, forgotten by now"), memory("b2"), finished=False)
    return writer


JOURNALS = (
    every_kind,
    upgraded,
    long_life,
    many_requests,
    events_of_384,
    events_of_64,
    policies,
    streams,
    finished_streams,
    accepted_losses,
    tenants,
)


def make(folder, *, force=False):
    """Write the missing files of a folder, or all with force; return the written ones."""
    folder.mkdir(exist_ok=True)
    written = []
    for maker in JOURNALS:
        path = folder / f"{maker.__name__}.journal"
        if path.exists() and not force:
            continue
        writer = maker()
        expected = journals.expectation(writer.records, writer.questions(), writer.now_ns)
        journals.write_journal(path, writer.records)
        text = json.dumps(expected, indent=1)
        path.with_suffix(".json").write_text(text + "\n", "utf-8")
        written.append(path)
    return written


def main(arguments):
    folder = Path(__file__).parent / f"v{semantics.newest()}"
    written = make(folder, force="--force" in arguments)
    for path in written:
        print(f"{path.relative_to(folder.parent)}: {path.stat().st_size} bytes")
    if kept := len(JOURNALS) - len(written):
        print(f"kept {kept} that were there; --force replaces them")


if __name__ == "__main__":
    main(sys.argv[1:])

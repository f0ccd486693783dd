"""Random histories of one space: sequences of records that a writer can produce."""

import uuid
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
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

DIMENSION = 8
SECOND = 1_000_000_000


def vector(seed: int, dimension: int = DIMENSION) -> Vector:
    raw = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return Vector(raw, inverse_norm(raw))


_ids = st.sampled_from([f"m{i}" for i in range(12)])
_unit = st.floats(0, 1, width=32)

memories = st.builds(
    NewMemory,
    memory_id=_ids,
    vector=st.integers(0, 20).map(vector),
    caller_chosen_id=st.booleans(),
    text=st.sampled_from(["", "one", "two", "zwölf"]),
    phase=st.none() | st.sampled_from([0.1, 0.1, 0.9]) | _unit,
    confidence=st.sampled_from([1.0, 1.0, 0.7, 0.3]),
    labels=st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(sorted).map(tuple),
    metadata=st.dictionaries(st.sampled_from("kl"), st.text(max_size=3)).map(
        lambda values: tuple(sorted(values.items()))
    ),
    provenance=st.builds(Provenance, source=st.sampled_from(Source), model=st.text(max_size=3)),
    pinned=st.booleans() | st.just(True),
    expire_time_ns=st.sampled_from([0, 0, 0, 5 * SECOND, 50 * SECOND]),
    etag=st.sampled_from(["", "", '"3"']),
    embedding_model=st.sampled_from(["", "words", "other"]),
    context=st.sampled_from(["", "", "before"]),
    event_time_ns=st.sampled_from([0, 0, SECOND]),
    conversation_id=st.sampled_from(["", "", "talk"]),
    role=st.sampled_from(ExchangeRole),
)

_ontologies = st.lists(
    st.builds(OntologyCategory, st.sampled_from(["x", "y", "z"]), st.integers(0, 9).map(vector)),
    max_size=3,
    unique_by=lambda category: category.name,
).map(tuple)

parameters = st.builds(
    SpaceParameters,
    dimension=st.just(DIMENSION),
    capacity=st.integers(1, 6),
    default_ttl_ns=st.sampled_from([0, SECOND]),
    read_only=st.sampled_from([False] * 7 + [True]),
    embedder=st.sampled_from(["", "words"]),
    recall_in_band=st.booleans(),
    merge_min_cosine=st.sampled_from([0.98, 1.0]),
    ontology=_ontologies,
    moral=st.builds(MoralParameters, policy=st.sampled_from(MoralPolicy)),
    rhythm=st.builds(
        RhythmParameters,
        wake_duration=st.integers(1, 3),
        sleep_duration=st.integers(1, 3),
        sleep_gate=st.booleans(),
    ),
    synapses=st.builds(SynapticParameters, legacy=st.booleans()),
)

_ETAGS = st.sampled_from(['"0"', '"0"', '"2"', '"3"', '"4"', ""])
_amounts = st.none() | st.sampled_from([0, 1, 10**6, 2**62])
tenant_settings = st.builds(
    TenantSettings,
    max_spaces=_amounts,
    max_capacity=_amounts,
    max_kept_bytes=_amounts,
    default_capacity=st.none() | st.sampled_from([1, 20_000]),
)
policies = st.builds(
    PolicySettings,
    rules=st.lists(
        st.builds(
            RuleSettings,
            rule_id=st.sampled_from(["moral.threshold", "other"]),
            threshold=st.none() | _unit,
            decision=st.sampled_from(Decision),
            enforcement=st.sampled_from(Enforcement),
            on_error=st.sampled_from(OnError),
            expire_time_ns=st.sampled_from([0, 1, 2**62]),
        ),
        max_size=2,
    ).map(tuple),
    base_moral_threshold=st.none() | st.sampled_from([0.0, 0.3, 0.7]),
)

changes = st.builds(
    SpaceChange,
    dimension=st.sampled_from([None] * 7 + [DIMENSION, DIMENSION + 1]),
    capacity=st.none() | st.integers(1, 9),
    embedder=st.sampled_from([None, None, "", "words"]),
    min_confidence=st.sampled_from([None, 0.0, 0.9]),
    default_ttl_ns=st.sampled_from([None, 0, SECOND]),
    read_only=st.sampled_from([None, False, False, True]),
    merge_min_cosine=st.sampled_from([None, 0.5]),
    moral_policy=st.none() | st.sampled_from(MoralPolicy),
    moral_base=st.sampled_from([None, None, 0.3, 0.6, 0.9]),
    moral_ceiling=st.sampled_from([None, 0.6, 0.9]),
    wake_duration=st.none() | st.integers(1, 5),
    sleep_duration=st.none() | st.integers(1, 5),
    sleep_gate=st.none() | st.booleans(),
    legacy_synapses=st.none() | st.booleans(),
    recall_in_band=st.none() | st.booleans(),
    ontology=_ontologies,
)


@dataclass(frozen=True)
class Merge:
    """Becomes a Consolidate of the memories that there are: those that may be merged come first,
    the newest before the others."""

    numbers: list[int]
    memory_id: str
    stale: bool
    trigger: int
    move_traces: bool

    def body(self, mind: Mind) -> Consolidate:
        memories = []
        if mind.contents is not None:
            memories = [memory for memory, _ in mind.contents.pelm.history.memories()][::-1]
            memories.sort(key=lambda memory: memory.pinned or memory.caller_chosen_id)
        members = [memories[i] for i in self.numbers if i < len(memories)]
        group = MergeGroup(
            self.memory_id,
            tuple(MergeMember(m.memory_id, '"0"' if self.stale else m.etag) for m in members),
        )
        examined = max((memory.sequence for memory in memories), default=0)
        return Consolidate((group,), self.trigger, examined, self.move_traces)


_merges = st.builds(
    Merge,
    st.sampled_from([[0, 1], [0, 1, 2], [1, 2], [0], [0, 0], [1, 0], [0, 1, 4, 5], [3, 2, 1, 0]]),
    memory_id=st.sampled_from(["m0", "s0", "s1", "s2", "s3"]),
    stale=st.integers(0, 5).map(lambda n: n == 0),
    trigger=st.sampled_from([0, 0, 1, 2, 3]),
    move_traces=st.booleans(),
)
_free_puts = st.lists(
    st.builds(NewMemory, _ids, st.integers(0, 9).map(vector), labels=st.just(("f",))),
    max_size=4,
    unique_by=lambda memory: memory.memory_id,
).map(lambda free: [PutMemories((memory,)) for memory in free])
_batch = st.lists(memories, min_size=1, max_size=4, unique_by=lambda m: m.memory_id).map(tuple)


@st.composite
def _stream_items(draw) -> StreamItems:
    """Some items of one of a few streams, some of which were refused before the record."""
    after = draw(st.integers(0, 4))
    sequences = draw(st.lists(st.integers(after + 1, after + 5), max_size=4, unique=True))
    events = st.builds(
        ProcessEvent, memories, moral_value=st.floats(0, 1), answer=st.none() | memories
    )
    return StreamItems(
        stream_id=draw(st.sampled_from(["s", "t"])),
        after_sequence=after,
        last_sequence=max([after, *sequences]) + draw(st.integers(0, 1)),
        items=tuple(
            StreamItem(sequence, draw(memories | events)) for sequence in sorted(sequences)
        ),
        allow_replace=draw(st.booleans()),
        finished=draw(st.booleans()),
    )


bodies = st.one_of(
    _stream_items(),
    st.builds(CreateSpace, parameters, exclusive=st.booleans()),
    st.builds(UpdateSpace, st.sampled_from(["", "", '"1"', '"3"']), changes),
    st.builds(PutMemories, _batch, allow_replace=st.booleans()),
    st.builds(
        UpdateMemory,
        _ids,
        etag=st.sampled_from(["", '"2"']),
        add_labels=st.sampled_from([(), ("d",), ("a", "e")]),
        remove_labels=st.sampled_from([(), ("a",), ("b", "c")]),
        pinned=st.none() | st.booleans(),
        expire_time_ns=st.sampled_from([None, 0, 7 * SECOND, 60 * SECOND]),
    ),
    st.builds(DeleteMemory, _ids, etag=st.sampled_from(["", '"2"'])),
    st.builds(ProcessEvent, memories, moral_value=st.floats(0, 1), answer=st.none() | memories),
    st.builds(SetPolicy, policies, etag=_ETAGS),
    st.builds(SetTenant, tenant_settings, etag=_ETAGS),
    _merges,
    st.builds(UpgradeSemantics, st.sampled_from([0, 1])),
)

_step = st.tuples(bodies, st.integers(-2, 5), st.integers(0, 8), st.integers(0, 1))


def _encoded(record: Record) -> Record:
    return decode_record(encode_record(record))


@st.composite
def histories(draw, max_size=30, semantics_version=2):
    """A space's records from revision 1, times jumping back and forth, request ids repeating.

    It begins with some memories that may be merged.
    """
    records = [
        Record(
            revision=1,
            incarnation=0,
            record_id=uuid.UUID(int=1).bytes,
            time_ns=SECOND,
            body=CreateSpace(draw(parameters)),
            semantics_version=semantics_version,
        )
    ]
    mind, time_ns = Mind(), SECOND
    steps = [(put, 0, 0, 0) for put in draw(_free_puts)]
    steps += draw(st.lists(_step, max_size=max_size))
    for wish, seconds, request, digest in steps:
        mind.apply(_encoded(records[-1]))
        body = wish.body(mind) if isinstance(wish, Merge) else wish
        time_ns = max(0, time_ns + seconds * SECOND)
        revision = len(records) + 1
        records.append(
            Record(
                revision=revision,
                incarnation=0 if isinstance(body, CreateSpace) else 1,
                record_id=uuid.UUID(int=revision).bytes,
                time_ns=time_ns,
                body=body,
                request_id=uuid.UUID(int=request).bytes if request else b"",
                request_digest=bytes([digest]) * 32,
                principal="tester",
                semantics_version=semantics_version,
            )
        )
    return [_encoded(record) for record in records]


def record(revision: int, body, **changes) -> Record:
    """One encoded record for examples."""
    base = Record(
        revision=revision,
        incarnation=0 if isinstance(body, CreateSpace) else 1,
        record_id=uuid.UUID(int=revision).bytes,
        time_ns=revision * SECOND,
        body=body,
    )
    return _encoded(replace(base, **changes))

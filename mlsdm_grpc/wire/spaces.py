"""Conversion of spaces and their settings between messages of the contract and domain values."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from mlsdm_grpc._gen.mlsdm.v1 import embedding_pb2, space_pb2
from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.bodies import SpaceChange
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.parameters import MoralPolicy, OntologyCategory, SpaceParameters
from mlsdm_grpc.messages import bounds, forms, limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.spaces.catalogue import Listed

__all__ = ["listed_space", "planned_space", "space_change", "space_message"]

NO_EMBEDDER = "none"
_NS = 1_000_000_000
# Range of the moral threshold.
_LOWEST_THRESHOLD = 0.30
_HIGHEST_THRESHOLD = 0.90


def space_change(fields: Fields, config: space_pb2.SpaceConfig) -> SpaceChange:
    """Return the settings in a config as a change. Paths of violations start with ``config``."""
    moral, rhythm, synaptic = config.moral, config.rhythm, config.synaptic
    given = _Given(fields)
    base = given.number(moral, "moral.base_threshold", _LOWEST_THRESHOLD, _HIGHEST_THRESHOLD)
    # The ceiling must not be below the base, to which the threshold returns.
    lowest_ceiling = _LOWEST_THRESHOLD if base is None else max(base, _LOWEST_THRESHOLD)
    return SpaceChange(
        dimension=given.count(config, "dimension", limits.MAX_DIMENSION),
        capacity=given.count(config, "capacity", limits.MAX_CAPACITY),
        embedder=_embedder(fields, config),
        min_confidence=given.number(config, "min_store_confidence", 0.0, 1.0),
        default_ttl_ns=_default_ttl(fields, config),
        read_only=given.flag(config, "read_only"),
        merge_min_cosine=given.number(config, "merge_min_cosine", 0.5, 1.0),
        recall_in_band=_recall_in_band(fields, config.recall),
        moral_policy=_policy(fields, moral),
        moral_base=base,
        moral_ceiling=given.number(moral, "moral.ceiling", lowest_ceiling, _HIGHEST_THRESHOLD),
        wake_duration=given.count(rhythm, "rhythm.wake_step_count", limits.MAX_PERIOD),
        sleep_duration=given.count(rhythm, "rhythm.sleep_step_count", limits.MAX_PERIOD),
        sleep_gate=given.flag(rhythm, "rhythm.sleep_gate"),
        legacy_synapses=_legacy(fields, synaptic),
        ontology=_ontology(fields, config),
    )


_Section = space_pb2.SpaceConfig | space_pb2.MoralConfig | space_pb2.RhythmConfig


class _Given:
    """Reader of optional settings in a config. Each method returns None for an absent field."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def number(self, section: _Section, path: str, low: float, high: float) -> float | None:
        name = path.rpartition(".")[2]
        if not section.HasField(name):  # type: ignore[arg-type] # one of its fields
            return None
        return self._fields.number(f"config.{path}", getattr(section, name), low=low, high=high)

    def count(self, section: _Section, path: str, high: int) -> int | None:
        name = path.rpartition(".")[2]
        if not section.HasField(name):  # type: ignore[arg-type] # one of its fields
            return None
        return self._fields.count(f"config.{path}", getattr(section, name), low=1, high=high)

    def flag(self, section: _Section, path: str) -> bool | None:
        name = path.rpartition(".")[2]
        if not section.HasField(name):  # type: ignore[arg-type] # one of its fields
            return None
        return bool(getattr(section, name))


def _embedder(fields: Fields, config: space_pb2.SpaceConfig) -> str | None:
    if not config.HasField("embedder_model"):
        return None
    name = config.embedder_model
    if not forms.MODEL.fits(name):
        fields.fault("config.embedder_model", forms.MODEL.description)
    return "" if name == NO_EMBEDDER else name


def _default_ttl(fields: Fields, config: space_pb2.SpaceConfig) -> int | None:
    if not config.HasField("default_ttl"):
        return None
    ttl = config.default_ttl
    ttl_ns = ttl.seconds * _NS + ttl.nanos
    well_formed = 0 <= ttl.nanos < _NS
    if not (well_formed and (ttl_ns == 0 or _NS <= ttl_ns <= limits.MAX_TTL_S * _NS)):
        fields.fault("config.default_ttl", f"must be 0 s, or from 1 s to {limits.MAX_TTL_S} s")
    return ttl_ns


def _policy(fields: Fields, moral: space_pb2.MoralConfig) -> MoralPolicy | None:
    if not moral.policy:
        return None
    if not fields.listed("config.moral.policy", moral.policy, space_pb2.MoralPolicy):
        return None
    return MoralPolicy(moral.policy)


def _legacy(fields: Fields, synaptic: space_pb2.SynapticConfig) -> bool | None:
    if not synaptic.scaling:
        return None
    fields.listed("config.synaptic.scaling", synaptic.scaling, space_pb2.SynapticScaling)
    return synaptic.scaling == space_pb2.SYNAPTIC_SCALING_LEGACY


def _recall_in_band(fields: Fields, recall: space_pb2.RecallConfig) -> bool | None:
    if not recall.phase:
        return None
    fields.listed("config.recall.phase", recall.phase, space_pb2.RecallPhase)
    return recall.phase == space_pb2.RECALL_PHASE_BAND


def _ontology(fields: Fields, config: space_pb2.SpaceConfig) -> tuple[OntologyCategory, ...]:
    if len(config.ontology) > bounds.CATEGORIES.limit:
        fields.fault("config.ontology", bounds.CATEGORIES.description)
        return ()
    categories: list[OntologyCategory] = []
    names: set[str] = set()
    for i, message in enumerate(config.ontology):
        path = f"config.ontology[{i}]"
        name = fields.label(f"{path}.category", message.category)
        if name in names:
            fields.fault(f"{path}.category", "appears twice in the ontology")
        names.add(name)
        vector = fields.embedding(f"{path}.embedding", message.embedding)
        categories.append(OntologyCategory(name, vector))
    # Dimension and number of categories each have a bound, but their product needs one too.
    size = sum(category.vector.raw.nbytes for category in categories)
    fields.size("config.ontology", size, limits.MAX_ONTOLOGY_BYTES)
    return tuple(categories)


def space_message(name: str, view: SpaceView) -> space_pb2.Space:
    """Return a space with its effective settings as a message."""
    space = planned_space(name, view.parameters)
    space.MergeFrom(
        space_pb2.Space(
            incarnation=view.incarnation,
            memory_count=view.used,
            revision=view.revision,
            etag=etag_of(view.config_revision),
            create_time=timestamp(view.create_time_ns),
            update_time=timestamp(view.config_time_ns),
            semantics_version=view.semantics_version,
        )
    )
    return space


def listed_space(listed: Listed) -> space_pb2.Space:
    """Return an entry of a list of spaces.

    A space that cannot be loaded has only its name, state and revision.
    """
    if listed.view is None:
        return space_pb2.Space(
            space=listed.name, state=space_pb2.SPACE_STATE_QUARANTINED, revision=listed.head
        )
    return space_message(listed.name, listed.view)


def planned_space(name: str, parameters: SpaceParameters) -> space_pb2.Space:
    """Return a space as it would be created with these parameters."""
    read_only = parameters.read_only
    return space_pb2.Space(
        space=name,
        config=_config(parameters),
        state=space_pb2.SPACE_STATE_READ_ONLY if read_only else space_pb2.SPACE_STATE_ACTIVE,
    )


def _config(parameters: SpaceParameters) -> space_pb2.SpaceConfig:
    moral, rhythm = parameters.moral, parameters.rhythm
    legacy = parameters.synapses.legacy
    ttl_ns = parameters.default_ttl_ns
    return space_pb2.SpaceConfig(
        dimension=parameters.dimension,
        capacity=parameters.capacity,
        embedder_model=parameters.embedder or NO_EMBEDDER,
        moral=space_pb2.MoralConfig(
            policy=space_pb2.MoralPolicy.ValueType(moral.policy),
            base_threshold=moral.base,
            ceiling=moral.ceiling,
        ),
        rhythm=space_pb2.RhythmConfig(
            wake_step_count=rhythm.wake_duration,
            sleep_step_count=rhythm.sleep_duration,
            sleep_gate=rhythm.sleep_gate,
        ),
        synaptic=space_pb2.SynapticConfig(
            scaling=space_pb2.SYNAPTIC_SCALING_LEGACY
            if legacy
            else space_pb2.SYNAPTIC_SCALING_NORMALIZED
        ),
        default_ttl=Duration(seconds=ttl_ns // _NS, nanos=ttl_ns % _NS),
        read_only=parameters.read_only,
        min_store_confidence=parameters.min_confidence,
        merge_min_cosine=parameters.merge_min_cosine,
        ontology=map(_category, parameters.ontology),
        recall=space_pb2.RecallConfig(
            phase=space_pb2.RECALL_PHASE_BAND
            if parameters.recall_in_band
            else space_pb2.RECALL_PHASE_ALL
        ),
    )


def _category(category: OntologyCategory) -> space_pb2.OntologyCategory:
    row = unit_row(category.vector)
    return space_pb2.OntologyCategory(
        category=category.name,
        embedding=embedding_pb2.Embedding(f32_le=row.astype("<f4", copy=False).tobytes()),
    )

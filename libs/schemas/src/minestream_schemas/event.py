"""What every event and every topic is: frozen values, and streams declared as data."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Instant = Annotated[AwareDatetime, Field(description="aware instant, UTC")]
Ratio = Annotated[float, Field(ge=0, le=1)]


class Model(BaseModel):
    """A frozen value: strict types, finite floats; unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
        protected_namespaces=(),
    )


class Event(Model):
    """A fact on a topic. Subclasses name their fields after what they are, with the unit."""

    def to_json(self) -> bytes:
        """Encode as it goes onto the wire: JSON, absent fields left out."""
        # model_dump_json without its way through a str
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def from_json(cls, value: bytes) -> Self:
        """Decode one record's value.

        Raises:
            pydantic.ValidationError: (a ``ValueError``) when the bytes are no such event.
        """
        return cls.model_validate_json(value)


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream, as data that tests walk and from which the stream is created.

    Args:
        name: ``minestream.<subject>.v<major>``.
        event: the model of its values.
        description: one sentence for the person who subscribes.
        key: the field of ``event`` that is the record's key: what stays in order.
        partitions: 24 for whatever is joined by miner.
        retention: how long records stay; None where compaction alone removes.
        compacted: the last record of each key stays; a record without value removes it.
        producers: services that write it.
        consumers: services that read it.
        max_message_bytes: the largest record that producers, broker and consumers agree on.
    """

    name: str
    event: type[Event]
    description: str
    key: str
    producers: frozenset[str]
    consumers: frozenset[str]
    partitions: int = 24
    retention: timedelta | None = timedelta(days=7)
    compacted: bool = False
    max_message_bytes: int = 1024 * 1024

    @property
    def subject(self) -> str:
        """The name without its prefix and version: ``raw.miner``."""
        return self.name.removeprefix("minestream.").rpartition(".")[0]

    @property
    def schema_file(self) -> PurePosixPath:
        """Where the generated JSON Schema stands, relative to ``libs/schemas``."""
        return PurePosixPath("jsonschema", f"{self.name}.json")

    @property
    def examples_folder(self) -> PurePosixPath:
        """Where its golden examples stand, relative to ``libs/schemas``; none is ever removed."""
        return PurePosixPath("examples", self.name)

    def named(self, namespace: str) -> str:
        """The topic's name on a broker shared by several environments.

        Args:
            namespace: takes the place of ``minestream``; the default is ``minestream`` itself.
        """
        return namespace + self.name.removeprefix("minestream")

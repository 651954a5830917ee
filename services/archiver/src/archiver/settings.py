"""What the archiver and ``minestream replay`` are told by their environment."""

from pathlib import Path

from pydantic import Field

from archiver.domain.rolling import Limits
from minestream_dialects import HEALTHY_CHIPS_RATIO
from minestream_runtime.settings import Settings


class ArchiverSettings(Settings):
    """The archiver's own settings; see ``Settings`` for the shared ones."""

    state_dir: Path = Field(
        default=Path(".minestream/state/archiver"), description="where the lake is by default"
    )
    lake_folder: Path | None = Field(
        default=None,
        description="the lake; shared by all replicas; default: the folder `lake` in state_dir",
    )
    archive_file_age_s: float = Field(
        default=900.0, gt=0, description="no record waits longer for its file"
    )
    archive_file_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1, description="most bytes of records in a file, as they came"
    )
    archive_file_rows: int = Field(default=500_000, ge=1, description="most records in a file")
    archive_open_files: int = Field(
        default=32, ge=1, description="most sources and days of one partition at a time"
    )
    archive_memory_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="most bytes of records that are on no disk yet"
    )
    archive_group_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1, description="bytes of records compressed together"
    )
    archive_zstd_level: int = Field(default=3, ge=1, le=19, description="how hard to compress")
    archive_batch_records: int = Field(default=1000, ge=1, description="most records read at once")
    healthy_chips_ratio: float = Field(
        default=HEALTHY_CHIPS_RATIO,
        ge=0,
        le=1,
        description="a board with at least this share of its chips is healthy; "
        "as the processor has it",
    )
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="until a silent archiver's partitions move on"
    )

    @property
    def lake(self) -> Path:
        """The lake's folder."""
        return self.lake_folder or self.state_dir / "lake"

    @property
    def limits(self) -> Limits:
        """The settings that the domain decides by."""
        return Limits(
            file_bytes=self.archive_file_bytes,
            file_rows=self.archive_file_rows,
            file_age_s=self.archive_file_age_s,
            open_files=self.archive_open_files,
            memory_bytes=self.archive_memory_bytes,
            group_bytes=self.archive_group_bytes,
        )

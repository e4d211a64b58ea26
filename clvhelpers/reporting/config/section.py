"""What every block of a client file shares: unknown keys are refused, values keep the type they were given."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FilePath = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$", max_length=500)]


class Section(BaseModel):
    """A block of a client file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

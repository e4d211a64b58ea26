"""What every block of a client file shares: unknown keys are refused, values keep the type they were given."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FilePath = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$", max_length=500)]


class Section(BaseModel):
    """A block of a client file.

    One that may be left out has what its `model_construct()` gives as default: to call the class would make a checker
    for that block alone, besides the one for the whole file, each time that the command line starts.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

"""What every block of `metrics.json` shares."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def _open(schema: dict[str, Any]) -> None:
    """Say in the published schema that later reports may have further keys, which a reader leaves aside."""
    schema.pop("additionalProperties", None)


class Part(BaseModel):
    """A block of `metrics.json`: we write no key that is not declared, and no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, json_schema_extra=_open)

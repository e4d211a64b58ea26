"""What every block of `metrics.json` shares."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def _published(schema: dict[str, Any]) -> None:
    """Later reports may have further keys, which a reader leaves aside; what a class is for fits into one line."""
    schema.pop("additionalProperties", None)
    if "description" in schema:
        schema["description"] = schema["description"].partition("\n")[0]


class Part(BaseModel):
    """A block of `metrics.json`: we write no key that is not declared, and no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, json_schema_extra=_published)

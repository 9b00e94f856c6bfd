"""Strict validation of values from files, forms and the command line, with one-sentence errors."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from mnistdash.exceptions import RunError

# Without `strict`, pydantic accepts "12" and True as numbers; without `allow_inf_nan=False`, NaN and 10^309.
STRICT = ConfigDict(strict=True, allow_inf_nan=False)
STRICT_FIELDS = ConfigDict(**STRICT, extra="forbid")  # a misspelled keyword is an error, too
MAX_VALUE_CHARACTERS = 40  # of an invalid value that a message quotes

# Clauses for pydantic's types of errors, with its names for the values.
_CLAUSES = {
    "greater_than": "must be above {gt}, not {input}",
    "greater_than_equal": "must be at least {ge}, not {input}",
    "less_than_equal": "must be at most {le}, not {input}",
    "missing": "is missing",
    "json_invalid": "not valid JSON ({error})",
    "value_error": "{error}",
}

T = TypeVar("T")


def one_of(values: Sequence[str]) -> AfterValidator:
    """Return a validator that accepts these strings only."""

    def check(value: str) -> str:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {_quote(value)}")
        return value

    return AfterValidator(check)


def parse_json(adapter: TypeAdapter[T], content: bytes, source: str) -> T:
    """Parse and validate JSON; unknown fields are ignored.

    Args:
        adapter: of the type to return.
        content: of a file.
        source: the file, for messages.

    Raises:
        RunError: the content is not JSON, or a value has the wrong type or is out of range.
    """
    try:
        return adapter.validate_json(content, extra="ignore")
    except ValidationError as error:
        raise RunError(f"{source}: {describe(error)}.") from error


def describe(error: ValidationError) -> str:
    """Return the first problem as a clause, such as "batch size must be at most 4,096, not 5,000"."""
    first = error.errors(include_url=False)[0]
    clause = _CLAUSES.get(first["type"], "must be {expected}, not {input}")
    context = {name: value if name == "error" else _quote(value) for name, value in first.get("ctx", {}).items()}
    expected = first["msg"].removeprefix("Input should be ")
    label = str(first["loc"][-1]).replace("_", " ") if first["loc"] else ""
    return f"{label} {clause.format(**context, expected=expected, input=_quote(first['input']))}".lstrip()


def _quote(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = f"{value:,}" if type(value) is int else repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[: MAX_VALUE_CHARACTERS - 1]}…"

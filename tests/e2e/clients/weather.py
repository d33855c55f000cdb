"""A server made with FastMCP as its documentation shows one, with the types that people use.

    python weather.py --port 8000          serve /mcp
"""

import sys
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastmcp import FastMCP
from pydantic import BaseModel, Field

mcp = FastMCP("Weather & more")


class Place(BaseModel):
    city: str
    latitude: float | None = None
    longitude: float | None = None


@mcp.tool(annotations={"readOnlyHint": True})
def forecast(place: Place | str, day: date, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather on a day."""
    return f"rain at {place} on {day}, in {unit}"


@mcp.tool(annotations={"readOnlyHint": True})
def history(station: UUID, days: Annotated[int, Field(ge=1, le=30)] = 7, fields: list[str] | None = None) -> list[int]:
    """The temperatures of the last days."""
    return [10] * days


@mcp.tool
def subscribe(address: str, api_key: str, options: dict[str, Any], pair: tuple[int, str] = (1, "a")) -> bool:
    """Sends the forecast every day."""
    return True


@mcp.tool(annotations={"destructiveHint": True})
def forget(addresses: set[str]) -> int:
    """Forgets subscribers."""
    return len(addresses)


if __name__ == "__main__":
    mcp.run(transport="http", port=int(sys.argv[2]))

"""The measurement of responses that policies change: a list of 50 tools, and a result with labels."""

import dataclasses
import json
import socket
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from parts import customers, series
from parts.contenders import OF_RESPONSES, PLAIN, Contender
from parts.load import Load
from parts.running import Bench
from parts.scale import Scale

Detail = dict[str, Any]
# One response takes as long as several requests.
FEWER = 3


def responses(bench: Bench, scale: Scale) -> Detail:
    """A list without the tools that policies hide, and a result without the parts that they withhold."""
    scale = dataclasses.replace(scale, count=scale.count // FEWER, warm=scale.warm // FEWER)
    whole_list, whole_result = customers.list_answer(), customers.call_answer()
    return {
        "list": _measured(bench, scale, bench.requests.listing(), whole_list, customers.list_for_caller()),
        "masked": _measured(bench, scale, bench.requests.labelled(), whole_result, customers.call_for_caller()),
    }


def _measured(bench: Bench, scale: Scale, requests: list[Path], answer: Detail, changed: Detail) -> Detail:
    """The cost of a response, once all contenders have shown that they change it alike."""
    settings = {"bundle": customers.bundle(), "upstream": bench.upstream(answer)}
    with series.started(bench, map(Contender, scale.of(OF_RESPONSES)), **settings) as running:
        for name, each in running.items():
            expected = answer if name == PLAIN else changed
            got = _answer(each.envoy.port, requests[0])
            if _meaning(got) != _meaning(expected):
                raise RuntimeError(f"{name} answers otherwise than expected: {json.dumps(got)}")
        return series.busy(running, lambda _: Load(requests, scale.count), scale)


def _answer(port: int, request: Path) -> Any:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.read_bytes())
        response = HTTPResponse(connection)
        response.begin()
        return json.loads(response.read())


def _meaning(answer: Detail) -> Detail:
    """The answer with the texts of a result as the JSON that they are."""
    result = answer["result"]
    if "content" not in result:
        return answer
    return answer | {"result": result | {"content": [json.loads(item["text"]) for item in result["content"]]}}

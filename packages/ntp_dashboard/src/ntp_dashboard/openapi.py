"""The OpenAPI document: made from the endpoints and from the types of their answers, so that it cannot say anything else than what is done.

Source: OpenAPI Specification 3.1.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec

from ntp_ctl.version import version
from ntp_dashboard.access import ENDPOINTS, Access, Content, Endpoint
from ntp_dashboard.documents import ControlOrder, Failure
from ntp_proto.history import LONGEST_WINDOW_S

__all__ = ["openapi_document"]

Json = Mapping[str, object]

_EVERYWHERE = (405, 408, 421, 500)
_MEANINGS = {
    400: "The request is wrong.",
    401: "The token is wrong, or missing.",
    403: "It is not allowed here, whoever asks.",
    405: "The method is wrong.",
    408: "The request took too long.",
    409: "It does not fit the state.",
    413: "The request is too long.",
    421: "The host name is not ours.",
    500: "It could not be done.",
    503: "The daemon does not answer.",
}
_REFERENCES = "#/components/schemas/{name}"


@functools.cache
def openapi_document() -> bytes:
    """The document, as JSON."""
    types = [answer for answer in {endpoint.answer for endpoint in ENDPOINTS} if not isinstance(answer, Content)]
    _, components = msgspec.json.schema_components([*types, ControlOrder, Failure], ref_template=_REFERENCES)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "ntp-dashboard",
                "version": version(),
                "description": "The state of a running ntp-daemon, and what may be done with it. Fields may be added in any release.",
            },
            "paths": {endpoint.path: _operation(endpoint) for endpoint in ENDPOINTS},
            "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        }
    )


def _operation(endpoint: Endpoint) -> Json:
    operation: dict[str, object] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {"200": _success(endpoint)} | {str(status): _failure(status, endpoint) for status in sorted(_failures(endpoint))},
    }
    if endpoint.access is not Access.OPEN:
        # Without a token in the configuration it takes none, so {} is an alternative.
        operation["security"] = [{"token": []}] if endpoint.access is Access.TOKEN else [{}, {"token": []}]
    if endpoint.name == "series":
        operation["parameters"] = [
            {
                "name": "window",
                "in": "query",
                "description": "How far back, s; 900 without it.",
                "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_WINDOW_S},
            }
        ]
    if endpoint.is_order:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"$ref": _REFERENCES.format(name="ControlOrder")}}}}
        return {"post": operation}
    return {"get": operation}


def _failures(endpoint: Endpoint) -> set[int]:
    return {*_EVERYWHERE, *endpoint.failures, *(() if endpoint.access is Access.OPEN else (401,))}


def _success(endpoint: Endpoint) -> Json:
    answer = endpoint.answer
    if not isinstance(answer, Content):
        return {"description": "Done.", "content": {"application/json": {"schema": {"$ref": _REFERENCES.format(name=answer.__name__)}}}}
    media_type = answer.value.partition(";")[0]
    return {"description": "Done.", "content": {media_type: {"schema": {"type": "object" if answer is Content.JSON else "string"}}}}


def _failure(status: int, endpoint: Endpoint) -> Json:
    name = "Health" if endpoint.name == "health" and status == 503 else "Failure"
    return {"description": _MEANINGS[status], "content": {"application/json": {"schema": {"$ref": _REFERENCES.format(name=name)}}}}

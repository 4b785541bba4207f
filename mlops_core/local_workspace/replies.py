"""Answers in the shapes of the service: errors with a code, and JSON."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"
INVALID = "INVALID_PARAMETER_VALUE"


class ApiError(Exception):
    """A refusal as the service words it; ``reason`` goes into an ErrorInfo beside the code."""

    def __init__(self, status: int, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason

    def body(self) -> dict[str, object]:
        """The JSON body: `{error_code, message}` and, with a reason, `details`."""
        body: dict[str, object] = {"error_code": self.code, "message": self.message}
        if self.reason:
            body["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": self.reason,
                    "domain": "databricks.com",
                }
            ]
        return body


def invalid(message: str) -> ApiError:
    """400 INVALID_PARAMETER_VALUE."""
    return ApiError(400, INVALID, message)


def missing(path: str) -> ApiError:
    """404 for an object of the tree, with the path as it was sent."""
    return ApiError(404, NOT_FOUND, f"Path ({path}) doesn't exist.")


def protected(folder: str) -> ApiError:
    """The refusal to change a folder that belongs to the workspace itself."""
    return ApiError(400, "DIRECTORY_PROTECTED", f"Folder {folder} is protected")


def json_reply(body: Mapping[str, object], status: int = 200) -> Response:
    """A JSON answer."""
    return JSONResponse(dict(body), status_code=status)


async def error_reply(_request: Request, error: Exception) -> Response:
    """The answer for an ApiError (FastAPI's exception handler)."""
    if not isinstance(error, ApiError):
        raise error
    return json_reply(error.body(), error.status)


async def json_body(request: Request) -> dict[str, object]:
    """The request's JSON object; an empty body is an empty object."""
    raw = await request.body()
    try:
        body = await request.json() if raw else {}
    except ValueError:
        raise ApiError(
            400, "MALFORMED_REQUEST", "Could not parse request object: no JSON"
        ) from None
    if not isinstance(body, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "Could not parse request object: no JSON object")
    return body


def text_field(body: Mapping[str, object], name: str) -> str:
    """A required text field of a request."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"Missing required field: {name}")
    return value

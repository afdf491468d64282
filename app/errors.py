"""The service's exceptions, independent of HTTP; `app.web.responses` maps them to statuses."""

from typing import Any


class StartError(Exception):
    """The service or a command cannot start; the text is shown to the user in one line."""


class Damaged(StartError):
    """A file is not an intact database."""


class ServiceError(Exception):
    """A request failed: `code` is for programs, `message` for people.

    `details` maps each invalid field to its reasons, or to such a map of its own fields.
    `retry_after` is in whole seconds.
    """

    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after


class InvalidJson(ServiceError):
    code = "invalid_json"


class CutShort(ServiceError):
    """A body ended before it was complete."""

    code = "bad_request"


class Unauthorized(ServiceError):
    code = "unauthorized"


class Forbidden(ServiceError):
    code = "forbidden"


class NotFound(ServiceError):
    code = "not_found"


class Conflict(ServiceError):
    code = "conflict"


class Gone(ServiceError):
    code = "gone"


class PreconditionFailed(ServiceError):
    code = "precondition_failed"


class PayloadTooLarge(ServiceError):
    code = "payload_too_large"


class UnsupportedMediaType(ServiceError):
    code = "unsupported_media_type"


class InvalidInput(ServiceError):
    """Well-formed input with invalid content; `message` names the first invalid field."""

    code = "validation_error"

    def __init__(self, details: dict[str, Any]) -> None:
        paths = list(_leaves(details))
        path, reason = paths[0]
        more = f" ({len(paths) - 1} more in details.)" if len(paths) > 1 else ""
        super().__init__(f"{path}: {reason}{more}", details=details)


class TooManyRequests(ServiceError):
    code = "rate_limit_exceeded"

    def __init__(self, retry_after: int) -> None:
        message = "Too many requests. Please wait before retrying."
        super().__init__(message, retry_after=retry_after)


class Unavailable(ServiceError):
    """The store cannot be used now; the same request may succeed later."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message, retry_after=retry_after)


class Busy(Unavailable):
    """Another writer holds the store for longer than this one may wait."""


class InsufficientStorage(ServiceError):
    code = "insufficient_storage"


class StoreFault(ServiceError):
    """The store is damaged or a query is wrong; `message` is for the log and quotes no data."""

    code = "internal_error"


def _leaves(details: dict[str, Any], prefix: str = "") -> Any:
    for name, reasons in details.items():
        if isinstance(reasons, dict):
            yield from _leaves(reasons, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", reasons[0]

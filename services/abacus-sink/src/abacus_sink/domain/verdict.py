"""What a failed call means: try again, set rows aside, send less, or stop and tell a human."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final


class Verdict(StrEnum):
    """What to do."""

    RETRY = "retry"
    """The same again, later; whether it was done is not known."""
    POISON = "poison"
    """Something in these rows will never be taken."""
    TOO_LARGE = "too_large"
    """Less at once."""
    REFUSED = "refused"
    """Asking again is no use before a human has changed something."""
    UNREGISTERED = "unregistered"
    """What we send to is not there any more: register again."""


class Cause(StrEnum):
    """Which class of error it is, for people and metrics."""

    CONNECTIVITY = "connectivity"
    LIMITED = "limited"
    AUTHORISATION = "authorisation"
    PAYMENT = "payment"
    REGISTRATION = "registration"
    REJECTION = "rejection"
    VERSION = "version"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call failed.

    Args:
        status: of HTTP; None: there was no answer.
        name: the service's or the library's name for it.
        text: for people, without secrets.
        retry_after_s: what the service asked for.
    """

    status: int | None
    name: str
    text: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a failed call means."""

    verdict: Verdict
    cause: Cause


_BY_NAME: Final = {
    "InvalidJSONError": Judgement(Verdict.POISON, Cause.REJECTION),
    "PaymentMethodRequired": Judgement(Verdict.REFUSED, Cause.PAYMENT),
    "PaidPlanRequired": Judgement(Verdict.REFUSED, Cause.PAYMENT),
    "PermissionDeniedError": Judgement(Verdict.REFUSED, Cause.AUTHORISATION),
    "GenericPermissionDeniedError": Judgement(Verdict.REFUSED, Cause.AUTHORISATION),
    "DataNotFoundError": Judgement(Verdict.UNREGISTERED, Cause.REGISTRATION),
    "NotReadyError": Judgement(Verdict.RETRY, Cause.CONNECTIVITY),
    "FailedDependencyError": Judgement(Verdict.RETRY, Cause.CONNECTIVITY),
    "RequestTimeoutError": Judgement(Verdict.RETRY, Cause.CONNECTIVITY),
    "TooManyRequestsError": Judgement(Verdict.RETRY, Cause.LIMITED),
    "MethodNotAllowed": Judgement(Verdict.REFUSED, Cause.VERSION),
    "Generic404Error": Judgement(Verdict.REFUSED, Cause.VERSION),
    "InvalidURL": Judgement(Verdict.REFUSED, Cause.VERSION),
    "MissingSchema": Judgement(Verdict.REFUSED, Cause.VERSION),
    "InvalidSchema": Judgement(Verdict.REFUSED, Cause.VERSION),
}
_BY_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: Judgement(Verdict.REFUSED, Cause.AUTHORISATION),
    HTTPStatus.FORBIDDEN: Judgement(Verdict.REFUSED, Cause.AUTHORISATION),
    HTTPStatus.PAYMENT_REQUIRED: Judgement(Verdict.REFUSED, Cause.PAYMENT),
    HTTPStatus.NOT_FOUND: Judgement(Verdict.REFUSED, Cause.VERSION),
    HTTPStatus.METHOD_NOT_ALLOWED: Judgement(Verdict.REFUSED, Cause.VERSION),
    HTTPStatus.GONE: Judgement(Verdict.REFUSED, Cause.VERSION),
    HTTPStatus.UPGRADE_REQUIRED: Judgement(Verdict.REFUSED, Cause.VERSION),
    HTTPStatus.REQUEST_TIMEOUT: Judgement(Verdict.RETRY, Cause.CONNECTIVITY),
    HTTPStatus.TOO_EARLY: Judgement(Verdict.RETRY, Cause.CONNECTIVITY),
    HTTPStatus.TOO_MANY_REQUESTS: Judgement(Verdict.RETRY, Cause.LIMITED),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Judgement(Verdict.TOO_LARGE, Cause.REJECTION),
}


def judge(refusal: Refusal) -> Judgement:
    """What a failed call that carried rows means."""
    status = refusal.status
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Judgement(Verdict.RETRY, Cause.CONNECTIVITY)  # whatever it calls itself
    named = _BY_NAME.get(refusal.name)
    if named is not None:
        return named
    if status is None or status < HTTPStatus.MULTIPLE_CHOICES:
        # no answer, or an answer of 200 that the SDK could not read: done or not, who knows
        return Judgement(Verdict.RETRY, Cause.CONNECTIVITY)
    if status < HTTPStatus.BAD_REQUEST:
        return Judgement(Verdict.REFUSED, Cause.VERSION)  # sent elsewhere: the address is wrong
    return _BY_STATUS.get(HTTPStatus(status), _REJECTED) if _known(status) else _REJECTED


def judge_registering(refusal: Refusal) -> Judgement:
    """What a failed call means that registers or asks: there are no rows to blame."""
    judged = judge(refusal)
    match judged.verdict:
        case Verdict.POISON | Verdict.TOO_LARGE | Verdict.UNREGISTERED:
            return Judgement(Verdict.REFUSED, Cause.REGISTRATION)
        case _:
            return judged


_REJECTED: Final = Judgement(Verdict.POISON, Cause.REJECTION)


def _known(status: int) -> bool:
    return status in {known.value for known in HTTPStatus}

"""What stands before a source and refuses in its name."""

from dataclasses import replace
from http import HTTPStatus

from minestream_runtime.polite.client import Answer
from minestream_schemas.raw import PollStatus


def of_gate(answer: Answer, *, keyed: bool) -> Answer:
    """The answer; but who refuses without having seen a key, or with a web page, is no source.

    It is what stands before one (against robots, for a country, for maintenance): the source is
    away, and nobody has to look at a key.

    Args:
        answer: what came.
        keyed: went a key along?
    """
    if answer.status is not PollStatus.UNAUTHORISED:
        return answer
    page = answer.http_status == HTTPStatus.FORBIDDEN and _is_page(answer.body)
    if keyed and not page:
        return answer
    what = "a web page in place of an answer" if page else "though no key is asked for"
    return replace(answer, status=PollStatus.ERROR, error=f"{answer.error}: {what}")


def _is_page(body: bytes | None) -> bool:
    return (body or b"").lstrip()[:1] == b"<"

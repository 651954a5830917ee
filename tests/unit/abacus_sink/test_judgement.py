import pytest

from abacus_sink.domain.breaker import Breaker, State
from abacus_sink.domain.verdict import Cause, Refusal, Verdict, judge, judge_registering


@pytest.mark.parametrize(
    ("status", "name", "verdict", "cause"),
    [
        (None, "ConnectionError", Verdict.RETRY, Cause.CONNECTIVITY),
        (None, "ReadTimeout", Verdict.RETRY, Cause.CONNECTIVITY),
        (None, "InvalidJSONError", Verdict.POISON, Cause.REJECTION),
        (None, "InvalidURL", Verdict.REFUSED, Cause.VERSION),
        (200, "ApiException", Verdict.RETRY, Cause.CONNECTIVITY),
        (302, "ApiException", Verdict.REFUSED, Cause.VERSION),
        (400, "InvalidParameterError", Verdict.POISON, Cause.REJECTION),
        (400, "PermissionDeniedError", Verdict.REFUSED, Cause.AUTHORISATION),
        (400, "PaidPlanRequired", Verdict.REFUSED, Cause.PAYMENT),
        (401, "ApiException", Verdict.REFUSED, Cause.AUTHORISATION),
        (402, "ApiException", Verdict.REFUSED, Cause.PAYMENT),
        (403, "ApiException", Verdict.REFUSED, Cause.AUTHORISATION),
        (404, "DataNotFoundError", Verdict.UNREGISTERED, Cause.REGISTRATION),
        (404, "ApiException", Verdict.REFUSED, Cause.VERSION),
        (405, "MethodNotAllowed", Verdict.REFUSED, Cause.VERSION),
        (408, "RequestTimeoutError", Verdict.RETRY, Cause.CONNECTIVITY),
        (409, "NotReadyError", Verdict.RETRY, Cause.CONNECTIVITY),
        (413, "ApiException", Verdict.TOO_LARGE, Cause.REJECTION),
        (422, "ApiException", Verdict.POISON, Cause.REJECTION),
        (429, "TooManyRequestsError", Verdict.RETRY, Cause.LIMITED),
        (499, "ApiException", Verdict.POISON, Cause.REJECTION),
        (500, "InvalidParameterError", Verdict.RETRY, Cause.CONNECTIVITY),
        (503, "ApiException", Verdict.RETRY, Cause.CONNECTIVITY),
        (504, "GatewayTimeoutError", Verdict.RETRY, Cause.CONNECTIVITY),
    ],
)
def test_a_failed_call_says_what_to_do_and_which_class_it_is(
    status: int | None, name: str, verdict: Verdict, cause: Cause
) -> None:
    judged = judge(Refusal(status, name, "text"))
    assert (judged.verdict, judged.cause) == (verdict, cause)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_there_may_be_is_judged_and_none_while_registering_blames_rows(
    status: int,
) -> None:
    judge(Refusal(status, "ApiException", ""))
    judged = judge_registering(Refusal(status, "ApiException", ""))
    assert judged.verdict in {Verdict.RETRY, Verdict.REFUSED}


def breaker() -> Breaker:
    return Breaker(retries=3, first_s=1.0, most_s=60.0, refused_s=300.0)


def test_three_retries_at_twice_the_wait_and_then_the_circuit_opens_and_goes_on_asking() -> None:
    one, now_s, waits, states = breaker(), 0.0, list[float](), list[State]()
    for _ in range(8):
        one.failed(now_s, jitter=1.0)
        waits.append(one.wait_s(now_s))
        states.append(one.state)
        now_s += waits[-1]
        one.calling()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert states == [State.CLOSED] * 3 + [State.OPEN] * 5
    assert one.state is State.HALF_OPEN
    one.succeeded()
    assert (one.state, one.wait_s(now_s)) == (State.CLOSED, 0.0)


def test_what_fails_in_the_one_call_of_an_open_circuit_opens_it_again() -> None:
    one = breaker()
    one.refused(0.0)
    one.calling()
    one.failed(300.0, jitter=0.0)
    assert one.state is State.OPEN


def test_a_refusal_waits_for_a_human_and_asks_again_in_minutes() -> None:
    one = breaker()
    one.refused(10.0)
    assert (one.state, one.wait_s(10.0), one.wait_s(310.0)) == (State.REFUSED, 300.0, 0.0)


@pytest.mark.parametrize(("asked_s", "waits_s"), [(30.0, 30.0), (0.0, 0.5), (1e9, 900.0)])
def test_a_wait_that_is_asked_for_is_kept_within_reason(asked_s: float, waits_s: float) -> None:
    one = breaker()
    one.failed(0.0, jitter=0.0, asked_s=asked_s)
    assert one.wait_s(0.0) == waits_s

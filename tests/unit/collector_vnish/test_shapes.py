"""Answers that cannot be what was asked for."""

import pytest

from collector_vnish.domain.endpoints import Endpoint, firmware_of, shape_fault


@pytest.mark.parametrize(
    ("endpoint", "content", "fits"),
    [
        (Endpoint.SUMMARY, {"miner": None}, True),
        (Endpoint.SUMMARY, {"STATUS": []}, False),
        (Endpoint.SUMMARY, [], False),
        (Endpoint.INFO, {"fw_name": "Vnish"}, True),
        (Endpoint.INFO, {"model": "x"}, False),
        (Endpoint.CHIPS, {"chains": []}, True),
        (Endpoint.BOARDS, [], True),
        (Endpoint.BOARDS, "x", False),
        (Endpoint.STATUS, None, False),
        (Endpoint.SETTINGS, {}, True),
    ],
)
def test_an_answer_of_the_wrong_shape_is_seen(
    endpoint: Endpoint, content: object, *, fits: bool
) -> None:
    assert (shape_fault(endpoint, content) is None) == fits


@pytest.mark.parametrize("info", [None, [], {}, {"fw_version": 127}, {"fw_version": ""}])
def test_a_firmware_that_is_not_told_is_not_made_up(info: object) -> None:
    assert firmware_of(info) is None

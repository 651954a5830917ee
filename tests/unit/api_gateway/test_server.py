import socket

import pytest

from api_gateway.adapters.http.server import listen
from minestream_runtime.errors import ConfigurationError


def test_the_listener_names_its_protocol_so_that_answers_are_not_held_back() -> None:
    # asyncio sets TCP_NODELAY on accepted connections only where the protocol is named;
    # without it each answer waits 40 ms for the client's delayed acknowledgement
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_taken_address_is_a_configuration_fault_that_names_the_settings() -> None:
    with (
        listen("127.0.0.1", 0) as taken,
        pytest.raises(ConfigurationError, match="MINESTREAM_GATEWAY_PORT"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])

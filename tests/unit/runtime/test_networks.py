"""S1-5.3-networks: miners' addresses only in allowed networks."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest
from structlog.testing import capture_logs

from minestream_runtime.clock import SystemClock
from minestream_runtime.devices.http import Fault, Question, device_session, fetch
from minestream_runtime.devices.networks import PRIVATE, Networks, gate, hosts

PRIVATE_NETWORKS = Networks.parse(PRIVATE)


@pytest.mark.parametrize("address", ["fd00::12", "fe80::1%eth0", "::1", "::ffff:10.0.0.9"])
def test_private_addresses_are_allowed_by_default(address: str) -> None:
    assert PRIVATE_NETWORKS.allows(address)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("10.0.0.0", "10.255.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::1", "::1"),
    ],
)
def test_a_private_network_ends_where_the_internet_begins(first: str, last: str) -> None:
    assert PRIVATE_NETWORKS.allows(first)
    assert PRIVATE_NETWORKS.allows(last)
    assert not PRIVATE_NETWORKS.allows(str(ip_address(first) - 1))
    assert not PRIVATE_NETWORKS.allows(str(ip_address(last) + 1))


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8", "farm.local", ""])
def test_public_addresses_and_names_are_not(address: str) -> None:
    assert not PRIVATE_NETWORKS.allows(address)


def test_a_network_is_allowed_when_it_lies_wholly_in_an_allowed_one() -> None:
    assert PRIVATE_NETWORKS.has(ip_network("10.20.0.0/16"))
    assert not PRIVATE_NETWORKS.has(ip_network("10.0.0.0/7"))
    assert not PRIVATE_NETWORKS.has(ip_network("2001:db8::/64"))


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/33'; 10\.0\.0\.0/8 is wanted"):
        Networks.parse("192.168.0.0/16, 10.0.0.0/33")


def test_hosts_leave_out_network_and_broadcast_and_end() -> None:
    assert list(hosts(ip_network("10.0.0.0/30"), most=10)) == ["10.0.0.1", "10.0.0.2"]
    assert len(list(hosts(ip_network("fd00::/64"), most=5))) == 5


def test_the_log_hears_once_of_an_address_outside_whoever_asks() -> None:
    networks = Networks.parse("10.77.0.0/16")
    with capture_logs() as logs:
        asking = gate(networks), gate(Networks.parse("10.77.0.0/16"))
        for may in (*asking, *asking):
            assert may("10.77.0.1")
            assert not may("10.78.0.1")
            assert not may("10.78.0.2")
    assert [(line["event"], line["address"], line["setting"]) for line in logs] == [
        ("miner_outside_networks", "10.78.0.1", "MINESTREAM_ALLOWED_NETWORKS"),
        ("miner_outside_networks", "10.78.0.2", "MINESTREAM_ALLOWED_NETWORKS"),
    ]


async def test_nobody_outside_is_connected_to_over_http_not_even_by_name() -> None:
    callers = 0

    def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal callers
        callers += 1
        writer.close()

    server = await asyncio.start_server(heard, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    allowed = Networks.parse("10.0.0.0/8").allows
    async with server, device_session(allowed=allowed) as session:
        for name in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            question = Question(f"http://{name}:{port}/summary")
            reply = await fetch(session, question, SystemClock(), deadline_s=2.0)
            assert reply.fault is Fault.REFUSED
            assert "outside of MINESTREAM_ALLOWED_NETWORKS" in (reply.error or "")
    assert callers == 0

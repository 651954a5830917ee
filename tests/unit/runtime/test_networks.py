"""S1-5.3-networks: miners' addresses only in allowed networks."""

from ipaddress import ip_network

import pytest

from minestream_runtime.networks import PRIVATE, Networks, hosts

PRIVATE_NETWORKS = Networks.parse(PRIVATE)


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.1", "fd00::12", "::ffff:10.0.0.9"])
def test_private_addresses_are_allowed_by_default(address: str) -> None:
    assert PRIVATE_NETWORKS.allows(address)


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

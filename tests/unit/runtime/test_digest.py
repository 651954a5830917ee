"""Digest as the RFCs compute it, and nothing that a hostile header could break."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.devices.digest import Challenge, Login, challenges
from minestream_runtime.devices.http import Question

RFC_7616 = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def asked(algorithm: str, *, nonce: str = NONCE, more: str = "") -> str:
    return (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{nonce}", opaque="{OPAQUE}"{more}'
    )


def login(*, basic: bool = False, basic_first: bool = False) -> Login:
    return Login("Mufasa", "Circle of Life", lambda: CNONCE, basic, basic_first)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_examples_of_rfc_7616_come_out(algorithm: str) -> None:
    ours = login()
    assert ours.authorization("GET", "/dir/index.html") is None
    assert ours.challenged([asked(algorithm)])
    header = ours.authorization("GET", "/dir/index.html")
    assert header == (
        f'Digest username="Mufasa", realm="http-auth@example.org", nonce="{NONCE}", '
        f'uri="/dir/index.html", algorithm={algorithm}, qop=auth, nc=00000001, '
        f'cnonce="{CNONCE}", response="{RFC_7616[algorithm]}", opaque="{OPAQUE}"'
    )


def test_the_example_of_rfc_2617_comes_out_and_without_qop_that_of_rfc_2069() -> None:
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    plain = f'Digest realm="testrealm@host.com", nonce="{nonce}"'
    ours = Login("Mufasa", "Circle Of Life", lambda: "0a4f113b")
    assert ours.challenged([f'{plain}, qop="auth"'])
    header = ours.authorization("GET", "/dir/index.html") or ""
    assert 'response="6629fae49393a05397450978507c4ef1"' in header
    ours = Login("Mufasa", "CircleOfLife", lambda: "")
    assert ours.challenged([plain])
    header = ours.authorization("GET", "/dir/index.html") or ""
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "qop" not in header


def test_of_two_challenges_the_stronger_is_answered() -> None:
    both = [asked("MD5"), asked("SHA-256")]
    assert [one.algorithm for one in challenges(both)] == ["sha-256", "md5"]
    assert [one.algorithm for one in challenges([", ".join(both)])] == ["sha-256", "md5"]
    ours = login(basic=True)
    assert ours.challenged(['Basic realm="x"', asked("MD5")])
    assert (ours.authorization("GET", "/") or "").startswith("Digest ")


def test_a_challenge_serves_many_requests_each_with_its_number() -> None:
    ours = login()
    ours.challenged([asked("MD5")])
    headers = [ours.authorization("GET", "/") or "" for _ in range(3)]
    assert [header.split("nc=")[1][:8] for header in headers] == [
        "00000001",
        "00000002",
        "00000003",
    ]
    assert len({header.split("response=")[1] for header in headers}) == 3


def test_a_nonce_that_is_used_up_is_replaced_and_credentials_are_refused_once() -> None:
    ours = login()
    assert ours.challenged([asked("MD5")])
    ours.authorization("GET", "/")
    ours.authorization("GET", "/")
    assert ours.challenged([asked("MD5", nonce="new")]), "an old nonce, even if not called stale"
    ours.authorization("GET", "/")
    assert ours.challenged([asked("MD5", nonce="newer", more=", stale=TRUE")])
    ours.authorization("GET", "/")
    assert not ours.challenged([asked("MD5", nonce="newest")]), "a fresh one was refused"
    assert ours.authorization("GET", "/") is None


def test_a_password_goes_out_as_it_is_only_where_that_is_allowed() -> None:
    assert not login().challenged(['Basic realm="router"'])
    ours = login(basic=True)
    assert ours.challenged(['Basic realm="router"'])
    pair = base64.b64encode(b"Mufasa:Circle of Life").decode()
    assert ours.authorization("GET", "/") == f"Basic {pair}"
    assert not ours.challenged(['Basic realm="router"'])
    first = login(basic=True, basic_first=True)
    assert first.authorization("GET", "/") == f"Basic {pair}"
    assert first.challenged([asked("MD5")])
    assert (first.authorization("GET", "/") or "").startswith("Digest ")


def test_a_session_binds_the_secret_to_its_first_nonces() -> None:
    plain, bound = login(), login()
    plain.challenged([asked("MD5")])
    bound.challenged([asked("MD5-sess")])
    header = bound.authorization("GET", "/") or ""
    assert "algorithm=MD5-sess" in header
    assert (
        header.split("response=")[1]
        != (plain.authorization("GET", "/") or "").split("response=")[1]
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Digest",
        "Digest realm=",
        'Digest realm="a"',
        'Digest nonce=""',
        'Digest realm="a", nonce="n", algorithm=ROT13',
        'Digest realm="a", nonce="n", algorithm=MD5-sessx',
        'Digest realm="a", nonce="n", qop="auth-int"',
        "Negotiate abc==",
        'Digest realm="a\r\nX: y", nonce="n"',
        "Bearer realm=x",
        '"' * 4096,
        'Digest realm="' + "\\" * 4095,
    ],
)
def test_what_cannot_be_answered_is_no_challenge(header: str) -> None:
    assert challenges([header]) == []
    assert not login(basic=False).challenged([header])


@pytest.mark.parametrize(
    "filler", [" " * 4089, " ," * 2040, "a" + " " * 4088, 'a="' + "\\a" * 2040, "a=" * 2044]
)
def test_a_head_full_of_hostile_challenges_is_read_in_one_go(filler: str) -> None:
    # as many as fit into one read of the socket; looked at again from each blank, they took 4 s,
    # in which no other miner was polled
    began_s = time.process_time()
    assert challenges([f"Digest {filler}"] * 60) == []
    assert time.process_time() - began_s < 1.5


def test_quotes_come_back_as_quotes() -> None:
    ours = Login('a"b\\c', "p", lambda: "c")
    assert ours.challenged(['Digest realm="say \\"hi\\"", nonce="n"'])
    header = ours.authorization("GET", "/") or ""
    assert 'username="a\\"b\\\\c"' in header
    assert 'realm="say \\"hi\\""' in header


HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=300),
        st.text(alphabet='Digestbasc realm="nonce\\,=qop ', max_size=300).map("Digest ".__add__),
        st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), max_size=9),
    ),
    max_size=4,
)


@given(HOSTILE)
def test_no_header_breaks_it_and_no_answer_breaks_a_request(headers: list[str]) -> None:
    for challenge in challenges(headers):
        assert isinstance(challenge, Challenge)
    ours = login(basic=True)
    if ours.challenged(headers):
        header = ours.authorization("GET", "/") or ""
        assert not {*header} & {*"\r\n\0"}
        header.encode(errors="surrogateescape")
        assert header.startswith(("Digest ", "Basic "))


def test_nothing_that_is_shown_holds_the_password() -> None:
    ours = login()
    ours.challenged([asked("MD5")])
    assert "Circle" not in repr(ours)
    assert "Circle" not in (ours.authorization("GET", "/") or "")
    asks = Question("http://127.0.0.1/", "POST", b"Circle", authorization="Basic Circle")
    assert "Circle" not in repr(asks)

"""An unknown miner's first answer tells whose it is, and nobody else's does."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minestream_dialects.detection import STEPS, TRANSPORT_OF, Found, Step, recognise
from minestream_dialects.registry import DIALECTS
from minestream_schemas.units import Algorithm

FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
HOME: Final = "DG-Home1_V1.0.5"
V3: Final = "20251209.16.Rel2"
SHA256D, SCRYPT, UNKNOWN = Algorithm.SHA256D, Algorithm.SCRYPT, Algorithm.UNKNOWN
STEP: Final = {step.name: step for step in STEPS}

CGMINER: Final = (
    b'{"STATUS":[{"STATUS":"S","Code":22,"Msg":"CGMiner versions","Description":"cgminer 4.11.1"}],'
    b'"VERSION":[{"CGMiner":"4.11.1","API":"3.7"}],"id":1}'
)
REFUSED: Final = (
    b'{"STATUS":[{"STATUS":"E","When":1773783713,"Code":14,"Msg":"Invalid command",'
    b'"Description":"cgminer 4.11.1"}],"id":1}'
)
REFUSED_BY_A_WHATSMINER: Final = (
    b'{"STATUS":"E","When":1761064196,"Code":14,"Msg":"invalid cmd",'
    b'"Description":"whatsminer v1.4.0"}'
)
LOGIN_PAGE: Final = b"<!DOCTYPE html><html><title>Login</title><form action=/cgi-bin/luci></html>"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def asked(step: str, body: bytes) -> Found | None:
    http = STEP[step].transport == "http"
    return recognise(STEP[step], body, http_status=200 if http else None, headers={})


HAMMER: Final = (
    b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"CGMiner":"2.3.3","Type":"Hammer D10"},'
    b'{"STATS":0,"MHS 5s":"4800.5","chain_acn1":108,"chain_rate1":"1600.1"}],"id":1}'
)
"""Another maker's scrypt machine with Bitmain's chains."""
LUXOS: Final = b'{"STATUS":[{"STATUS":"S"}],"VERSION":[{"LUXminer":"2025.4.8","API":"3.7"}]}'
WHATSMINER_OF_API_3: Final = b'{"STATUS":"S","Msg":{"api_ver":"3.0.1","fw_ver":"20250214"}}'
"""At this port nobody speaks API 3: it is asked in the words of API 2."""
ANSWERS: Final = [
    ("vnish-info", fixture("vnish/s21pro_1.2.7_info.json"), "vnish"),
    ("vnish-info", fixture("vnish/l9_1.2.7_info_assembled.json"), "vnish"),
    ("vnish-info", fixture("vnish/s19kpro_1.3.3_info.json"), "vnish"),
    ("toolkit-summary", fixture("seed_shapes/seed2_vnish_summary.json"), "vnish-toolkit"),
    ("cgi-stats-basic", fixture("seed_shapes/seed1_stats_cgi.json"), "vnish-cgi"),
    ("cgi-stats-digest", fixture("elphapex/dg1plus_1.0.2_stats.json"), "elphapex"),
    ("cgi-stats-digest", fixture("elphapex/dg_home1_1.0.5_stats.json"), "elphapex"),
    ("cgi-stats-digest", fixture("cgminer/s19_web_stats.json"), "antminer-web"),
    ("cgi-stats-digest", fixture("cgminer/l7_web_stats_assembled.json"), "antminer-web"),
    ("4028-stats", fixture("cgminer/s19pro_stats.json"), "antminer"),
    ("4028-stats", fixture("cgminer/l7_stats_nul_terminated.bin"), "antminer"),
    ("4028-stats", fixture("cgminer/l3plus_stats_assembled.txt"), "antminer"),
    ("4028-stats", fixture("cgminer/s9_vnish_3.8.6_stats_assembled.txt"), "vnish-3"),
    ("4028-stats", fixture("vnish/s21pro_1.2.7_rpc4028_stats.json"), "vnish-3"),
    ("4028-stats", fixture("vnish/l9_4028_stats_assembled.json"), "vnish-3"),
    ("4028-stats", HAMMER, "antminer"),
    ("4028-stats", REFUSED_BY_A_WHATSMINER, "whatsminer"),
    ("4028-get-version", fixture("whatsminer/v1_get_version.json"), "whatsminer"),
    ("4028-get-version", fixture("whatsminer/v2_get_version.json"), "whatsminer"),
    ("4028-get-version", WHATSMINER_OF_API_3, "whatsminer"),
    ("4028-version", fixture("cgminer/s19_rpc_version.json"), "antminer"),
    ("4028-version", fixture("cgminer/s9_vnish_3.8.6_version_assembled.json"), "vnish-3"),
    ("4028-version", fixture("cgminer/bmminer_version_assembled.json"), "cgminer"),
    ("4028-version", fixture("cgminer/sgminer_version_assembled.json"), "cgminer"),
    ("4028-version", CGMINER, "cgminer"),
    ("4028-version", LUXOS, "cgminer"),
    ("4433-device-info", fixture("whatsminer/v3_get_device_info.json"), "whatsminer-v3"),
]


@pytest.mark.parametrize(("step", "body", "family"), ANSWERS)
def test_a_recorded_answer_is_recognised_as_its_own_family(
    step: str, body: bytes, family: str
) -> None:
    found = asked(step, body)
    assert found is not None
    assert (found.family, found.transport) == (family, STEP[step].transport)
    assert not found.locked
    assert STEP[step].question in found.evidence


@pytest.mark.parametrize(("step", "body", "family"), ANSWERS)
def test_an_answer_to_one_question_is_no_answer_to_those_of_other_families(
    step: str, body: bytes, family: str
) -> None:
    for other in STEPS:
        if other.question != STEP[step].question:
            found = asked(other.name, body)
            assert found is None or found.family == family


@pytest.mark.parametrize(
    ("answers", "family"),
    [
        (
            {
                "vnish-info": "vnish/l9_1.2.7_info_assembled.json",
                "4028-stats": "vnish/l9_4028_stats_assembled.json",
            },
            "vnish",
        ),
        (
            {
                "4028-stats": "cgminer/s19pro_stats.json",
                "4028-version": "cgminer/bmminer_version_assembled.json",
            },
            "antminer",
        ),
        (
            {
                "4028-get-version": "whatsminer/v2_get_version.json",
                "4028-version": "cgminer/bmminer_version_assembled.json",
            },
            "whatsminer",
        ),
    ],
)
def test_of_what_one_miner_answers_that_is_asked_first_which_tells_it_best(
    answers: dict[str, str], family: str
) -> None:
    known = (
        asked(step.name, fixture(answers[step.name])) for step in STEPS if step.name in answers
    )
    found = next(known)
    assert found is not None
    assert found.family == family


@pytest.mark.parametrize(
    ("step", "name", "model", "firmware", "algorithm"),
    [
        ("vnish-info", "vnish/s21pro_1.2.7_info.json", "Antminer S21 Pro", "Vnish 1.2.7", SHA256D),
        ("vnish-info", "vnish/l9_1.2.7_info_assembled.json", "Antminer L9", "Vnish 1.2.7", SCRYPT),
        ("cgi-stats-digest", "elphapex/dg1plus_1.0.2_stats.json", "DG1+", "DG1+_SW_V1.0.2", SCRYPT),
        ("cgi-stats-digest", "elphapex/dg_home1_1.0.5_stats.json", "DG-Home1", HOME, SCRYPT),
        ("cgi-stats-digest", "cgminer/s19_web_stats.json", "Antminer S19", "49.0.1.3", SHA256D),
        ("4028-stats", "cgminer/s19pro_stats.json", "Antminer S19 Pro", None, SHA256D),
        ("4028-stats", "cgminer/l7_stats_nul_terminated.bin", "Antminer L7", None, SCRYPT),
        ("4028-stats", "vnish/l9_4028_stats_assembled.json", "Antminer L9", "Vnish 1.2.7", SCRYPT),
        ("4028-get-version", "whatsminer/v2_get_version.json", None, "20230803.11.REL", UNKNOWN),
        ("4433-device-info", "whatsminer/v3_get_device_info.json", "M60S_VK40", V3, SHA256D),
    ],
)
def test_what_the_answer_says_of_model_and_firmware_is_kept(
    *, step: str, name: str, model: str | None, firmware: str | None, algorithm: Algorithm
) -> None:
    found = asked(step, fixture(name))
    assert found is not None
    assert (found.model, found.firmware, found.algorithm) == (model, firmware, algorithm)


def test_the_evidence_is_a_sentence_for_people() -> None:
    found = asked("4028-stats", fixture("vnish/l9_4028_stats_assembled.json"))
    assert found is not None
    assert found.evidence == "4028 stats: Type Antminer L9 (Vnish 1.2.7)"
    found = asked("vnish-info", fixture("vnish/s21pro_1.2.7_info.json"))
    assert found is not None
    assert found.evidence == "GET /api/v1/info: fw_name Vnish, fw_version 1.2.7"
    found = asked("4028-stats", HAMMER)
    assert found is not None
    assert (found.evidence, found.algorithm) == (
        "4028 stats: chains as Bitmain's, Type Hammer D10",
        SCRYPT,
    )


def test_vnish_sold_under_another_name_is_told_by_what_its_info_holds() -> None:
    """Such as ``7Miners 1.2.6-rc1``."""
    said = json.loads(fixture("vnish/s21pro_1.2.7_info.json")) | {"fw_name": "7Miners"}
    found = asked("vnish-info", json.dumps(said).encode())
    assert found is not None
    assert (found.family, found.firmware) == ("vnish", "7Miners 1.2.7")
    for key in ("fw_version", "hr_measure", "platform", "system"):
        less = {name: value for name, value in said.items() if name != key}
        assert asked("vnish-info", json.dumps(less).encode()) is None


def unauthorised(step: str, challenge: str) -> Found | None:
    headers = {"Content-Type": "text/html", "WWW-Authenticate": challenge}
    return recognise(STEP[step], LOGIN_PAGE, http_status=401, headers=headers)


@pytest.mark.parametrize(
    ("realm", "family"),
    [("antMiner Configuration", "antminer-web"), ("Daoge", "elphapex")],
)
def test_a_miner_that_wants_a_password_is_told_by_its_realm(realm: str, family: str) -> None:
    found = unauthorised("cgi-stats", f'Digest realm="{realm}", nonce="ab12", qop="auth"')
    assert found is not None
    assert (found.family, found.transport, found.locked) == (family, "http", True)
    assert found.evidence == f'401 that wants a password for "{realm}"'


@pytest.mark.parametrize("challenge", ['Basic realm="TL-WR841N"', 'Digest realm=""', "", "Digest"])
def test_a_router_that_wants_a_password_is_no_miner(challenge: str) -> None:
    assert unauthorised("cgi-stats", challenge) is None


def test_a_password_that_is_refused_tells_nothing_more() -> None:
    challenge = 'Digest realm="antMiner Configuration", nonce="ab12"'
    assert unauthorised("cgi-stats-digest", challenge) is None
    assert unauthorised("4028-stats", challenge) is None


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\xff\xfe\x00",
        LOGIN_PAGE,
        b"[]",
        b"{}",
        b"null",
        b'"Antminer"',
        b'{"STATS": {}, "VERSION": 7, "data": [], "summary": [], "msg": null}',
        b'{"error": "not found"}',
        b"Socket connect failed: Connection refused\n",
        b"[" * 100_000,
        REFUSED,
        fixture("vnish/s21pro_1.2.7_rpc4028_version.json"),
        fixture("vnish/s21pro_1.2.7_root_head.html.txt"),
    ],
)
def test_what_no_miner_of_ours_says_is_nobodys(step: Step, body: bytes) -> None:
    assert asked(step.name, body) is None


@pytest.mark.parametrize("status", [None, 204, 301, 403, 404, 500])
def test_an_http_answer_counts_only_with_200(status: int | None) -> None:
    body = fixture("vnish/s21pro_1.2.7_info.json")
    assert recognise(STEP["vnish-info"], body, http_status=status, headers={}) is None


@settings(max_examples=300, deadline=None)
@given(
    step=st.sampled_from(STEPS),
    body=st.binary() | st.sampled_from([body for _, body, _ in ANSWERS]),
    cut=st.integers(0, 400),
    between=st.binary(max_size=6),
    status=st.none() | st.sampled_from([200, 401, 404]),
    headers=st.dictionaries(st.sampled_from(["WWW-Authenticate", "Server"]), st.text()),
)
def test_any_bytes_are_a_finding_or_none(
    *,
    step: Step,
    body: bytes,
    cut: int,
    between: bytes,
    status: int | None,
    headers: dict[str, str],
) -> None:
    mangled = body[:cut] + between + body[cut + len(between) :]
    found = recognise(step, mangled, http_status=status, headers=headers)
    assert found is None or (found.family in TRANSPORT_OF and found.evidence.isprintable())


def test_every_family_but_the_uploaded_documents_is_asked_by_some_step() -> None:
    families = {dialect.family for dialect in DIALECTS} - {"upload"}
    assert families <= TRANSPORT_OF.keys()

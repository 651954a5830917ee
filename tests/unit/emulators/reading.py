"""An emulated miner of any family, asked without a socket and read by its dialect."""

from datetime import UTC, datetime

from minestream_dialects import Normalised, normalise
from minestream_emulators.device import Firmware, HttpFirmware, Reply, Request, TcpFirmware
from minestream_emulators.families import firmware_of
from minestream_emulators.models import MODELS
from minestream_emulators.physics import Ailment
from minestream_emulators.recorded import encode
from minestream_emulators.web.access import Guard
from minestream_emulators.web.device import WebDevice
from minestream_emulators.world import WorldPlan, climate, machine, residents
from minestream_schemas.ids import event_id_at
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

AT = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE_S = 600.0
_CGMINER = ("stats", "summary", "pools", "devs", "version")
_WHATSMINER = ("summary", "edevs", "devs", "pools", "status", "get_psu", "get_version")
ENDPOINTS = {
    "vnish": ("info", "summary", "status", "perf-summary", "chips", "boards"),
    "antminer-web": (
        *("stats", "summary", "pools", "get_system_info", "get_miner_conf"),
        *("get_miner_status", "chip-hr"),
    ),
    "elphapex": ("stats", "summary", "pools", "get_system_info", "get_power", "get_miner_conf"),
    "vnish-toolkit": ("summary", "chips", "chains", "status"),
    "vnish-cgi": ("stats", "config"),
    "antminer": _CGMINER,
    "vnish-3": ("stats", "summary", "pools", "version"),
    "cgminer": _CGMINER,
    "whatsminer": (*_WHATSMINER, "devdetails", "get_miner_info", "get_error_code"),
    "whatsminer-v3": (
        "get.device.info",
        "get.miner.status:summary",
        "get.miner.status:pools",
        "get.miner.status:edevs",
    ),
}
_PATHS = {
    "vnish": "/api/v1/{}",
    "vnish-toolkit": "/{}",
    "antminer-web": "/cgi-bin/{}.cgi",
    "elphapex": "/cgi-bin/{}.cgi",
    "vnish-cgi": "/cgi-bin/{}.cgi",
}


_ELSEWHERE = {"chip-hr": "/cgi-bin/chip_hr.json"}


class Open(Guard):
    """Lets everybody in: access is another test's subject."""

    def refusal(self, *_: object, **__: object) -> Reply | None:
        return None


def built(kind: str, ailment: Ailment | None = None) -> Firmware:
    """A miner of a model at ``AT``, ailing for ten minutes if at all."""
    plan = WorldPlan(miners=1, mix={kind: 1.0})
    (resident,) = residents(plan)
    miner = machine(resident, climate(plan), AT.timestamp() - BEFORE_S)
    if ailment is not None:
        miner.afflict(ailment, AT.timestamp() - BEFORE_S)
    miner.advance(AT.timestamp())
    one = firmware_of(miner, resident.who)
    if isinstance(one, WebDevice):
        one.guard = Open(one.realm, "")
    return one


def asked(one: Firmware, endpoint: str, *, refusals: bool = False) -> bytes | None:
    """What it answers; None: it does not know the question, or its refusal is not wanted."""
    family = one.miner.model.family
    if isinstance(one, HttpFirmware):
        path = _ELSEWHERE.get(endpoint) or _PATHS[family].format(endpoint)
        reply = one.answer(Request("GET", path, AT.timestamp()))
        return reply.body if reply.status == 200 else None
    assert isinstance(one, TcpFirmware)
    word = "cmd" if family.startswith("whatsminer") else "command"
    name, _, param = endpoint.partition(":")
    question = {word: name} | ({"param": param} if param else {})
    answer = one.answer(encode(question), AT.timestamp())
    if answer.status != 200 and not refusals:
        return None
    return one.worded(encode({"X-Reply-Id": "17"} | answer.body))


def read(one: Firmware) -> Normalised:
    """The whole miner as its dialect reads it, without help from the inventory."""
    family = one.miner.model.family
    bodies = {}
    for name in ENDPOINTS[family]:
        body = asked(one, name)
        if body is not None:
            bodies[name] = EndpointBody(
                status=PollStatus.OK, fetched_at=AT, http_status=200, body=body.decode()
            )
    return normalise(
        RawMiner(
            event_id=event_id_at(int(AT.timestamp() * 1000), 1),
            site_id=one.who.site_id,
            miner_id=one.who.miner_id,
            collector_id="test-0",
            dialect=family,
            polled_at=AT,
            latency_ms=1.0,
            status=PollStatus.OK,
            interval_s=60.0,
            endpoints=bodies,
        )
    )


def of_family(*families: str) -> list[str]:
    """The models of some families, or with none of all but Vnish's own."""
    wanted = families or tuple(set(ENDPOINTS) - {"vnish"})
    return sorted(key for key, model in MODELS.items() if model.family in wanted)

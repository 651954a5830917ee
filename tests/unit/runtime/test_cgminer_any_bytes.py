"""Whatever bytes come, in whatever pieces: an answer that was sent, or an error of the tree."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.devices.cgminer import CgminerEmptyError, CgminerError
from minestream_runtime.devices.cgminer.exchange import Exchange, FramedExchange, scratch

MOST = 256
LIKELY = st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\0", b"a", b"}{", b"\n", b"\x04\0\0\0"])
PIECES = st.lists(
    st.binary(min_size=1, max_size=80) | st.lists(LIKELY, min_size=1).map(b"".join), max_size=12
)
ENDINGS = st.sampled_from([None, ConnectionResetError(), OSError(113, "no route"), "late"])


class Transport(asyncio.Transport):
    """Takes the question and can be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def write(self, data: Any) -> None:
        assert data == b"question"

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.cut = True


async def heard(
    kind: type[Exchange], pieces: Sequence[bytes], ending: OSError | str | None
) -> bytes | CgminerError:
    loop = asyncio.get_running_loop()
    space = scratch()
    until_s = loop.time() + (0.0 if ending == "late" else 60.0)
    exchange = kind(loop, b"question", until_s=until_s, max_bytes=MOST, scratch=space)
    transport = Transport()
    exchange.connection_made(transport)
    for piece in pieces:
        room = exchange.get_buffer(-1)
        room[: len(piece)] = piece
        exchange.buffer_updated(len(piece))
    if ending is None:
        exchange.eof_received()
    elif isinstance(ending, OSError):
        exchange.connection_lost(ending)
    try:
        answer = await exchange.done
    except CgminerError as exc:
        return exc
    finally:
        exchange.close()
    assert transport.cut or isinstance(ending, OSError)
    return answer


@given(pieces=PIECES, ending=ENDINGS)
def test_an_answer_is_what_was_sent_up_to_where_it_ends(
    pieces: list[bytes], ending: OSError | str | None
) -> None:
    result = asyncio.run(heard(Exchange, pieces, ending))
    sent = b"".join(pieces)
    if isinstance(result, bytes):
        assert sent.startswith(result)
        assert 0 < len(result) <= MOST
    elif isinstance(result, CgminerEmptyError):
        assert not sent.strip(b"\0")


@given(pieces=PIECES, ending=ENDINGS)
def test_a_framed_answer_is_as_long_as_it_was_announced(
    pieces: list[bytes], ending: OSError | str | None
) -> None:
    result = asyncio.run(heard(FramedExchange, pieces, ending))
    sent = b"".join(pieces)
    if isinstance(result, bytes):
        assert len(result) == int.from_bytes(sent[:4], "little")
        assert sent[4:].startswith(result)


@given(answer=st.binary(min_size=1, max_size=MOST - 4), size=st.integers(1, MOST))
def test_a_frame_is_the_same_in_pieces_of_any_size(answer: bytes, size: int) -> None:
    sent = (len(answer) + 1).to_bytes(4, "little") + b"{" + answer
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    if len(sent) <= MOST:
        assert asyncio.run(heard(FramedExchange, pieces, None)) == b"{" + answer

"""Why a miner's TCP port gave no answer: the tree, and what each error asks for.

CgminerError                       (a MinestreamError)
├── CgminerUnansweredError
│   ├── CgminerTimeoutError        RETRY        no whole answer within the deadline
│   ├── CgminerResetError          RETRY        it reset the connection
│   ├── CgminerCutError            RETRY        it hung up within a frame
│   └── CgminerEmptyError          RETRY        it hung up without a byte
├── CgminerUnreachableError        RETRY        no way there, or no such name
│   └── CgminerRefusedError        RETRY        nobody listens there
├── CgminerUnreadableError
│   ├── CgminerTooLargeError       DEAD_LETTER  its answer passed the limit; reading stopped
│   └── CgminerFrameError          DEAD_LETTER  the length that it announces is impossible
├── CgminerForbiddenError          QUARANTINE   a command that is no reading one, or a network
│                                               that is not allowed: nothing was sent
├── CgminerAddressError            QUARANTINE   that is no host:port
└── CgminerOwnFaultError           RETRY        this machine could not ask
"""

from minestream_runtime.errors import Disposition, MinestreamError


class CgminerError(MinestreamError):
    """The base."""

    kind = "cgminer"


class CgminerUnansweredError(CgminerError):
    """It was reached, or its host dropped us, and gave no whole answer: once more may help."""

    kind = "cgminer_unanswered"
    disposition = Disposition.RETRY


class CgminerTimeoutError(CgminerUnansweredError):
    """No whole answer within the deadline: silent, dripping, or its host drops packets."""

    kind = "cgminer_timeout"


class CgminerResetError(CgminerUnansweredError):
    """It reset the connection before its answer was whole."""

    kind = "cgminer_reset"


class CgminerCutError(CgminerUnansweredError):
    """It hung up before the length that it had announced was reached."""

    kind = "cgminer_cut"


class CgminerEmptyError(CgminerUnansweredError):
    """It hung up without a byte."""

    kind = "cgminer_empty"


class CgminerUnreachableError(CgminerError):
    """No way leads there, or nobody knows the name."""

    kind = "cgminer_unreachable"
    disposition = Disposition.RETRY


class CgminerRefusedError(CgminerUnreachableError):
    """Its host is there and nobody listens at the port."""

    kind = "cgminer_refused"


class CgminerUnreadableError(CgminerError):
    """What it answers nobody can read.

    Args:
        text: for people.
        start: the first bytes of the answer.
    """

    kind = "cgminer_unreadable"
    disposition = Disposition.DEAD_LETTER

    def __init__(self, text: str, start: bytes) -> None:
        super().__init__(text)
        self.start = start


class CgminerTooLargeError(CgminerUnreadableError):
    """Its answer passed the limit; reading stopped there."""

    kind = "cgminer_too_large"


class CgminerFrameError(CgminerUnreadableError):
    """The length that it announces is impossible."""

    kind = "cgminer_frame"


class CgminerForbiddenError(CgminerError):
    """A command that is no reading one, or an address out of bounds: nothing was sent."""

    kind = "cgminer_forbidden"
    disposition = Disposition.QUARANTINE


class CgminerAddressError(CgminerError):
    """That is no host:port."""

    kind = "cgminer_address"
    disposition = Disposition.QUARANTINE


class CgminerOwnFaultError(CgminerError):
    """This machine is out of descriptors or memory: says nothing about the miner."""

    kind = "cgminer_own_fault"
    disposition = Disposition.RETRY

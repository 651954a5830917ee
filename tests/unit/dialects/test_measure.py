"""The unit of a hashrate is said, follows from the algorithm, or is disputed; never a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_dialects.draft import Draft
from minestream_dialects.fields import Flags
from minestream_dialects.measure import Clues, measure
from minestream_dialects.models import algorithm_of_model, typical_hs
from minestream_schemas.units import Algorithm


def draft(model: str | None = None, algorithm: Algorithm | None = None) -> Draft:
    """A miner as it has been identified."""
    known = Draft(model=model, algorithm=algorithm or algorithm_of_model(model))
    if known.algorithm is not Algorithm.UNKNOWN:
        known.evidence["algorithm"] = "stats.algorithm" if algorithm else "model"
    return known


@pytest.mark.parametrize(
    ("model", "algorithm"),
    [
        ("Antminer L9", Algorithm.SCRYPT),
        ("Antminer L3+", Algorithm.SCRYPT),
        ("ElphaPex DG1+", Algorithm.SCRYPT),
        ("Antminer S19j Pro+", Algorithm.SHA256D),
        ("Antminer T21", Algorithm.SHA256D),
        ("M60S_VK40", Algorithm.SHA256D),
        ("WhatsMiner M30S+", Algorithm.SHA256D),
        *(
            (each, Algorithm.UNKNOWN)
            for each in ("Antminer KS3", "Antminer AL1", "BM-S3", "D9", "Z15", "")
        ),
    ],
)
def test_a_models_series_tells_its_algorithm(model: str, algorithm: Algorithm) -> None:
    assert algorithm_of_model(model) is algorithm
    assert (typical_hs(model) is not None) == (algorithm is not Algorithm.UNKNOWN)


@pytest.mark.parametrize(
    ("said", "hs", "evidence", "flags"),
    [
        ("MH", 1e6, "stats.rate_unit", ()),
        ("GH/s", 1e9, "stats.rate_unit", ()),
        ("KSOL", None, "stats.rate_unit: no unit that is known", ("unit_unknown",)),
        (None, 1e6, "algorithm", ("unit_inferred",)),
        ("N/A", 1e6, "algorithm", ("unit_inferred",)),
        (1, None, "nothing says it", ("unit_unknown",)),
    ],
)
def test_what_the_payload_says_comes_before_what_the_algorithm_means(
    said: object, hs: float | None, evidence: str, flags: tuple[str, ...]
) -> None:
    miner = draft(algorithm=Algorithm.SCRYPT)
    assert measure(miner, said, "stats.rate_unit").hs_per_unit == hs
    assert miner.evidence["unit"] == evidence
    assert miner.flags.sorted() == flags


def test_of_a_miner_that_nothing_is_known_of_no_hashrate_is_read() -> None:
    miner = draft("Box")
    unit = measure(miner, None, "stats.rate_unit", Clues(9500.0, (9529.45,), 360, 600.0))
    assert unit.read(9529.45, name="hashrate_hs", flags=miner.flags) is None
    assert (miner.flags.sorted(), miner.evidence["unit"]) == (("unit_unknown",), "nothing says it")


def test_an_inferred_unit_names_the_chips_that_confirm_it() -> None:
    miner = draft("Antminer L7")
    assert measure(miner, None, "", Clues(None, (9529.45,), 360, 600.0)).hs_per_unit == 1e6
    assert miner.evidence["unit"] == "model, chips x frequency"


MACHINES = [  # algorithm, its usual unit, what it does in it, chips, MHz: data sheets and captures
    (Algorithm.SHA256D, "GH/s", 13_500.0, 189, 650.0),  # S9
    (Algorithm.SHA256D, "GH/s", 54_997.0, 144, 565.0),  # S17 Pro
    (Algorithm.SHA256D, "GH/s", 110_566.89, 342, 525.0),  # S19 Pro
    (Algorithm.SHA256D, "GH/s", 173_870.94, 195, 495.0),  # S21 Pro
    (Algorithm.SHA256D, "MH/s", 88_000_000.0, 444, 600.0),  # M30S
    (Algorithm.SCRYPT, "MH/s", 504.56, 288, 384.0),  # L3+
    (Algorithm.SCRYPT, "MH/s", 9529.45, 360, 600.0),  # L7
    (Algorithm.SCRYPT, "MH/s", 17_394.83, 330, 1150.0),  # L9
]


@pytest.mark.parametrize(("algorithm", "unit", "rate", "chips", "mhz"), MACHINES)
def test_chips_times_frequency_tells_a_unit_a_thousand_times_off(
    algorithm: Algorithm, unit: str, rate: float, chips: int, mhz: float
) -> None:
    right = draft(algorithm=algorithm)
    assert measure(right, unit, "said", Clues(rate, (), chips, mhz)).hs_per_unit is not None
    for wrong in (rate * 1000, rate / 1000):
        miner = draft(algorithm=algorithm)
        assert measure(miner, unit, "said", Clues(wrong, (), chips, mhz)).hs_per_unit is None
        assert miner.flags.sorted() == ("unit_disputed",)
        assert miner.evidence["unit"] == "said, disputed by chips x frequency"


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0, 1.5])
@pytest.mark.parametrize(("model", "rate"), [("Antminer L9", 17e9), ("Antminer S9", 13.5e12)])
def test_a_machine_that_does_little_of_what_it_could_is_no_dispute(
    model: str, rate: float, share: float
) -> None:
    miner = draft(model)
    assert measure(miner, "H/s", "said", Clues(None, (rate * share, 0.0))).hs_per_unit == 1.0
    assert miner.flags.sorted() == ()


@pytest.mark.parametrize("times", [1e-3, 1e3])
@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("Antminer L3+", 504e6),
        ("Antminer L9", 17e9),
        ("Antminer S21 XP Hyd", 473e12),
        ("M60S", 180e12),
    ],
)
def test_a_model_that_is_known_disputes_a_unit_without_any_chips(
    model: str, rate: float, times: float
) -> None:
    miner = draft(model)
    assert measure(miner, "H/s", "said", Clues(None, (rate * times,))).hs_per_unit is None
    assert miner.evidence["unit"] == "said, disputed by model"


@pytest.mark.parametrize(
    ("algorithm", "most_hs"), [(Algorithm.SHA256D, 1e16), (Algorithm.SCRYPT, 1e12)]
)
def test_what_no_machine_of_an_algorithm_does_is_not_believed(
    algorithm: Algorithm, most_hs: float
) -> None:
    miner = draft(algorithm=algorithm)
    unit = measure(miner, "H/s", "said")
    assert unit.read(most_hs, name="hashrate_hs", flags=miner.flags) == most_hs
    assert miner.flags.sorted() == ()
    assert unit.read(1.01 * most_hs, name="hashrate_hs", flags=miner.flags) is None
    assert miner.flags.sorted() == ("field_invalid:hashrate_hs",)


def test_a_machine_that_stands_still_disputes_nothing() -> None:
    miner = draft("Antminer L9")
    unit = measure(miner, None, "said", Clues(0.0, (0, None), 0, 0.0))
    assert unit.read(0, name="hashrate_hs", flags=miner.flags) == 0.0


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@given(
    said=ODD,
    nominal=ODD,
    rate=ODD,
    chips=st.none() | st.integers(0, 2**53),
    mhz=st.none() | st.floats(0, 10_000),
    model=st.none() | st.sampled_from(["Antminer L9", "S19", "M60", "x"]),
    algorithm=st.sampled_from(Algorithm),
)
def test_any_clues_give_a_unit_or_a_flag(
    *,
    said: object,
    nominal: object,
    rate: object,
    chips: int | None,
    mhz: float | None,
    model: str | None,
    algorithm: Algorithm,
) -> None:
    miner = draft(model, algorithm)
    unit = measure(miner, said, "said", Clues(nominal, (rate,), chips, mhz))
    assert (unit.hs_per_unit is None) == bool(
        {"unit_unknown", "unit_disputed"} & set(miner.flags.sorted())
    )
    assert miner.evidence["unit"]
    read = unit.read(rate, name="hashrate_hs", flags=Flags())
    assert read is None or 0 <= read <= unit.ceiling_hs

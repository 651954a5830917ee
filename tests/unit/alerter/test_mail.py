"""What a mail looks like, and where it goes."""

import pytest
from tests.unit.alerter.alerts import AT, StandingClock, notification

from alerter.adapters.mail import Mail, MailServer
from minestream_runtime.errors import ConfigurationError
from minestream_schemas.alert import AlertPhase


def _mail() -> Mail:
    return Mail(
        MailServer.at("smtp://127.0.0.1:25"),
        sender="minestream@farm.invalid",
        recipients=["ops@farm.invalid", "boss@farm.invalid"],
        clock=StandingClock(),
        timeout_s=1,
    )


def test_a_mail_says_how_bad_it_is_and_names_the_row_of_the_ledger() -> None:
    message = _mail().message(notification())
    assert message["Subject"].startswith("[CRITICAL] site-a-r01-s03: a chip at 93.0 °C")
    assert message["Message-ID"] == "<00000000-0000-0000-0000-000000000003@farm.invalid>"
    assert message["References"] == "<00000000-0000-0000-0000-000000000002@farm.invalid>"
    assert message["To"] == "ops@farm.invalid, boss@farm.invalid"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Importance"] == "high"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]


def test_an_end_is_not_urgent() -> None:
    message = _mail().message(notification(number=2, phase=AlertPhase.RESOLVED, ended_at=AT))
    assert message["Subject"].startswith("[RESOLVED]")
    assert "Importance" not in message


def test_no_text_can_add_a_header_a_line_or_a_tag() -> None:
    evil = "x\r\nBcc: all@farm.invalid\r\n\r\n<script>alert(1)</script>\x00\u2028y"
    message = _mail().message(notification(summary=evil, subject=evil))
    raw = message.as_bytes()
    assert "Bcc" not in message
    assert b"\nBcc:" not in raw
    assert message["Subject"] == ("[CRITICAL] x Bcc: all@farm.invalid <script>alert(1)</script> y")
    html = message.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    plain = message.get_body(("plain",))
    assert plain is not None
    assert len(plain.get_content().splitlines()) == 11


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", MailServer("mail", 25, tls=False, starttls=None)),
        ("smtp://mail:2525?starttls=never", MailServer("mail", 2525, tls=False, starttls=False)),
        ("smtp://mail?starttls=always", MailServer("mail", 25, tls=False, starttls=True)),
        ("smtps://mail", MailServer("mail", 465, tls=True, starttls=False)),
        (
            "smtp://me%40x:p%3Aw@mail",
            MailServer("mail", 587, tls=False, starttls=True, user="me@x", password="p:w"),  # noqa: S106 - a test's
        ),
        (
            "smtp://me:pw@mail?starttls=never",
            MailServer("mail", 587, tls=False, starttls=False, user="me", password="pw"),  # noqa: S106 - a test's
        ),
    ],
)
def test_an_address_says_how_to_connect(url: str, server: MailServer) -> None:
    assert MailServer.at(url) == server
    assert server.password is None or server.password not in repr(server)


def test_an_unknown_word_for_starttls_is_refused_without_the_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        MailServer.at("smtp://me:geheim@mail?starttls=perhaps")
    assert "geheim" not in str(caught.value)

# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a failure means: one row a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.errors import (
    ConnectionLost,
    ErrorKind,
    classify,
    with_reason,
)

AUTH, CONFIG, QUOTA = ErrorKind.AUTH, ErrorKind.CONFIG, ErrorKind.QUOTA
CAPACITY, TRANSIENT = ErrorKind.CAPACITY, ErrorKind.TRANSIENT
PROTOCOL, INTERNAL = ErrorKind.PROTOCOL, ErrorKind.INTERNAL

# The vendor's, which names everything that can be wrong.
FOOTER = (
    "\nNeed help? Contact support about your API key, credits, subscription"
    " or concurrency limit."
)

# ---------------------------------------------- policy, and no code at all

# What the vendor says at the setup: what it means with code 1008, and what
# with an error that has no code.
WORDS = [
    ("Invalid or expired API key", AUTH, AUTH),
    ("API key is revoked or expired", AUTH, AUTH),
    ("Missing API key", AUTH, AUTH),
    ("Unknown API key gsk_1", AUTH, AUTH),
    ("Your API key has been revoked.", AUTH, AUTH),
    ("No authentication provided.", AUTH, AUTH),
    ("Authentication failed", AUTH, AUTH),
    ("No active subscription", QUOTA, QUOTA),
    ("You are out of credits", QUOTA, QUOTA),
    ("You have no credits left.", QUOTA, QUOTA),
    ("Insufficient credit balance", QUOTA, QUOTA),
    ("Monthly quota exceeded", QUOTA, QUOTA),
    ("Your subscription has expired", QUOTA, QUOTA),
    ("Subscription required", QUOTA, QUOTA),
    ("Concurrency limit exceeded", CAPACITY, CAPACITY),
    ("Concurrency limit of your subscription reached", CAPACITY, CAPACITY),
    ("Too many concurrent sessions for your plan", CAPACITY, CAPACITY),
    ("Too many requests", CAPACITY, CAPACITY),
    ("60 requests per minute are allowed", CAPACITY, CAPACITY),
    ("Rate limit exceeded", CAPACITY, CAPACITY),
    ("All workers are busy", CAPACITY, CAPACITY),
    ("Only two streams are open to this plan", CAPACITY, CAPACITY),
    ("Maximum session time reached", CAPACITY, CAPACITY),
    ("Character limit per session reached", CAPACITY, CAPACITY),
    ("Session limit of 3000 s reached", CAPACITY, CAPACITY),
    ("Session duration exceeded", TRANSIENT, TRANSIENT),
    ("Closed after 300 s of inactivity", TRANSIENT, TRANSIENT),
    ("Embeddings not found for abc.", CONFIG, CONFIG),
    ("error from server 1008: Embeddings not found for a", CONFIG, CONFIG),
    ("Pronunciation dictionary p1 not found.", CONFIG, CONFIG),
    ("cfg_coef should be between 1.0 and 10.0", CONFIG, CONFIG),
    ("temp should be a number", CONFIG, CONFIG),
    ("This account must use the eu region endpoint", CONFIG, CONFIG),
    ("Session not found. Send setup first", PROTOCOL, PROTOCOL),
    ("Session already active (r1)", PROTOCOL, PROTOCOL),
    # What nobody has seen yet.
    ("Unsupported output format", CONFIG, TRANSIENT),
    ("Synthesis failed", CONFIG, TRANSIENT),
    ("", CONFIG, TRANSIENT),
    # Words of the tables above, and another meaning.
    ("Credit service did not answer", CONFIG, TRANSIENT),
    ("No credit service answered", CONFIG, TRANSIENT),
    ("Request 401 failed", CONFIG, TRANSIENT),
    ("403", CONFIG, TRANSIENT),
    # What quotes the user says nothing.
    ("could not synthesize 'your subscription…'", CONFIG, TRANSIENT),
    ('could not synthesize "too many limits"', CONFIG, TRANSIENT),
    ("could not synthesize: your credits are exhausted", CONFIG, TRANSIENT),
    ("'Invalid or expired API key' cannot be spoken", CONFIG, TRANSIENT),
    ("« Concurrency limit » n'est pas lisible", CONFIG, TRANSIENT),
    ("no voice for (the eu region endpoint)", CONFIG, TRANSIENT),
]


@pytest.mark.parametrize(("message", "policy", "no_code"), WORDS)
def test_a_refusal_at_the_setup_means(
    message: str, policy: ErrorKind, no_code: ErrorKind
) -> None:
    # An empty first line says nothing, but a footer must not either.
    said = [message]
    if message:
        said += [message.upper(), message + FOOTER, f"\n {message}"]

    for text in said:
        assert [
            classify(code=1008, message=text, has_audio=False),
            classify(message=text, has_audio=False),
        ] == [policy, no_code]


@pytest.mark.parametrize("message", [row[0] for row in WORDS])
@pytest.mark.parametrize("code", [1008, None])
def test_after_audio_a_refusal_is_a_drop(
    message: str, code: int | None
) -> None:
    assert classify(code=code, message=message, has_audio=True) is TRANSIENT


@pytest.mark.parametrize(("message", "policy", "no_code"), WORDS)
def test_an_unknown_wording_at_an_unknown_time_is_tried_again(
    message: str, policy: ErrorKind, no_code: ErrorKind
) -> None:
    """What is known is known at any time; the rest is no configuration."""
    kind = classify(code=1008, message=message)

    assert kind is (policy if policy is no_code else TRANSIENT)


# ------------------------------------------------------------ the other codes

ANY_WORDS = [row[0] for row in WORDS]


@pytest.mark.parametrize("has_audio", [False, True, None])
@pytest.mark.parametrize(
    "code", [0, 1000, 1001, 1005, 1006, 1007, 1011, 1012, 1013, 1014, 4000]
)
def test_no_word_changes_what_a_servers_fault_means(
    code: int, has_audio: bool | None
) -> None:
    kinds = {
        classify(code=code, message=message, has_audio=has_audio)
        for message in ANY_WORDS
    }

    assert kinds == {TRANSIENT}


@pytest.mark.parametrize("code", [1002, 1003])
@pytest.mark.parametrize(
    ("message", "has_audio", "kind"),
    [
        ("", False, CONFIG),
        ("", None, CONFIG),
        ("Model xyz does not exist", False, CONFIG),
        ("Model xyz does not exist", None, CONFIG),
        ("Setup validation failed: too many limits", False, CONFIG),
        ("Invalid or expired API key", False, CONFIG),
        # Our own mistakes.
        ("Session not found. Send setup first", False, PROTOCOL),
        ("Session already active (r1)", False, PROTOCOL),
        ("Session already active (r1)", None, PROTOCOL),
        # The setup had been accepted: a drop.
        ("", True, TRANSIENT),
        ("Session already active (r1)", True, TRANSIENT),
    ],
)
def test_a_refused_setup_is_a_setting_or_a_bug_of_ours(
    code: int, message: str, has_audio: bool | None, kind: ErrorKind
) -> None:
    assert classify(code=code, message=message, has_audio=has_audio) is kind


@pytest.mark.parametrize(
    ("http_status", "kind"),
    [
        (200, TRANSIENT),
        (301, CONFIG),
        (400, CONFIG),
        (401, AUTH),
        (402, QUOTA),
        (403, AUTH),
        (404, CONFIG),
        (408, TRANSIENT),
        (409, CONFIG),
        (422, CONFIG),
        (429, CAPACITY),
        (499, CONFIG),
        (500, TRANSIENT),
        (502, TRANSIENT),
        (503, TRANSIENT),
        (504, TRANSIENT),
        (599, TRANSIENT),
    ],
)
def test_a_refused_upgrade_means(http_status: int, kind: ErrorKind) -> None:
    """Whatever the page says: it may name quota, keys and limits."""
    kinds = {
        classify(http_status=http_status, message=message)
        for message in (*ANY_WORDS, "<html>", '{"detail":"Invalid API key"}')
    }

    assert kinds == {kind}


# ------------------------------------------------------------- what is echoed

# What a user may have called a voice, a dictionary or a request.
ECHOED = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\n")
) | st.sampled_from(
    [
        "revoked api key",
        "invalid API key",
        "No authentication provided.",
        "credits",
        "my subscription",
        "concurrency limit",
        "busy",
        "idle",
        "temp should be between",
        "session not found",
        "the eu region endpoint",
    ]
)


@given(ECHOED, st.sampled_from([1008, None]), st.sampled_from([False, None]))
def test_what_a_user_wrote_does_not_change_the_meaning(
    echoed: str, code: int | None, has_audio: bool | None
) -> None:
    assert [
        classify(code=code, message=message, has_audio=has_audio)
        for message in (
            f"Embeddings not found for {echoed}.",
            f"Pronunciation dictionary {echoed} not found.",
            f"Session already active ({echoed})",
        )
    ] == [CONFIG, CONFIG, PROTOCOL]


@given(ECHOED, st.sampled_from(["'{}'", '"{}"', "“{}”", "`{}`", "«{}»"]))
def test_a_quotation_decides_nothing(echoed: str, quoted: str) -> None:
    message = f"could not synthesize {quoted.format(echoed)}"

    assert classify(message=message, has_audio=False) is TRANSIENT
    assert classify(code=1008, message=message, has_audio=False) is CONFIG


@given(
    http_status=st.none() | st.integers(100, 599),
    code=st.none() | st.integers(0, 5000),
    message=st.text(),
    has_audio=st.none() | st.booleans(),
)
def test_every_failure_has_a_meaning(
    http_status: int | None,
    code: int | None,
    message: str,
    has_audio: bool | None,
) -> None:
    kind = classify(
        http_status=http_status,
        code=code,
        message=message,
        has_audio=has_audio,
    )

    # A bug of ours is nothing that a vendor can tell us.
    assert kind in set(ErrorKind) - {INTERNAL}


@given(st.text("aPI key(')no \n", max_size=30), st.integers(1, 30_000))
def test_a_long_message_is_read_no_further_than_its_start(
    start: str, length: int
) -> None:
    long = start + "a" * 300

    kinds = [
        classify(code=1008, message=text, has_audio=False)
        for text in (long, long + " session limit" * (length // 14))
    ]

    assert kinds[0] is kinds[1]


# ----------------------------------------------------------------- the errors


@pytest.mark.parametrize(
    ("kind", "is_fatal", "is_retryable"),
    [
        (AUTH, True, False),
        (CONFIG, True, False),
        (QUOTA, True, False),
        (CAPACITY, False, True),
        (TRANSIENT, False, True),
        (PROTOCOL, False, False),
        (INTERNAL, False, False),
    ],
)
def test_a_kind_tells_what_to_do(
    kind: ErrorKind, is_fatal: bool, is_retryable: bool
) -> None:
    assert (kind.is_fatal, kind.is_retryable) == (is_fatal, is_retryable)


@pytest.mark.parametrize(
    ("code", "reason", "at_the_setup", "after_audio"),
    [
        ("1008", "Maximum session time reached", CAPACITY, TRANSIENT),
        ("1008", "", CONFIG, TRANSIENT),
        ("1008", "No authentication provided.", AUTH, TRANSIENT),
        ("1002", "", CONFIG, TRANSIENT),
        ("1011", "Invalid API key", TRANSIENT, TRANSIENT),
        # It broke: nobody has said anything.
        ("", "", TRANSIENT, TRANSIENT),
    ],
)
def test_who_knows_the_phase_reads_a_lost_connection_again(
    code: str, reason: str, at_the_setup: ErrorKind, after_audio: ErrorKind
) -> None:
    lost = ConnectionLost("the connection closed", TRANSIENT, code, reason)

    read = [lost.in_phase(has_audio=has_audio) for has_audio in (False, True)]

    assert [error.kind for error in read] == [at_the_setup, after_audio]
    assert [(str(e), e.code, e.vendor_message) for e in read] == [
        ("the connection closed", code, reason)
    ] * 2


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [("", "it broke"), (" \n", "it broke"), ("why\n", "it broke: why")],
)
def test_a_sentence_ends_in_a_reason_or_in_no_colon(
    reason: str, sentence: str
) -> None:
    assert with_reason("it broke", reason) == sentence

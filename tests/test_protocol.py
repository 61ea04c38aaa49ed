# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The wire protocol: messages, the codec, the life of a session, errors."""

from __future__ import annotations

import base64
import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.codec import STANDARD, Codec, decode_base64
from gradium_tts_python.core.protocol import (
    RESERVED_KEYS,
    SAMPLE_RATES_HZ,
    Answer,
    Audio,
    EndOfStream,
    Ignored,
    Input,
    LocalProtocolError,
    Ready,
    RemoteProtocolError,
    ServerError,
    ServerMessage,
    Session,
    Setup,
    Word,
    decode,
)
from gradium_tts_python.wire.speedups import FASTEST

# `fast` is what the package takes where the extra is installed, as here.
BOTH_CODECS = pytest.mark.parametrize(
    "codec", [STANDARD, FASTEST], ids=["standard", "fast"]
)

SAMPLES = bytes(range(16))
READY = json.dumps({"type": "ready"})
AUDIO = json.dumps(
    {"type": "audio", "audio": base64.b64encode(SAMPLES).decode()}
)
WORD = json.dumps({"type": "text", "text": "Hi.", "start_s": 0, "stop_s": 1})
END = json.dumps({"type": "end_of_stream"})
ERROR = json.dumps({"type": "error", "message": "worker lost", "code": 1011})
UNKNOWN = json.dumps({"type": "need_more_text"})


def frame(**fields: Any) -> str:
    return json.dumps(fields)


# ---------------------------------------------------------------------- setup


def test_sample_rates_are_those_of_the_vendor() -> None:
    assert SAMPLE_RATES_HZ == (8000, 16000, 22050, 24000, 44100, 48000)


def test_a_setup_says_only_what_was_asked() -> None:
    assert json.loads(Setup("pcm_24000").frame()) == {
        "type": "setup",
        "output_format": "pcm_24000",
        "model_name": "default",
    }


def test_a_setup_carries_every_field_of_the_protocol() -> None:
    setup = Setup(
        output_format="pcm_8000",
        model_name="gradium-tts-beta",
        voice_id="v1",
        voice="Emma",
        json_config={"temp": 0.5, "rewrite_rules": "fr"},
        pronunciation_id="p1",
        retry_for_s=0.0,
        extra={"seed": 7},
    )

    message = json.loads(setup.frame())

    assert json.loads(message.pop("json_config")) == {
        "temp": 0.5,
        "rewrite_rules": "fr",
    }
    assert message == {
        "type": "setup",
        "output_format": "pcm_8000",
        "model_name": "gradium-tts-beta",
        "voice_id": "v1",
        "voice": "Emma",
        "pronunciation_id": "p1",
        "retry_for_s": 0.0,
        "seed": 7,
    }


def test_a_setup_does_not_show_what_may_be_secret() -> None:
    setup = Setup(
        "pcm_24000", json_config={"token": "s3cret"}, extra={"key": "s3cret"}
    )

    assert "s3cret" not in repr(setup)


def test_json_config_goes_out_as_text_and_an_empty_one_not_at_all() -> None:
    full = json.loads(Setup("pcm", json_config={"temp": 0}).frame())
    empty = json.loads(Setup("pcm", json_config={}).frame())

    assert full["json_config"] == '{"temp":0}'
    assert "json_config" not in empty


@pytest.mark.parametrize("key", sorted(RESERVED_KEYS))
def test_a_reserved_key_never_comes_from_the_extra_ones(key: str) -> None:
    plain, extra = Setup("pcm"), Setup("pcm", extra={key: "mine"})

    assert extra.frame() == plain.frame()


@pytest.mark.parametrize("key", ["model_name", "voice_id", "json_config"])
def test_a_named_field_wins_over_an_extra_one(key: str) -> None:
    setup = Setup(
        "pcm", voice_id="v", json_config={"temp": 1}, extra={key: "mine"}
    )

    assert json.loads(setup.frame())[key] != "mine"


# --------------------------------------------------------------------- decode


NO_TIMES = (
    '"0.5"',
    "false",
    "[1]",
    "NaN",
    "1e400",
    "-2e6",
    "1" + "0" * 400,
)


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        pytest.param(READY, Ready(), id="the old form of ready"),
        pytest.param(
            frame(
                type="ready",
                request_id="req_1",
                model_name="default",
                model_ext="build 7",
                sample_rate=48000,
                frame_size=3840,
                audio_stream_names=["a"],
                text_stream_names=["t"],
                client_req_id=None,
                residency="best-effort; zone=us",
            ),
            Ready(48000, "req_1"),
            id="the new form of ready",
        ),
        pytest.param(
            frame(type="ready", sample_rate=8000, residency={}, frame_size="8"),
            Ready(8000),
            id="odd types in what only informs",
        ),
        pytest.param(
            frame(
                type="audio",
                audio=base64.b64encode(b"\1\2\3\4").decode(),
                start_s=0.08,
                stop_s=0.16,
                stream_id=0,
                audio_tokens=[],
                client_req_id=None,
            ),
            Audio(b"\1\2\3\4", 0.08, 0.16),
            id="audio",
        ),
        pytest.param(
            frame(type="audio", audio=""), Audio(b""), id="empty audio"
        ),
        pytest.param(
            frame(type="audio", audio="AQID"), Audio(b"\1\2\3"), id="odd audio"
        ),
        pytest.param(
            frame(type="audio", audio="", start_s=-0.08, stop_s=0),
            Audio(b"", -0.08, 0.0),
            id="times before zero",
        ),
        pytest.param(
            frame(type="text", text="Hello,", start_s=0.1, stop_s=0.5),
            Word("Hello,", 0.1, 0.5),
            id="word",
        ),
        pytest.param(
            frame(type="text", text="Hi", start_s=0.1, stop_s=None),
            Word("Hi", 0.1, 0.1),
            id="a missing stop is the start",
        ),
        pytest.param(
            frame(type="text", text="Hi"),
            Word("Hi", math.nan, math.nan),
            id="a word without times",
        ),
        pytest.param(
            frame(type="text", text="Hi", stop_s=0.4),
            Word("Hi", 0.4, 0.4),
            id="a missing start is the stop",
        ),
        *(
            pytest.param(
                f'{{"type":"text","text":"a","start_s":1,"stop_s":{time}}}',
                Word("a", math.nan, math.nan),
                id=f"a word whose time is {time[:9]}",
            )
            for time in NO_TIMES
        ),
        *(
            pytest.param(
                f'{{"type":"audio","audio":"AQI=","start_s":{time}}}',
                Audio(b"\1\2"),
                id=f"audio whose time is {time[:9]}",
            )
            for time in NO_TIMES
        ),
        pytest.param(
            '{"type":"text","text":"\\ud83d\\ude00\\ud800"}',
            Word("\U0001f600\ufffd", math.nan, math.nan),
            id="half a character",
        ),
        pytest.param(END, EndOfStream(), id="end of stream"),
        pytest.param(
            frame(
                type="error",
                message="Invalid or expired API key\nSupport: …",
                code=1008,
                client_req_id=None,
            ),
            ServerError("Invalid or expired API key\nSupport: …", 1008),
            id="error",
        ),
        pytest.param(
            frame(type="error", message="oops"),
            ServerError("oops"),
            id="error without a code",
        ),
        pytest.param(
            frame(type="error", message="oops", code="1008"),
            ServerError("oops"),
            id="error with an odd code",
        ),
        pytest.param(
            frame(type="error", message="oops", code=True),
            ServerError("oops"),
            id="error with a code that is no number",
        ),
        pytest.param(
            frame(type="error", message={"why": 1}, code=1011),
            ServerError("error without a message", 1011),
            id="error with an odd message",
        ),
        pytest.param(
            frame(type="error", message="", code=1011),
            ServerError("error without a message", 1011),
            id="error with an empty message",
        ),
        pytest.param(UNKNOWN, Ignored("need_more_text"), id="need_more_text"),
        pytest.param(
            frame(type="flushed", flush_id=1), Ignored("flushed"), id="flushed"
        ),
    ],
)
@BOTH_CODECS
def test_decode_reads(
    codec: Codec, raw: str, event: ServerMessage | Ignored
) -> None:
    assert decode(raw, codec) == event


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"type":"ready"}', "binary frame of 16 bytes"),
        ("", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("{", "not JSON: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "not JSON: maximum recursion depth exceeded"),
        ("[]", "a message without a type"),
        ('"ready"', "a message without a type"),
        ("{}", "a message without a type"),
        ('{"type":1}', "a message without a type"),
        (
            frame(type="ready", sample_rate="8000"),
            "ready.sample_rate is '8000'",
        ),
        (frame(type="ready", sample_rate=True), "ready.sample_rate is True"),
        # Whole or not at all: of a secret no half must be left.
        (
            frame(type="ready", sample_rate={"api_key": "x" * 30}),
            "ready.sample_rate is of type dict",
        ),
        (frame(type="audio"), "audio without audio"),
        (frame(type="audio", audio=[1]), "audio without audio"),
        (frame(type="audio", audio="é"), "audio is not base64: "),
        (frame(type="audio", audio="AQ"), "audio is not base64: "),
        (frame(type="audio", audio="A Q="), "audio is not base64: "),
        (frame(type="text"), "text without text"),
        (frame(type="text", text=None), "text without text"),
    ],
)
@BOTH_CODECS
def test_decode_refuses(codec: Codec, raw: str | bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(raw, codec)

    assert str(caught.value).startswith(why)
    assert len(str(caught.value)) < 200


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["audio", "text", "start_s", "stop_s", "code", "message"]
    + ["sample_rate", "frame_size", "request_id", "model_name", "residency"]
)
TYPES = st.sampled_from(["ready", "audio", "text", "end_of_stream", "error"])


def decoded_or_refused(
    raw: str | bytes,
) -> ServerMessage | Ignored | None:
    """Decode; anything raised but a `RemoteProtocolError` fails the test.

    Both codecs read the same, and refuse the same.
    """
    outcomes: list[ServerMessage | Ignored | None] = []
    for codec in (STANDARD, FASTEST):
        try:
            outcomes.append(decode(raw, codec))
        except RemoteProtocolError:
            outcomes.append(None)
    standard, fast = outcomes
    assert repr(standard) == repr(fast)  # NaN is not equal to itself
    return standard


@given(st.text(st.characters()) | st.binary())
def test_decode_raises_nothing_else_for_any_text(raw: str | bytes) -> None:
    decoded_or_refused(raw)


@given(JSON)
def test_decode_raises_nothing_else_for_any_json(tree: Any) -> None:
    decoded_or_refused(json.dumps(tree))


@pytest.mark.parametrize(
    ("raw", "has_audio"),
    [
        (frame(type="audio", audio="A Q="), True),
        ('{"type":"audio","audio":"AAAA', True),
        ('{"type":"audio","audio":"', None),
        (frame(type="audio", audio=None), None),
        ("AAAA", None),
        (b"AAAA", None),
        ("{}", None),
        (frame(type="text", text=7), False),
        (frame(type="ready", sample_rate="8000"), False),
    ],
)
def test_what_cannot_be_read_may_have_been_audio(
    raw: str | bytes, has_audio: bool | None
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(raw)

    assert caught.value.has_audio is has_audio


@given(TYPES, st.dictionaries(FIELDS, JSON))
def test_decode_raises_nothing_else_for_any_field(
    kind: str, fields: dict[str, Any]
) -> None:
    event = decoded_or_refused(json.dumps({**fields, "type": kind}))

    if isinstance(event, Audio):
        round(event.start_s * 1000), round(event.stop_s * 1000)
    if isinstance(event, Word):
        event.text.encode()
        assert math.isnan(event.start_s) == math.isnan(event.stop_s)
        assert not math.isinf(event.start_s + event.stop_s)
    if isinstance(event, ServerError):
        event.message.encode()


@given(st.binary())
def test_audio_arrives_as_it_was_made(chunk: bytes) -> None:
    encoded = base64.b64encode(chunk).decode()

    assert decoded_or_refused(frame(type="audio", audio=encoded)) == Audio(
        chunk
    )


@given(st.text("AZaz09+/=- \n\u00e9", max_size=12))
def test_base64_is_read_as_the_standard_library_validates_it(
    encoded: str,
) -> None:
    try:
        expected = base64.b64decode(encoded, validate=True)
    except ValueError:
        expected = None
    # Python 3.10 lets padding pass that is too much, later ones do not.
    if len(encoded) % 4:
        expected = None

    for decode_one in (decode_base64, FASTEST.decode_base64):
        try:
            read = decode_one(encoded)
        except ValueError:
            read = None
        assert read == expected


def test_without_the_extra_the_standard_library_reads() -> None:
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from gradium_tts_python.wire.speedups import FASTEST\n"
        "from gradium_tts_python.core.codec import STANDARD\n"
        "assert FASTEST is STANDARD"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
    assert FASTEST is not STANDARD, "requirements-dev.txt has the extra"


@given(st.text(st.characters()))
def test_a_frame_can_always_be_sent_and_keeps_whole_characters(
    text: str,
) -> None:
    session = Session(Setup("pcm", voice=text))

    frames = [session.start(), session.push_text(text)]

    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    said = [json.loads(frame.encode()) for frame in frames]
    assert [said[0]["voice"], said[1]["text"]] == [whole, whole]


# -------------------------------------------------------------------- session

UNOPENED, OPEN, ENDED = Input
NONE, READ, COMPLETE, FAILED = Answer

State = tuple[Input, Answer]


def session_in(ours: Input, theirs: Answer) -> Session:
    """A session whose two sides have come so far, by legal steps."""
    session = Session(Setup("pcm_24000", voice_id="v"))
    if ours is not UNOPENED:
        session.start()
    frames = {READ: READY, COMPLETE: END, FAILED: ERROR}
    if theirs is not NONE:
        session.receive(frames[theirs])
    if ours is ENDED:
        # The server may have ended first: the call would be refused then.
        session.input = ENDED
    return session


def state_of(session: Session) -> State:
    return session.input, session.answer


def test_a_whole_session() -> None:
    session = Session(Setup("pcm_24000", voice_id="v"))
    seen: list[Any] = [state_of(session)]

    for step in (
        session.start,
        lambda: session.push_text("Good morning,"),
        lambda: session.receive(READY),
        lambda: session.push_text("you."),
        session.flush,
        session.end_input,
        lambda: session.receive(AUDIO),
        lambda: session.receive(WORD),
        lambda: session.receive(END),
    ):
        seen += [step(), state_of(session)]

    assert seen == [
        (UNOPENED, NONE),
        Setup("pcm_24000", voice_id="v").frame(),
        (OPEN, NONE),
        '{"type":"text","text":"Good morning,"}',
        (OPEN, NONE),
        Ready(),
        (OPEN, READ),
        '{"type":"text","text":"you."}',
        (OPEN, READ),
        '{"type":"text","text":"<flush>"}',
        (OPEN, READ),
        '{"type":"end_of_stream"}',
        (ENDED, READ),
        Audio(SAMPLES),
        (ENDED, READ),
        Word("Hi.", 0.0, 1.0),
        (ENDED, READ),
        EndOfStream(),
        (ENDED, COMPLETE),
    ]


@pytest.mark.parametrize(
    ("before", "call", "after"),
    [
        ((UNOPENED, NONE), Session.start, (OPEN, NONE)),
        ((OPEN, NONE), lambda s: s.push_text("a"), (OPEN, NONE)),
        ((OPEN, NONE), Session.flush, (OPEN, NONE)),
        ((OPEN, NONE), Session.end_input, (ENDED, NONE)),
        ((OPEN, READ), lambda s: s.push_text("a"), (OPEN, READ)),
        ((OPEN, READ), Session.end_input, (ENDED, READ)),
    ],
)
def test_a_legal_call_moves_our_side(
    before: State, call: Callable[[Session], object], after: State
) -> None:
    session = session_in(*before)

    call(session)

    assert state_of(session) == after


@pytest.mark.parametrize(
    ("state", "call", "why"),
    [
        ((OPEN, NONE), Session.start, "setup with input open"),
        ((ENDED, NONE), Session.start, "setup with input ended"),
        (
            (UNOPENED, NONE),
            Session.end_input,
            "end_of_stream with input unopened",
        ),
        ((ENDED, NONE), Session.end_input, "end_of_stream with input ended"),
        ((OPEN, FAILED), Session.end_input, "end_of_stream with answer failed"),
        (
            (UNOPENED, NONE),
            lambda s: s.push_text("a"),
            "text with input unopened",
        ),
        ((ENDED, READ), lambda s: s.push_text("a"), "text with input ended"),
        ((OPEN, FAILED), lambda s: s.push_text("a"), "text with answer failed"),
        ((OPEN, COMPLETE), Session.flush, "text with answer complete"),
        (
            (UNOPENED, NONE),
            lambda s: s.receive(READY),
            "receive with input unopened",
        ),
    ],
)
def test_an_illegal_call_is_refused_and_changes_nothing(
    state: State, call: Callable[[Session], object], why: str
) -> None:
    session = session_in(*state)

    with pytest.raises(LocalProtocolError) as caught:
        call(session)

    assert str(caught.value) == why
    assert state_of(session) == state


REFUSED = ServerError("worker lost", 1011)
SOUND, SAID = Audio(SAMPLES), Word("Hi.", 0.0, 1.0)


@pytest.mark.parametrize("ours", [OPEN, ENDED])
@pytest.mark.parametrize(
    ("before", "raw", "message", "after"),
    [
        (NONE, READY, Ready(), READ),
        (NONE, AUDIO, SOUND, READ),
        (NONE, WORD, SAID, READ),
        (NONE, END, EndOfStream(), COMPLETE),
        (NONE, ERROR, REFUSED, FAILED),
        (NONE, UNKNOWN, Ignored("need_more_text"), NONE),
        (READ, READY, Ignored("Ready"), READ),
        (READ, AUDIO, SOUND, READ),
        (READ, WORD, SAID, READ),
        (READ, END, EndOfStream(), COMPLETE),
        (READ, ERROR, REFUSED, FAILED),
        (READ, UNKNOWN, Ignored("need_more_text"), READ),
        (COMPLETE, READY, Ignored("Ready"), COMPLETE),
        (COMPLETE, AUDIO, Ignored("Audio"), COMPLETE),
        (COMPLETE, END, Ignored("EndOfStream"), COMPLETE),
        (COMPLETE, ERROR, Ignored("ServerError"), COMPLETE),
        (FAILED, READY, Ignored("Ready"), FAILED),
        (FAILED, AUDIO, Ignored("Audio"), FAILED),
        (FAILED, END, Ignored("EndOfStream"), FAILED),
        (FAILED, UNKNOWN, Ignored("need_more_text"), FAILED),
    ],
)
def test_a_frame_received_moves_their_side(
    ours: Input,
    before: Answer,
    raw: str,
    message: ServerMessage | Ignored,
    after: Answer,
) -> None:
    session = session_in(ours, before)

    received = session.receive(raw)

    assert (received, state_of(session)) == (message, (ours, after))


@pytest.mark.parametrize("answer", Answer)
def test_garbage_is_refused_and_the_session_goes_on(answer: Answer) -> None:
    session = session_in(OPEN, answer)

    with pytest.raises(RemoteProtocolError):
        session.receive(b"\0")

    assert state_of(session) == (OPEN, answer)

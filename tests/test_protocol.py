"""The wire protocol: messages, the codec, the life of a session, errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.protocol import (
    RESERVED_KEYS,
    SAMPLE_RATES_HZ,
    Audio,
    EndOfStream,
    Event,
    LocalProtocolError,
    Ready,
    RemoteProtocolError,
    ServerError,
    Session,
    SessionState,
    Setup,
    Word,
    decode,
)

IDLE, SETUP, STREAMING, ENDING, CLOSED = SessionState

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
            Ready(48000, 3840, "req_1", "default", "best-effort; zone=us"),
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
            Word("Hi", 0.0, 0.0),
            id="a missing start is zero",
        ),
        pytest.param(
            '{"type":"text","text":"\\ud83d\\ude00\\ud800"}',
            Word("\U0001f600\ufffd", 0.0, 0.0),
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
        pytest.param(UNKNOWN, None, id="need_more_text"),
        pytest.param(frame(type="flushed", flush_id=1), None, id="flushed"),
    ],
)
def test_decode_reads(raw: str, event: Event | None) -> None:
    assert decode(raw) == event


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
        (frame(type="audio"), "audio without audio"),
        (frame(type="audio", audio=[1]), "audio without audio"),
        (frame(type="audio", audio="é"), "audio is not base64: "),
        (frame(type="audio", audio="AQ"), "audio is not base64: "),
        (frame(type="audio", audio="A Q="), "audio is not base64: "),
        (frame(type="audio", audio="", start_s="0"), "audio.start_s is '0'"),
        (frame(type="text"), "text without text"),
        (frame(type="text", text=None), "text without text"),
        (frame(type="text", text="a", stop_s=False), "text.stop_s is False"),
        ('{"type":"text","text":"a","start_s":NaN}', "text.start_s is nan"),
        ('{"type":"text","text":"a","stop_s":1e400}', "text.stop_s is inf"),
        (frame(type="text", text="a", stop_s=10**400), "text.stop_s is 1000"),
        (frame(type="text", text="a", start_s=-2e6), "text.start_s is -2000"),
    ],
)
def test_decode_refuses(raw: str | bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(raw)

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


def decoded_or_refused(raw: str | bytes) -> Event | None:
    """Decode; anything raised but a `RemoteProtocolError` fails the test."""
    try:
        return decode(raw)
    except RemoteProtocolError:
        return None


@given(st.text(st.characters()) | st.binary())
def test_decode_raises_nothing_else_for_any_text(raw: str | bytes) -> None:
    decoded_or_refused(raw)


@given(JSON)
def test_decode_raises_nothing_else_for_any_json(tree: Any) -> None:
    decoded_or_refused(json.dumps(tree))


@given(TYPES, st.dictionaries(FIELDS, JSON))
def test_decode_raises_nothing_else_for_any_field(
    kind: str, fields: dict[str, Any]
) -> None:
    event = decoded_or_refused(json.dumps({**fields, "type": kind}))

    if isinstance(event, (Audio, Word)):
        round(event.start_s * 1000), round(event.stop_s * 1000)
    if isinstance(event, Word):
        event.text.encode()
    if isinstance(event, ServerError):
        event.message.encode()


@given(st.binary())
def test_audio_arrives_as_it_was_made(chunk: bytes) -> None:
    encoded = base64.b64encode(chunk).decode()

    assert decode(frame(type="audio", audio=encoded)) == Audio(chunk)


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


def opened() -> Session:
    session = Session(Setup("pcm_24000", voice_id="v"))
    session.start()
    return session


def streaming() -> Session:
    session = opened()
    session.receive(READY)
    return session


def ending() -> Session:
    session = streaming()
    session.end_input()
    return session


def closed() -> Session:
    session = ending()
    session.receive(END)
    return session


def early_end() -> Session:
    """The input has ended before `ready` came."""
    session = opened()
    session.end_input()
    return session


MAKE: dict[str, Callable[[], Session]] = {
    "idle": lambda: Session(Setup("pcm_24000", voice_id="v")),
    "setup": opened,
    "setup, ended": early_end,
    "streaming": streaming,
    "ending": ending,
    "closed": closed,
}


def test_a_whole_session() -> None:
    session = Session(Setup("pcm_24000", voice_id="v"))
    seen: list[Any] = [session.state]

    for step in (
        session.start,
        lambda: session.push_text("Good morning,"),
        lambda: session.receive(READY),
        lambda: session.push_text("you."),
        session.end_input,
        lambda: session.receive(AUDIO),
        lambda: session.receive(WORD),
        lambda: session.receive(END),
    ):
        seen += [step(), session.state]

    assert seen == [
        IDLE,
        Setup("pcm_24000", voice_id="v").frame(),
        SETUP,
        '{"type":"text","text":"Good morning,"}',
        SETUP,
        Ready(),
        STREAMING,
        '{"type":"text","text":"you."}',
        STREAMING,
        '{"type":"end_of_stream"}',
        ENDING,
        Audio(SAMPLES),
        ENDING,
        Word("Hi.", 0.0, 1.0),
        ENDING,
        EndOfStream(),
        CLOSED,
    ]


@pytest.mark.parametrize(
    ("state", "call", "then"),
    [
        ("idle", Session.start, SETUP),
        ("setup", lambda s: s.push_text("a"), SETUP),
        ("setup", Session.end_input, SETUP),
        ("streaming", lambda s: s.push_text("a"), STREAMING),
        ("streaming", Session.end_input, ENDING),
    ],
)
def test_a_legal_call_moves_to(
    state: str, call: Callable[[Session], object], then: SessionState
) -> None:
    session = MAKE[state]()

    call(session)

    assert session.state is then


@pytest.mark.parametrize(
    ("state", "call", "why"),
    [
        ("setup", Session.start, "start in state setup"),
        ("setup, ended", Session.start, "start in state setup"),
        ("streaming", Session.start, "start in state streaming"),
        ("ending", Session.start, "start in state ending"),
        ("closed", Session.start, "start in state closed"),
        ("idle", lambda s: s.push_text("a"), "text in state idle"),
        (
            "setup, ended",
            lambda s: s.push_text("a"),
            "text in state input ended",
        ),
        ("ending", lambda s: s.push_text("a"), "text in state input ended"),
        ("closed", lambda s: s.push_text("a"), "text in state input ended"),
        ("idle", Session.end_input, "end_of_stream in state idle"),
        ("ending", Session.end_input, "end_of_stream in state input ended"),
        ("idle", lambda s: s.receive(READY), "receive in state idle"),
    ],
)
def test_an_illegal_call_is_refused_and_changes_nothing(
    state: str, call: Callable[[Session], object], why: str
) -> None:
    session = MAKE[state]()
    before = session.state, session.is_input_ended

    with pytest.raises(LocalProtocolError) as caught:
        call(session)

    assert str(caught.value) == why
    assert (session.state, session.is_input_ended) == before


def test_text_after_a_refusal_is_a_local_error() -> None:
    session = opened()
    session.receive(ERROR)

    with pytest.raises(LocalProtocolError, match="text in state closed"):
        session.push_text("a")


REFUSED = ServerError("worker lost", 1011)
SOUND, SAID = Audio(SAMPLES), Word("Hi.", 0.0, 1.0)


@pytest.mark.parametrize(
    ("state", "raw", "event", "then"),
    [
        ("setup", READY, Ready(), STREAMING),
        ("setup", AUDIO, SOUND, STREAMING),
        ("setup", WORD, SAID, STREAMING),
        ("setup", END, EndOfStream(), CLOSED),
        ("setup", ERROR, REFUSED, CLOSED),
        ("setup", UNKNOWN, None, SETUP),
        ("setup, ended", READY, Ready(), ENDING),
        ("setup, ended", AUDIO, SOUND, ENDING),
        ("setup, ended", END, EndOfStream(), CLOSED),
        ("setup, ended", ERROR, REFUSED, CLOSED),
        ("setup, ended", UNKNOWN, None, SETUP),
        ("streaming", READY, None, STREAMING),
        ("streaming", AUDIO, SOUND, STREAMING),
        ("streaming", WORD, SAID, STREAMING),
        ("streaming", END, EndOfStream(), CLOSED),
        ("streaming", ERROR, REFUSED, CLOSED),
        ("streaming", UNKNOWN, None, STREAMING),
        ("ending", READY, None, ENDING),
        ("ending", AUDIO, SOUND, ENDING),
        ("ending", WORD, SAID, ENDING),
        ("ending", END, EndOfStream(), CLOSED),
        ("ending", ERROR, REFUSED, CLOSED),
        ("ending", UNKNOWN, None, ENDING),
        ("closed", READY, None, CLOSED),
        ("closed", AUDIO, None, CLOSED),
        ("closed", WORD, None, CLOSED),
        ("closed", END, None, CLOSED),
        ("closed", ERROR, None, CLOSED),
        ("closed", UNKNOWN, None, CLOSED),
    ],
)
def test_a_frame_received_moves_to(
    state: str, raw: str, event: Event | None, then: SessionState
) -> None:
    session = MAKE[state]()
    ignored_frames = session.ignored_frames

    received = session.receive(raw)

    assert (received, session.state) == (event, then)
    assert session.ignored_frames - ignored_frames == (event is None)


@pytest.mark.parametrize("state", ["setup", "streaming", "ending", "closed"])
def test_garbage_is_refused_and_the_session_goes_on(state: str) -> None:
    session = MAKE[state]()
    before = session.state

    with pytest.raises(RemoteProtocolError):
        session.receive(b"\0")

    assert session.state is before


def test_a_session_tells_whether_the_end_came_before_its_input_ended() -> None:
    session = streaming()
    session.receive(END)

    assert session.state is CLOSED
    assert not session.is_input_ended
    assert closed().is_input_ended

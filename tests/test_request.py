"""The ledger of a request, admission of late texts, and what follows failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.admission import Admission, Verdict
from gradium_tts_python.core.errors import ErrorKind
from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.recovery import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    GiveUp,
    Retry,
    next_step,
)
from gradium_tts_python.core.request import (
    Action,
    End,
    EndReason,
    Pcm,
    SpeechRequest,
    Start,
    TimedWord,
    Ttfb,
    TurnStatus,
    Words,
)
from gradium_tts_python.core.script import SessionBudget

# At 1000 Hz a sample is a millisecond.
RATE_HZ = 1000
# Audio that first comes at 10 s on our clock is heard at 1,000,010 s.
UNIX_OFFSET_S = 1_000_000.0
T0_MS = 1_000_010_000

LOUD = b"\xe8\x03"  # 1000


def ms(duration_ms: int) -> bytes:
    """Give so much audio."""
    return LOUD * duration_ms


def silence(duration_ms: int) -> bytes:
    return b"\0\0" * duration_ms


def make(*messages: str, with_words: bool = True) -> SpeechRequest:
    request = SpeechRequest(
        "r1",
        sample_rate_hz=RATE_HZ,
        unix_offset_s=UNIX_OFFSET_S,
        with_words=with_words,
    )
    for message in messages:
        request.push_text(message)
    return request


def words(
    seq: int,
    text: str,
    start_ms: int,
    duration_ms: int,
    status: TurnStatus = TurnStatus.IN_PROGRESS,
) -> Words:
    """Give the result of one word, relative to the first audio."""
    start_ms += T0_MS
    timed = [TimedWord(text, start_ms, duration_ms)] if text else []
    if seq and text:
        timed.insert(0, TimedWord(" ", start_ms, 0))
        text = f" {text}"
    return Words(text, start_ms, duration_ms, tuple(timed), seq, status)


# --------------------------------------------------------------------- ledger


def test_a_whole_request() -> None:
    request = make("Hello,", "world.")
    request.asked(9.0)
    request.end_input()

    actions: list[Action] = [
        *request.begin_session(),
        *request.audio_received(ms(80), 10.0),
        *request.word_received(Word("Hello,", 0.01, 0.06)),
        *request.audio_received(ms(80), 10.02),
        *request.word_received(Word("world.", 0.07, 0.15)),
        *request.audio_received(silence(80), 10.25),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        Ttfb(1000),
        Start(),
        Pcm(ms(80), T0_MS),
        words(0, "Hello,", 10, 50),
        Pcm(ms(80), T0_MS + 80),
        words(1, "world.", 70, 80),
        Pcm(silence(80), T0_MS + 160),
        words(2, "", 150, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 250, 480),
    ]


def test_without_words_wanted_the_rest_is_the_same() -> None:
    request = make("Hi.", with_words=False)
    request.asked(9.0)

    actions = [
        *request.audio_received(ms(80), 10.0),
        *request.word_received(Word("Hi.", 0.0, 0.05)),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        Ttfb(1000),
        Start(),
        Pcm(ms(80), T0_MS),
        End(EndReason.REQUEST_END, 0, 160),
    ]
    assert request.words_announced == 1


def test_the_numbers_are_those_of_ten() -> None:
    assert [(r.name, int(r)) for r in EndReason] == [
        ("REQUEST_END", 1),
        ("INTERRUPTED", 2),
        ("ERROR", 3),
    ]
    assert [(s.name, int(s)) for s in TurnStatus] == [
        ("IN_PROGRESS", 0),
        ("END", 1),
        ("INTERRUPTED", 2),
    ]


def test_state_follows_the_audio() -> None:
    request = make("Hi there.")

    def state() -> tuple[object, ...]:
        return (request.has_started, request.heard_s, request.is_ended)

    states = [state()]
    request.audio_received(ms(500), 10.0)
    states.append(state())
    request.end(EndReason.REQUEST_END)
    states.append(state())

    assert states == [(False, 0, False), (True, 0.5, False), (True, 0.5, True)]
    assert request.session_heard_s == 0.5
    assert request.text.messages == ["Hi there."]


def test_the_time_to_first_audio_counts_from_the_first_text() -> None:
    request = make()
    request.asked(9.5)
    request.asked(9.9)

    assert request.audio_received(ms(1), 10.0)[0] == Ttfb(500)


def test_audio_that_nobody_asked_for_came_at_once() -> None:
    assert make().audio_received(ms(1), 10.0)[0] == Ttfb(0)


# --------------------------------------------------------------------- audio


def test_half_samples_wait_for_their_other_half() -> None:
    request = make()

    steps = [
        request.audio_received(chunk, 10.0)
        for chunk in (b"", b"\1", b"\0\2", b"\0\3\0")
    ]

    assert steps == [
        [],
        [],
        [Ttfb(0), Start(), Pcm(b"\1\0", T0_MS)],
        [Pcm(b"\2\0\3\0", T0_MS + 1)],
    ]


def test_half_a_sample_is_dropped_at_the_end_of_a_session() -> None:
    request = make("a")
    request.begin_session()
    request.audio_received(b"\1", 10.0)

    request.begin_session()

    assert request.audio_received(b"\2\0", 10.0) == [
        Ttfb(0),
        Start(),
        Pcm(b"\2\0", T0_MS),
    ]


def test_samples_of_all_channels_stay_together() -> None:
    request = SpeechRequest("r", sample_rate_hz=RATE_HZ, sample_bytes=4)

    request.audio_received(b"123456", 10.0)

    assert request.heard_s == 0.001
    assert request.end(EndReason.REQUEST_END)[-1] == End(
        EndReason.REQUEST_END, 0, 4
    )


@given(
    st.lists(st.integers(1, 500), min_size=1),
    st.sampled_from([8000, 22050, 44100]),
)
def test_timestamps_follow_the_samples(sizes: list[int], rate_hz: int) -> None:
    request = SpeechRequest("r", sample_rate_hz=rate_hz)
    stamps = [
        action.timestamp_ms
        for size in sizes
        for action in request.audio_received(b"\0\0" * size, 10.0)
        if isinstance(action, Pcm)
    ]

    exact = [1000 * sum(sizes[:i]) / rate_hz for i in range(len(sizes))]
    assert all(
        abs(stamp - 10_000 - at_ms) <= 0.5
        for stamp, at_ms in zip(stamps, exact, strict=True)
    )


# --------------------------------------------------------------------- words


def test_a_word_waits_for_its_audio() -> None:
    request = make("a b")
    request.begin_session()

    early = request.word_received(Word("a", 0.0, 0.1))
    first = request.audio_received(ms(99), 10.0)
    enough = request.audio_received(ms(1), 10.1)

    assert early == []
    assert first == [Ttfb(0), Start(), Pcm(ms(99), T0_MS)]
    assert enough == [Pcm(ms(1), T0_MS + 99), words(0, "a", 0, 100)]


def test_a_rounded_time_is_no_reason_to_wait() -> None:
    request = make("a")
    request.audio_received(ms(100), 10.0)

    assert request.word_received(Word("a", 0.0, 0.10005)) == [
        words(0, "a", 0, 100)
    ]


def test_starts_ascend_whatever_the_server_sends() -> None:
    request = make()
    request.audio_received(ms(500), 10.0)

    actions = [
        *request.word_received(Word("a", 0.2, 0.3)),
        *request.word_received(Word("b", 0.2, 0.3)),
        *request.word_received(Word("c", 0.1, 0.15)),
        *request.word_received(Word("d", 0.4, 0.35)),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        words(0, "a", 200, 100),
        words(1, "b", 201, 99),
        words(2, "c", 202, 0),
        words(3, "d", 400, 0),
        words(4, "", 401, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0, 1000),
    ]


def test_at_the_end_every_word_is_announced() -> None:
    request = make()
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("a", 0.0, 0.2))

    assert request.end(EndReason.REQUEST_END) == [
        words(0, "a", 0, 200),
        words(1, "", 200, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0, 200),
    ]


@pytest.mark.parametrize("reason", [EndReason.INTERRUPTED, EndReason.ERROR])
def test_a_cut_request_closes_where_its_audio_was_cut(
    reason: EndReason,
) -> None:
    request = make()
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("a", 0.0, 0.05))
    request.word_received(Word("b", 0.06, 0.2))

    assert request.end(reason) == [
        words(1, "", 100, 0, TurnStatus.INTERRUPTED),
        End(reason, 0, 200),
    ]
    assert request.words_announced == 1


def test_a_turn_without_words_closes_at_the_end_of_its_audio() -> None:
    request = make()
    request.audio_received(ms(100), 10.0)

    assert request.end(EndReason.REQUEST_END) == [
        words(0, "", 100, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0, 200),
    ]


# ----------------------------------------------------------------------- end


@pytest.mark.parametrize("reason", EndReason)
def test_without_audio_there_is_only_an_end(reason: EndReason) -> None:
    request = make("Hi.")
    request.word_received(Word("Hi.", 0.0, 0.1))

    assert request.end(reason) == [End(reason, 0, 0)]


@pytest.mark.parametrize("first", EndReason)
@pytest.mark.parametrize("second", EndReason)
def test_a_second_end_changes_nothing(
    first: EndReason, second: EndReason
) -> None:
    request = make("Hi.")
    request.audio_received(ms(100), 10.0)
    request.end(first)

    assert request.end(second) == []


def test_nothing_follows_the_end() -> None:
    request = make("Hi you.")
    request.begin_session()
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("Hi", 0.0, 0.2))
    request.end(EndReason.INTERRUPTED)

    assert [
        request.audio_received(ms(100), 11.0),
        request.word_received(Word("you.", 0.0, 0.1)),
        request.begin_session(),
        request.complete_session(2),
        request.audio_received(ms(100), 11.0),
        request.end(EndReason.REQUEST_END),
    ] == [[]] * 6
    assert request.heard_s == 0.1


# ------------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("max_s", "max_characters", "message", "age_s", "room"),
    [
        pytest.param(0, 0, "x" * 10_000, 1e9, 10_000, id="no limits"),
        pytest.param(0, 20, "All of this fits.", 0, 17, id="it fits"),
        pytest.param(
            0, 20, "One, two. And some more.", 0, 18, id="cut at a word"
        ),
        pytest.param(
            0, 20, "One two three fou. And more.", 0, 18, id="sentence end"
        ),
        pytest.param(0, 20, 'One two thr "fo." And.', 0, 17, id="quoted end"),
        pytest.param(
            0, 20, "One two three at 3.15 sharp.", 0, 16, id="no end in 3.15"
        ),
        pytest.param(0, 20, "x" * 30 + " y", 0, 30, id="a first long word"),
        pytest.param(0, 20, "x" * 30, 0, 30, id="a first and only word"),
        pytest.param(
            0,
            20,
            'One two <break time="1s" /> three',
            0,
            8,
            id="not inside a tag",
        ),
        pytest.param(2, 0, "One two three four five", 0, 18, id="by time"),
        pytest.param(2, 10, "One two three", 0, 7, id="the smaller limit"),
        pytest.param(2, 0, "One", 99, 3, id="age counts once it has text"),
    ],
)
def test_a_new_session_has_room_for(
    max_s: float, max_characters: int, message: str, age_s: float, room: int
) -> None:
    budget = SessionBudget(max_s, max_characters)

    assert budget.room_for(message, age_s) == room


@pytest.mark.parametrize(
    ("used", "message", "age_s", "room"),
    [
        pytest.param("Forty nine characters" + " x" * 14, "One", 0, 3, id="in"),
        pytest.param("x" * 99, "One", 0, 0, id="full"),
        pytest.param("x" * 96, "Long words", 0, 0, id="no room for a word"),
        pytest.param("x" * 80 + ".", "One", 0, 0, id="sentence over, near"),
        pytest.param("x" * 80 + ". On", "One", 0, 3, id="sentence not over"),
        pytest.param("x" * 60 + ".", "One", 0, 3, id="sentence over, far"),
        pytest.param(
            "x" * 60 + ".", "One more " + "y" * 50, 0, 0, id="a long one next"
        ),
        pytest.param(
            "x" * 60, "One more " + "y" * 50, 0, 8, id="in mid-sentence"
        ),
        pytest.param("One.", "Two", 7.9, 3, id="young"),
        pytest.param("One.", "Two", 8, 0, id="old, sentence over"),
        pytest.param("One", "Two", 8, 3, id="old, in mid-sentence"),
        pytest.param("One", "Two", 10, 0, id="too old"),
    ],
)
def test_a_session_in_use_has_room_for(
    used: str, message: str, age_s: float, room: int
) -> None:
    budget = SessionBudget(10, 100)
    budget.use(used)

    assert budget.room_for(message, age_s) == room


@given(
    st.lists(
        st.text('ab .!?"', min_size=1).map(str.strip).filter(bool), min_size=1
    ),
    st.integers(1, 40),
)
def test_sessions_get_all_the_text_in_whole_words(
    messages: list[str], limit: int
) -> None:
    sessions: list[list[str]] = [[]]
    budget = SessionBudget(0, limit)
    for message in messages:
        rest = message
        while rest:
            room = budget.room_for(rest, 0.0)
            if room:
                sessions[-1].append(rest[:room].rstrip())
                budget.use(rest[:room].rstrip())
                rest = rest[room:].lstrip()
            if rest:
                sessions.append([])
                budget = SessionBudget(0, limit)

    said = [" ".join(session) for session in sessions]
    assert " ".join(said).split() == " ".join(messages).split()
    # A single word may be longer.
    assert all(len(text) <= limit or " " not in text for text in said)


# ----------------------------------------------------------------- admission


def test_an_id_never_seen_is_new() -> None:
    admission = Admission()

    assert [
        admission.admit("a", is_speakable=is_speakable, is_end=is_end)
        for is_speakable in (True, False)
        for is_end in (True, False)
    ] == [Verdict.NEW] * 4


@pytest.mark.parametrize(
    ("is_speakable", "is_end", "verdict"),
    [
        (False, False, Verdict.LATE),
        (False, True, Verdict.LATE),
        (True, False, Verdict.NEW),
        (True, True, Verdict.NEW),
    ],
)
def test_after_a_complete_request_only_speakable_text_is_new(
    is_speakable: bool, is_end: bool, verdict: Verdict
) -> None:
    admission = Admission()
    admission.ended("a", is_input_ended=True)

    assert (
        admission.admit("a", is_speakable=is_speakable, is_end=is_end)
        is verdict
    )


@pytest.mark.parametrize("is_speakable", [False, True])
@pytest.mark.parametrize(
    ("owes_end", "last"),
    [(False, Verdict.LATE), (True, Verdict.LATE_END)],
)
def test_the_tail_of_a_cut_request_is_late_up_to_its_end(
    is_speakable: bool, owes_end: bool, last: Verdict
) -> None:
    admission = Admission()
    admission.ended("a", is_input_ended=False, owes_end=owes_end)

    verdicts = [
        admission.admit("a", is_speakable=is_speakable, is_end=False),
        admission.admit("a", is_speakable=is_speakable, is_end=False),
        admission.admit("a", is_speakable=is_speakable, is_end=True),
        admission.admit("a", is_speakable=False, is_end=True),
        admission.admit("a", is_speakable=True, is_end=False),
    ]

    assert verdicts == [
        Verdict.LATE,
        Verdict.LATE,
        last,
        Verdict.LATE,
        Verdict.NEW,
    ]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"turn_id": 1}, {"turn_id": 1}, Verdict.LATE),
        ({"turn_id": 1}, {"turn_id": 2}, Verdict.NEW),
        ({"turn_id": 1}, {}, Verdict.LATE),
        ({}, {"turn_id": 2}, Verdict.LATE),
        (None, None, Verdict.LATE),
    ],
)
def test_another_turn_is_not_the_tail_of_a_cut_request(
    before: dict[str, int] | None,
    after: dict[str, int] | None,
    verdict: Verdict,
) -> None:
    admission = Admission()
    admission.ended("a", is_input_ended=False, metadata=before)

    assert verdict is admission.admit(
        "a", is_speakable=True, is_end=False, metadata=after
    )


def test_another_id_ends_the_tail_of_a_cut_request() -> None:
    admission = Admission()
    admission.ended("a", is_input_ended=False, owes_end=True)

    verdicts = [
        admission.admit("b", is_speakable=True, is_end=False),
        admission.admit("a", is_speakable=True, is_end=False),
    ]

    assert verdicts == [Verdict.NEW, Verdict.NEW]


def test_an_id_used_again_is_not_late_until_it_has_ended_again() -> None:
    admission = Admission()
    admission.ended("a", is_input_ended=True)
    admission.admit("a", is_speakable=True, is_end=False)

    verdicts = [admission.admit("a", is_speakable=False, is_end=True)]
    admission.ended("a", is_input_ended=True)
    verdicts += [admission.admit("a", is_speakable=False, is_end=True)]

    assert verdicts == [Verdict.NEW, Verdict.LATE]


def test_the_ids_that_ended_last_are_remembered() -> None:
    admission = Admission(most_remembered=2)
    for request_id in ("a", "b", "a", "c"):
        admission.ended(request_id, is_input_ended=True)

    verdicts = [
        admission.admit(request_id, is_speakable=False, is_end=True)
        for request_id in ("a", "b", "c")
    ]

    assert verdicts == [Verdict.LATE, Verdict.NEW, Verdict.LATE]


# ------------------------------------------------------------------ recovery


def step(
    kind: ErrorKind = ErrorKind.TRANSIENT,
    *,
    attempt: int = 1,
    failing_for_s: float = 0.0,
    deadline_s: float = 8.0,
    is_position_known: bool = True,
    jitter: float = 0.0,
) -> Retry | GiveUp:
    return next_step(
        kind,
        attempt=attempt,
        failing_for_s=failing_for_s,
        deadline_s=deadline_s,
        is_position_known=is_position_known,
        jitter=jitter,
    )


@pytest.mark.parametrize("kind", ErrorKind)
def test_only_what_may_pass_is_retried(kind: ErrorKind) -> None:
    assert step(kind) == (
        Retry(0.1)
        if kind.is_retryable
        else GiveUp("it cannot succeed as it is")
    )


def test_the_delay_doubles_up_to_2_s() -> None:
    assert [step(attempt=attempt) for attempt in range(1, 8)] == [
        Retry(delay_s) for delay_s in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0)
    ]
    assert step(attempt=10_000) == Retry(2.0)


@pytest.mark.parametrize(
    ("jitter", "delay_s"), [(0.0, 0.4), (0.5, 0.3), (1.0, 0.2)]
)
def test_jitter_takes_up_to_a_half(jitter: float, delay_s: float) -> None:
    found = step(attempt=3, jitter=jitter)

    assert isinstance(found, Retry)
    assert found.delay_s == pytest.approx(delay_s)


@pytest.mark.parametrize(
    ("failing_for_s", "found"),
    [
        (0.0, Retry(0.1)),
        (7.8, Retry(0.1)),
        (7.9, GiveUp("still failing after 7.9 s")),
        (60.0, GiveUp("still failing after 60.0 s")),
    ],
)
def test_retries_end_at_the_deadline(
    failing_for_s: float, found: Retry | GiveUp
) -> None:
    assert step(failing_for_s=failing_for_s) == found


def test_a_deadline_of_0_means_no_retry() -> None:
    assert step(deadline_s=0) == GiveUp("still failing after 0.0 s")


def test_an_unknown_position_ends_the_retries() -> None:
    assert step(is_position_known=False) == GiveUp(
        "the server sent no word times to resume from"
    )


@given(
    st.integers(1, 10**6), st.floats(0, 100), st.floats(0, 100), st.floats(0, 1)
)
def test_a_retry_is_never_late_nor_at_once(
    attempt: int, failing_for_s: float, deadline_s: float, jitter: float
) -> None:
    found = step(
        attempt=attempt,
        failing_for_s=failing_for_s,
        deadline_s=deadline_s,
        jitter=jitter,
    )

    if isinstance(found, Retry):
        assert FIRST_DELAY_S / 2 <= found.delay_s <= LONGEST_DELAY_S
        assert failing_for_s + found.delay_s < deadline_s

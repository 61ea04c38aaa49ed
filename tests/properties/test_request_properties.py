# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Any order of calls: the ledger of a request and the admission of texts."""

from __future__ import annotations

from collections.abc import Sequence, Sized

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from speaking import cut

from gradium_tts_python.core.actions import (
    Action,
    End,
    EndReason,
    Pcm,
    Start,
    Ttfb,
    TurnStatus,
    Words,
)
from gradium_tts_python.core.admission import Admission, Segment, Verdict
from gradium_tts_python.core.protocol import SAMPLE_RATES_HZ, Word
from gradium_tts_python.core.request import Ledger

UNIX_OFFSET_S = 1_700_000_000.0


class RequestMachine(RuleBasedStateMachine):
    """A request under texts, audio, words, cuts, rotations and ends."""

    @initialize(
        rate_hz=st.sampled_from(SAMPLE_RATES_HZ),
        with_words=st.booleans(),
        now=st.floats(0, 1e6),
    )
    def open(self, rate_hz: int, with_words: bool, now: float) -> None:
        self.rate_hz, self.with_words, self.now = rate_hz, with_words, now
        self.request = Ledger(
            "r",
            sample_rate_hz=rate_hz,
            unix_offset_s=UNIX_OFFSET_S,
            with_words=with_words,
        )
        self.actions: list[Action] = []
        self.text: list[str] = []
        # Bytes that came in the current session, and words on its clock.
        self.sent_bytes = 0
        self.waiting: list[tuple[str, float]] = []
        self.announced: list[str] = []
        self.last_stop_s = 0.0
        self.is_rotating = False
        self.ended: EndReason | None = None

    def take(self, actions: Sequence[Action]) -> None:
        """Keep actions, and note which words had to be among them."""
        self.actions += actions
        while (
            self.ended is None
            and self.request.has_started
            and self.waiting
            and self.waiting[0][1] <= self.request.session_delivered_s + 1e-4
        ):
            self.announced.append(self.waiting.pop(0)[0])

    # --------------------------------------------------------------- calls

    @rule(words=st.lists(st.sampled_from(["a", "b.", "<flush>", "5"])))
    def push_text(self, words: list[str]) -> None:
        self.request.asked(self.now)
        self.request.script.push(" ".join(words))
        self.text += [word for word in words if word != "<flush>"]

    @rule()
    def end_input(self) -> None:
        self.request.script.end_input()

    @rule(
        size_bytes=st.integers(0, 9000),
        level=st.sampled_from([b"\0", b"\x7f"]),
        wait_s=st.floats(0, 10),
    )
    def audio(self, size_bytes: int, level: bytes, wait_s: float) -> None:
        self.now += wait_s
        self.sent_bytes += size_bytes
        self.take(self.request.audio_received(level * size_bytes, self.now))

    @rule(
        text=st.sampled_from(["a", "b", "five", "x"]),
        length_s=st.floats(0, 0.4),
    )
    def word(self, text: str, length_s: float) -> None:
        start_s, stop_s = self.last_stop_s, self.last_stop_s + length_s
        self.last_stop_s = stop_s
        self.waiting.append((text, stop_s))
        self.take(self.request.word_received(Word(text, start_s, stop_s)))

    @precondition(lambda self: self.request.next_word() is not None)
    @rule()
    def cut(self) -> None:
        next_word = self.request.next_word()
        self.new_session()
        self.take(cut(self.request))
        assert self.request.next_word() == next_word

    @rule()
    def rotate(self) -> None:
        self.is_rotating = True
        self.request.hold_last_silence()

    @precondition(lambda self: self.is_rotating)
    @rule()
    def complete(self) -> None:
        """Go on with what is left of the text in the next session."""
        if self.ended is None and self.request.has_started:
            self.announced += [text for text, _ in self.waiting]
        heard = self.request.next_word()
        self.new_session()
        self.take(
            self.request.complete_session(
                len(self.text) if heard is None else heard
            )
        )

    def new_session(self) -> None:
        self.waiting.clear()
        self.last_stop_s = 0.0
        self.sent_bytes = 0
        self.is_rotating = False

    @rule(reason=st.sampled_from(EndReason))
    def end(self, reason: EndReason) -> None:
        actions = self.request.end(reason)
        if self.ended is None:
            self.ended = reason
            if reason is EndReason.REQUEST_END and self.request.has_started:
                self.announced += [text for text, _ in self.waiting]
        else:
            assert actions == []
        self.actions += actions

    # ---------------------------------------------------------- invariants

    @invariant()
    def it_is_announced_once_and_measured_behind_its_first_audio(self) -> None:
        announcements = [
            action
            for action in self.actions
            if isinstance(action, (Ttfb, Start))
        ]
        if self.request.has_started:
            first = [type(action) for action in self.actions[:3]]
            assert first == [Start, Pcm, Ttfb]
            assert announcements == [self.actions[0], self.actions[2]]
            assert all(
                action.ttfb_ms >= 0
                for action in announcements
                if isinstance(action, Ttfb)
            )
        else:
            assert [a for a in self.actions if not isinstance(a, End)] == []

    @invariant()
    def it_ends_at_most_once_and_last(self) -> None:
        ends = [a for a in self.actions if isinstance(a, End)]

        assert ends == (self.actions[-1:] if self.ended else [])
        for end in ends:
            assert end.reason is self.ended
            assert end.interval_ms >= 0

    @invariant()
    def samples_are_whole_and_their_times_follow_them(self) -> None:
        frames = self.frames()
        delivered_bytes = 0
        for frame in frames:
            assert frame.pcm and len(frame.pcm) % 2 == 0
            exact_ms = 500 * delivered_bytes / self.rate_hz
            late_ms = frame.timestamp_ms - frames[0].timestamp_ms - exact_ms
            assert abs(late_ms) <= 1
            delivered_bytes += len(frame.pcm)
        stamps = [frame.timestamp_ms for frame in frames]
        assert stamps == sorted(stamps)
        assert self.request.delivered_s == delivered_bytes / (2 * self.rate_hz)

    @invariant()
    def nothing_is_held_back_but_half_a_sample_and_the_last_pause(self) -> None:
        heard_bytes = round(self.request.session_delivered_s * 2 * self.rate_hz)

        if self.ended is None and not self.is_rotating:
            assert heard_bytes == self.sent_bytes - self.sent_bytes % 2
        assert heard_bytes <= self.sent_bytes

    @invariant()
    def words_ascend_and_are_numbered(self) -> None:
        results = self.results()
        starts = [result.start_ms for result in results]

        assert starts == sorted(set(starts))
        assert [result.turn_seq_id for result in results] == list(
            range(len(results))
        )
        assert all(result.duration_ms >= 0 for result in results)
        assert all(
            result.text == "".join(word.word for word in result.words)
            for result in results
        )
        if results:
            assert results[0].start_ms >= self.frames()[0].timestamp_ms

    @invariant()
    def the_turn_is_closed_by_one_empty_result(self) -> None:
        closing = [
            (result.text, result.turn_status)
            for result in self.results()
            if result.turn_status is not TurnStatus.IN_PROGRESS
        ]
        if self.ended is None or not self.results():
            assert closing == []
            return
        status = (
            TurnStatus.END
            if self.ended is EndReason.REQUEST_END
            else TurnStatus.INTERRUPTED
        )
        assert closing == [("", status)]
        assert self.results()[-1].turn_status is status
        assert self.actions[-2] is self.results()[-1]

    @invariant()
    def joined_words_are_those_whose_audio_was_delivered(self) -> None:
        assert self.request.words_announced == len(self.announced)
        if self.with_words:
            spoken = "".join(result.text for result in self.results())
            assert spoken == " ".join(self.announced)
        else:
            assert self.results() == []

    @invariant()
    def the_unspoken_text_is_the_end_of_the_text(self) -> None:
        unspoken = self.request.undelivered_text().split()

        assert unspoken == self.text[len(self.text) - len(unspoken) :]
        assert self.request.script.word_count == len(self.text)

    def frames(self) -> list[Pcm]:
        return [a for a in self.actions if isinstance(a, Pcm)]

    def results(self) -> list[Words]:
        return [a for a in self.actions if isinstance(a, Words)]


class AdmissionMachine(RuleBasedStateMachine):
    """Late texts against the plain rule, with an unbounded memory."""

    MOST_REMEMBERED = 3
    ids = st.sampled_from("abcdef")

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission(self.MOST_REMEMBERED)
        self.running: str | None = None
        self.is_input_ended = False
        # Ids that ended complete, the last one last; the id cut short.
        self.complete: list[str] = []
        self.cut_short: tuple[str, bool] | None = None

    @rule(request_id=ids, is_speakable=st.booleans(), is_end=st.booleans())
    def text(self, request_id: str, is_speakable: bool, is_end: bool) -> None:
        if request_id == self.running:
            return

        verdict = self.admission.admit(
            Segment(request_id, "", is_speakable, is_end, {})
        )

        assert verdict is self.expected(request_id, is_speakable, is_end)
        if verdict is Verdict.NEW:
            self.running, self.is_input_ended = request_id, is_end

    def expected(
        self, request_id: str, is_speakable: bool, is_end: bool
    ) -> Verdict:
        cut_short, self.cut_short = self.cut_short, None
        if cut_short and cut_short[0] == request_id:
            if not is_end:
                self.cut_short = cut_short
                return Verdict.LATE
            self.remember(request_id)
            return Verdict.LATE_LAST if cut_short[1] else Verdict.LATE
        if request_id in self.complete and not is_speakable:
            return Verdict.LATE
        if request_id in self.complete:
            self.complete.remove(request_id)
        return Verdict.NEW

    @precondition(lambda self: self.running is not None)
    @rule(owes_end=st.booleans())
    def ended(self, owes_end: bool) -> None:
        assert self.running is not None
        request_id, self.running = self.running, None

        self.admission.ended(owes_end=owes_end)

        if self.is_input_ended:
            self.remember(request_id)
        else:
            self.cut_short = (request_id, owes_end)

    def remember(self, request_id: str) -> None:
        if request_id in self.complete:
            self.complete.remove(request_id)
        self.complete.append(request_id)
        del self.complete[: -self.MOST_REMEMBERED]

    @invariant()
    def its_memory_is_bounded(self) -> None:
        sizes = [
            len(memory)
            for memory in vars(self.admission).values()
            if isinstance(memory, Sized)
        ]

        assert sum(sizes) <= self.MOST_REMEMBERED + 1


TestAnyOrderOfCalls = RequestMachine.TestCase
TestAnyOrderOfTexts = AdmissionMachine.TestCase

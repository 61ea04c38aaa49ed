# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""pipecat's Gradium service, in a pipeline, as its users have it."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from client import VOICE_ID, Client, Speaking, Target
from loguru import logger
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.gradium.tts import GradiumTTSService

# Its debug lines would be measured, too, and nobody reads them.
logger.remove()


class Ear(FrameProcessor):
    """Stands where the speaker would be."""

    def __init__(self) -> None:
        super().__init__()
        self.speaking: Speaking | None = None
        self.started = asyncio.Event()
        self.interrupted = asyncio.Event()
        self._context: str | None = None
        self._old_contexts: set[str | None] = set()

    def listen_to(self, speaking: Speaking) -> None:
        """Hear a new request; what comes of older ones is not its."""
        self.speaking = speaking
        self._old_contexts.add(self._context)
        self._context = None

    async def process_frame(
        self, frame: Frame, direction: FrameDirection
    ) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()
        elif isinstance(frame, InterruptionFrame):
            self.interrupted.set()
        elif isinstance(
            frame, (TTSStartedFrame, TTSAudioRawFrame, TTSStoppedFrame)
        ):
            await self._hear(frame)
        await self.push_frame(frame, direction)

    async def _hear(self, frame: Frame) -> None:
        context = getattr(frame, "context_id", None)
        if self.speaking is None or context in self._old_contexts:
            return
        self._context = context
        if isinstance(frame, TTSAudioRawFrame):
            self.speaking.heard(len(frame.audio))
        elif isinstance(frame, TTSStoppedFrame):
            self.speaking.ended()
            # Without it the service takes no further text.
            await self.push_frame(
                BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM
            )


class Pipecat(Client):
    """A pipeline of the service and an ear."""

    async def open(self) -> None:
        service = GradiumTTSService(
            api_key=self.target.key,
            url=self.target.url,
            settings=GradiumTTSService.Settings(voice=VOICE_ID),
        )
        self._ear = Ear()
        self._task = PipelineTask(
            Pipeline([service, self._ear]),
            params=PipelineParams(audio_out_sample_rate=48_000),
            cancel_on_idle_timeout=False,
            idle_timeout_secs=None,
        )
        runner = PipelineRunner(handle_sigint=False)
        self._running = asyncio.create_task(runner.run(self._task))
        await self._ear.started.wait()

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        self._ear.listen_to(speaking)
        frames: list[Frame] = [TTSSpeakFrame(pieces[0])]
        if len(pieces) > 1:
            frames = [LLMTextFrame(piece) for piece in pieces]
            frames.insert(0, LLMFullResponseStartFrame())
            frames.append(LLMFullResponseEndFrame())
        await self._task.queue_frames(frames)
        return speaking

    async def interrupt(self) -> None:
        self._ear.interrupted.clear()
        await self._task.queue_frame(InterruptionFrame())
        await self._ear.interrupted.wait()
        if self._ear.speaking:
            self._ear.speaking.over.set()

    async def close(self) -> None:
        await self._task.cancel()
        await asyncio.wait({self._running})


def make(target: Target) -> Client:
    return Pipecat(target)


VERSION = f"pipecat-ai {version('pipecat-ai')}"

# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a newer base class adds: the connection's states, request metrics.

TEN's 0.7.41 has none of these. Names and parameters are known from extensions
that use them; what exactly is sent was not measured, and follows the event
that TEN's acceptance suite looks for. With TEN_HOST_BASE=0.8 they are here.
"""

from __future__ import annotations

import uuid
from typing import Any

from ten_runtime import AsyncTenEnv

from ._base_version import CHOSEN, VERSIONS
from .const import LOG_CATEGORY_VENDOR
from .message import ModuleErrorVendorInfo, ModuleType
from .tts2_events import TTSEvents

DATA_CONNECTION_STATUS = "connection_status_changed"
CONNECTING, CONNECTED, DISCONNECTED = "connecting", "connected", "disconnected"

NEWER = (
    "on_connecting",
    "on_connected",
    "on_disconnected",
    "vendor_metadata",
    "send_tts_request_metrics",
    "send_tts_request_final_marker",
)


class TTSConnection(TTSEvents):
    """The calls of `NEWER`; without TEN_HOST_BASE=0.8 they are absent."""

    ten_env: AsyncTenEnv
    _tts2_connection = DISCONNECTED

    def vendor_metadata(self) -> dict[str, Any]:
        """Return what every state tells of the vendor; never a secret."""
        return {}

    async def on_connecting(self) -> None:
        """A connection is being made."""
        await self._tts2_tell_connection(CONNECTING)

    async def on_connected(self) -> None:
        """It is made."""
        await self._tts2_tell_connection(CONNECTED)

    async def on_disconnected(
        self,
        code: int = 0,
        message: str = "",
        vendor_info: ModuleErrorVendorInfo | None = None,
    ) -> None:
        """It is gone, or could not be made."""
        await self._tts2_tell_connection(
            DISCONNECTED, code, message, vendor_info
        )

    async def send_tts_request_metrics(
        self, request_id: str, request_time_ms: int, request_text: str
    ) -> None:
        """Tell how long a request to the vendor took."""
        self.ten_env.log_debug(
            f"request {request_id}: {len(request_text)} characters,"
            f" {request_time_ms} ms",
            category=LOG_CATEGORY_VENDOR,
        )
        metrics = {"request_time": request_time_ms}
        await self._tts2_send_metrics(request_id, metrics, None)

    async def send_tts_request_final_marker(self) -> None:
        """Close the metrics of a request; here only a line of the log."""
        self.ten_env.log_debug("request is final", category=LOG_CATEGORY_VENDOR)

    async def _tts2_tell_connection(
        self,
        current: str,
        code: int = 0,
        message: str = "",
        vendor_info: ModuleErrorVendorInfo | None = None,
    ) -> None:
        last, self._tts2_connection = self._tts2_connection, current
        if last == current:
            return
        info = vendor_info or ModuleErrorVendorInfo(vendor=self.vendor())
        await self._tts2_send_json(
            DATA_CONNECTION_STATUS,
            {
                "id": uuid.uuid4().hex,
                "module": ModuleType.TTS.value,
                "vendor": self.vendor(),
                "current": current,
                "last": last,
                "code": code,
                "message": message,
                "vendor_info": info.model_dump(),
                "metadata": {"vendor_metadata": self.vendor_metadata()},
            },
        )


def missing_method(name: str) -> str | None:
    """Return the sentence for a call that only a newer base class has."""
    if name not in NEWER or CHOSEN == "0.8":
        return None
    return (
        f"ten_ai_base {VERSIONS[CHOSEN]} stand-in has no {name}"
        " (newer ones have it: TEN_HOST_BASE=0.8)"
    )


if CHOSEN == "0.7":
    for _name in NEWER:
        delattr(TTSConnection, _name)

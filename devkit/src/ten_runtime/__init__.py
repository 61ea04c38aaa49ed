# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A pure-Python stand-in for TEN's runtime, to run extensions and tests.

Where the real `ten_runtime` stands earlier on the path, it is the one that
is imported; the same tests run on both.
"""

from ._host.absent import MissingModules, module_getattr
from .addon import Addon, _AddonManager, register_addon_as_extension
from .app import App
from .async_extension import AsyncExtension
from .async_ten_env import AsyncTenEnv
from .async_test import AsyncExtensionTester, AsyncTenEnvTester
from .audio_frame import AudioFrame, AudioFrameDataFmt
from .cmd import Cmd
from .cmd_result import CmdResult, StatusCode
from .data import Data
from .error import TenError, TenErrorCode
from .extension import Extension
from .loc import Loc
from .log_level import LogLevel
from .log_option import DefaultLogOption, LogOption
from .send_options import SendOptions
from .start_graph_cmd import StartGraphCmd
from .stop_graph_cmd import StopGraphCmd
from .ten_env import TenEnv
from .test import ExtensionTester, TenEnvTester
from .trigger_life_cycle_cmd import TriggerLifeCycleCmd
from .value import Value, ValueType
from .video_frame import PixelFmt, VideoFrame

__all__ = [
    "Addon",
    "App",
    "AsyncExtension",
    "AsyncExtensionTester",
    "AsyncTenEnv",
    "AsyncTenEnvTester",
    "AudioFrame",
    "AudioFrameDataFmt",
    "Cmd",
    "CmdResult",
    "Data",
    "DefaultLogOption",
    "Extension",
    "ExtensionTester",
    "Loc",
    "LogLevel",
    "LogOption",
    "PixelFmt",
    "SendOptions",
    "StartGraphCmd",
    "StatusCode",
    "StopGraphCmd",
    "TenEnv",
    "TenEnvTester",
    "TenError",
    "TenErrorCode",
    "TriggerLifeCycleCmd",
    "Value",
    "ValueType",
    "VideoFrame",
    "_AddonManager",
    "register_addon_as_extension",
]

__getattr__ = module_getattr(__name__)
MissingModules(__name__).install()

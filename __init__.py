"""The TEN extension package `gradium_tts_python`."""

from . import addon as addon

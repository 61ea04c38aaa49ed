# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Names that TEN's modules agree on."""

LOG_CATEGORY_KEY_POINT = "key_point"
LOG_CATEGORY_VENDOR = "vendor"
LOG_CATEGORY_USAGE = "usage"

DATA_OUT_METRICS = "metrics"
AUDIO_FRAME_OUTPUT_NAME = "pcm_frame"

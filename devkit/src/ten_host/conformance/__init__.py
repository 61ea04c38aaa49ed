# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What TEN expects of every text-to-speech extension, as tests.

    pytest --pyargs ten_host.conformance --ten-addon my_tts --ten-config DIR

`DIR` has the settings of TEN's own acceptance suite: `property_NAME.json`,
where NAME is `basic_audio_setting1`, `basic_audio_setting2` (at another
sample rate), `dump`, `miss_required`, `invalid` (a wrong credential) and
`subtitle_alignment`; what needs a file that is not there is skipped, with its
name. The vendor is the one that they name, or that of `--ten-vendor`; it has
to pace its audio like speech, or there is nothing left to interrupt.

A scenario is a tester in TEN's single mode that decides in its callbacks what
to send and when to stop; so the tests run on TEN's own runtime, too.
"""

# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A voice agent without an account: a graph of local extensions.

    user ──asr_result──► main_control ──tts_text_input, tts_flush──► tts
     ▲                      │    ▲                                    │
     │              llm_request  llm_text              pcm_frame, tts_audio_*
     └──heard── sink        ▼    │                                    │
                  ▲          llm ┘                                    │
                  └───────────────────────────────────────────────────┘

The user is a script or the console, the LLM a script or any endpoint that
speaks OpenAI's protocol, the control does what TEN's main control does, the
tts is the extension under development.
"""

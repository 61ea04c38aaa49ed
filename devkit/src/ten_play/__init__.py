# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A page on this machine that speaks with the extension.

    page ◄── websocket ──► visit ──► stage: the extension, on its host
                                       └── the line (a fault proxy) ── vendor

A page that is open has a stage of its own, so that two of them disturb each
other in nothing. The vendor is the local server, or Gradium with a key.
"""

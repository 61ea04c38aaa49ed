# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Registers the add-on with TEN (ten-runtime looks it up by this name)."""

from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .wire.library import check_library

# First of all, so that an old library is not told as a module that is missing.
check_library()


@register_addon_as_extension("gradium_tts_python")
class GradiumTTSExtensionAddon(Addon):
    """Creates one extension for each node of a graph."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: object
    ) -> None:
        """Build the extension; called on a runtime thread without a loop."""
        # Imported here so that a missing dependency fails this node with its
        # own message, not every add-on of the app.
        from .extension import GradiumTTSExtension

        ten_env.on_create_instance_done(GradiumTTSExtension(name), context)

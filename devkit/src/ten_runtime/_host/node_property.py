# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The property of a node at its start: merged, resolved, validated."""

from __future__ import annotations

import os
from pathlib import Path

from .manifest import Schema
from .placeholders import PlaceholderProblem, resolve
from .property_tree import Json, merge, parse_json
from .schema import adjust, problem_with


class PropertyProblem(Exception):
    """A property on which native TEN ends the process."""


def read_package_property(base_dir: Path) -> dict[str, Json]:
    """property.json of the add-on's folder, `{}` when there is none."""
    file = base_dir / "property.json"
    if not file.is_file():
        return {}
    value, error = parse_json(file.read_text("utf-8"))
    if error is not None or not isinstance(value, dict):
        raise PropertyProblem(f"{file.name}: {error or 'not an object'}")
    return value


def build_property(
    package: dict[str, Json], node: dict[str, Json], schema: Schema
) -> tuple[dict[str, Json], str | None]:
    """Merge, resolve placeholders, adjust and validate.

    Args:
        package: property.json, or what `on_configure` set in its place.
        node: the property of the graph's node; wins over `package`.
        schema: the declared types.

    Returns:
        The tree and, where one is due, a warning.

    Raises:
        PropertyProblem: where native TEN ends the process.
    """
    tree = merge(package, node)
    try:
        warning = resolve(tree, os.environ)
    except PlaceholderProblem as problem:
        raise PropertyProblem(str(problem)) from None
    declaration = {"type": "object", "properties": schema.properties}
    adjust(tree, declaration)
    if problem_text := problem_with(tree, declaration):
        raise PropertyProblem(
            f"property {problem_text} (declared in manifest.json; TEN aborts "
            "the process before on_init)"
        )
    return tree, warning

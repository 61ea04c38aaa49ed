# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Reads manifest.json and flattens its api with the imported interfaces."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .property_tree import parse_json
from .ten_files import problem_with_interface, problem_with_manifest

SECTIONS = tuple(
    f"{kind}_{direction}"
    for kind in ("cmd", "data", "audio_frame", "video_frame")
    for direction in ("in", "out")
)


class ManifestProblem(Exception):
    """The manifest cannot be used; TEN then enforces no schema at all."""


@dataclass
class Schema:
    """The flattened api: a type node per property and message."""

    properties: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {section: {} for section in SECTIONS}
    )
    results: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"cmd_in": {}, "cmd_out": {}}
    )


def load_schema(base_dir: Path) -> Schema:
    """Return the schema of the add-on in `base_dir`; empty without a manifest.

    Raises:
        ManifestProblem: unreadable files or contradicting declarations.
    """
    schema = Schema()
    manifest = base_dir / "manifest.json"
    if manifest.is_file():
        document = _read(manifest)
        if (reason := problem_with_manifest(document)) is not None:
            raise ManifestProblem(f"{manifest.name}: {reason}")
        _add_api(schema, document.get("api") or {}, base_dir)
    return schema


def _add_api(schema: Schema, api: dict[str, Any], folder: Path) -> None:
    _add(schema.properties, _members(api.get("property")), "property")
    for section in SECTIONS:
        for entry in api.get(section) or []:
            message = {entry["name"]: _object(entry.get("property"))}
            _add(schema.messages[section], message, section)
            if "result" in entry and section in schema.results:
                result = {entry["name"]: _object(entry["result"]["property"])}
                _add(schema.results[section], result, section)
    for imported in api.get("interface") or []:
        file = _interface_file(folder, imported["import_uri"])
        document = _read(file)
        if (reason := problem_with_interface(document)) is not None:
            raise ManifestProblem(f"{file.name}: {reason}")
        _add_api(schema, document, file.parent)


def _members(declaration: Any) -> dict[str, Any]:
    """Return the declared properties; what else is required gets lost."""
    return dict((declaration or {}).get("properties") or {})


def _object(declaration: Any) -> dict[str, Any]:
    """Return the content of a message as a type of its own."""
    required = (declaration or {}).get("required") or []
    return {
        "type": "object",
        "properties": _members(declaration),
        "required": required,
    }


def _add(known: dict[str, Any], new: dict[str, Any], where: str) -> None:
    for name, node in new.items():
        if name in known and _bare(known[name]) != _bare(node):
            raise ManifestProblem(f"{where} {name} is declared twice")
        known[name] = node


def _bare(node: Any) -> Any:
    """Return a declaration without its prose."""
    if isinstance(node, dict):
        return {k: _bare(v) for k, v in node.items() if k != "description"}
    return [_bare(item) for item in node] if isinstance(node, list) else node


def _interface_file(folder: Path, uri: str) -> Path:
    """Return the imported file; the kit's own without a TEN tree.

    `…/system/<package>/<rest>` is then taken from the importable `<package>`.
    """
    file = folder / uri.removeprefix("file://")
    if file.is_file():
        return file
    parts = Path(uri).parts
    if "system" in parts[:-2]:
        package, *rest = parts[parts.index("system") + 1 :]
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or []:
            if (candidate := Path(location, *rest)).is_file():
                return candidate
    raise ManifestProblem(f"interface {uri} is not there")


def _read(file: Path) -> dict[str, Any]:
    try:
        document, error = parse_json(file.read_text("utf-8"))
    except OSError as problem:
        raise ManifestProblem(f"{file.name}: {problem}") from problem
    if error is not None or not isinstance(document, dict):
        raise ManifestProblem(f"{file.name}: {error or 'not an object'}")
    return document

# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The catalogue of voices (protocol section 8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CatalogueVoice:
    """A voice that the service offers.

    Attributes:
        voice_id: the id that `setup` names.
        name: its name in the catalogue.
        language: language tag.
        espeak_voice: what the `espeak` voice speaks it with.
    """

    voice_id: str
    name: str
    language: str
    espeak_voice: str


DEFAULT_VOICE_ID = "YTpq7expH9539ERJ"
"""Who speaks when `setup` names no voice."""

CATALOGUE: tuple[CatalogueVoice, ...] = tuple(
    CatalogueVoice(*row)
    for row in (
        ("YTpq7expH9539ERJ", "Emma", "en-US", "en-us+f2"),
        ("LFZvm12tW_z0xfGo", "Kent", "en-US", "en-us+m3"),
        ("jtEKaLYNn6iif5PR", "Sydney", "en-US", "en-us+f4"),
        ("KWJiFWu2O9nMPYcR", "John", "en-US", "en-us+m1"),
        ("Eu9iL_CYe8N-Gkx_", "Tiffany", "en-US", "en-us+f3"),
        ("2H4HY2CBNyJHBCrP", "Christina", "en-US", "en-us+f1"),
        ("4SZHfMpw-p46Ywgs", "Harper", "en-US", "en-us+f5"),
        ("4rdlkbxRv4m3UQTW", "Tilly", "en-US", "en-us+f4"),
        ("Bla6SbVMczYnOhfK", "Marlowe", "en-US", "en-us+m7"),
        ("ubuXFxVQwVYnZQhy", "Eva", "en-GB", "en-gb-x-rp+f2"),
        ("m86j6D7UZpGzHsNu", "Jack", "en-GB", "en-gb-x-rp+m3"),
        ("b35yykvVppLXyw_l", "Elise", "fr-FR", "fr+f2"),
        ("axlOaUiFyOZhy4nv", "Leo", "fr-FR", "fr+m3"),
        ("YhIHaAfQ0cQPDV9R", "Solène", "fr-FR", "fr+f4"),
        ("iEu63s1rhn_kegTr", "Gaspard", "fr-FR", "fr+m1"),
        ("zIGaffB0kKEBG_8u", "Claire", "fr-FR", "fr+f3"),
        ("-uP9MuGtBqAvEyxI", "Mia", "de-DE", "de+f2"),
        ("0y1VZjPabOBU3rWy", "Maximilian", "de-DE", "de+m3"),
        ("B36pbz5_UoWn4BDl", "Valentina", "es-ES", "es+f2"),
        ("xu7iJ_fn2ElcWp2s", "Sergio", "es-ES", "es+m3"),
        ("VDwnGxAo68C8U8vC", "Ximena", "es-MX", "es-419+f4"),
        ("pYcGZz9VOo4n2ynh", "Alice", "pt-BR", "pt-br+f2"),
        ("M-FvVo9c-jGR4PgP", "Davi", "pt-BR", "pt-br+m3"),
        ("_6Aslh2DxfmnRLmP", "House voice A", "en-US", "en-us+f2"),
        ("cLONiZ4hQ8VpQ4Sz", "House voice B", "en-US", "en-us+m3"),
    )
)

_ID_BY_NAME = {voice.name: voice.voice_id for voice in CATALOGUE}
_BY_ID = {voice.voice_id: voice for voice in CATALOGUE}


def id_of(name: str) -> str | None:
    """Return the id of the voice of this name; `None` if there is none."""
    return _ID_BY_NAME.get(name)


def is_known(voice_id: str) -> bool:
    """Return whether the catalogue has this id."""
    return voice_id in _BY_ID


def espeak_voice(voice_id: str) -> str:
    """Return what speaks for this id; unknown ones sound like the default."""
    return _BY_ID.get(voice_id, _BY_ID[DEFAULT_VOICE_ID]).espeak_voice

# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts to try, and a conversation to listen to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A text to try, with the voice that suits it; "" is the present one."""

    title: str
    text: str
    voice: str = ""


SAMPLES = (
    Sample(
        "A long answer",
        "Sure, here is how a lighthouse works. At the top stands a lamp, and"
        " around the lamp turns a lens as tall as a person. The lens bends the"
        " light into a few narrow beams, which sweep over the water like the"
        " spokes of a wheel. A ship sees a flash whenever a beam passes, and"
        " by counting the seconds between two flashes the captain knows which"
        " lighthouse it is. Some of them can be seen from forty kilometres"
        " away, on a clear night.",
    ),
    Sample(
        "Prices, times and addresses",
        "Your order comes to $1,234.50, which is 12.5% less than last year."
        " It leaves at 10:30 a.m. and arrives by 5 p.m. on 3.12.2026. You can"
        " follow it at www.example.com/orders, or write to"
        " help@example.com and name the number 48-1107.",
    ),
    Sample(
        "Markdown, as a model writes it",
        "## Three steps\n\n1. **Open** the box.\n2. Read the *short* manual."
        "\n3. Press `start`, and wait for the green light.\n\nThat is"
        " all! 🎉",
    ),
    Sample(
        "Français",
        "Bonjour ! Le train pour Lyon part à dix heures trente, voie quatre."
        " Le voyage dure deux heures, et la vue sur les montagnes est très"
        " belle.",
        "Elise",
    ),
    Sample(
        "Deutsch",
        "Guten Tag! Der Zug nach Köln fährt heute von Gleis sieben, mit zehn"
        " Minuten Verspätung. Im letzten Wagen gibt es noch freie Plätze.",
        "Maximilian",
    ),
    Sample(
        "Español",
        "¡Hola! La tienda abre a las nueve y cierra a las ocho de la tarde."
        " Los domingos, el mercado de la plaza tiene la mejor fruta.",
        "Valentina",
    ),
    Sample(
        "Português",
        "Olá! O museu fica a cinco minutos da estação, ao lado do rio. Às"
        " quintas a entrada é livre, e há música no jardim.",
        "Alice",
    ),
)


@dataclass(frozen=True)
class Turn:
    """What a user says, and what the agent answers.

    Attributes:
        stays_for_s: the user speaks again once so much of the answer was
            heard; 0 is when it is over.
    """

    user: str
    reply: str
    stays_for_s: float = 0.0


CONVERSATION = (
    Turn(
        "Hi! Can you help me plan a weekend?",
        "With pleasure! Do you like the sea, or rather the mountains? I know a"
        " quiet village on the coast, with a harbour, two good bakeries and a"
        " path along the cliffs that",
        2.5,
    ),
    Turn(
        "The mountains, please.",
        "Then take the train at 8:15 to the valley, it is $24.50 one way. From"
        " there a cable car goes up every twenty minutes, and at the top you"
        " can walk around the lake in about two",
        2.5,
    ),
    Turn(
        "Wait, how much was the train?",
        "It is $24.50 one way, and $41 both ways.",
    ),
    Turn(
        "Great, thank you.",
        "You are welcome. Have a good trip!",
    ),
)

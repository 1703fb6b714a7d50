"""The story as data: which atoms there are, who made them, what is told, how they hang together."""

# ruff: noqa: E501
# Tables of prose read better with one atom in one place than folded at a column.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sample import (
    shots_home,
    shots_lamproom,
    shots_market,
    shots_pier,
    shots_relay,
    shots_rock,
    shots_sea,
)
from sample.film import Shot

NAMES = {"p-mei": "Mei", "p-bo": "Bo", "p-theo": "Theo", "p-noor": "Noor", "p-ada": "Ada"}


@dataclass(frozen=True)
class Atom:
    """What the graph says of one atom; times and boxes come from its shot."""

    film: Callable[[], Shot]
    author: str
    title: str
    prompt: str
    tags: tuple[str, ...]
    place: str
    time_of_day: str
    hook: str
    beat: str
    button: str
    facts: dict[str, dict[str, str]]
    trim: tuple[str, str] | None = None
    rating: str = "all"


LANTERN = {"holds": "lantern"}

ATOMS: dict[str, Atom] = {
    "a1": Atom(shots_pier.a1, "p-mei", "The light is out", "Dawn on an old pier. A girl in a yellow raincoat walks out, greets a gull, and sees that the lighthouse across the bay is dark.",
               ("calm", "dawn", "opening"), "pier", "dawn", "A small yellow coat on an empty pier", "Grandma's lighthouse is dark", "The gull has no answer", {"world": {"lighthouse": "dark"}}),
    "a2": Atom(shots_pier.a2, "p-mei", "On the line", "Medium shot on the pier. Mei pulls a heavy line; a brass lantern comes up out of the water.",
               ("mystery", "dawn"), "pier", "dawn", "Something heavy is on the line", "It is Grandma's lantern", "The gull leans in to look", {"mei": {"holds": "lantern"}, "world": {"lantern": "unlit"}}),
    "a3": Atom(shots_pier.a3, "p-bo", "Oil and soup", "Morning on the pier. Bo, a big man with a red beard and a blue jersey, comes along with a coil of rope and agrees to help.",
               ("warm", "friends"), "pier", "morning", "A very big man asks a small question", "Mei wants to cross the bay", "Oil first. And soup", {"mei": LANTERN, "bo": {"holds": "rope"}}),
    "a4": Atom(shots_market.a4, "p-bo", "Follow the smell", "A sunny market street with striped awnings. Bo leads, Mei follows, a gull goes shopping.",
               ("funny", "market"), "market", "day", "Bo follows his nose", "Wrong smell: it is fish", "The gull takes one without paying", {"mei": LANTERN, "bo": {"holds": "rope"}}),
    "a5": Atom(shots_market.a5, "p-theo", "Not one word", "Close on Bo with the copper oil can; a gull lands on his cap.",
               ("funny", "close-up"), "market", "day", "Bo lifts a copper can", "His father filled the lamp with this", "A gull sits down on his cap", {"bo": {"holds": "oil can"}}),
    "a6": Atom(shots_sea.a6, "p-bo", "Heave and ho", "Afternoon at sea. Bo rows and sings, Mei points at the lighthouse, a bank of fog comes up.",
               ("adventure", "sea"), "sea", "afternoon", "A song sets out", "The lighthouse is in sight", "So is the fog", {"world": {"weather": "fog rising"}}),
    "a7": Atom(shots_sea.a7, "p-ada", "Listen", "Dusk in the fog. Nobody sees anything; then a bell rings.",
               ("tense", "sea"), "sea", "dusk", "No shore anywhere", "Stop looking; listen", "A bell, over there", {"mei": LANTERN, "world": {"weather": "fog"}}),
    "a8": Atom(shots_rock.a8, "p-ada", "You didn't say goodnight", "Dusk at the lighthouse. Ines rings a hand bell at the door; Mei comes up the rock.",
               ("warm", "reunion"), "lighthouse", "dusk", "Who rings the bell?", "You didn't say goodnight", "Come up, come up", {"mei": LANTERN, "ines": {"holds": "bell"}}, trim=("0", "10")),
    "a9": Atom(shots_lamproom.a9, "p-mei", "Very good knees", "Night in the lamp room by candle light, beside the great dark lens. Ines explains, Mei shows the oil can.",
               ("warm", "night"), "lamproom", "night", "The great lamp is cold", "Oil, and very good knees", "Let us wake her up", {"mei": {"holds": "oil can"}, "world": {"lantern": "unlit"}}),
    "a10": Atom(shots_lamproom.a10, "p-mei", "Say it first", "Close on Mei and Ines in the dark; the lantern catches and both faces turn gold.",
                ("tender", "close-up", "night"), "lamproom", "night", "Shall I light it?", "Goodnight, everyone", "The dark goes away", {"mei": LANTERN, "world": {"lantern": "lit"}}),
    "a11": Atom(shots_rock.a11, "p-theo", "There she is", "Night. The beam sweeps over the sea, boats come home, Bo waves from the rock.",
                ("wonder", "night"), "lighthouse", "night", "A flicker at the top of the tower", "The beam sweeps the whole bay", "Goodnight, Ines", {"bo": LANTERN, "world": {"lighthouse": "lit"}}),
    "a12": Atom(shots_home.a12, "p-bo", "The cap", "Night on the pier with lanterns. Soup is discussed; a gull takes Bo's cap.",
                ("funny", "ending", "night"), "pier", "night", "Where is my soup?", "Something white comes out of the dark", "Bo is bald", {"bo": LANTERN, "world": {"lighthouse": "lit"}}),
    "b12": Atom(shots_home.b12, "p-noor", "The wind", "Another ending. Mei and Bo on the night pier; the far light blinks twice.",
                ("tender", "ending", "night"), "pier", "night", "Goodnight, Grandma", "The light blinks twice", "It is only the wind", {"mei": LANTERN, "world": {"lighthouse": "lit"}}),
    "r1": Atom(shots_pier.r1, "p-theo", "A party to shine", "The meeting on the pier again, in other clothes: a teal coat, a striped jersey.",
               ("warm", "remix"), "pier", "morning", "That is a fine old lamp", "It needs a party to shine", "To the market, ho", {"mei": LANTERN, "bo": {"holds": "rope"}}),
    "r2": Atom(shots_relay.r2, "p-noor", "One, two, and hop", "Dusk in the market street under lamps and bunting. Mei and Bo dance to a concertina.",
               ("dance", "funny", "music"), "market", "dusk", "One, two, and hop", "You hop like a whale", "Whales hop very well", {"world": {"lamps": "lit"}}),
    "r3": Atom(shots_relay.r3, "p-ada", "The last dance", "The same dance late at night, slower, in other clothes, without a sound.",
               ("dance", "calm", "remix", "night"), "market", "night", "The street has gone quiet", "They dance on", "The gull comes home too", {"world": {"lighthouse": "lit"}}),
}  # fmt: skip

TAKES: dict[str, tuple[str, Callable[[], Shot], str]] = {
    "a7": (
        "a7-take2",
        partial(shots_sea.a7, second=True),
        "darker by 38 %, and the picture stands still from 4.2 s to 4.8 s",
    ),
}

Joint = dict[str, str]
CONTINUATIONS: list[tuple[str, str, Joint | None]] = [
    ("a1", "a2", None),
    ("a2", "a3", {"kind": "fade", "seconds": "4/5"}),
    ("a3", "a4", {"kind": "crossfade", "seconds": "2/5"}),
    ("a3", "a6", None),
    ("a4", "a5", {"kind": "cut"}),
    ("a5", "a6", None),
    ("a6", "a7", {"kind": "crossfade", "seconds": "2/5"}),
    ("a7", "a8", None),
    ("a8", "a9", {"kind": "fade", "seconds": "4/5"}),
    ("a9", "a10", {"kind": "cut"}),
    ("a10", "a11", None),
    ("a11", "a12", None),
    ("a11", "b12", {"kind": "crossfade", "seconds": "2/5"}),
    ("r1", "r2", None),
]
REMIXES: list[tuple[str, str, list[str]]] = [
    ("a3", "r1", ["wardrobe", "dialogue"]),
    ("a12", "b12", ["ending"]),
    ("r2", "r3", ["wardrobe", "time_of_day", "ending"]),
]

SERIES: list[dict[str, Any]] = [
    {"id": "harbor", "title": "Harbor", "episodes": [
        {"id": "e1", "title": "Low tide", "start": "a1", "chapters": [
            {"title": "Dawn", "at": "a1"}, {"title": "The big man", "at": "a3", "card": "chapter"}, {"title": "Market", "at": "a4"}]},
        {"id": "e2", "title": "The crossing", "start": "a6", "chapters": [
            {"title": "Heave and ho", "at": "a6", "card": "chapter"}, {"title": "The rock", "at": "a8"}]},
        {"id": "e3", "title": "The light", "start": "a9", "chapters": [
            {"title": "The dark lamp", "at": "a9", "card": "chapter"}, {"title": "Home", "at": "a11"}]},
    ]},
]  # fmt: skip

CHARACTERS: dict[str, dict[str, Any]] = {
    "mei": {
        "name": "Mei",
        "person": "p-mei",
        "facts": {"hair": "black bob", "coat": "yellow", "boots": "red"},
    },
    "bo": {
        "name": "Bo",
        "person": "p-bo",
        "facts": {"hair": "red beard", "jersey": "blue", "cap": "navy"},
    },
    "ines": {
        "name": "Ines",
        "person": "p-ines",
        "facts": {"hair": "white", "coat": "plum", "scarf": "green", "glasses": "round"},
    },
}
PLACES = {
    "pier": {"name": "The old pier"},
    "market": {"name": "Market street"},
    "sea": {"name": "The bay"},
    "lighthouse": {"name": "The lighthouse rock"},
    "lamproom": {"name": "The lamp room"},
}

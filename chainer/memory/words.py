"""What is remembered in plain English, for people and for prompts.

`Mei, yellow coat, left of frame, facing right, holds a rope; dusk, pier`. Only what was declared
is said of clothes and deeds; what was seen is said where nothing is declared, and of places in
the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from chainer.memory.colours import palette_words
from chainer.memory.state import (
    CharacterState,
    Fact,
    MemoryState,
    Presence,
    Source,
    WorldState,
)

WORLD = "world"
"""The subject of facts about the world."""

FACING_FROM = 0.12
"""The turn of a head (0 to 1) from which on it faces a side."""

Value = str | bool | int | None
"""What a fact may say."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GARMENTS = _set(
    "apron armour bandana belt blazer blouse boots bow bracelet cape cap cardigan cloak coat "
    "collar crown dress dungarees earrings glasses gloves gown hat headscarf helmet hood hoodie "
    "jacket jeans jersey jumper kimono mask necklace overalls pants parka poncho pullover raincoat "
    "ring robe sandals sari scarf shawl shirt shoes shorts skirt sneakers socks suit sunglasses "
    "sweater t-shirt tie top trousers tunic uniform veil vest waistcoat"
)
_OUTFITS = _set("clothes clothing costume outfit wardrobe")
_BODY = _set("beard ears eyes face feathers fur hair horns moustache scar skin tail")
_TAKING = _set(
    "carries catches draws drags drinks drives drops eats grips has hides holds keeps lifts opens "
    "plays pulls pushes reads rides shows throws uses wears "
    "carrying dragging drawing drinking driving dropping eating gripping having hiding holding "
    "lifting opening playing pulling pushing reading riding showing throwing using wearing"
)
_NOTHING = _set("carries has holds wears carrying holding wearing")
_PLACES = _set("at behind beside in inside near on under")
_PLAIN = _set("action condition doing is light lighting pose posture role season species weather")
_DETERMINERS = _set(
    "a an the his her their its my our your no some any both all many several one two three four "
    "five six seven eight nine ten this that these those another each every nothing something "
    "nobody somebody"
)
_MASS = _set(
    "air blood bread cash clay coal dust fire food fruit gold hay ice luggage meat milk money mud "
    "paper rice salt sand silk smoke snow string tea water wine wood wool"
)
_SILENT_H = ("heir", "honest", "honour", "hour")
_SPOKEN_YOU = ("eu", "one", "uni", "use", "usu")


class _Rank(IntEnum):
    """Where in the line a phrase stands."""

    CLOTHES = 0
    BODY = 1
    WHERE = 2
    FACING = 3
    DEED = 4
    REST = 5


def where(box: tuple[float, float, float, float]) -> str:
    """`left of frame`, `centre` or `right of frame`, by the middle of the box."""
    middle = box[0] + box[2] / 2
    if middle < 0.4:
        return "left of frame"
    return "right of frame" if middle > 0.6 else "centre"


def shot_size(box: tuple[float, float, float, float]) -> str:
    """`close-up`, `medium`, `full figure` or `distant`, by the height of the box."""
    height = box[3]
    if height >= 0.85:
        return "close-up"
    if height >= 0.55:
        return "medium"
    return "full figure" if height >= 0.25 else "distant"


def facing(yaw: float | None) -> str:
    """`facing left`, `facing right` or `facing the camera`; empty where nobody knows."""
    if yaw is None:
        return ""
    if abs(yaw) < FACING_FROM:
        return "facing the camera"
    return "facing left" if yaw < 0 else "facing right"


def character_text(character: CharacterState, facts: Iterable[Fact] = ()) -> str:
    """`Mei, yellow coat, left of frame, facing right, holds a rope`.

    `facts` may speak of others too: those are passed over.
    """
    return ", ".join([character.name or character.id, *character_phrases(character, facts)])


def character_phrases(character: CharacterState, facts: Iterable[Fact] = ()) -> list[str]:
    """What `character_text` says after the name."""
    said = [
        (rank, text)
        for fact in facts
        if fact.subject == character.id and fact.source is Source.DECLARED
        for rank, text in [_phrase(fact.key, fact.value)]
        if text
    ]
    ranks = {rank for rank, _ in said}
    if _Rank.CLOTHES not in ranks and (colours := palette_words(character.palette)):
        verb = "probably wears" if character.prior else "wears"
        said.append((_Rank.CLOTHES, f"{verb} {colours}"))
    if character.presence is Presence.ABSENT:
        said = [(rank, text) for rank, text in said if rank not in (_Rank.WHERE, _Rank.FACING)]
        said.append((_Rank.WHERE, "out of frame"))
    else:
        if _Rank.WHERE not in ranks and character.box is not None:
            said.append((_Rank.WHERE, where(character.box)))
        if _Rank.FACING not in ranks and (turned := facing(character.yaw)):
            said.append((_Rank.FACING, turned))
    return [text for _, text in sorted(said, key=lambda item: item[0])]


def world_text(
    world: WorldState,
    facts: Iterable[Fact] = (),
    place_names: Mapping[str, str] | None = None,
) -> str:
    """`dusk, pier`; empty where nothing of time, place or weather is known."""
    place = (place_names or {}).get(world.place, world.place)
    parts = [world.time_of_day, place]
    for fact in facts:
        if fact.subject != WORLD or fact.source is not Source.DECLARED:
            continue
        if fact.key in ("time_of_day", "place"):
            continue  # the world's own fields
        parts.append(_phrase(fact.key, fact.value)[1])
    return ", ".join(part for part in parts if part)


def state_text(state: MemoryState, place_names: Mapping[str, str] | None = None) -> str:
    """All of it on one line: who is in the picture, then who is not, then the world."""
    texts = [character_text(one, state.facts) for one in in_order(state)]
    texts.append(world_text(state.world, state.facts, place_names))
    return "; ".join(text for text in texts if text)


def in_order(state: MemoryState) -> list[CharacterState]:
    """The characters: those in the last picture first, those out of it last."""
    order = (Presence.PRESENT, Presence.UNSURE, Presence.ABSENT)
    return sorted(state.characters, key=lambda one: order.index(one.presence))


def fact_text(key: str, value: Value) -> str:
    """One declared fact: `yellow coat`, `holds a rope`, `mood: sad`; empty for None."""
    return _phrase(key, value)[1]


def _phrase(key: str, value: Value) -> tuple[_Rank, str]:
    """A fact as a phrase, and where it stands in the line."""
    spoken = " ".join(key.replace("_", " ").split())
    last = spoken.rpartition(" ")[2].lower()
    if value is None or value == "":
        return _Rank.REST, ""  # it no longer holds
    if last in _OUTFITS and isinstance(value, str):
        return _Rank.CLOTHES, f"wears {_with_article(value)}"
    if last in _GARMENTS or last in _BODY:
        rank = _Rank.CLOTHES if last in _GARMENTS else _Rank.BODY
        return rank, _thing(spoken, value)
    if last in ("facing", "looking", "looks"):
        return _Rank.FACING, f"{spoken} {value}" if isinstance(value, str) else ""
    if last in ("position", "standing") and isinstance(value, str):
        return _Rank.WHERE, value if last == "position" else f"{spoken} {value}"
    if last in _TAKING:
        rank = _Rank.CLOTHES if last in ("wears", "wearing") else _Rank.DEED
        return rank, _deed(spoken, last, value)
    return _Rank.REST, _remark(spoken, value)


def _thing(spoken: str, value: Value) -> str:
    """Something worn or grown: `yellow coat`, `no hat`."""
    if isinstance(value, bool):
        return f"with {_with_article(spoken)}" if value else f"no {spoken}"
    if isinstance(value, int):
        return f"{spoken}: {value}"
    text = str(value)
    return text if spoken.lower() in text.lower() else f"{text} {spoken}"


def _deed(spoken: str, verb: str, value: Value) -> str:
    """Something done to a thing: `holds a rope`, `carries nothing`."""
    if isinstance(value, bool):
        if value:
            return f"{spoken} something"
        return f"{spoken} nothing" if verb in _NOTHING else f"no longer {spoken}"
    return f"{spoken} {_with_article(value) if isinstance(value, str) else value}"


def _remark(spoken: str, value: Value) -> str:
    """Anything else: `wet`, `not wet`, `in the boat`, `mood: sad`."""
    word = spoken.lower()
    if isinstance(value, bool):
        return spoken if value else f"not {spoken}"
    if not isinstance(value, str):
        return f"{value} years old" if word == "age" else f"{spoken}: {value}"
    if word in _PLAIN:
        return value
    if word in _PLACES:
        return f"{spoken} {_with_article(value, 'the')}"
    if word == "with":
        return f"with {_with_article(value)}"
    if word.endswith("ing"):
        return f"{spoken} {value}"
    return f"{spoken}: {value}"


def _with_article(text: str, article: str = "") -> str:
    """`a rope`, `an oar`, `gloves`, `the rope`, `Kai`: an article where English wants one."""
    text = text.strip()
    first = text.partition(" ")[0].lower()
    head = first
    for word in text.lower().split():
        if word in ("of", "with", "in", "on", "from", "for", "and", "to"):
            break
        head = word
    plain = text[:1].isascii() and text[:1].islower()
    if not plain or first in _DETERMINERS:
        return text
    if article:
        return f"{article} {text}"
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is"))
    if plural or head in _MASS:
        return text
    vowel = first.startswith(("a", "e", "i", "o", "u")) and not first.startswith(_SPOKEN_YOU)
    return f"{'an' if vowel or first.startswith(_SILENT_H) else 'a'} {text}"

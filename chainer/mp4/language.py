"""Languages as MP4 writes them: a BCP 47 tag as three letters of ISO 639-2, packed into 16 bits."""

from __future__ import annotations

UNDETERMINED = "und"

_PAIRS = (
    "aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel "
    "bgbul bhbih bibis bmbam bnben bobod brbre bsbos cacat ceche chcha cocos crcre csces "
    "cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng eoepo esspa etest eueus "
    "fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau "
    "heheb hihin hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk "
    "ioido isisl itita iuiku jajpn jvjav kakat kgkon kikik kjkua kkkaz klkal kmkhm knkan "
    "kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin lolao ltlit "
    "lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob "
    "ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs "
    "papan pipli plpol pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd "
    "sesme sgsag sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe "
    "swswa tatam tetel tgtgk ththa titir tktuk tltgl tntsn toton trtur tstso tttat twtwi "
    "tytah uguig ukukr ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor zazha "
    "zhzho zuzul "
)
_THREE = {pair[:2]: pair[2:] for pair in _PAIRS.split()}
"""ISO 639-1 to ISO 639-2/T, whole."""


def three_letters(tag: str) -> str:
    """The three letters for the first part of a BCP 47 tag; `und` where it has none.

    A part of three letters is taken as it is: BCP 47 uses those of ISO 639-3, of which players
    know those that are also in ISO 639-2.
    """
    first = tag.split("-", maxsplit=1)[0].lower()
    if len(first) == 3 and first.isascii() and first.isalpha():
        return first
    return _THREE.get(first, UNDETERMINED)


def pack_language(letters: str) -> int:
    """Three small letters as the `mdhd` box has them: five bits each, `a` is 1."""
    first, second, third = (ord(letter) - 0x60 for letter in letters)
    return first << 10 | second << 5 | third


def unpack_language(packed: int) -> str:
    """The three letters behind `packed`; `und` where it holds none, as in old QuickTime files."""
    letters = [packed >> shift & 31 for shift in (10, 5, 0)]
    if packed >= 1 << 15 or not all(1 <= letter <= 26 for letter in letters):
        return UNDETERMINED
    return "".join(chr(0x60 + letter) for letter in letters)

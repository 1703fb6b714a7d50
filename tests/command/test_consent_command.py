"""The commands of consent as a user meets them: what they do, say, and return."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chainer.cli import main, run
from chainer.consent.blocklist import BlockPolicy
from tests.command.consenting import ADA, BO, FAST, MEI, Home
from tests.media.test_shared_media import BAD, MEDIA, rows
from tests.provenance.pki import HOUR, Authority, secret

Words = list[str | Path]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the finished pieces of both chains, and nothing that anybody said."""
    home = Home(tmp_path_factory.mktemp("pieces"))
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.compose("long")
    home.compose("short", "--path", "c1,c4")
    for left in (*home.store.glob("episodes.sqlite*"), home.store / "notices.jsonl"):
        left.unlink(missing_ok=True)
    return home.store


def furnished(folder: Path, pieces: Path) -> Home:
    shutil.copytree(pieces.parent / "media", folder / "media")
    shutil.copytree(pieces, folder / "store")
    return Home(folder)


@pytest.fixture
def home(tmp_path: Path, pieces: Path) -> Home:
    return furnished(tmp_path, pieces)


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory, pieces: Path) -> Home:
    """A home with a grant, for commands that change nothing."""
    home = furnished(tmp_path_factory.mktemp("granted"), pieces)
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.compose("out")
    return home


# -- the journey ------------------------------------------------------------------------------


def test_from_the_first_grant_to_a_film_without_the_person(home: Home) -> None:
    closed = home.plan()
    assert (closed.status, closed.out) == (2, "")
    assert "chainer consent grant" in closed.err

    words: Words = ["consent", "grant", MEI, "--author", BO, "--use", "episode", "--use", "publish"]
    granted = home.done(*words, "--graph", home.graph)
    assert f"entry 1, {time.strftime('%Y')}" in granted.out
    assert f"{MEI} allows episode, publish" in granted.out
    assert f"for {BO}" in granted.out

    made = home.compose("out")
    assert "SIGNED FOR DEVELOPMENT ONLY" in made.err
    home.done("publish", "out")
    whole = home.done("verify", "out").out.splitlines()
    assert whole[0].startswith("out: whole: Coded, ")
    assert [line.split(":")[0].strip() for line in whole[1:]] == ["credentials", "consent", "state"]
    assert whole[-1].endswith("published")

    shutil.copytree(home.folder / "out", home.folder / "copy")
    revoked = home.done("consent", "revoke", MEI)
    assert f"suspended: Coded, {home.folder / 'out'} (ep-" in revoked.out
    assert "purged from the store: " in revoked.out
    assert " bytes" not in revoked.out
    assert "to be made again: 1 episode;" in revoked.out
    assert f"3 notices in {home.store / 'notices.jsonl'}" in revoked.out

    for folder in ("out", "copy"):
        stopped = home.run("verify", folder)
        assert (stopped.status, stopped.out) == (4, "")
        assert "suspended" in stopped.err
        assert home.run("publish", folder).status == 4
    shown = home.done("consent", "show", MEI).out
    assert "2 entries about p-mei" in shown
    assert f"suspended: Coded, {home.folder / 'out'}" in shown

    around = home.plan("--json")
    assert [road["atom"] for road in around.json["closed"]] == ["c2"]
    assert home.run("plan", home.graph, "--path", "c1,c2", "--settings", "fast.toml").status == 4

    again = home.done("consent", "rerender", "-o", "again", "--settings", "fast.toml")
    assert "c1 → c4" in again.out
    (made_again,) = (home.folder / "again").iterdir()
    assert home.done("verify", made_again).out.startswith(str(made_again))
    assert "nothing is queued" in home.done("consent", "rerender", "-o", "again").out
    assert "no episode is concerned" in home.done("consent", "catch-up").out
    assert "whole: 2 entries" in home.done("consent", "audit").out


def test_an_episode_that_has_no_other_path_is_told_with_status_7(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.compose("out", "--path", "c2,c3", start="c2")
    home.done("consent", "revoke", MEI)
    said = home.run("consent", "rerender", "-o", "again", "--settings", "fast.toml")
    assert said.status == 7
    assert "cannot be made again: " in said.out
    assert "c2 shows p-mei" in said.out
    assert not (home.folder / "again").exists()


def test_an_episode_is_made_again_by_its_own_ledger_alone(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.done("consent", "grant", MEI, "--everyone", "--ledger", "other.jsonl")
    home.compose("out")
    home.done("consent", "revoke", MEI)
    words: Words = ["consent", "rerender", "-o", "again", "--settings", "fast.toml", "--ledger"]
    other = home.run(*words, "other.jsonl")
    assert other.status == 7
    assert "another ledger" in other.out
    assert "c1 → c4" in home.done(*words, home.ledger).out


def test_a_revocation_may_be_said_twice(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    first = home.done("consent", "revoke", MEI, "--json").json
    second = home.done("consent", "revoke", MEI, "--json").json
    assert first["entry"] == second["entry"]


def test_erasing_needs_a_yes_and_takes_the_name_away(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    asked = home.run("consent", "erase", MEI)
    assert asked.status == 2
    assert "--yes" in asked.err
    assert MEI in home.done("consent", "show").out
    home.done("consent", "erase", MEI, "--yes")
    everything = home.done("consent", "show").out
    assert MEI not in everything
    assert "2 entries" in everything
    assert home.run("consent", "show", MEI).status == 2
    names = [path for path in home.folder.iterdir() if path.name.startswith("consent.")]
    assert names
    assert not [path for path in names if MEI.encode() in path.read_bytes()]


def test_a_restriction_closes_what_it_names_and_is_lifted(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.done("consent", "restrict", MEI, "--use", "episode")
    assert [road["atom"] for road in home.plan("--json").json["closed"]] == ["c2"]
    home.done("consent", "restrict", MEI)
    assert home.plan("--json").json["closed"] == []


def test_a_denial_needs_no_grant_and_begins_a_ledger(home: Home) -> None:
    home.done("consent", "deny", MEI, "--author", BO, "--graph", home.graph)
    home.done("consent", "grant", MEI, "--everyone")
    assert [road["atom"] for road in home.plan("--json").json["closed"]] == ["c2"]
    home.done("consent", "grant", MEI, "--author", BO)
    assert home.plan("--json").json["closed"] == []


def test_a_composer_and_an_audience_are_asked_about(home: Home) -> None:
    home.done("consent", "grant", MEI, "--author", BO, "--graph", home.graph)
    assert home.plan("--json").json["closed"] == []
    composed = home.plan("--composer", ADA, "--json").json["closed"]
    assert ADA in composed[0]["why"]
    rated = home.plan("--audience", "teen")
    assert rated.status == 4
    assert "c1" in rated.err


@pytest.mark.parametrize("name", ["李 小", "Zoë 🎬", "p mei"])
def test_names_may_be_of_any_language(home: Home, name: str) -> None:
    told: Words = ["--ledger", "Ledger 帳 🎬.jsonl"]
    said = home.done("consent", "grant", name, "--author", "老 🎬", *told)
    assert name in said.out
    assert "老 🎬" in said.out
    assert home.done("consent", "show", name, "--json", *told).json["person"] == name
    assert home.done("consent", "audit", *told).status == 0


def test_an_episode_is_verified_from_anywhere_under_any_name(granted: Home, tmp_path: Path) -> None:
    copy = tmp_path / "Ебби 電影 🎬"
    shutil.copytree(granted.folder / "out", copy)
    nowhere = tmp_path / "no store"
    said = granted.done("verify", copy, store=nowhere)
    assert not nowhere.exists()
    assert "consent: not asked" in said.out
    assert "could not be asked" in said.err
    asked = granted.done("verify", copy, "--ledger", granted.ledger, "--json", store=nowhere).json
    assert (asked["ledger_asked"], asked["allowed"]) == (True, True)
    assert granted.done("verify", copy).err == ""


# -- what is printed --------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words."""

    def below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield words, command
        if isinstance(command, click.Group):
            for name, other in command.commands.items():
                yield from below(f"{words} {name}", other)

    return below("chainer", main)


@pytest.mark.parametrize(("words", "command"), [pytest.param(w, c, id=w) for w, c in commands()])
def test_every_help_is_whole(granted: Home, words: str, command: click.Command) -> None:
    said = granted.done(*words.split()[1:], "--help").out
    if isinstance(command, click.Group):
        listed = said.split("Commands:")[1]
        assert "..." not in listed
        return
    assert any(f"  {words}" in line for line in said.split("Example")[1].splitlines())
    silent = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


READING: list[Words] = [
    ["consent", "show"],
    ["consent", "show", MEI],
    ["consent", "audit"],
    ["consent", "catch-up"],
    ["consent", "rerender", "-o", "again"],
    ["verify", "out"],
    ["credits", "out", "--revenue", "100.00"],
    ["check", "graph.json"],
    ["chains", "graph.json"],
    ["plan", "graph.json", "--start", "c1", "--settings", "fast.toml"],
]
WRITING: list[Words] = [
    ["consent", "grant", MEI, "--author", BO],
    ["consent", "restrict", MEI, "--edit", "speed"],
    ["consent", "deny", MEI, "--author", ADA],
    ["consent", "revoke", MEI],
    ["consent", "erase", MEI, "--yes"],
]
WRONG: list[Words] = [
    ["consent", "show", "p-mai"],
    ["consent", "grant", MEI],
    ["consent", "nonsense"],
    ["consent", "audit", "--ledger", "nowhere.jsonl"],
    ["verify", "nowhere"],
    ["publish", "nowhere"],
    ["credits", "out", "--revenue", "ten"],
    ["plan", "graph.json", "--start"],
]


@pytest.mark.parametrize("words", READING, ids=lambda words: " ".join(map(str, words)))
def test_json_is_one_object_and_quiet_is_nothing(granted: Home, words: Words) -> None:
    assert isinstance(granted.done(*words, "--json").json, dict)
    quiet = granted.done(*words, "--quiet")
    assert (quiet.out, quiet.err) == ("", "")


def test_what_is_recorded_is_told_with_keyed_ids_alone(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    for words in WRITING:
        said = home.done(*words, "--json")
        assert len(said.json["entry"]["person"]) == 32
        assert not any(name in said.out for name in (MEI, BO, ADA))
        assert said.err == ""


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(map(str, words)))
def test_an_error_is_one_object_too(granted: Home, words: Words) -> None:
    said = granted.run(*words, "--json")
    error = said.json["error"]
    assert said.status == error["exit_status"] != 0
    assert error["message"] in said.err


# -- what cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("grant", 2, "PERSON"),
        ("grant p-mei", 2, "--everyone"),
        ("grant p-mei --everyone --author p-bo", 2, "give one of"),
        ("grant p-mei --mutuals --author p-bo", 2, "give one of"),
        ("revoke p-mei --mutuals --everyone", 2, "give one of"),
        ("grant p-mei --everyone --use Episode", 2, "'episode'"),
        ("grant p-mei --everyone --edit cut", 2, "'trim'"),
        ("grant p-mei --everyone --modality nose", 2, "'voice'"),
        ("grant p-mei --everyone --until tomorrow", 2, "2026-11-22T18:00:00Z"),
        ("grant p-mei --everyone --until 2027-01-01", 2, "2027-01-01T00:00:00Z"),
        ("grant p-mei --everyone --until 2027-01-01T10:00:00", 2, "2027-01-01T10:00:00Z"),
        ("grant p-mei --everyone --until 2020-01-01T10:00:00Z", 2, "later expiry"),
        ("grant p-mei --everyone --until 9999-12-31T23:59:59-14:00", 2, "9999"),
        ("revoke p-mei --from 2026-01-01T00:00:00", 2, "no zone"),
        ("grant p-mei --everyone --not-in ''", 2, "--not-in"),
        ("restrict p-mei --not-in ''", 2, "--not-in"),
        (f"grant p-mei --everyone --notice {'v' * 65}", 2, "--notice"),
        ("grant p-mei --everyone --atom 'a b'", 2, "--atom"),
        ("grant p-mei --everyone --evidence nowhere.pdf", 2, "nowhere.pdf"),
        ("grant '' --everyone", 2, "name of a person"),
        ("grant p-mei --author ''", 2, "name of a person"),
        ("revoke p-mai", 2, 'did you mean "p-mei"?'),
        ("restrict p-mai --use remix", 2, 'did you mean "p-mei"?'),
        ("erase p-mai --yes", 2, 'did you mean "p-mei"?'),
        ("show p-mai", 2, 'did you mean "p-mei"?'),
        ("revoke p-mei --use pubish", 2, "'publish'"),
        ("audit --ledger nowhere.jsonl", 2, "nowhere.jsonl"),
        ("show --ledger nowhere.db", 2, "nowhere.db"),
        ("show --ledger .", 2, "is a folder"),
        ("grant p-mei --everyone --ledger nodir/consent.jsonl", 2, "nodir"),
        ("show --graph nowhere.json", 2, "nowhere.json"),
        ("show --settings nowhere.toml", 2, "nowhere.toml"),
        ("rerender", 2, "--out"),
    ],
)
def test_wrong_words_are_told_and_change_nothing(
    granted: Home, words: str, status: int, told: str
) -> None:
    before = granted.ledger.read_bytes()
    said = granted.run("consent", *shlex.split(words))
    assert (said.status, said.out) == (status, "")
    assert told in said.err
    assert granted.ledger.read_bytes() == before


def test_a_new_name_that_looks_like_a_known_one_is_remarked(home: Home) -> None:
    home.done("consent", "grant", MEI, "--author", BO, "--graph", home.graph)
    typo = home.done("consent", "deny", "p-mai")
    assert "'p-mai' is new to" in typo.err
    assert "did you mean 'p-mei'?" in typo.err
    assert home.done("consent", "deny", "p-theo").err == ""
    assert "'p-me'" in home.done("consent", "revoke", MEI, "--author", "p-me").err


def flipped(data: bytes) -> bytes:
    return data.replace(b'"episode"', b'"publish"', 1)


def gapped(data: bytes) -> bytes:
    first, _, *rest = data.splitlines(keepends=True)
    return b"".join((first, *rest))


def cut(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1])


def torn(data: bytes) -> bytes:
    return data + b'{"kind": "gra'


@pytest.mark.parametrize(
    ("damage", "bad"), [(flipped, 1), (gapped, 2), (cut, 3), (torn, 4)], ids=lambda v: str(v)[:14]
)
def test_a_damaged_ledger_is_status_6_everywhere(
    home: Home, damage: Callable[[bytes], bytes], bad: int
) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.done("consent", "grant", MEI, "--author", BO)
    home.done("consent", "grant", MEI, "--author", ADA)
    home.ledger.write_bytes(damage(home.ledger.read_bytes()))
    audited = home.run("consent", "audit", "--json")
    assert (audited.status, audited.json["whole"]) == (6, False)
    assert audited.json["first_bad"] == bad
    assert f"at entry {bad}: " in audited.err
    repaired = home.run("consent", "audit", "--repair").status
    assert repaired == (0 if damage is torn else 6)
    if damage is torn:
        assert "whole: 3 entries" in home.done("consent", "audit").out
        return
    refused: list[Words] = [
        ["consent", "show"],
        ["consent", "grant", MEI, "--everyone"],
        ["consent", "revoke", MEI],
        ["consent", "catch-up"],
        ["check", home.graph],
        ["chains", home.graph],
        ["plan", home.graph, "--start", "c1"],
        ["compose", home.graph, "--start", "c1", "-o", "out", "--settings", "fast.toml"],
    ]
    for words in refused:
        said = home.run(*words)
        assert said.status == 6, words
        assert "consent.jsonl" in said.err + said.out
    assert not (home.folder / "out").exists()


def test_a_lost_table_of_names_is_told(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    (home.folder / "consent.people.json").unlink()
    assert "consent.people.json" in home.run("consent", "show").err
    audited = home.run("consent", "audit")
    assert audited.status == 6
    assert "None" not in audited.err
    assert home.plan().status != 0


def test_check_asks_the_ledger_that_would_be_asked(granted: Home) -> None:
    said = granted.run("check", granted.graph, "--ledger", "nowhere.jsonl", "--json")
    assert said.status == 2
    (fault,) = said.json["faults"]
    assert fault["path"] == "consent.ledger"
    assert "nowhere.jsonl" in fault["problem"]
    assert granted.done("check", granted.graph, "--ledger", granted.ledger).status == 0


def test_a_revocation_whose_rest_fails_says_that_it_holds(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.compose("out")
    kept = home.folder / "kept"
    kept.mkdir()
    for file in home.store.glob("episodes.sqlite*"):
        file.rename(kept / file.name)
    index = home.store / "episodes.sqlite"
    index.write_bytes(b"no database" * 1000)
    said = home.run("consent", "revoke", MEI, "--json")
    assert said.status == 5
    assert "entry 2" in said.err
    assert "is recorded and holds" in said.err
    assert "catch-up" in said.err
    assert home.plan("--json").json["closed"]
    index.unlink()
    for file in kept.iterdir():
        file.rename(home.store / file.name)
    home.done("consent", "catch-up")
    (episode,) = home.done("consent", "show", MEI, "--json").json["episodes"]
    assert episode["state"] == "suspended"
    assert home.run("verify", "out").status == 4


def test_a_ledger_that_cannot_be_written_is_status_5(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.ledger.chmod(0o400)
    bound = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]
    argv = [*bound, *home.argv("consent", "revoke", MEI)]
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv to be a user without rights")
    done = subprocess.run(argv, capture_output=True, text=True, cwd=home.folder, check=False,
                          env=home.env(), timeout=60)  # fmt: skip
    if "setpriv" in done.stderr:
        pytest.skip(f"this machine lets nobody give rights away: {done.stderr}")
    assert done.returncode == 5
    assert "consent.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1 entry" in home.done("consent", "show").out


# -- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('[consent]\nledgr = "x"', "consent.ledgr"),
        ('[consent]\ncomposer = "a b"', "consent.composer"),
        ('[consent]\ncommercial = "perhaps"', "consent.commercial"),
        ('[consent]\ncontexts = [""]', "consent.contexts"),
        ('[consent]\nledger = "nowhere.jsonl"', "nowhere.jsonl"),
        ('[rights]\nterritory = ["Germany"]', "rights.territory"),
        ('[rights]\nunknown = "perhaps"', "rights.unknown"),
        ('[blocklist]\nterms = ["…"]', "blocklist.terms"),
        ('[blocklist]\nimages = ["md5:1"]', "blocklist.images"),
        ('[blocklist]\nfile = "nowhere.toml"', "nowhere.toml"),
        ('[signing]\nmode = "keys"', "signing.mode"),
        ('[signing]\nmode = "key"', "certificate"),
        ('[signing]\nkey = "key.pem"', "key"),
        ('[signing]\ntimestamp_url = "ftp://x"', "timestamp_url"),
        ('[provenance]\nuntrusted = "reject"', "provenance.untrusted"),
        ('[provenance]\nekus = ["any"]', "provenance.ekus"),
        ('[watermark]\nservice = ""', "watermark.service"),
        ('[watermark]\nenabled = "seldom"', "watermark.enabled"),
        ('[credits]\nancestors = "3/2"', "credits.ancestors"),
    ],
    ids=lambda value: str(value).replace("\n", " "),
)
def test_a_wrong_setting_is_named(granted: Home, lines: str, key: str) -> None:
    bad = granted.settings("bad", lines)
    said = granted.run("plan", granted.graph, "--start", "c1", "--settings", bad)
    assert (said.status, said.out) == (2, "")
    assert key in said.err


def keyed(home: Home, chain: bytes, key: bytes) -> Path:
    (home.folder / "chain.pem").write_bytes(chain)
    (home.folder / "key.pem").write_bytes(key)
    lines = '[signing]\nmode = "key"\ncertificate = "chain.pem"\nkey = "key.pem"\n'
    return home.settings("keyed", lines)


def bent_certificates() -> dict[str, Callable[[], tuple[bytes, bytes]]]:
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    other = ec.generate_private_key(ec.SECP256R1())
    past: dict[str, Any] = {"begin": -72 * HOUR, "end": -48 * HOUR}
    return {
        "expired": lambda: (authority.chain(key, **past), secret(key)),
        "does not belong": lambda: (authority.chain(key), secret(other)),
        "certificate": lambda: (b"no certificate", secret(key)),
        "key": lambda: (authority.chain(key), b"no key"),
    }


@pytest.mark.parametrize("told", ["expired", "does not belong", "certificate", "key"])
def test_a_certificate_that_cannot_sign_is_status_6_before_any_work(home: Home, told: str) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    settings = keyed(home, *bent_certificates()[told]())
    words: Words = ["compose", home.graph, "--start", "c1", "-o", "out", "--settings", settings]
    said = home.run(*words, store=home.folder / "fresh")
    assert said.status == 6, said.err
    assert told in said.err
    assert not (home.folder / "out").exists()
    assert not list((home.folder / "fresh" / "cas").rglob("*.mp4"))


def test_a_signer_that_is_trusted_is_called_so(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    settings = keyed(home, authority.chain(key), secret(key))
    (home.folder / "anchors.pem").write_bytes(authority.anchor)
    trusting = home.settings("trusting", '[provenance]\ntrust_anchors = "anchors.pem"\n')
    home.done("compose", home.graph, "--start", "c1", "-o", "out", "--settings", settings)
    assert (
        "signed by Test Signer, whom we trust"
        in home.done("verify", "out", "--settings", trusting).out
    )
    assert "no trust anchor" in home.done("verify", "out").out
    (home.folder / "anchors.pem").unlink()
    lost = home.run("verify", "out", "--settings", trusting)
    assert lost.status == 6
    assert "anchors.pem" in lost.err


def test_an_unsigned_film_is_called_so(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    off = home.settings("off", '[signing]\nmode = "off"\n')
    home.done("compose", home.graph, "--start", "c1", "-o", "out", "--settings", off)
    assert "credentials: none" in home.done("verify", "out").out
    assert home.done("verify", "out", "--json").json["signed"] is False


# -- stops ------------------------------------------------------------------------------------


def test_ctrl_c_while_episodes_are_made_again_keeps_them_queued(home: Home) -> None:
    home.done("consent", "grant", MEI, "--everyone", "--graph", home.graph)
    home.compose("out")
    home.done("consent", "revoke", MEI)
    slow = FAST.replace("180", "720").replace("320", "1280").replace("ultrafast", "veryslow")
    (home.folder / "slow.toml").write_text(slow)
    process = home.start("consent", "rerender", "-o", "again", "--settings", "slow.toml")
    deadline = time.monotonic() + 60
    partial = home.store / "tmp"
    while time.monotonic() < deadline and not list(partial.rglob("*.mp4")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "cancelled" in err
    assert "Traceback" not in err
    assert not list(home.folder.glob("again/*"))
    words: Words = ["consent", "rerender", "-o", "again", "--settings", "fast.toml", "--json"]
    (made,) = home.done(*words).json["episodes"]
    assert json.loads((Path(home.folder / made["path"]) / "episode.json").read_text())["chain"]
    assert home.done("verify", made["path"]).status == 0


# -- real media -------------------------------------------------------------------------------

REFUSED = {row[0] for row in rows(BAD)}
STATUS = {"c2pa/ovi_green_v_signed_tampered.mp4": 6, "c2pa/100kb_hash_mismatch.mp4": 3}
QUICK = ("ovi_green_v_signed_tampered.mp4", "external_dref_etc_passwd.mp4", "fragmented_ok.mp4")


def real_media() -> Iterator[Any]:
    """Every file of two folders with the status it must have; most of them are slow."""
    found = [path for folder in ("c2pa", "broken") for path in (MEDIA / folder).glob("*.mp4")]
    if not found:
        yield pytest.param(MEDIA, 0, marks=pytest.mark.skip(reason=f"no media in {MEDIA}"))
    for path in sorted(found):
        name = f"{path.parent.name}/{path.name}"
        marks = () if path.name in QUICK else pytest.mark.slow
        yield pytest.param(
            path, STATUS.get(name, 3 if name in REFUSED else 0), marks=marks, id=name
        )


@pytest.mark.parametrize(("path", "status"), list(real_media()))
def test_real_media_end_with_the_right_status(path: Path, status: int, tmp_path: Path) -> None:
    home = Home(tmp_path, atoms=0)
    atom = {"id": "a1", "media": f"media/{path.name}", "author": BO}
    home.write({"title": "Real", "schema": "chainer.graph/1"}, [atom], [])
    (home.folder / "media").mkdir()
    shutil.copy(path, home.folder / "media")
    where: Words = [home.graph, "--start", "a1", "--settings", "fast.toml", "--json"]
    planned = home.run("plan", *where)
    assert planned.status in (0, status), planned.err
    composed = home.run("compose", *where, "-o", "out")
    assert composed.status == status, composed.err
    assert (home.folder / "out").exists() == (status == 0)
    if status == 0:
        assert home.done("verify", "out", "--json").json["signed"] is True
    else:
        assert composed.json["error"]["exit_status"] == status
        assert path.name in composed.err or "a1" in composed.err


def test_a_picture_is_told_as_a_block_list_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = Path(__file__).parents[2] / "graphs/harbor/ref/mei-front.png"
    assert run(["digest", str(picture), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["pictures"]
    policy = BlockPolicy(images=(told["sha256"], told["look"]))
    assert policy.names_looks
    (tmp_path / "text.png").write_text("no picture")
    assert run(["digest", str(tmp_path / "text.png")]) == 3
    assert run(["digest", str(tmp_path / "none.png")]) == 3

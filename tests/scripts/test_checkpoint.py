"""Signed checkpoints: what was signed stays what it was, and everybody can tell."""

import gzip
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from schema.database import connect
from schema.errors import ConfigurationError
from schema.log.rowfile import RowFileError, read_rows, write_rows
from schema.log.scan import ScannedRow
from schema.settings import Settings
from scripts.checkpoint.check import CheckpointMismatchError, check_database, check_rows
from scripts.checkpoint.command import checkpoint
from scripts.checkpoint.export import NothingFinalError, Order, choose_chain, export, log_path
from scripts.checkpoint.keys import generate, load_private, load_public, public_path
from scripts.checkpoint.signed import BadSignatureError, read_signed
from scripts.verify import DifferenceFoundError
from tests.e2e.daybook import daybook
from tests.schema.logs import LogOfChain, block_hash
from tests.scripts.logs import settings_at, store, unguarded

_ROOT = Path(__file__).parents[2]
_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def log(database_url: str) -> LogOfChain:
    """Blocks 1 to 2, up to position 7, of which a later range says that they are final."""
    log = LogOfChain([])
    log.index([2, 1])
    log.finalized = 2
    log.index([3])
    store(database_url, log.rows)
    return log


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key."""
    path = tmp_path / "key.pem"
    generate(path)
    return path


def exported(
    settings: Settings, key: Path, *, name: str | None = None, with_log: bool = False
) -> Path:
    """A checkpoint's file."""
    assert settings.database.url is not None
    path = key.with_name("checkpoint.json")
    order = Order(settings.database.url, choose_chain(settings, name), path, with_log)
    export(order, load_private(key), now=_NOW, report=lambda _: None)
    return path


def compared(path: Path, database_url: str) -> None:
    """Compare a checkpoint with the log in the database."""
    check_database(read_signed(path, None).checkpoint, database_url, lambda _: None)


@pytest.mark.usefixtures("log")
def test_a_checkpoint_says_what_the_log_holds_up_to_the_last_final_block(
    database_url: str, key: Path
) -> None:
    """Given a log, when exported, then block, position, counts and digest are those of its seal."""
    path = exported(settings_at(database_url), key)

    signed = read_signed(path, load_public(str(public_path(key)))).checkpoint
    with connect(database_url, role="daybook_api", application_name="test") as session:
        row = session.execute("SELECT * FROM log.range_indexed ORDER BY position").fetchone()
    assert row is not None
    assert (signed.block_number, signed.block_hash) == (2, block_hash(2))
    assert (signed.position, signed.digest) == (row["position"], row["digest"])
    assert (signed.events, signed.facts, signed.start_block) == (3, 4, 1)
    assert signed.created == "2026-01-02T03:04:05Z"
    compared(path, database_url)


@pytest.mark.parametrize(
    ("field", "value"),
    [("events", 4), ("digest", "0" * 64), ("name", "other"), ("created", "2025-01-01T00:00:00Z")],
)
@pytest.mark.usefixtures("log")
def test_an_altered_checkpoint_is_refused(
    database_url: str, key: Path, field: str, value: object
) -> None:
    """Given a signed file with one value changed, then its signature does not fit any more."""
    path = exported(settings_at(database_url), key)
    content = msgspec.json.decode(path.read_bytes())
    content["checkpoint"][field] = value
    path.write_bytes(msgspec.json.encode(content))

    with pytest.raises(BadSignatureError, match="altered after it was signed"):
        read_signed(path, None)


@pytest.mark.usefixtures("log")
def test_a_checkpoint_of_somebody_else_is_refused(database_url: str, key: Path) -> None:
    """Given a file that is signed by another key than the trusted one, then both are told apart."""
    path = exported(settings_at(database_url), key)
    trusted = generate(key.with_name("other.pem"))

    with pytest.raises(BadSignatureError, match="not by the key given"):
        read_signed(path, load_public(trusted))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"checkpoint": 1}', b"\xff"])
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    """Given any other file, then it is wrong usage, and says what to name."""
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="daybook checkpoint export") as caught:
        read_signed(path, None)
    assert caught.value.exit_code == 2


def test_a_log_that_was_rewritten_with_its_digests_is_found(
    database_url: str, other_database_url: str, key: Path, log: LogOfChain
) -> None:
    """Given another log, in itself right, in place of the signed one, then that is told."""
    path = exported(settings_at(database_url), key)
    forged = LogOfChain([])
    forged.index([1, 2])
    forged.finalized = 2
    forged.index([3])
    assert len(forged.rows) == len(log.rows)
    store(other_database_url, forged.rows)

    with pytest.raises(CheckpointMismatchError, match=r"digest is .*, signed was"):
        compared(path, other_database_url)


@pytest.mark.usefixtures("log")
def test_a_log_that_was_cut_off_is_found(database_url: str, key: Path) -> None:
    """Given a log whose newest transactions were removed without a trace, then that is told."""
    path = exported(settings_at(database_url), key)
    with unguarded(database_url) as owner:
        owner.execute("DELETE FROM log.stored_event WHERE notification_id > 3")

    with pytest.raises(CheckpointMismatchError, match="sealed only up to 0"):
        compared(path, database_url)


@pytest.mark.usefixtures("log")
def test_nothing_is_signed_that_is_wrong(database_url: str, key: Path) -> None:
    """Given a log that was tampered with, when exported, then no file is written."""
    with unguarded(database_url) as owner:
        owner.execute("DELETE FROM log.stored_event WHERE notification_id = 5")

    with pytest.raises(DifferenceFoundError):
        exported(settings_at(database_url), key)
    assert not key.with_name("checkpoint.json").exists()


def test_nothing_is_signed_that_is_not_final(database_url: str, key: Path) -> None:
    """Given a log without a final range, then that is told with the next step."""
    log = LogOfChain([])
    log.index([1])
    store(database_url, log.rows)

    with pytest.raises(NothingFinalError, match="try again once"):
        exported(settings_at(database_url), key)


def test_of_several_chains_one_is_named(database_url: str, key: Path) -> None:
    """Given two chains in one log, then each has checkpoints of its own, with its own rows."""
    rows: list[ScannedRow] = []
    chains = [LogOfChain(rows, 1), LogOfChain(rows, 2, ordinal=1)]
    for _ in range(2):
        for chain in chains:
            chain.index([chain.chain.chain_id, 1])
            chain.finalized = 2
    store(database_url, rows)
    settings = settings_at(database_url, "one", "two")

    with pytest.raises(ConfigurationError, match="Name one of one, two"):
        exported(settings, key)
    path = exported(settings, key, name="two", with_log=True)

    signed = read_signed(path, None).checkpoint
    assert (signed.chain_id, signed.events) == (2, 3)
    check_rows(signed, log_path(path), lambda _: None)
    compared(path, database_url)


@pytest.mark.usefixtures("log")
def test_rows_that_travel_along_prove_the_digest_by_themselves(
    database_url: str, key: Path
) -> None:
    """Given the rows beside a checkpoint, then they check, and the same export is the same file."""
    path = exported(settings_at(database_url), key, with_log=True)
    rows = log_path(path).read_bytes()

    check_rows(read_signed(path, None).checkpoint, log_path(path), lambda _: None)

    exported(settings_at(database_url), key, with_log=True)
    assert log_path(path).read_bytes() == rows


@pytest.mark.usefixtures("log")
def test_the_program_in_the_decision_computes_the_digest(database_url: str, key: Path) -> None:
    """Given the rows in a file, when the documented program reads them, then digests agree."""
    (decision,) = (_ROOT / "docs/decisions").glob("0009-*.md")
    program = re.search(r"```python\n(.*?)```", decision.read_text(), re.DOTALL)
    assert program is not None
    path = exported(settings_at(database_url), key, with_log=True)

    command = [sys.executable, "-c", program[1], log_path(path)]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert digest == read_signed(path, None).checkpoint.digest


@pytest.mark.usefixtures("log")
def test_rows_that_were_tampered_with_are_found(database_url: str, key: Path) -> None:
    """Given a changed row in the file, then it is found without database and node."""
    path = exported(settings_at(database_url), key, with_log=True)
    rows = list(read_rows(log_path(path)))
    rows[4] = rows[4]._replace(state=rows[4].state.replace(b"170000000", b"170000001"))
    write_rows(log_path(path), rows)

    with pytest.raises(DifferenceFoundError):
        check_rows(read_signed(path, None).checkpoint, log_path(path), lambda _: None)


@pytest.mark.usefixtures("log")
def test_rows_that_are_not_all_are_found(database_url: str, key: Path) -> None:
    """Given a file of fewer rows, whole in itself, then it is not what was signed."""
    path = exported(settings_at(database_url), key, with_log=True)
    write_rows(log_path(path), list(read_rows(log_path(path)))[:3])

    with pytest.raises(CheckpointMismatchError, match="rows after that are missing"):
        check_rows(read_signed(path, None).checkpoint, log_path(path), lambda _: None)


@pytest.mark.usefixtures("log")
def test_a_damaged_file_of_rows_is_told(database_url: str, key: Path) -> None:
    """Given a file that is cut, of another kind, or not there, then it is told as damaged."""
    path = exported(settings_at(database_url), key, with_log=True)
    whole = log_path(path).read_bytes()
    inside = gzip.decompress(whole)
    damages = [whole[:-20], b"text", gzip.compress(b"text"), gzip.compress(inside[:-2])]
    damages.append(gzip.compress(inside[:19] + b"\0\7" + inside[21:]))
    damages.append(gzip.compress(inside[:21] + b"\x7f" + inside[22:]))
    for damaged in damages:
        log_path(path).write_bytes(damaged)
        with pytest.raises(RowFileError, match="Copy it again"):
            list(read_rows(log_path(path)))
    log_path(path).unlink()
    with pytest.raises(RowFileError, match="No such file"):
        list(read_rows(log_path(path)))


def test_a_private_key_is_for_its_owner_alone(key: Path) -> None:
    """Given a new key, then nobody else may read it, it is never overwritten, and it is checked."""
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="is there already"):
        generate(key)
    key.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_private(key)


def test_a_file_that_holds_no_key_is_told(tmp_path: Path, key: Path) -> None:
    """Given a file of anything else, then it is told which option named it."""
    other = tmp_path / "other"
    other.write_text("no key")
    other.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"--key: .*other cannot be used"):
        load_private(other)
    with pytest.raises(ConfigurationError, match=r"--public-key: .*other cannot be used"):
        load_public(str(other))
    with pytest.raises(ConfigurationError, match=r"--key: .*none cannot be used \(No such file"):
        load_private(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="neither a file nor"):
        load_public("c2hvcnQ=")
    with pytest.raises(ConfigurationError, match="--key"):
        load_private(_protected(public_path(key)))


def _protected(path: Path) -> Path:
    path.chmod(0o600)
    return path


_CONFIG = """
[[chain]]
id = 1
name = "local"
rpc = ["http://127.0.0.1:1"]

[[deployment]]
name = "raffles"
chain = 1
[deployment.contracts]
raffle = "0x0101010101010101010101010101010101010101"
season_factory = "0x0202020202020202020202020202020202020202"
token = "0x0303030303030303030303030303030303030303"
"""


@pytest.mark.usefixtures("log")
def test_the_commands_say_what_they_did(database_url: str, tmp_path: Path) -> None:
    """Given an operator and an auditor, when they type the commands, then they are told."""
    config, key, file = tmp_path / "daybook.toml", tmp_path / "key.pem", tmp_path / "file.json"
    config.write_text(_CONFIG)

    def run(*arguments: str | Path) -> str:
        environment = {"DAYBOOK_DATABASE_URL": database_url}
        result = CliRunner().invoke(checkpoint, [*map(str, arguments)], env=environment)
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.output

    public = run("keygen", "--out", key).splitlines()[-1]
    said = run("export", "--config", config, "--key", key, "--out", file, "--with-log")
    assert f"signed by {public}" in said
    assert "blocks 1 to 2" in said
    said = run("verify", file, "--public-key", public, "--with-log", "--config", config)
    assert f"ok: signed by {public} (the key you gave)" in said
    assert "ok: the rows in" in said
    assert "ok: the log in the database is the one that was signed" in said
    assert "compare this key with the published one" in run("verify", file)


@pytest.mark.slow
@pytest.mark.usefixtures("log")
def test_a_difference_is_told_and_exits_with_1(database_url: str, tmp_path: Path) -> None:
    """Given a log that was tampered with, when verified, then it is shown, without a traceback."""
    config = tmp_path / "daybook.toml"
    config.write_text(_CONFIG)
    with unguarded(database_url) as owner:
        owner.execute("DELETE FROM log.stored_event WHERE notification_id = 5")

    result = daybook("verify", "--log", "--config", config, database_url=database_url)

    assert result.returncode == 1
    assert "deleted" in result.stdout
    assert result.stderr.startswith("daybook: 1 difference found")

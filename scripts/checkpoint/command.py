"""The commands `daybook checkpoint …`."""

from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

from scripts.database import open_database
from scripts.options import config_option, load_settings
from scripts.progress import Display

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def checkpoint() -> None:
    """Sign what the log holds, so that others can check it offline.

    A checkpoint says how many events there are up to a final block, and the digest that chains
    over all of them. Whoever has one finds out when that log is rewritten or cut off later.
    """


@checkpoint.command()
@click.option("--out", type=_FILE, required=True, help="The private key's file; must not exist.")
def keygen(out: Path) -> None:
    """Make a key pair: the private key for you alone, and OUT.pub to be published."""
    from scripts.checkpoint.keys import generate, public_path  # noqa: PLC0415  loaded when used

    public = generate(out)
    print(f"private key: {out} (keep it to yourself)\npublic key: {public_path(out)}\n{public}")


@checkpoint.command()
@config_option
@click.option("--key", type=_FILE, required=True, help="The private key, made by keygen.")
@click.option("--out", type=_FILE, required=True, help="The checkpoint's file.")
@click.option("--chain", "name", help="The chain's name, where the configuration has several.")
@click.option(
    "--with-log",
    is_flag=True,
    help="Write the chain's rows beside it, as OUT.log.gz: all that a third party needs.",
)
def export(config: Path, key: Path, out: Path, name: str | None, *, with_log: bool) -> None:
    """Examine the log up to the last final block, and sign what it holds.

    Nothing is signed if the log is not what was appended.
    """
    from scripts.checkpoint import export as part  # noqa: PLC0415
    from scripts.checkpoint.keys import load_private  # noqa: PLC0415

    settings, private = load_settings(config), load_private(key)
    chain = part.choose_chain(settings, name)
    with Display() as display, open_database(settings) as url:
        signed = part.export(
            part.Order(url, chain, out, with_log=with_log),
            private,
            now=datetime.now(UTC),
            report=display.report,
        )
    print(f"signed by {signed.public_key}\n{part.described(signed.checkpoint)}")


@checkpoint.command()
@click.argument("file", type=_FILE)
@click.option(
    "--public-key",
    metavar="FILE|BASE64",
    help="Whose signature it must be. Without it, compare the key shown with the published one.",
)
@click.option("--with-log", is_flag=True, help="Compare with the rows beside it, FILE.log.gz.")
@click.option("--config", type=_FILE, help="Compare with your own log, in its database.")
def verify(file: Path, public_key: str | None, config: Path | None, *, with_log: bool) -> None:
    """Check the signature of a checkpoint, and what it says, against a log.

    Needs neither database nor node, unless --config names your own log to compare with.
    """
    from scripts.checkpoint.check import check_database, check_rows  # noqa: PLC0415
    from scripts.checkpoint.export import described, log_path  # noqa: PLC0415
    from scripts.checkpoint.keys import load_public  # noqa: PLC0415
    from scripts.checkpoint.signed import read_signed  # noqa: PLC0415

    signed = read_signed(file, load_public(public_key) if public_key else None)
    whose = "the key you gave" if public_key else "compare this key with the published one"
    print(f"ok: signed by {signed.public_key} ({whose})\n{described(signed.checkpoint)}")
    if with_log:
        with Display() as display:
            check_rows(signed.checkpoint, log_path(file), display.report)
        print(f"ok: the rows in {log_path(file)} are those that were signed")
    if config is not None:
        with Display() as display, open_database(load_settings(config)) as url:
            check_database(signed.checkpoint, url, display.report)
        print("ok: the log in the database is the one that was signed")

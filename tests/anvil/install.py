"""Gets the development node that `package-lock.json` pins: once, into `.anvil/` of the project.

The lock names no registry: npm writes it so with `omit-lockfile-registry-resolved=true`. It must
list every platform's package, or npm refuses it elsewhere; a registry that does not have them all
leaves them out, and then they are added by hand, without a hash.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_KEPT_IN = _HERE.parent.parent / ".anvil"
_PINNED = ("package.json", "package-lock.json")
_INSTALL_SECONDS_MAX = 300


def executable() -> Path:
    """The node's own program, which npm installs where it is not there yet.

    Without npm the test that asks is skipped; in continuous integration it fails.
    """
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _PINNED))
    folder = _KEPT_IN / digest.hexdigest()[:16]
    if not folder.is_dir():
        _install(folder)
    # The package's own launcher is a Node script that starts this one.
    programs = list(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    assert programs, f"npm installed no anvil for this platform: remove {folder} and try again"
    return programs[0]


def _install(folder: Path) -> None:
    """Install beside the folder and then move it there, so that it is whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        need = "npm is needed to get the development node (Debian: apt-get install npm)"
        if os.environ.get("CI"):
            pytest.fail(need)
        pytest.skip(need)
    _KEPT_IN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_KEPT_IN) as temporary:
        made = Path(temporary, "made")
        made.mkdir()
        for name in _PINNED:
            shutil.copy(_HERE / name, made)
        # Its install scripts would only fetch what npm fetches anyway.
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=made,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, f"npm could not install the development node: {done.stderr}"
        made.rename(folder)

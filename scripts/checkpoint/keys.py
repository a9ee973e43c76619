"""Ed25519 keys in files: the private one for its owner alone, the public one for everybody."""

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from schema.errors import ConfigurationError

_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


def generate(path: Path) -> str:
    """Make a private key at `path` and the public one at `path` with `.pub` after it.

    Returns:
        The public key, as `public_text`.

    Raises:
        ConfigurationError: one of the files is there already, or cannot be written.
    """
    for each in (path, public_path(path)):
        if each.exists():
            raise _taken(each)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write(path, secret, mode=_OWNER_ONLY)
    _write(public_path(path), public, mode=0o644)
    return public_text(key.public_key())


def public_path(path: Path) -> Path:
    """Where the public key of a private one stands."""
    return path.with_name(f"{path.name}.pub")


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as people compare it: its 32 bytes in base64."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def load_private(path: Path) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises:
        ConfigurationError: there is none, or others may read it.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            problem = f"{path} may be read by others than its owner"
            raise ConfigurationError("--key", problem, f"Protect it: chmod 600 {path}.")
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable("--key", path, error) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable("--key", path, None)
    return key


def load_public(text: str) -> Ed25519PublicKey:
    """The public key that a text is in base64, or that is in the file of this name.

    Raises:
        ConfigurationError: it is neither.
    """
    path = Path(text)
    if not path.is_file():
        return parse_public(text)
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _unusable("--public-key", path, error) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _unusable("--public-key", path, None)
    return key


def parse_public(text: str) -> Ed25519PublicKey:
    """The public key that `public_text` gives as this text.

    Raises:
        ConfigurationError: none.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        problem = f"{text} is neither a file nor an Ed25519 public key in base64"
        fix = "Give the .pub file of the key, or the 44 characters that keygen printed."
        raise ConfigurationError("--public-key", problem, fix) from error


def _write(path: Path, content: bytes, *, mode: int) -> None:
    try:
        # Never over another key, and never readable by others, not even for a moment.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> ConfigurationError:
    """That a file which was asked for cannot be written."""
    problem = f"{path} cannot be written ({error.strerror})"
    return ConfigurationError("--out", problem, "Name a file that can be.")


def _taken(path: Path) -> ConfigurationError:
    problem = f"{path} is there already"
    return ConfigurationError("--out", problem, "Name another file, or move it away.")


def _unusable(option: str, path: Path, error: Exception | None) -> ConfigurationError:
    reason = error.strerror if isinstance(error, OSError) else "no Ed25519 key in PEM"
    fix = "Make one with daybook checkpoint keygen, or name the right file."
    return ConfigurationError(option, f"{path} cannot be used ({reason})", fix)

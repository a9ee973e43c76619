"""A checkpoint with its signature: what the file holds, and what exactly is signed."""

import base64
import binascii
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schema.errors import ConfigurationError, DaybookError
from schema.log.verify import ChainSummary
from scripts.checkpoint.keys import parse_public, public_text, unwritable

# Signed before the JSON, so that this signature can never be taken for one of something else.
_CONTEXT = b"daybook checkpoint 1\n"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a log holds of a chain up to a final block.

    Attributes:
        version: of this format.
        block_number: the last block; its logs and all before it stand in the log.
        position: in the log, of the fact that says so.
        events: how many events there are up to that position.
        facts: how many facts of the chain's own stream there are, that one included.
        digest: that chains over all of them, as that fact says; see docs/decisions/0009.
        created: when this was signed, RFC 3339, UTC.
    """

    version: int = 1
    chain_id: int
    name: str
    start_block: int
    block_number: int
    block_hash: str
    position: int
    events: int
    facts: int
    digest: str
    created: str

    @classmethod
    def of(cls, chain: ChainSummary, *, created: str) -> "Checkpoint":
        """The checkpoint of a chain that was examined up to its last seal."""
        return cls(
            chain_id=chain.chain_id,
            name=chain.name,
            start_block=chain.start_block,
            block_number=chain.head,
            block_hash=chain.head_hash,
            position=chain.position,
            events=chain.events,
            facts=chain.facts,
            digest=chain.digest,
            created=created,
        )


class SignedCheckpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. The signature is over `daybook checkpoint 1`, a newline, and the checkpoint.

    Signed is the checkpoint as compact JSON, its keys in the order of the struct.
    """

    checkpoint: Checkpoint
    public_key: str
    signature: str


class BadSignatureError(DaybookError):
    """The signature is not one of this checkpoint by this key."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Do not trust it; ask its signer for the file again.")


def write_signed(path: Path, checkpoint: Checkpoint, key: Ed25519PrivateKey) -> SignedCheckpoint:
    """Sign a checkpoint and write it.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    signature = base64.b64encode(key.sign(_signed_bytes(checkpoint))).decode()
    signed = SignedCheckpoint(checkpoint, public_text(key.public_key()), signature)
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(signed)) + b"\n")
    except OSError as error:
        raise unwritable(path, error) from error
    return signed


def read_signed(path: Path, trusted: Ed25519PublicKey | None) -> SignedCheckpoint:
    """A checkpoint whose signature is right.

    Args:
        path: of the file.
        trusted: whose signature it must be; None: whoever the file says.

    Raises:
        ConfigurationError: the file is none of a checkpoint.
        BadSignatureError: the signature is not right.
    """
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=SignedCheckpoint)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise ConfigurationError(str(path), problem, "Name a checkpoint's file.") from error
    except msgspec.DecodeError as error:
        fix = "Name a file that daybook checkpoint export wrote."
        raise ConfigurationError(str(path), f"is no checkpoint ({error})", fix) from error
    if trusted is not None and public_text(trusted) != signed.public_key:
        raise BadSignatureError(path, f"it is signed by {signed.public_key}, not by the key given")
    try:
        key = parse_public(signed.public_key)
        key.verify(
            base64.b64decode(signed.signature, validate=True), _signed_bytes(signed.checkpoint)
        )
    except (InvalidSignature, binascii.Error, ConfigurationError) as error:
        reason = "it was altered after it was signed: its signature does not fit"
        raise BadSignatureError(path, reason) from error
    return signed


def _signed_bytes(checkpoint: Checkpoint) -> bytes:
    return _CONTEXT + msgspec.json.encode(checkpoint)

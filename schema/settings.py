"""The configuration file: TOML, strictly read, with `${NAME}` taken from the environment.

Shapes and defaults are the structs below; `load` reports a wrong key by its path in the file.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from schema.errors import ConfigurationError
from schema.families import (
    DEFAULT_FAMILY,
    FAMILIES,
    SHARED_KINDS,
    AnyDeployment,
    Contracts,
    Name,
    contracts_of,
)
from schema.log.chain import Proof

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
_IN_CONTRACTS = re.compile(r"deployment\[(?P<at>\d+)\]\.contracts")


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where PostgreSQL is; without a URL an embedded one runs under `data_dir`."""

    url: str | None = None


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the api listens."""

    host: str = "127.0.0.1"
    port: Port = 8000


class ChainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A chain and its nodes.

    Attributes:
        finality: the node's tag, or how many blocks below the head are final.
        proof: how a range's completeness is shown.
        receipts_sample: with bloom, the share of blocks with logs that receipts prove in any case:
            of a block's logs blooms show that some are missing only where all of a contract are.
    """

    id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    name: Name
    rpc: Annotated[list[str], msgspec.Meta(min_length=1)]
    start_block: Annotated[int, msgspec.Meta(ge=0)] = 0
    finality: Literal["finalized", "safe"] | Annotated[int, msgspec.Meta(ge=0)] = "finalized"
    proof: Proof = "receipts"
    receipts_sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What operators are told of, and where besides the log.

    Attributes:
        webhook: each alert is posted there as JSON when it is raised and when it is cleared.
        lag_seconds: how much older than now a chain's newest indexed block may be, and how much
            older than that one the newest block of the read models, both by block time.
        failed_appends_percent: how many appends to the log may fail, of those of five minutes.
        slow_query_seconds: how long a query of the api may take.
    """

    webhook: str | None = None
    lag_seconds: Annotated[float, msgspec.Meta(gt=0)] = 3600
    failed_appends_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 5
    slow_query_seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole configuration file."""

    chain: Annotated[list[ChainSettings], msgspec.Meta(min_length=1)]
    deployment: Annotated[list[AnyDeployment], msgspec.Meta(min_length=1)]
    data_dir: str = ".daybook"
    database: Database = Database()
    api: Api = Api()
    alerts: Alerts = Alerts()

    def deployments_of(self, chain_id: int) -> list[AnyDeployment]:
        """The deployments on one chain."""
        return [deployment for deployment in self.deployment if deployment.chain == chain_id]


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read a configuration file.

    Args:
        path: of the file; a relative `data_dir` is meant from its folder.
        environment: where `${NAME}` and `DAYBOOK_DATABASE_URL` are looked up.

    Raises:
        ConfigurationError: names the key and the fix.
    """
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        fix = "Give the file with --config or DAYBOOK_CONFIG."
        raise ConfigurationError(str(path), f"cannot be read ({error.strerror})", fix) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(path), f"is not TOML ({error})", "Mend that line.") from error
    document = _expand(document, environment, "")
    document["data_dir"] = str(path.resolve().parent / document.get("data_dir", ".daybook"))
    if url := environment.get("DAYBOOK_DATABASE_URL"):
        document["database"] = {**document.get("database", {}), "url": url}
    _settle_families(document)
    return _check(_convert(document))


def _expand(value: Any, environment: Mapping[str, str], key: str) -> Any:
    if isinstance(value, dict):
        return {name: _expand(v, environment, f"{key}.{name}") for name, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, environment, f"{key}[{at}]") for at, v in enumerate(value)]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _look_up(match[1], environment, key), value)
    return value


def _look_up(name: str, environment: Mapping[str, str], key: str) -> str:
    if name not in environment:
        problem, fix = f"${{{name}}} is not set in the environment", f"Set {name}, or remove it."
        raise ConfigurationError(key.lstrip("."), problem, fix)
    return environment[name]


def _settle_families(document: dict[str, Any]) -> None:
    """Give every deployment its family, on which it depends what else the deployment may hold."""
    deployments = document.get("deployment")
    for at, deployment in enumerate(deployments if isinstance(deployments, list) else []):
        if not isinstance(deployment, dict):
            continue  # not a table: what reads the document says so
        family = deployment.setdefault("family", DEFAULT_FAMILY)
        if family not in list(FAMILIES):
            key, fix = f"deployment[{at}].family", f"Name one of {', '.join(FAMILIES)}."
            raise ConfigurationError(key, f"there is no family {family!r}", fix)


def _convert(document: dict[str, Any]) -> Settings:
    try:
        return msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PATH.search(text)
        key = match["path"] if match and match["path"] else "the file"
        problem = _PATH.sub("", text)
        raise ConfigurationError(
            key, problem[:1].lower() + problem[1:], _fix(document, key)
        ) from error


def _fix(document: dict[str, Any], key: str) -> str:
    if match := _IN_CONTRACTS.match(key):
        family = document["deployment"][int(match["at"])]["family"]
        kinds = ", ".join(contracts_of(FAMILIES[family]).__struct_fields__)
        return f"The contracts of family {family}, each an address: {kinds}."
    return "The README lists every key with its meaning."


def _check(settings: Settings) -> Settings:
    """What one key alone cannot tell."""
    chains = [chain.id for chain in settings.chain]
    _refuse_repeated("chain", "id", chains)
    _refuse_repeated("chain", "name", [chain.name for chain in settings.chain])
    _refuse_repeated("deployment", "name", [d.name for d in settings.deployment])
    for at, deployment in enumerate(settings.deployment):
        if deployment.chain not in chains:
            key = f"deployment[{at}].chain"
            fix = f"Add a [[chain]] with id = {deployment.chain}, or name one of {chains}."
            raise ConfigurationError(key, f"no chain has the id {deployment.chain}", fix)
        _check_contracts(f"deployment {deployment.name}: contracts", deployment.contracts)
    for chain in settings.chain:
        _check_urls(chain)
        _check_sharing(settings.deployments_of(chain.id))
    if settings.alerts.webhook is not None:
        _check_webhook(settings.alerts.webhook)
    return settings


def _check_contracts(key: str, contracts: Contracts) -> None:
    """One address is one kind of contract."""
    named = sum(getattr(contracts, kind) is not None for kind in contracts.__struct_fields__)
    if len(contracts.by_address()) < named:
        raise ConfigurationError(key, "one address stands twice", "Each contract has its own.")


def _check_sharing(deployments: list[AnyDeployment]) -> None:
    """A redeployment may keep its token and account factory, but no other contract."""
    owners: dict[str, str] = {}
    for deployment in deployments:
        for address, kind in deployment.contracts.by_address().items():
            owner = owners.setdefault(address, deployment.name)
            if owner != deployment.name and kind not in SHARED_KINDS:
                key = f"deployment {deployment.name}: contracts.{kind}"
                fix = "Only token and account_factory may be shared by deployments."
                raise ConfigurationError(key, f"{address} belongs to {owner} already", fix)


def _refuse_repeated(table: str, key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigurationError(f"{table}.{key}", f"{value} stands twice", "Keep one of them.")


def _check_urls(chain: ChainSettings) -> None:
    for at, url in enumerate(chain.rpc):
        if not url.startswith(("http://", "https://", "ws://", "wss://")):
            key = f"chain {chain.name}: rpc[{at}]"
            raise ConfigurationError(key, "is not a URL", "Begin it with http:// or https://.")
    if not any(url.startswith("http") for url in chain.rpc):
        key = f"chain {chain.name}: rpc"
        raise ConfigurationError(key, "has no http:// endpoint", "Add one: a websocket only hints.")


def _check_webhook(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        fix = "Begin it with http:// or https://, or leave it out."
        raise ConfigurationError("alerts.webhook", "is not a URL", fix)

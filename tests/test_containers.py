"""The container files are well-formed; no engine runs them here."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def test_compose_fits_the_compose_specification() -> None:
    """Given compose.yaml, when checked against the specification's schema, then it fits."""
    checker = Path(sys.executable).with_name("check-jsonschema")

    result = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", _ROOT / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout


def test_the_image_holds_every_package() -> None:
    """Given the Dockerfile, then it copies each package that the wheel holds."""
    dockerfile = (_ROOT / "Dockerfile").read_text()

    for package in ("api", "indexer", "projections", "schema", "scripts"):
        assert f"COPY {package} {package}" in dockerfile

"""A candidate beside the active model version, and then in its place."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

from models.catalogue import DEFAULT_MODEL, SHIPPED


def candidate(folder: Path, name: str, threshold: float) -> Path:
    """The shipped network under another name and threshold."""
    shutil.copytree(SHIPPED / DEFAULT_MODEL, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) | {"name": name}
    manifest["operating_points"][manifest["default_operating_point"]]["threshold"] = threshold
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_from_candidate_to_active(site: Any, lesions: Path, tmp_path: Path) -> None:
    folder = candidate(tmp_path / "made", "candidate-2", 0.9)
    assert site.json("model", "register", folder, "--by", "technician", "--json")["model"] == "candidate-2"
    alone = site.json("submit", lesions, "--wait", "--json")
    assert "then hand in the images" in site.screen("model", "compare", DEFAULT_MODEL, "candidate-2").stderr
    in_shadow = site.json("model", "activate", "candidate-2", "--shadow", "--json")
    assert in_shadow == {"role": "shadow", "old": None, "new": "candidate-2"}

    counts = site.json("submit", lesions, "--wait", "--json")  # the same bytes: they get their second score
    assert [alone[key] for key in ("flagged", "clear", "review")] == [
        counts[key] for key in ("flagged", "clear", "review")
    ]
    compared = site.json("model", "compare", DEFAULT_MODEL, "candidate-2", "--json")
    assert compared["images"] == counts["screened"] == 70
    # the same network: the same probabilities, but the higher threshold flags fewer
    assert compared["largest_difference"] <= 1e-5
    assert compared["only_second_flags"] == 0
    assert compared["only_first_flags"] == 70 - compared["agree"]
    outcomes = [compared[f"{each}_outcomes"] for each in ("first", "second")]
    assert [sum(each.values()) for each in outcomes] == [70, 70]
    assert outcomes[0] == {key: counts[key] for key in ("flagged", "clear", "review")}
    assert outcomes[1]["flagged"] == counts["flagged"] - compared["only_first_flags"]
    rows = list(csv.DictReader(io.StringIO(site.screen("report", "--all").stdout)))
    assert {row["model"] for row in rows} == {DEFAULT_MODEL}, "the shadow decides nothing"

    site.json("model", "activate", "candidate-2", "--json")
    assert [item["model"] for item in site.json("model", "list", "--json") if item["active"]] == ["candidate-2"]
    again = site.screen("submit", lesions, "--wait")
    assert "70 of 70 images were scored before by this model" in again.stderr
    batch = site.json("status", "--json")[-1]
    assert batch["flagged"] == counts["flagged"] - compared["only_first_flags"]
    assert site.json("audit", "verify", "--json")["intact"] is True


def test_a_name_never_changes_its_meaning(site: Any, tmp_path: Path) -> None:
    folder = candidate(tmp_path / "made", DEFAULT_MODEL, 0.5)
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    refused = site.screen("model", "register", folder)
    assert refused.returncode == 4  # not the weights of its manifest
    from models.checksum import sha256_hex

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["weights"]["sha256"] = sha256_hex(bytes(weights))
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    refused = site.screen("model", "register", folder)
    assert refused.returncode == 2
    assert "a name never changes its meaning" in refused.stderr
    assert not (site.home / "models").exists()


def test_usage(site: Any) -> None:
    assert site.screen("model", "activate").returncode == 2
    assert site.screen("model", "activate", "x", "--off").returncode == 2
    assert site.screen("model", "activate", "gone-9").returncode == 4
    assert site.screen("model", "compare", DEFAULT_MODEL, "gone-9").returncode == 4

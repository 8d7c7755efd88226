"""`scout import labels` on a home of its own."""

from tests.flows.test_cli import scouts

HEAD = "setup_id,symbol,timeframe,side,known_at,label"
ROW = "Frank_raid_v1,EURUSD,M5,long,2025-10-31T09:15Z"


def test_labels_from_files(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"{HEAD}\n{ROW},1\n")
    bad.write_text(f"{HEAD}\n{ROW},1\n{ROW},no\n")
    home = tmp_path / "home"
    first, again, refused, missing = scouts(
        home,
        ["import", "labels", str(good)],
        ["import", "labels", str(good)],
        ["import", "labels", str(bad)],
        ["import", "labels", str(tmp_path / "none.csv")],
    )
    assert first.stdout.splitlines() == [
        "good.csv: 1 labels (1 x 1, 0 x 0)",
        "  1 added, 0 replaced; 1 labelled rows in all",
        "  1 without features: kept, but no model can learn from them",
    ]
    assert "0 added, 1 replaced; 1 labelled rows" in again.stdout
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "Row 3, label 'no': say 1 (target first) or 0 (not).\n"
    assert missing.returncode == 2 and "can't be read" in missing.stderr

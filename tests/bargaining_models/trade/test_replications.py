"""Published studies, through public names, from data that are not shipped (see tests/support/replication_data.py)."""

import re
from pathlib import Path

from replication_data import replication_data


def test_the_page_on_world_tariff_wars(capsys):
    """What the page shows, run block by block, prints what the page says."""
    replication_data("wiod2014")
    page = Path(__file__).parents[3] / "docs" / "replications" / "world-tariff-wars.md"
    blocks = re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    setup, war, war_printed, regions, regions_printed = blocks
    known = {}
    exec(setup, known)
    for code, printed in ((war, war_printed), (regions, regions_printed)):
        exec(code, known)
        assert capsys.readouterr().out == printed

"""What the card of a roof says."""

from ridgeline.plugin.preview.roof_card import roof_facts


def test_own_classes_are_told_by_their_share_and_specks_are_not(qgis_app):
    roof = {"roof_class": "gable", "area_m2": 80.0, "own_shares": {"solar panel": 0.2, "tiles": 0.75, "thatch": 0.001}}
    title, _, facts = roof_facts(roof)
    assert title == "Gable"
    assert dict(facts)["Own classes"].replace("\u00a0", " ") == "tiles 75 %, solar panel 20 %"
    for nothing in ({}, {"thatch": 0.0}, None, "much", {"tiles": "all"}):
        assert "Own classes" not in dict(roof_facts({**roof, "own_shares": nothing})[2])

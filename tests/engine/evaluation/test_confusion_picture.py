"""The picture of a confusion matrix: well-formed, true to its counts, safe against names."""

from xml.etree import ElementTree

import numpy as np

from ridgeline.engine.evaluation.confusion_picture import confusion_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_cells_say_the_share_of_each_true_class():
    picture = ElementTree.fromstring(confusion_svg(("roof", "rest"), np.array([[3, 1], [0, 0]]), "A title"))
    texts = [item.text for item in picture.iter(f"{SVG}text")]
    assert [text for text in texts if "%" in text] == ["75 %", "25 %"] and texts.count("–") == 2
    assert [item.text for item in picture.iter(f"{SVG}title")][1] == "roof found as rest: 1 pixels"


def test_names_are_text_and_a_long_title_has_room():
    title = "A model with a very long name against <a file> & its polygons"
    picture = ElementTree.fromstring(confusion_svg(("<b>", "x" * 90), np.eye(2, dtype=int), title))
    texts = [item.text for item in picture.iter(f"{SVG}text")]
    assert title in texts and "<b>" in texts and any(text.endswith("…") for text in texts)
    assert float(picture.get("width")) >= 9 * len(title)

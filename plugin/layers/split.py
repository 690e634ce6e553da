"""How the layer looks that shows which polygons teach and which are kept apart."""

from typing import Any

from qgis.core import QgsCategorizedSymbolRenderer, QgsFillSymbol, QgsRendererCategory

from ..i18n import tr


def style_split(layer: Any) -> None:
    """Give a layer of labelled polygons, whose field ``half`` says what each serves for, its two looks."""
    categories = []
    for value, title, colour, style in (
        ("training", tr("teaches"), "0,114,178", "solid"),
        ("validation", tr("kept apart, to try the model on"), "213,94,0", "b_diagonal"),
    ):
        symbol = QgsFillSymbol.createSimple(
            {"color": f"{colour},90", "style": style, "outline_color": f"{colour},255", "outline_width": "0.5"}
        )
        categories.append(QgsRendererCategory(value, symbol, title))
    layer.setRenderer(QgsCategorizedSymbolRenderer("half", categories))

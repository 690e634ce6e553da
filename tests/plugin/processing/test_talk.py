"""What the engine says reaches Processing's feedback: faults as warnings, news as news."""

import pytest

from ridgeline.engine.jobs import Warn


class Heard:
    """Stands for QGIS's feedback and keeps what it is told."""

    def __init__(self):
        self.warnings, self.news = [], []

    def pushWarning(self, text):
        self.warnings.append(text)

    def pushInfo(self, text):
        self.news.append(text)


@pytest.mark.parametrize(
    ("code", "is_news"), [("coarse_input", False), ("raster_not_used", True), ("surface_left_out", True)]
)
def test_what_nothing_is_wrong_with_is_no_warning(code, is_news):
    from ridgeline.plugin.processing.talk import FeedbackListener

    heard = Heard()
    FeedbackListener(heard).warning(Warn(code, "So it is."))
    assert (heard.news, heard.warnings) == ((["So it is."], []) if is_news else ([], ["So it is."]))

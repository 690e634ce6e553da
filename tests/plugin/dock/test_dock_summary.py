"""What the page says of the last run."""

from ridgeline.plugin.dock.widgets.summary import Summary


def test_sentences_are_text_and_the_record_is_a_link(qgis_app, qtbot, tmp_path):
    summary = Summary()
    qtbot.addWidget(summary)
    summary.show_run(["Roofs: 3 <b>gable</b> & 1 flat."], tmp_path / "run.json")
    text = summary.label.text()
    assert "&lt;b&gt;gable&lt;/b&gt; &amp; 1 flat" in text and "<b>" not in text
    assert f'href="file://{tmp_path}/run.json"' in text
    summary.show_run(["Nothing was found."], None)
    assert "href" not in summary.label.text()

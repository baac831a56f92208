"""A plugin from outside the tree has its charts, columns and example pictures in every report."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from here_engine import run_here

import harness

PLUGIN = '''
from harness.api import Axis, Curve, Grid, Measure, Metric, Shown, hookimpl
from harness.api.declaring import Gallery, Scatter, Verdict
from harness.api.measuring import Bar, GalleryExample, Pane, Sheet, Trace, draw_picture


def run(context):
    """Yield figures that anybody can check."""
    seed = context.seed
    for degrees in (10, 20, 30):
        for side in ("left", "right"):
            where = {"degrees": degrees, "side": side}
            value = 1 - degrees / 100 - 0.01 * (side == "left")
            yield Metric(name="steadiness", value=value, unit="fraction", where=where)
    for true in ("cat", "dog"):
        for said in ("cat", "dog"):
            value = 0.75 if true == said else 0.25
            where = {"true": true, "said": said}
            yield Metric(name="confusion", value=value, unit="fraction", where=where)
    for size in (1, 2):
        yield Metric(name="grip", value=2.0 * size, unit="N", where={"size": size})
        yield Metric(name="slip", value=0.5 * size, unit="m", where={"size": size})
    for part in ("head", "trunk"):
        yield Metric(name="warmth", value=0.5, unit="fraction", where={"part": part})
    for step in range(9):
        yield Metric(name="wobble", value=float(step), where={"step": step})
    inputs, targets, _ = next(context.split("test").batches(2))
    images = (255 * inputs).round().byte().repeat(1, 2, 1, 1)  # as it is, and turned
    images[:, 1] = images[:, 1].rot90(1, (1, 2))
    context.save_gallery([
        Sheet(
            title="a quarter <b>turn</b>",
            count="the first 2",
            notes=("Turned to the left.",),
            examples=tuple(
                GalleryExample(
                    caption=f"a {target}",
                    panes=(Pane(title="upright", name=str(target)), Pane(title="turned")),
                )
                for target in targets.tolist()
            ),
            picture=draw_picture(images),
        ),
        Sheet(title="in numbers", examples=(
            GalleryExample(caption="the whole", traces=(
                Trace(title="tilt", steps=3, lines={"degrees": (0.0, 1.0, 0.0)}),
            ), bars=(Bar(title="lean", share=-0.25, words="to the left"),)),
        )),
    ])


def sway(context):
    """Yield a figure of which less is better."""
    size = sum(values.numel() for values in context.model.parameters())
    yield Metric(name="sway", value=float(size), unit="cm", where={"side": "left"})


@hookimpl
def harness_register_measures():
    yield Measure(
        name="swaying",
        run=sway,
        takes=("image",),
        shows=(
            Shown(metric="sway", better="lower", title="sway, {side}",
                  verdict=Verdict(words="Steadiest ({side})", figure="{:,.0f} cm")),
        ),
    )
    yield Measure(
        name="turning",
        run=run,
        takes=("image",),
        axes=(Axis(name="degrees", title="turned by"), Axis(name="side"), Axis(name="true"),
              Axis(name="said"), Axis(name="size"), Axis(name="part"), Axis(name="step")),
        charts=(
            Curve(title="Steadiness <b>when</b> turned", x="degrees", y="steadiness",
                  panel=("side",), caption="How *well* it stands."),
            Grid(title="Confusion", value="confusion", x="said", y="true"),
            Scatter(title="Grip and slip", x="slip", y="grip"),
        ),
        gallery=Gallery(title="Turned & tilted", caption="How *they* look."),
    )
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    folder = tmp_path_factory.mktemp("stranger")
    plugin = folder / "turning_plugin.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    suite = {
        "suite": {"name": "turned"},
        "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}, {"name": "turning"}, {"name": "swaying"}],
    }
    return run_here(suite, store=folder / "store", plugins=[str(plugin)])


TITLES = (
    "Steadiness <b>when</b> turned, side left",
    "Steadiness <b>when</b> turned, side right",
    "Confusion, mlp",
    "Confusion, lenet",
    "Grip and slip",
    "Wobble",
)


def test_each_chart_is_there_once(run: harness.Run) -> None:
    assert [chart.title for chart in run.summary.charts] == list(TITLES)


def test_its_metric_takes_part_in_the_verdict(run: harness.Run) -> None:
    sizes = {row.architecture: row.figures["swaying/sway"].value for row in run.summary.rows}
    assert sizes["mlp"] < sizes["lenet"]
    said = f"Steadiest (left): mlp, {sizes['mlp']:,.0f} cm."
    assert run.summary.verdicts[-1] == said and said in run.report("terminal")


def test_the_terminal_has_their_numbers(run: harness.Run) -> None:
    text = run.report("terminal")
    assert all(title in text for title in TITLES)
    lines = text[text.index(TITLES[0]) :].splitlines()
    assert [line.split() for line in lines[2:4]] == [["turned", "by"], ["model", "10", "20", "30"]]
    assert ["lenet", "89.0", "79.0", "69.0"] in [line.split() for line in lines[5:7]]
    assert "How *well* it stands." in text
    assert re.search(r"warmth %\s+warmth %", text) and "part head" in text


def test_markdown_has_their_tables(run: harness.Run) -> None:
    text = run.report("markdown")
    assert "### Steadiness \\<b\\>when\\</b\\> turned, side left" in text
    assert "| mlp | 89.0 | 79.0 | 69.0 |" in text
    assert "How \\*well\\* it stands." in text
    start = text.index("### Confusion, mlp")
    assert "| cat | 75.0 | 25.0 |" in text[start:]
    assert "| mlp, size 2 | 1 m | 4 N |" in text


@pytest.mark.slow
def test_the_page_draws_them(run: harness.Run, open_page: Callable[..., Any]) -> None:
    opened = open_page(str(run.report("html")))
    assert opened.troubles == []
    figures = opened.page.locator("figure.chart")
    assert [text.split("\n")[0] for text in figures.locator("h3").all_inner_texts()] == [
        f"{title} digits" for title in TITLES
    ] or figures.count() == len(TITLES)
    for place in range(len(TITLES)):
        assert figures.nth(place).locator("svg").count() >= 1
    assert "<b>when</b>" in figures.nth(0).inner_text()
    assert "turned by" in figures.nth(0).locator("svg").inner_html()


def test_text_says_where_the_pictures_are(run: harness.Run) -> None:
    (found,) = [line for line in run.report("markdown").splitlines() if "tilted" in line]
    assert "4 galleries in the HTML report; that of mlp, a quarter \\<b\\>turn" in found
    assert "gallery_0.png" in found
    assert "Turned & tilted: 4 galleries in the HTML report" in run.report("terminal")


@pytest.mark.slow
def test_the_page_shows_the_pictures(run: harness.Run, open_page: Callable[..., Any]) -> None:
    opened = open_page(str(run.report("html")))
    assert opened.troubles == []
    section = opened.page.locator("section", has=opened.page.locator("h2:text('Turned & tilted')"))
    assert "How *they* look. Turned to the left." in section.inner_text()
    section.locator("details.model > summary").first.click()
    model = section.locator("details.model").first
    for words in ("a quarter <b>turn</b>", "the first 2", "UPRIGHT", "tilt", "0 to 1", "−25.0 %"):
        assert words.lower() in model.inner_text().lower()
    drawn = model.locator(".pane svg")
    assert drawn.count() == 4 and all(drawn.nth(k).is_visible() for k in range(4))
    assert model.locator(".trace path").count() == 1

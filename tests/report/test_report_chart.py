"""The chart: nothing overlaps or leaves the figure, bytes repeat, and matplotlib is left as found."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from effprof.errors import UsageError
from effprof.report import Report
from effprof.report.chart import build_figure, render_png, render_svg
from effprof.report.palette import COLOURS, LETTERS, ink_on

LONG_NAME = "a_network_with_a_very_long_name_$and$_dollars_x1_0"


def visible_texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


def with_all_parts(make_report: Callable[..., Report], name: str, latency_ms: float) -> Report:
    """Every category takes a ninth of 9 ms."""
    base = make_report(name, latency_ms=latency_ms)
    assert base.analysis.accounting is not None
    shares = tuple(
        replace(share, time_s=1e-3, fraction=1 / latency_ms, op_count=1) for share in base.analysis.categories
    )
    residual_s = latency_ms * 1e-3 - 9e-3
    accounting = replace(
        base.analysis.accounting,
        ops_s=8e-3,
        overhead_s=1e-3,
        residual_s=residual_s,
        residual_fraction=residual_s / (latency_ms * 1e-3),
    )
    return make_report(name, latency_ms=latency_ms, analysis={"categories": shares, "accounting": accounting})


@pytest.fixture
def several(make_report: Callable[..., Report]) -> list[Report]:
    return [
        make_report("tinynet"),
        make_report("negative", latency_ms=9.5),
        make_report(LONG_NAME, latency_ms=14.0),
        with_all_parts(make_report, "W" * 60, 123.456),
        with_all_parts(make_report, "all_negative", 8.0),
    ]


def assert_clear_layout(reports: list[Report]) -> None:
    figure = build_figure(reports)
    boxes = [(text.get_text(), text.get_window_extent()) for text in visible_texts(figure)]
    for (a, box_a), (b, box_b) in itertools.combinations(boxes, 2):
        assert not box_a.overlaps(box_b), f"{a!r} and {b!r} overlap"
    for content, box in boxes:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{content!r} leaves the figure"


@pytest.mark.parametrize("chosen", [[0], [1], [2], [3], [4], [0, 1, 2], [0, 1, 2, 3, 4]])
def test_no_two_texts_overlap_and_all_are_inside(several: list[Report], chosen: list[int]) -> None:
    assert_clear_layout([several[i] for i in chosen])


def test_a_long_device_name_stays_inside(make_report: Callable[..., Report]) -> None:
    device = replace(make_report().profile.device, name="W" * 200)  # type: ignore[type-var]
    assert_clear_layout([make_report(profile={"device": device})])


def segments(report: Report) -> list[Rectangle]:
    return [patch for patch in build_figure([report]).axes[0].patches if isinstance(patch, Rectangle)]


def test_segments_are_the_parts_and_end_at_the_latency(report: Report) -> None:
    widths = [segment.get_width() for segment in segments(report)]
    # conv 6, matmul 0.2, elemwise 1.5, data_io 0.5, shuffle 0.4, pool 0.1, overhead 1.1, residual 0.2 of 10 ms
    assert widths == pytest.approx([0.6, 0.02, 0.15, 0.05, 0.04, 0.01, 0.11, 0.02])
    last = segments(report)[-1]
    assert last.get_x() + last.get_width() == pytest.approx(1.0)
    assert last.get_hatch()


def test_a_negative_residual_is_drawn_past_the_latency_and_named(make_report: Callable[..., Report]) -> None:
    report = make_report(latency_ms=9.5)
    excess = segments(report)[-1]
    # the parts take 9.8 ms of 9.5
    assert (excess.get_x(), excess.get_width()) == pytest.approx((1.0, 0.3 / 9.5))
    assert excess.get_hatch()
    texts = [text.get_text() for text in visible_texts(build_figure([report]))]
    assert "residual: -3.2 %, -0.300 ms" in texts
    assert "latency = 100 %" in texts


def test_a_residual_that_rounds_to_zero_is_not_called_negative(make_report: Callable[..., Report]) -> None:
    # the parts take 9.8 ms
    report = make_report(latency_ms=9.8 - 1e-9)
    assert not [text for text in visible_texts(build_figure([report])) if text.get_text().startswith("residual:")]
    assert "latency ends here" not in report.text()


def test_every_part_is_in_the_table_even_where_its_segment_has_no_label(report: Report) -> None:
    texts = [text.get_text() for text in build_figure([report]).axes[1].texts]
    assert {"conv", "matmul", "elemwise", "data_io", "shuffle", "pool", "overhead", "residual"} <= set(texts)
    assert "1.0 %\n0.10 ms" in texts


def test_dollars_are_no_formula(make_report: Callable[..., Report]) -> None:
    report = make_report(r"$\undefined{$")
    assert render_png([report]).startswith(b"\x89PNG")


def test_a_script_the_font_lacks_is_no_failure(make_report: Callable[..., Report]) -> None:
    assert render_png([make_report("网络")]).startswith(b"\x89PNG")


def test_svg_repeats_byte_for_byte(several: list[Report]) -> None:
    first = render_svg(several)
    assert first == render_svg(several)
    assert b"<svg" in first
    assert b"<dc:date>" not in first


def test_matplotlib_is_left_as_found(report: Report) -> None:
    with matplotlib.rc_context({"text.usetex": True, "font.size": 33, "svg.hashsalt": "mine"}):
        before = dict(matplotlib.rcParams)
        render_png([report])
        render_svg([report])
        report.plot_decomposition()
        assert dict(matplotlib.rcParams) == before


def test_drawing_needs_no_pyplot_and_no_torch(tmp_path_factory: pytest.TempPathFactory) -> None:
    code = (
        "import sys, effprof.report, effprof.report.chart, effprof.report.text, effprof.report.html\n"
        "heavy = {'torch', 'matplotlib', 'pandas', 'rich', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pyplot_is_never_imported() -> None:
    import effprof.report as room

    folder = next(iter(room.__path__))
    grep = subprocess.run(["grep", "-rlE", "import pyplot|matplotlib.pyplot", folder, "--include=*.py"], check=False)
    assert grep.returncode == 1


def test_plotting_on_given_axes(report: Report) -> None:
    figure = Figure(figsize=(9, 3))
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    assert report.plot_decomposition(ax) is ax
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][-1] == "residual"


def test_a_new_figure_can_be_saved(report: Report, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("plot") / "plot.png"
    report.plot_decomposition().figure.savefig(path)
    assert path.stat().st_size > 10_000


def test_nothing_timed_nothing_drawn(counted: Report) -> None:
    with pytest.raises(UsageError, match="Nothing was timed"):
        counted.plot_decomposition()
    with pytest.raises(UsageError, match="Nothing was timed"):
        render_png([])


def test_every_part_has_its_own_colour_and_letter(report: Report) -> None:
    names = {share.category.value for share in report.analysis.categories} | {"residual"}
    assert set(COLOURS) == set(LETTERS) == names
    assert len(set(COLOURS.values())) == len(set(LETTERS.values())) == 10


def test_ink_is_readable() -> None:
    assert ink_on("#0072B2") == "#FFFFFF"
    assert ink_on("#F0E442") == "#000000"

"""A user's table: what is wrong with it is one line that says what would be right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.cli import main
from effprof.errors import UsageError
from effprof.latencies.table import MAX_BYTES, MAX_ROWS, Asked, read_latencies

HEAD = "device,model,batch,median_ms\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_is_read(tmp_path: Path) -> None:
    table = read_latencies(
        written(
            tmp_path,
            "\ufeffmodel,device,notes,batch,median_ms,img_size\r\n"
            'resnet18,"GPU, 1",slow,1,2.5,\r\n'
            'resnet18,"GPU, 1",,4,8,160\r\n'
            " vgg11 ,there,,1.0,1e3,224\r\n",
        )
    )
    assert table.name == "mine.csv"
    assert table.latencies == {
        "GPU, 1": {"resnet18": pytest.approx(2.5e-3), "resnet18 at 160 x4": pytest.approx(8e-3)},
        "there": {"vgg11 at 224": pytest.approx(1.0)},
    }
    assert table.networks["resnet18 at 160 x4"] == Asked("resnet18", 4, 160)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("device,model,median_ms\n", "no column 'batch'. Needed are device, model, batch, median_ms"),
        ("", "no column 'device'"),
        (HEAD, "no rows"),
        (HEAD + "here,resnet18,1,fast\n", "line 2, median_ms: found 'fast'. Give milliseconds from 1e-06 to 86400000"),
        (HEAD + "here,resnet18,1,-3\n", "line 2, median_ms: found '-3'"),
        (HEAD + "here,resnet18,1,0\n", "line 2, median_ms: found '0'"),
        (HEAD + "here,resnet18,1,1e-322\n", "line 2, median_ms: found '1e-322'. Give milliseconds from 1e-06"),
        (HEAD + "here,resnet18,1,9e-7\n", "line 2, median_ms: found '9e-7'"),
        (HEAD + "here,resnet18,1,8.65e7\n", "line 2, median_ms: found '8.65e7'"),
        (HEAD + "here,resnet18,1,nan\n", "line 2, median_ms: found 'nan'"),
        (HEAD + "here,resnet18,1,inf\n", "line 2, median_ms: found 'inf'"),
        (HEAD + "here,resnet18,1\n", "line 2, median_ms: found nothing"),
        (HEAD + "here,resnet18,,3\n", "line 2, batch: found ''"),
        (HEAD + "here,resnet18,1.5,3\n", "line 2, batch: found '1.5'. Give a whole number"),
        (HEAD + "here,resnet18,inf,3\n", "line 2, batch: found 'inf'"),
        (HEAD + "here,resnet18,0,3\n", "line 2, batch: found '0'"),
        (HEAD + "here,,1,3\n", "line 2, model: found nothing"),
        (HEAD + f"{'d' * 201},resnet18,1,3\n", "line 2, device: found 201 characters"),
        (HEAD.replace("\n", ",img_size\n") + "here,resnet18,1,3,-4\n", "line 2, img_size: found '-4'"),
        (HEAD + "here,resnet18,1,3\n" * 2, "line 3: resnet18 at this batch and size is there twice for here"),
        (HEAD + "here,resnet50,1,3\nhere,resnet,1,3\n", "line 3: resnet (resnet50) at this batch and size is"),
        (HEAD + "d,torchvision:swin_t,1,3\nd,swin_t,1,3\n", "line 3: swin_t (torchvision:swin_t) at this batch"),
        (
            HEAD.replace("\n", ",img_size\n") + "d,a at 64,1,3,\nd,a,1,3,64\n",
            "line 3: a (torchvision:a) at this batch and size is there twice",
        ),
        (HEAD + 'here,"resnet18,1,3\n', "Cannot read"),
        (HEAD.encode() + b"\xff\xfe,x,1,3\n", "is no UTF-8 text: invalid start byte at byte"),
        (HEAD + "d,m,1,1\n" + "x" * 200_000, "Cannot read"),
        (HEAD + "".join(f"d,m{number},1,1\n" for number in range(MAX_ROWS + 1)), f"more than {MAX_ROWS} rows"),
        (HEAD + "x" * MAX_BYTES, "larger than 4 MB"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(
    text: str | bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)
    assert main(["guidelines", "--device", "fake", "--latencies", str(path)]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_two_libraries_networks_of_one_name_may_both_be_timed(tmp_path: Path) -> None:
    rows = "here,resnet50,1,3\nhere,torchvision:resnet50,1,4\nthere,resnet,1,4\n"
    table = read_latencies(written(tmp_path, HEAD + rows))
    assert set(table.latencies["here"]) == {"resnet50", "torchvision:resnet50"}
    assert set(table.latencies["there"]) == {"resnet"}


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guidelines", "--latencies", str(tmp_path / "none.csv")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["guidelines", "--latencies", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        assert main(["guidelines", "--latencies", str(tmp_path / "pipe.csv")]) == 2
        assert "it is a named pipe" in capsys.readouterr().err
    assert main(["guidelines", "--latencies-as", "gpu"]) == 2
    assert "--latencies-as needs --latencies" in capsys.readouterr().err


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200), with_head=st.booleans())
def test_any_text_is_read_or_refused_in_our_words(
    text: str, with_head: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("t"), (HEAD * with_head + text).encode("utf-8", "surrogatepass"))
    said = ""
    try:
        table = read_latencies(path)
    except UsageError as error:
        said = str(error).replace(str(path), "")
    else:
        assert all(0 < seconds < 1e5 for rows in table.latencies.values() for seconds in rows.values())
    assert said.isprintable()

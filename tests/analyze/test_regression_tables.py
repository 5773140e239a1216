"""The experiment on latencies: a user's table written out, the published ones where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))


GOOD = "device,model,batch,median_ms\n"
TABLE = GOOD + "".join(
    f"here,{model},1,{median_ms}\n"
    for model, median_ms in (("alexnet", 9), ("mobilenetv2", 12), ("resnet18", 20), ("squeezenet1_1", 5), ("vgg11", 70))
)


def test_a_users_table_is_fitted_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import flops_are_not_latency

    path, folder = tmp_path / "mine.csv", tmp_path / "out"
    path.write_text(TABLE)
    words = ["flops_are_not_latency.py", "--latencies", str(path), "--as", "arm", "--output-dir", str(folder)]
    monkeypatch.setattr(sys, "argv", words)
    flops_are_not_latency.main()
    assert "| here | 5 |" in capsys.readouterr().out
    assert (folder / "devices" / "latencies" / "here.json").exists()
    assert (folder / "latencies.png").stat().st_size > 1000


def test_without_recorded_data_it_says_where_to_look(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import flops_are_not_latency

    monkeypatch.delenv("EFFPROF_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["flops_are_not_latency.py"])
    with pytest.raises(SystemExit) as stopped:
        flops_are_not_latency.main()
    assert stopped.value.code == 3
    assert "EFFPROF_DATA" in capsys.readouterr().err


def test_published_tables_are_read_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows copied from ncnn's benchmark/README.md and one from pytorch-gpu-benchmark."""
    import latency_tables

    folder = tmp_path / "latency"
    folder.mkdir()
    (folder / "torchvision_gpu_steps.csv").write_text(
        "device,dtype,mode,batch_size,model,n,median_ms\n"
        "GTX 1080 Ti,float64,inference,12,densenet121,20,275.2182\n"
        "GTX 1080 Ti,float32,train,12,densenet121,20,100\n"
        "GTX 1080 Ti,float32,inference,12,densenet121,20,23.53\n"
    )
    head = "device,cpu_arch,backend,num_threads,powersave,model,precision,avg_ms,note\n"
    jetson = "NVIDIA Jetson AGX Orin (Cortex-A78AE 2.2 GHz x 12),arm64,cpu,1,0"
    (folder / "ncnn_benchmark.csv").write_text(
        f"{head}{jetson},squeezenet,fp,11.74,\n{jetson},squeezenet_int8,int8,12.31,\n{jetson},blazeface,fp,3,\n"
    )
    monkeypatch.setenv("EFFPROF_DATA", str(tmp_path))
    assert latency_tables.gpu_latencies() == {"GTX 1080 Ti": {"densenet121": pytest.approx(0.02353)}}
    found = latency_tables.arm_latencies(history=False, least=1)
    assert found == {"NVIDIA Jetson AGX Orin": {"squeezenet": pytest.approx(0.01174)}}
    assert latency_tables.arm_latencies(history=False) == {}


def test_a_table_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import flops_are_not_latency

    path = tmp_path / "mine.csv"
    path.write_text(TABLE.replace("vgg11", "vgg11000"))
    monkeypatch.setattr(sys, "argv", ["flops_are_not_latency.py", "--latencies", str(path)])
    with pytest.raises(SystemExit) as stopped:
        flops_are_not_latency.main()
    err = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "4 networks of it can be counted; a fit needs 5" in err
    assert "vgg11000" in err
    assert err.count("\n") == 1

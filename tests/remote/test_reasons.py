"""Each thing that can go wrong is one line and exit code 3: with an ssh on PATH that fails in its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from board_words import HELLO, says

from effprof import __version__
from effprof.cli import main
from effprof.remote.connection import START

FakeSsh = Callable[[str], Path]
DEEP = '{"a":' + "[" * 3000
ASKED = f"{says('hello', HELLO)}; read request"
REMOTE_HOST_CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Host key for board has changed and you have requested strict checking.
Host key verification failed."""


def outcome(capsys: pytest.CaptureFixture[str], tmp_path: Path, *options: str) -> tuple[int, list[str]]:
    """Exit code and stderr of a run on the machine that the fake ssh stands for."""
    folder = tmp_path / "run"
    code = main(
        ["run", "--model", "mobilenetv2", "--device", "ssh://pi@board:2222/cpu", "--output-dir", str(folder), *options]
    )
    assert not folder.exists()
    return code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("ssh: Could not resolve hostname board: Name or service not known",
         "Could not resolve hostname board: Name or service not known. Check the name"),
        ("pi@board: Permission denied (publickey,password).",
         "Permission denied (publickey,password). ssh must get in without effprof first"),
        ("Permission denied, please try again.\r\n" * 2 + "pi@board: Permission denied (publickey,password).",
         "Permission denied (publickey,password). ssh must get in without effprof first"),
        ("ssh: connect to host board port 2222: Connection refused", "Connection refused. Is sshd running"),
        ("ssh: connect to host board port 2222: Connection timed out", "timed out. Is it switched on"),
        ("ssh: connect to host board port 2222: No route to host", "No route to host. Is it switched on"),
        ("ssh: connect to host board port 2222: Network is unreachable", "Network is unreachable. Is it switched on"),
        ("No ED25519 host key is known for board and you want strict checking.\nHost key verification failed.",
         "Host key verification failed. Connect once with ssh"),
        (REMOTE_HOST_CHANGED, "Host key verification failed. If the machine was set up anew, take its old key out: "
         "ssh-keygen -R board."),
        ("kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 2222",
         "Connection reset by peer. Something answers there"),
        ("Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
         "Too many authentication failures. Name the key"),
        ("Cannot execute command-line and remote command.",
         "Cannot execute command-line and remote command. Give it an entry without RemoteCommand"),
        ("/home/pi/.ssh/config: line 3: Bad configuration option: hots", "Bad configuration option: hots."),
        ("", "ssh said nothing."),
    ],
)  # fmt: skip
def test_ssh_fails(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path, stderr: str, said: str
) -> None:
    message = tmp_path / "message"
    message.write_text(f"{stderr}\n" if stderr else "")
    fake_ssh(f"cat '{message}' >&2; exit 255")
    code, (line,) = outcome(capsys, tmp_path)
    assert code == 3
    assert line.startswith("effprof: No connection to pi@board:2222: ")
    assert said in line


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'bash: line 1: python3: command not found' >&2; exit 127",
         "There is no 'python3' on pi@board:2222. Say with --remote-python which Python has effprof."),
        ("echo 'bash: line 1: /opt: Is a directory' >&2; exit 126", "'python3' cannot be run on pi@board:2222: bash:"),
        ("echo \"ModuleNotFoundError: No module named 'effprof'\" >&2; exit 1",
         f"python3 on pi@board:2222 has no effprof. Install effprof {__version__} there"),
        ("echo \"ModuleNotFoundError: No module named 'effprof.remote'\" >&2; exit 1",
         "is too old to be used from here"),
        ("echo 'This account is currently not available.'; exit 1", "did not start on pi@board:2222 (exit code 1)"),
        ("echo 'SyntaxError: invalid syntax' >&2; exit 1", "(exit code 1: SyntaxError: invalid syntax)"),
        (says("hello", HELLO | {"effprof": "0.0.9"}),
         f"effprof on pi@board:2222 is version 0.0.9, here it is {__version__}."),
        (says("hello", {"effprof": "0.9.0"}), f"is version 0.9.0, here it is {__version__}."),
        (says("hello", DEEP), "something that is not effprof's: "),
        (says("hello", HELLO | {"torch": None}), "has effprof but no torch. Install torch there."),
        (says("hello", {"effprof": 7}), "something that is not effprof's: Expected `str`, got `int`"),
        ("printf 'effprof-remote/99 hello 2\\n{}'", "it speaks protocol 99 and this effprof protocol 1"),
        (says("result", {}), "sent a 'result' before saying hello"),
        ("yes | head -c 1000000", "it sent much text that is not effprof's"),
        (says("hello", HELLO), "effprof on pi@board:2222 ended before there was a result (exit code 0)."),
        (f"{says('hello', HELLO)}; read request; echo 'OSError: disk full' >&2; exit 1",
         "ended before there was a result (exit code 1: OSError: disk full)."),
        (f"{says('hello', HELLO)}; read request; echo 'Timeout, server board not responding.' >&2; exit 255",
         "The connection to pi@board:2222 ended before there was a result: Timeout, server board not responding: lost"),
        (f"{says('hello', HELLO)}; echo nonsense", "it sent something that is not effprof's"),
        (f"{ASKED}; {says('hello', HELLO)}", "sent a result that cannot be used: a 'hello'"),
        (f"{ASKED}; {says('result', {})}", "sent a result that cannot be used: not a saved profile"),
        (f"{ASKED}; {says('result', {'format': 'effprof.profile/2'})}", "so update effprof"),
        (f"{ASKED}; {says('error', ['x'])}", "sent a result that cannot be used: Expected `object`"),
        (f"{ASKED}; {says('error', DEEP)}", "sent a result that cannot be used: "),
        (f"{ASKED}; {says('error', {'error': 'RemoteError', 'text': 'ended by SIGKILL.'})}",
         "effprof: pi@board:2222: ended by SIGKILL."),
        (f"{ASKED}; {says('error', {'error': 'annotations', 'text': 'odd.'})}",
         "effprof: pi@board:2222: odd."),
        (f"{ASKED}; {says('error', {'error': 'UnavailableError', 'text': 'no cuda.'})}",
         "effprof: pi@board:2222: no cuda."),
    ],
)  # fmt: skip
def test_the_other_side_fails(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path, script: str, said: str
) -> None:
    fake_ssh(script)
    code, lines = outcome(capsys, tmp_path)
    assert code == 3
    assert said in lines[-1]
    assert lines[-1].startswith("effprof: ")
    assert len([line for line in lines if not line.startswith("board: ")]) == 1


def test_what_the_user_did_wrong_keeps_its_exit_code(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake_ssh(f"{ASKED}; {says('error', {'error': 'ModelError', 'text': 'it raised ValueError.'})}")
    assert outcome(capsys, tmp_path) == (2, ["effprof: pi@board:2222: it raised ValueError."])


def test_no_ssh_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("EFFPROF_SSH", "no-such-ssh")
    code, (line,) = outcome(capsys, tmp_path)
    assert code == 3
    assert line.startswith("effprof: 'no-such-ssh' cannot be started: No such file or directory.")


def test_what_is_printed_there_is_shown_without_what_a_terminal_obeys(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake_ssh(
        "printf 'a banner\\n' >&2; "
        f"{says('hello', HELLO)}; read request; printf 'red \\033[31mtext\\033]0;title\\007\\r\\nlast\\n' >&2; exit 1"
    )
    _, lines = outcome(capsys, tmp_path)
    assert lines[:-1] == ["board: a banner", "board: red text", "board: last"]


def test_what_ssh_was_given(fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = fake_ssh("exit 255")
    outcome(capsys, tmp_path, "--remote-python", "~/my venv/bin/python")
    assert arguments.read_text().split("\0")[:-1] == [
        "-T", "-p", "2222", "-l", "pi", "--", "board", f"'my venv/bin/python' -c '{START}'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "mobilenetv2", "--device", "ssh://-v"], "'-v' cannot be a host"),
        (["--model", "mobilenetv2", "--remote-python", "python3"], "--remote-python is for --device ssh://"),
        (["--model", "mobilenetv2", "--remote-python=-c"], "--remote-python is '-c'"),
        (["--model", "mobilenetv9", "--device", "ssh://board"], "mobilenetv9"),
        (["--model", "no/net.py:build", "--device", "ssh://board"], "No file 'no/net.py'"),
    ],
)
def test_what_is_wrong_here_is_said_before_anything_is_sent(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], said: str
) -> None:
    arguments = fake_ssh("exit 255")
    assert main(["run", *words, "--output-dir", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err
    assert not arguments.exists()
    assert not (tmp_path / "run").exists()


def test_what_may_be_there_is_asked_there(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A package of the other machine need not be on this one."""
    arguments = fake_ssh("exit 255")
    words = ("--model", "board_package.nets:build", "--device", "ssh://board")
    assert main(["run", *words, "--output-dir", f"{tmp_path}/r"]) == 3
    assert arguments.exists()


def test_a_file_that_is_too_large_is_not_sent(
    fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    net = tmp_path / "net.py"
    net.write_text("#" * (4 << 20) + "\n")
    fake_ssh(f"{says('hello', HELLO)}; cat > /dev/null")
    assert main(["run", "--model", f"{net}:build", "--device", "ssh://board", "--output-dir", f"{tmp_path}/r"]) == 2
    assert "more than 4 MiB" in capsys.readouterr().err

"""What `ssh://` texts mean, what is refused, and what ssh is given."""

from __future__ import annotations

import ipaddress
import re
import shlex
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.commands.on_device import remote_python
from effprof.errors import UsageError
from effprof.remote.connection import START, ssh_command
from effprof.remote.target import Target, device_name, is_gpu, parse_target
from effprof.settings import parse_device

WORD = string.ascii_letters + string.digits + "_"
names = st.builds(str.__add__, st.sampled_from(WORD), st.text(WORD + ".-", max_size=30))
addresses = st.integers(0, 2**128 - 1).map(lambda number: str(ipaddress.IPv6Address(number)))
targets = st.builds(
    Target,
    host=st.one_of(names, addresses, addresses.map("{}%eth0".format)),
    user=st.none() | names | names.map("{}@example.org".format),
    port=st.none() | st.integers(1, 65535),
    device=st.sampled_from(("auto", "cpu", "cuda", "cuda:3", "fake")),
)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ssh://board", Target("board")),
        ("ssh://board/", Target("board")),
        ("ssh://pi@raspberrypi.local:2222/cpu", Target("raspberrypi.local", "pi", 2222, "cpu")),
        ("ssh://10.0.0.7/cuda:1", Target("10.0.0.7", device="cuda:1")),
        ("ssh://root@[fe80::1%eth0]:22/fake", Target("fe80::1%eth0", "root", 22, "fake")),
        ("ssh://[fe80::1%25eth0]", Target("fe80::1%eth0")),
        ("ssh://me@corp.example@board/cpu", Target("board", "me@corp.example", device="cpu")),
    ],
)
def test_what_is_written_is_meant(text: str, target: Target) -> None:
    assert parse_target(text) == target


@given(targets)
def test_every_target_has_a_url_that_means_it(target: Target) -> None:
    assert parse_target(target.url) == target


@given(st.text(max_size=60).map("ssh://{}".format) | st.text(max_size=60))
def test_any_text_is_a_harmless_target_or_one_clear_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError as error:
        said = str(error)
        target = None
    if target is None:
        assert said.startswith(f"--device is {text!r}: ")
        return
    assert not target.host.startswith("-")
    assert not (target.user or "").startswith("-")
    assert not set(target.host + (target.user or "")) & set("`'\"$\\;&<>|(){}*?!~# \t\n\r\0/")


# What is an option, a shell's, a URL's or another line to somebody, in all places of a URL and between.
nasty = st.sampled_from(
    (
        *("-", "-oProxyCommand=x", "--", "-l", "%2D", "%20", "%00", "\n", "\r", "\0", " ", "\t", "@", ":", "/"),
        *("[", "]", "::1", "0", "22", "65536", "-1", "٢٢", "\u2010", "\uff0d", "\ud800", "$(x)", "`x`", ";"),
        *("cpu", "pi", "board", "a.b", ""),
    )
)
nasty_urls = st.lists(nasty, max_size=9).map("".join) | st.builds(
    "{}@{}:{}/{}".format, *[st.lists(nasty, max_size=2).map("".join)] * 4
)


@given(nasty_urls)
def test_ssh_takes_nothing_that_a_user_wrote_for_an_option(url: str) -> None:
    try:
        target = parse_target(f"ssh://{url}")
    except UsageError:
        return
    ssh, notty, *options, dashes, host, command = ssh_command(target, "python3")
    assert (ssh, notty, dashes) == ("ssh", "-T", "--")
    assert command == f"python3 -c '{START}'"
    assert re.fullmatch(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*", host)
    names, values = options[::2], options[1::2]
    assert names == [name for name, value in (("-p", target.port), ("-l", target.user)) if value is not None]
    for name, value in zip(names, values, strict=True):
        assert re.fullmatch({"-p": r"[1-9][0-9]{0,4}", "-l": r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*"}[name], value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ssh://-oProxyCommand=touch%20x/cpu", "cannot be a host"),
        ("ssh://-v", "'-v' cannot be a host"),
        ("ssh://-l@board", "'-l' cannot be a user"),
        ("ssh://", "it names no host"),
        ("ssh:///cpu", "it names no host"),
        ("ssh://@board", "'' cannot be a user"),
        ("ssh://board:", "'' is no port"),
        ("ssh://board:0", "'0' is no port"),
        ("ssh://board:65536/cpu", "'65536' is no port"),
        ("ssh://board:٢٢", "is no port"),
        ("ssh://::1/cpu", "an IPv6 address in brackets"),
        ("ssh://[::1", "an IPv6 address in brackets"),
        ("ssh://[board]/cpu", "'board' is no IPv6 address"),
        ("ssh://[fe80::1%e;x]", "'e;x' cannot be a network interface"),
        ("ssh://pi%40corp@board", "'pi%40corp' cannot be a user"),
        ("ssh://board%20x", "'board%20x' cannot be a host"),
        ("ssh://my board", "'my board' cannot be a host"),
        ("ssh://board;reboot", "cannot be a host"),
        ("ssh://$(reboot)/cpu", "cannot be a host"),
        ("ssh://board/tpu9", "No device named 'tpu9'"),
        ("ssh://board/cpu/", "No device named 'cpu/'"),
        ("ssh://board/ssh://other", "is another machine"),
        ("ssh://board/fake:plan.json", "is not sent"),
        ("ssh://board\n/cpu", "cannot be a host"),
    ],
)
def test_what_is_refused_says_why(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^--device is ") as caught:
        parse_target(text)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_names_for_folders_and_gpus() -> None:
    assert device_name("fake:plan.json") == "fake"
    assert device_name("ssh://pi@board:22/cpu") == "board-cpu"
    assert [is_gpu(text) for text in ("cuda:1", "ssh://b/cuda", "ssh://cuda/cpu", "cpu")] == [True, True, False, False]


def test_ssh_gets_a_list_and_only_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EFFPROF_SSH", raising=False)
    quoted = f"python3 -c '{START}'"
    assert ssh_command(Target("board"), "python3") == ["ssh", "-T", "--", "board", quoted]
    assert ssh_command(Target("fe80::1", "pi", 2222), "python3") == [
        "ssh", "-T", "-p", "2222", "-l", "pi", "--", "fe80::1", quoted,
    ]  # fmt: skip


def test_another_ssh_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFPROF_SSH", "/opt/my ssh' 'x -F 'a b'".replace("my ssh' 'x", "ssh"))
    assert ssh_command(Target("board"), "python3")[:4] == ["/opt/ssh", "-F", "a b", "-T"]
    monkeypatch.setenv("EFFPROF_SSH", "ssh -F 'a")
    with pytest.raises(UsageError, match="EFFPROF_SSH is"):
        ssh_command(Target("board"), "python3")


def test_no_quote_needs_a_particular_shell() -> None:
    assert not set(START) & set("'\"\\!$`\n")


@given(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=30))
def test_the_python_reaches_the_other_shell_as_one_word(name: str) -> None:
    (*_, command) = ssh_command(Target("board"), name)
    assert shlex.split(command) == [name, "-c", START]


def test_a_shell_runs_nothing_that_a_pythons_name_says(tmp_path: Path) -> None:
    name = f"x'$(touch {tmp_path}/one)`touch {tmp_path}/two`;touch {tmp_path}/three #"
    (*_, command) = ssh_command(Target("board"), name)
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True)
    assert done.returncode == 127
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("python3.12", "python3.12"), ("~/venv/bin/python", "venv/bin/python"), ("/opt/py thon", "/opt/py thon")],
)
def test_home_is_where_ssh_starts(text: str, name: str) -> None:
    assert remote_python(text) == name


@pytest.mark.parametrize("text", ["", "~/", "-c", "a\nb", "a\0b", "\x1b[31m"])
def test_no_name_of_a_python(text: str) -> None:
    with pytest.raises(UsageError, match="--remote-python is"):
        remote_python(text)


def test_from_python_another_machine_is_refused_with_the_way_to_it() -> None:
    with pytest.raises(UsageError, match="'ssh://board/cpu' is another machine: measure there with `effprof run`"):
        parse_device("ssh://board/cpu")

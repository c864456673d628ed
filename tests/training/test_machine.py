"""Memory, cores and devices, from files as Linux writes them."""

import numpy as np
import pytest

from biaffine_tf import machine


def test_peak_of_this_process_can_be_measured_anew():
    if machine.peak_memory() is None:
        pytest.skip("the system does not say")
    grown = []
    for _ in range(3):  # the system may take other pages away meanwhile
        machine.reset_peak_memory()
        before = machine.peak_memory()
        np.ones(64 << 17)
        grown.append(machine.peak_memory() - before)
    assert max(grown) > 50 << 20


def _machine(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return machine.memory_limit(str(root))


FREE = {
    "proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    5000 kB\n",
    "proc/self/status": "Name:\tpython\nVmHWM:\t 700 kB\nVmRSS:\t 600 kB\n",
}
GROUP = {"proc/self/cgroup": "0::/a/b\n"}
OLD_GROUP = {"proc/self/cgroup": "5:cpu,io:/x\n4:memory:/a\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "kibibytes"),
    [
        (FREE, 5600),
        (FREE | GROUP, 5600),
        (FREE | GROUP | {"sys/fs/cgroup/a/b/memory.max": "max\n"}, 5600),
        (FREE | GROUP | {"sys/fs/cgroup/a/b/memory.max": "4096000\n"}, 4000),
        (FREE | GROUP | {"sys/fs/cgroup/a/memory.max": "4096000\n"}, 4000),
        (FREE | GROUP | {"sys/fs/cgroup/memory.max": "4096000\n"}, 4000),
        (GROUP | {"sys/fs/cgroup/memory.max": "4096000\n"}, 4000),
        (
            FREE
            | OLD_GROUP
            | {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096000\n"},
            4000,
        ),
    ],
)
def test_limit_is_the_least_of_what_is_said(tmp_path, files, kibibytes):
    assert _machine(tmp_path, files) == kibibytes * 1024


def test_limit_of_a_machine_that_says_nothing(tmp_path):
    assert _machine(tmp_path, {}) is None


@pytest.mark.parametrize(
    ("flags", "has"),
    [("fpu avx512_bf16 avx2", True), ("amx_bf16", True), ("avx512bw", False)],
)
def test_bfloat16_is_a_flag_of_the_processor(tmp_path, flags, has):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"processor: 0\nflags\t: {flags}\n")
    assert machine.has_bfloat16(str(tmp_path)) is has


def test_a_machine_that_says_nothing_has_no_bfloat16(tmp_path):
    assert not machine.has_bfloat16(str(tmp_path))


V2 = {"proc/self/cgroup": "0::/a/b\n"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, 8),
        (V2 | {"sys/fs/cgroup/a/b/cpu.max": "250000 100000\n"}, 3),
        (V2 | {"sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/a/cpu.max": "6400000 100000\n"}, 8),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
    ],
)
def test_cores_are_those_that_are_granted(tmp_path, monkeypatch, files, cores):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    _machine(tmp_path, files)
    assert machine.usable_cores(str(tmp_path)) == cores


GPU = {"dev/nvidia0": "", "dev/nvidiactl": ""}
DRIVER = {"proc/driver/nvidia/gpus/0000:01/information": "Model: H200\n"}


@pytest.mark.parametrize(
    ("files", "visible", "has"),
    [
        ({}, None, False),
        (GPU, None, True),
        (GPU, "0", True),
        (GPU, "GPU-8932f937", True),
        (GPU, "", False),
        (GPU, "-1", False),
        ({"dev/nvidia3": ""}, None, True),
        (DRIVER, None, False),  # a container without a GPU
        (DRIVER | {"dev/nvidiactl": ""}, None, True),
        ({"dev/nvidiactl": ""}, None, False),
    ],
)
def test_a_gpu_is_one_that_the_driver_shows(tmp_path, files, visible, has):
    _machine(tmp_path, files)
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert machine.has_gpu(str(tmp_path), environment) is has

# machine.py - what the kernel knows: CPU time of a server, of the machine, flushes of a disk, the price of one fdatasync, and the machine's name.
import os
import platform
import re
import subprocess
import time

TICK_MICROS = 1_000_000 // os.sysconf("SC_CLK_TCK")


def descendants(pid):
    """pid and all processes below it."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def cpu_micros(pids):
    """User and system time of whole processes: their stat counts every thread, also those that ended."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_MICROS


def family_cpu_micros(pid):
    """The same of a process and its children, also of children that come and go meanwhile: who ended is in its parent's account."""
    total = 0
    for one in descendants(pid):
        try:
            with open(f"/proc/{one}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(int(field) for field in (fields[11:15] if one == pid else fields[11:13]))
    return total * TICK_MICROS


def system_cpu_micros():
    """Busy time of all cores since boot, kernel threads and interrupts included; and what the hypervisor took away."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq) * TICK_MICROS, steal * TICK_MICROS


class Disk:
    """The block device under a folder. Its flush counter is a witness that fsyncs really reach the disk."""

    def __init__(self, folder):
        device = os.stat(folder).st_dev
        self._stat = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
        parent = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/.."
        if os.path.exists(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/partition"):
            self._stat = f"{parent}/stat"  # flushes are counted for whole disks only

    def flushes(self):
        try:
            with open(self._stat, encoding="ascii") as file:
                fields = file.read().split()
            return int(fields[15]) if len(fields) > 15 else None
        except OSError:
            return None


def filesystem_of(folder):
    """(type, options) of the mount that holds the folder."""
    best = ("", "", "")
    folder = os.path.realpath(folder)
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _device, point, kind, options = line.split()[:4]
            inside = folder == point or folder.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, kind, options)
    return best[1], best[2]


def fdatasync_micros(folder, times=2000):
    """(p50, p99) of appending 4 KiB and waiting until it is on the disk."""
    path = os.path.join(folder, "fdatasync.probe")
    page = os.urandom(4096)
    took = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(times):
            begin = time.perf_counter_ns()
            file.write(page)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter_ns() - begin) / 1000)
    os.unlink(path)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.99)]


def idle_share(seconds=2.0):
    """The share of one core that everything else on the machine takes now, while we do nothing."""
    before = system_cpu_micros()[0]
    time.sleep(seconds)
    return (system_cpu_micros()[0] - before) / (seconds * 1e6)


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return ""


def describe(folder):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    kind, options = filesystem_of(folder)
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "filesystem": f"{kind} ({options})",
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "nginx": output("nginx", "-v").partition(":")[2].strip(),
        "wrk": output("wrk", "-v").split("\n")[0].partition("[")[0].strip(),
        "openssl": output("openssl", "version").partition("(")[0].strip(),
        "gunicorn": output("gunicorn", "--version"),
    }

"""A network of one's own: each node in a namespace, on switches from which it can be taken.

Everything is within namespaces that only this process and its children hold: when it ends, however it ends, the kernel removes
nodes, cables, switches and what still runs in them. Nothing of the machine's own network is touched.
"""

import os
import shutil
import signal
import subprocess
import sys

# Set in the process that is inside.
INSIDE = "SSOWATCH_BENCH_INSIDE"

REMEDY = (
    "parting instances needs network namespaces of one's own: run as root, or where `unshare --user --map-root-user --net` is allowed "
    "(kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, a container's seccomp profile); "
    "`unshare`, `nsenter` and `setpriv` (util-linux) and `ip` (iproute2) must be installed"
)


def enter():
    """Goes on in namespaces of one's own; returns inside of them, or ends with what is missing."""
    if INSIDE in os.environ:
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        os.makedirs("/run/netns")
        ip("link set lo up")
        return
    missing = [tool for tool in ("unshare", "setpriv", "nsenter", "ip", "mount") if not shutil.which(tool)]
    if missing:
        sys.exit(f"no {', '.join(missing)}: {REMEDY}")
    # `unshare` dies with this process, and everything within with `unshare`.
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    probe = "mount -t tmpfs none /run && ip link add name probe type bridge && ip link add name probe0 type veth peer name probe1"
    tried = subprocess.run([*command, "sh", "-c", probe], capture_output=True, text=True)
    if tried.returncode != 0:
        sys.exit(f"no right to make network namespaces ({' '.join(tried.stderr.split())}): {REMEDY}")
    inside = subprocess.Popen([*command, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"})
    # Who interrupts it reaches the process inside, which tidies up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: inside.kill())
    sys.exit(inside.wait())


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


class Switch:
    """A bridge with a port for each node, and one for this process. Some of the nodes can be moved to a second one, so that they
    reach each other, and nobody else."""

    def __init__(self, name, prefix):
        self.name, self.prefix = name, prefix
        for bridge in (name, f"{name}-b"):
            ip(f"link add name {bridge} type bridge")
            ip(f"link set {bridge} up")
        ip(f"address add {self.address(1)}/24 dev {name}")

    def address(self, number):
        return f"{self.prefix}.{number}"

    def plug(self, node):
        port = f"{self.name}{node.number}"
        ip(f"link add name {port} type veth peer name {self.name} netns {node.name}")
        ip(f"link set {port} master {self.name} up")
        ip(f"-n {node.name} address add {self.address(node.number)}/24 dev {self.name}")
        ip(f"-n {node.name} link set {self.name} up")

    def part(self, nodes):
        """Nobody hears of it: packets are lost, connections stay."""
        for node in nodes:
            ip(f"link set {self.name}{node.number} master {self.name}-b")

    def join(self, nodes):
        for node in nodes:
            ip(f"link set {self.name}{node.number} master {self.name}")


class Node:
    """A machine's worth of network."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        ip(f"netns add {name}")
        ip(f"-n {name} link set lo up")

    def command(self, command):
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

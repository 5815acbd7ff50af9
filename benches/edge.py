#!/usr/bin/env python3
"""Access logs: lines a second, CPU and memory of ssowatch for each format, and of mtail on the same nginx log.

`benches/edge.py [--binary target/release/ssowatch] [--lines 1000000] [--runs 3]` prints the tables of docs/performance.md.
Needs Debian's `mtail`. The log is made up, the same for all: 200 paths, 5,000 clients, 1,000 lines a second of the log.
ssowatch runs as the daemon that is shipped and gets the lines by HTTP, 8 MiB a request; what it answered is durable, counted
and judged. mtail reads the file once and counts by method and code, which is the least of what ssowatch does.
CPU is that of the whole process, user and system; lines a second are by the wall clock and worth what the machine's idle
cores allow.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

BODY_BYTES_MAX = 8 << 20
LINES_A_SECOND = 1_000
PROGRAM = r'''
counter requests by method, code
/^\S+ - \S+ \[[^\]]+\] "(?P<method>[A-Z]+) \S+ HTTP\/[0-9.]+" (?P<code>\d{3}) \d+/ {
  requests[$method][$code]++
}
'''


class Chance:
    """A linear congruential generator: the same log on every machine."""

    def __init__(self):
        self.state = 1

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound


def requests(count, clients, start):
    """Time in milliseconds, client, method, URI, status, duration in milliseconds."""
    chance = Chance()
    for number in range(count):
        client = number if clients == count else chance.below(clients)
        address = f"{11 + (client >> 16)}.{client >> 8 & 255}.{client & 255}.7"
        path = chance.below(200)
        uri = f"/api/items/{chance.below(100_000)}?page={path % 9}" if path < 60 else f"/pages/page-{path}/view"
        method = "POST" if chance.below(5) == 0 else "GET"
        status = (500, 429, 403, 404, 304)[s] if (s := chance.below(100)) < 5 else 200
        yield start + number * 1000 // LINES_A_SECOND, address, method, uri, status, 1 + chance.below(400)


def stamp(millis, pattern):
    return time.strftime(pattern, time.gmtime(millis // 1000))


def nginx_combined(at, client, method, uri, status, took):
    when = stamp(at, "%d/%b/%Y:%H:%M:%S +0000")
    return f'{client} - - [{when}] "{method} {uri} HTTP/1.1" {status} 1234 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"'


def nginx_json(at, client, method, uri, status, took):
    return f'{{"msec":{at / 1000:.3f},"remote_addr":"{client}","request_method":"{method}","host":"app.example.com","request_uri":"{uri}","status":{status},"request_time":{took / 1000:.3f}}}'


def caddy_json(at, client, method, uri, status, took):
    return f'{{"level":"info","ts":{at / 1000:.6f},"logger":"http.log.access.log0","msg":"handled request","request":{{"remote_ip":"{client}","remote_port":"45284","proto":"HTTP/2.0","method":"{method}","host":"app.example.com","uri":"{uri}","headers":{{"User-Agent":["curl/7.88.1"],"Accept":["*/*"]}}}},"user_id":"","duration":{took / 1000:.9f},"size":3,"status":{status},"resp_headers":{{"Server":["Caddy"],"Content-Type":["text/plain"]}}}}'


def haproxy_http(at, client, method, uri, status, took):
    when = stamp(at, "%d/%b/%Y:%H:%M:%S") + f".{at % 1000:03}"
    return f'{client}:34064 [{when}] fe be/s1 0/0/0/{took}/{took} {status} 74 - - ---- 1/1/0/0/0 0/0 "{method} {uri} HTTP/1.1"'


def haproxy_json(at, client, method, uri, status, took):
    return f'{{"ts":"{stamp(at, "%Y-%m-%dT%H:%M:%SZ")}","remote":"{client}","method":"{method}","uri":"{uri}","status":{status},"time_total_ms":{took}}}'


def envoy_json(at, client, method, uri, status, took):
    return f'{{"start_time":"{stamp(at, "%Y-%m-%dT%H:%M:%S")}.{at % 1000:03}Z","method":"{method}","path":"{uri}","protocol":"HTTP/1.1","response_code":{status},"response_flags":"-","bytes_received":0,"bytes_sent":1234,"duration":{took},"x_forwarded_for":"{client}","user_agent":"curl/7.88.1","request_id":"80a5f0ff-d625-4d4a-864c-392ee8940037","authority":"app.example.com","upstream_host":"10.0.0.5:8080"}}'


def aws_alb(at, client, method, uri, status, took):
    when = stamp(at, "%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03}000Z"
    return f'https {when} app/my-alb/50dc6c495c0c9188 {client}:2817 10.0.0.1:80 0.001 {took / 1000:.3f} 0.000 {status} {status} 34 366 "{method} https://app.example.com:443{uri} HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/t/1 "Root=1-58337262-36d228ad5d99923122bbe354" "app.example.com" "-" 0 {when} "forward" "-" "-"'


def cloudflare_ndjson(at, client, method, uri, status, took):
    begin = stamp(at, "%Y-%m-%dT%H:%M:%SZ")
    return f'{{"ClientIP":"{client}","ClientRequestHost":"app.example.com","ClientRequestMethod":"{method}","ClientRequestURI":"{uri}","EdgeEndTimestamp":"{begin}","EdgeResponseBytes":1234,"EdgeResponseStatus":{status},"EdgeStartTimestamp":"{begin}","RayID":"3a6050bcbe121a87"}}'


FORMATS = [nginx_combined, nginx_json, caddy_json, haproxy_http, haproxy_json, envoy_json, aws_alb, cloudflare_ndjson]


def bodies(path):
    with open(path, "rb") as log:
        while body := log.read(BODY_BYTES_MAX):
            yield body + log.readline()


class Daemon:
    """`ssowatch run` in a folder of its own."""

    def __init__(self, binary, folder):
        os.makedirs(folder)
        config = os.path.join(folder, "ssowatch.yaml")
        with open(config, "w") as file:
            file.write('data_dir: ./data\nhttp: { admin: { listen: "127.0.0.1:0" }, intake: { listen: "127.0.0.1:0" } }\n')
        command = [os.path.abspath(binary), "--log-format", "json", "run", "--config", config]
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(command, cwd=folder, stdout=self.log, stderr=self.log)
        for _ in range(3000):
            time.sleep(0.02)
            self.log.seek(0)
            ready = [line for line in self.log if '"Ready."' in line]
            if ready:
                fields = json.loads(ready[0])["fields"]
                self.intake, self.admin = fields["intake"], fields["admin"]
                return
        sys.exit("ssowatch did not get ready")

    def push(self, format, path):
        """Lines that were accepted, seconds and CPU seconds."""
        started, cpu, accepted = time.monotonic(), self.cpu(), 0
        for body in bodies(path):
            url = f"http://{self.intake}/v1/edge?format={format}&tier=web"
            with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=300) as answer:
                accepted += json.load(answer)["accepted"]
        return accepted, time.monotonic() - started, self.cpu() - cpu

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def mtail(folder, path):
    """Lines, seconds and CPU seconds."""
    program = os.path.join(folder, "requests.mtail")
    with open(program, "w") as file:
        file.write(PROGRAM)
    command = ["mtail", "--one_shot", "--progs", program, "--logs", path, "--log_dir", folder]
    started = time.monotonic()
    with tempfile.TemporaryFile(dir=folder) as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        out.seek(0)
        text = out.read().decode(errors="replace")
    if status != 0:
        sys.exit(f"mtail failed: {text[-500:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/ssowatch")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    count, start = options.lines, (int(time.time()) - options.lines // LINES_A_SECOND) * 1000
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for format in FORMATS:
            paths[format.__name__] = path = os.path.join(folder, format.__name__)
            with open(path, "w") as log:
                log.writelines(format(*request) + "\n" for request in requests(count, 5_000, start))
        print("| format | bytes a line | lines/s | CPU s per million lines |\n| --- | --- | --- | --- |")
        best = {}
        for name, path in paths.items():
            size = os.path.getsize(path) / count
            results = []
            for run in range(options.runs):
                daemon = Daemon(options.binary, os.path.join(folder, f"{name}-{run}"))
                accepted, seconds, cpu = daemon.push(name, path)
                daemon.stop()
                if accepted != count:
                    sys.exit(f"{name}: {accepted} of {count} lines were accepted")
                results.append((cpu, seconds))
            best[name] = cpu, seconds = min(results)
            print(f"| `{name}` | {size:.0f} | {count / seconds:,.0f} | {cpu * 1e6 / count:.2f} |", flush=True)
        results = [mtail(folder, paths["nginx_combined"]) for _ in range(options.runs)]
        seconds, cpu, peak = min(results, key=lambda result: result[1])
        print(f"| mtail, `nginx_combined` | | {count / seconds:,.0f} | {cpu * 1e6 / count:.2f} |")
        print(f"\nmtail takes {cpu / best['nginx_combined'][0]:.1f} times the CPU of ssowatch on the same log.")
        # As many as clients, and none ahead of the clock.
        start = (int(time.time()) - 1_000_000 // LINES_A_SECOND) * 1000
        path = os.path.join(folder, "distinct")
        with open(path, "w") as log:
            log.writelines(nginx_combined(*request) + "\n" for request in requests(1_000_000, 1_000_000, start))
        daemon = Daemon(options.binary, os.path.join(folder, "distinct-run"))
        before = daemon.peak_mib()
        accepted, _, _ = daemon.push("nginx_combined", path)
        print(f"{accepted} lines of as many different clients: {daemon.peak_mib()} MiB at most, {before} MiB before them.")
        daemon.stop()


if __name__ == "__main__":
    main()

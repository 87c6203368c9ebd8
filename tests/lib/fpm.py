# SPDX-License-Identifier: Apache-2.0
"""Debian's php-fpm as it is, without its service: what a pool is measured by.

    with Fpm({"base": (uid, gid, {"php_value.precision": "5"})}) as fpm:
        fcgi_client.fetch(fpm.socket("base"), {...})
"""
import pathlib
import shutil
import subprocess
import tempfile

from tests.lib import procs
from tests.lib.pool import program

POOL = """[{name}]
user = {uid}
group = {gid}
listen = {folder}/{name}.sock
listen.mode = 0666
pm = ondemand
pm.max_children = 4
pm.process_idle_timeout = 60s
request_terminate_timeout = 20s
security.limit_extensions = .php .phar
php_admin_flag[log_errors] = on
php_admin_value[log_errors_max_len] = 0
php_admin_value[memory_limit] = 128M
php_value[error_reporting] = -1
php_value[session.save_path] = {folder}/sessions
"""
MAIN = """[global]
pid = {folder}/pid
error_log = {folder}/fpm.log
daemonize = no
log_limit = 8192
"""


def path():
    """php-fpm of the version that the pools have, or None."""
    return shutil.which(f"php-fpm{program().parent.name}", path="/usr/sbin:/usr/bin")


def directive(name, value):
    """Our name of an option as php-fpm's: php_value.precision is php_value[precision]."""
    kind, _, key = name.partition(".")
    is_keyed = kind in ("env", "php_value", "php_admin_value")
    return f"{kind}[{key}] = \"{value}\"\n" if is_keyed else f"{name} = {value}\n"


class Fpm:
    """One master with a pool for each configuration."""

    def __init__(self, pools):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fpm-test-", dir="/run"))
        self.folder.chmod(0o755)
        # Of its own: the machine's sessions are seen by other runs, and stay.
        (self.folder / "sessions").mkdir()
        (self.folder / "sessions").chmod(0o1777)
        conf = MAIN.format(folder=self.folder)
        for name, (uid, gid, options) in pools.items():
            conf += POOL.format(folder=self.folder, name=name, uid=uid, gid=gid)
            conf += "".join(directive(*pair) for pair in options.items())
        (self.folder / "fpm.conf").write_text(conf)
        self.process = subprocess.Popen(
            [path(), "-F", "-y", self.folder / "fpm.conf"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(self.folder / "stderr", "wb"), cwd="/", env={})
        try:
            # A socket that is there need not listen yet.
            procs.wait_until(lambda: "ready to handle connections" in self.main_log()
                             or self.process.poll() is not None, 60, "php-fpm is ready")
            assert self.process.poll() is None, self.main_log()
        except BaseException:
            self.stop()
            raise

    def socket(self, name):
        return self.folder / f"{name}.sock"

    def main_log(self):
        return "".join(path.read_text(errors="replace") for path in
                       (self.folder / "fpm.log", self.folder / "stderr") if path.exists())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

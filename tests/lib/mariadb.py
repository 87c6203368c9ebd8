# SPDX-License-Identifier: Apache-2.0
"""A MariaDB that answers on a unix socket only: a private one, or the one that systemd runs."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from tests.lib import installed
from tests.lib.procs import wait_until

START_LIMIT_S = 180     # an emulated machine under load makes the first database for a minute
SQL = ("CREATE OR REPLACE DATABASE app; CREATE OR REPLACE USER app@localhost IDENTIFIED BY 'pw'; "
       "GRANT ALL ON app.* TO app@localhost;")


def server():
    """The path of the server; None where it is not installed."""
    return shutil.which("mariadbd", path="/usr/sbin:/usr/bin")


@contextlib.contextmanager
def running():
    """The folder of a server's mysqld.sock; user `app`, password `pw`, database `app`."""
    if installed.is_chosen():
        subprocess.run(["systemctl", "start", "mariadb"], check=True, timeout=600)
        try:
            make("/run/mysqld")
            yield "/run/mysqld"
        finally:
            subprocess.run(["systemctl", "stop", "mariadb"], check=True, timeout=600)
        return
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-sql.") as top:
        os.chmod(top, 0o755)
        shutil.chown(top, "mysql", "mysql")
        data, sockets = pathlib.Path(top, "data"), pathlib.Path(top, "socket")
        sockets.mkdir()
        shutil.chown(sockets, "mysql", "mysql")
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql",
                        "--auth-root-authentication-method=socket", "--skip-test-db"],
                       check=True, capture_output=True, timeout=START_LIMIT_S)
        child = subprocess.Popen(
            [server(), "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-networking",
             f"--socket={sockets}/mysqld.sock", f"--pid-file={top}/pid", "--skip-log-bin",
             "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            make(sockets)
            yield str(sockets)
        finally:
            child.terminate()
            child.wait(60)


def make(sockets):
    """Waits for the server; gives it user and database."""
    sql = ["mariadb", "--no-defaults", f"--socket={sockets}/mysqld.sock"]
    wait_until(lambda: subprocess.run([*sql, "-e", "SELECT 1"], capture_output=True, check=False)
               .returncode == 0, START_LIMIT_S, "MariaDB answers")
    subprocess.run(sql, text=True, check=True, input=SQL)

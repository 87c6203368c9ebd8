# SPDX-License-Identifier: Apache-2.0
"""Applications as Debian ships them: DokuWiki, and WordPress with MariaDB on a unix socket."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest

from tests.lib.procs import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


pytestmark = pytest.mark.slow


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            pytest.skip(f"{path} is not installed; see packaging/packages.txt")


def test_dokuwiki(system):
    need("/usr/share/dokuwiki/doku.php")
    name = "wiki.example"
    system.ctl("add", name, check=True)
    try:
        system.put_tree(name, "/usr/share/dokuwiki", "public")
        # Debian keeps configuration and data elsewhere; here all is in the home.
        system.put_tree(name, "/etc/dokuwiki", "public/conf")
        for folder in ("attic cache index locks media media_attic media_meta meta pages tmp "
                       "log").split():
            system.put(name, f"public/data/{folder}/.keep", "")
        system.put(name, "public/data/pages/start.txt", "====== Hello from the cage ======\n")
        system.put(name, "public/inc/preload.php",
                   "<?php define('DOKU_CONF', '/'.trim(__DIR__, '/').'/../conf/');")
        system.put(name, "public/conf/local.php",
                   "<?php $conf['title'] = 'caged'; $conf['savedir'] = './data';"
                   "$conf['useacl'] = 0;")
        system.put(name, "public/conf/local.protected.php", "<?php")
        page = system.text(name, "/doku.php?id=start")
        assert "Hello from the cage" in page and "caged" in page
        css = system.http(name, "/lib/exe/css.php?t=dokuwiki")
        assert css.status == 200 and css.headers["Content-Type"].startswith("text/css")
        assert system.http(name, "/data/pages/start.txt").status in (200, 403)
    finally:
        system.ctl("remove", name, check=True)


@pytest.fixture
def mariadb():
    """A private MariaDB; yields the folder of its socket, which is named mysqld.sock."""
    server = shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
    if not server:
        pytest.skip("mariadbd is not installed; see packaging/packages.txt")
    with tempfile.TemporaryDirectory(dir="/run", prefix="t-sql.") as top:
        os.chmod(top, 0o755)
        shutil.chown(top, "mysql", "mysql")
        data, sockets = pathlib.Path(top, "data"), pathlib.Path(top, "socket")
        sockets.mkdir()
        shutil.chown(sockets, "mysql", "mysql")
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql",
                        "--auth-root-authentication-method=socket", "--skip-test-db"],
                       check=True, capture_output=True, timeout=120)
        child = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-networking",
             f"--socket={sockets}/mysqld.sock", f"--pid-file={top}/pid", "--skip-log-bin",
             "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sql = ["mariadb", "--no-defaults", f"--socket={sockets}/mysqld.sock"]
            wait_until(lambda: subprocess.run([*sql, "-e", "SELECT 1"], capture_output=True,
                                              check=False).returncode == 0, 60, "MariaDB answers")
            subprocess.run(sql, text=True, check=True, input="CREATE DATABASE wp; CREATE USER "
                           "wp@localhost IDENTIFIED BY 'pw'; GRANT ALL ON wp.* TO wp@localhost;")
            yield sockets
        finally:
            child.terminate()
            child.wait(60)


WP_CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'pw');
define('DB_HOST', 'localhost:%s/mysqld.sock'); define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', ''); define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
define('WP_DEFAULT_THEME', 'plain'); define('WP_DEBUG', false);
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT',
          'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $name) define($name, $name . 'x');
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
THEME = """<?php while (have_posts()) { the_post(); the_title('<h2>', '</h2>'); the_content(); }"""


def test_wordpress(new_system, mariadb):
    need("/usr/share/wordpress/wp-login.php")
    system = new_system(conf=f"socket.mysql = {mariadb}\n")
    name = "blog.example"
    system.ctl("add", name, "sockets=mysql", check=True)
    system.put_tree(name, "/usr/share/wordpress", "public")
    system.put(name, "public/wp-config.php", WP_CONFIG % mariadb)
    system.put(name, "public/wp-content/themes/plain/style.css", "/* Theme Name: plain */")
    system.put(name, "public/wp-content/themes/plain/index.php", THEME)
    form = urllib.parse.urlencode({
        "weblog_title": "Caged blog", "user_name": "admin", "admin_password": "Secret-Pass-1",
        "admin_password2": "Secret-Pass-1", "pw_weak": "1", "admin_email": "a@blog.example",
        "blog_public": "0", "Submit": "Install WordPress"})
    done = system.http(name, "/wp-admin/install.php?step=2", "POST", form, FORM, timeout=120)
    assert done.status == 200 and b"wp-login.php" in done.body, done.body[-2000:]
    assert "Hello world!" in system.text(name)
    assert "user_login" in system.text(name, "/wp-login.php")
    login = urllib.parse.urlencode({"log": "admin", "pwd": "Secret-Pass-1", "testcookie": "1",
                                    "redirect_to": f"http://{name}/wp-admin/"})
    answer = system.http(name, "/wp-login.php", "POST", login,
                         dict(FORM, Cookie="wordpress_test_cookie=WP%20Cookie%20check"))
    assert answer.status == 302, answer.body[-500:]
    cookies = "; ".join(each.split(";")[0] for each in answer.headers.get_all("Set-Cookie"))
    assert "Dashboard" in system.text(name, "/wp-admin/", headers={"Cookie": cookies})
    # A neighbour without the option has no way to the database.
    system.ctl("add", "none.example", check=True)
    system.put("none.example", "public/index.php", f"""<?php mysqli_report(MYSQLI_REPORT_OFF);
        $sql = @mysqli_connect('localhost', 'wp', 'pw', 'wp', 0, '{mariadb}/mysqld.sock');
        echo $sql ? 'in' : 'out';""")
    assert system.text("none.example") == "out"

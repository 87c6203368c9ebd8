# SPDX-License-Identifier: Apache-2.0
"""Applications as Debian ships them, used as a person uses them; on a private system, or on the
installed package (TENANTD_INSTALLED=1)."""
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib

import pytest

from tests.lib import installed, mariadb
from tests.lib.browser import Browser
from tests.lib.installed import Installed
from tests.lib.mailbox import Mailbox
from tests.lib.system import System

pytestmark = pytest.mark.slow
PATIENT = ("request_terminate_timeout=600", "max_execution_time=600", "memory_limit=256M")
PASSWORD = "Secret-Pass-1"


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            pytest.skip(f"{path} is not installed; see packaging/packages.txt")


@pytest.fixture(scope="module")
def database():
    """The folder of a database's socket, or None where there is no server."""
    if os.getuid() != 0 or not mariadb.server():
        yield None
        return
    with mariadb.running() as sockets:
        yield sockets


@pytest.fixture(scope="module")
def apps(database):
    """A system whose sites may have the database's socket."""
    if os.getuid() != 0:
        pytest.skip("needs root: namespaces, cgroups, other uids")
    system = Installed() if installed.is_chosen() else \
        System(conf=f"socket.mysql = {database}\n" if database else "")
    with system:
        yield system


@pytest.fixture
def add(apps):
    """Adds sites that are removed when the test is over."""
    names = []

    def make(name, *options):
        apps.ctl("add", name, *PATIENT, *options, check=True)
        names.append(name)
        return Browser(apps, name)
    yield make
    for name in names:
        apps.ctl("remove", name, check=True)


def png(width, height):
    """A picture of noise-free stripes."""
    rows = b"".join(b"\0" + bytes(column // 8 * 37 & 255 for column in range(width * 3))
                    for _ in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_dokuwiki(apps, add):
    need("/usr/share/dokuwiki/doku.php")
    name = "wiki.example"
    reader = add(name)
    apps.put_tree(name, "/usr/share/dokuwiki", "public")
    # Debian keeps configuration and data elsewhere; here all is in the home.
    apps.put_tree(name, "/etc/dokuwiki", "public/conf")
    for folder in ("attic cache index locks media media_attic media_meta meta pages tmp "
                   "log").split():
        apps.put(name, f"public/data/{folder}/.keep", "")
    apps.put(name, "public/data/pages/start.txt", "====== Hello from the cage ======\n")
    apps.put(name, "public/inc/preload.php",
             "<?php define('DOKU_CONF', '/'.trim(__DIR__, '/').'/../conf/');")
    apps.put(name, "public/conf/local.php",
             "<?php $conf['title'] = 'caged'; $conf['savedir'] = './data';"
             "$conf['useacl'] = 0;")
    apps.put(name, "public/conf/local.protected.php", "<?php")
    reader.get("/doku.php?id=start").see("Hello from the cage", "caged")
    css = reader.get("/lib/exe/css.php?t=dokuwiki")
    assert css.headers["Content-Type"].startswith("text/css"), css.told("no style sheet")
    # A page is written with the form that the editor shows.
    form = reader.get("/doku.php?id=cage&do=edit")
    token = form.find(r'name="sectok" value="([^"]*)"')
    reader.post("/doku.php?id=cage", {
        "id": "cage", "sectok": token, "rev": "", "date": "", "prefix": ".", "suffix": "",
        "target": "section", "wikitext": "Written **from a browser**.", "summary": "new",
        "do[save]": "1"}).see("Written <strong>from a browser</strong>")
    Browser(apps, name).get("/doku.php?id=cage").see("<strong>from a browser</strong>")


WP_CONFIG = """<?php
define('DB_NAME', 'app'); define('DB_USER', 'app'); define('DB_PASSWORD', 'pw');
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


def test_wordpress(apps, database, add):
    """Install, log in, upload a picture, write a post with it, read it as a stranger."""
    need("/usr/share/wordpress/wp-login.php", "/usr/sbin/mariadbd")
    name = "blog.example"
    # The machine that has the package has no mailer.
    box = None if installed.is_chosen() else Mailbox(apps)
    admin = add(name, "sockets=mysql")
    apps.put_tree(name, "/usr/share/wordpress", "public")
    apps.put(name, "public/wp-config.php", WP_CONFIG % database)
    apps.put(name, "public/wp-content/themes/plain/style.css", "/* Theme Name: plain */")
    apps.put(name, "public/wp-content/themes/plain/index.php", THEME)
    admin.post("/wp-admin/install.php?step=2", {
        "weblog_title": "Caged blog", "user_name": "admin", "admin_password": PASSWORD,
        "admin_password2": PASSWORD, "pw_weak": "1", "admin_email": "a@blog.example",
        "blog_public": "0", "Submit": "Install WordPress"}).see("wp-login.php")
    if box:     # wp_mail(), that is PHPMailer's isMail(), tells the new administrator
        mail, = box.wait(1)
        assert mail.args[-2:] == ["--", "a@blog.example"], mail.args
        assert f"From: WordPress <wordpress@{name}>" in mail.text, mail.text
        assert "Subject: New WordPress Site" in mail.text, mail.text
        assert f"X-Tenant: {apps.show(name)['number']} {name}\n" in mail.text, mail.text
    admin.get("/").see("Hello world!")
    admin.get("/wp-login.php").see("user_login")
    admin.post("/wp-login.php", {
        "log": "admin", "pwd": PASSWORD, "testcookie": "1",
        "redirect_to": f"http://{name}/wp-admin/"}).see("Dashboard")

    nonce = admin.get("/wp-admin/media-new.php").find(
        r'name="_wpnonce" value="([0-9a-f]+)"')
    picture = png(400, 300)
    sent = admin.upload("/wp-admin/async-upload.php", {
        "name": "stripes.png", "action": "upload-attachment", "_wpnonce": nonce},
        "async-upload", "stripes.png", "image/png", picture)
    media = sent.json()
    assert media.get("success"), sent.told("the picture was refused")
    path = media["data"]["url"].partition(name)[2]
    stranger = Browser(apps, name)
    assert stranger.get(path).body == picture
    # GD has made the small ones.
    small = media["data"]["sizes"]["thumbnail"]["url"].partition(name)[2]
    assert stranger.get(small).body.startswith(b"\x89PNG"), small

    key = admin.get("/wp-admin/admin-ajax.php?action=rest-nonce").text.strip()
    post = admin.send("/index.php?rest_route=/wp/v2/posts", {
        "title": "From the cage", "status": "publish",
        "content": f'<p>Look: <img src="{path}"></p>'}, {"X-WP-Nonce": key}, status=201).json()
    stranger.get(f"/?p={post['id']}").see("From the cage", f'src="{path}"')

    # A neighbour without the option has no way to the database.
    other = add("none.example")
    apps.put("none.example", "public/index.php", f"""<?php mysqli_report(MYSQLI_REPORT_OFF);
        $sql = @mysqli_connect('localhost', 'app', 'pw', 'app', 0, '{database}/mysqld.sock');
        echo $sql ? 'in' : 'out';""")
    assert other.get("/").text == "out"


def test_adminer(apps, database, add):
    """Log in over the socket, make a table, see its row."""
    need("/usr/share/adminer/adminer.php", "/usr/sbin/mariadbd")
    name = "sql.example"
    admin = add(name, "sockets=mysql")
    # Version 5 knows the socket's path from PHP alone.
    apps.put(name, "public/index.php", f"""<?php
        ini_set('mysqli.default_socket', '{database}/mysqld.sock'); include 'adminer.php';""")
    apps.put(name, "public/adminer.php",
             pathlib.Path("/usr/share/adminer/adminer.php").read_bytes())
    admin.get("/").see("auth[password]")
    login = {f"auth[{key}]": value for key, value in {
        "driver": "server", "server": "localhost", "username": "app", "password": "pw",
        "db": "app"}.items()}
    page = admin.post("/", login).see("Database: app", "Create table")
    here = page.path.partition("?")[2]
    form = admin.get(f"/?{here}&sql=")
    admin.post(f"/?{here}&sql=", {
        "query": "CREATE OR REPLACE TABLE caged (word text); INSERT INTO caged VALUES ('bird')",
        "limit": "", "token": form.find(r"name=['\"]token['\"] value=['\"]([0-9:]+)['\"]")})
    admin.get(f"/?{here}&select=caged").see("bird")
    stranger = Browser(apps, name)
    login["auth[password]"] = "wrong"
    page = stranger.post("/", login, status=403)
    assert "bird" not in page.text, page.told("a stranger is in")


@pytest.fixture
def wiki_made():
    """A wiki as MediaWiki's own installer makes it: its configuration and its database."""
    need("/usr/share/mediawiki/maintenance/install.php", "/usr/bin/php")
    with tempfile.TemporaryDirectory() as top:
        done = subprocess.run(
            ["php", "/usr/share/mediawiki/maintenance/install.php", f"--confpath={top}",
             "--dbtype=sqlite", f"--dbpath={top}/data", "--dbname=wiki", "--scriptpath=",
             "--server=http://media.example", f"--pass={PASSWORD}", "--skins=Vector",
             "Caged wiki", "Keeper"], text=True, capture_output=True, timeout=1200, check=False,
            cwd=top, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        yield pathlib.Path(top)


def test_mediawiki(apps, add, wiki_made):
    """A wiki on SQLite: log in, write a page, read it as a stranger."""
    name = "media.example"
    keeper = add(name)
    apps.put_tree(name, "/usr/share/mediawiki", "public",
                  leave_out=("extensions", "extensions-core"))
    apps.put_tree(name, wiki_made / "data", "private/wiki")
    home = apps.show(name)["home"]
    settings = (wiki_made / "LocalSettings.php").read_text()
    assert f"{wiki_made}/data" in settings, settings
    apps.put(name, "private/cache/.keep", "")
    # Debian's cache folder is the host's.  APCu takes load off SQLite.
    apps.put(name, "public/LocalSettings.php",
             settings.replace(f"{wiki_made}/data", f"{home}/private/wiki")
             + f"\n$wgCacheDirectory = '{home}/private/cache';\n"
             "$wgMainCacheType = CACHE_ACCEL;\n$wgJobRunRate = 0;\n")
    keeper.get("/index.php/Main_Page").see("Caged wiki", "MediaWiki")

    def api(method, fields):
        fields = {"format": "json", "formatversion": "2", **fields}
        page = keeper.post("/api.php", fields) if method == "POST" else keeper.get(
            "/api.php?" + "&".join(f"{key}={value}" for key, value in fields.items()))
        answer = page.json()
        assert "error" not in answer, page.told("the API refuses")
        return answer

    def token(kind):
        return api("GET", {"action": "query", "meta": "tokens", "type": kind})["query"]["tokens"][
            f"{kind}token"]
    login = api("POST", {"action": "clientlogin", "username": "Keeper", "password": PASSWORD,
                         "loginreturnurl": f"http://{name}/", "logintoken": token("login")})
    assert login["clientlogin"]["status"] == "PASS", login
    for text in ("Birds ''sing''.", "Birds '''still''' sing."):
        done = api("POST", {"action": "edit", "title": "Cage", "text": text,
                            "token": token("csrf")})
        assert done["edit"]["result"] == "Success", done
    stranger = Browser(apps, name)
    stranger.get("/index.php/Cage").see("Birds <b>still</b> sing.")
    stranger.get("/index.php?title=Cage&action=history").see("Keeper")
    style = stranger.get("/load.php?lang=en&modules=site.styles|mediawiki.skinning.interface"
                         "&only=styles&skin=vector")
    assert style.headers["Content-Type"].startswith("text/css"), style.told("no style sheet")

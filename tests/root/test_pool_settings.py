# SPDX-License-Identifier: Apache-2.0
"""What a plan says of PHP: settings, functions, extensions, environment, preloading, .user.ini."""
import json
import os
import pathlib
import tempfile
import time

import pytest

from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

PLAN = (
    "max_children=1",
    "php_value.precision=5", "php_value.display_errors=on", "php_value.html_errors=Off",
    "php_value.date.timezone=Europe/Paris", "php_value.user_ini.cache_ttl=0",
    "php_value.variables_order=EGPCS", "php_value.no.such.setting=1",
    "php_value.arg_separator.output=&amp;$x\\", "php_value.auto_append_file=none",
    "php_admin_value.serialize_precision=7", "php_admin_value.short_open_tag=on",
    "php_admin_value.opcache.revalidate_freq=0",
    "php_admin_value.opcache.max_wasted_percentage=7",
    "php_admin_value.include_path=/tmp:.", "php_value.error_reporting=E_ALL & ~(E_NOTICE|E_STRICT)",
    "env.APP_ENV=staging", "env.APP_QUOTE=it's = fine",
    "disable_functions=strrev, str_rot13,no_such_function",
    "limit_extensions=.php,.inc.html", "preload=private/preload.php")
PRELOAD = """<?php chdir('/'); fastcgi_finish_request(); header('X: 1'); echo 'lost';
class Preloaded { const A = 41; }"""


@pytest.fixture(scope="module")
def pool():
    with Pool(*PLAN, files={"private/preload.php": PRELOAD}) as running:
        yield running


def value(pool, expression, name="get.php", **more):
    # OPcache, which would know the one before for two seconds, takes none that is so young.
    soon = time.time() + 3600
    os.utime(pool.write(name, f"<?php echo json_encode({expression});"), (soon, soon))
    return json.loads(pool.get(name, **more).text)


def test_settings_of_both_kinds(pool):
    for _ in range(2):
        assert value(pool, "array_map('ini_get', ['precision', 'display_errors', 'html_errors',"
                     "'date.timezone', 'serialize_precision', 'short_open_tag', 'variables_order',"
                     "'arg_separator.output', 'auto_append_file',"
                     "'opcache.max_wasted_percentage', 'include_path'])") == [
                         "5", "1", "", "Europe/Paris", "7", "1", "EGPCS", "&amp;$x\\", "", "7",
                         "/tmp:."]
    pool.write("tag.php", "<? echo 'short';")
    assert pool.get("tag.php").text == "short"


def test_settings_that_php_does_not_know_are_told(pool):
    pool.wait_log("php_value.no.such.setting is not set: PHP has no setting")


def test_scripts_change_values_but_not_admin_values(pool):
    for _ in range(2):
        assert value(pool, "[ini_set('precision', '9'), ini_get('precision'),"
                     "@ini_set('serialize_precision', '9'), ini_get('serialize_precision'),"
                     "@ini_set('include_path', '/'), set_include_path('/')]") == [
                         "5", "9", False, "7", False, False]


def test_expressions(pool):
    assert value(pool, "[error_reporting(), E_ALL & ~(E_NOTICE|2048)]") == [30711, 30711]


def test_system_scope(pool):
    assert value(pool, "opcache_get_configuration()['directives']"
                 "['opcache.max_wasted_percentage']") == pytest.approx(0.07)


def test_disabled_functions(pool):
    assert value(pool, "[function_exists('strrev'), function_exists('str_rot13'),"
                 "function_exists('strlen')]") == [False, False, True]


def test_environment(pool):
    assert value(pool, "[getenv('APP_ENV'), getenv('APP_QUOTE'), $_SERVER['APP_ENV'],"
                 "$_ENV['APP_ENV'], getenv('PATH'), getenv('USER'), getenv('HOME'), "
                 "array_key_exists('APP_ENV', getenv())]") == [
                     "staging", "it's = fine", "staging", "staging", False, "t7", str(pool.home),
                     True]


def test_limit_extensions(pool):
    pool.write("a.inc.html", "<?php echo 'run';")
    assert pool.get("a.inc.html").text == "run"
    pool.write("a.html", "<?php echo 'run';")
    assert pool.get("a.html").status == 403
    pool.write("a.phar", "<?php echo 'run';")
    assert pool.get("a.phar").status == 403


def test_preload(pool):
    for _ in range(2):
        assert value(pool, "[class_exists('Preloaded', false), Preloaded::A, getcwd()]") == [
            True, 41, f"{pool.home}/public"]


def test_user_ini(pool):
    ini = "precision=8\nserialize_precision=3\nauto_prepend_file=\nmemory_limit=4G\n" \
          "upload_max_filesize=4G\ndisable_functions=\nallow_url_include=1\npost_max_size=3M\n" \
          "[PATH=/]\nhtml_errors=1\n"
    names = "array_map('ini_get', ['precision', 'serialize_precision', 'memory_limit'," \
            "'upload_max_filesize', 'post_max_size', 'allow_url_include', 'html_errors'])"
    before = value(pool, names)
    pool.write(".user.ini", ini)
    for name in ("get.php", "deep/er/get.php"):
        got = value(pool, names, name)
        assert got == ["8", "7", *before[2:4], "3M", *before[5:]], name
    pool.write("deep/.user.ini", "precision=11")
    assert value(pool, "ini_get('precision')", "deep/er/get.php") == "11"
    assert value(pool, "ini_get('precision')") == "8"
    (pool.home / "public/.user.ini").unlink()
    (pool.home / "public/deep/.user.ini").unlink()
    assert value(pool, names) == before, "and it ends with the request"


def test_user_ini_and_clear_env_turned_off():
    with Pool("user_ini=no", "clear_env=no",
              files={"public/.user.ini": "precision=8"}) as pool:
        assert value(pool, "[ini_get('precision'), getenv('PATH') != '']") == ["14", True]


@pytest.mark.parametrize("entry", ["php_value.error_reporting=E_ALL & ~", "php_value.on=1"])
def test_line_that_php_cannot_read_takes_no_wall_away(entry):
    with Pool(entry, "disable_functions=strrev", "user_ini=no",
              files={"public/.user.ini": "precision=8"}) as pool:
        assert value(pool, "[function_exists('strrev'), ini_get('precision')]") == [False, "14"]


def test_extensions(tmp_path):
    """Where PHP's conf.d says nothing of them; one that is not there is told."""
    (tmp_path / "10-opcache.ini").write_text("zend_extension=opcache.so\n")
    tmp_path.chmod(0o755)
    loaded = "array_map('extension_loaded', ['ctype', 'calendar', 'shmop', 'Zend OPcache'])"
    with Pool(flags=("-c", tmp_path)) as pool:
        assert value(pool, loaded) == [False, False, False, True]
    with Pool("extensions=ctype,calendar,nosuch", flags=("-c", tmp_path)) as pool:
        assert value(pool, loaded) == [True, True, False, True]
        assert value(pool, "ctype_digit('12')") is True
        pool.wait_log("Unable to load dynamic library 'nosuch'")


def test_preload_that_fails_is_told():
    with Pool("preload=private/none.php", start=False) as pool:
        assert "PHP does not start" in pool.wait("failed")
        pool.wait_log("private/none.php")


@pytest.mark.parametrize("options, said", [
    (("preload=private/bad.php",), "PHP does not start: PHP Fatal error:  Uncaught Error: Call to undefined"),
    (("preload=private/out.php",), "PHP does not start"),
    (("extensions=calendar,nosuch",), "Unable to load dynamic library 'nosuch'"),
    (("php_value.precision=9", "php_value.date.timezone=No/Where"), "refuses 'No/Where' for its setting 'date.timezone'"),
    (("php_admin_value.opcache.max_wasted_percentage=99",), "refuses '99'"),
    (("opcache_interned=8M", "opcache_memory=8M"), "Insufficient shared memory"),
    (("extensions=calendar", "php_value.no.such.setting=1", "php_value.date.timezone=Asia/Tokyo",
      "preload=private/good.php", "disable_functions=no_such_function"), None)])
def test_a_trial_tells_what_php_refuses(tmp_path, options, said):
    """And serves nobody: it ends as soon as PHP has started."""
    (tmp_path / "10-opcache.ini").write_text("zend_extension=opcache.so\nextension=missing\n")
    tmp_path.chmod(0o755)
    files = {"private/bad.php": "<?php no_such_function();", "private/out.php": "<?php exit(0);",
             "private/good.php": "<?php class Good {}"}
    with Pool("max_children=2", "pm=static", *options, flags=("-t", "-c", tmp_path), files=files,
              start=False) as pool:
        if said:
            assert said in pool.wait("failed")
        else:
            pool.wait("ready")
        assert (pool.wait("exit") != "0") == bool(said)
        assert pool.lines[-1][0] == "exit" and ("ready" in dict(pool.lines)) != bool(said), pool.lines


def test_browscap():
    """PHP reads it only when it starts."""
    data = "[*]\nbrowser=Default\n[GJK_Browscap_Version]\nVersion=1\n[cage*]\nbrowser=Cage\n"
    with tempfile.TemporaryDirectory(prefix="php-browscap-test.", dir="/usr/share") as folder:
        os.chmod(folder, 0o755)
        pathlib.Path(folder, "browscap.ini").write_text(data)
        with Pool(f"php_admin_value.browscap={folder}/browscap.ini", "max_children=1") as pool:
            for _ in range(2):
                assert value(pool, "get_browser('cage 1')->browser") == "Cage"


def test_browscap_is_switched_off():
    with Pool("php_admin_value.browscap=none") as pool:
        assert pool.get("hello.php").status == 200
        assert "not set" not in pool.log()


def test_browscap_that_is_not_there():
    """PHP would not start without it."""
    with Pool("php_admin_value.browscap=/nowhere.ini") as pool:
        assert pool.get("hello.php").status == 200
        pool.wait_log("browscap is not set: read '/nowhere.ini'")


def test_doc_root():
    with Pool("php_admin_value.doc_root=/") as pool:
        other = pool.write("other.php", "<?php echo $_SERVER['DOCUMENT_ROOT'], __FILE__;")
        pool.write("get.php", "<?php echo 'not run';")
        assert pool.get("get.php", SCRIPT_NAME=other, DOCUMENT_ROOT=None).text == f"/{other}"


@pytest.mark.parametrize("entry", [
    "php_value.memory_limit=1G", "php_admin_value.extension=x", "php_value.opcache.jit=tracing",
    "php_admin_value.ffi.enable=1", "php_value.Zend_Extension=x", "php_value.allow_url_include=1", "php_value.=1", "php_value=1",
    "php_value.a b=1", "php_value.precision=it's", "env.LD_PRELOAD=/x", "env.1X=1", "env.A=\n",
    "limit_extensions=none", "limit_extensions=php", "disable_functions=a;b", "extensions=../x",
    "preload=../x.php", "preload=/x.php", "php_value.precision=" + "9" * 2100])
def test_refused(entry):
    with pytest.raises(AssertionError):
        with Pool(entry):
            pass

# SPDX-License-Identifier: Apache-2.0
"""From plain PHP to native code: every way by which an uploaded library or program is started.

The library says that it runs by making a file.  Each way is first played outside the cage, by the
host's own php and the attacker's uid, where it must work: only then does it prove anything inside."""
import os
import pathlib
import shutil
import subprocess

import pytest

LIBRARY = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static void tell(void)
{
	int fd = open(getenv("LOOT_FILE") ? getenv("LOOT_FILE") : "/nowhere", O_CREAT | O_WRONLY, 0644);
	close(fd);
}
__attribute__((constructor)) static void begin(void) { tell(); }
int gconv_init(void *step) { (void)step; tell(); return 1; }	/* no such conversion */
int gconv(void) { return 0; }
int main(void) { return 0; }
"""
PRELOAD = "putenv('LD_PRELOAD=' . $d . '/loot.so');"
ICONV = "putenv('GCONV_PATH=' . $d);"

# name: (code with $d, the folder of the library; what the host's php needs for the control)
WAYS = {
    "mail": (PRELOAD + "mail('x@none.invalid', 's', 't');", ["-d", "sendmail_path=/bin/true"]),
    "mb_send_mail": (PRELOAD + "mb_send_mail('x@none.invalid', 's', 't');", ["-d", "sendmail_path=/bin/true"]),
    "error_log": (PRELOAD + "error_log('t', 1, 'x@none.invalid');", ["-d", "sendmail_path=/bin/true"]),
    "proc_open": (PRELOAD + "proc_close(proc_open(['/bin/true'], [], $p));", []),
    "proc_open_own": ("proc_close(proc_open([$d . '/loot'], [], $p));", []),
    "proc_open_shell": (PRELOAD + "proc_close(proc_open('/bin/true', [], $p));", []),
    "popen": (PRELOAD + "pclose(popen('/bin/true', 'r'));", []),
    "exec": ("exec($d . '/loot');", []),
    "system": ("system($d . '/loot');", []),
    "shell_exec": ("shell_exec($d . '/loot');", []),
    "passthru": ("passthru($d . '/loot');", []),
    "backticks": ("`$d/loot`;", []),
    "loader": ("exec('/lib64/ld-linux-x86-64.so.2 ' . $d . '/loot');", []),
    "pcntl_exec": ("pcntl_exec($d . '/loot');", []),
    "dl": ("dl('loot.so');", ["-d", "enable_dl=1", "-d", "extension_dir=%s"]),
    "ffi": ("FFI::cdef('int gconv(void);', $d . '/loot.so')->gconv();", ["-d", "ffi.enable=1"]),
    "ffi_load": ("FFI::load($d . '/loot.h');", ["-d", "ffi.enable=1"]),
    "iconv": (ICONV + "iconv('LOOT', 'UTF-8', 'x');", []),
    "iconv_filter": (ICONV + "file_get_contents('php://filter/convert.iconv.LOOT.UTF-8/resource=data:,x');", []),
}


@pytest.fixture(scope="module")
def arsenal(pair):
    """The library and all that leads to it, uploaded; returns its folder."""
    bad = pair.bad
    home = pathlib.Path(bad.home)
    source = pair.system.folder / "keep/loot.c"
    source.write_text(LIBRARY)
    for name, words in (("loot.so", ["-shared", "-fPIC"]), ("loot", ["-fPIE", "-pie"])):
        subprocess.run(["gcc", *words, "-o", source.with_name(name), source], check=True)
        bad.put(f"private/{name}", source.with_name(name).read_bytes(), 0o755)
        source.with_name(name).unlink()
    source.unlink()
    bad.put("private/loot.h", f'#define FFI_LIB "{home}/private/loot.so"\nint gconv(void);\n')
    bad.put("private/gconv-modules", "module LOOT// INTERNAL loot 1\nmodule INTERNAL LOOT// loot 1\n")
    yield home / "private"


def outside(bad, folder, code, flags):
    """The way outside the cage, by the host's php."""
    php = shutil.which("php", path="/usr/bin")
    if php is None:
        pytest.skip("needs /usr/bin/php, the program that plays the control")
    script = f"$d = '{folder}'; putenv('LOOT_FILE=' . $d . '/ran'); {code}"
    flags = [flag.replace("%s", str(folder)) for flag in flags]
    env = {"PATH": "/usr/bin:/bin", "LOOT_FILE": f"{folder}/ran"}
    if "GCONV_PATH" in code:
        env["GCONV_PATH"] = str(folder)     # libc reads it once, as a process begins
    return subprocess.run([php, *flags, "-r", script], user=bad.uid, group=bad.uid, extra_groups=[],
                          env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, check=False)


@pytest.mark.parametrize("way", WAYS)
def test_uploaded_code(bad, good, arsenal, way):
    code, flags = WAYS[way]
    with_copy = pathlib.Path("/tmp") / f"tenantd-{bad.word}-{way}"
    shutil.copytree(arsenal, with_copy)
    try:
        (with_copy / "loot.h").write_text(f'#define FFI_LIB "{with_copy}/loot.so"\nint gconv(void);\n')
        for path in (with_copy, *with_copy.iterdir()):
            os.chown(path, bad.uid, bad.uid)
        done = outside(bad, with_copy, code, flags)
        missing = "undefined function" in done.stdout or 'Class "FFI" not found' in done.stdout
        ran = (with_copy / "ran").exists()
    finally:
        shutil.rmtree(with_copy)
    if missing and not ran:
        pytest.skip(f"the host's php does not have it: {done.stdout.strip()[:200]}")
    assert ran, f"even outside the cage this way leads nowhere: {done}"

    for place in (arsenal, "/tmp/arsenal", "/dev/shm/arsenal"):
        bad.run("@mkdir($a[1]); foreach (glob($a[0] . '/*') as $f) if ($a[0] !== $a[1] && is_file($f)) {"
                "copy($f, $t = $a[1] . '/' . basename($f)); chmod($t, 0755); }", str(arsenal), str(place))
        ran = f"{place}/ran"
        bad.run("file_put_contents($a[0], ''); unlink($a[0]);", ran)            # it could make that file
        bad.answer("$d = $a[0]; putenv('LOOT_FILE=' . $d . '/ran'); foreach ($a[1] as $k => $v)"
                   "ini_set($k, $v);" + code + "return 1;", str(place),
                   {"extension_dir": str(place), "enable_dl": "1", "ffi.enable": "1",
                    "sendmail_path": f"{place}/loot", "disable_functions": ""})
        assert bad.run("clearstatcache(); return file_exists($a[0]);", ran) is False, way


def test_settings_of_its_own(bad, good, arsenal):
    """.user.ini: what belongs to the administrator stays his; what is the site's own works."""
    bad.put("public/ini/act.php", "<?php echo json_encode([ini_get('user_agent'), ini_get('extension_dir'),"
            "ini_get('sendmail_path'), ini_get('ffi.enable'), ini_get('enable_dl'),"
            "file_exists(dirname(__DIR__, 2) . '/private/ran')]);")
    before = bad.system.text(bad.name, "/ini/act.php")
    bad.put("public/ini2/act.php", (arsenal.parent / "public/ini/act.php").read_text())
    bad.put("public/ini2/.user.ini", f"user_agent = own\nextension = {arsenal}/loot.so\n"
            f"zend_extension = {arsenal}/loot.so\nextension_dir = {arsenal}\nsendmail_path = {arsenal}/loot\n"
            f"ffi.enable = 1\nffi.preload = {arsenal}/loot.h\nopcache.preload = {bad.config}\nenable_dl = 1\n")
    after = bad.system.text(bad.name, "/ini2/act.php")
    assert '"own"' in after and '"own"' not in before
    assert after.replace('"own"', before[1:].split(",", 1)[0]) == before

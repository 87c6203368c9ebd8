# SPDX-License-Identifier: Apache-2.0
"""What the daemon keeps: closed by owner and mode, so that neither a site's user nor nginx's reads or
changes it, even with all files of the host before it."""
import os
import pwd
import stat
import subprocess
import sys

# Opens whatever it can: prints "r PATH" or "w PATH".  Nothing is written, no pipe is waited for.
OPEN = """
import os, sys
for path in sys.stdin.read().split("\\0"):
    for word, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY | os.O_APPEND)):
        try: os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW))
        except OSError: continue
        print(word, path)
"""


def is_socket(path):
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:       # records are written under another name first
        return False


def test_state_is_closed(pair, bad, good):
    system = pair.system
    logs = [system.show(site.name)["logs"] for site in (bad, good)]
    paths = logs + [os.path.join(top, name) for part in (*logs, system.folder / "lib", system.folder / "run")
                    for top, folders, files in os.walk(part) for name in folders + files]
    plain = [path for path in paths if not is_socket(path)]
    assert any(path.endswith("control/tenantd.db") for path in plain)
    assert any(path.endswith(f"numbers/{good.number}") for path in plain)
    assert any(path.endswith(f"spec/{good.number}") for path in plain)
    assert any(path.endswith(f"pool/{good.number}/state") for path in plain)
    assert any(path.endswith(f"{good.name}/php.log") for path in plain)
    web = pwd.getpwnam("www-data")
    # Where the host's files say what nginx and every program must know: addresses and folders.
    public = tuple(str(system.folder / path) for path in ("run/settings", "run/tree", "run/machine",
                                                         "lib/nginx"))
    for uid, gid, own in ((bad.uid, bad.uid, logs[0]),
                          (web.pw_uid, web.pw_gid, None)):
        mine = [__file__] + ([f"{bad.home}/private/wp-config.php"] if own else [])
        done = subprocess.run([sys.executable, "-c", OPEN], user=uid, group=gid, extra_groups=[],
                              input="\0".join(plain + mine), text=True, capture_output=True,
                              timeout=60, check=True)
        seen = [tuple(line.split(" ", 1)) for line in done.stdout.splitlines()]
        assert ("r", __file__) in seen, "the control: what everybody may read"
        beyond = [(word, path) for word, path in seen if path in plain and os.path.isfile(path) and
                  (word == "w" or not (path.startswith(public) or (own and path.startswith(own))))]
        assert not beyond, (uid, beyond)
        named = [path for _, path in seen if path in plain and os.path.isdir(path) and
                 good.name in " ".join(os.listdir(path)) and not path.startswith(public)]
        assert not named, f"{uid} lists {named}"

"""Clients that save a file under the name that its response states."""

import contextlib
import json
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

#: Longer than a client takes for one file.
CLIENT_SECONDS = 20
#: Longer than a browser takes to start.
BROWSER_SECONDS = 60

#: Follows redirects, and takes the last name.
PROGRAMS = {
    "curl": ["curl", "--silent", "--fail", "--location", "-OJ"],
    "wget": ["wget", "--quiet", "--content-disposition", "--restrict-file-names=nocontrol"],
    "aria2c": ["aria2c", "--quiet", "--check-certificate=false", "--max-tries=1"],
}

#: A page that goes where it is told. A response that is saved leaves the page where it is.
PAGE = b"""<!doctype html><title>Names</title><script>
setInterval(async () => {
  const url = await (await fetch('/next')).text();
  if (url) location.href = url;
}, 50);
</script>"""

CHROMIUM = {
    "profile": {"default_content_setting_values": {"automatic_downloads": 1}},
    "safebrowsing": {"enabled": False},
}
FIREFOX = {
    "browser.download.folderList": 2,
    "browser.download.alwaysOpenPanel": False,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.download.open_pdf_attachments_inline": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}


class Program:
    """A command that saves one file."""

    def __init__(self, name: str, work: Path):
        self.name = name
        self.folder = work / name

    def save(self, url: str) -> str:
        """Returns the name under which the file is saved."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        command = [*PROGRAMS[self.name], url]
        ended = subprocess.run(command, cwd=self.folder, timeout=CLIENT_SECONDS, capture_output=True)
        saved = sorted(path.name for path in self.folder.iterdir())
        return saved[0] if len(saved) == 1 and ended.returncode == 0 else f"exit {ended.returncode}: {saved}"

    def end(self):
        pass


class Browser:
    """A browser without window, which saves one file after another."""

    def __init__(self, name: str, work: Path):
        self.name = name
        self.folder = (work / name).resolve()
        self.folder.mkdir(parents=True)
        self.next = ""
        self.page = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.page.serve_forever, daemon=True).start()
        profile = (work / f"{name}-profile").resolve()
        start = {"chromium": chromium, "firefox": firefox}[name]
        command = start(profile, self.folder, f"http://127.0.0.1:{self.page.server_port}/")
        log = (work / f"{name}.log").open("w")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.patience = BROWSER_SECONDS

    def handler(browser):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = PAGE
                if self.path == "/next":
                    body, browser.next = browser.next.encode(), ""
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                # The page may be on its way elsewhere.
                with contextlib.suppress(BrokenPipeError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def save(self, url: str) -> str:
        """Returns the name under which the file is saved."""
        self.next = url
        ends = time.monotonic() + self.patience
        while time.monotonic() < ends:
            if saved := self.saved():
                self.patience = CLIENT_SECONDS
                saved.unlink()
                return saved.name
            time.sleep(0.05)
        return f"nothing: {sorted(path.name for path in self.folder.iterdir())}"

    def saved(self) -> Path | None:
        """Returns the only file, when it is complete. Incomplete ones are beside it, or under another name."""
        files = list(self.folder.iterdir())
        incomplete = (".part", ".crdownload", ".tmp")
        if len(files) != 1 or files[0].suffix in incomplete or files[0].name.startswith("."):
            return None
        return files[0] if files[0].stat().st_size else None

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.page.shutdown()


def chromium(profile: Path, downloads: Path, page: str) -> list[str]:
    """Returns the command of Chromium, which saves to the folder."""
    (profile / "Default").mkdir(parents=True)
    preferences = CHROMIUM | {"download": {"prompt_for_download": False, "default_directory": str(downloads)}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
    return ["chromium", *options, page]


def firefox(profile: Path, downloads: Path, page: str) -> list[str]:
    """Returns the command of Firefox, which saves to the folder."""
    profile.mkdir(parents=True)
    preferences = FIREFOX | {"browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), page]


def clients(work: Path) -> list[Program | Browser]:
    """Starts all clients, which work in the folder."""
    return [*(Program(name, work) for name in PROGRAMS), Browser("chromium", work), Browser("firefox", work)]

"""Whether a file can be fetched, answered in seconds: libraries that download retry for minutes before they give up."""

import queue
import threading
import urllib.parse

SECONDS = 5.0


def obstacle(url: str, seconds: float = SECONDS) -> str | None:
    """Why `url` cannot be fetched, in a few words, or None when its host has answered that it can.

    Waits no longer than `seconds`: the name lookup knows no time limit of its own, so it runs in a thread that is left
    behind when the time is up.
    """
    import requests  # the client of TFDS, so proxies and certificates are those of the download itself

    host = urllib.parse.urlsplit(url).hostname
    answers = queue.Queue()

    def ask():
        try:
            requests.head(url, timeout=seconds, allow_redirects=True).raise_for_status()
            answers.put(None)
        except requests.HTTPError as error:
            answers.put(f"{host} answered {error.response.status_code}")
        except requests.RequestException as error:
            answers.put(f"{host} cannot be reached ({type(error).__name__})")

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return f"{host} did not answer in {seconds:g} seconds"

"""Checks within seconds whether a file can be downloaded; download libraries retry for minutes before they fail."""

import queue
import threading
import urllib.parse

SECONDS = 5.0


def obstacle(url: str, seconds: float = SECONDS) -> str | None:
    """The reason why `url` cannot be downloaded, or None if its host answers that it can be.

    Waits at most `seconds`. The host name lookup has no time limit, so it runs in a thread that is abandoned when the
    time is over.
    """
    import requests  # TFDS uses it too, so proxies and certificates are those of the download

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

"""Options as other tools call them, and what does the same here.

A value that begins with an option is it; any other is the end of "No such option: --x; here ...".
Names: curl(1), wget(1), wget2(1), aria2c(1), httpx, katana, minet and Scrapy's settings.
"""

from __future__ import annotations

from typing import Final

_PROXY = "--proxy URL (-x)"
_THREADS = "--concurrency N (-c)"
_TIMEOUT = "--max-time TIME (-m), one attempt; --connect-timeout and --read-timeout are its parts"
_PAGES = "--max-pages N"
_LIST = "a list is an argument: crawl urls.txt; or --input FILE (-i)"
_COOKIE = "--load-cookies FILE, a cookies.txt; one cookie: --header 'Cookie: a=b'"
_ALWAYS = "that is done without being asked for"

NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("--threads", "-t", "--workers", "--jobs", "-j", "--parallel", "--parallel-max",
         "--max-concurrency", "--max-threads", "--max-concurrent-downloads",
         "--concurrent-requests", "--parallelism", "-Z"), _THREADS),
    **dict.fromkeys(("--timeout", "-T", "--max-timeout", "--total-timeout"), _TIMEOUT),
    **dict.fromkeys(
        ("--host-concurrency", "--domain-parallelism", "--parallel-max-host",
         "--max-connection-per-server", "--max-per-domain", "--concurrency-per-host"),
        "--per-host N"),
    **dict.fromkeys(
        ("--throttle", "--wait", "--download-delay", "--host-request-interval", "--sleep",
         "--interval"), "--delay TIME (-w)"),
    **dict.fromkeys(("--rate-limit", "-rl", "--rps", "--requests-per-second"), "--rate N/s"),
    **dict.fromkeys(
        ("--limit-rate", "--max-speed", "--bwlimit", "--max-download-limit"),
        "nothing limits bytes a second; --rate N/s limits requests"),
    **dict.fromkeys(("--retry", "--tries", "--max-tries", "--max-retries", "--retry-times"),
                    "--retries N, further attempts"),
    **dict.fromkeys(("--retry-on-http-error", "--retry-codes", "--retry-status"),
                    "--retry-on WORDS"),
    **dict.fromkeys(("--max-redirs", "--max-redirect"), "--max-redirects N"),
    **dict.fromkeys(("--location", "-L", "--follow-redirects", "-fr"),
                    "redirects are followed unless --no-redirects is given"),
    **dict.fromkeys(("--no-follow-redirects", "--disable-redirects"), "--no-redirects"),
    **dict.fromkeys(("--recursive", "-r", "--spider", "--crawl", "--links"), "--follow"),
    **dict.fromkeys(("--level", "-l", "--max-depth", "--depth-limit"), "--depth N"),
    **dict.fromkeys(("--max-urls", "--limit", "--max-requests", "--count", "-n"), _PAGES),
    **dict.fromkeys(("--allow", "--accept", "--accept-regex", "--match"), "--include REGEX"),
    **dict.fromkeys(("--deny", "--reject", "--reject-regex", "--filter"), "--exclude REGEX"),
    **dict.fromkeys(("--page-requisites", "--assets"), "--requisites (-p)"),
    **dict.fromkeys(("--sitemap",), "--sitemaps, or --format sitemap for an input that is one"),
    **dict.fromkeys(("--no-robots", "--ignore-robots", "--ignore-robots-txt"),
                    "--robots ignore"),
    **dict.fromkeys(("--max-filesize", "--max-size", "--max-response-size", "--quota"),
                    "--max-body SIZE"),
    **dict.fromkeys(("--lowest-speed-limit", "--speed-limit", "--min-rate", "-Y"),
                    "--min-speed SIZE"),
    **dict.fromkeys(("--max-failures", "--fail-early", "--abort-on-error"), "--max-errors N"),
    **dict.fromkeys(("--max-run", "--stop", "--max-duration", "--duration"),
                    "--max-run-time TIME"),
    **dict.fromkeys(("--list", "--file", "-f", "--input-file", "--files-from", "--urls", "--url"),
                    _LIST),
    **dict.fromkeys(("--split", "--partition", "--slice"), "--shard I/N"),
    **dict.fromkeys(("--out", "--output-file", "--output-document", "-O"), "--output FILE (-o)"),
    **dict.fromkeys(("--csv", "--jsonl", "--sqlite", "--parquet"),
                    "--output FILE (-o), by its suffix: out.csv, out.jsonl"),
    **dict.fromkeys(("--warc", "--warc-file"), "--output FILE.warc.gz (-o)"),
    **dict.fromkeys(("--output-dir", "--dir", "--directory", "-P", "--directory-prefix",
                     "--store-response"), "--save-dir DIR, or --mirror DIR"),
    **dict.fromkeys(("--force", "--clobber", "--allow-overwrite"), "--overwrite"),
    **dict.fromkeys(("--silent", "-s"), "--quiet (-q)"),
    **dict.fromkeys(("--debug", "--log-level"), "--verbose (-v), twice for every exchange"),
    **dict.fromkeys(("--no-progress-meter", "-nc"), "--no-progress"),
    **dict.fromkeys(("--agent", "--ua", "-U"), "--user-agent TEXT (-A)"),
    **dict.fromkeys(("--headers",), "--header 'NAME: VALUE' (-H), as often as you like"),
    **dict.fromkeys(("--request",), "--method NAME (-X)"),
    **dict.fromkeys(("--body", "--post-data", "--data-raw", "--data-binary"),
                    "--data TEXT (-d)"),
    **dict.fromkeys(("--auth", "--basic-auth", "--http-user"), "--user NAME:PASSWORD (-u)"),
    **dict.fromkeys(("--netrc",), ".netrc is not read: a password stands in the URL"),
    **dict.fromkeys(("--cookie", "-b"), _COOKIE),
    **dict.fromkeys(("--cookie-jar", "--save-cookies"),
                    "--cookies, while a crawl lasts; they are not written to a file"),
    **dict.fromkeys(("--http-proxy", "--https-proxy", "--all-proxy", "-proxy"), _PROXY),
    **dict.fromkeys(("--no-check-certificate", "--no-verify", "--no-verify-ssl"),
                    "--insecure (-k)"),
    **dict.fromkeys(("--ca-certificate", "--ca-bundle"), "--cacert FILE"),
    **dict.fromkeys(("--compressed", "--keep-alive", "--keepalive"), _ALWAYS),
    **dict.fromkeys(("--http2", "--http3", "--http2-prior-knowledge"),
                    "HTTP/1.1 is spoken, and no other"),
    **dict.fromkeys(("--resume", "--continue", "-C"),
                    "a crawl with --state goes on by the same command, or `crawl resume STATE`"),
    **dict.fromkeys(("--save-session", "--jobdir", "--job-dir", "--checkpoint"), "--state FILE"),
    **dict.fromkeys(("--dry", "--dump", "--plan"), "--dry-run"),
    **dict.fromkeys(("--model", "--backend", "--mode"), "--engine NAME (-e)"),
}  # fmt: skip

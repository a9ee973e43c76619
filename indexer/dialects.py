"""What an endpoint means when it refuses: the dialects of JSON-RPC providers, as one table.

The words of a refusal say more than its code: -32005 stands for too many logs, too many requests
and an empty account. So the text is matched first, by meaning, in an order in which the more
telling pattern comes first; the HTTP status and the code settle what no pattern knows.
"""

import re
from typing import Literal, NamedTuple

Kind = Literal[
    "split",  # too much at once: narrow the range, or the batch
    "width",  # too many addresses or topics: split the filter
    "wait",  # too many requests, or too busy: back off
    "quota",  # billing, plan or key: asking again does not help
    "not_yet",  # the block or its data is not there
    "timeout",  # narrow, then back off
    "split_once_then_wait",  # either too much at once or too often
    "no_method",  # the endpoint does not have the method
    "unknown",  # halve once, then back off, then surface
]


class Meaning(NamedTuple):
    """What a refusal means.

    Attributes:
        limit: how many blocks ("split") or addresses ("width") are allowed, where it says so.
        suggested: the first and last block it proposes, where it does.
        retry_after_seconds: how long it asks to be left alone; 0 where it does not say.
    """

    kind: Kind
    limit: int | None = None
    suggested: tuple[int, int] | None = None
    retry_after_seconds: float = 0.0


_NUMBER = r"(0x[0-9a-f]+|\d+(?:\.\d+)?\s?[km]?)\b"
_BLOCKS = r"\branges?\b|\bblocks\b|block[ _-]?range"
_TOO_MUCH = (
    r"exceed|too |limit|max|over|above|\bcap\b|than|>|allowed|support|up to|at most|reduc|narrow"
    r"|smaller|larger|distance|threshold|only|should work|try with"
)
_LOGS = r"\blogs\b|results?\b|respon[sc]e|\bsize\b|bytes|events|content|entity|payload|memory"
_A_TIME = r"(?:\bper |/ ?|\beach )(?:s|sec|second|m|min|minute)\b|\b[rq]ps\b"
_A_LONG_TIME = r"daily|monthly|per day|per month|\b24 ?h"
_HEAD = r"latest|\bhead\b|\btip\b|current (?:block|height)|last accepted|blockchain height"
_DATA = r"data|receipts?|block|state|history|logs?"
_SERVED = r"(?:found|available|supported|allowed|enabled|included|whitelisted|exist)"
_MONEY = r"credit|balance|fund|unit|cup"
_MANY = r"too |less|fewer|max|limit|exceed|than|at most"

# One idea a row; of two rows that fit, the first one counts.
_TABLE: list[tuple[Kind, str]] = [
    ("no_method", rf"\bmethod\b.*(?:(?:not|n't) (?:be )?{_SERVED}|disabled|unavailable|missing)"),
    ("no_method", r"(?:unsupported|unknown|no such|invalid) (?:rpc )?method"),
    ("no_method", rf"\beth_\w+ (?:is )?(?:not {_SERVED}|unavailable|disabled)"),
    ("not_yet", r"header not found|unknown block|missing trie node|unfinali[sz]ed|\bpruned"),
    ("not_yet", r"header for hash not found|not currently canonical|blockoutofrange"),
    ("not_yet", r"\barchiv|no state (?:found|available)|state histor|maximum proof window"),
    (
        "not_yet",
        r"\w*block\w*\b.{0,30}(?:\bnot|n't) (?:be )?(?:found|exist)|\w*block.* cannot be f",
    ),
    ("not_yet", r"(?:not|n't) (?:yet )?(?:have|has|find) .{0,30}\bblock|not yet indexed"),
    ("not_yet", rf"(?:greater|higher|after|ahead|beyond|past|less)\b.{{0,40}}(?:{_HEAD})"),
    ("not_yet", rf"(?:{_DATA})\b.{{0,20}} (?:is |are |was )?(?:not |n't |un)(?:yet )?available"),
    ("not_yet", r"(?:future|pending) block|block (?:is )?out of range|not yet available"),
    ("split", r"\bbatch"),
    ("width", rf"\baddress(?:es)?\b.*(?:{_MANY})|(?:{_MANY}).*\b(?:address|topics?\b)"),
    ("width", r"\d+ (?:filters|topics)\b|too many (?:filters|topics|param|arg)"),
    ("wait", rf"^(?!.*(?:{_A_LONG_TIME})).*(?:{_A_TIME}|\brate.?limit|request rate)"),
    ("split", rf"^(?=.*(?:{_BLOCKS}))(?=.*(?:{_TOO_MUCH}))"),
    ("timeout", r"time(?:d)?[ -]?out|deadline|took too long|execution aborted|duration"),
    ("quota", rf"{_A_LONG_TIME}|quota|billing|payment|subscri|\bplan\b|\btier\b|\bcups\b"),
    ("quota", rf"(?:not enough|insufficient|no more|out of|exhausted).{{0,20}}(?:{_MONEY})"),
    ("quota", r"credits?\b.{0,20}(?:exhaust|deplet|used up|exceed)"),
    ("quota", r"api[ -]?key|unauthori[sz]ed|authenticat|invalid project|project id settings"),
    (
        "quota",
        r"(?:access|personal|auth|invalid|missing) token|account .{0,20}(?:suspend|disabled)",
    ),
    ("wait", r"too many (?:concurrent )?(?:requests|connections)|throttl|request (?:limit|count)"),
    ("wait", r"overload|too much load|\bbusy\b|slow down|compute units"),
    ("wait", r"(?:try|retry) (?:again )?(?:later|in|after)|please (?:re)?try"),
    ("wait", r"server available|route your request"),
    ("split", rf"(?:{_LOGS}).*(?:exceed|too |than|greater|larger|max|limit)"),
    ("split", rf"(?:exceed|too |than|greater|larger|max|limit).*(?:{_LOGS})"),
    ("split", r"exceeded max|too (?:large|big|wide|many|much)|smaller than"),
    ("split_once_then_wait", r"(?:limit|capacity) (?:is )?exceeded|exceed.{0,20}limit"),
    ("split_once_then_wait", r"no (?:backend|healthy)|upstreams? .{0,20}(?:fail|unavail)"),
]
_MEANINGS = [(kind, re.compile(pattern)) for kind, pattern in _TABLE]

_BY_STATUS: dict[int, Kind] = {
    401: "quota",
    402: "quota",
    408: "timeout",
    413: "split",
    429: "wait",
    504: "timeout",
    524: "timeout",
}
_BY_CODE: dict[int, Kind] = {
    429: "wait",
    -32001: "not_yet",
    -32002: "timeout",
    -32005: "split_once_then_wait",
    -32016: "wait",
    -32029: "wait",
    -32043: "not_yet",
    -32601: "no_method",
}

_IS_LIMIT = r"max\w*|limit\w*|allowed|up to|at most|only|over|\bcap|distance|threshold|filter:"
_LIMITS = [
    re.compile(pattern)
    for pattern in [
        rf"(?:\d|range) ?> ?{_NUMBER}",
        rf"(?:{_IS_LIMIT})(?!\D*\d[^0-9]*>)\D{{0,60}}?(?:0 ?(?:-|to) ?)?{_NUMBER}",
        rf"(?:exceed\w*|than)\b[^0-9,]{{0,30}}?{_NUMBER}",
        rf"{_NUMBER}[ -]?(?:blocks? )?(?:max\b|or (?:less|fewer)|block range|block limit)",
    ]
]
_SUGGESTED = re.compile(
    r"(?:try|work|suggest\w*|instead|use)\b[^\[\d]{0,40}[\[(]?(0x[0-9a-f]+|\d+)"
    r"\s*(?:,|-|–|to|\.\.)\s*(0x[0-9a-f]+|\d+)"
)
_SECONDS = re.compile(
    r"(?:retry|try again|wait|available|reset\w*)[^0-9]{0,20}(\d+(?:\.\d+)?) ?(ms|m(?:in)?\w*|s)?"
)
# They hold digits that mean nothing here.
_NOISE = re.compile(r"\w+://\S+|\(?\b\w*[ _-]?id\b[\"']?\s*[:=#]?\s*[\"']?[\w-]*\d[\w-]*[\"']?\)?")
_THOUSANDS = re.compile(r"(?<=\d)[,_](?=\d{3}\b)")

_RETRY_SECONDS_MAX = 60.0


def classify(status: int, code: int, text: str) -> Meaning:
    """What a refusal means.

    Args:
        status: of the HTTP answer.
        code: of the JSON-RPC error, 0 without one.
        text: all that it says.
    """
    said = _NOISE.sub(" ", text.lower())
    suggested = _suggestion(said)
    said = _THOUSANDS.sub("", said)
    kind = _kind(status, code, said)
    if kind == "split":
        about_logs = suggested or not re.search(_BLOCKS + r"|smaller than", said)
        return Meaning(kind, None if about_logs else _limit(said), suggested)
    if kind == "width":
        return Meaning(kind, _limit(said))
    return Meaning(kind, retry_after_seconds=_wait(said) if kind == "wait" else 0.0)


def _kind(status: int, code: int, said: str) -> Kind:
    for kind, pattern in _MEANINGS:
        if pattern.search(said):
            return kind
    return _BY_STATUS.get(status) or _BY_CODE.get(code) or "unknown"


def _limit(said: str) -> int | None:
    """The smallest number of those that are said to be a limit."""
    found = [_number(match[1]) for pattern in _LIMITS for match in pattern.finditer(said)]
    return min((number for number in found if number > 0), default=None)


def _suggestion(said: str) -> tuple[int, int] | None:
    match = _SUGGESTED.search(said)
    return (_number(match[1]), _number(match[2])) if match else None


def _number(digits: str) -> int:
    if digits.startswith("0x"):
        return int(digits, 16)
    factor = {"k": 1_000, "m": 1_000_000}.get(digits[-1], 1)
    return int(float(digits.rstrip("km ")) * factor)


def _wait(said: str) -> float:
    match = _SECONDS.search(said)
    if match is None:
        return 0.0
    unit = match[2] or "s"
    factor = 0.001 if unit == "ms" else 60 if unit.startswith("m") else 1
    return min(float(match[1]) * factor, _RETRY_SECONDS_MAX)

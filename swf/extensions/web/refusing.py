"""How the window says no: a page for people, JSON for programs, with what to do about it."""

from collections.abc import Mapping

from fastapi.responses import HTMLResponse, Response

from swf.extensions.web import language, rendering


def for_programs(path: str) -> bool:
    """Whether a program asks there, which reads no page."""
    return path.startswith(language.FOR_PROGRAMS)


def told(path: str, code: int, sentence: str, advice: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request for `path` that is refused, or that failed, in the language of who asked."""
    sentence, advice = language.told(sentence), language.told(advice)
    if for_programs(path):
        answer: Response = rendering.json({"error": sentence, "advice": advice}, code)
    else:
        answer = HTMLResponse(rendering.page("error.html", code=code, sentence=sentence, advice=advice), code)
    answer.headers.update(headers or {})
    return answer

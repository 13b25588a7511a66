"""Invented people of many languages: names nobody bears, what a HIS there calls its character set, what is examined.

Names say that they are invented, as MUSTERMANN does in German and ПРИМЕРОВ in Russian. All carry the identifier of one
assigning authority, `AUTHORITY`, so that a store can be asked whether it holds anybody else.
"""

import random
from dataclasses import dataclass

AUTHORITY = "SIMULATOR"
_BORN, _LIVED = 1930, 90


@dataclass(frozen=True)
class Language:
    """What is written where: MSH-18, the DICOM set of a scanner there, names and parts of the body in that language.

    `forms` holds the same people in further scripts (HL7 repetitions of PID-5), each with its representation code.
    """

    character_set: str
    specific_character_set: str
    families: tuple[str, ...]
    given: tuple[str, ...]
    regions: tuple[str, str, str]
    forms: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()


LANGUAGES: dict[str, Language] = {
    "en": Language(
        "8859/1",
        "ISO_IR 100",
        ("DOE", "ROE", "POE", "SAMPLE", "TESTER", "EXAMPLE", "NOBODY", "FICTION"),
        ("JANE", "JOHN", "RICHARD", "MARY ANN", "ZOË", "CHLOÉ"),
        ("head", "chest", "abdomen"),
    ),
    "de": Language(
        "8859/1",
        "ISO_IR 100",
        ("MUSTERMANN", "MUSTERFRAU", "BEISPIEL", "PRÜFLING", "ÜBUNG", "GROßTEST", "NIEMAND"),
        ("ERIKA", "MAX", "JÜRGEN", "ÄNNE", "SÖREN"),
        ("Schädel", "Thorax", "Abdomen"),
    ),
    "fr": Language(
        "8859/1",
        "ISO_IR 100",
        ("EXEMPLE", "MODÈLE", "ESSAI", "PERSONNE", "L'ÉPREUVE"),
        ("ZOÉ", "FRANÇOIS", "HÉLÈNE", "JEAN"),
        ("crâne", "thorax", "abdomen"),
    ),
    "pl": Language(
        "8859/2",
        "ISO_IR 101",
        ("PRZYKŁADOWSKI", "PRÓBNY", "WZÓR", "TESTOWSKA"),
        ("ŁUKASZ", "ŻANETA", "JAN", "GRAŻYNA"),
        ("głowa", "klatka piersiowa", "brzuch"),
    ),
    "tr": Language(
        "8859/9",
        "ISO_IR 148",
        ("ÖRNEK", "DENEME", "KİMSESİZ", "ŞABLON"),
        ("AYŞE", "ÇAĞRI", "İPEK", "MEHMET"),
        ("baş", "göğüs", "karın"),
    ),
    "ru": Language(
        "8859/5",
        "ISO_IR 144",
        ("ПРИМЕРОВ", "ОБРАЗЦОВ", "ПРОБНЫЙ", "ТЕСТОВ", "НЕБЫЛИЦЫН", "ВЫМЫШЛЕННЫЙ"),
        ("ИВАН", "ФЁДОР", "АННА", "ЮЛИЯ", "ПЁТР ИЛЬИЧ"),
        ("головы", "грудной клетки", "живота"),
    ),
    "el": Language(
        "8859/7",
        "ISO_IR 126",
        ("ΔΕΙΓΜΑ", "ΔΟΚΙΜΑΣΤΙΚΟΣ", "ΠΑΡΑΔΕΙΓΜΑΤΟΠΟΥΛΟΣ", "ΚΑΝΕΝΑΣ"),
        ("ΜΑΡΊΑ", "ΓΙΏΡΓΟΣ", "ΕΛΈΝΗ"),
        ("κεφαλής", "θώρακος", "κοιλίας"),
    ),
    "he": Language(
        "8859/8",
        "ISO_IR 138",
        ("ישראלי", "לדוגמה", "ניסיון"),
        ("ישראל", "שרה", "פלוני"),
        ("ראש", "חזה", "בטן"),
    ),
    "ja": Language(
        "UNICODE UTF-8",
        "ISO_IR 192",
        ("MIHON", "REIDAI", "KAKUU"),
        ("HANAKO", "TARO"),
        ("頭部", "胸部", "腹部"),
        (
            ("I", ("見本", "例題", "架空"), ("花子", "太郎")),
            ("P", ("みほん", "れいだい", "かくう"), ("はなこ", "たろう")),
        ),
    ),
    "zh": Language(
        "GB 18030-2000",
        "GB18030",
        ("YANGLI", "CESHI"),
        ("SAN", "SI"),
        ("头部", "胸部", "腹部"),
        (("I", ("样例", "测试"), ("三", "四")),),
    ),
    "ko": Language(
        "UNICODE UTF-8",
        "ISO_IR 192",
        ("GYEONBON", "YESI"),
        ("GILDONG", "MINSU"),
        ("머리", "가슴", "복부"),
        (("I", ("견본", "예시"), ("길동", "민수")),),
    ),
}
MODALITIES = (("CT", "CT1"), ("MR", "MR1"), ("CR", "CR1"), ("US", "US1"))
"""Which kind of scanner stands where: its modality and its AE title."""


@dataclass(frozen=True)
class Person:
    """Somebody invented. `name` is an XPN, `forms` are the same name in other scripts."""

    patient_id: str
    name: str
    forms: tuple[str, ...]
    birth_date: str
    sex: str


def person(chance: random.Random, language: str, number: str) -> Person:
    """The person of that number; the same chance gives the same person."""
    spoken = LANGUAGES[language]
    family, given = chance.randrange(len(spoken.families)), chance.randrange(len(spoken.given))
    name = f"{spoken.families[family]}^{spoken.given[given]}"
    forms = tuple(f"{families[family]}^{givens[given]}^^^^^L^{code}" for code, families, givens in spoken.forms)
    born = f"{_BORN + chance.randrange(_LIVED)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    return Person(f"SIM{number}", f"{name}^^^^^L^A" if forms else name, forms, born, chance.choice("FMO"))

"""The words of a report in its language, and numbers as they are written there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from .._table.column import Value
from .._table.column_words import say_value

Language = Literal["en", "de"]

_GERMAN = {
    "Profile of a table": "Profil einer Tabelle",
    "Results of a batch": "Ergebnisse eines Stapels",
    "Contents": "Inhalt",
    "Page": "Seite",
    "Made for": "Erstellt für",
    "Made on": "Erstellt am",
    "Table": "Tabelle",
    "Task": "Aufgabe",
    "Batch": "Stapel",
    "Kind": "Art",
    "Rows": "Zeilen",
    "Columns": "Spalten",
    "Column": "Spalte",
    "Overview": "Überblick",
    "Missing values": "Fehlende Werte",
    "Type": "Typ",
    "Missing": "Fehlend",
    "Different": "Verschieden",
    "From": "Von",
    "To": "Bis",
    "Mean": "Mittelwert",
    "Median": "Median",
    "Middle half": "Mittlere Hälfte",
    "Middle 90 %": "Mittlere 90 %",
    "(no name)": "(ohne Namen)",
    "(empty)": "(leer)",
    "Most frequent values": "Häufigste Werte",
    "No value is missing.": "Es fehlt kein Wert.",
    "There are no values.": "Es gibt keine Werte.",
    "No value occurs twice.": "Kein Wert kommt zweimal vor.",
    "There are too many different values for a plot.": "Es gibt zu viele verschiedene Werte für eine Grafik.",
    "~ is an estimate.": "~ ist eine Schätzung.",
    "of which the first {} are shown": "davon die ersten {} gezeigt",
    "Submitted": "Eingereicht",
    "Completed": "Abgeschlossen",
    "not completed yet": "noch nicht abgeschlossen",
    "Tasks": "Aufgaben",
    "Summary": "Zusammenfassung",
    "States": "Zustände",
    "succeeded": "erfolgreich",
    "failed": "fehlgeschlagen",
    "cancelled": "abgebrochen",
    "not finished": "nicht beendet",
    "Durations": "Dauern",
    "Shortest": "Kürzeste",
    "Longest": "Längste",
    "95 of 100 took at most": "95 von 100 dauerten höchstens",
    "All together": "Alle zusammen",
    "No task was started.": "Es wurde keine Aufgabe gestartet.",
    "Failures": "Fehler",
    "No task has failed.": "Keine Aufgabe ist fehlgeschlagen.",
    "Message": "Meldung",
    "Results": "Ergebnisse",
    "State": "Zustand",
    "Duration": "Dauer",
    "Result or message": "Ergebnis oder Meldung",
    "{} of {} are shown.": "{} von {} werden gezeigt.",
    "a large result, in a file": "ein großes Ergebnis, in einer Datei",
    "other messages": "andere Meldungen",
    "{} to {}": "{} bis {}",
    "integer": "ganze Zahl",
    "float": "Zahl",
    "boolean": "Wahrheitswert",
    "date": "Datum",
    "datetime": "Zeitpunkt",
    "text": "Text",
    "other": "anderes",
}


class Words:
    """The words of a language.

    Attributes:
        language: Which it is.
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, english: str, *values: object) -> str:
        """Return a word or a sentence in the language, with values in the places of ``{}``."""
        return (_GERMAN[english] if self.language == "de" else english).format(*values)

    def count(self, number: int) -> str:
        """Write a whole number, with thousands apart."""
        return self._write(f"{number:,}")

    def number(self, number: float | None) -> str:
        """Write a number with six digits; empty when there is none."""
        return "" if number is None else self._write(f"{number:,.6g}")

    def share(self, part: int, whole: int) -> str:
        """Write a share in percent."""
        return f"{self._write(f'{100 * part / whole:.1f}')} %" if whole else ""

    def value(self, value: Value) -> str:
        """Write a value of a profile."""
        return self.number(value) if isinstance(value, float) else say_value(value)

    def seconds(self, seconds: float | None) -> str:
        """Write a duration; empty when there is none."""
        if seconds is None:
            return ""
        if seconds < 1:
            return f"{self._write(f'{seconds * 1000:.0f}')} ms"
        if seconds < 60:
            return f"{self._write(f'{seconds:.2f}')} s"
        hours, rest = divmod(round(seconds), 3600)
        minutes, left = divmod(rest, 60)
        return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"

    def moment(self, moment: datetime | None) -> str:
        """Write a moment in UTC; empty when there is none."""
        if moment is None:
            return ""
        return moment.astimezone(UTC).strftime("%d.%m.%Y %H:%M UTC" if self.language == "de" else "%Y-%m-%d %H:%M UTC")

    def _write(self, english: str) -> str:
        return english.translate({44: ".", 46: ","}) if self.language == "de" else english

import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    share: "Share",
    title_task: "Share this task",
    title_batch: "Share this batch",
    who_task:
      "Whoever has the link sees how this task goes, its log, its result and its error. They need no account, see nothing else, and can change nothing.",
    who_batch:
      "Whoever has the link sees how far this batch is, and no single task. They need no account, see nothing else, and can change nothing.",
    end: "A link cannot be taken back. It ends by itself.",
    how_long: "It works for",
    minutes: "15 minutes",
    hour: "1 hour",
    hours: "8 hours",
    day: "1 day",
    make: "Make the link",
    again: "Make another one",
    until: "Works until {time}.",
    link: "The link",
    send: "Send",
    off: "Follow links are switched off here. Whoever runs this installation can set HEADRACE_API_FOLLOW_SECRETS.",
    close: "Close",
  },
  de: {
    share: "Teilen",
    title_task: "Diese Aufgabe teilen",
    title_batch: "Diesen Stapel teilen",
    who_task:
      "Wer den Link hat, sieht den Verlauf dieser Aufgabe, ihr Protokoll, ihr Ergebnis und ihren Fehler. Dazu ist kein Konto nötig; sonst ist nichts zu sehen und nichts zu ändern.",
    who_batch:
      "Wer den Link hat, sieht den Stand dieses Stapels und keine einzelne Aufgabe. Dazu ist kein Konto nötig; sonst ist nichts zu sehen und nichts zu ändern.",
    end: "Ein Link lässt sich nicht zurücknehmen. Er endet von selbst.",
    how_long: "Er gilt",
    minutes: "15 Minuten",
    hour: "1 Stunde",
    hours: "8 Stunden",
    day: "1 Tag",
    make: "Link erzeugen",
    again: "Einen anderen erzeugen",
    until: "Gilt bis {time}.",
    link: "Der Link",
    send: "Senden",
    off: "Links zum Verfolgen sind hier abgeschaltet. Wer diese Installation betreibt, kann HEADRACE_API_FOLLOW_SECRETS setzen.",
    close: "Schließen",
  },
});

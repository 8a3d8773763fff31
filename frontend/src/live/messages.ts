import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    live: "Live",
    connecting: "Connecting",
    retrying: "Reconnecting",
    retrying_in: "Reconnecting in {seconds} s",
    stale_since: "Stale since {time}",
    signed_out: "Signed out",
    now: "Now",
    at_position: "Everything up to {position} of the log is on this page.",
    nothing_yet: "Nothing was heard yet.",
  },
  de: {
    live: "Live",
    connecting: "Verbindet",
    retrying: "Verbindet neu",
    retrying_in: "Verbindet neu in {seconds} s",
    stale_since: "Stand von {time}",
    signed_out: "Abgemeldet",
    now: "Jetzt",
    at_position: "Diese Seite zeigt alles bis {position} des Protokolls.",
    nothing_yet: "Noch nichts empfangen.",
  },
});

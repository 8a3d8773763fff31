import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    show: "Show the password",
    caps_lock: "Caps lock is on.",
    too_many: "Too many attempts. The next one is possible in {time}.",
    unreachable: "The server does not answer. Nothing was sent.",
    away: "Accounts cannot be reached at the moment. Try again in a moment.",
  },
  de: {
    show: "Passwort zeigen",
    caps_lock: "Die Feststelltaste ist an.",
    too_many: "Zu viele Versuche. Der nächste ist in {time} möglich.",
    unreachable: "Der Server antwortet nicht. Nichts wurde gesendet.",
    away: "Konten sind gerade nicht erreichbar. Gleich noch einmal versuchen.",
  },
});

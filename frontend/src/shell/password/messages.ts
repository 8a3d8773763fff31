import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: "Change password",
    old: "Present password",
    new: "New password",
    hint: "12 characters or more. A sentence is good.",
    help: "All other sessions end. API keys go on: revoke those that somebody else may have.",
    submit: "Change password",
    wrong: "That is not the present password.",
    done: "Your password is changed. All other sessions have ended.",
  },
  de: {
    title: "Passwort ändern",
    old: "Bisheriges Passwort",
    new: "Neues Passwort",
    hint: "Mindestens 12 Zeichen. Ein Satz ist gut.",
    help: "Alle anderen Sitzungen enden. API-Schlüssel gelten weiter: Wer sie nicht haben soll, verliert sie erst, wenn sie widerrufen sind.",
    submit: "Passwort ändern",
    wrong: "Das ist nicht das bisherige Passwort.",
    done: "Das Passwort ist geändert. Alle anderen Sitzungen sind beendet.",
  },
});

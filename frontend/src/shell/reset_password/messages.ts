import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: "Set a new password",
    help: "An administrator of the server gets you a token with this command. It works once, for 30 minutes.",
    token: "Token",
    password: "New password",
    hint: "12 characters or more. A sentence is good.",
    submit: "Set the password",
    invalid: "This token is none, was used, or is too old. Ask for another one.",
    back: "Back to signing in",
  },
  de: {
    title: "Neues Passwort setzen",
    help: "Wer den Server betreibt, erzeugt mit diesem Befehl ein Token. Es gilt einmal, 30 Minuten lang.",
    token: "Token",
    password: "Neues Passwort",
    hint: "Mindestens 12 Zeichen. Ein Satz ist gut.",
    submit: "Passwort setzen",
    invalid: "Dieses Token gibt es nicht, es wurde benutzt oder ist zu alt. Ein anderes hilft.",
    back: "Zurück zum Anmelden",
  },
});

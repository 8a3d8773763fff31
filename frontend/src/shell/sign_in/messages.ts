import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: "Sign in",
    email: "Email address",
    password: "Password",
    submit: "Sign in",
    wrong: "The email address or the password is wrong.",
    here: "At the machine of this server, this prints a link that signs you in:",
    no_account: "No account yet?",
    register: "Ask for one",
    reset: "I have a token for a new password",
    why: {
      signed_out: "You are signed out.",
      elsewhere: "You signed out in another tab.",
      ended: "Your session has ended. Sign in to go on where you were.",
      disabled: "This account was disabled.",
      password: "Your password is changed. Sign in with the new one.",
    },
  },
  de: {
    title: "Anmelden",
    email: "E-Mail-Adresse",
    password: "Passwort",
    submit: "Anmelden",
    wrong: "Die E-Mail-Adresse oder das Passwort ist falsch.",
    here: "Am Rechner dieses Servers gibt dies einen Link aus, der anmeldet:",
    no_account: "Noch kein Konto?",
    register: "Eines beantragen",
    reset: "Ich habe ein Kennwort-Token für ein neues Passwort",
    why: {
      signed_out: "Die Sitzung ist beendet.",
      elsewhere: "In einem anderen Tab wurde abgemeldet.",
      ended: "Die Sitzung ist abgelaufen. Nach dem Anmelden geht es dort weiter, wo sie endete.",
      disabled: "Dieses Konto wurde gesperrt.",
      password: "Das Passwort ist geändert. Bitte mit dem neuen anmelden.",
    },
  },
});

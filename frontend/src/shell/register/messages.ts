import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: "Ask for an account",
    help: "An administrator decides about it. You can watch here until they have.",
    name: "Your name",
    email: "Email address",
    password: "Password",
    password_hint: "12 characters or more. A sentence is good.",
    submit: "Ask for an account",
    has_one: "You have an account?",
    sign_in: "Sign in",
    closed: "Nobody can ask for an account here. Whoever runs this installation can open registration, or make an account for you.",
    taken: "Your request was taken. Once an administrator has approved it, you can sign in.",
  },
  de: {
    title: "Konto beantragen",
    help: "Die Verwaltung entscheidet darüber. Bis dahin lässt es sich hier verfolgen.",
    name: "Name",
    email: "E-Mail-Adresse",
    password: "Passwort",
    password_hint: "Mindestens 12 Zeichen. Ein Satz ist gut.",
    submit: "Konto beantragen",
    has_one: "Schon ein Konto?",
    sign_in: "Anmelden",
    closed: "Hier lässt sich kein Konto beantragen. Wer diese Installation betreibt, kann das erlauben oder eines anlegen.",
    taken: "Der Antrag ist angekommen. Sobald er angenommen ist, geht das Anmelden.",
  },
});

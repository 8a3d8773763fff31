import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: {
      pending: "Waiting for approval",
      rejected: "Your request was declined",
      disabled: "This account is disabled",
      active: "You are in",
    },
    pending: "You have asked for an account as {email}. An administrator has to approve it. Leave this page open: it goes on by itself.",
    rejected: "An administrator has declined the account {email}.",
    disabled: "The account {email} was disabled by an administrator. What had been submitted is still there.",
    reason: "Reason",
    asked: "Asked again every 10 seconds, last at {time}.",
    not_asked: "It cannot be asked at the moment; that is tried again.",
    now: "Ask now",
    sign_out: "Sign out",
  },
  de: {
    title: {
      pending: "Wartet auf Freigabe",
      rejected: "Der Antrag wurde abgelehnt",
      disabled: "Dieses Konto ist gesperrt",
      active: "Freigegeben",
    },
    pending:
      "Das Konto {email} ist beantragt. Die Verwaltung muss es freigeben. Diese Seite kann offen bleiben: Es geht von selbst weiter.",
    rejected: "Die Verwaltung hat das Konto {email} abgelehnt.",
    disabled: "Die Verwaltung hat das Konto {email} gesperrt. Was aufgegeben war, ist noch da.",
    reason: "Grund",
    asked: "Alle 10 Sekunden wird nachgefragt, zuletzt um {time}.",
    not_asked: "Gerade lässt sich nicht nachfragen; es wird wieder versucht.",
    now: "Jetzt nachfragen",
    sign_out: "Abmelden",
  },
});

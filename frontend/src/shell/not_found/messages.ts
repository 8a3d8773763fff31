import { defineMessages } from "@/i18n";

export default defineMessages({
  en: {
    title: "There is no such page",
    sentence: "Nothing is at {path}. It may have been deleted, or belong to another account.",
    home: "To the dashboard",
    find: "Find something",
  },
  de: {
    title: "Diese Seite gibt es nicht",
    sentence: "Unter {path} ist nichts. Es wurde gelöscht, oder es gehört zu einem anderen Konto.",
    home: "Zur Übersicht",
    find: "Etwas suchen",
  },
});

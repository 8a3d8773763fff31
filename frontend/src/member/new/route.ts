import { defineScreen } from "@/shell/router";

export default defineScreen({
  path: "/new",
  name: "new",
  component: () => import("./NewPage.vue"),
  title: { en: "New task", de: "Neue Aufgabe" },
});

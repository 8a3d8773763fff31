import { mdiFormatListChecks } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/tasks",
  name: "tasks",
  component: () => import("./TasksPage.vue"),
  title: { en: "Tasks", de: "Aufgaben" },
  nav: { order: 20, icon: mdiFormatListChecks },
});

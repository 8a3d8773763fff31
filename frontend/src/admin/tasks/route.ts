import { mdiFormatListChecks } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/tasks",
  name: "admin_tasks",
  component: () => import("./AdminTasksPage.vue"),
  title: { en: "All tasks", de: "Alle Aufgaben" },
  nav: { order: 40, icon: mdiFormatListChecks },
  admin: true,
});

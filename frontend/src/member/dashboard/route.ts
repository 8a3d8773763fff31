import { mdiViewDashboardOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/",
  name: "dashboard",
  component: () => import("./DashboardPage.vue"),
  title: { en: "Dashboard", de: "Übersicht" },
  nav: { order: 10, icon: mdiViewDashboardOutline },
});

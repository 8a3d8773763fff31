import { mdiGaugeLow } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/overview",
  name: "overview",
  component: () => import("./OverviewPage.vue"),
  title: { en: "Overview", de: "Gesamtlage" },
  nav: { order: 10, icon: mdiGaugeLow },
  admin: true,
});

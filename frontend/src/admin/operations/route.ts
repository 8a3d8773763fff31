import { mdiTuneVariant } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/operations",
  name: "operations",
  component: () => import("./OperationsPage.vue"),
  title: { en: "Operations", de: "Betrieb" },
  nav: { order: 20, icon: mdiTuneVariant },
  admin: true,
});

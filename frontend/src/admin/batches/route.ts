import { mdiLayersTripleOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/batches",
  name: "admin_batches",
  component: () => import("./AdminBatchesPage.vue"),
  title: { en: "All batches", de: "Alle Stapel" },
  nav: { order: 50, icon: mdiLayersTripleOutline },
  admin: true,
});

import { mdiLayersTripleOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/batches",
  name: "batches",
  component: () => import("./BatchesPage.vue"),
  title: { en: "Batches", de: "Stapel" },
  nav: { order: 30, icon: mdiLayersTripleOutline },
});

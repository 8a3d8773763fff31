import { mdiFileOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/files",
  name: "files",
  component: () => import("./FilesPage.vue"),
  title: { en: "Files", de: "Dateien" },
  nav: { order: 45, icon: mdiFileOutline },
  feature: "files",
});

import { mdiCloseCircleOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/failures",
  name: "failures",
  component: () => import("./FailuresPage.vue"),
  title: { en: "Failures", de: "Fehler" },
  nav: { order: 30, icon: mdiCloseCircleOutline },
  admin: true,
});

import { mdiTextBoxSearchOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/audit",
  name: "audit",
  component: () => import("./AuditPage.vue"),
  title: { en: "Audit", de: "Protokoll" },
  nav: { order: 150, icon: mdiTextBoxSearchOutline },
  admin: true,
});

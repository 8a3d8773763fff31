import { mdiCogOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/settings",
  name: "settings",
  component: () => import("./SettingsPage.vue"),
  title: { en: "Settings", de: "Einstellungen" },
  nav: { order: 140, icon: mdiCogOutline },
  admin: true,
});

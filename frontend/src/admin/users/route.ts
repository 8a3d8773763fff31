import { mdiAccountGroupOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/users",
  name: "users",
  component: () => import("./UsersPage.vue"),
  title: { en: "Users", de: "Konten" },
  nav: { order: 130, icon: mdiAccountGroupOutline },
  admin: true,
});

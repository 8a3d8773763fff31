import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/users/pending",
  name: "pending_users",
  component: () => import("./PendingUsersPage.vue"),
  title: { en: "Requests for accounts", de: "Kontoanträge" },
  admin: true,
});

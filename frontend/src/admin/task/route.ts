import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/tasks/:task",
  name: "admin_task",
  component: () => import("./AdminTaskPage.vue"),
  title: { en: "Task", de: "Aufgabe" },
  admin: true,
});

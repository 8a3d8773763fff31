import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/tasks/:task",
  name: "task",
  component: () => import("./TaskPage.vue"),
  title: { en: "Task", de: "Aufgabe" },
});

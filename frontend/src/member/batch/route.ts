import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/batches/:batch",
  name: "batch",
  component: () => import("./BatchPage.vue"),
  title: { en: "Batch", de: "Stapel" },
});

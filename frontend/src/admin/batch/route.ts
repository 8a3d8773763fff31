import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/admin/batches/:batch",
  name: "admin_batch",
  component: () => import("./AdminBatchPage.vue"),
  title: { en: "Batch", de: "Stapel" },
  admin: true,
});

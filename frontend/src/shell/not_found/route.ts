import { defineScreen } from "../screen";

export default defineScreen({
  path: "/:rest(.*)*",
  name: "not_found",
  component: () => import("./NotFoundPage.vue"),
  title: { en: "Not found", de: "Nicht gefunden" },
});

import { defineScreen } from "../screen";

export default defineScreen({
  path: "/waiting",
  name: "waiting",
  component: () => import("./WaitingPage.vue"),
  title: { en: "Waiting for approval", de: "Wartet auf Freigabe" },
  open: true,
});

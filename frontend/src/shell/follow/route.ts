import { defineScreen } from "../screen";

export default defineScreen({
  path: "/follow/:what(tasks|batches)/:id",
  name: "follow",
  component: () => import("./FollowPage.vue"),
  title: { en: "Follow", de: "Verfolgen" },
  open: true,
});

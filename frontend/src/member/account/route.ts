import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/account",
  name: "account",
  component: () => import("./AccountPage.vue"),
  title: { en: "Account", de: "Konto" },
});

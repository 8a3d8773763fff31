import { defineScreen } from "../screen";

export default defineScreen({
  path: "/register",
  name: "register",
  component: () => import("./RegisterPage.vue"),
  title: { en: "Ask for an account", de: "Konto beantragen" },
  open: true,
});

import { defineScreen } from "../screen";

export default defineScreen({
  path: "/sign-in",
  name: "sign_in",
  component: () => import("./SignInPage.vue"),
  title: { en: "Sign in", de: "Anmelden" },
  open: true,
});

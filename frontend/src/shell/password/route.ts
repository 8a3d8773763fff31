import { defineScreen } from "../screen";

export default defineScreen({
  path: "/password",
  name: "password",
  component: () => import("./PasswordPage.vue"),
  title: { en: "Change password", de: "Passwort ändern" },
});

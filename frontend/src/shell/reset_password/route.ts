import { defineScreen } from "../screen";

export default defineScreen({
  path: "/password/reset",
  name: "reset_password",
  component: () => import("./ResetPasswordPage.vue"),
  title: { en: "Set a new password", de: "Neues Passwort setzen" },
  open: true,
});

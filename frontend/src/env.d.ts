/// <reference types="vite/client" />
import type { ClosePopup } from "quasar";

// Quasar's own declaration of directives lacks this one.
declare module "vue" {
  interface GlobalDirectives {
    vClosePopup: typeof ClosePopup;
  }
}

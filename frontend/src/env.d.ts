/// <reference types="vite/client" />
import type { ClosePopup } from "quasar";

// Quasar's own declaration of directives lacks this one.
declare module "vue" {
  interface GlobalDirectives {
    vClosePopup: typeof ClosePopup;
  }
  // Any component takes a tooltip. As an attribute that is not checked, it would hide a missing `title` of those that have one of their own.
  interface ComponentCustomProps {
    title?: string | undefined;
  }
}

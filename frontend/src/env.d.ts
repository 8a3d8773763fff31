/// <reference types="vite/client" />

// Quasar's own declaration of directives lacks this one.
declare module "vue" {
  interface GlobalDirectives {
    vClosePopup: typeof import("quasar").ClosePopup;
  }
}

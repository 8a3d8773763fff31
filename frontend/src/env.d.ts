/// <reference types="vite/client" />
import "vue";

declare module "vue" {
  // Any component takes a tooltip. As an attribute that is not checked, it would hide a missing `title` of those that have one of their own.
  interface ComponentCustomProps {
    title?: string | undefined;
  }
}

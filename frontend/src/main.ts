import "quasar/dist/quasar.css";
import "@fontsource-variable/inter/wght.css";
import "@/design/tokens.css";
import "@/design/base.css";

import { createApp } from "vue";

import App from "@/shell/App.vue";

createApp(App).mount("#app");

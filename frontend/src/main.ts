import "quasar/dist/quasar.css";
import "@fontsource-variable/inter/wght.css";
import "@/design/tokens.css";
import "@/design/base.css";

import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { Quasar } from "quasar";
import iconSet from "quasar/icon-set/svg-mdi-v7";
import { computed, createApp, watch } from "vue";

import { installApiErrors } from "@/api/install";
import { TIME_PREFERENCES } from "@/design/formats";
import { i18n, language } from "@/i18n";
import App from "@/shell/App.vue";
import { catchFailures } from "@/shell/failure";
import { askInstallation } from "@/shell/installation";
import { usePreferences } from "@/shell/preferences";
import { makeQueryClient } from "@/shell/query";
import { makeRouter } from "@/shell/router";
import { screens } from "@/shell/screens";
import { keepSignedIn } from "@/shell/expiry";
import { useSession } from "@/shell/session";

installApiErrors();
document.documentElement.lang = language.value;

const client = makeQueryClient();
askInstallation(client);
const app = createApp(App);
app.use(createPinia());
const session = useSession();
const preferences = usePreferences();
watch(
  () => session.preferences,
  (stored) => {
    if (stored !== null) preferences.adopt(stored);
  },
);
const router = makeRouter(session, screens);
catchFailures(app, router);
app
  // Quasar would say that every page is in American English.
  .use(Quasar, { iconSet, config: { lang: { noHtmlAttrs: true } } })
  .use(VueQueryPlugin, { queryClient: client })
  .use(i18n)
  .use(router)
  .provide(
    TIME_PREFERENCES,
    computed(() => preferences.times),
  )
  .mount("#app");
keepSignedIn(session);

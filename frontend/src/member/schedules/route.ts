import { mdiCalendarClockOutline } from "@quasar/extras/mdi-v7";

import { defineScreen } from "@/shell/screen";

export default defineScreen({
  path: "/schedules",
  name: "schedules",
  component: () => import("./SchedulesPage.vue"),
  title: { en: "Schedules", de: "Zeitpläne" },
  nav: { order: 40, icon: mdiCalendarClockOutline },
});

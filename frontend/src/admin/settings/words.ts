import type { Setting, SettingGroup } from "@/api/admin";
import { useMessages } from "@/i18n";

import messages from "./messages";

const SETTINGS = Object.keys(messages.en.setting) as (keyof typeof messages.en.setting)[];
const GROUPS = Object.keys(messages.en.group) as (keyof typeof messages.en.group)[];

export interface SettingWords {
  title: (setting: Setting) => string;
  help: (setting: Setting) => string;
  group: (group: SettingGroup) => string;
}

/** Say what settings are called and are for, in the language of the page; those of a later server in the words of that. */
export function useSettingWords(): SettingWords {
  const { t } = useMessages(messages);
  const known = (setting: Setting): (typeof SETTINGS)[number] | undefined => SETTINGS.find((key) => key === setting.key);
  return {
    title(setting) {
      const key = known(setting);
      return key === undefined ? setting.title : t(`setting.${key}.title`);
    },
    help(setting) {
      const key = known(setting);
      return key === undefined ? setting.help : t(`setting.${key}.help`);
    },
    group(group) {
      const name = GROUPS.find((each) => each === group.name);
      return name === undefined ? group.title : t(`group.${name}`);
    },
  };
}

import type { Screen } from "./screen";

const found = import.meta.glob<{ default: Screen }>("../{member,admin,shell}/*/route.ts", { eager: true });

/** All screens, as their folders define them. Nothing that a screen imports may import this. */
export const screens: Screen[] = Object.values(found).map((module) => module.default);

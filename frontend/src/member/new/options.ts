import type { Translate } from "@/i18n";
import type { Schema } from "@/schema/json";

import type messages from "./messages";
import { DURATION_PATTERN } from "./submission";

type Say = Translate<(typeof messages)["en"]>;

const LABELS_MAX = 8;
const LABEL_CHARS_MAX = 63;
const NAME_CHARS_MAX = 120;
const ATTEMPTS_MAX = 100;
const KEY_CHARS_MAX = 255;

/** Return the schema of what can be said about a task besides its input, with titles in the language of the page. */
export function optionsSchema(t: Say, max_attempts: number): Schema {
  const duration = { type: "string", pattern: DURATION_PATTERN, maxLength: 20 };
  return {
    type: "object",
    required: ["when", "labels"],
    properties: {
      when: { title: t("options.when"), ...whenSchema(t, duration) },
      priority: prioritySchema(t, "normal"),
      labels: labelsSchema(t),
      expires_in: { title: t("options.expires_in"), description: t("options.expires_about"), ...duration },
      max_attempts: attemptsSchema(t, max_attempts),
      key: {
        title: t("options.key"),
        description: t("options.key_about"),
        type: "string",
        pattern: String.raw`^[!#-\[\]-~]+$`,
        maxLength: KEY_CHARS_MAX,
        format: "key",
      },
    },
  };
}

/** Return the schema of what can be said about all tasks of a batch. */
export function batchOptionsSchema(t: Say, max_attempts: number): Schema {
  return {
    type: "object",
    required: ["labels"],
    properties: {
      name: { title: t("options.name"), type: "string", maxLength: NAME_CHARS_MAX },
      priority: prioritySchema(t, "low"),
      labels: labelsSchema(t),
      max_attempts: attemptsSchema(t, max_attempts),
    },
  };
}

function whenSchema(t: Say, duration: Schema): Schema {
  const way = (is: string, title: string, more: Schema): Schema => ({
    title,
    type: "object",
    properties: { is: { const: is }, ...more },
    required: ["is", ...Object.keys(more)],
  });
  return {
    anyOf: [
      way("now", t("options.now"), {}),
      way("later", t("options.later"), { delay: { title: t("options.delay"), description: t("options.delay_about"), ...duration } }),
      way("at", t("options.at"), { run_at: { title: t("options.run_at"), type: "string", format: "date-time" } }),
    ],
  };
}

function prioritySchema(t: Say, standard: "normal" | "low"): Schema {
  const each = (["high", "normal", "low"] as const).map((value) => ({ const: value, title: t(`options.${value}`) }));
  return { title: t("options.priority"), oneOf: each, default: standard };
}

function labelsSchema(t: Say): Schema {
  return {
    title: t("options.labels"),
    description: t("options.labels_about"),
    type: "object",
    propertyNames: { pattern: `^[a-z0-9_.-]{1,${String(LABEL_CHARS_MAX)}}$` },
    additionalProperties: { type: "string", minLength: 1, maxLength: LABEL_CHARS_MAX },
    maxProperties: LABELS_MAX,
  };
}

function attemptsSchema(t: Say, max_attempts: number): Schema {
  return {
    title: t("options.max_attempts"),
    description: t("options.attempts_about", { n: max_attempts }),
    type: "integer",
    minimum: 1,
    maximum: ATTEMPTS_MAX,
  };
}

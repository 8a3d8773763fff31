import { computed, type ComputedRef, ref, type Ref, shallowRef, watch } from "vue";

import type { FieldError, Schedule } from "@/api/core";
import { createSchedule, replaceSchedule } from "@/api/core";
import { type ApiError, errorsAt } from "@/api/errors";
import type { NewTaskKind } from "@/api/member";
import { showNewTaskOptions } from "@/api/member/@tanstack/vue-query.gen";
import { useMessages } from "@/i18n";
import { type Change, useChange, useScreen } from "@/live";
import { initialValue } from "@/schema/initial";
import { notify } from "@/shell/notify";

import { type Draft, definitionOf, faultsOf } from "./draft";
import messages from "./messages";

/** Return what is wrong with a field, in words; nothing while that is not to be said yet. */
export type Shown = (field: keyof Draft) => string | undefined;

export interface ScheduleForm {
  draft: Ref<Draft>;
  kinds: ComputedRef<NewTaskKind[]>;
  /** The schema of the input; null until it is known. */
  schema: ComputedRef<object | null>;
  /** Whether the kind that was asked for is known to be none. */
  is_unknown: ComputedRef<boolean>;
  error: ComputedRef<ApiError | null>;
  reload: () => void;
  shown: ComputedRef<Shown>;
  inputErrors: ComputedRef<FieldError[]>;
  saving: Change<[], Schedule>;
  update: (change: Partial<Draft>) => void;
  chooseKind: (kind: string) => void;
  submit: (is_input_good: boolean) => void;
}

/** The form of a schedule: what is in it, what is wrong with it, and how it is saved. */
export function useScheduleForm(initial: Draft, schedule: string | null, from: string | null, done: () => void): ScheduleForm {
  const { t } = useMessages(messages);
  const draft = shallowRef(initial);
  const was_sent = ref(false);
  const changed = ref(new Set<keyof Draft>());
  const screen = useScreen(
    () => {
      const { kind } = draft.value;
      const asked = { ...(kind === "" ? {} : { kind }), ...(from !== null && kind === initial.kind ? { from } : {}) };
      return showNewTaskOptions({ query: asked });
    },
    { keep_previous: true },
  );
  const selected = computed(() => {
    const found = screen.data.value?.selected ?? null;
    return found?.name === draft.value.kind ? found : null;
  });
  // The input of another kind would be nonsense here. One that somebody has filled already is kept.
  watch(
    selected,
    (now) => {
      if (now !== null && draft.value.input === undefined) update({ input: now.prefill ?? initialValue(now.input_schema) });
    },
    { immediate: true },
  );

  const saving = useChange(
    async () => {
      const body = definitionOf(draft.value);
      if (schedule === null) return (await createSchedule({ body, throwOnError: true })).data;
      return (await replaceSchedule({ path: { schedule }, body, throwOnError: true })).data;
    },
    {
      done({ definition }) {
        notify({ text: t("done.saved", { name: definition.name ?? definition.kind }) });
        done();
      },
    },
  );
  const refused = computed(() => saving.error.value?.errors ?? []);
  const faults = computed(() => faultsOf(draft.value));
  const shown = computed<Shown>(() => (field) => {
    const fault = was_sent.value || (changed.value.has(field) && field !== "kind") ? faults.value.get(field) : undefined;
    return fault === undefined ? errorsAt(refused.value, field).at(0)?.message : t(`fault.${fault}`);
  });

  function update(change: Partial<Draft>): void {
    draft.value = { ...draft.value, ...change };
    changed.value = new Set([...changed.value, ...(Object.keys(change) as (keyof Draft)[])]);
  }

  return {
    draft,
    kinds: computed(() => screen.data.value?.kinds ?? []),
    schema: computed(() => selected.value?.input_schema ?? null),
    is_unknown: computed(
      () => draft.value.kind !== "" && screen.data.value !== undefined && !screen.fetching.value && selected.value === null,
    ),
    error: computed(() => (screen.data.value === undefined ? screen.error.value : null)),
    reload: () => screen.refetch(),
    shown,
    inputErrors: computed(() => errorsAt(refused.value, "input")),
    saving,
    update,
    chooseKind: (kind) => update({ kind, input: undefined }),
    submit(is_input_good) {
      was_sent.value = true;
      if (is_input_good && faults.value.size === 0) void saving.run();
    },
  };
}

import { inject, type InjectionKey, provide } from "vue";

/** A file that a result names by its id. */
export interface KnownFile {
  name: string;
  href: string;
}

const KEY: InjectionKey<() => ReadonlyMap<string, KnownFile>> = Symbol("known files");

/** Have results below show these files, by their ids, with their names. */
export function provideKnownFiles(files: () => ReadonlyMap<string, KnownFile>): void {
  provide(KEY, files);
}

/** Return what finds the file of which a value is the id; null for every other value. */
export function useKnownFiles(): (value: unknown) => KnownFile | null {
  const files = inject(KEY, null);
  return (value) => (typeof value === "string" ? (files?.().get(value) ?? null) : null);
}

/** What a kind takes and gives. */
export interface KindTypes {
  input: object;
  result: unknown;
}

/** Kinds by their names, as `headrace types --ts` prints them. */
export type KindMap<Kinds> = { [Name in keyof Kinds]: KindTypes };

/** Kinds of which nothing is known. */
export type AnyKinds = Record<string, { input: Record<string, unknown>; result: unknown }>;

/** The name of one of these kinds. */
export type KindName<Kinds> = Extract<keyof Kinds, string>;

/** What a kind takes. */
export type InputOf<Kinds extends KindMap<Kinds>, Name extends keyof Kinds> = Kinds[Name]["input"];

/** What a kind gives. */
export type ResultOf<Kinds extends KindMap<Kinds>, Name extends keyof Kinds> = Kinds[Name]["result"];

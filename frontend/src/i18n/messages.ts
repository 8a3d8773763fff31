/** Messages of one language: texts, in groups as deep as needed. */
export interface Messages {
  [key: string]: string | Messages;
}

/** The same messages in each language. */
export interface Translations<M> {
  en: M;
  de: Same<M>;
}

/** Messages with the same keys, whatever their texts are. */
export type Same<M> = { [K in keyof M]: M[K] extends string ? string : Same<M[K]> };

/** A key of messages, with dots between the groups. */
export type Path<M> = { [K in keyof M & string]: M[K] extends string ? K : `${K}.${Path<M[K]>}` }[keyof M & string];

/** Check that both languages have the same keys, and return the messages as they are. */
export function defineMessages<const M extends Messages>(messages: { en: M; de: Same<M> }): Translations<M> {
  return messages;
}

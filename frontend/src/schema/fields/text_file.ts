/** The text of a file, or why it cannot be read. */
export type TextFile = { text: string; problem: null } | { text: null; problem: "too_large" | "not_text" };

/** Read a file as UTF-8. A mark of the byte order at its begin is dropped. */
export async function readTextFile(file: Blob, bytes_max: number): Promise<TextFile> {
  if (file.size > bytes_max) return { text: null, problem: "too_large" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()), problem: null };
  } catch {
    return { text: null, problem: "not_text" };
  }
}

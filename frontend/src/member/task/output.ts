/** Return what was streamed as one text: texts follow each other as they are, every other value is a line of JSON. */
export function outputText(chunks: readonly unknown[]): string {
  let text = "";
  for (const chunk of chunks) {
    if (typeof chunk === "string") text += chunk;
    else text += `${text === "" || text.endsWith("\n") ? "" : "\n"}${JSON.stringify(chunk)}\n`;
  }
  return text;
}

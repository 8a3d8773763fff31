const ANY_BYTES = "application/octet-stream";
// What browsers do not know, or name after the program that opens it.
const BY_ENDING: Readonly<Record<string, string>> = {
  avif: "image/avif",
  csv: "text/csv",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  heic: "image/heic",
  md: "text/markdown",
  ndjson: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet",
  tsv: "text/tab-separated-values",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  yaml: "application/yaml",
};

/** Return the type that a file is declared with. */
export function mediaTypeOf(file: { name: string; type: string }): string {
  const ending = /\.(\w+)$/u.exec(file.name)?.[1]?.toLowerCase() ?? "";
  return BY_ENDING[ending] ?? (file.type === "" ? ANY_BYTES : file.type);
}

/** Return what a list says of a type: it without its parameters; where that is a long name, how such files end. */
export function shortTypeOf(media_type: string): string {
  const essence = media_type.split(";")[0]?.trim().toLowerCase() ?? "";
  const ending = Object.entries(BY_ENDING).find(([, type]) => type === essence)?.[0];
  return essence.startsWith("application/vnd.") && ending !== undefined ? ending.toUpperCase() : essence;
}

/** Whether a type is one of those that a field takes, such as `image/*`. A field that names none takes all. */
export function isAccepted(media_type: string, accepted: readonly string[]): boolean {
  const type = media_type.split(";")[0]?.trim().toLowerCase() ?? "";
  return (
    accepted.length === 0 ||
    accepted.some((each) => each === "*/*" || each === type || (each.endsWith("/*") && type.startsWith(each.slice(0, -1))))
  );
}

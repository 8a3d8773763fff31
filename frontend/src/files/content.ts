/** Return where the bytes of a file are. The browser shows what a page may show, and saves everything else. */
export function contentOf(id: string): string {
  return `/api/v1/files/${encodeURIComponent(id)}/content`;
}

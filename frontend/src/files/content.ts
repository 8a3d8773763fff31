/**
 * Return where the bytes of a file are. The browser shows what a page may show, and saves everything else.
 *
 * @param owner - Whose it is, for administrators; null for the file of whoever looks.
 */
export function contentOf(id: string, owner: string | null = null): string {
  return `/api/v1/files/${encodeURIComponent(id)}/content${owner === null ? "" : `?owner=${encodeURIComponent(owner)}`}`;
}

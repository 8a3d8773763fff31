import { useKeys } from "@/shell/keys";

/** Let `j` and `k` move the focus over the links of a list that open its entries. Enter opens them, as it does with every link. */
export function useLinkKeys(list: () => HTMLElement | null, label: () => string): void {
  function move(by: number): void {
    const links = [...(list()?.querySelectorAll<HTMLElement>("[data-open]") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    const next = links[Math.min(links.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next?.focus();
  }
  useKeys({ j: () => move(1), k: () => move(-1) }, { label });
}

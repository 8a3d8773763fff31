import type uPlot from "uplot";
import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref } from "vue";

export type Plot = typeof uPlot;
export type ChartOptions = Omit<uPlot.Options, "width" | "height">;
/** Returns the colour that a token of `tokens.css` has in the present theme. A canvas knows no variables of CSS. */
export type ColourOf = (token: string) => string;

/**
 * Draws a chart into a box.
 *
 * uPlot is loaded once the page has been painted. The chart is made anew when the theme or anything that `options` reads changes, which
 * new data does not. It follows the width of its box.
 */
export function useChart(
  box: () => HTMLElement | null,
  options: (plot: Plot, colour: ColourOf) => ChartOptions,
  data: () => uPlot.AlignedData,
  height: number,
): { ready: Readonly<Ref<boolean>> } {
  const library = shallowRef<Plot | null>(null);
  const theme = useTheme();
  const ready = ref(false);
  const made = computed(() => {
    const plot = library.value;
    return plot === null ? null : { plot, theme: theme.value, options: options(plot, colourOf) };
  });
  let chart: uPlot | null = null;
  const sizes = new ResizeObserver(([entry]) => {
    if (chart !== null && entry !== undefined && entry.contentRect.width > 0) chart.setSize({ width: entry.contentRect.width, height });
  });

  function end(): void {
    chart?.destroy();
    chart = null;
    sizes.disconnect();
  }

  watch([made, box], ([what, element]) => {
    end();
    if (what === null || element === null) return;
    chart = new what.plot({ ...what.options, width: Math.max(element.clientWidth, 1), height }, data(), element);
    sizes.observe(element);
    ready.value = true;
  });
  watch(data, (values) => chart?.setData(values));
  onMounted(() => {
    afterPaint(() => {
      void import("./plot").then((module) => (library.value = module.default));
    });
  });
  onBeforeUnmount(end);
  return { ready };
}

function colourOf(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
}

function useTheme(): Readonly<Ref<string>> {
  const root = document.documentElement;
  const theme = ref(root.dataset["theme"] ?? "");
  const watcher = new MutationObserver(() => (theme.value = root.dataset["theme"] ?? ""));
  onMounted(() => {
    watcher.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  });
  onBeforeUnmount(() => {
    watcher.disconnect();
  });
  return theme;
}

// Two frames: the first callback runs before the frame that shows the page, the second one after it.
function afterPaint(run: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(run));
}

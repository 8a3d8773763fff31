/** What the icon of the tab shows: the mark of Headrace, a ring that fills, or how it ended. */
export type Icon = { kind: "plain" } | { kind: "running"; fraction: number | null } | { kind: "ended"; state: "succeeded" | "failed" };

const PLAIN = "/favicon.svg";
const SIZE = 32;
const LINE = 6;
const AT_MOST_EVERY_MILLISECONDS = 1_000;
// Nobody sees a smaller step in an icon.
const STEPS = 24;
// A ring without a known fraction is a quarter: something runs.
const UNKNOWN = 0.25;

let wanted: Icon = { kind: "plain" };
let shown = "";
let drawn_at = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Draw the icon of the tab, at most once a second: the newest one in the end. */
export function drawFavicon(icon: Icon): void {
  wanted = icon;
  if (nameOf(icon) === shown) return;
  const pause = drawn_at + AT_MOST_EVERY_MILLISECONDS - Date.now();
  if (pause <= 0) draw();
  else timer ??= setTimeout(draw, pause);
}

/** Name what is to be seen of an icon. Two with one name look the same. */
export function nameOf(icon: Icon): string {
  if (icon.kind === "plain") return "plain";
  if (icon.kind === "ended") return icon.state;
  return `running ${String(Math.round(bounded(icon.fraction) * STEPS))}`;
}

function draw(): void {
  clearTimeout(timer);
  timer = undefined;
  drawn_at = Date.now();
  if (nameOf(wanted) === shown) return;
  shown = nameOf(wanted);
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (link === null) return;
  const address = wanted.kind === "plain" ? PLAIN : (ring(wanted) ?? PLAIN);
  link.type = address === PLAIN ? "image/svg+xml" : "image/png";
  link.href = address;
}

function ring(icon: Exclude<Icon, { kind: "plain" }>): string | null {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const tokens = getComputedStyle(document.documentElement);
  const colour = (name: string): string => tokens.getPropertyValue(name).trim();
  const circle = (from: number, to: number, style: string): void => {
    context.beginPath();
    context.arc(SIZE / 2, SIZE / 2, (SIZE - LINE) / 2, from, to);
    context.lineWidth = LINE;
    context.strokeStyle = style;
    context.stroke();
  };
  const top = -Math.PI / 2;
  if (icon.kind === "ended") {
    circle(0, 2 * Math.PI, colour(`--${icon.state}`));
    mark(context, icon.state, colour(`--${icon.state}`));
  } else {
    circle(0, 2 * Math.PI, colour("--line"));
    circle(top, top + 2 * Math.PI * bounded(icon.fraction), colour("--running"));
  }
  return canvas.toDataURL("image/png");
}

// Colour alone would not tell everybody how it ended.
function mark(context: CanvasRenderingContext2D, state: "succeeded" | "failed", style: string): void {
  context.beginPath();
  if (state === "succeeded") {
    context.moveTo(10, 16);
    context.lineTo(14.5, 20.5);
    context.lineTo(22, 12);
  } else {
    context.moveTo(11.5, 11.5);
    context.lineTo(20.5, 20.5);
    context.moveTo(20.5, 11.5);
    context.lineTo(11.5, 20.5);
  }
  context.lineWidth = 4;
  context.lineCap = "round";
  context.strokeStyle = style;
  context.stroke();
}

function bounded(fraction: number | null): number {
  return fraction === null || Number.isNaN(fraction) ? UNKNOWN : Math.min(1, Math.max(0, fraction));
}

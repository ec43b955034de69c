import { svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import type { Theme } from "../svg/theme.js";

/** An entry of a legend: its text and the symbol before it. */
export interface LegendKey {
  readonly label: string;
  readonly color: string;
  readonly shape: "line" | "dots" | "dashes" | "square";
}

const style = { size: 12, key: 21, gap: 18, line: 20 };

/** Draws entries in lines no wider than `width`, from (0, 0) down; also returns their height in CSS pixels. */
export function drawLegend(
  keys: readonly LegendKey[],
  width: number,
  theme: Theme,
): { markup: string; height: number } {
  const parts: string[] = [];
  let [x, y] = [0, 0];
  for (const key of keys) {
    const room = style.key + Math.ceil(textWidth(key.label, style));
    if (x > 0 && x + room > width) {
      [x, y] = [0, y + style.line];
    }
    parts.push(
      `<g transform="translate(${x} ${y + 6})">${keyShape(key)}</g>`,
      svgText(key.label, { x: x + style.key, y: y + 10.5, size: style.size, fill: theme.muted }),
    );
    x += room + style.gap;
  }
  return { markup: parts.join(""), height: keys.length > 0 ? y + style.line : 0 };
}

function keyShape({ shape, color }: LegendKey): string {
  switch (shape) {
    case "line":
      return `<path d="M0 0h15" stroke="${color}" stroke-width="2" stroke-linecap="round"/>`;
    case "dots":
      return `<path d="M0 0h15" stroke="${color}" stroke-width="1.5"/><circle cx="7.5" cy="0" r="3.25" fill="${color}"/>`;
    case "dashes":
      return `<path d="M0 0h15" stroke="${color}" stroke-width="1.25" stroke-dasharray="4 3"/>`;
    case "square":
      return `<rect x="2" y="-5.5" width="11" height="11" rx="2" fill="${color}"/>`;
  }
}

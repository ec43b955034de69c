import { fontFamily, type TextStyle, wrapText } from "./text-layout.js";
import type { Theme } from "./theme.js";

/** Space around every figure, in CSS pixels. */
export const margin = 24;

/** Escapes text for elements and quoted attributes of XML and HTML; characters that XML cannot hold are dropped. */
export function escapeMarkup(text: string): string {
  return text
    .replace(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      "",
    )
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Position and style of a line of text; `y` is its baseline. */
export interface TextPlace extends TextStyle {
  readonly x: number;
  readonly y: number;
  readonly fill: string;
  readonly anchor?: "start" | "middle" | "end";
}

/** Writes one line of text. */
export function svgText(text: string, { x, y, size, fill, bold, anchor }: TextPlace): string {
  const weight = bold ? ' font-weight="bold"' : "";
  const align = anchor === undefined || anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${weight}${align}>${escapeMarkup(text)}</text>`;
}

/** Writes a stroked path without a fill; `d` as in SVG. */
export function svgPath(
  d: string,
  style: { readonly stroke: string; readonly width?: number; readonly opacity?: number; readonly dash?: string },
): string {
  const { stroke, width = 1, opacity, dash } = style;
  const faint = opacity === undefined ? "" : ` stroke-opacity="${opacity}"`;
  const dashes = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
  return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linejoin="round"${faint}${dashes}/>`;
}

/** Writes the path through points, for {@link svgPath}. */
export function linePath(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${round(x)} ${round(y)}`).join("");
}

/** Writes a dot with `title` as its tooltip. */
export function svgDot([x, y]: readonly [x: number, y: number], fill: string, title: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${fill}"><title>${escapeMarkup(title)}</title></circle>`;
}

/** Rounds to two decimals, so that files are small and equal everywhere. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Writes title and subtitle wrapped to the figure's width; `bottom` is the y at which its content starts. */
export function svgHeader(
  header: { title?: string | undefined; subtitle?: string | undefined },
  width: number,
  theme: Theme,
): { markup: string; bottom: number } {
  const room = width - 2 * margin;
  const parts: string[] = [];
  let y = margin;
  const titleStyle = { size: 18, bold: true };
  for (const line of header.title ? wrapText(header.title, room, titleStyle) : []) {
    parts.push(svgText(line, { ...titleStyle, x: margin, y: y + 14, fill: theme.ink }));
    y += 24;
  }
  const subtitleStyle = { size: 12.5 };
  for (const line of header.subtitle ? wrapText(header.subtitle, room, subtitleStyle) : []) {
    parts.push(svgText(line, { ...subtitleStyle, x: margin, y: y + 12, fill: theme.muted }));
    y += 18;
  }
  return { markup: parts.join(""), bottom: parts.length > 0 ? y + 14 : y };
}

/** Writes an SVG document on the theme's background. `label` describes it to screen readers. */
export function svgDocument(
  size: { width: number; height: number },
  label: string,
  theme: Theme,
  body: string,
): string {
  const width = Math.ceil(size.width);
  const height = Math.ceil(size.height);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" font-family="${fontFamily}"><title>${escapeMarkup(label)}</title>` +
    `<rect width="${width}" height="${height}" fill="${theme.background}"/>${body}</svg>`
  );
}

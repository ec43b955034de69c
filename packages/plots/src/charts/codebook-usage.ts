import { DataError, ShapeError } from "@mmgen/core";
import { margin, round, svgDocument, svgHeader, svgText } from "../svg/svg.js";
import { textWidth } from "../svg/text-layout.js";
import { type ThemeName, themeColors } from "../svg/theme.js";

/** Options of {@link codebookUsage}. */
export interface CodebookUsageOptions {
  /** How often each code was used, `[codebookSize]`; whole numbers of at least 0, one of them above. */
  readonly counts: ArrayLike<number>;
  readonly title?: string;
  /** By default codes, share of them used, and perplexity. */
  readonly subtitle?: string;
  /** Colors; "light" by default. */
  readonly theme?: ThemeName;
}

const plot = { width: 560, height: 200, left: 44 };
const small = { size: 11.5 };

/**
 * How often each code of a codebook is used, most used first, against even use (dashed), as SVG.
 *
 * Perplexity is exp(−Σ p ln p): the size of an evenly used codebook of the same entropy.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without codes; {@link DataError} when no code is used or a count is not a whole number of
 *   at least 0.
 */
export function codebookUsage(options: CodebookUsageOptions): string {
  const shares = sortedShares(options.counts);
  const theme = themeColors(options.theme);
  const size = shares.length;
  const used = shares.filter((share) => share > 0).length;
  const perplexity = Math.exp(-shares.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0));
  const {
    title = "Use of the codebook",
    subtitle = `${size} codes, ${used} used (${((100 * used) / size).toFixed(1)} %), perplexity ${perplexity.toFixed(1)}`,
  } = options;
  const width = 2 * margin + plot.left + plot.width;
  const header = svgHeader({ title, subtitle }, width, theme);
  const left = margin + plot.left;
  const top = header.bottom + 4;
  const bottom = top + plot.height;
  const { step, last } = axisTicks(shares[0]!);
  const height = (share: number) => round((share / last) * plot.height);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step * 100) - 1e-9));

  const parts = [header.markup];
  for (let tick = 0; tick * step <= last * 1.0001; tick++) {
    const y = bottom - height(tick * step);
    const text = `${(100 * tick * step).toFixed(decimals)} %`;
    parts.push(
      `<path d="M${left} ${y}h${plot.width}" stroke="${tick === 0 ? theme.muted : theme.line}"/>`,
      svgText(text, { ...small, x: left - 8, y: y + 4, fill: theme.muted, anchor: "end" }),
    );
  }
  // One outline for all bars: a codebook may have more codes than the plot has pixels.
  const bars = shares.map(
    (share, i) => `V${round(bottom - height(share))}H${round(left + ((i + 1) * plot.width) / size)}`,
  );
  const even = round(bottom - height(1 / size));
  const evenLabel = `even use, ${round(100 / size)} %`;
  parts.push(
    `<path d="M${left} ${bottom}${bars.join("")}V${bottom}Z" fill="${theme.series[0]}" fill-opacity="0.85"/>`,
    `<path d="M${left} ${even}h${plot.width}" stroke="${theme.series[1]}" stroke-width="1.5" stroke-dasharray="4 3"/>`,
    svgText(evenLabel, {
      ...small,
      x: left + plot.width - textWidth(evenLabel, small),
      y: even - 7,
      fill: theme.series[1]!,
    }),
    svgText("codes, most used first", {
      ...small,
      x: left + plot.width / 2,
      y: bottom + 24,
      fill: theme.muted,
      anchor: "middle",
    }),
  );
  return svgDocument({ width, height: bottom + 24 + margin / 2 + 4 }, title, theme, parts.join(""));
}

/** About four round steps from 0 to at least `highest`. */
function axisTicks(highest: number): { step: number; last: number } {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.9999)!;
  return { step, last: Math.ceil(highest / step - 1e-9) * step };
}

function sortedShares(counts: ArrayLike<number>): number[] {
  if (counts.length === 0) {
    throw new ShapeError("counts: expected one a code, got none.");
  }
  const list = Array.from(counts);
  const wrong = list.find((count) => !Number.isInteger(count) || count < 0);
  const total = list.reduce((sum, count) => sum + count, 0);
  if (wrong !== undefined || total === 0) {
    throw new DataError(
      `counts: expected whole numbers of at least 0, one of them above, got ${wrong ?? "zeros alone"}.`,
    );
  }
  return list.map((count) => count / total).sort((a, b) => b - a);
}

import { DataError, ShapeError } from "@mmgen/core";
import { scaleLinear } from "d3-scale";
import { round, svgPath, svgText } from "../svg/svg.js";
import { type ThemeName, themeColors } from "../svg/theme.js";
import { type Axis, ticksAt, valueStyle } from "./axis.js";
import { drawChart } from "./chart.js";

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

const plot = { width: 560, height: 200 };

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
  const percent = (share: number) => 100 * share;
  const y = scaleLinear([0, percent(shares[0]!)], [plot.height, 0]).nice(4);
  const x = scaleLinear([0, size], [0, plot.width]);
  const write = y.tickFormat(4);
  const axes: Axis[] = [
    { side: "left", ticks: ticksAt(y.ticks(4), y, (value) => `${write(value)} %`), grid: true },
    { side: "bottom", ticks: [], title: "codes, most used first", line: "plain" },
  ];
  // One outline for all bars: a codebook may have more codes than the plot has pixels.
  const bars = shares.map((share, i) => `V${round(y(percent(share)))}H${round(x(i + 1))}`);
  const even = round(y(percent(1 / size)));
  const evenLabel = { ...valueStyle, x: plot.width, y: even - 7, fill: theme.series[1]!, anchor: "end" as const };
  const marks = [
    `<path d="M0 ${plot.height}${bars.join("")}V${plot.height}Z" fill="${theme.series[0]}" fill-opacity="0.85"/>`,
    svgPath(`M0 ${even}h${plot.width}`, { stroke: theme.series[1]!, width: 1.5, dash: "4 3" }),
    svgText(`even use, ${round(percent(1 / size))} %`, evenLabel),
  ];
  return drawChart({ title, subtitle, label: title, theme, panels: [{ plot, axes, marks: marks.join("") }] });
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

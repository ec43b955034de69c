import { DataError, ShapeError } from "@mmgen/core";
import { fields, type OptionsOf, optional, resolveOptions, text } from "@mmgen/core/options";
import { scaleLinear } from "d3-scale";
import { figureFields, numbers, sumCounts } from "../svg/figure-options.js";
import { round, svgPath, svgText } from "../svg/svg.js";
import { themeColors } from "../svg/theme.js";
import { type Axis, ticksAt, valueStyle } from "./axis.js";
import { drawChart } from "./chart.js";

const codebookUsageSchema = fields({
  /** How often each code was used, `[codebookSize]`; whole numbers of at least 0, one of them above. */
  counts: numbers,
  ...figureFields,
  /** "Use of the codebook" by default. */
  title: optional(text(), "Use of the codebook"),
});

/** Options of {@link codebookUsage}; by default the subtitle states codes, share of them used, and perplexity. */
export type CodebookUsageOptions = OptionsOf<typeof codebookUsageSchema>;

const plot = { width: 560, height: 200 };

/**
 * Draws how often each code of a codebook is used, most used first, against even use (dashed), as SVG.
 *
 * Perplexity is exp(−Σ p ln p): the size of an evenly used codebook of the same entropy.
 *
 * @returns An SVG document; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} without codes; {@link DataError} when no code is used or a count is not a whole number of
 *   at least 0.
 */
export function codebookUsage(options: CodebookUsageOptions): string {
  const { counts, title, theme: themeName, ...rest } = resolveOptions(codebookUsageSchema, options);
  const shares = sortedShares(counts);
  const theme = themeColors(themeName);
  const size = shares.length;
  const used = shares.filter((share) => share > 0).length;
  const perplexity = Math.exp(-shares.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0));
  const {
    subtitle = `${size} codes, ${used} used (${((100 * used) / size).toFixed(1)} %), perplexity ${perplexity.toFixed(1)}`,
  } = rest;
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
    throw new ShapeError("counts: expected one for each code, got none.");
  }
  const total = sumCounts("counts", counts);
  if (total === 0) {
    throw new DataError("counts: expected at least one above 0, got zeros alone.");
  }
  return Array.from(counts, (count) => count / total).sort((a, b) => b - a);
}

import { minutes, type RunFolders, textTable, trainingTime } from "@mmgen/example-common";
import { mistakeLine } from "./read-digits.js";
import { figureTable } from "./report.js";
import type { RunMetrics } from "./run-metrics.js";

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summary(metrics: RunMetrics, folders: RunFolders): string {
  const { accuracies, mistakes, imageMetrics } = metrics;
  const stages = Object.entries(metrics.seconds).map(
    ([stage, seconds]) => `${stage.toLowerCase()} ${minutes(seconds)}`,
  );
  const facts: [string, string][] = [
    ["data", metrics.source],
    ["by checkpoint", accuracies.map(({ step, right, count }) => `${step}: ${(right / count).toFixed(3)}`).join(", ")],
    ["mistakes", mistakes.slice(0, 5).map(mistakeLine).join("; ") || "none"],
    ...(imageMetrics ? [["drawn right", imageMetrics.drawn.byDigit.join(" ")] as [string, string]] : []),
    ["time", `${trainingTime(metrics)} (${stages.join(", ")})`],
    ["look at", `${folders.results}/report.html`],
  ];
  const { columns, rows } = figureTable(metrics);
  return `\n${textTable(facts)}\n\n${textTable([columns, ...rows])}\n`;
}

import { captionWords } from "@mmgen/datasets";
import { minutes, percent, type RunFolders, textTable, trainingTime } from "@mmgen/example-common";
import type { EvaluationFigures } from "./evaluate-models.js";
import { attributeTable, judgeWarning, likelihoodTable } from "./figure-tables.js";
import type { RunMetrics } from "./run-metrics.js";

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summary(metrics: RunMetrics, folders: RunFolders): string {
  const stages = Object.entries(metrics.seconds).map(
    ([stage, seconds]) => `${stage.toLowerCase()} ${minutes(seconds)}`,
  );
  const { throughput } = metrics;
  const facts = figureLines(
    metrics,
    [["data", metrics.source]],
    [
      [
        "speed",
        `tokenizer ${throughput.tokenizer.toFixed(0)} images/s, transformer ${throughput.transformer.toFixed(0)} pairs/s`,
      ],
      ["time", `${trainingTime(metrics)} (${stages.join(", ")})`],
      ["look at", `${folders.results}/report.html`],
    ],
  );
  return `\n${facts}\n`;
}

type Facts = readonly (readonly [string, string])[];

/** The figures of trained models as tables, with other facts before and after. */
export function figureLines(figures: EvaluationFigures, before: Facts = [], after: Facts = []): string {
  const { attributes, invention, likelihood, tokenizer } = figures;
  const facts: Facts = [
    ...before,
    [
      "reconstruction",
      `MSE ${tokenizer.meanSquaredError.toFixed(4)} on [0, 1], ${(100 * tokenizer.exactLevelAccuracy).toFixed(1)} % of levels exact`,
    ],
    ["codebook", `perplexity ${tokenizer.perplexity.toFixed(0)}, ${percent(tokenizer.codesUsed)} of the codes used`],
    [
      "invented pairs",
      `${invention.digits} of 10 digits, ${invention.words} of ${captionWords.length} words, ${percent(invention.distinct)} distinct among ${invention.count}`,
    ],
  ];
  const tables = [likelihoodTable(likelihood), attributeTable(attributes)];
  const warning = judgeWarning(attributes);
  return [
    textTable(facts),
    ...tables.map(({ columns, rows }) => textTable([columns, ...rows], "right")),
    ...(warning === undefined ? [] : [warning]),
    ...(after.length === 0 ? [] : [textTable(after)]),
  ].join("\n\n");
}

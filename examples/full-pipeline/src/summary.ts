import type { RunFolders } from "./paths.js";
import { attributeTable, minutes, totalSeconds } from "./report.js";
import type { RunMetrics } from "./run-metrics.js";
import { textTable } from "./text-table.js";

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summary(metrics: RunMetrics, folders: RunFolders): string {
  const { attributes, likelihood, throughput, tokenizer } = metrics;
  const { columns, rows } = attributeTable(attributes);
  const orders = Object.entries(likelihood.byOrder).map(
    ([order, { natsPerDim }]) => `${order.replace("-", " ")} ${natsPerDim.toFixed(3)}`,
  );
  const stages = Object.entries(metrics.seconds).map(
    ([stage, seconds]) => `${stage.toLowerCase()} ${minutes(seconds)}`,
  );
  const facts: [string, string][] = [
    ["data", metrics.source],
    [
      "reconstruction",
      `MSE ${tokenizer.meanSquaredError.toFixed(4)} on [0, 1], ${(100 * tokenizer.exactLevelAccuracy).toFixed(1)} % of levels exact, codebook perplexity ${tokenizer.perplexity.toFixed(0)}`,
    ],
    [
      "test loss",
      `${likelihood.natsPerDim.toFixed(3)} nats per id (${orders.join(", ")}), ${likelihood.natsPerSample.toFixed(1)} nats per pair`,
    ],
    [
      "speed",
      `tokenizer ${throughput.tokenizer.toFixed(0)} pictures/s, transformer ${throughput.transformer.toFixed(0)} pairs/s`,
    ],
    ["time", `${minutes(totalSeconds(metrics))} (${stages.join(", ")})`],
    ["look at", `${folders.results}/report.html`],
  ];
  return `\n${textTable(facts)}\n\n${textTable([columns, ...rows])}\n`;
}

import type { StoredTensor } from "@mmgen/core";

/** Fields of a run's description that had other names before the first release. */
const legacyFields = new Map([
  ["optimiser", "optimizer"],
  ["optimiserSteps", "optimizerSteps"],
]);
/** Values of `earlyStopping.goal` that had other names before the first release. */
const legacyGoals = new Map([
  ["least", "min"],
  ["greatest", "max"],
]);

/** A training state's tensors under today's names: `optimiser.*` and a VQ-VAE's `*.initialised` are older spellings. */
export function upgradeTensors(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  return new Map([...tensors].map(([name, tensor]) => [renamed(name), tensor]));
}

/** A run's parsed description under today's names; what is no such description, or a newer one, is returned as it is. */
export function upgradeRun(run: unknown): unknown {
  if (!isObject(run) || !isObject(run.configuration) || run.settings !== undefined) {
    return run;
  }
  const configuration = renameFields(run.configuration);
  const { earlyStopping } = configuration;
  if (isObject(earlyStopping) && typeof earlyStopping.goal === "string") {
    const { goal } = earlyStopping;
    configuration.earlyStopping = { ...earlyStopping, goal: legacyGoals.get(goal) ?? goal };
  }
  return { ...renameFields(run), configuration };
}

function renameFields(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [legacyFields.get(name) ?? name, value]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function renamed(name: string): string {
  return name.replace(/^optimiser\./, "optimizer.").replace(/\.initialised$/, ".initialized");
}

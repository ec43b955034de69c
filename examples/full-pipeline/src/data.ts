import { type CaptionedDigitSplits, loadCaptionedDigits } from "@mmgen/datasets/node";
import { checkRunData, describeRunData, type RunFolders } from "@mmgen/example-common";
import type { RunSettings } from "./settings.js";

/** Options of {@link loadData}. */
export interface DataOptions {
  readonly dataDir: string | undefined;
  /** Training images to keep aside. */
  readonly validationCount?: number;
  readonly log: (line: string) => void;
}

/** Loads or draws the run's captioned digits and tells where they come from. */
export async function loadData(
  { config, data, seed }: RunSettings,
  options: DataOptions,
): Promise<CaptionedDigitSplits> {
  const { trainCount, testCount } = config.data;
  return loadCaptionedDigits({
    source: data,
    trainCount,
    testCount,
    validationCount: options.validationCount,
    seed,
    dataDir: options.dataDir,
    onMessage: options.log,
  });
}

/**
 * The captioned digits of the run whose checkpoints lie in `folders`; it never sees those kept aside.
 *
 * @throws a `CheckpointError` when the training part that is found is not the one the run learned from.
 */
export async function loadDataAgain(
  settings: RunSettings,
  folders: RunFolders,
  options: DataOptions,
): Promise<CaptionedDigitSplits> {
  const data = await loadData(settings, options);
  await checkRunData(dataOf(data), folders);
  return data;
}

/** What a run on these digits learns from. */
export function dataOf({ source, train }: CaptionedDigitSplits): ReturnType<typeof describeRunData> {
  return describeRunData(source, [train.images.data, train.captions]);
}

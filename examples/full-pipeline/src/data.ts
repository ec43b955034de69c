import { type CaptionedDigitSplits, loadCaptionedDigits } from "@mmgen/datasets/node";
import type { RunSettings } from "./settings.js";

/** Loads or draws the run's captioned digits and tells where they come from. */
export async function loadData(
  { config, data, seed }: RunSettings,
  options: {
    readonly dataDir: string | undefined;
    /** Training pictures to keep aside. */
    readonly validationCount?: number;
    readonly log: (line: string) => void;
  },
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

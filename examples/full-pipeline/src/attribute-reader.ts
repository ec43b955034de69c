import { AttributeClassifier } from "@mmgen/training";
import { type AttributeName, type AttributeReaderOptions, trainAttributeReader } from "./attributes.js";
import { readCheckpoint, writeCheckpoint } from "./checkpoints.js";
import type { RunFolders } from "./paths.js";

/** The classifier of a run's checkpoints, or one trained now and kept there. */
export async function attributeReader(
  folders: RunFolders,
  options: AttributeReaderOptions,
): Promise<AttributeClassifier<AttributeName>> {
  const bytes = await readCheckpoint(folders, "classifier");
  if (bytes !== undefined) {
    return AttributeClassifier.fromSafetensors(bytes) as AttributeClassifier<AttributeName>;
  }
  const classifier = await trainAttributeReader(options);
  await writeCheckpoint(folders, "classifier", await classifier.toSafetensors());
  return classifier;
}

import { avatarAttribution } from "@mmgen/datasets";
import type { DatasetName } from "./training-plan.js";

/** What is to be said beside images of a data set, and beside those of a model that learned from it; empty where nothing is. */
export function originOf(dataset: DatasetName): string {
  return dataset === "avatars" ? avatarAttribution : "";
}

/** The same of a model by its files, as far as the plan that a training leaves among them tells. */
export function originOfFiles(files: ReadonlyMap<string, Uint8Array>): string {
  try {
    const { plan } = JSON.parse(new TextDecoder().decode(files.get("training.json")));
    return originOf(plan.dataset);
  } catch {
    return "";
  }
}
